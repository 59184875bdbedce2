/* SPDX-License-Identifier: MIT */
/*
 * Objects that are kept made (object_pool.h).
 *
 * A chunk is an array of places and, behind it, a link for each. A place has a number: the chunk's in
 * the table, and the place's in the chunk. Its link tells what it is: IN_USE; BUSY, while a callback
 * has it; of an idle object, the next number on the list of idle ones; of a vacant place, the next
 * vacant one of the chunk. Places from `begun` on were never used, and neither they nor their links
 * are touched before they are.
 *
 * Chunk k has 8 * 2^k places, or fewer where memory was short, so the table is small and finding the
 * chunk of a pointer is a walk over it. A chunk that was given back leaves its row to the next.
 *
 * No callback is run while the structure is not whole: an object is BUSY then, and in no list.
 *
 * Invariants:
 *   made == idle + in_use + busy == sum of made over the chunks <= max_objects
 *   of a chunk: begun <= count; begun == made + length of its list of vacant places
 *   bit k of has_room: chunk k has a vacant place, or begun < count
 */
#include "cairn/object_pool.h"

#include "base/bits.h"
#include "base/config.h"
#include "base/quotient.h"
#include "base/memory.h"
#include "base/visible.h"
#include "cairn/system.h"

#define SIZE_BOUND ((size_t)PTRDIFF_MAX / 4)

enum { CHUNKS = 32, FIRST_PLACES = 8, PLACE_BITS = 27 };

#define PLACES_MAX  (((uint32_t)1 << PLACE_BITS) - 4)
#define OBJECTS_MAX ((size_t)1 << 30)

/* No number is as high. */
#define IN_USE UINT32_MAX
#define BUSY   (UINT32_MAX - 1)
#define NONE   (UINT32_MAX - 2)

struct chunk {
    char *places; /* NULL: no chunk */
    uint32_t *links;
    uint32_t count, begun;
    uint32_t made;
    uint32_t vacant; /* first of the list, as a number in the chunk; or NONE */
};

struct cairn_object_pool {
    uint32_t idle_first;
    uint32_t idle, in_use, busy;
    uint32_t has_room; /* a bit for each chunk */
    uint32_t recent;   /* the chunk that was found last */
    uint32_t rows;     /* of the table, that were ever used */
    bool is_watched;
    bool is_ending;
    unsigned char shift;
    uintptr_t inverse; /* with shift: to divide by stride */
    size_t stride;
    cairn_layout object;
    size_t max_objects, max_idle;
    cairn_object_pool_opts opts;
    struct chunk chunks[CHUNKS];
};

static const cairn_layout SELF = {sizeof(cairn_object_pool), _Alignof(cairn_object_pool)};

/* ---- places ---- */

static uint32_t number_of(uint32_t chunk, uint32_t place)
{
    return chunk << PLACE_BITS | place;
}

static struct chunk *chunk_of(const cairn_object_pool *pool, uint32_t number)
{
    return (struct chunk *)&pool->chunks[number >> PLACE_BITS];
}

static uint32_t place_of(uint32_t number)
{
    return number & (((uint32_t)1 << PLACE_BITS) - 1);
}

static uint32_t *link_of(const cairn_object_pool *pool, uint32_t number)
{
    return &chunk_of(pool, number)->links[place_of(number)];
}

static void *object_of(const cairn_object_pool *pool, uint32_t number)
{
    return chunk_of(pool, number)->places + place_of(number) * pool->stride;
}

static bool is_inside(const cairn_object_pool *pool, uint32_t chunk, const void *ptr)
{
    const struct chunk *in = &pool->chunks[chunk];
    return (uintptr_t)ptr - (uintptr_t)in->places < in->begun * pool->stride;
}

/* The number of the place that begins at ptr and was used; NONE: there is none. */
static uint32_t find(const cairn_object_pool *pool, const void *ptr)
{
    uint32_t chunk = pool->recent;
    if (!is_inside(pool, chunk, ptr)) {
        for (chunk = 0; chunk < pool->rows && !is_inside(pool, chunk, ptr); chunk++)
            ;
        if (chunk == pool->rows)
            return NONE;
        ((cairn_object_pool *)pool)->recent = chunk;
    }
    const struct chunk *in = &pool->chunks[chunk];
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)in->places;
    size_t place = exact_quotient(offset, pool->stride, pool->inverse, pool->shift, in->begun);
    return place < in->begun ? number_of(chunk, (uint32_t)place) : NONE;
}

/* ---- chunks ---- */

