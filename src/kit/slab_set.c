/* SPDX-License-Identifier: MIT */
/*
 * See cairn/slab_set.h, and slab_inside.h for slabs and bins: a class is a bin. Here: chunks, which
 * the slabs of all classes are taken from, and large blocks.
 *
 * A chunk is one block of the source, of up to 32 slabs; its notes, with those of its slabs, are
 * another. A slab that is empty goes back to its chunk at once. Every slab of every chunk is in the
 * directory `slabs` by its address, in use or not; every large block is in `large` with its size
 * and alignment, and so can be told from any other address, and given back when the set ends.
 *
 *     bit i of chunk->free  <=>  slab i has bin == NULL
 *     chunk in chunks[s]    <=>  chunk_state(chunk) == s
 *     empty_slabs            =   slabs of the chunks in chunks[EMPTY]
 *     slab->bin != NULL      =>  slab->used != 0
 *
 * Where a tool watches, no group is open, blocks have a red zone behind them, and a block that is
 * resized moves.
 */
#include "cairn/slab_set.h"

#include "base/memory.h"
#include "base/visible.h"
#include "cairn/system.h"
#include "kit/slab_inside.h"

#define SLAB_SIZE ((size_t)CAIRN_SLAB_SET_SLAB)

enum {
    CLASSES = CAIRN_SLAB_SET_CLASSES,
    STEP = 16, /* of the smallest classes */
    CHUNK_SLABS_MAX = 32,
    RED_ZONE = 16,
    LARGE_ALIGN_BITS = 6,
};

/* The notes of a slab of the class with most blocks. */
enum { NOTES_SIZE = sizeof(struct slab) + CAIRN_SLAB_SET_SLAB / STEP / GROUP * sizeof(uint64_t) };

struct chunk {
    struct slab_link link; /* first */
    char *memory;
    uint32_t count; /* slabs */
    uint32_t free;  /* those of no class */
    _Alignas(struct slab) char notes[];
};

enum chunk_state { FULL, ROOMY, EMPTY, CHUNK_STATES };

struct cairn_slab_set {
    struct slab_bin bins[CLASSES];
    struct slab_directory slabs;
    struct slab_directory large;
    size_t large_bytes;
    struct slab_link chunks[CHUNK_STATES]; /* EMPTY: oldest first; ROOMY: latest from FULL first */
    size_t empty_slabs;
    bool watched;
    cairn_allocator source;
    size_t max_empty;
    size_t refusals;
};

static const cairn_layout STATE = {sizeof(cairn_slab_set), _Alignof(cairn_slab_set)};

/* ---- classes ---- */

/*
 * 8 classes from 2^b to 2^(b+1), as many below 128, so that one formula does for all. size: 1 to
 * CAIRN_SLAB_SET_MAX.
 */
static inline size_t class_of_size(size_t size)
{
    unsigned b = log2_floor((size - 1) | 128);
    return ((size - 1) >> (b - 3)) + (size_t)(b - 7) * 8;
}

static size_t class_size(size_t class)
{
    unsigned b = class < 16 ? 7 : (unsigned)class / 8 + 6;
    return (class - (size_t)(b - 7) * 8 + 1) << (b - 3);
}

/*
 * CLASSES: none, a large block. Sizes that are multiples of an alignment are in classes that are:
 * either the class's step is, or the size is a class.
 */
static inline size_t class_of(const cairn_slab_set *set, cairn_layout layout)
{
    size_t size = size_max(layout.size, 1);
    if (UNLIKELY(set->watched))
        size += RED_ZONE;
    if (layout.align > STEP)
        size = round_up(size, layout.align);
    return size <= CAIRN_SLAB_SET_MAX ? class_of_size(size) : CLASSES;
}

/* ---- chunks ---- */

static uint32_t chunk_mask(const struct chunk *chunk)
{
    return mask32(0, chunk->count);
}

static enum chunk_state chunk_state(const struct chunk *chunk)
{
    return chunk->free == 0 ? FULL : chunk->free == chunk_mask(chunk) ? EMPTY : ROOMY;
}

static struct slab *slab_at(const struct chunk *chunk, size_t index)
{
    return (struct slab *)(void *)((uintptr_t)chunk->notes + index * NOTES_SIZE);
}

