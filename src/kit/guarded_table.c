/* SPDX-License-Identifier: MIT */
/* See guarded_table.h. */
#include "kit/guarded_table.h"

#include "base/bits.h"
#include "base/memory.h"

typedef struct cairn_guarded_record record;

struct cairn_guarded_slot {
    uintptr_t address; /* of the record's block; 0: empty */
    record *record;
};

enum { BATCH_RECORDS = 128, SLOTS_MIN = 64, RING_MIN = 64 };

/* Records are asked for so many at a time; those that are handed back wait in `spare`, linked by
 * their base. */
struct cairn_guarded_batch {
    struct cairn_guarded_batch *next;
    record records[BATCH_RECORDS];
};

#define BATCH_LAYOUT cairn_layout_of(struct cairn_guarded_batch)
#define SLOT_LAYOUT  cairn_layout_of(struct cairn_guarded_slot)
#define RING_LAYOUT  cairn_layout_of(record *)

static cairn_layout array_of(cairn_layout element, size_t count)
{
    return cairn_layout_repeat(element, count, NULL);
}

/* ---- slots ---- */

/* Blocks are aligned: the product's upper bits depend on all of the address (Knuth, 6.4). */
static size_t home_of(const cairn_guarded *guarded, uintptr_t address)
{
    uint64_t hash = (uint64_t)address * 0x9E3779B97F4A7C15u;
    return (size_t)(hash >> 32 ^ hash >> 20) & (guarded->slot_count - 1);
}

static size_t after(const cairn_guarded *guarded, size_t slot)
{
    return (slot + 1) & (guarded->slot_count - 1);
}

/* The slot of the address, or the empty one where it would be. */
static size_t slot_of(const cairn_guarded *guarded, uintptr_t address)
{
    size_t slot = home_of(guarded, address);
    while (guarded->slots[slot].address != 0 && guarded->slots[slot].address != address)
        slot = after(guarded, slot);
    return slot;
}

static bool grow_slots(cairn_guarded *guarded)
{
    struct cairn_guarded_slot *old = guarded->slots;
    size_t old_count = guarded->slot_count;
    size_t count = size_max(SLOTS_MIN, old_count * 2);
    cairn_layout layout = array_of(SLOT_LAYOUT, count);
    struct cairn_guarded_slot *slots = cairn_allocator_alloc_zeroed(guarded->opts.records, layout);
    if (slots == NULL)
        return false;
    guarded->slots = slots;
    guarded->slot_count = count;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].address != 0)
            slots[slot_of(guarded, old[i].address)] = old[i];
    cairn_allocator_dealloc(guarded->opts.records, old, array_of(SLOT_LAYOUT, old_count));
    return true;
}

/* Three quarters full at most, while there is memory. */
static bool has_slot(cairn_guarded *guarded)
{
    if (LIKELY(guarded->used < guarded->slot_count / 4 * 3))
        return true;
    return grow_slots(guarded) || guarded->used + 1 < guarded->slot_count;
}

/* ---- records ---- */

static bool add_batch(cairn_guarded *guarded)
{
    struct cairn_guarded_batch *batch = cairn_allocator_alloc(guarded->opts.records, BATCH_LAYOUT);
    if (batch == NULL)
        return false;
    batch->next = guarded->batches;
    guarded->batches = batch;
    for (int i = 0; i < BATCH_RECORDS; i++) {
        batch->records[i].base = (char *)guarded->spare;
        guarded->spare = &batch->records[i];
    }
    return true;
}

record *cairn__guarded_take_record(cairn_guarded *guarded)
{
    if (!has_slot(guarded) || (guarded->spare == NULL && !add_batch(guarded)))
        return NULL;
    record *r = guarded->spare;
    guarded->spare = (record *)(void *)r->base;
    guarded->used++;
    return r;
}

void cairn__guarded_give_record(cairn_guarded *guarded, record *r)
{
    r->base = (char *)guarded->spare;
    guarded->spare = r;
    guarded->used--;
}

