/* SPDX-License-Identifier: MIT */
/* See huge.h. */
#include "core/huge.h"

#include "core/fence.h"
#include "core/map.h"
#include "core/metadata.h"
#include "core/purge.h"
#include "core/secret.h"
#include "os/lock.h"
#include "os/os.h"

enum state { UNUSED, LIVE, KEPT };

/* A huge block. Records are kept for reuse, so a late reader of one sees a record. */
struct huge {
    char *start;  /* of the block; */
    size_t asked; /* its size */
    char *memory; /* what can be accessed, */
    size_t size;
    char *base; /* and the address space around it; the same but in the hardened build */
    size_t range;
    uint64_t secret;
    uint8_t family;
    _Atomic uint8_t state;    /* enum state; who makes it other than LIVE frees the block */
    _Atomic uint32_t changes; /* of where the block is; odd while one is under way */
    struct huge *next;        /* unused, or kept; under the lock */
    struct huge *next_record; /* of all; set once */

    /* Under the heap's lock. */
    struct heap *heap; /* a separate one, or NULL */
    struct huge *older;
    struct huge *newer;
} ALIGNED(CACHE_LINES);

static struct {
    struct lock lock; /* RANK_MAP */
    struct huge *unused;
    _Atomic(struct huge *) records; /* all that there are, used or not */
    _Atomic size_t bytes;
    _Atomic size_t peak; /* of bytes */
    _Atomic size_t count;

    /* Freed, but out of reach; under the lock. */
    struct huge *oldest, *latest;
    size_t kept, kept_bytes;
} huge;

_Atomic bool cairn__has_huge;

/* ---- records ---- */

static struct huge *new_record(void)
{
    struct huge *record = cairn__metadata_take(sizeof *record);
    if (record == NULL)
        return NULL;
    lock_acquire(&huge.lock);
    record->next_record = atomic_load_explicit(&huge.records, memory_order_relaxed);
    atomic_store_explicit(&huge.records, record, memory_order_release);
    lock_release(&huge.lock);
    return record;
}

static struct huge *take_record(void)
{
    lock_acquire(&huge.lock);
    struct huge *record = huge.unused;
    if (record != NULL)
        huge.unused = record->next;
    lock_release(&huge.lock);
    return record != NULL ? record : new_record();
}

static void give_record(struct huge *record)
{
    lock_acquire(&huge.lock);
    record->next = huge.unused;
    huge.unused = record;
    lock_release(&huge.lock);
}

static enum state state_of(const struct huge *record)
{
    return (enum state)atomic_load_explicit(&record->state, memory_order_acquire);
}

static void set_state(struct huge *record, enum state state)
{
    atomic_store_explicit(&record->state, (uint8_t)state, memory_order_release);
}

/* Around each change of where the block is: who asks about any address shall not believe half of one. */
static void change(struct huge *record)
{
    atomic_fetch_add_explicit(&record->changes, 1, memory_order_acq_rel);
    atomic_thread_fence(memory_order_seq_cst);
}

