/* SPDX-License-Identifier: MIT */
/*
 * See cairn/atomic_pool.h, and atomic_chunk.h for what a chunk is.
 *
 * A lane is a processor's: the group that it takes from. Two threads on one processor, or a thread
 * that is moved to another in the midst of a call, do no harm: a lane is a hint, and all that counts
 * is in the groups. A lane's home in a chunk is where its share of the groups begins; a search
 * that comes to groups that are hardly used goes back there, so lanes keep apart until memory gets
 * scarce.
 *
 * That no block is free is known by `vacancy`, a number and two bits. Who found nothing by way of
 * the trees sets LOOKING, reads all groups, and if the number is still the same sets NONE. dealloc,
 * which sets its bit in the group first, then looks at vacancy, and if it finds one of the two bits
 * it counts the number up and clears both; so does grow, which adds its chunk to chunk_count first.
 * So a block that comes behind the one who looks makes him look again, and while NONE is set nobody
 * need look at all. All of these accesses are sequentially consistent.
 *
 * Invariants, while nobody is in a call:
 *     total = sum of blocks over chunks <= max_blocks
 *     no two chunks overlap; each lane's group is of one of them
 *     vacancy has NONE  =>  no group has a free block
 */
#include "cairn/atomic_pool.h"
#include "cairn/system.h"

#include "base/divide.h"
#include "base/visible.h"
#include "kit/atomic_chunk.h"
#include "os/lock.h"
#include "os/place.h"

enum {
    CHUNKS = 64,
    LANES_MAX = 64,
    FIRST_BYTES = 64 * 1024,
    FIRST_LEAST = 8,
};

#define BLOCK_BYTES_MAX GIB
#define CHUNK_BYTES_MAX size_min(UINT32_MAX, PTRDIFF_MAX / 2)

enum vacancy {
    LOOKING = 1, /* somebody reads all groups */
    NONE = 2,    /* somebody has, and no block was free */
};

struct lane {
    _Atomic(struct group *) group; /* never NULL */
} ALIGNED(CACHE_LINES);

struct cairn_atomic_pool {
    /* set once */
    cairn_allocator source;
    size_t size; /* bytes of a block that are its user's */
    size_t align;
    size_t stride; /* a multiple of 8, from block to block */
    struct divisor by_stride;
    size_t first_blocks;
    size_t max_blocks; /* SIZE_MAX: no bound */
    unsigned lane_shift;
    unsigned lane_count; /* 1 << lane_shift */
    bool is_watched;

    /* under the lock */
    struct lock growing;
    size_t total; /* blocks */

    /* Written when it grows. Release by grow, acquire by who reads a chunk. */
    _Atomic uint32_t chunk_count;
    struct chunk *chunks[CHUNKS];

    _Atomic uint64_t vacancy ALIGNED(CACHE_LINES);

    struct lane lanes[];
};

/* ---- where a block lies ---- */

struct place {
    struct chunk *chunk; /* NULL: in none */
    uint32_t group;
    uint64_t bit;
    uint32_t offset; /* from the block's first byte */
};

static struct chunk *chunk_of(const struct cairn_atomic_pool *pool, const void *ptr)
{
    for (uint32_t i = atomic_load_explicit(&pool->chunk_count, memory_order_acquire); i-- > 0;) {
        struct chunk *chunk = pool->chunks[i];
        if (LIKELY((uintptr_t)ptr - (uintptr_t)chunk->start < chunk->bytes))
            return chunk;
    }
    return NULL;
}

static inline struct place place_of(const struct cairn_atomic_pool *pool, const void *ptr)
{
    struct chunk *chunk = chunk_of(pool, ptr);
    if (UNLIKELY(chunk == NULL))
        return (struct place){NULL, 0, 0, 0};
    uint32_t offset = (uint32_t)((uintptr_t)ptr - (uintptr_t)chunk->start);
    uint32_t index = divide(offset, pool->by_stride);
    return (struct place){chunk, index / GROUP_BLOCKS, (uint64_t)1 << index % GROUP_BLOCKS,
                          offset - index * (uint32_t)pool->stride};
}

static struct lane *lane_here(struct cairn_atomic_pool *pool)
{
    return &pool->lanes[cairn__os_processor() & (pool->lane_count - 1)];
}

/* ---- whether there is any block at all ---- */

/* A block has been given back, or a chunk added, and somebody has looked or is looking. */
static NOINLINE void end_vacancy(struct cairn_atomic_pool *pool)
{
    uint64_t seen = atomic_load_explicit(&pool->vacancy, memory_order_seq_cst);
    while ((seen & 3) != 0 &&
           !atomic_compare_exchange_weak_explicit(&pool->vacancy, &seen, (seen | 3) + 1,
                                                  memory_order_seq_cst, memory_order_seq_cst)) {
    }
}