bool cairn__guarded_put(cairn_guarded *guarded, record *r)
{
    struct cairn_guarded_slot *slot = &guarded->slots[slot_of(guarded, (uintptr_t)r->ptr)];
    if (UNLIKELY(slot->address != 0))
        return false;
    *slot = (struct cairn_guarded_slot){(uintptr_t)r->ptr, r};
    return true;
}

/* Records behind the hole move into it if they may stand there (Knuth, 6.4, algorithm R). */
void cairn__guarded_remove(cairn_guarded *guarded, record *r)
{
    struct cairn_guarded_slot *slots = guarded->slots;
    size_t mask = guarded->slot_count - 1;
    size_t hole = slot_of(guarded, (uintptr_t)r->ptr);
    for (size_t i = after(guarded, hole); slots[i].address != 0; i = after(guarded, i)) {
        size_t home = home_of(guarded, slots[i].address);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            slots[hole] = slots[i];
            hole = i;
        }
    }
    slots[hole] = (struct cairn_guarded_slot){0, NULL};
    cairn__guarded_give_record(guarded, r);
}

record *cairn__guarded_find(const cairn_guarded *guarded, const void *ptr)
{
    if (guarded->slot_count == 0)
        return NULL;
    return guarded->slots[slot_of(guarded, (uintptr_t)ptr)].record;
}

record *cairn__guarded_from(const cairn_guarded *guarded, size_t *index)
{
    for (; *index < guarded->slot_count; ++*index)
        if (guarded->slots[*index].address != 0)
            return guarded->slots[*index].record;
    return NULL;
}

record *cairn__guarded_around(const cairn_guarded *guarded, const void *address, bool whole)
{
    size_t index = 0;
    for (record *r; (r = cairn__guarded_from(guarded, &index)) != NULL; index++) {
        uintptr_t start = (uintptr_t)(whole ? r->base : r->ptr);
        if ((uintptr_t)address - start < (whole ? r->span : r->size))
            return r;
    }
    return NULL;
}

/* ---- the quarantine ---- */

