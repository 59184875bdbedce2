/* SPDX-License-Identifier: MIT */
/* See chunk.h. */
#include "core/chunk.h"

#include "os/fatal.h"
#include "os/lock.h"
#include "os/os.h"

#define ALL_UNITS   UINT32_MAX
#define FLOOR_UNITS (DIRTY_FLOOR / UNIT_SIZE)

/* Chunks of no node: no unit in use, none in memory. Only where there are several nodes. */
#define SHELF_ANY NODES_MAX

_Atomic bool cairn__purge_due;

struct drawer {
    struct chunk *bucket[CHUNK_UNITS + 1]; /* by longest run; [0] unused */
    uint64_t occupied;                     /* bit n: bucket[n] is not empty */
};

struct shelf {
    struct drawer drawer[FILINGS];
};

static struct {
    struct lock grow;                  /* RANK_GROW: adding chunks */
    struct lock lock;                  /* RANK_POOL: all below, and the fields of chunks */
    struct shelf shelf[NODES_MAX + 1]; /* a node each, and SHELF_ANY */
    bool many_nodes;                   /* a thread was seen on another node than the first */
    size_t used;                       /* units */
    size_t used_peak;
    size_t recent_peak; /* since cairn__pool_step was called */
    size_t dirty; /* units free and touched; = sum over chunks of ones in free_mask & dirty_mask */
    size_t alarm; /* dirty units beyond which somebody is to look at it */
    uint64_t alarm_time; /* of the clock: when somebody is to look again anyway */
    size_t owed;         /* units given back to the system since the last step of purging */
    size_t regret;       /* units that were taken anew although so many were owed */
    bool purging;        /* one thread at a time */
    size_t purge_keep;   /* units that are to stay: the least that was asked for since it began */
    size_t purges;       /* begun so far */
    size_t undone;       /* chunks that are */
    bool tight;          /* memory was at its end once */
} pool = {.alarm = FLOOR_UNITS};

/* ---- filing ---- */

/* Notes in the region's bits whether the chunk has a free unit at all. */
static void set_giving(struct chunk *chunk, bool gives)
{
    uint64_t bit = (uint64_t)1 << (chunk->index % 64);
    uint64_t *word = &chunk->region->giving[chunk->index / 64];
    *word = gives ? *word | bit : *word & ~bit;
}

static void unfile(struct chunk *chunk, unsigned how)
{
    struct drawer *drawer = &pool.shelf[chunk->shelf].drawer[how];
    const struct filing *filed = &chunk->filed[how];
    if (filed->prev != NULL)
        filed->prev->filed[how].next = filed->next;
    else if ((drawer->bucket[filed->run] = filed->next) == NULL)
        drawer->occupied &= ~((uint64_t)1 << filed->run);
    if (filed->next != NULL)
        filed->next->filed[how].prev = filed->prev;
}

static void file(struct chunk *chunk, unsigned how, unsigned run, unsigned shelf)
{
    struct drawer *drawer = &pool.shelf[shelf].drawer[how];
    struct chunk *next = drawer->bucket[run];
    chunk->filed[how] = (struct filing){next, NULL, run};
    if (next != NULL)
        next->filed[how].prev = chunk;
    drawer->bucket[run] = chunk;
    drawer->occupied |= (uint64_t)1 << run;
}

static unsigned shelf_of(const struct chunk *chunk)
{
    bool placed = chunk->free_mask != ALL_UNITS || chunk->dirty_mask != 0;
    return placed || !pool.many_nodes ? chunk->node : SHELF_ANY;
}

static void refile_by(struct chunk *chunk, unsigned how, unsigned run, unsigned shelf)
{
    unsigned before = chunk->filed[how].run;
    if (run == before && shelf == chunk->shelf)
        return;
    if (before != 0)
        unfile(chunk, how);
    if (run != 0)
        file(chunk, how, run, shelf);
    else
        chunk->filed[how].run = 0;
}

/* Moves the chunk to where its masks say. */
static void refile(struct chunk *chunk)
{
    uint32_t dirty = chunk->free_mask & chunk->dirty_mask;
    unsigned run = longest_run(chunk->free_mask);
    unsigned dirty_run = dirty == chunk->free_mask ? run : longest_run(dirty);
    unsigned shelf = shelf_of(chunk);
    if (chunk->filed[BY_FREE].run == 0 || run == 0)
        set_giving(chunk, run != 0);
    refile_by(chunk, BY_FREE, run, shelf);
    refile_by(chunk, BY_DIRTY, dirty_run, shelf);
    chunk->shelf = (uint8_t)shelf;
}