static cairn_layout layout_of(const cairn_object_pool *pool, size_t count)
{
    return cairn__layout(count * (pool->stride + sizeof(uint32_t)),
                         size_max(pool->object.align, _Alignof(uint32_t)));
}

static size_t places_in_all(const cairn_object_pool *pool)
{
    size_t places = 0;
    for (uint32_t i = 0; i < CHUNKS; i++)
        places += pool->chunks[i].count;
    return places;
}

/* One more chunk, as large as it should be or as can be had. */
static bool grow(cairn_object_pool *pool)
{
    uint32_t row = 0;
    while (row < CHUNKS && pool->chunks[row].places != NULL)
        row++;
    size_t in_all = places_in_all(pool);
    if (row == CHUNKS || in_all >= pool->max_objects)
        return false;
    size_t count = row < PLACE_BITS - 3 ? (size_t)FIRST_PLACES << row : PLACES_MAX;
    count = size_min(count, pool->max_objects - in_all);
    count = size_min(count, quotient(SIZE_BOUND, pool->stride + sizeof(uint32_t)));
    struct chunk *chunk = &pool->chunks[row];
    for (; count != 0; count /= 2) {
        chunk->places = cairn_allocator_alloc(pool->opts.source, layout_of(pool, count));
        if (chunk->places == NULL)
            continue;
        chunk->links = (uint32_t *)(void *)(chunk->places + count * pool->stride);
        chunk->count = (uint32_t)count;
        chunk->begun = chunk->made = 0;
        chunk->vacant = NONE;
        pool->rows = row < pool->rows ? pool->rows : row + 1;
        pool->has_room |= (uint32_t)1 << row;
        if (pool->is_watched)
            cairn__show_unused(chunk->places, count * pool->stride);
        return true;
    }
    return false;
}

static size_t give_chunk(cairn_object_pool *pool, struct chunk *chunk)
{
    cairn_layout layout = layout_of(pool, chunk->count);
    if (pool->is_watched)
        cairn__show_usable(chunk->places, layout.size);
    cairn_allocator_dealloc(pool->opts.source, chunk->places, layout);
    *chunk = (struct chunk){.vacant = NONE};
    pool->has_room &= ~((uint32_t)1 << (chunk - pool->chunks));
    return layout.size;
}

/* ---- objects ---- */

/* Of an object that is BUSY: its place is vacant now. */
static void vacate(cairn_object_pool *pool, uint32_t number)
{
    struct chunk *chunk = chunk_of(pool, number);
    *link_of(pool, number) = chunk->vacant;
    chunk->vacant = place_of(number);
    chunk->made--;
    pool->busy--;
    pool->has_room |= (uint32_t)1 << (number >> PLACE_BITS);
    if (pool->is_watched)
        cairn__show_unused(object_of(pool, number), pool->object.size);
}

/* A place, vacant until now, BUSY. NONE: there is no room, nor memory for more. */
static uint32_t take_place(cairn_object_pool *pool)
{
    if (pool->is_ending || (size_t)pool->idle + pool->in_use + pool->busy >= pool->max_objects)
        return NONE;
    if (pool->has_room == 0 && !grow(pool))
        return NONE;
    uint32_t row = lowest_bit(pool->has_room);
    struct chunk *chunk = &pool->chunks[row];
    uint32_t place = chunk->vacant;
    if (place != NONE)
        chunk->vacant = chunk->links[place];
    else
        place = chunk->begun++;
    if (chunk->vacant == NONE && chunk->begun == chunk->count)
        pool->has_room &= ~((uint32_t)1 << row);
    chunk->links[place] = BUSY;
    chunk->made++;
    pool->busy++;
    return number_of(row, place);
}

/* An object that is BUSY, or NONE. */
static uint32_t make(cairn_object_pool *pool)
{
    uint32_t number = take_place(pool);
    if (number == NONE)
        return NONE;
    void *object = object_of(pool, number);
    if (pool->is_watched)
        cairn__show_usable(object, pool->object.size);
    if (pool->opts.construct == NULL || pool->opts.construct(pool->opts.context, object))
        return number;
    vacate(pool, number);
    return NONE;
}

/* Ends an object that is BUSY. */
static void unmake(cairn_object_pool *pool, uint32_t number)
{
    if (pool->opts.destruct != NULL)
        pool->opts.destruct(pool->opts.context, object_of(pool, number));
    vacate(pool, number);
}