static cairn_layout memory_layout(size_t slabs)
{
    return cairn__layout(slabs * SLAB_SIZE, SLAB_SIZE);
}

static cairn_layout notes_layout(size_t slabs)
{
    return cairn__layout(sizeof(struct chunk) + slabs * NOTES_SIZE, _Alignof(struct chunk));
}

#define CHUNK_OF(link_of_chunk) ((struct chunk *)(void *)(link_of_chunk))

/* Into the list of its state. */
static void list_chunk(cairn_slab_set *set, struct chunk *chunk)
{
    enum chunk_state state = chunk_state(chunk);
    struct slab_link *head = &set->chunks[state];
    link_append(state == ROOMY ? head->next : head, &chunk->link);
}

static bool add_chunk(cairn_slab_set *set, size_t slabs)
{
    if (!cairn__slab_directory_reserve(&set->slabs, slabs))
        return false;
    struct chunk *chunk = cairn_allocator_alloc(set->source, notes_layout(slabs));
    if (chunk == NULL)
        return false;
    chunk->memory = cairn_allocator_alloc(set->source, memory_layout(slabs));
    if (chunk->memory == NULL) {
        cairn_allocator_dealloc(set->source, chunk, notes_layout(slabs));
        return false;
    }
    chunk->count = (uint32_t)slabs;
    chunk->free = chunk_mask(chunk);
    for (size_t i = 0; i < slabs; i++) {
        struct slab *slab = slab_at(chunk, i);
        slab->bin = NULL;
        slab->owner = chunk;
        slab->memory = chunk->memory + i * SLAB_SIZE;
        cairn__slab_directory_put(&set->slabs, (uintptr_t)slab->memory, (uintptr_t)slab);
    }
    if (set->watched)
        cairn__show_unused(chunk->memory, slabs * SLAB_SIZE);
    list_chunk(set, chunk);
    set->empty_slabs += slabs;
    return true;
}

/* Memory and notes to the source; in no list and in no directory any more. */
static void give_chunk(cairn_slab_set *set, struct chunk *chunk)
{
    size_t slabs = chunk->count;
    if (set->watched)
        cairn__show_usable(chunk->memory, slabs * SLAB_SIZE);
    cairn_allocator_dealloc(set->source, chunk->memory, memory_layout(slabs));
    cairn_allocator_dealloc(set->source, chunk, notes_layout(slabs));
}

/* The empty chunk that has been so for longest goes. Returns its bytes. */
static size_t give_oldest(cairn_slab_set *set)
{
    struct chunk *chunk = CHUNK_OF(set->chunks[EMPTY].next);
    size_t slabs = chunk->count;
    link_remove(&chunk->link);
    set->empty_slabs -= slabs;
    for (size_t i = 0; i < slabs; i++)
        cairn__slab_directory_remove(&set->slabs, (uintptr_t)slab_at(chunk, i)->memory);
    give_chunk(set, chunk);
    return memory_layout(slabs).size + notes_layout(slabs).size;
}

/* As many as max_empty says, but the latest. */
static void keep_to_bound(cairn_slab_set *set)
{
    while (set->max_empty != 0 && set->empty_slabs * SLAB_SIZE > set->max_empty &&
           set->chunks[EMPTY].next != set->chunks[EMPTY].previous)
        give_oldest(set);
}

/* A slab that no class has any more. */
static void put_slab(cairn_slab_set *set, struct slab *slab)
{
    struct chunk *chunk = slab->owner;
    enum chunk_state before = chunk_state(chunk);
    slab->bin = NULL;
    chunk->free |= 1u << (size_t)(slab->memory - chunk->memory) / SLAB_SIZE;
    if (chunk_state(chunk) == before)
        return;
    link_remove(&chunk->link);
    list_chunk(set, chunk);
    if (chunk_state(chunk) == EMPTY) {
        set->empty_slabs += chunk->count;
        keep_to_bound(set);
    }
}

static void close_group(cairn_slab_set *set, struct slab_bin *bin)
{
    struct slab *slab = cairn__slab_bin_close(bin);
    if (slab != NULL)
        put_slab(set, slab);
}

static void close_all(cairn_slab_set *set)
{
    for (size_t i = 0; i < CLASSES; i++)
        close_group(set, &set->bins[i]);
}