static void unfree_units(struct chunk *chunk, uint32_t mask)
{
    ASSERT((chunk->free_mask & mask) == mask);
    chunk->free_mask &= ~mask;
    refile(chunk);
    pool.dirty -= count_ones(chunk->dirty_mask & mask);
}

static void free_units(struct chunk *chunk, uint32_t mask)
{
    ASSERT((chunk->free_mask & mask) == 0);
    chunk->free_mask |= mask;
    refile(chunk);
    pool.dirty += count_ones(chunk->dirty_mask & mask);
}

/* Memory is fetched anew from the system that was given back a moment ago: that was too early. */
static NOINLINE void regret(size_t units)
{
    units = size_min(units, pool.owed);
    pool.owed -= units;
    pool.regret = size_min(pool.regret + units, pool.recent_peak);
}

/* Units leave the pool, for a thread on this node. True if all of them read as zero. */
static bool remove_units(struct chunk *chunk, uint32_t mask, unsigned node)
{
    if (chunk->free_mask == ALL_UNITS && chunk->dirty_mask == 0)
        chunk->node = (uint8_t)node; /* it will be filed there, when units are gone */
    uint32_t fetched = mask & ~chunk->dirty_mask;
    if (chunk->huge && chunk->dirty_mask == 0) {
        fetched = ALL_UNITS;
        chunk->dirty_mask = ALL_UNITS;
        pool.dirty += count_ones(chunk->free_mask);
    }
    if (UNLIKELY(pool.owed != 0) && fetched != 0)
        regret(count_ones(fetched));
    unfree_units(chunk, mask);
    pool.used += count_ones(mask);
    chunk->region->used += count_ones(mask);
    pool.used_peak = size_max(pool.used_peak, pool.used);
    pool.recent_peak = size_max(pool.recent_peak, pool.used);
    bool zero = (chunk->zero_mask & mask) == mask;
    chunk->zero_mask &= ~mask;
    return zero;
}

static void insert_units(struct chunk *chunk, uint32_t mask)
{
    free_units(chunk, mask);
    pool.used -= count_ones(mask);
    chunk->region->used -= count_ones(mask);
    if (chunk->region->used == 0 && chunk->region != cairn__region_first())
        atomic_store_explicit(&cairn__purge_due, true, memory_order_relaxed);
}

/* ---- taking ---- */

/* The node that the calling thread runs on, at this moment: asked once a step, for it may move. Under the lock. */
static unsigned node_here(void)
{
    unsigned node = cairn__os_node() % NODES_MAX;
    if (UNLIKELY(node != 0))
        pool.many_nodes = true;
    return node;
}

/* The chunk with the tightest run that holds `count` units: of the first few there, the fullest. */
static struct chunk *find_filed(const struct shelf *shelf, unsigned how, unsigned count)
{
    const struct drawer *drawer = &shelf->drawer[how];
    uint64_t fitting = drawer->occupied >> count << count;
    if (fitting == 0)
        return NULL;
    struct chunk *best = drawer->bucket[lowest_bit(fitting)];
    unsigned least = count_ones(best->free_mask);
    struct chunk *chunk = best->filed[how].next;
    for (int looked = 1; looked < FULLEST_OF && chunk != NULL; looked++) {
        unsigned units = count_ones(chunk->free_mask);
        if (units < least) {
            least = units;
            best = chunk;
        }
        chunk = chunk->filed[how].next;
    }
    return best;
}

/*
 * Touched units first, though they lie in a chunk that fits less tightly: what they take is in memory
 * already. But long rows get fewer by it; so not where memory was at its end once.
 */
static struct chunk *find_on_shelf(const struct shelf *shelf, unsigned count)
{
    struct chunk *chunk = pool.tight ? NULL : find_filed(shelf, BY_DIRTY, count);
    return chunk != NULL ? chunk : find_filed(shelf, BY_FREE, count);
}

/* The node's own, then those of none. */
static struct chunk *find_chunk(unsigned count, unsigned node)
{
    struct chunk *chunk = find_on_shelf(&pool.shelf[node], count);
    return chunk == NULL && pool.many_nodes ? find_on_shelf(&pool.shelf[SHELF_ANY], count) : chunk;
}

