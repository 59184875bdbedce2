/* SPDX-License-Identifier: MIT */
/*
 * See cairn/slab_set.h; slab_inside.h for what a slab is, slab_class.h for classes, slab_chunks.h for
 * where slabs come from. Here: which class serves what, and large blocks.
 *
 * A slab that a class has emptied goes back to its chunk at once, unless it is the class's last with
 * room. A class without free blocks, before it has another slab, takes single blocks of the next
 * larger class, alignment permitting: numbers in classes go up and down by chance, and a slab that
 * one has too much is one that another has not. So the class that a layout says may be one below
 * that of the slab.
 *
 * Every large block is in a directory with its size and alignment, and so can be told from any other
 * address, and given back when the set ends. Owned by its user, who lets one thread in at a time.
 *
 * Where a tool watches, there are no hints, blocks have a red zone behind them, and a block that is
 * resized moves.
 */
#include "cairn/slab_set.h"

#include "base/memory.h"
#include "base/visible.h"
#include "cairn/system.h"
#include "kit/slab_chunks.h"
#include "kit/slab_class.h"

enum {
    CLASSES = CAIRN_SLAB_SET_CLASSES,
    RED_ZONE = 16,
    ALIGN_BITS = 6, /* of a large block's entry */
};

struct cairn_slab_set {
    bool watched;
    struct slab_chunks chunks;
    struct slab_directory large;
    size_t large_bytes;
    cairn_allocator source;
    size_t refusals;
    struct slab_class classes[CLASSES];
};

static const cairn_layout STATE = {sizeof(cairn_slab_set), _Alignof(cairn_slab_set)};

/* ---- which class ---- */

/*
 * 8 classes from 2^b to 2^(b+1), as many below 128, so that one formula does for all. size: 1 to
 * CAIRN_SLAB_SET_MAX.
 */
static inline size_t class_of_size(size_t size)
{
    unsigned b = log2_floor((size - 1) | 128);
    return ((size - 1) >> (b - 3)) + (size_t)(b - 7) * 8;
}

static size_t class_size(size_t index)
{
    unsigned b = index < 16 ? 7 : (unsigned)index / 8 + 6;
    return (index - (size_t)(b - 7) * 8 + 1) << (b - 3);
}

/*
 * NULL: none, a large block. Sizes that are multiples of an alignment are in classes that are, too:
 * either the step between classes is, or the size is a class.
 */
static inline struct slab_class *class_of(cairn_slab_set *set, cairn_layout layout)
{
    size_t size = size_max(layout.size, 1);
    if (UNLIKELY(set->watched))
        size += RED_ZONE;
    if (UNLIKELY(layout.align > CAIRN_SLAB_SET_STEP))
        size = round_up(size, layout.align);
    return LIKELY(size <= CAIRN_SLAB_SET_MAX) ? &set->classes[class_of_size(size)] : NULL;
}

/* ---- blocks of classes ---- */

/* Slabs of no blocks go back to their chunks, where any class finds them. */
static void give_empty_slabs(cairn_slab_set *set)
{
    struct slab *slab;
    for (size_t i = 0; i < CLASSES; i++)
        while ((slab = cairn__slab_class_take_empty(&set->classes[i])) != NULL)
            cairn__slab_chunks_put(&set->chunks, slab);
}

/* One more slab for a class. False: out of memory. */
static bool grow(cairn_slab_set *set, struct slab_class *class)
{
    struct slab *slab = cairn__slab_chunks_take(&set->chunks);
    if (UNLIKELY(slab == NULL)) {
        give_empty_slabs(set);
        slab = cairn__slab_chunks_take(&set->chunks);
    }
    if (UNLIKELY(slab == NULL))
        return false;
    cairn__slab_class_give(class, slab);
    return true;
}

static NOINLINE void *alloc_slow(cairn_slab_set *set, struct slab_class *class, cairn_layout layout)
{
    if (!cairn__slab_class_find(class)) {
        bool may_borrow = class + 1 < set->classes + CLASSES && layout.align <= CAIRN_SLAB_SET_STEP;
        if (may_borrow && cairn__slab_class_find(class + 1))
            class ++;
        else if (UNLIKELY(!grow(set, class) || !cairn__slab_class_find(class)))
            return NULL;
    }
    void *block = slab_class_take(class);
    if (UNLIKELY(set->watched)) {
        class->hints = 0;
        cairn__show_alloc(set, block, layout.size);
    }
    return block;
}