static struct chunk *chunk_with_room(const cairn_slab_set *set)
{
    if (!link_is_alone(&set->chunks[ROOMY]))
        return CHUNK_OF(set->chunks[ROOMY].next);
    return link_is_alone(&set->chunks[EMPTY]) ? NULL : CHUNK_OF(set->chunks[EMPTY].previous);
}

/* Chunks grow with the set; where memory is short, what lies open in other classes is looked at,
 * and one slab alone is asked for. */
static struct chunk *find_room(cairn_slab_set *set)
{
    struct chunk *chunk = chunk_with_room(set);
    if (chunk != NULL)
        return chunk;
    size_t slabs = size_min(size_max(set->slabs.count / 4, 1), CHUNK_SLABS_MAX);
    if (!add_chunk(set, slabs)) {
        close_all(set);
        if (chunk_with_room(set) == NULL)
            add_chunk(set, 1);
    }
    return chunk_with_room(set);
}

/* A slab for a class, in no list. */
static struct slab *take_slab(cairn_slab_set *set, struct slab_bin *bin)
{
    struct chunk *chunk = find_room(set);
    if (chunk == NULL)
        return NULL;
    struct slab *slab = slab_at(chunk, lowest_bit(chunk->free));
    enum chunk_state before = chunk_state(chunk);
    chunk->free &= chunk->free - 1;
    if (before == EMPTY)
        set->empty_slabs -= chunk->count;
    if (chunk_state(chunk) != before) {
        link_remove(&chunk->link);
        list_chunk(set, chunk);
    }
    cairn__slab_format(slab, bin, slab->memory);
    return slab;
}

/* ---- blocks of classes ---- */

static struct slab *slab_with_room(cairn_slab_set *set, struct slab_bin *bin)
{
    if (!link_is_alone(&bin->partial))
        return SLAB_OF(bin->partial.next);
    return take_slab(set, bin);
}

static NOINLINE void *alloc_slow(cairn_slab_set *set, struct slab_bin *bin, size_t size)
{
    if (!set->watched)
        cairn__slab_bin_close(bin); /* it has no free bits: no slab becomes empty */
    struct slab *slab = slab_with_room(set, bin);
    if (UNLIKELY(slab == NULL))
        return NULL;
    void *block = NULL;
    if (UNLIKELY(set->watched)) {
        block = cairn__slab_take_one(slab);
        cairn__show_alloc(set, block, size);
    } else {
        cairn__slab_bin_open(bin, slab);
        cairn__slab_group_take(&bin->group, &block);
    }
    return block;
}

static struct slab *find_slab(const cairn_slab_set *set, const void *ptr)
{
    return (struct slab *)slab_directory_find(&set->slabs, round_down((uintptr_t)ptr, SLAB_SIZE));
}

static COLD bool refuse(cairn_slab_set *set)
{
    set->refusals++;
    return false;
}

static NOINLINE bool dealloc_slow(cairn_slab_set *set, struct slab_bin *bin, void *ptr, size_t size)
{
    struct slab *slab = find_slab(set, ptr);
    if (UNLIKELY(slab == NULL || slab->bin != bin))
        return refuse(set);
    size_t index = slab_index_of(slab, ptr);
    if (UNLIKELY(index == SIZE_MAX || !slab_is_in_use(slab, index)))
        return refuse(set);
    if (UNLIKELY(set->watched)) {
        cairn__show_dealloc(set, ptr, size);
    } else if (slab_bin_should_follow(bin, slab, index)) {
        if (bin->group.bits != 0)
            close_group(set, bin);
        slab_bin_follow(bin, slab, index / GROUP);
        return cairn__slab_group_put(&bin->group, ptr);
    }
    if (UNLIKELY(slab_release(slab, index)))
        put_slab(set, slab);
    return true;
}

/* ---- large blocks ---- */

/* What the directory holds of one; 0: no block can be so large. */
static uintptr_t large_value(cairn_layout layout)
{
    if (layout.size >> (64 - LARGE_ALIGN_BITS) != 0)
        return 0;
    return size_max(layout.size, 1) << LARGE_ALIGN_BITS | log2_floor(layout.align);
}

static cairn_layout large_layout(uintptr_t value)
{
    return cairn__layout(value >> LARGE_ALIGN_BITS,
                         (size_t)1 << (value & mask32(0, LARGE_ALIGN_BITS)));
}