static bool is_vacant(struct cairn_atomic_pool *pool)
{
    return (atomic_load_explicit(&pool->vacancy, memory_order_seq_cst) & NONE) != 0;
}

static struct group *look_at_chunks(struct cairn_atomic_pool *pool)
{
    uint32_t count = atomic_load_explicit(&pool->chunk_count, memory_order_seq_cst);
    struct group *group = NULL;
    for (uint32_t i = 0; group == NULL && i < count; i++)
        group = cairn__chunk_look_at_all(pool->chunks[i]);
    return group;
}

/*
 * A group with free blocks, or NULL, and then it is sure that there was none. It begins again only
 * if another thread has given back a block meanwhile.
 */
static struct group *look_at_all(struct cairn_atomic_pool *pool)
{
    for (;;) {
        uint64_t seen = atomic_load_explicit(&pool->vacancy, memory_order_seq_cst);
        if ((seen & NONE) != 0)
            return NULL;
        if ((seen & LOOKING) == 0 &&
            !atomic_compare_exchange_strong_explicit(&pool->vacancy, &seen, seen | LOOKING,
                                                     memory_order_seq_cst, memory_order_seq_cst))
            continue;
        seen |= LOOKING;
        struct group *group = look_at_chunks(pool);
        if (group != NULL)
            return group;
        uint64_t now = seen;
        if (atomic_compare_exchange_strong_explicit(&pool->vacancy, &now, seen + NONE - LOOKING,
                                                    memory_order_seq_cst, memory_order_seq_cst) ||
            now == seen + NONE - LOOKING)
            return NULL;
    }
}

/* ---- growing ---- */

/* Under the lock. One more chunk of `blocks`, or of a half, a quarter ... of that. */
static bool add_chunk(struct cairn_atomic_pool *pool, size_t blocks)
{
    uint32_t count = atomic_load_explicit(&pool->chunk_count, memory_order_relaxed);
    size_t room = size_min(pool->max_blocks - pool->total, CHUNK_BYTES_MAX / pool->stride);
    size_t wanted = size_min(blocks, room);
    size_t least = size_min(pool->first_blocks, wanted);
    if (count == CHUNKS || wanted == 0)
        return false;
    struct chunk *chunk;
    while ((chunk = cairn__chunk_create(pool->source, (uint32_t)wanted, pool->stride,
                                        pool->align)) == NULL) {
        if (wanted / 2 < least)
            return false;
        wanted /= 2;
    }
    if (pool->is_watched)
        cairn__show_unused(chunk->start, chunk->bytes);
    pool->total += chunk->blocks;
    pool->chunks[count] = chunk;
    atomic_store_explicit(&pool->chunk_count, count + 1, memory_order_seq_cst);
    end_vacancy(pool);
    return true;
}

/* There was no free block. True: there may be by now. False: out of memory. */
static bool grow(struct cairn_atomic_pool *pool)
{
    if (pool->first_blocks == pool->max_blocks)
        return false;
    lock_acquire(&pool->growing);
    bool grown = !is_vacant(pool) || add_chunk(pool, pool->total);
    lock_release(&pool->growing);
    return grown;
}

/* ---- finding a group ---- */

static uint32_t home_of(const struct cairn_atomic_pool *pool, const struct chunk *chunk,
                        const struct lane *lane)
{
    return (uint32_t)((uint64_t)(lane - pool->lanes) * chunk->group_count >> pool->lane_shift);
}

/* By way of the trees: the lane's own chunk first, then from the oldest on. */
static struct group *search(struct cairn_atomic_pool *pool, const struct lane *lane)
{
    struct group *last = atomic_load_explicit(&lane->group, memory_order_acquire);
    struct chunk *own = last->chunk;
    uint32_t next = (uint32_t)(last - own->groups) + 1;
    struct group *group = cairn__chunk_search(own, next < own->group_count ? next : 0,
                                              home_of(pool, own, lane));
    uint32_t count = atomic_load_explicit(&pool->chunk_count, memory_order_acquire);
    for (uint32_t i = 0; group == NULL && i < count; i++) {
        struct chunk *chunk = pool->chunks[i];
        uint32_t home = home_of(pool, chunk, lane);
        if (chunk != own)
            group = cairn__chunk_search(chunk, home, home);
    }
    return group;
}