static inline void *alloc_block(cairn_slab_set *set, struct slab_class *class, cairn_layout layout)
{
    return LIKELY(class->hints != 0) ? slab_class_take(class) : alloc_slow(set, class, layout);
}

static COLD bool refuse(cairn_slab_set *set)
{
    set->refusals++;
    return false;
}

static COLD void watch_end(cairn_slab_set *set, struct slab_class *class, void *ptr, size_t size)
{
    cairn__show_dealloc(set, ptr, size);
    class->hints = 0;
}

static inline bool end_block(cairn_slab_set *set, struct slab_class *class, void *ptr, size_t size)
{
    struct slab *slab = slab_chunks_find(&set->chunks, ptr);
    if (UNLIKELY(slab == NULL))
        return refuse(set);
    if (UNLIKELY(slab_class_of(slab) != class)) {
        class ++;
        if (slab_class_of(slab) != class)
            return refuse(set);
    }
    size_t index = slab_index_of(slab, ptr);
    if (UNLIKELY(index == SIZE_MAX || slab_is_free(slab, index)))
        return refuse(set);
    bool is_empty = slab_class_end(class, slab, ptr, index);
    if (UNLIKELY(set->watched))
        watch_end(set, class, ptr, size);
    if (UNLIKELY(is_empty))
        cairn__slab_chunks_put(&set->chunks, slab);
    return true;
}

static bool is_in_use(const cairn_slab_set *set, const struct slab_class *class, const void *ptr)
{
    const struct slab *slab = slab_chunks_find(&set->chunks, ptr);
    if (slab == NULL || (slab_class_of(slab) != class && slab_class_of(slab) != class + 1))
        return false;
    size_t index = slab_index_of(slab, ptr);
    return index != SIZE_MAX && !slab_is_free(slab, index);
}

/* ---- large blocks ---- */

/* What the directory holds of one; 0: no block can be so large. */
static uintptr_t large_value(cairn_layout layout)
{
    if (layout.size >> (64 - ALIGN_BITS) != 0)
        return 0;
    return size_max(layout.size, 1) << ALIGN_BITS | log2_floor(layout.align);
}

static cairn_layout large_layout(uintptr_t value)
{
    return cairn__layout(value >> ALIGN_BITS, (size_t)1 << (value & mask32(0, ALIGN_BITS)));
}

static void *source_alloc(const cairn_slab_set *set, cairn_layout layout, bool zeroed)
{
    return zeroed ? cairn_allocator_alloc_zeroed(set->source, layout)
                  : cairn_allocator_alloc(set->source, layout);
}

static size_t give_empty(cairn_slab_set *set)
{
    give_empty_slabs(set);
    return cairn__slab_chunks_trim(&set->chunks);
}

static COLD void *alloc_large(cairn_slab_set *set, cairn_layout layout, bool zeroed)
{
    uintptr_t value = large_value(layout);
    if (value == 0 || !cairn__slab_directory_reserve(&set->large, 1))
        return NULL;
    layout = large_layout(value);
    void *ptr = source_alloc(set, layout, zeroed);
    if (ptr == NULL && give_empty(set) != 0)
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

static COLD bool end_large(cairn_slab_set *set, void *ptr, cairn_layout layout)
{
    if (UNLIKELY(!is_large(set, ptr, layout)))
        return refuse(set);
    layout = large_layout(large_value(layout));
    cairn__slab_directory_remove(&set->large, (uintptr_t)ptr);
    set->large_bytes -= layout.size;
    cairn_allocator_dealloc(set->source, ptr, layout);
    return true;
}

static void *realloc_large(cairn_slab_set *set, void *ptr, cairn_layout layout, size_t new_size)
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
    struct slab_class *class = class_of(self, layout);
    if (UNLIKELY(class == NULL))
        return alloc_large(self, layout, false);
    return alloc_block(self, class, layout);
}