static size_t give_all(cairn_slab_set *set)
{
    size_t bytes = 0;
    close_all(set);
    while (!link_is_alone(&set->chunks[EMPTY]))
        bytes += give_oldest(set);
    return bytes;
}

static void *source_alloc(const cairn_slab_set *set, cairn_layout layout, bool zeroed)
{
    return zeroed ? cairn_allocator_alloc_zeroed(set->source, layout)
                  : cairn_allocator_alloc(set->source, layout);
}

static COLD void *large_alloc(cairn_slab_set *set, cairn_layout layout, bool zeroed)
{
    uintptr_t value = large_value(layout);
    if (value == 0 || !cairn__slab_directory_reserve(&set->large, 1))
        return NULL;
    layout = large_layout(value);
    void *ptr = source_alloc(set, layout, zeroed);
    if (ptr == NULL && give_all(set) != 0)
        ptr = source_alloc(set, layout, zeroed);
    if (ptr == NULL)
        return NULL;
    cairn__slab_directory_put(&set->large, (uintptr_t)ptr, value);
    set->large_bytes += layout.size;
    return ptr;
}

static bool is_large(const cairn_slab_set *set, const void *ptr, cairn_layout layout)
{
    uintptr_t value = slab_directory_find(&set->large, (uintptr_t)ptr);
    return value != 0 && value == large_value(layout);
}

static COLD bool large_dealloc(cairn_slab_set *set, void *ptr, cairn_layout layout)
{
    if (UNLIKELY(!is_large(set, ptr, layout)))
        return refuse(set);
    layout = large_layout(large_value(layout));
    cairn__slab_directory_remove(&set->large, (uintptr_t)ptr);
    set->large_bytes -= layout.size;
    cairn_allocator_dealloc(set->source, ptr, layout);
    return true;
}

static void *large_realloc(cairn_slab_set *set, void *ptr, cairn_layout layout, size_t new_size)
{
    uintptr_t value = large_value(cairn__layout(new_size, layout.align));
    if (value == 0)
        return NULL;
    layout = large_layout(large_value(layout));
    new_size = large_layout(value).size;
    void *moved = cairn_allocator_realloc(set->source, ptr, layout, new_size);
    if (moved == NULL)
        return NULL;
    cairn__slab_directory_remove(&set->large, (uintptr_t)ptr);
    cairn__slab_directory_put(&set->large, (uintptr_t)moved, value);
    set->large_bytes += new_size - layout.size;
    return moved;
}

/* ---- blocks: as an allocator ---- */

static void *set_alloc(void *self, cairn_layout layout)
{
    cairn_slab_set *set = self;
    size_t class = class_of(set, layout);
    if (UNLIKELY(class == CLASSES))
        return large_alloc(set, layout, false);
    void *block;
    if (LIKELY(cairn__slab_group_take(&set->bins[class].group, &block)))
        return block;
    return alloc_slow(set, &set->bins[class], layout.size);
}

static void *set_alloc_zeroed(void *self, cairn_layout layout)
{
    cairn_slab_set *set = self;
    if (class_of(set, layout) == CLASSES)
        return large_alloc(set, layout, true);
    void *block = set_alloc(set, layout);
    if (LIKELY(block != NULL))
        memset(block, 0, layout.size);
    return block;
}

static bool end_block(cairn_slab_set *set, void *ptr, cairn_layout layout)
{
    size_t class = class_of(set, layout);
    if (UNLIKELY(class == CLASSES))
        return large_dealloc(set, ptr, layout);
    return cairn__slab_group_put(&set->bins[class].group, ptr) ||
           dealloc_slow(set, &set->bins[class], ptr, layout.size);
}

static void set_dealloc(void *self, void *ptr, cairn_layout layout)
{
    end_block(self, ptr, layout);
}

static bool is_in_use(const cairn_slab_set *set, size_t class, const void *ptr)
{
    const struct slab *slab = find_slab(set, ptr);
    if (slab == NULL || slab->bin != &set->bins[class])
        return false;
    size_t index = slab_index_of(slab, ptr);
    return index != SIZE_MAX && slab_is_in_use(slab, index);
}

