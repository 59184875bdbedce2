/* SPDX-License-Identifier: MIT */
/*
 * See cairn/slab.h; slab_inside.h for what a slab is, slab_group.h for the open group. Here: how
 * slabs are cut, where they come from and when they go back. Every slab is in the directory by its
 * address, and
 *     used == 0              <=>  in the list `empty`, oldest first, empty_count of them
 *     used != 0, groups != 0 <=>  in the bin's list `partial`
 *     else full, or all that is free lies in the open group: in no list
 *     idle <= empty_count         slabs that have lain empty ever since the last reap
 *
 * A slab, from its address: colour, objects, notes, if the notes take little of it; else they come
 * from the source by themselves. Owned by its user, who lets one thread in at a time.
 *
 * Where a tool watches, no group is ever open, so that each call comes here.
 */
#include "cairn/slab.h"

#include "base/memory.h"
#include "base/visible.h"
#include "cairn/system.h"
#include "kit/slab_directory.h"
#include "kit/slab_group.h"

enum {
    LINE = 64,        /* of a processor's cache: the distance between colours */
    COLOURS_MAX = 64, /* then the lines of a first-level cache have all had their turn */
    COLOURS_WANTED = 8,
    LOSS_MAX = 32,     /* at most one object in so many is given up for colours and notes */
    MALLOC_WORDS = 16, /* that a malloc keeps between blocks: where they find room at the end of a
                        * slab, the next one lies right behind it */
    RED_ZONE = 16,     /* behind each object where a tool watches */
};

#define OBJECT_SIZE_MAX ((size_t)1 << 40)

/* How slabs are cut. All in bytes, but count and colours. */
struct shape {
    size_t stride;
    size_t count;
    size_t align;  /* of a slab: its address says whose it is */
    size_t size;   /* that are asked for, align or less */
    size_t colour; /* from one to the next */
    size_t colours;
    bool notes_inside; /* behind the last object */
};

struct cairn_slab {
    struct slab_bin bin; /* first: cairn/slab.h looks here */
    struct slab_directory slabs;
    struct slab_link empty;
    size_t empty_count;
    size_t idle;
    size_t next_colour;
    struct shape shape;
    cairn_layout object;
    bool watched;
    cairn_slab_opts opts;
    size_t taken, given, refusals;
};

static const cairn_layout STATE = {sizeof(cairn_slab), _Alignof(cairn_slab)};

/* ---- how slabs are cut ---- */

static size_t power_of_two_above(size_t x)
{
    return x <= 1 ? 1 : power_of_two_below(x - 1) << 1;
}

/* Enough objects for a slab to be worth its notes, not so many that few are used. */
static size_t default_slab_size(size_t stride, const cairn_slab_opts *opts)
{
    size_t usual = power_of_two_above(stride * (opts->construct != NULL ? 64 : 1024));
    size_t large = power_of_two_above(stride * 32);
    size_t size = size_max(size_min(usual, 32 * KIB), size_min(large, MIB));
    return size_max(size_max(size, 4 * KIB), power_of_two_above(stride));
}

static size_t notes_offset(const struct shape *shape, size_t colour)
{
    return round_up(colour + shape->count * shape->stride, _Alignof(struct slab));
}

static bool shape_init(struct shape *shape, cairn_layout object, const cairn_slab_opts *opts,
                       bool watched)
{
    if (!cairn_layout_is_valid(object) || object.size > OBJECT_SIZE_MAX ||
        object.align > OBJECT_SIZE_MAX)
        return false;
    size_t align = watched ? size_max(object.align, 8) : object.align;
    size_t stride = round_up(size_max(object.size, 1), align);
    if (watched && (opts->slab_size == 0 || opts->slab_size >= stride + align + RED_ZONE))
        stride = round_up(stride + RED_ZONE, align);
    size_t slab_size = opts->slab_size != 0 ? opts->slab_size : default_slab_size(stride, opts);
    if (!is_power_of_two(slab_size) || slab_size < stride)
        return false;

    size_t count = size_min(slab_size / stride, SLAB_BLOCKS_MAX);
    size_t colour = size_max(LINE, align);
    size_t wanted = slab_size_of_notes(count) + _Alignof(struct slab) + MALLOC_WORDS +
                    (COLOURS_WANTED - 1) * colour;
    size_t inside = wanted < slab_size ? size_min((slab_size - wanted) / stride, count) : 0;
    bool notes_inside = inside >= count - count / LOSS_MAX;
    if (notes_inside)
        count = inside;
    *shape = (struct shape){.stride = stride,
                            .count = count,
                            .align = slab_size,
                            .colour = colour,
                            .notes_inside = notes_inside};
    size_t least = count * stride;
    if (notes_inside) {
        least = notes_offset(shape, 0) + slab_size_of_notes(count);
        slab_size -= MALLOC_WORDS;
    }
    shape->colours = size_min((slab_size - least) / colour + 1, COLOURS_MAX);
    shape->size = least + (shape->colours - 1) * colour;
    return true;
}