/* Units leave the pool, across chunks. True if all of them read as zero. */
static bool remove_row(struct region *region, size_t unit, size_t count, unsigned node)
{
    bool clean = true;
    for (size_t end = unit + count; unit < end;) {
        unsigned at = (unsigned)(unit % CHUNK_UNITS);
        unsigned part = (unsigned)size_min(end - unit, CHUNK_UNITS - at);
        clean &= remove_units(&region->chunks[unit / CHUNK_UNITS], mask32(at, part), node);
        unit += part;
    }
    return clean;
}

/*
 * Free units at the end of the chunk before this one. None where this one was touched, for such rows
 * leave more pages half in memory (threads that come and go: 2 MB); unless memory was at its end once.
 */
static unsigned free_before(const struct chunk *chunk, unsigned node)
{
    if (chunk->index == 0 || (chunk->dirty_mask != 0 && !pool.tight) || chunk[-1].node != node)
        return 0;
    uint32_t taken = ~chunk[-1].free_mask;
    return taken == 0 ? 0 : 31 - log2_floor(taken);
}

/* Of wholly free chunks in a row, one of the first: what precedes it is in use. */
static struct chunk *start_of_free(struct chunk *chunk)
{
    enum { STEPS = 64 };
    for (int i = 0; i < STEPS && chunk->index > 0 && chunk[-1].free_mask == ALL_UNITS; i++)
        chunk--;
    return chunk;
}

/* What is wanted: `count` units, in a place where `room` are free in a row. */
struct wish {
    size_t count;
    size_t room; /* not less */
    bool chunk_aligned;
};

/* Of up to CHUNK_UNITS of room, aligned or not. */
static struct span take_in_chunk(const struct wish *wish, unsigned node)
{
    struct span span = {NULL, 0, false};
    unsigned count = (unsigned)wish->count;
    unsigned room = (unsigned)wish->room;
    struct chunk *chunk = find_chunk(room, node);
    if (chunk == NULL)
        return span;
    /* A chunk that is wholly free goes on where the one before it ends: else pages of five units would
     * leave two of each chunk's 32 to nobody (of a limit, 40,000-byte blocks got 90 %, not 96). */
    if (pool.tight && chunk->free_mask == ALL_UNITS)
        chunk = start_of_free(chunk);
    unsigned before = chunk->free_mask == ALL_UNITS ? free_before(chunk, node) : 0;
    if (before != 0 && before < count) {
        span.region = chunk->region;
        span.unit = (size_t)chunk->index * CHUNK_UNITS - before;
        span.clean = remove_row(span.region, span.unit, count, node);
        return span;
    }
    uint32_t starts = runs_of(chunk->free_mask & chunk->dirty_mask, room);
    if (starts == 0)
        starts = runs_of(chunk->free_mask, room);
    unsigned at = lowest_bit(starts);
    span.region = chunk->region;
    span.unit = (size_t)chunk->index * CHUNK_UNITS + at;
    span.clean = remove_units(chunk, mask32(at, count), node);
    return span;
}

/* A search for units in a row, upwards through a region. */
struct search {
    const struct wish *wish;
    size_t run; /* free units in a row up to where the search is; they may span chunks */
};

/* Goes on with a chunk. True: so many in a row, the first being *first. */
static bool search_chunk(struct search *search, const struct chunk *chunk, size_t *first)
{
    uint32_t taken = ~chunk->free_mask;
    unsigned leading = taken == 0 ? CHUNK_UNITS : lowest_bit(taken);
    size_t start = (size_t)chunk->index * CHUNK_UNITS;
    if (search->run + leading >= search->wish->room) {
        *first = start - search->run;
        return true;
    }
    if (taken == 0)
        search->run += CHUNK_UNITS;
    else
        search->run = search->wish->chunk_aligned ? 0 : 31 - log2_floor(taken);
    return false;
}

static bool search_region(struct search *search, const struct region *region, size_t *first)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_relaxed);
    size_t before = 0; /* the chunk that the run ends with, + 1 */
    search->run = 0;
    for (size_t word = 0; word * 64 < opened; word++)
        for (uint64_t bits = region->giving[word]; bits != 0; bits &= bits - 1) {
            size_t index = word * 64 + lowest_bit(bits);
            if (index != before)
                search->run = 0;
            if (search_chunk(search, &region->chunks[index], first))
                return true;
            before = index + 1;
        }
    return false;
}