static void *set_alloc_zeroed(void *self, cairn_layout layout)
{
    struct slab_class *class = class_of(self, layout);
    if (UNLIKELY(class == NULL))
        return alloc_large(self, layout, true);
    void *block = alloc_block(self, class, layout);
    if (LIKELY(block != NULL))
        memset(block, 0, layout.size);
    return block;
}

static bool set_end(cairn_slab_set *set, void *ptr, cairn_layout layout)
{
    struct slab_class *class = class_of(set, layout);
    if (UNLIKELY(class == NULL))
        return end_large(set, ptr, layout);
    return end_block(set, class, ptr, layout.size);
}

static void set_dealloc(void *self, void *ptr, cairn_layout layout)
{
    set_end(self, ptr, layout);
}

static void *set_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_slab_set *set = self;
    cairn_layout new_layout = cairn__layout(new_size, layout.align);
    struct slab_class *class = class_of(set, layout), *new_class = class_of(set, new_layout);
    if (UNLIKELY(class != NULL ? !is_in_use(set, class, ptr) : !is_large(set, ptr, layout))) {
        refuse(set);
        return NULL;
    }
    if (class == NULL && new_class == NULL)
        return realloc_large(set, ptr, layout, new_size);
    if (class == new_class && !set->watched)
        return ptr;
    void *moved = set_alloc(set, new_layout);
    if (UNLIKELY(moved == NULL))
        return NULL;
    memcpy(moved, ptr, size_min(layout.size, new_size));
    set_end(set, ptr, layout);
    return moved;
}

static bool set_owns(void *self, const void *ptr)
{
    return cairn_slab_set_owns(self, ptr);
}

static size_t set_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    cairn_slab_set *set = self;
    const struct slab_class *class = class_of(set, layout);
    if (class == NULL) {
        layout = large_layout(large_value(layout));
        return cairn_allocator_usable_size(set->source, ptr, layout);
    }
    return set->watched ? layout.size : class->cut.stride;
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
    return LIKELY(cairn_layout_is_valid(layout)) ? set_alloc(set, layout) : NULL;
}

CAIRN_EXPORT bool cairn_slab_set_dealloc(cairn_slab_set *set, void *ptr, cairn_layout layout)
{
    return LIKELY(cairn_layout_is_valid(layout)) ? set_end(set, ptr, layout) : refuse(set);
}

CAIRN_EXPORT void *cairn_slab_set_realloc(cairn_slab_set *set, void *ptr, cairn_layout layout,
                                          size_t new_size)
{
    if (!cairn_layout_is_valid(layout))
        return NULL;
    return cairn_allocator_realloc(cairn_slab_set_allocator(set), ptr, layout, new_size);
}

/* ---- all of it ---- */

static void init_classes(cairn_slab_set *set)
{
    for (size_t i = 0; i < CLASSES; i++)
        cairn__slab_class_init(&set->classes[i], class_size(i), SLAB_SIZE / class_size(i));
}

static void end_large_blocks(cairn_slab_set *set)
{
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&set->large, &at)) != NULL;)
        cairn_allocator_dealloc(set->source, (void *)slot->key, large_layout(slot->value));
    cairn__slab_directory_fini(&set->large);
    set->large_bytes = 0;
}

static void show_all_ended(cairn_slab_set *set)
{
    const struct slab *slab;
    for (size_t at = 0; (slab = slab_chunks_next(&set->chunks, &at)) != NULL;)
        for (size_t i = 0; slab->cut != NULL && i < slab->cut->count; i++)
            if (!slab_is_free(slab, i))
                cairn__show_dealloc(set, slab_block(slab, i), slab->cut->stride);
}

CAIRN_EXPORT void cairn_slab_set_reset(cairn_slab_set *set)
{
    if (set->watched)
        show_all_ended(set);
    end_large_blocks(set);
    init_classes(set);
    cairn__slab_chunks_reset(&set->chunks);
}

CAIRN_EXPORT size_t cairn_slab_set_trim(cairn_slab_set *set)
{
    size_t bytes = give_empty(set);
    bytes += cairn__slab_directory_trim(&set->chunks.slabs);
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
    set->source = own.source;
    set->watched = cairn__is_watched();
    set->large_bytes = 0;
    set->refusals = 0;
    init_classes(set);
    cairn__slab_chunks_init(&set->chunks, own.source, own.max_empty, set->watched);
    cairn__slab_directory_init(&set->large, own.source);
    if (set->watched)
        cairn__show_begin(set);
    return set;
}