static void count_bytes(size_t added, size_t removed)
{
    size_t now = atomic_fetch_add_explicit(&huge.bytes, added - removed, memory_order_relaxed) +
                 added - removed;
    size_t peak = atomic_load_explicit(&huge.peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(
                             &huge.peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* ---- of a separate heap, under its lock ---- */

static void give_to(struct heap *separate, struct huge *record)
{
    record->heap = separate;
    if (separate == NULL)
        return;
    record->newer = NULL;
    record->older = separate->huge;
    if (record->older != NULL)
        record->older->newer = record;
    separate->huge = record;
    separate->huge_bytes += record->size;
}

static void take_from(struct heap *separate, struct huge *record)
{
    if (record->older != NULL)
        record->older->newer = record->newer;
    *(record->newer != NULL ? &record->newer->older : &separate->huge) = record->older;
    separate->huge_bytes -= record->size;
}

/* ---- the map ---- */

/* Who has any address, not only that of a block, finds the record by each granule in the hardened build. */
static size_t entered(size_t range)
{
    return SLOTTED ? range : 1;
}

static void leave_map(struct huge *record, char *base, size_t range)
{
    for (size_t at = 0; at < entered(range); at += CHUNK_SIZE)
        cairn__map_clear(base + at, record);
}

static bool enter_map(struct huge *record, char *base, size_t range)
{
    for (size_t at = 0; at < entered(range); at += CHUNK_SIZE)
        if (!cairn__map_set(base + at, MAP_HUGE, record)) {
            leave_map(record, base, at);
            return false;
        }
    return true;
}

/* ---- freed, and out of reach ---- */

static void let_go(struct huge *record)
{
    leave_map(record, record->base, record->range);
    cairn__os_release(record->base, record->range);
    set_state(record, UNUSED);
    give_record(record);
}

/* The oldest, if there are more bytes of them than `most`, or more of them than there may be. */
static struct huge *take_oldest(size_t most)
{
    lock_acquire(&huge.lock);
    struct huge *record = NULL;
    if (huge.kept_bytes > most || huge.kept > QUARANTINE_HUGE) {
        record = huge.oldest;
        huge.oldest = record->next;
        huge.kept--;
        huge.kept_bytes -= record->range;
    }
    lock_release(&huge.lock);
    return record;
}

static bool let_go_beyond(size_t most)
{
    bool some = false;
    struct huge *record;
    while ((record = take_oldest(most)) != NULL) {
        let_go(record);
        some = true;
    }
    return some;
}

static bool close_memory(const struct huge *record)
{
    return cairn__os_restrict(record->memory, record->size, false) &&
           cairn__os_purge(record->memory, record->size);
}

static void keep(struct huge *record)
{
    set_state(record, KEPT);
    record->next = NULL;
    lock_acquire(&huge.lock);
    *(huge.kept == 0 ? &huge.oldest : &huge.latest->next) = record;
    huge.latest = record;
    huge.kept++;
    huge.kept_bytes += record->range;
    lock_release(&huge.lock);
}

/* ---- mapping ---- */

/* What is held without being used may be what is missing. True: there was some. */
static bool make_room(void)
{
    bool some = let_go_beyond(0);
    some = cairn__purge_collect() || some;
    return cairn__regions_release(0) || some;
}

/* In front of the memory; blocks that are aligned to more than a chunk begin where it begins. */
static size_t edge_for(size_t align)
{
    if (!SLOTTED)
        return 0;
    size_t edge = size_max(cairn__os_page_size(), align);
    return edge < CHUNK_SIZE ? edge : 0;
}

/* What must be accessible for `size` bytes from the start of a page on, or a little later. */
static size_t memory_for(size_t size)
{
    /* Of a large one's size it holds what a large one would: cairn_good_size tells by the size alone. */
    size_t grain = size <= LARGE_MAX && !SLOTTED ? UNIT_SIZE : cairn__os_page_size();
    return round_up(size + CANARY_LEAST, grain);
}

static size_t range_for(size_t edge, size_t size)
{
    return edge + size + (SLOTTED ? cairn__os_page_size() : 0);
}

static bool map_block(struct huge *record, size_t size, size_t align)
{
    size_t edge = edge_for(align);
    record->asked = size;
    record->size = memory_for(size);
    record->range = range_for(edge, record->size);
    align = size_max(align, CHUNK_SIZE);
    char *base = cairn__os_map(record->range, align);
    if (base == NULL && make_room())
        base = cairn__os_map(record->range, align);
    if (base == NULL)
        return false;
    if (!enter_map(record, base, record->range)) {
        cairn__os_release(base, record->range);
        return false;
    }
    record->base = base;
    record->start = record->memory = base + edge;
    return true;
}

#if SLOTTED

/* Where the process has no mappings left they stay open: memory is not refused for that. */
static void close_edges(const struct huge *record)
{
    size_t edge = (size_t)(record->memory - record->base);
    if (edge != 0)
        cairn__os_restrict(record->base, edge, false);
    cairn__os_restrict(record->memory + record->size, record->range - edge - record->size, false);
}

static struct fence fence_of(const struct huge *record)
{
    return (struct fence){record->memory, record->start, record->start + record->asked,
                          record->memory + record->size, record->secret};
}

/* The block ends where its memory ends, but for what its alignment leaves. */
static void raise_fence(struct huge *record, size_t align)
{
    size_t left = record->size - record->asked - CANARY_LEAST;
    record->start += round_down(left, size_max(align, 16));
    record->secret = cairn__secret() | 0x0101010101010101u;
    struct fence fence = fence_of(record);
    cairn__fence_fill(&fence);
    close_edges(record);
}

static void look_at_fence(const struct huge *record)
{
    struct fence fence = fence_of(record);
    cairn__fence_look(&fence);
}

#else

static void raise_fence(struct huge *record, size_t align)
{
    (void)record, (void)align;
}

static void look_at_fence(const struct huge *record)
{
    (void)record;
}

#endif

void *cairn__huge_alloc(size_t size, size_t align, bool *zeroed, struct heap *separate)
{
    if (size > SIZE_LIMIT - 2 * CHUNK_SIZE || align > SIZE_LIMIT / 2)
        return NULL;
    struct huge *record = take_record();
    if (record == NULL)
        return NULL;
    change(record);
    bool mapped = map_block(record, size, align);
    if (mapped)
        raise_fence(record, align);
    change(record);
    if (!mapped) {
        give_record(record);
        return NULL;
    }
    give_to(separate, record);
    count_bytes(record->size, 0);
    atomic_fetch_add_explicit(&huge.count, 1, memory_order_relaxed);
    atomic_store_explicit(&cairn__has_huge, true, memory_order_relaxed);
    set_state(record, LIVE);
    if (zeroed != NULL)
        *zeroed = true;
    return record->start;
}

static struct huge *find(const void *block)
{
    struct map_entry entry = cairn__map_find(block);
    struct huge *record = entry.record;
    return entry.kind == MAP_HUGE && state_of(record) == LIVE && record->start == block ? record
                                                                                        : NULL;
}

/* ---- free ---- */

/* False: somebody else has freed it. */
static bool free_record(struct huge *record)
{
    uint8_t live = LIVE;
    if (!atomic_compare_exchange_strong(&record->state, &live, (uint8_t)KEPT))
        return false;
    look_at_fence(record);
    if (record->heap != NULL)
        take_from(record->heap, record);
    count_bytes(0, record->size);
    atomic_fetch_sub_explicit(&huge.count, 1, memory_order_relaxed);
    if (SLOTTED && close_memory(record)) {
        keep(record);
        let_go_beyond(cairn__window_is_limited() ? 0 : QUARANTINE_RANGE);
    } else {
        let_go(record);
    }
    return true;
}

bool cairn__huge_free(void *block)
{
    struct huge *record = find(block);
    if (record == NULL)
        return false;
    struct heap *separate = record->heap;
    if (separate == NULL)
        return free_record(record);
    lock_acquire(&separate->lock);
    bool done = record->heap == separate && free_record(record);
    lock_release(&separate->lock);
    return done;
}

void cairn__huge_free_all(struct heap *separate)
{
    while (separate->huge != NULL)
        free_record(separate->huge);
}

/* ---- what is known of one ---- */

size_t cairn__huge_size(const void *block)
{
    const struct huge *record = find(block);
    if (record == NULL)
        return 0;
    return SLOTTED ? record->asked : record->size;
}

struct heap *cairn__huge_heap(const void *block)
{
    const struct huge *record = find(block);
    return record == NULL ? NULL : record->heap;
}

bool cairn__huge_walk(const struct heap *separate,
                      bool (*visit)(void *context, void *block, size_t size), void *context)
{
    for (const struct huge *record = separate->huge; record != NULL; record = record->older)
        if (!visit(context, record->start, SLOTTED ? record->asked : record->size))
            return false;
    return true;
}

static struct huge *first_record(void)
{
    return atomic_load_explicit(&huge.records, memory_order_acquire);
}

/* Read while others work: what is read may be of two blocks, and is asked of the system, no more. */
__attribute__((no_sanitize("thread"))) void cairn__huge_ranges(
    void (*visit)(void *context, const void *start, size_t size), void *context)
{
    for (struct huge *record = first_record(); record != NULL; record = record->next_record)
        if (state_of(record) == LIVE)
            visit(context, record->memory, record->size);
}

bool cairn__huge_find(const void *ptr, struct huge_block *found)
{
    struct map_entry entry = cairn__map_find(ptr);
    const struct huge *record = entry.record;
    if (entry.kind != MAP_HUGE)
        return false;
    uint32_t before = atomic_load_explicit(&record->changes, memory_order_acquire);
    enum state state = state_of(record);
    bool is_here = state != UNUSED && (uintptr_t)ptr - (uintptr_t)record->base < record->range;
    *found = (struct huge_block){record->start, record->asked, record->family, state == KEPT};
    atomic_thread_fence(memory_order_acquire);
    return is_here && before % 2 == 0 &&
           atomic_load_explicit(&record->changes, memory_order_relaxed) == before;
}

void cairn__huge_set_family(const void *block, unsigned family)
{
    struct huge *record = find(block);
    if (record != NULL)
        record->family = (uint8_t)family;
}

void cairn__huge_sweep(void)
{
    for (struct huge *record = first_record(); record != NULL; record = record->next_record)
        if (state_of(record) == LIVE)
            look_at_fence(record);
}

/* ---- resize ---- */

static char *reserve(size_t range)
{
    char *base = cairn__os_reserve(range, CHUNK_SIZE);
    return base == NULL && make_room() ? cairn__os_reserve(range, CHUNK_SIZE) : base;
}

/* What is reserved around the memory of a range. */
static void release_edges(char *base, size_t edge, size_t size, size_t range)
{
    if (edge != 0)
        cairn__os_release(base, edge);
    if (edge + size != range)
        cairn__os_release(base + edge + size, range - edge - size);
}

/* Onto a range of its own, entered in the map before anything moves: from there on nothing fails. */
static bool move(struct huge *record, size_t size)
{
    size_t edge = (size_t)(record->memory - record->base), range = range_for(edge, size);
    char *base = reserve(range);
    if (base == NULL)
        return false;
    if (!enter_map(record, base, range)) {
        cairn__os_release(base, range);
        return false;
    }
    if (!cairn__os_move(record->memory, record->size, base + edge, size)) {
        leave_map(record, base, range);
        release_edges(base, edge, size, range);
        return false;
    }
    leave_map(record, record->base, record->range);
    release_edges(record->base, edge, record->size, record->range);
    record->start = base + edge + (record->start - record->memory);
    record->memory = base + edge;
    record->base = base;
    record->range = range;
    return true;
}

#if SLOTTED

/* Gives the end of the memory back: it joins what lies behind it. */
static bool cut(const struct huge *record, size_t size)
{
    char *from = record->memory + size;
    size_t left = record->size - size;
    if (!cairn__os_restrict(from, left, false))
        return false;
    cairn__os_purge(from, left); /* what is locked stays in memory */
    return true;
}

static bool resize_to(struct huge *record, size_t asked)
{
    size_t shift = (size_t)(record->start - record->memory);
    size_t size = memory_for(shift + asked), both = size_min(size, record->size);
    look_at_fence(record);
    if (size != record->size && !(size < record->size ? cut(record, size) : move(record, size)))
        return false;
    count_bytes(size, record->size);
    if (record->heap != NULL)
        record->heap->huge_bytes += size - record->size;
    if (shift + record->asked < both)
        cairn__os_clear(record->start + record->asked, both - shift - record->asked);
    record->asked = asked;
    record->size = size;
    struct fence fence = fence_of(record);
    cairn__fence_fill(&fence);
    return true;
}

#else

static bool resize_to(struct huge *record, size_t asked)
{
    size_t size = memory_for(asked), before = record->size;
    if (size != before && cairn__os_resize(record->start, before, size))
        record->range = size;
    else if (size != before && !move(record, size))
        return false;
    count_bytes(size, before);
    if (record->heap != NULL)
        record->heap->huge_bytes += size - before;
    record->asked = asked;
    record->size = size;
    return true;
}

#endif

void *cairn__huge_resize(void *block, size_t size)
{
    struct huge *record = find(block);
    if (record == NULL || size > SIZE_LIMIT - 2 * CHUNK_SIZE)
        return NULL;
    struct heap *separate = record->heap;
    if (separate != NULL)
        lock_acquire(&separate->lock);
    change(record);
    block = resize_to(record, size) ? record->start : NULL;
    change(record);
    if (separate != NULL)
        lock_release(&separate->lock);
    return block;
}

struct huge_figures cairn__huge_figures(void)
{
    return (struct huge_figures){
        atomic_load_explicit(&huge.bytes, memory_order_relaxed),
        atomic_load_explicit(&huge.peak, memory_order_relaxed),
        atomic_load_explicit(&huge.count, memory_order_relaxed),
    };
}

void cairn__huge_before_fork(void)
{
    lock_acquire(&huge.lock);
}

void cairn__huge_after_fork(bool child)
{
    lock_after_fork(&huge.lock, child);
}