static struct span take_row(const struct wish *wish, unsigned node)
{
    struct span span = {NULL, 0, false};
    struct search search = {wish, 0};
    struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region))
        if (search_region(&search, region, &span.unit)) {
            span.region = region;
            span.clean = remove_row(region, span.unit, wish->count, node);
            break;
        }
    return span;
}

/* Under the lock. */
static struct span take_locked(const struct wish *wish, unsigned node)
{
    return wish->room <= CHUNK_UNITS && !wish->chunk_aligned ? take_in_chunk(wish, node)
                                                             : take_row(wish, node);
}

static struct span find(const struct wish *wish)
{
    lock_acquire(&pool.lock);
    struct span span = take_locked(wish, node_here());
    lock_release(&pool.lock);
    return span;
}

struct span cairn__units_find(size_t count, bool chunk_aligned)
{
    return find(&(struct wish){count, count, chunk_aligned});
}

struct span cairn__units_find_touched(size_t most, size_t *count)
{
    struct span span = {NULL, 0, false};
    lock_acquire(&pool.lock);
    unsigned node = node_here();
    uint64_t runs = pool.shelf[node].drawer[BY_DIRTY].occupied;
    if (runs != 0) {
        *count = size_min(most, log2_floor(runs));
        span = take_in_chunk(&(struct wish){*count, *count, false}, node);
    }
    lock_release(&pool.lock);
    return span;
}

/*
 * Brings fresh chunks into the pool and takes from it in one go, or others might be quicker. Under
 * the grow lock.
 */
static struct span grow_and_take(const struct wish *wish)
{
    struct span span = {NULL, 0, false};
    size_t chunks = (wish->room + CHUNK_UNITS - 1) / CHUNK_UNITS;
    size_t first;
    struct region *region = cairn__window_extend(chunks, &first);
    if (region == NULL)
        return span;
    lock_acquire(&pool.lock);
    unsigned node =
        node_here(); /* before the chunks are filed: it may be the first beyond node 0 */
    for (size_t i = chunks; i-- > 0;) {
        struct chunk *chunk = &region->chunks[first + i];
        chunk->region = region;
        chunk->index = (uint32_t)(first + i);
        chunk->zero_mask = ALL_UNITS;
        chunk->huge = (first + i) * CHUNK_SIZE >= region->step_from ? region->huge_step
                                                                    : region->huge_before;
        free_units(chunk, ALL_UNITS);
    }
    span = take_locked(wish, node);
    lock_release(&pool.lock);
    return span;
}

/* Rows across chunks too, however many are looked for: when nothing else is left. */
static struct span find_anywhere(const struct wish *wish)
{
    lock_acquire(&pool.lock);
    pool.tight = true;
    struct span span = take_row(wish, node_here());
    lock_release(&pool.lock);
    return span;
}

/* The purge that is under way, by its number; 0: none is. */
static size_t purge_under_way(void)
{
    lock_acquire(&pool.lock);
    size_t number = pool.purging ? pool.purges : 0;
    lock_release(&pool.lock);
    return number;
}

/* At the end of memory: what is being purged just now is out of the pool, and comes back. */
static void await_purge(size_t number)
{
    while (number != 0 && purge_under_way() == number)
        cairn__os_sleep(1);
}

static bool is_tight(void)
{
    lock_acquire(&pool.lock);
    bool tight = pool.tight;
    lock_release(&pool.lock);
    return tight;
}

struct span cairn__units_take_roomy(size_t count, size_t room)
{
    struct wish wish = {count, room, false};
    struct span span = find(&wish);
    if (span.region != NULL)
        return span;
    lock_acquire(&pool.grow);
    if (!is_tight())
        span = grow_and_take(&wish);
    lock_release(&pool.grow);
    return span;
}

struct span cairn__units_take(size_t count, bool chunk_aligned)
{
    struct wish wish = {count, count, chunk_aligned};
    struct span span = find(&wish);
    if (LIKELY(span.region != NULL))
        return span;
    lock_acquire(&pool.grow);
    span = find(&wish); /* somebody may have grown it while this thread waited */
    if (span.region == NULL)
        span = grow_and_take(&wish);
    enum { TRIES = 8 }; /* each waits for a purge; there may always be another */
    for (int i = 0; span.region == NULL && i < TRIES; i++) {
        size_t number = purge_under_way();
        span = find_anywhere(&wish);
        if (span.region != NULL || number == 0)
            break;
        await_purge(number);
    }
    lock_release(&pool.grow);
    return span;
}

