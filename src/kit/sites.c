/* SPDX-License-Identifier: MIT */
/* See sites.h. */
#include "kit/sites.h"

#include "base/bits.h"
#include "base/memory.h"
#include "os/place.h"
#include "os/stack.h"

enum { FIRST_CAPACITY_LOG2 = 6, SHARD_BITS = 5, CHAIN_BITS = 13 };

static const cairn_layout SITES = {sizeof(struct cairn__sites), _Alignof(struct cairn__sites)};

/* Multiplicative hashing: the upper bits are the good ones (Knuth, TAOCP 3, 6.4). */
static uint64_t hash_of(uintptr_t ptr)
{
    return (uint64_t)ptr * 0x9E3779B97F4A7C15u;
}

static struct shard *shard_of(struct cairn__sites *sites, uintptr_t ptr)
{
    return &sites->shards[hash_of(ptr) >> (64 - SHARD_BITS)];
}

static size_t capacity_of(const struct shard *shard)
{
    return shard->notes == NULL ? 0 : (size_t)1 << shard->capacity_log2;
}

static size_t mask_of(const struct shard *shard)
{
    return ((size_t)1 << shard->capacity_log2) - 1;
}

static size_t home_of(const struct shard *shard, uintptr_t ptr)
{
    return (size_t)(hash_of(ptr) << SHARD_BITS >> (64 - shard->capacity_log2));
}

/* ---- notes: all under the shard's lock ---- */

/* Where the note of ptr lies, or the empty place where it would. */
static size_t find(const struct shard *shard, uintptr_t ptr)
{
    size_t at = home_of(shard, ptr);
    while (shard->notes[at].ptr != 0 && shard->notes[at].ptr != ptr)
        at = (at + 1) & mask_of(shard);
    return at;
}

static cairn_layout layout_of(unsigned capacity_log2)
{
    return cairn_layout_array(struct note, (size_t)1 << capacity_log2);
}

static bool grow(struct shard *shard, cairn_allocator records)
{
    struct shard larger = {.capacity_log2 = shard->notes == NULL ? FIRST_CAPACITY_LOG2
                                                                 : shard->capacity_log2 + 1};
    larger.notes = cairn_allocator_alloc_zeroed(records, layout_of(larger.capacity_log2));
    if (larger.notes == NULL)
        return false;
    for (size_t i = 0; i < capacity_of(shard); i++)
        if (shard->notes[i].ptr != 0)
            larger.notes[find(&larger, shard->notes[i].ptr)] = shard->notes[i];
    cairn_allocator_dealloc(records, shard->notes, layout_of(shard->capacity_log2));
    shard->notes = larger.notes;
    shard->capacity_log2 = larger.capacity_log2;
    return true;
}

/* Room for one more: three quarters full at most, or, where there is no memory, all but one. */
static bool make_room(struct shard *shard, cairn_allocator records)
{
    size_t capacity = capacity_of(shard);
    if (LIKELY(shard->used + 1 <= capacity / 4 * 3))
        return true;
    return grow(shard, records) || shard->used + 1 < capacity;
}

static void remove_at(struct shard *shard, size_t at)
{
    size_t mask = mask_of(shard);
    for (size_t next = (at + 1) & mask; shard->notes[next].ptr != 0; next = (next + 1) & mask) {
        /* It may lie as far back as its home, which the gap must not be before. */
        if (((next - home_of(shard, shard->notes[next].ptr)) & mask) >= ((next - at) & mask)) {
            shard->notes[at] = shard->notes[next];
            at = next;
        }
    }
    shard->notes[at].ptr = 0;
}

bool cairn__sites_put(struct cairn__sites *sites, const void *ptr, size_t size, struct site *site)
{
    struct shard *shard = shard_of(sites, (uintptr_t)ptr);
    lock_acquire(&shard->lock);
    bool room = make_room(shard, sites->records);
    if (room) {
        struct note *note = &shard->notes[find(shard, (uintptr_t)ptr)];
        shard->used += note->ptr == 0; /* else the source has given one address twice */
        *note = (struct note){(uintptr_t)ptr, size, site};
    }
    lock_release(&shard->lock);
    return room;
}