/* ---- slabs come and go ---- */

static void construct_none(cairn_slab *cache, struct slab *slab, size_t count)
{
    if (cache->opts.destruct == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        cache->opts.destruct(cache->opts.context, slab_block(slab, i));
}

static bool construct_all(cairn_slab *cache, struct slab *slab)
{
    if (cache->opts.construct == NULL)
        return true;
    for (size_t i = 0; i < cache->shape.count; i++)
        if (!cache->opts.construct(cache->opts.context, slab_block(slab, i))) {
            construct_none(cache, slab, i);
            return false;
        }
    return true;
}

static cairn_layout memory_layout(const cairn_slab *cache)
{
    return cairn__layout(cache->shape.size, cache->shape.align);
}

static cairn_layout notes_layout(const cairn_slab *cache)
{
    return cairn__layout(slab_size_of_notes(cache->shape.count), _Alignof(struct slab));
}

static char *memory_of(const cairn_slab *cache, const struct slab *slab)
{
    return (char *)round_down((uintptr_t)slab->start, cache->shape.align);
}

static void give_memory(cairn_slab *cache, struct slab *slab)
{
    char *memory = memory_of(cache, slab);
    if (!cache->shape.notes_inside)
        cairn_allocator_dealloc(cache->opts.source, slab, notes_layout(cache));
    if (cache->watched)
        cairn__show_usable(memory, cache->shape.size);
    cairn_allocator_dealloc(cache->opts.source, memory, memory_layout(cache));
}

static struct slab *take_memory(cairn_slab *cache)
{
    struct slab *slab = NULL;
    char *memory = cairn_allocator_alloc(cache->opts.source, memory_layout(cache));
    if (memory == NULL)
        return NULL;
    size_t colour = cache->next_colour * cache->shape.colour;
    if (cache->shape.notes_inside)
        slab = (struct slab *)(void *)(memory + notes_offset(&cache->shape, colour));
    else
        slab = cairn_allocator_alloc(cache->opts.source, notes_layout(cache));
    if (slab == NULL) {
        cairn_allocator_dealloc(cache->opts.source, memory, memory_layout(cache));
        return NULL;
    }
    cache->next_colour = (cache->next_colour + 1) % cache->shape.colours;
    slab->owner = cache;
    cairn__slab_format(slab, &cache->bin.cut, memory + colour);
    return slab;
}

/* Where objects lie. */
static void hide(const cairn_slab *cache, struct slab *slab)
{
    cairn__show_unused(slab->start, cache->shape.count * cache->shape.stride);
}

/* One more empty slab. False: out of memory, or a constructor said so. */
static bool grow(cairn_slab *cache)
{
    if (!cairn__slab_directory_reserve(&cache->slabs, 1))
        return false;
    struct slab *slab = take_memory(cache);
    if (slab == NULL)
        return false;
    if (!construct_all(cache, slab)) {
        give_memory(cache, slab);
        return false;
    }
    if (cache->watched)
        hide(cache, slab);
    cairn__slab_directory_put(&cache->slabs, (uintptr_t)memory_of(cache, slab), (uintptr_t)slab);
    link_append(&cache->empty, &slab->link);
    cache->empty_count++;
    cache->taken++;
    return true;
}

/* Destructors and all; not in the directory any more, or the directory is at its end. */
static void end_slab(cairn_slab *cache, struct slab *slab)
{
    if (cache->watched)
        cairn__show_readable(slab->start, cache->shape.count * cache->shape.stride);
    construct_none(cache, slab, cache->shape.count);
    give_memory(cache, slab);
}

/* The oldest empty slab goes. */
static void give_oldest(cairn_slab *cache)
{
    struct slab *slab = SLAB_OF(cache->empty.next);
    link_remove(&slab->link);
    cache->empty_count--;
    cache->idle = size_min(cache->idle, cache->empty_count);
    cache->given++;
    cairn__slab_directory_remove(&cache->slabs, (uintptr_t)memory_of(cache, slab));
    end_slab(cache, slab);
}

static void put_empty(cairn_slab *cache, struct slab *slab)
{
    link_append(&cache->empty, &slab->link);
    cache->empty_count++;
    if (cache->opts.max_empty != 0 && cache->empty_count > cache->opts.max_empty)
        give_oldest(cache);
}

static void close_group(cairn_slab *cache)
{
    struct slab *slab = bin_close(&cache->bin);
    if (slab != NULL)
        put_empty(cache, slab);
}

/* A slab with free objects, in no list if it was empty: those in use go first, then the latest
 * that became empty, then a new one. */
static struct slab *slab_with_room(cairn_slab *cache)
{
    if (!link_is_alone(&cache->bin.partial))
        return SLAB_OF(cache->bin.partial.next);
    if (link_is_alone(&cache->empty) && !grow(cache))
        return NULL;
    struct slab *slab = SLAB_OF(cache->empty.previous);
    link_remove(&slab->link);
    cache->empty_count--;
    cache->idle = size_min(cache->idle, cache->empty_count);
    return slab;
}

/* ---- objects ---- */

static COLD void *alloc_watched(cairn_slab *cache)
{
    struct slab *slab = slab_with_room(cache);
    if (slab == NULL)
        return NULL;
    size_t index = lowest_bit(slab->groups);
    unsigned bit = lowest_bit(slab->free[index]);
    bin_take_bits(&cache->bin, slab, index, (uint64_t)1 << bit);
    void *object = slab_block(slab, index * GROUP + bit);
    cairn__show_alloc(cache, object, cache->object.size);
    if (cache->opts.construct != NULL)
        cairn__show_readable(object, cache->object.size);
    return object;
}

CAIRN_EXPORT void *cairn_slab_alloc_slow(cairn_slab *cache)
{
    if (UNLIKELY(cache->watched))
        return alloc_watched(cache);
    bin_close(&cache->bin); /* it has no free bits: no slab becomes empty */
    struct slab *slab = slab_with_room(cache);
    if (UNLIKELY(slab == NULL))
        return NULL;
    bin_open(&cache->bin, slab);
    void *object = NULL;
    cairn__slab_group_take(&cache->bin.group, &object);
    return object;
}

static struct slab *find(const cairn_slab *cache, const void *ptr)
{
    uintptr_t memory = round_down((uintptr_t)ptr, cache->shape.align);
    return (struct slab *)slab_directory_find(&cache->slabs, memory);
}

static bool is_in_use(const cairn_slab *cache, const struct slab *slab, size_t index)
{
    return !slab_is_free_or_held(slab, bin_held(&cache->bin), index);
}

static COLD bool refuse(cairn_slab *cache)
{
    cache->refusals++;
    return false;
}

CAIRN_EXPORT bool cairn_slab_dealloc_slow(cairn_slab *cache, void *object)
{
    struct slab *slab = find(cache, object);
    if (UNLIKELY(slab == NULL))
        return refuse(cache);
    size_t index = slab_index_of(slab, object);
    if (UNLIKELY(index == SIZE_MAX || !is_in_use(cache, slab, index)))
        return refuse(cache);
    if (UNLIKELY(cache->watched)) {
        cairn__show_dealloc(cache, object, cache->object.size);
    } else if (bin_should_follow(&cache->bin, slab, index / GROUP)) {
        if (cache->bin.group.bits != 0)
            close_group(cache);
        bin_follow(&cache->bin, slab, index / GROUP);
        return cairn__slab_group_put(&cache->bin.group, object);
    }
    if (UNLIKELY(bin_give_bits(&cache->bin, slab, index / GROUP, (uint64_t)1 << index % GROUP, 1)))
        put_empty(cache, slab);
    return true;
}

CAIRN_EXPORT bool cairn_slab_prefill(cairn_slab *cache, size_t objects)
{
    cairn_slab_stats now;
    cairn_slab_stats_get(cache, &now);
    for (size_t free = now.objects - now.live; free < objects; free += cache->shape.count)
        if (!grow(cache))
            return false;
    return true;
}

/* ---- all of them ---- */

static struct slab *next_slab(const cairn_slab *cache, size_t *at)
{
    const struct slab_slot *slot = slab_directory_next(&cache->slabs, at);
    return slot != NULL ? (struct slab *)slot->value : NULL;
}

static void show_all_ended(cairn_slab *cache, struct slab *slab)
{
    for (size_t i = 0; i < cache->shape.count; i++)
        if (is_in_use(cache, slab, i))
            cairn__show_dealloc(cache, slab_block(slab, i), cache->object.size);
}

CAIRN_EXPORT void cairn_slab_reset(cairn_slab *cache)
{
    close_group(cache);
    link_init(&cache->bin.partial);
    link_init(&cache->empty);
    struct slab *slab;
    for (size_t at = 0; (slab = next_slab(cache, &at)) != NULL;) {
        if (cache->watched)
            show_all_ended(cache, slab);
        cairn__slab_format(slab, &cache->bin.cut, slab->start);
        link_append(&cache->empty, &slab->link);
    }
    cache->empty_count = cache->slabs.count;
    while (cache->opts.max_empty != 0 && cache->empty_count > cache->opts.max_empty)
        give_oldest(cache);
}

static size_t give(cairn_slab *cache, size_t count)
{
    for (size_t i = 0; i < count; i++)
        give_oldest(cache);
    cairn__slab_directory_trim(&cache->slabs);
    return count;
}

CAIRN_EXPORT size_t cairn_slab_reap(cairn_slab *cache)
{
    size_t given = give(cache, cache->idle);
    cache->idle = cache->empty_count;
    return given;
}

CAIRN_EXPORT size_t cairn_slab_shrink(cairn_slab *cache)
{
    size_t before = cache->given;
    close_group(cache);
    give(cache, cache->empty_count);
    return cache->given - before;
}

CAIRN_EXPORT cairn_slab *cairn_slab_create(cairn_layout object, const cairn_slab_opts *opts)
{
    cairn_slab_opts own = {.max_empty = 0};
    if (opts != NULL)
        own = *opts;
    if (own.source.ops == NULL)
        own.source = cairn_system();
    bool watched = cairn__is_watched();
    struct shape shape;
    if (!shape_init(&shape, object, &own, watched))
        return NULL;
    cairn_slab *cache = cairn_allocator_alloc(own.source, STATE);
    if (cache == NULL)
        return NULL;
    *cache = (cairn_slab){.shape = shape, .object = object, .watched = watched, .opts = own};
    cache->object.size = size_max(object.size, 1);
    bin_init(&cache->bin, slab_cut_into(shape.stride, shape.count));
    cairn__slab_directory_init(&cache->slabs, own.source);
    link_init(&cache->empty);
    if (watched)
        cairn__show_begin(cache);
    return cache;
}

CAIRN_EXPORT void cairn_slab_destroy(cairn_slab *cache)
{
    if (cache == NULL)
        return;
    if (cache->watched)
        cairn__show_end(cache); /* before memory goes back: it hides what is live */
    struct slab *slab;
    for (size_t at = 0; (slab = next_slab(cache, &at)) != NULL;)
        end_slab(cache, slab);
    cairn__slab_directory_fini(&cache->slabs);
    cairn_allocator_dealloc(cache->opts.source, cache, STATE);
}

/* ---- questions ---- */

CAIRN_EXPORT bool cairn_slab_owns(const cairn_slab *cache, const void *ptr)
{
    const struct slab *slab = find(cache, ptr);
    if (slab == NULL)
        return false;
    size_t index = slab_index_around(slab, ptr);
    return index != SIZE_MAX && is_in_use(cache, slab, index);
}

CAIRN_EXPORT void cairn_slab_stats_get(const cairn_slab *cache, cairn_slab_stats *stats)
{
    const struct shape *shape = &cache->shape;
    size_t slabs = cache->slabs.count;
    *stats = (cairn_slab_stats){
        .object_size = shape->stride,
        .slab_size = shape->size,
        .slab_objects = shape->count,
        .colours = shape->colours,
        .objects = slabs * shape->count,
        .bytes = sizeof *cache + slabs * shape->size + cairn__slab_directory_bytes(&cache->slabs),
        .slabs_taken = cache->taken,
        .slabs_given = cache->given,
        .refusals = cache->refusals,
    };
    if (!shape->notes_inside)
        stats->bytes += slabs * notes_layout(cache).size;
    stats->waste = stats->bytes - stats->objects * shape->stride;
    const struct slab *slab;
    for (size_t at = 0; (slab = next_slab(cache, &at)) != NULL;) {
        size_t live = slab->used;
        if (slab == cache->bin.open)
            live -= cairn__slab_ones(cache->bin.group.bits);
        stats->live += live;
        stats->slabs_full += live == shape->count;
        stats->slabs_partial += live != 0 && live != shape->count;
        stats->slabs_empty += live == 0;
    }
}

/* Every slab by itself; *partial, *empty: how many there are. */
static const char *audit_slabs(const cairn_slab *cache, size_t *partial, size_t *empty)
{
    *partial = *empty = 0;
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&cache->slabs, &at)) != NULL;) {
        const struct slab *slab = (const struct slab *)slot->value;
        if (slab->cut != &cache->bin.cut || slab->owner != cache ||
            (uintptr_t)slab->start - slot->key > (cache->shape.colours - 1) * cache->shape.colour)
            return "a slab is not what its slot says";
        const char *wrong = cairn__slab_audit(slab, true);
        if (wrong != NULL)
            return wrong;
        if (cairn__slab_free_count(slab) + slab->used != cache->shape.count)
            return "a slab has lost count";
        *empty += slab->used == 0;
        *partial += slab->used != 0 && slab->groups != 0;
    }
    return NULL;
}