static bool row_is_free(const struct region *region, size_t unit, size_t count)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_relaxed);
    size_t end = unit + count;
    if (end > opened * CHUNK_UNITS)
        return false;
    while (unit < end) {
        unsigned at = (unsigned)(unit % CHUNK_UNITS);
        unsigned part = (unsigned)size_min(end - unit, CHUNK_UNITS - at);
        uint32_t mask = mask32(at, part);
        if ((region->chunks[unit / CHUNK_UNITS].free_mask & mask) != mask)
            return false;
        unit += part;
    }
    return true;
}

bool cairn__units_extend(struct span span, size_t count, size_t more, bool *clean)
{
    lock_acquire(&pool.lock);
    bool free = row_is_free(span.region, span.unit + count, more);
    if (free)
        *clean = remove_row(span.region, span.unit + count, more, node_here());
    lock_release(&pool.lock);
    return free;
}

/* ---- giving back ---- */

/* Of the chunk's free touched units, those in the row that begins first. */
static uint32_t first_dirty_run(const struct chunk *chunk)
{
    uint32_t dirty = chunk->free_mask & chunk->dirty_mask;
    if (dirty == 0)
        return 0;
    uint32_t low = dirty & -dirty;
    return dirty & ~(dirty + low); /* the carry runs through the row and clears it */
}

/*
 * Before a part of a chunk goes back: the system would notice some day that the rest of the chunk is
 * in memory, and make it a huge page again, with the part that is not used. For good: even when all of
 * it has gone back, the system's tables are those of small pages.
 */
static void undo_huge(struct chunk *chunk)
{
    chunk->huge = false;
    if (pool.undone < HUGE_UNDONE_MAX) {
        chunk->undone = true;
        pool.undone++;
        char *start = (char *)chunk->region->base + (size_t)chunk->index * CHUNK_SIZE;
        lock_release(&pool.lock);
        cairn__os_advise_huge(start, CHUNK_SIZE, false);
        lock_acquire(&pool.lock);
    }
}

/*
 * Gives back one row of units: out of the pool, so that nobody takes them meanwhile, then the system
 * call without the lock. False if the system refused.
 */
static bool purge_run(struct chunk *chunk, uint32_t run)
{
    unfree_units(chunk, run);
    lock_release(&pool.lock);
    char *start = (char *)chunk->region->base + (size_t)chunk->index * CHUNK_SIZE +
                  ((size_t)lowest_bit(run) << UNIT_SHIFT);
    bool done = cairn__os_purge(start, (size_t)count_ones(run) << UNIT_SHIFT);
    lock_acquire(&pool.lock);
    if (done) {
        chunk->dirty_mask &= ~run;
        chunk->zero_mask |= run;
        pool.owed += count_ones(run);
    }
    free_units(chunk, run);
    return done;
}

/* False: the system refused. */
static bool purge_chunk(struct chunk *chunk)
{
    uint32_t run = first_dirty_run(chunk);
    if (run == 0)
        return true;
    if (chunk->huge && run != ALL_UNITS)
        undo_huge(chunk); /* lets go of the lock: look again */
    while ((run = first_dirty_run(chunk)) != 0)
        if (!purge_run(chunk, run))
            return false;
    return true;
}

/* Once through all regions. False: the system refused. */
static bool purge_regions(void)
{
    struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region)) {
        size_t index = atomic_load_explicit(&region->opened, memory_order_relaxed);
        while (index-- > 0 && pool.dirty > pool.purge_keep)
            if (!purge_chunk(&region->chunks[index]))
                return false;
    }
    return true;
}

/* Once more if somebody asked for more meanwhile: each time it is more, so this comes to an end. */
static bool purge_to_least(void)
{
    size_t keep;
    bool willing;
    do {
        keep = pool.purge_keep;
        willing = purge_regions();
    } while (willing && pool.purge_keep < keep);
    return willing;
}

bool cairn__units_purge(size_t keep)
{
    bool willing = true;
    lock_acquire(&pool.lock);
    if (pool.purging) {
        pool.purge_keep = size_min(pool.purge_keep, keep);
    } else {
        pool.purging = true;
        pool.purges++;
        pool.purge_keep = keep;
        willing = purge_to_least();
        pool.purging = false;
    }
    lock_release(&pool.lock);
    return willing;
}