static bool take(struct cairn__sites *sites, const void *ptr, struct note *note, bool hold)
{
    struct shard *shard = shard_of(sites, (uintptr_t)ptr);
    bool found = false;
    lock_acquire(&shard->lock);
    if (shard->notes != NULL) {
        size_t at = find(shard, (uintptr_t)ptr);
        found = shard->notes[at].ptr != 0;
        if (found) {
            *note = shard->notes[at];
            remove_at(shard, at);
            shard->held += hold;
            shard->used -= !hold;
        }
    }
    lock_release(&shard->lock);
    return found;
}

bool cairn__sites_take(struct cairn__sites *sites, const void *ptr)
{
    struct note note;
    return take(sites, ptr, &note, false);
}

bool cairn__sites_hold(struct cairn__sites *sites, const void *ptr, struct note *note)
{
    return take(sites, ptr, note, true);
}

static void settle(struct cairn__sites *sites, const struct note *note, bool back)
{
    struct shard *shard = shard_of(sites, note->ptr);
    lock_acquire(&shard->lock);
    if (back)
        shard->notes[find(shard, note->ptr)] = *note;
    else
        shard->used--;
    shard->held--;
    lock_release(&shard->lock);
}

void cairn__sites_put_back(struct cairn__sites *sites, const struct note *note)
{
    settle(sites, note, true);
}

void cairn__sites_let_go(struct cairn__sites *sites, const struct note *note)
{
    settle(sites, note, false);
}

bool cairn__sites_visit(struct cairn__sites *sites,
                        bool (*visit)(void *context, const struct note *note), void *context)
{
    bool on = true;
    for (int i = 0; on && i < SITES_SHARDS; i++) {
        struct shard *shard = &sites->shards[i];
        lock_acquire(&shard->lock);
        for (size_t at = 0; on && at < capacity_of(shard); at++)
            on = shard->notes[at].ptr == 0 || visit(context, &shard->notes[at]);
        lock_release(&shard->lock);
    }
    return on;
}

/* ---- sites ---- */