static void *set_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_slab_set *set = self;
    cairn_layout new_layout = cairn__layout(new_size, layout.align);
    size_t old_class = class_of(set, layout);
    size_t new_class = class_of(set, new_layout);
    if (UNLIKELY(old_class == CLASSES ? !is_large(set, ptr, layout)
                                      : !is_in_use(set, old_class, ptr))) {
        refuse(set);
        return NULL;
    }
    if (old_class == new_class && !set->watched && old_class != CLASSES)
        return ptr;
    if (old_class == CLASSES && new_class == CLASSES)
        return large_realloc(set, ptr, layout, new_size);
    void *moved = set_alloc(set, new_layout);
    if (UNLIKELY(moved == NULL))
        return NULL;
    memcpy(moved, ptr, size_min(layout.size, new_size));
    end_block(set, ptr, layout);
    return moved;
}

static bool set_owns(void *self, const void *ptr)
{
    return cairn_slab_set_owns(self, ptr);
}

static size_t set_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    const cairn_slab_set *set = self;
    size_t class = class_of(set, layout);
    if (class == CLASSES) {
        layout = large_layout(large_value(layout));
        return cairn_allocator_usable_size(set->source, ptr, layout);
    }
    return set->watched ? layout.size : class_size(class);
}

CAIRN_EXPORT cairn_allocator cairn_slab_set_allocator(cairn_slab_set *set)
{
    static const cairn_allocator_ops ops = {
        .name = "slab_set",
        .alloc = set_alloc,
        .dealloc = set_dealloc,
        .alloc_zeroed = set_alloc_zeroed,
        .realloc = set_realloc,
        .owns = set_owns,
        .usable_size = set_usable_size,
    };
    return (cairn_allocator){&ops, set};
}

CAIRN_EXPORT void *cairn_slab_set_alloc(cairn_slab_set *set, cairn_layout layout)
{
    return cairn_layout_is_valid(layout) ? set_alloc(set, layout) : NULL;
}

CAIRN_EXPORT bool cairn_slab_set_dealloc(cairn_slab_set *set, void *ptr, cairn_layout layout)
{
    return cairn_layout_is_valid(layout) ? end_block(set, ptr, layout) : refuse(set);
}

CAIRN_EXPORT void *cairn_slab_set_realloc(cairn_slab_set *set, void *ptr, cairn_layout layout,
                                          size_t new_size)
{
    if (!cairn_layout_is_valid(layout))
        return NULL;
    return cairn_allocator_realloc(cairn_slab_set_allocator(set), ptr, layout, new_size);
}

/* ---- all of it ---- */

static struct slab *next_slab(const cairn_slab_set *set, size_t *at)
{
    const struct slab_slot *slot = slab_directory_next(&set->slabs, at);
    return slot != NULL ? (struct slab *)slot->value : NULL;
}

static void show_all_ended(cairn_slab_set *set, const struct slab *slab)
{
    size_t stride = slab->bin->group.stride;
    for (size_t i = 0; i < slab->bin->count; i++)
        if (slab_is_in_use(slab, i))
            cairn__show_dealloc(set, slab->start + i * stride, stride);
}

static void end_large_blocks(cairn_slab_set *set)
{
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&set->large, &at)) != NULL;)
        cairn_allocator_dealloc(set->source, (void *)slot->key, large_layout(slot->value));
    cairn__slab_directory_fini(&set->large);
    set->large_bytes = 0;
}

CAIRN_EXPORT void cairn_slab_set_reset(cairn_slab_set *set)
{
    end_large_blocks(set);
    close_all(set);
    for (size_t i = 0; i < CLASSES; i++)
        link_init(&set->bins[i].partial);
    for (size_t i = 0; i < CHUNK_STATES; i++)
        link_init(&set->chunks[i]);
    struct slab *slab;
    for (size_t at = 0; (slab = next_slab(set, &at)) != NULL;) {
        if (set->watched && slab->bin != NULL)
            show_all_ended(set, slab);
        slab->bin = NULL;
        struct chunk *chunk = slab->owner;
        if (slab->memory != chunk->memory)
            continue;
        chunk->free = chunk_mask(chunk);
        list_chunk(set, chunk);
    }
    set->empty_slabs = set->slabs.count;
    keep_to_bound(set);
}