/* The lane's group is empty: another, which had free blocks a moment ago. NULL: out of memory. */
static NOINLINE struct group *find(struct cairn_atomic_pool *pool, struct lane *lane)
{
    for (;;) {
        struct group *group = is_vacant(pool) ? NULL : search(pool, lane);
        if (group == NULL)
            group = look_at_all(pool);
        if (group != NULL) {
            atomic_store_explicit(&lane->group, group, memory_order_release);
            return group;
        }
        if (!grow(pool))
            return NULL;
    }
}

/* ---- blocks ---- */

CAIRN_EXPORT void *cairn_atomic_pool_alloc(cairn_atomic_pool *pool)
{
    struct lane *lane = lane_here(pool);
    struct group *group = atomic_load_explicit(&lane->group, memory_order_acquire);
    void *ptr;
    while (UNLIKELY((ptr = group_take(group, pool->stride)) == NULL))
        if ((group = find(pool, lane)) == NULL)
            return NULL;
    if (UNLIKELY(pool->is_watched))
        cairn__show_alloc(pool, ptr, pool->size);
    return ptr;
}

/* Gives back blocks of a group; the bits of those that were free already. */
static inline uint64_t release(struct cairn_atomic_pool *pool, struct chunk *chunk, uint32_t group,
                               uint64_t bits)
{
    uint64_t refused = chunk_release(chunk, group, bits);
    if (UNLIKELY((atomic_load_explicit(&pool->vacancy, memory_order_seq_cst) & 3) != 0))
        end_vacancy(pool);
    return refused;
}

static bool is_in_use(const struct place *place)
{
    return (atomic_load_explicit(&place->chunk->groups[place->group].free, memory_order_relaxed) &
            place->bit) == 0;
}

/* Hidden while it is still in use: afterwards it may be another's. */
static void hide(struct cairn_atomic_pool *pool, void *ptr, const struct place *place)
{
    if (is_in_use(place))
        cairn__show_dealloc(pool, ptr, pool->size);
}

CAIRN_EXPORT bool cairn_atomic_pool_dealloc(cairn_atomic_pool *pool, void *ptr)
{
    if (UNLIKELY(ptr == NULL))
        return true;
    struct place place = place_of(pool, ptr);
    if (UNLIKELY(place.chunk == NULL || place.offset != 0))
        return false;
    if (UNLIKELY(pool->is_watched))
        hide(pool, ptr, &place);
    return release(pool, place.chunk, place.group, place.bit) == 0;
}

/* Up to n blocks of a group into blocks[]; how many. */
static size_t take_some(struct cairn_atomic_pool *pool, struct group *group, void **blocks,
                        size_t n)
{
    uint64_t free = atomic_load_explicit(&group->free, memory_order_relaxed);
    uint64_t rest;
    do {
        rest = free;
        for (size_t i = 0; i < n && rest != 0; i++)
            rest &= rest - 1;
    } while (free != 0 &&
             !atomic_compare_exchange_weak_explicit(&group->free, &free, rest, memory_order_acquire,
                                                    memory_order_relaxed));
    size_t count = 0;
    for (uint64_t taken = free & ~rest; taken != 0; taken &= taken - 1) {
        blocks[count] = group->start + lowest_bit(taken) * pool->stride;
        if (UNLIKELY(pool->is_watched))
            cairn__show_alloc(pool, blocks[count], pool->size);
        count++;
    }
    return count;
}

CAIRN_EXPORT size_t cairn_atomic_pool_alloc_batch(cairn_atomic_pool *pool, void **blocks, size_t n)
{
    struct lane *lane = lane_here(pool);
    struct group *group = atomic_load_explicit(&lane->group, memory_order_acquire);
    size_t count = 0;
    while (count < n && group != NULL) {
        count += take_some(pool, group, blocks + count, n - count);
        if (count < n)
            group = find(pool, lane);
    }
    return count;
}

/* Neighbours in a list that lie in one group; bit: of all of them. How many were in use. */
static size_t release_row(struct cairn_atomic_pool *pool, const struct place *row)
{
    if (row->chunk == NULL)
        return 0;
    return count_ones64(row->bit & ~release(pool, row->chunk, row->group, row->bit));
}

CAIRN_EXPORT size_t cairn_atomic_pool_dealloc_batch(cairn_atomic_pool *pool, void *const *blocks,
                                                    size_t n)
{
    size_t count = 0;
    struct place row = {NULL, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        struct place place = place_of(pool, blocks[i]);
        if (UNLIKELY(place.chunk == NULL || place.offset != 0))
            continue;
        if (UNLIKELY(pool->is_watched))
            hide(pool, blocks[i], &place);
        if (place.chunk == row.chunk && place.group == row.group) {
            row.bit |= place.bit;
        } else {
            count += release_row(pool, &row);
            row = place;
        }
    }
    return count + release_row(pool, &row);
}