static void push_idle(cairn_object_pool *pool, uint32_t number)
{
    *link_of(pool, number) = pool->idle_first;
    pool->idle_first = number;
    pool->busy--;
    pool->idle++;
}

CAIRN_EXPORT void *cairn_object_pool_acquire(cairn_object_pool *pool)
{
    if (UNLIKELY(pool->is_ending))
        return NULL;
    uint32_t number = pool->idle_first;
    if (LIKELY(number != NONE)) {
        pool->idle_first = *link_of(pool, number);
        pool->idle--;
    } else {
        number = make(pool);
        if (number == NONE)
            return NULL;
        pool->busy--;
    }
    *link_of(pool, number) = IN_USE;
    pool->in_use++;
    void *object = object_of(pool, number);
    if (UNLIKELY(pool->is_watched)) {
        cairn__show_alloc(pool, object, pool->object.size);
        cairn__show_readable(object, pool->object.size);
    }
    return object;
}

/* Whether an object that is BUSY may become idle. */
static bool is_fit(cairn_object_pool *pool, void *object)
{
    if (pool->is_ending || pool->idle >= pool->max_idle)
        return false;
    if (pool->opts.reset == NULL)
        return true;
    return pool->opts.reset(pool->opts.context, object) &&
           pool->idle < pool->max_idle; /* still, for reset may have released others */
}

CAIRN_EXPORT bool cairn_object_pool_release(cairn_object_pool *pool, void *object)
{
    if (object == NULL)
        return true;
    uint32_t number = find(pool, object);
    if (number == NONE || *link_of(pool, number) != IN_USE)
        return false;
    *link_of(pool, number) = BUSY;
    pool->in_use--;
    pool->busy++;
    if (is_fit(pool, object))
        push_idle(pool, number);
    else
        unmake(pool, number);
    if (UNLIKELY(pool->is_watched))
        cairn__show_dealloc(pool, object, pool->object.size);
    return true;
}

CAIRN_EXPORT bool cairn_object_pool_prefill(cairn_object_pool *pool, size_t count)
{
    while (pool->idle < count) {
        uint32_t number = pool->idle < pool->max_idle ? make(pool) : NONE;
        if (number == NONE)
            return false;
        push_idle(pool, number);
        if (pool->is_watched)
            cairn__show_unused(object_of(pool, number), pool->object.size);
    }
    return true;
}

CAIRN_EXPORT size_t cairn_object_pool_trim(cairn_object_pool *pool, size_t keep)
{
    uint32_t *last = &pool->idle_first;
    for (size_t i = 0; i < keep && *last != NONE; i++)
        last = link_of(pool, *last);
    uint32_t rest = *last;
    *last = NONE;
    for (uint32_t number = rest; number != NONE; number = *link_of(pool, number)) {
        pool->idle--;
        pool->busy++;
    }
    while (rest != NONE) { /* nobody else sees these: they are as good as BUSY */
        uint32_t number = rest;
        rest = *link_of(pool, number);
        *link_of(pool, number) = BUSY;
        if (pool->is_watched)
            cairn__show_readable(object_of(pool, number), pool->object.size);
        unmake(pool, number);
    }
    size_t given = 0;
    for (uint32_t i = 0; i < CHUNKS; i++)
        if (pool->chunks[i].places != NULL && pool->chunks[i].made == 0)
            given += give_chunk(pool, &pool->chunks[i]);
    return given;
}

/* ---- begin and end ---- */

CAIRN_EXPORT cairn_object_pool *cairn_object_pool_create(cairn_layout object,
                                                         const cairn_object_pool_opts *opts)
{
    static const cairn_object_pool_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    if (!cairn_layout_is_valid(object) || object.size > SIZE_BOUND || object.align > SIZE_BOUND)
        return NULL;
    cairn_allocator source = opts->source.ops != NULL ? opts->source : cairn_system();
    cairn_object_pool *pool = cairn_allocator_alloc(source, SELF);
    if (pool == NULL)
        return NULL;
    memset(pool, 0, sizeof *pool);
    pool->opts = *opts;
    pool->opts.source = source;
    pool->object = cairn__layout(size_max(object.size, 1), object.align);
    pool->stride = round_up(pool->object.size, size_max(object.align, _Alignof(uint32_t)));
    pool->max_objects = opts->max_objects != 0 ? opts->max_objects : OBJECTS_MAX;
    pool->max_objects = size_min(pool->max_objects, OBJECTS_MAX);
    pool->max_idle = opts->max_idle != 0 ? opts->max_idle : OBJECTS_MAX;
    pool->inverse = exact_inverse(pool->stride, &pool->shift);
    pool->idle_first = NONE;
    pool->is_watched = cairn__is_watched();
    if (pool->is_watched)
        cairn__show_begin(pool);
    return pool;
}