static void look_at_clock(bool anyway)
{
    if ((anyway || pool.dirty > FLOOR_UNITS) &&
        (pool.dirty > pool.alarm || cairn__os_now() >= pool.alarm_time))
        atomic_store_explicit(&cairn__purge_due, true, memory_order_relaxed);
}

static void give(struct span span, size_t count, bool wiped)
{
    lock_acquire(&pool.lock);
    /* Downwards: of chunks with equal runs the last filed serves first. */
    for (size_t end = span.unit + count; end > span.unit;) {
        size_t index = (end - 1) / CHUNK_UNITS;
        size_t from = size_max(span.unit, index * CHUNK_UNITS);
        struct chunk *chunk = &span.region->chunks[index];
        uint32_t mask = mask32((unsigned)(from % CHUNK_UNITS), (unsigned)(end - from));
        if (wiped) {
            chunk->dirty_mask &= ~mask;
            chunk->zero_mask |= mask;
        } else {
            chunk->dirty_mask |= mask;
        }
        insert_units(chunk, mask);
        end = from;
    }
    look_at_clock(false);
    lock_release(&pool.lock);
}

void cairn__units_give(struct span span, size_t count)
{
    give(span, count, false);
}

void cairn__units_give_wiped(struct span span, size_t count)
{
    give(span, count, true);
}

/* ---- regions ---- */

/* Of a region that is not in use: its chunks leave the pool. */
static void withdraw(struct region *region)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_relaxed);
    for (size_t i = 0; i < opened; i++) {
        unfree_units(&region->chunks[i], region->chunks[i].free_mask);
        pool.undone -= region->chunks[i].undone;
    }
    cairn__window_unlink(region);
}

/* The next one that can go, withdrawn; NULL: none beyond those to keep. Under the grow lock. */
static struct region *withdraw_unused(size_t keep)
{
    lock_acquire(&pool.lock);
    struct region *region = pool.purging ? NULL : cairn__region_next(cairn__region_first());
    while (region != NULL && (region->used != 0 || keep-- != 0))
        region = cairn__region_next(region);
    if (region != NULL)
        withdraw(region);
    lock_release(&pool.lock);
    return region;
}

bool cairn__regions_release(size_t keep)
{
    bool some = false;
    struct region *region;
    cairn__regions_hold();
    if (keep == 0) /* somebody is short of memory */
        await_purge(purge_under_way());
    while ((region = withdraw_unused(keep)) != NULL) {
        cairn__window_release(region);
        some = true;
    }
    cairn__regions_let_go();
    return some;
}

void cairn__regions_hold(void)
{
    lock_acquire(&pool.grow);
}

void cairn__regions_let_go(void)
{
    lock_release(&pool.grow);
}

struct pool_figures cairn__pool_figures(void)
{
    lock_acquire(&pool.lock);
    struct pool_figures figures = {pool.used, pool.dirty, pool.used_peak, pool.regret};
    lock_release(&pool.lock);
    return figures;
}

void cairn__pool_tick(bool anyway)
{
    lock_acquire(&pool.lock);
    look_at_clock(anyway);
    lock_release(&pool.lock);
}

void cairn__pool_set_alarm(size_t dirty, uint64_t time)
{
    lock_acquire(&pool.lock);
    pool.alarm = dirty;
    pool.alarm_time = time;
    lock_release(&pool.lock);
}

void cairn__pool_regret_nothing(void)
{
    lock_acquire(&pool.lock);
    pool.owed = 0;
    pool.regret = 0;
    lock_release(&pool.lock);
}

size_t cairn__pool_step(void)
{
    lock_acquire(&pool.lock);
    size_t peak = pool.recent_peak;
    pool.recent_peak = pool.used;
    pool.owed = 0;
    pool.regret /= 2;
    lock_release(&pool.lock);
    return peak;
}

void cairn__pool_before_fork(void)
{
    lock_acquire(&pool.grow);
    lock_acquire(&pool.lock);
}

void cairn__pool_after_fork(bool child)
{
    if (child) {
        lock_reset(&pool.lock);
        lock_reset(&pool.grow);
        pool.purging = false; /* what another thread was purging stays out of the child's pool */
    } else {
        lock_release(&pool.lock);
        lock_release(&pool.grow);
    }
}