CAIRN_EXPORT size_t cairn_slab_set_trim(cairn_slab_set *set)
{
    size_t bytes = give_all(set);
    bytes += cairn__slab_directory_trim(&set->slabs);
    return bytes + cairn__slab_directory_trim(&set->large);
}

CAIRN_EXPORT cairn_slab_set *cairn_slab_set_create(const cairn_slab_set_opts *opts)
{
    cairn_slab_set_opts own = {.max_empty = 0};
    if (opts != NULL)
        own = *opts;
    if (own.source.ops == NULL)
        own.source = cairn_system();
    cairn_slab_set *set = cairn_allocator_alloc(own.source, STATE);
    if (set == NULL)
        return NULL;
    *set = (cairn_slab_set){.source = own.source, .max_empty = own.max_empty};
    set->watched = cairn__is_watched();
    for (size_t i = 0; i < CLASSES; i++)
        cairn__slab_bin_init(&set->bins[i], class_size(i), SLAB_SIZE / class_size(i));
    cairn__slab_directory_init(&set->slabs, own.source);
    cairn__slab_directory_init(&set->large, own.source);
    for (size_t i = 0; i < CHUNK_STATES; i++)
        link_init(&set->chunks[i]);
    if (set->watched)
        cairn__show_begin(set);
    return set;
}

CAIRN_EXPORT void cairn_slab_set_destroy(cairn_slab_set *set)
{
    if (set == NULL)
        return;
    cairn_slab_set_reset(set);
    give_all(set);
    cairn__slab_directory_fini(&set->slabs);
    if (set->watched)
        cairn__show_end(set);
    cairn_allocator_dealloc(set->source, set, STATE);
}

/* ---- questions ---- */

static bool is_in_large(const cairn_slab_set *set, const void *ptr)
{
    if (slab_directory_find(&set->large, (uintptr_t)ptr) != 0)
        return true;
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&set->large, &at)) != NULL;)
        if ((uintptr_t)ptr - slot->key < large_layout(slot->value).size)
            return true;
    return false;
}

CAIRN_EXPORT bool cairn_slab_set_owns(const cairn_slab_set *set, const void *ptr)
{
    const struct slab *slab = find_slab(set, ptr);
    if (slab == NULL)
        return ptr != NULL && is_in_large(set, ptr);
    if (slab->bin == NULL)
        return false;
    size_t index = (size_t)((const char *)ptr - slab->start) / slab->bin->group.stride;
    return index < slab->bin->count && slab_is_in_use(slab, index);
}

CAIRN_EXPORT void cairn_slab_set_stats_get(const cairn_slab_set *set, cairn_slab_set_stats *stats)
{
    *stats = (cairn_slab_set_stats){
        .large = set->large.count,
        .large_bytes = set->large_bytes,
        .slabs = set->slabs.count,
        .refusals = set->refusals,
    };
    stats->bytes = sizeof *set + cairn__slab_directory_bytes(&set->slabs) +
                   cairn__slab_directory_bytes(&set->large) + set->large_bytes +
                   stats->slabs * (SLAB_SIZE + NOTES_SIZE);
    const struct slab *slab;
    for (size_t at = 0; (slab = next_slab(set, &at)) != NULL;) {
        stats->chunks += slab->memory == ((const struct chunk *)slab->owner)->memory;
        stats->slabs_free += slab->bin == NULL;
        size_t live = slab->bin != NULL ? cairn__slab_live(slab) : 0;
        stats->live += live;
        stats->live_bytes += live != 0 ? live * slab->bin->group.stride : 0;
    }
    stats->bytes += stats->chunks * sizeof(struct chunk);
}

CAIRN_EXPORT bool cairn_slab_set_class_stats_get(const cairn_slab_set *set, size_t index,
                                                 cairn_slab_set_class_stats *stats)
{
    if (index >= CLASSES)
        return false;
    const struct slab_bin *bin = &set->bins[index];
    *stats = (cairn_slab_set_class_stats){.size = class_size(index), .slab_blocks = bin->count};
    const struct slab *slab;
    for (size_t at = 0; (slab = next_slab(set, &at)) != NULL;) {
        if (slab->bin != bin)
            continue;
        stats->slabs++;
        stats->blocks += bin->count;
        stats->live += cairn__slab_live(slab);
    }
    return true;
}