CAIRN_EXPORT void cairn_slab_set_destroy(cairn_slab_set *set)
{
    if (set == NULL)
        return;
    if (set->watched)
        cairn__show_end(set); /* before memory goes back: it hides what is live */
    end_large_blocks(set);
    cairn__slab_chunks_fini(&set->chunks);
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
    const struct slab *slab = slab_chunks_find(&set->chunks, ptr);
    if (slab == NULL)
        return ptr != NULL && is_in_large(set, ptr);
    if (slab->cut == NULL)
        return false;
    size_t index = slab_index_around(slab, ptr);
    return index != SIZE_MAX && !slab_is_free(slab, index);
}

CAIRN_EXPORT void cairn_slab_set_stats_get(const cairn_slab_set *set, cairn_slab_set_stats *stats)
{
    *stats = (cairn_slab_set_stats){
        .large = set->large.count,
        .large_bytes = set->large_bytes,
        .slabs = set->chunks.slabs.count,
        .refusals = set->refusals,
    };
    stats->bytes = sizeof *set + cairn__slab_chunks_bytes(&set->chunks, &stats->chunks) +
                   cairn__slab_directory_bytes(&set->large) + set->large_bytes;
    const struct slab *slab;
    for (size_t at = 0; (slab = slab_chunks_next(&set->chunks, &at)) != NULL;) {
        if (slab->cut == NULL) {
            stats->slabs_free++;
            continue;
        }
        stats->live += slab->used;
        stats->live_bytes += slab->used * slab->cut->stride;
    }
}

CAIRN_EXPORT bool cairn_slab_set_class_stats_get(const cairn_slab_set *set, size_t index,
                                                 cairn_slab_set_class_stats *stats)
{
    if (index >= CLASSES)
        return false;
    const struct slab_cut *cut = &set->classes[index].cut;
    *stats = (cairn_slab_set_class_stats){.size = cut->stride, .slab_blocks = cut->count};
    const struct slab *slab;
    for (size_t at = 0; (slab = slab_chunks_next(&set->chunks, &at)) != NULL;) {
        if (slab->cut != cut)
            continue;
        stats->slabs++;
        stats->blocks += cut->count;
        stats->live += slab->used;
    }
    return true;
}

CAIRN_EXPORT bool cairn_slab_set_visit(const cairn_slab_set *set, cairn_visitor *visitor,
                                       void *context)
{
    const struct slab *slab;
    const struct slab_held none = {NULL, 0, 0};
    for (size_t at = 0; (slab = slab_chunks_next(&set->chunks, &at)) != NULL;)
        if (slab->cut == NULL ? !visitor(context, slab->start, SLAB_SIZE, false)
                              : !cairn__slab_visit(slab, none, visitor, context))
            return false;
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&set->large, &at)) != NULL;)
        if (!visitor(context, (void *)slot->key, large_layout(slot->value).size, true))
            return false;
    return true;
}

/* ---- audit ---- */

/* Every slab by itself; listed[c]: how many should be in the lists of class c. */
static const char *audit_slabs(const cairn_slab_set *set, size_t listed[CLASSES])
{
    const struct slab *slab;
    for (size_t at = 0; (slab = slab_chunks_next(&set->chunks, &at)) != NULL;) {
        if (slab->cut == NULL)
            continue;
        size_t index = (size_t)(slab_class_of(slab) - set->classes);
        if (index >= CLASSES)
            return "a slab is of no class";
        const char *wrong = cairn__slab_class_audit_slab(slab);
        if (wrong != NULL)
            return wrong;
        listed[index] += slab_is_listed(slab);
    }
    return NULL;
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
    size_t listed[CLASSES] = {0};
    const char *wrong = cairn__slab_chunks_audit(&set->chunks);
    if (wrong == NULL)
        wrong = cairn__slab_directory_audit(&set->large);
    if (wrong == NULL)
        wrong = audit_large(set);
    if (wrong == NULL)
        wrong = audit_slabs(set, listed);
    for (size_t i = 0; wrong == NULL && i < CLASSES; i++)
        wrong = cairn__slab_class_audit(&set->classes[i], listed[i]);
    return wrong;
}