CAIRN_EXPORT bool cairn_atomic_pool_owns(const cairn_atomic_pool *pool, const void *ptr)
{
    struct place place = place_of(pool, ptr);
    return place.chunk != NULL && is_in_use(&place);
}

/* ---- the interface ---- */

static void *pool_alloc(void *self, cairn_layout layout)
{
    cairn_atomic_pool *pool = self;
    if (layout.size > pool->size || layout.align > pool->align)
        return NULL;
    return cairn_atomic_pool_alloc(pool);
}

static void pool_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)layout;
    cairn_atomic_pool_dealloc(self, ptr);
}

static void *pool_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    (void)layout;
    return new_size <= ((cairn_atomic_pool *)self)->size ? ptr : NULL;
}

static bool pool_owns(void *self, const void *ptr)
{
    return cairn_atomic_pool_owns(self, ptr);
}

static size_t pool_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)ptr, (void)layout;
    return ((cairn_atomic_pool *)self)->size;
}

CAIRN_EXPORT cairn_allocator cairn_atomic_pool_allocator(cairn_atomic_pool *pool)
{
    static const cairn_allocator_ops ops = {
        .name = "atomic_pool",
        .alloc = pool_alloc,
        .dealloc = pool_dealloc,
        .realloc = pool_realloc,
        .owns = pool_owns,
        .usable_size = pool_usable_size,
    };
    return (cairn_allocator){&ops, pool};
}

/* ---- begin and end ---- */

static cairn_layout layout_of(unsigned lane_count)
{
    return (cairn_layout){sizeof(struct cairn_atomic_pool) + lane_count * sizeof(struct lane),
                          _Alignof(struct cairn_atomic_pool)};
}

static void set_bounds(struct cairn_atomic_pool *pool, const cairn_atomic_pool_opts *opts)
{
    size_t first = opts->first_blocks;
    if (first == 0)
        first = size_max(FIRST_BYTES / pool->stride, FIRST_LEAST);
    pool->max_blocks = opts->max_blocks != 0 ? opts->max_blocks : SIZE_MAX;
    pool->first_blocks = size_min(first, pool->max_blocks);
}

/* first_blocks, in one chunk if it is small enough; and each lane is at home in the first one. */
static bool fill(struct cairn_atomic_pool *pool)
{
    while (pool->total < pool->first_blocks)
        if (!add_chunk(pool, pool->first_blocks - pool->total))
            return false;
    struct chunk *chunk = pool->chunks[0];
    for (struct lane *lane = pool->lanes; lane < pool->lanes + pool->lane_count; lane++)
        atomic_init(&lane->group, &chunk->groups[home_of(pool, chunk, lane)]);
    return true;
}

CAIRN_EXPORT cairn_atomic_pool *cairn_atomic_pool_create(cairn_layout block,
                                                         const cairn_atomic_pool_opts *opts)
{
    static const cairn_atomic_pool_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    if (!cairn_layout_is_valid(block) || block.size > BLOCK_BYTES_MAX ||
        block.align > BLOCK_BYTES_MAX)
        return NULL;
    unsigned processors = (unsigned)size_min(cairn__os_processor_count(), LANES_MAX);
    unsigned lane_shift = processors == 1 ? 0 : log2_floor(processors - 1) + 1;
    cairn_allocator source = opts->source.ops != NULL ? opts->source : cairn_system();
    struct cairn_atomic_pool *pool = cairn_allocator_alloc_zeroed(source,
                                                                  layout_of(1u << lane_shift));
    if (pool == NULL)
        return NULL;
    pool->source = source;
    pool->size = size_max(block.size, 1);
    pool->align = block.align;
    pool->stride = round_up(pool->size, size_max(block.align, 8));
    pool->by_stride = divisor_of((uint32_t)pool->stride);
    pool->lane_shift = lane_shift;
    pool->lane_count = 1u << lane_shift;
    pool->is_watched = cairn__is_watched();
    set_bounds(pool, opts);
    cairn__show_begin(pool);
    if (!fill(pool)) {
        cairn_atomic_pool_destroy(pool);
        return NULL;
    }
    return pool;
}