uint64_t cairn__guarded_random(cairn_guarded *guarded)
{
    uint64_t z = (guarded->random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static size_t ring_at(const cairn_guarded *guarded, size_t i)
{
    size_t to_end = guarded->ring_size - guarded->oldest;
    return i < to_end ? guarded->oldest + i : i - to_end;
}

static bool grow_ring(cairn_guarded *guarded)
{
    size_t old_size = guarded->ring_size;
    size_t size = size_min(size_max(RING_MIN, old_size * 2), guarded->opts.quarantine_blocks);
    if (size <= old_size)
        return false;
    record **ring = cairn_allocator_alloc(guarded->opts.records, array_of(RING_LAYOUT, size));
    if (ring == NULL)
        return false;
    for (size_t i = 0; i < guarded->stats.kept; i++)
        ring[i] = guarded->ring[ring_at(guarded, i)];
    cairn_allocator_dealloc(guarded->opts.records, guarded->ring, array_of(RING_LAYOUT, old_size));
    guarded->ring = ring;
    guarded->ring_size = size;
    guarded->oldest = 0;
    return true;
}

static record *take_one(cairn_guarded *guarded)
{
    record **oldest = &guarded->ring[guarded->oldest];
    record *r = *oldest;
    if (guarded->opts.random_quarantine) {
        size_t drawn = (size_t)(cairn__guarded_random(guarded) % guarded->stats.kept);
        record **other = &guarded->ring[ring_at(guarded, drawn)];
        r = *other;
        *other = *oldest;
    }
    guarded->oldest = ring_at(guarded, 1);
    guarded->stats.kept--;
    guarded->stats.kept_bytes -= r->span;
    r->state = GUARDED_BUSY;
    return r;
}

record *cairn__guarded_keep(cairn_guarded *guarded, record *r)
{
    record *leaving = NULL;
    if (guarded->opts.no_quarantine || r->span > guarded->opts.quarantine_bytes)
        return r;
    if (guarded->stats.kept == guarded->ring_size && !grow_ring(guarded)) {
        if (guarded->ring_size == 0)
            return r;
        leaving = take_one(guarded);
    }
    r->state = GUARDED_KEPT;
    guarded->ring[ring_at(guarded, guarded->stats.kept)] = r;
    guarded->stats.kept++;
    guarded->stats.kept_bytes += r->span;
    return leaving;
}

record *cairn__guarded_take_kept(cairn_guarded *guarded, bool all)
{
    if (guarded->stats.kept == 0 ||
        (!all && guarded->stats.kept_bytes <= guarded->opts.quarantine_bytes))
        return NULL;
    return take_one(guarded);
}

/* ---- the whole ---- */

void cairn__guarded_end_notes(cairn_guarded *guarded)
{
    cairn_allocator records = guarded->opts.records;
    while (guarded->batches != NULL) {
        struct cairn_guarded_batch *batch = guarded->batches;
        guarded->batches = batch->next;
        cairn_allocator_dealloc(records, batch, BATCH_LAYOUT);
    }
    cairn_allocator_dealloc(records, guarded->slots, array_of(SLOT_LAYOUT, guarded->slot_count));
    cairn_allocator_dealloc(records, guarded->ring, array_of(RING_LAYOUT, guarded->ring_size));
    guarded->slots = NULL;
    guarded->ring = NULL;
    guarded->spare = NULL;
    guarded->slot_count = guarded->ring_size = guarded->used = 0;
}

static const char *audit_ring(const cairn_guarded *guarded)
{
    const cairn_guarded_stats *stats = &guarded->stats;
    size_t bytes = 0;
    if (stats->kept > guarded->ring_size || guarded->ring_size > guarded->opts.quarantine_blocks)
        return "the quarantine holds more than it may";
    for (size_t i = 0; i < stats->kept; i++) {
        const record *r = guarded->ring[ring_at(guarded, i)];
        if (r->state != GUARDED_KEPT || cairn__guarded_find(guarded, r->ptr) != r)
            return "the quarantine holds what is not kept";
        bytes += r->span;
    }
    return bytes == stats->kept_bytes ? NULL : "the bytes in quarantine are wrong";
}

const char *cairn__guarded_audit_notes(const cairn_guarded *guarded)
{
    const cairn_guarded_stats *stats = &guarded->stats;
    size_t count[4] = {0}, live_bytes = 0, bytes = 0, index = 0, batches = 0, spare = 0;
    for (record *r; (r = cairn__guarded_from(guarded, &index)) != NULL; index++) {
        if (cairn__guarded_find(guarded, r->ptr) != r)
            return "a record cannot be found";
        if (r->ptr < r->base || r->size > r->span - (size_t)(r->ptr - r->base))
            return "a block is not in its span";
        count[r->state]++;
        live_bytes += r->state == GUARDED_LIVE ? r->size : 0;
        bytes += r->span;
    }
    for (const struct cairn_guarded_batch *b = guarded->batches; b != NULL; b = b->next)
        batches++;
    for (const record *r = guarded->spare; r != NULL; r = (const record *)(const void *)r->base)
        spare++;
    if (guarded->used + spare != batches * BATCH_RECORDS)
        return "records are lost";
    if (guarded->slot_count != 0 && guarded->used >= guarded->slot_count)
        return "the table has no empty slot";
    if (count[GUARDED_LIVE] != stats->live || live_bytes != stats->live_bytes)
        return "the count of blocks in use is wrong";
    if (count[GUARDED_KEPT] != stats->kept || count[GUARDED_STUCK] != stats->stuck)
        return "the count of freed blocks is wrong";
    if (bytes != stats->taken_bytes)
        return "the bytes taken from the source are wrong";
    return audit_ring(guarded);
}