CAIRN_EXPORT const char *cairn_slab_audit(const cairn_slab *cache)
{
    size_t partial, empty;
    const char *wrong = cairn__slab_directory_audit(&cache->slabs);
    if (wrong == NULL)
        wrong = audit_slabs(cache, &partial, &empty);
    if (wrong == NULL)
        wrong = bin_audit(&cache->bin);
    if (wrong != NULL)
        return wrong;
    if (empty != cache->empty_count || cache->idle > empty)
        return "the empty slabs have lost count";
    if (cache->taken - cache->given != cache->slabs.count)
        return "a slab is lost";
    if (!cairn__slab_list_is_sound(&cache->empty, empty) ||
        !cairn__slab_list_is_sound(&cache->bin.partial, partial))
        return "a list is broken";
    for (const struct slab_link *link = cache->empty.next; link != &cache->empty; link = link->next)
        if (SLAB_OF(link)->used != 0)
            return "a slab in use is among the empty ones";
    return NULL;
}

CAIRN_EXPORT bool cairn_slab_visit(const cairn_slab *cache, cairn_visitor *visitor, void *context)
{
    const struct slab *slab;
    for (size_t at = 0; (slab = next_slab(cache, &at)) != NULL;)
        if (!cairn__slab_visit(slab, bin_held(&cache->bin), visitor, context))
            return false;
    return true;
}