CAIRN_EXPORT void cairn_atomic_pool_destroy(cairn_atomic_pool *pool)
{
    if (pool == NULL)
        return;
    cairn__show_end(pool); /* hides what is live: before it is shown to its next user */
    for (uint32_t i = atomic_load_explicit(&pool->chunk_count, memory_order_acquire); i-- > 0;) {
        if (pool->is_watched)
            cairn__show_usable(pool->chunks[i]->start, pool->chunks[i]->bytes);
        cairn__chunk_destroy(pool->chunks[i], pool->source);
    }
    cairn_allocator_dealloc(pool->source, pool, layout_of(pool->lane_count));
}

CAIRN_EXPORT void cairn_atomic_pool_before_fork(cairn_atomic_pool *pool)
{
    lock_acquire(&pool->growing);
}

/*
 * The pages of the child's copy may be of different moments, if threads used the pool. A group's word
 * is right in itself. That NONE is set may be wrong, and what the tree leaves out is found by who
 * looks at all groups.
 */
CAIRN_EXPORT void cairn_atomic_pool_after_fork(cairn_atomic_pool *pool, bool in_child)
{
    if (in_child) {
        lock_reset(&pool->growing);
        end_vacancy(pool);
    } else {
        lock_release(&pool->growing);
    }
}

/* ---- questions ---- */

CAIRN_EXPORT cairn_atomic_pool_stats cairn_atomic_pool_stats_get(const cairn_atomic_pool *pool)
{
    cairn_atomic_pool_stats stats = {0, 0, 0, layout_of(pool->lane_count).size};
    stats.chunks = atomic_load_explicit(&pool->chunk_count, memory_order_acquire);
    for (size_t i = 0; i < stats.chunks; i++) {
        const struct chunk *chunk = pool->chunks[i];
        stats.blocks += chunk->blocks;
        stats.free += cairn__chunk_count_free(chunk);
        stats.bytes += chunk->layout.size;
    }
    return stats;
}

static bool overlaps_another(const struct cairn_atomic_pool *pool, uint32_t index)
{
    uintptr_t start = (uintptr_t)pool->chunks[index]->start;
    for (uint32_t i = 0; i < index; i++) {
        uintptr_t other = (uintptr_t)pool->chunks[i]->start;
        if (start < other + pool->chunks[i]->layout.size &&
            other < start + pool->chunks[index]->layout.size)
            return true;
    }
    return false;
}

static const char *audit_lanes(const struct cairn_atomic_pool *pool)
{
    for (unsigned i = 0; i < pool->lane_count; i++) {
        struct group *group = atomic_load_explicit(&pool->lanes[i].group, memory_order_relaxed);
        struct chunk *chunk = chunk_of(pool, group->start);
        if (chunk == NULL || chunk != group->chunk ||
            (size_t)(group - chunk->groups) >= chunk->group_count)
            return "a lane's group is of no chunk";
    }
    return NULL;
}

CAIRN_EXPORT const char *cairn_atomic_pool_audit(const cairn_atomic_pool *pool)
{
    uint32_t count = atomic_load_explicit(&pool->chunk_count, memory_order_acquire);
    size_t total = 0;
    size_t free = 0;
    if (count == 0 || count > CHUNKS)
        return "the number of chunks cannot be";
    for (uint32_t i = 0; i < count; i++) {
        const char *wrong = cairn__chunk_audit(pool->chunks[i]);
        if (wrong != NULL)
            return wrong;
        if (overlaps_another(pool, i))
            return "two chunks overlap";
        total += pool->chunks[i]->blocks;
        free += cairn__chunk_count_free(pool->chunks[i]);
    }
    if (total != pool->total || total > pool->max_blocks)
        return "the chunks have not as many blocks as they should";
    uint64_t vacancy = atomic_load_explicit(&pool->vacancy, memory_order_relaxed);
    if ((vacancy & 3) == 3 || ((vacancy & NONE) != 0 && free != 0))
        return "blocks are free, but the pool says that none is";
    return audit_lanes(pool);
}

static bool visit_chunk(const struct cairn_atomic_pool *pool, const struct chunk *chunk,
                        cairn_visitor *visitor, void *context)
{
    for (uint32_t i = 0; i < chunk->blocks; i++) {
        uint64_t free = atomic_load_explicit(&chunk->groups[i / GROUP_BLOCKS].free,
                                             memory_order_relaxed);
        if (!visitor(context, chunk->start + i * pool->stride, pool->size,
                     (free >> i % GROUP_BLOCKS & 1) == 0))
            return false;
    }
    return true;
}

CAIRN_EXPORT bool cairn_atomic_pool_visit(const cairn_atomic_pool *pool, cairn_visitor *visitor,
                                          void *context)
{
    uint32_t count = atomic_load_explicit(&pool->chunk_count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++)
        if (!visit_chunk(pool, pool->chunks[i], visitor, context))
            return false;
    return true;
}