CAIRN_EXPORT bool cairn_slab_set_visit(const cairn_slab_set *set, cairn_visitor *visitor,
                                       void *context)
{
    const struct slab *slab;
    for (size_t at = 0; (slab = next_slab(set, &at)) != NULL;)
        if (slab->bin == NULL ? !visitor(context, slab->memory, SLAB_SIZE, false)
                              : !cairn__slab_visit(slab, visitor, context))
            return false;
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&set->large, &at)) != NULL;)
        if (!visitor(context, (void *)slot->key, large_layout(slot->value).size, true))
            return false;
    return true;
}

/* ---- audit ---- */

struct tally {
    size_t partial[CLASSES];     /* slabs that should be in the lists of the bins */
    size_t chunks[CHUNK_STATES]; /* that should be in these lists */
    size_t slabs, empty_slabs;
};

static const char *audit_chunk(const struct chunk *chunk, struct tally *tally)
{
    for (size_t i = 0; i < chunk->count; i++) {
        const struct slab *slab = slab_at(chunk, i);
        if (slab->owner != chunk || slab->memory != chunk->memory + i * SLAB_SIZE)
            return "a slab is not where its chunk says";
        if ((slab->bin == NULL) != (chunk->free >> i & 1))
            return "a chunk does not know which slabs are free";
    }
    tally->chunks[chunk_state(chunk)]++;
    tally->slabs += chunk->count;
    tally->empty_slabs += chunk_state(chunk) == EMPTY ? chunk->count : 0;
    return NULL;
}

static const char *audit_slab(const cairn_slab_set *set, const struct slab *slab,
                              struct tally *tally)
{
    if (slab->bin == NULL)
        return NULL;
    size_t class = (size_t)(slab->bin - set->bins);
    if (class >= CLASSES)
        return "a slab is of no class";
    if (slab->used == 0)
        return "a class keeps an empty slab";
    tally->partial[class] += slab->groups != 0;
    return cairn__slab_audit(slab);
}

static const char *audit_all(const cairn_slab_set *set, struct tally *tally)
{
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&set->slabs, &at)) != NULL;) {
        const struct slab *slab = (const struct slab *)slot->value;
        const struct chunk *chunk = slab->owner;
        const char *wrong = audit_slab(set, slab, tally);
        if ((uintptr_t)slab->memory != slot->key)
            wrong = "a slab is not what its slot says";
        if (wrong == NULL && slab->memory == chunk->memory)
            wrong = audit_chunk(chunk, tally);
        if (wrong != NULL)
            return wrong;
    }
    if (tally->slabs != set->slabs.count || tally->empty_slabs != set->empty_slabs)
        return "the set has lost count of its slabs";
    return NULL;
}

static const char *audit_list(const cairn_slab_set *set, enum chunk_state state, size_t count)
{
    const struct slab_link *head = &set->chunks[state], *link = head;
    for (size_t i = 0; i <= count; i++, link = link->next) {
        if (link->next->previous != link)
            return "a list of chunks is broken";
        if (i > 0 && (link == head || chunk_state(CHUNK_OF(link)) != state))
            return "a chunk is in the wrong list";
    }
    return link == head ? NULL : "a list of chunks is too long";
}

static const char *audit_large(const cairn_slab_set *set)
{
    size_t bytes = 0;
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&set->large, &at)) != NULL;)
        bytes += large_layout(slot->value).size;
    return bytes == set->large_bytes ? NULL : "the large blocks have lost count";
}

CAIRN_EXPORT const char *cairn_slab_set_audit(const cairn_slab_set *set)
{
    struct tally tally = {.slabs = 0};
    const char *wrong = cairn__slab_directory_audit(&set->slabs);
    if (wrong == NULL)
        wrong = cairn__slab_directory_audit(&set->large);
    if (wrong == NULL)
        wrong = audit_large(set);
    if (wrong == NULL)
        wrong = audit_all(set, &tally);
    for (size_t i = 0; wrong == NULL && i < CLASSES; i++)
        wrong = cairn__slab_bin_audit(&set->bins[i], tally.partial[i]);
    for (int i = 0; wrong == NULL && i < CHUNK_STATES; i++)
        wrong = audit_list(set, (enum chunk_state)i, tally.chunks[i]);
    return wrong;
}