/* ---- as an allocator ---- */

static void *slab_alloc(void *self, cairn_layout layout)
{
    cairn_slab *cache = self;
    if (UNLIKELY(layout.size > cache->object.size || layout.align > cache->object.align))
        return NULL;
    return cairn_slab_alloc(cache);
}

static void *slab_alloc_zeroed(void *self, cairn_layout layout)
{
    if (((cairn_slab *)self)->opts.construct != NULL)
        return NULL;
    void *ptr = slab_alloc(self, layout);
    if (ptr != NULL)
        memset(ptr, 0, layout.size);
    return ptr;
}

static void slab_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)layout;
    cairn_slab_dealloc(self, ptr);
}

static void *slab_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    (void)layout;
    return new_size <= ((cairn_slab *)self)->object.size ? ptr : NULL;
}

static bool slab_owns(void *self, const void *ptr)
{
    return cairn_slab_owns(self, ptr);
}

static size_t slab_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)ptr;
    (void)layout;
    return ((cairn_slab *)self)->object.size;
}

CAIRN_EXPORT cairn_allocator cairn_slab_allocator(cairn_slab *cache)
{
    static const cairn_allocator_ops ops = {
        .name = "slab",
        .alloc = slab_alloc,
        .dealloc = slab_dealloc,
        .alloc_zeroed = slab_alloc_zeroed,
        .realloc = slab_realloc,
        .owns = slab_owns,
        .usable_size = slab_usable_size,
    };
    return (cairn_allocator){&ops, cache};
}