CAIRN_EXPORT size_t cairn_object_pool_destroy(cairn_object_pool *pool)
{
    if (pool == NULL)
        return 0;
    size_t in_use = pool->in_use;
    pool->is_ending = true;
    cairn_object_pool_trim(pool, 0);
    for (uint32_t row = 0; row < CHUNKS; row++) {
        struct chunk *chunk = &pool->chunks[row];
        for (uint32_t place = 0; place < chunk->begun; place++) {
            if (chunk->links[place] != IN_USE)
                continue;
            chunk->links[place] = BUSY;
            pool->in_use--;
            pool->busy++;
            unmake(pool, number_of(row, place));
        }
    }
    if (pool->is_watched)
        cairn__show_end(pool);
    for (uint32_t row = 0; row < CHUNKS; row++)
        if (pool->chunks[row].places != NULL)
            give_chunk(pool, &pool->chunks[row]);
    cairn_allocator_dealloc(pool->opts.source, pool, SELF);
    return in_use;
}

/* ---- questions ---- */

CAIRN_EXPORT bool cairn_object_pool_is_in_use(const cairn_object_pool *pool, const void *object)
{
    uint32_t number = find(pool, object);
    return number != NONE && *link_of(pool, number) == IN_USE;
}

CAIRN_EXPORT size_t cairn_object_pool_in_use(const cairn_object_pool *pool)
{
    return pool->in_use;
}

CAIRN_EXPORT size_t cairn_object_pool_idle(const cairn_object_pool *pool)
{
    return pool->idle;
}

CAIRN_EXPORT bool cairn_object_pool_visit(const cairn_object_pool *pool, cairn_visitor *visitor,
                                          void *context)
{
    for (uint32_t row = 0; row < CHUNKS; row++) {
        const struct chunk *chunk = &pool->chunks[row];
        for (uint32_t place = 0; place < chunk->begun; place++)
            if (!visitor(context, chunk->places + place * pool->stride, pool->object.size,
                         chunk->links[place] == IN_USE))
                return false;
        size_t rest = (chunk->count - chunk->begun) * pool->stride;
        if (rest != 0 &&
            !visitor(context, chunk->places + chunk->begun * pool->stride, rest, false))
            return false;
    }
    return true;
}

static const char *audit_chunk(const struct chunk *chunk, bool has_room)
{
    uint32_t vacant = 0;
    if (chunk->begun > chunk->count)
        return "object_pool: more places were used than there are";
    for (uint32_t place = chunk->vacant; place != NONE; place = chunk->links[place])
        if (place >= chunk->begun || ++vacant > chunk->begun)
            return "object_pool: the list of vacant places is broken";
    if (chunk->begun != chunk->made + vacant)
        return "object_pool: a place is neither vacant nor an object's";
    if (has_room != (vacant != 0 || chunk->begun < chunk->count))
        return "object_pool: nobody knows of a vacant place";
    return NULL;
}

CAIRN_EXPORT const char *cairn_object_pool_audit(const cairn_object_pool *pool)
{
    size_t made = 0, in_use = 0, busy = 0, idle = 0;
    for (uint32_t row = 0; row < CHUNKS; row++) {
        const struct chunk *chunk = &pool->chunks[row];
        if (chunk->places == NULL) {
            if (chunk->count != 0 || chunk->made != 0 || (pool->has_room >> row & 1) != 0)
                return "object_pool: objects without a chunk";
            continue;
        }
        const char *wrong = audit_chunk(chunk, (pool->has_room >> row & 1) != 0);
        if (wrong != NULL)
            return wrong;
        made += chunk->made;
        for (uint32_t place = 0; place < chunk->begun; place++) {
            in_use += chunk->links[place] == IN_USE;
            busy += chunk->links[place] == BUSY;
        }
    }
    for (uint32_t number = pool->idle_first; number != NONE; number = *link_of(pool, number))
        if (number > NONE || place_of(number) >= chunk_of(pool, number)->begun || ++idle > made)
            return "object_pool: the list of idle objects is broken";
    if (in_use != pool->in_use || idle != pool->idle || busy > pool->busy)
        return "object_pool: the counts do not add up";
    if (made != idle + in_use + pool->busy || made > pool->max_objects)
        return "object_pool: an object is neither idle nor in use";
    return NULL;
}