static uint64_t hash_of_frames(void *const *frames, unsigned count)
{
    uint64_t hash = count;
    for (unsigned i = 0; i < count; i++) {
        hash = (hash ^ (uintptr_t)frames[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return hash;
}

/* In the chain from `first` up to, but without, `last`. */
static struct site *find_site(struct site *first, const struct site *last, uint64_t hash,
                              void *const *frames, unsigned count)
{
    for (struct site *site = first; site != last; site = site->next)
        if (site->hash == hash && site->count == count &&
            memcmp(site->frames, frames, count * sizeof *frames) == 0)
            return site;
    return NULL;
}

static cairn_layout layout_of_site(unsigned count)
{
    return (cairn_layout){sizeof(struct site) + count * sizeof(void *), _Alignof(struct site)};
}

struct site *cairn__sites_of(struct cairn__sites *sites, void *caller, unsigned max)
{
    void *frames[CAIRN__OS_STACK_MAX];
    frames[0] = caller;
    unsigned count = max > 1 ? cairn__os_stack(caller, frames, max) : 1;
    uint64_t hash = hash_of_frames(frames, count);
    struct site **chain = &sites->chains[hash >> (64 - CHAIN_BITS)];
    /* Acquire: pairs with the exchange below, after which the site's fields are seen. */
    struct site *first = __atomic_load_n(chain, __ATOMIC_ACQUIRE);
    struct site *site = find_site(first, NULL, hash, frames, count);
    if (LIKELY(site != NULL))
        return site;
    struct site *made = cairn_allocator_alloc(sites->records, layout_of_site(count));
    if (made == NULL)
        return &sites->unknown;
    *made = (struct site){
        .next = first, .hash = hash, .count = count, .frames = (void **)(made + 1)};
    memcpy(made->frames, frames, count * sizeof *frames);
    while (!__atomic_compare_exchange_n(chain, &first, made, false, __ATOMIC_RELEASE,
                                        __ATOMIC_ACQUIRE)) {
        /* Somebody else was first; look at what is new, it may be ours. */
        site = find_site(first, made->next, hash, frames, count);
        if (site != NULL) {
            cairn_allocator_dealloc(sites->records, made, layout_of_site(count));
            return site;
        }
        made->next = first;
    }
    return made;
}

/* ---- reports ---- */

static bool add_to_site(void *context, const struct note *note)
{
    (void)context;
    note->site->blocks++;
    note->site->bytes += note->size;
    return true;
}

static bool comes_first(const struct site *a, const struct site *b)
{
    return a->bytes > b->bytes || (a->bytes == b->bytes && a->blocks >= b->blocks);
}

static struct site *merge(struct site *a, struct site *b)
{
    struct site *first = NULL, **end = &first;
    while (a != NULL && b != NULL) {
        struct site **from = comes_first(a, b) ? &a : &b;
        *end = *from;
        end = &(*from)->listed;
        *from = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

/* Adds a run of one to runs[], where run i has 2^i sites or is empty: merge sort, bottom up. */
static void add_run(struct site **runs, struct site *site)
{
    site->listed = NULL;
    int i = 0;
    for (; runs[i] != NULL; i++) {
        site = merge(runs[i], site);
        runs[i] = NULL;
    }
    runs[i] = site;
}

struct site *cairn__sites_list(struct cairn__sites *sites)
{
    sites->unknown.blocks = sites->unknown.bytes = 0;
    for (int i = 0; i < SITES_CHAINS; i++) {
        struct site *site = __atomic_load_n(&sites->chains[i], __ATOMIC_ACQUIRE);
        for (; site != NULL; site = site->next)
            site->blocks = site->bytes = 0;
    }
    cairn__sites_visit(sites, add_to_site, NULL);

    struct site *runs[64] = {NULL};
    if (sites->unknown.blocks > 0)
        add_run(runs, &sites->unknown);
    for (int i = 0; i < SITES_CHAINS; i++) {
        struct site *site = __atomic_load_n(&sites->chains[i], __ATOMIC_ACQUIRE);
        for (; site != NULL; site = site->next)
            if (site->blocks > 0)
                add_run(runs, site);
    }
    struct site *list = NULL;
    for (int i = 0; i < 64; i++)
        list = merge(runs[i], list);
    return list;
}

/* ---- the whole ---- */

struct cairn__sites *cairn__sites_create(cairn_allocator records)
{
    struct cairn__sites *sites = cairn_allocator_alloc_zeroed(records, SITES);
    if (sites != NULL)
        sites->records = records;
    return sites;
}

void cairn__sites_destroy(struct cairn__sites *sites)
{
    cairn_allocator records = sites->records;
    for (int i = 0; i < SITES_SHARDS; i++)
        cairn_allocator_dealloc(records, sites->shards[i].notes,
                                layout_of(sites->shards[i].capacity_log2));
    for (int i = 0; i < SITES_CHAINS; i++)
        for (struct site *site = sites->chains[i], *next; site != NULL; site = next) {
            next = site->next;
            cairn_allocator_dealloc(records, site, layout_of_site(site->count));
        }
    cairn_allocator_dealloc(records, sites, SITES);
}

/* A report takes `reporting`, then each shard's lock in turn. */
void cairn__sites_lock_all(struct cairn__sites *sites)
{
    lock_acquire(&sites->reporting);
    for (int i = 0; i < SITES_SHARDS; i++)
        lock_acquire(&sites->shards[i].lock);
}

void cairn__sites_unlock_all(struct cairn__sites *sites)
{
    for (int i = SITES_SHARDS; i-- > 0;)
        lock_release(&sites->shards[i].lock);
    lock_release(&sites->reporting);
}

size_t cairn__sites_held(struct cairn__sites *sites)
{
    size_t held = 0;
    cairn__sites_lock_all(sites);
    for (int i = 0; i < SITES_SHARDS; i++)
        held += sites->shards[i].held;
    cairn__sites_unlock_all(sites);
    return held;
}

static const char *audit_shard(const struct cairn__sites *sites, const struct shard *shard)
{
    size_t capacity = capacity_of(shard);
    size_t notes = 0;
    if (capacity != 0 && shard->used >= capacity)
        return "a table of records is full";
    for (size_t at = 0; at < capacity; at++) {
        const struct note *note = &shard->notes[at];
        if (note->ptr == 0)
            continue;
        notes++;
        if (shard_of((struct cairn__sites *)sites, note->ptr) != shard)
            return "a record lies in another's table";
        if (find(shard, note->ptr) != at)
            return "a record cannot be found";
        if (note->site == NULL)
            return "a record has no site";
    }
    return notes + shard->held == shard->used ? NULL : "the number of records is wrong";
}

const char *cairn__sites_audit(struct cairn__sites *sites)
{
    const char *wrong = NULL;
    cairn__sites_lock_all(sites);
    for (int i = 0; wrong == NULL && i < SITES_SHARDS; i++)
        wrong = audit_shard(sites, &sites->shards[i]);
    cairn__sites_unlock_all(sites);
    return wrong;
}
