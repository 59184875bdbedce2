/* SPDX-License-Identifier: MIT */
/*
 * malloc.h in the hardened build. An allocation takes a block from a bin and issues it; a free looks at
 * what it is told before anything changes, and aborts with one line if that is not a block in use, or
 * not as its owner left it. slot.h has the blocks of pages, fence.h the large ones.
 */
#include "core/hardened.h"

#include <string.h>

#include "base/option.h"
#include "base/print.h"
#include "core/age.h"
#include "core/bin.h"
#include "core/crime.h"
#include "core/fence.h"
#include "core/large.h"
#include "core/malloc.h"
#include "core/purge.h"
#include "core/retired.h"
#include "core/sampled.h"
#include "core/separate.h"
#include "core/slot_life.h"
#include "core/thread.h"

#if CAIRN_HARDENED

/* ---- malloc ---- */

/* 0: a large block, or none. */
static unsigned class_for(size_t size, size_t align)
{
    if (size == 0 && align <= 16)
        return CLASS_ZERO;
    if (size > MEDIUM_MAX - CANARY_LEAST || align > UNIT_SIZE)
        return 0;
    if (align <= 16)
        return class_of(size + CANARY_LEAST);
    unsigned class = cairn__class_aligned(size + CANARY_LEAST, align);
    bool fits = cairn__classes[class].size <= MEDIUM_MAX &&
                cairn__classes[class].size - size <= SLACK_MAX;
    return fits ? class : 0;
}

static void *of_family(void *block, enum family family)
{
    struct page *page = block == NULL ? NULL : page_near(block);
    if (page != NULL)
        page->family = (uint8_t)family;
    else if (block != NULL)
        cairn__huge_set_family(block, family);
    return block;
}

static void *take_large(enum family family, size_t size, size_t align)
{
    cairn__thread_heap();
    return of_family(cairn__large_alloc(size, align, NULL, NULL), family);
}

static ALWAYS_INLINE void *allocate_from(struct magazine *bin, enum family family, size_t size)
{
    struct page *page = bin->page;
    unsigned at = bin->at[--bin->count];
    /* The next one has been away for long. (The last of a magazine is asked for twice.) */
    unsigned next = bin->at[bin->count - (bin->count != 0)];
    __builtin_prefetch(page->start + next * (size_t)page->size, 1);
    return slot_issue(page, at, size, family);
}

static NOINLINE void *allocate_from_new(unsigned class, enum family family, size_t size,
                                        size_t align)
{
    void *block = cairn__take_block(class, size, align);
    if (UNLIKELY(block == NULL))
        return NULL;
    if (sampled_holds(block)) {
        cairn__sampled_set_family(block, family);
        return block;
    }
    const struct page *page = page_of(block);
    return slot_issue(page, slot_of(page, block), size, family);
}

/* No or many bytes, or more of them in a row than usual. */
static NOINLINE void *allocate_other(enum family family, size_t size, size_t align)
{
    unsigned class = class_for(size, align);
    if (class == 0)
        return take_large(family, size, align);
    cairn__slots_watch_last(cairn__heap);
    struct magazine *bin = &cairn__heap->bin[class];
    return bin->count != 0 ? allocate_from(bin, family, size)
                           : allocate_from_new(class, family, size, align);
}

static ALWAYS_INLINE void *allocate(enum family family, size_t size, size_t align)
{
    bool plain = size - 1 < WATCH_ALWAYS && align <= 16;
    if (UNLIKELY(!plain))
        return allocate_other(family, size, align);
    unsigned class = class_of_small(size + CANARY_LEAST);
    struct magazine *bin = &cairn__heap->bin[class];
    if (UNLIKELY(bin->count == 0))
        return allocate_from_new(class, family, size, align);
    return allocate_from(bin, family, size);
}

void *cairn__hardened_malloc(enum family family, size_t size, size_t align)
{
    return allocate(family, size, align);
}

void *cairn__malloc_slow(size_t size)
{
    return allocate(FAMILY_MALLOC, size, 1);
}

/* Free memory reads as zero. */
void *cairn__calloc(size_t count, size_t size)
{
    size_t bytes;
    if (UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return NULL;
    return cairn__hardened_malloc(FAMILY_MALLOC, bytes, 1);
}

void *cairn__aligned(size_t align, size_t size)
{
    return cairn__hardened_malloc(FAMILY_MALLOC, size, align);
}

/* ---- what a pointer is ---- */

static _Noreturn COLD void not_ours(const char *kind, const char *what, const void *ptr,
                                    const char *detail)
{
    cairn__crime((struct crime){.kind = kind, .what = what, .ptr = ptr, .detail = detail});
}

static const char no_block_of_ours[] = ", which is no block of this heap";

/* ptr: in a block of its own. */
static _Noreturn COLD void freed_before(const char *what, const void *ptr, const char *start)
{
    if (ptr == start)
        not_ours(what[0] == 'f' ? "double " : "late ", what, ptr, ", which was freed before");
    not_ours("invalid ", what, ptr, ", in a large block that was freed before");
}

/* The page of units in use that ptr, as the program gave it, is in; NULL: no region holds it. Aborts if
 * they are not in use. */
static struct page *page_in_use(const char *what, const void *given)
{
    const void *ptr = tag_strip(given);
    struct page *page = page_near(ptr);
    if (UNLIKELY(page == NULL))
        return NULL;
    if (page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    struct heap *owner = page_owner(page);
    if (UNLIKELY(owner == OWNER_KEPT))
        freed_before(what, ptr, page->start);
    if (UNLIKELY(owner == NULL))
        not_ours("invalid ", what, ptr, ", where no block is (freed before?)");
    if (UNLIKELY(page->size == 0 && tag_of(given) != 0))
        not_ours("invalid ", what, ptr, ", by a pointer with a wrong tag");
    return page;
}

/* A large or huge block. */
struct own {
    const char *start;
    size_t size;
    uint8_t family;
};

static struct own own_of(const struct page *page)
{
    return (struct own){page->start, fence_size(page), page->family};
}

/* False: no huge block is there. Aborts if there was one. */
static bool find_huge(const char *what, const void *ptr, struct own *own)
{
    struct huge_block block;
    if (!cairn__huge_find(ptr, &block))
        return false;
    if (UNLIKELY(block.freed))
        freed_before(what, ptr, block.start);
    *own = (struct own){block.start, block.size, block.family};
    return true;
}

static void require_start(const char *what, const struct own *own, const void *ptr)
{
    const char *at = ptr;
    if (UNLIKELY(at != own->start))
        cairn__crime(
            (struct crime){.kind = "invalid ",
                           .what = what,
                           .ptr = ptr,
                           .detail = at < own->start ? ", which is before a block, by bytes: "
                                                     : ", which is inside a block, at byte ",
                           .number = (size_t)(at < own->start ? own->start - at : at - own->start),
                           .own = own->start,
                           .size = own->size});
}

/* ---- free ---- */

static void require_match(const struct own *own, enum family family, size_t size)
{
    if (UNLIKELY(family != FAMILY_ANY && own->family != FAMILY_ANY && own->family != family &&
                 cairn__harden != HARDEN_FAST))
        cairn__crime((struct crime){.what = "free by another family of",
                                    .ptr = own->start,
                                    .own = own->start,
                                    .size = own->size});
    if (UNLIKELY(size != SIZE_UNKNOWN && size != own->size))
        cairn__crime((struct crime){.what = "free with a wrong size of",
                                    .ptr = own->start,
                                    .detail = ", given as ",
                                    .number = size,
                                    .more = " bytes",
                                    .own = own->start,
                                    .size = own->size});
}

static void require_own(const struct own *own, const void *ptr, enum family family, size_t size)
{
    require_start("free of", own, ptr);
    require_match(own, family, size);
}

static NOINLINE void free_large(struct page *page, void *ptr, enum family family, size_t size)
{
    struct own own = own_of(page);
    require_own(&own, ptr, family, size);
    if (page_owner(page) == OWNER_LARGE ? !cairn__large_free(ptr, page)
                                        : !cairn__separate_free(ptr, page))
        cairn__crime((struct crime){.what = "double free of", .ptr = ptr});
    purge_attend();
}

static NOINLINE void free_huge(void *ptr, enum family family, size_t size)
{
    struct own own;
    if (!find_huge("free of", ptr, &own))
        not_ours("invalid ", "free of", ptr, no_block_of_ours);
    require_own(&own, ptr, family, size);
    if (!cairn__huge_free(ptr))
        cairn__crime((struct crime){.what = "double free of", .ptr = ptr});
}

/* Whatever is not a block of the thread's own heap. */
static NOINLINE void free_other(enum family family, void *ptr, size_t size)
{
    if (ptr == NULL)
        return;
    struct page *page = page_in_use("free of", ptr);
    if (UNLIKELY(page == NULL)) {
        if (sampled_holds(ptr))
            cairn__sampled_free(ptr, family, size);
        else
            free_huge(ptr, family, size);
        return;
    }
    if (UNLIKELY(page->size == 0)) {
        free_large(page, ptr, family, size);
        return;
    }
    cairn__thread_heap(); /* or it would not be known that there are several threads */
    slot_retire(page, ptr, size, family, false);
    cairn__free_slow(tag_strip(ptr), page);
}

static ALWAYS_INLINE void free_block(enum family family, void *given, size_t size)
{
    struct heap *heap = cairn__heap;
    void *ptr = tag_strip(given);
    size_t offset = window_offset(ptr);
    struct page *page = NULL;
    if (LIKELY(offset < window_size())) {
        page = &cairn__window.pages[offset >> UNIT_SHIFT];
        if (page_owner(page) == OWNER_INTERIOR)
            page -= page->offset;
    }
    if (UNLIKELY(page == NULL || page_owner(page) != heap)) {
        free_other(family, given, size);
        return;
    }
    slot_retire(page, given, size, family, true);
    slot_watch(heap, ptr);
    heap_add_waiting(heap, page, 1);
    heap_count_freed(heap, page, 1);
    if (UNLIKELY(page_free_block(page, ptr)))
        cairn__free_event(page);
}

void cairn__hardened_free(enum family family, void *ptr, size_t size)
{
    free_block(family, ptr, size);
}

void cairn__free(void *ptr)
{
    free_block(FAMILY_MALLOC, ptr, SIZE_UNKNOWN);
}

/* ---- sizes ---- */

/* SIZE_UNKNOWN: no block of ours is there. Aborts where one was, or if none begins there. */
static size_t size_of(const char *what, const void *ptr)
{
    const struct page *page = page_in_use(what, ptr);
    if (page != NULL && page->size != 0)
        return cairn__slot_size(page, ptr, what);
    if (page == NULL && sampled_holds(ptr))
        return cairn__sampled_size(ptr, what);
    struct own own;
    if (page != NULL)
        own = own_of(page);
    else if (!find_huge(what, ptr, &own))
        return SIZE_UNKNOWN;
    require_start(what, &own, ptr);
    return own.size;
}

/* Exactly what was asked for: a byte more is beyond the block. */
size_t cairn__usable_size(const void *ptr)
{
    size_t size = ptr == NULL ? 0 : size_of("size of", ptr);
    return size == SIZE_UNKNOWN ? 0 : size;
}

size_t cairn__hardened_size(const void *ptr)
{
    size_t size = ptr == NULL ? 0 : size_of("size of", ptr);
    if (UNLIKELY(size == SIZE_UNKNOWN))
        not_ours("invalid ", "size of", ptr, no_block_of_ours);
    return size;
}

/* ptr: a block. */
static void *resize_in_place(void *ptr, size_t size)
{
    struct page *page = page_near(tag_strip(ptr));
    if (page == NULL)
        return size > HUGE_LEAST ? cairn__huge_resize(ptr, size) : NULL;
    page = page_of(tag_strip(ptr));
    if (page->size != 0)
        return class_of(size + CANARY_LEAST) == page->class && cairn__slot_resize(page, ptr, size)
                   ? ptr
                   : NULL;
    return size > MEDIUM_MAX && size <= LARGE_MAX && cairn__large_resize(ptr, size) ? ptr : NULL;
}

/* A block of a separate heap stays there. */
static void *new_place(const void *ptr, size_t before, size_t size)
{
    struct heap *separate = cairn__separate_heap_of(ptr);
    if (UNLIKELY(separate != NULL))
        return cairn__separate_alloc(separate, size, 1, NULL);
    void *block = NULL;
    if (before > MEDIUM_MAX && size > before)
        block = of_family(cairn__large_alloc_growing(before, size), FAMILY_MALLOC);
    return block != NULL ? block : cairn__hardened_malloc(FAMILY_MALLOC, size, 1);
}

void *cairn__realloc(void *ptr, size_t size)
{
    size_t before = size_of("realloc of", ptr);
    if (UNLIKELY(before == SIZE_UNKNOWN))
        not_ours("invalid ", "realloc of", ptr, no_block_of_ours);
    void *block = size <= SIZE_LIMIT ? resize_in_place(ptr, size) : NULL;
    if (block != NULL)
        return block;
    block = new_place(ptr, before, size);
    /* Shrinking cannot fail: where there is no memory to move to, the block stays as it is. */
    if (block == NULL)
        return size <= before ? ptr : NULL;
    memcpy(block, ptr, size_min(before, size));
    cairn__hardened_free(FAMILY_ANY, ptr, SIZE_UNKNOWN);
    return block;
}

/* ---- the end ---- */

static void sweep_list(const struct page_list *list, size_t *left)
{
    for (const struct page *page = list->first; page != NULL && *left > 0; page = page->next) {
        cairn__slots_sweep(page);
        *left -= size_min(*left, (size_t)page->units << UNIT_SHIFT);
    }
}

/* Large ones of whatever heap. Nobody else may free or resize them meanwhile. */
static void sweep_large(const struct region *region)
{
    size_t units = atomic_load_explicit(&region->opened, memory_order_relaxed) * CHUNK_UNITS;
    for (size_t unit = 0; unit < units;) {
        const struct page *page = &region->pages[unit];
        bool large = page_owner(page) == OWNER_LARGE;
        if (large)
            cairn__fence_check(page);
        unit += large ? page->units : 1;
    }
}

void cairn__hardened_sweep(void)
{
    struct heap *heap = cairn__heap;
    if (!heap_is_real(heap) || cairn__harden == HARDEN_FAST)
        return;
    cairn__retired_sweep();
    if (!has_threads())
        for (struct region *region = cairn__region_first(); region != NULL;
             region = cairn__region_next(region))
            sweep_large(region);
    if (!has_threads())
        cairn__huge_sweep();
    size_t left = cairn__harden == HARDEN_PARANOID ? SIZE_MAX : SWEEP_AT_EXIT;
    cairn__slots_watch(heap);
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        const struct shelf *shelf = &heap->shelf[class];
        if (shelf->active != NULL)
            cairn__slots_sweep(shelf->active);
        sweep_list(&shelf->listed, &left);
        sweep_list(&shelf->asleep, &left);
    }
}

/* ---- ranges ---- */

static const char no_block[] = ": no block is there, or not any more";

static size_t room_from(const void *ptr, const char *start, size_t size)
{
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)start;
    return offset < size ? size - offset : 0;
}

size_t cairn__room_in_huge(const char *what, const void *ptr)
{
    struct huge_block block;
    if (UNLIKELY(cairn__harden == HARDEN_FAST) || LIKELY(!cairn__huge_find(ptr, &block)))
        return SIZE_MAX;
    if (UNLIKELY(block.freed))
        not_ours(NULL, what, ptr, no_block);
    return room_from(ptr, block.start, block.size);
}

size_t cairn__room_in_page(const char *what, const void *ptr)
{
    if (UNLIKELY(cairn__harden == HARDEN_FAST))
        return SIZE_MAX;
    const char *at = tag_strip(ptr);
    const struct page *page = page_near(at);
    if (page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    const char *block = page->start;
    size_t room = 0;
    if (page_owner(page) == NULL || page_owner(page) == OWNER_KEPT) {
        not_ours(NULL, what, ptr, no_block);
    } else if (page->size == 0) {
        room = fence_size(page);
    } else {
        size_t number = (size_t)(at - block) * page->factor >> SLOT_FACTOR_SHIFT;
        uint16_t slot = number < page->capacity ? slot_load(page, number) : SLOT_FREE;
        if (UNLIKELY(slot_is_zero(slot)))
            cairn__crime((struct crime){.what = what,
                                        .ptr = ptr,
                                        .detail = ": the block there is not in use",
                                        .page = page,
                                        .size = page->size});
        block += number * page->size;
        room = slot_size(page, slot);
    }
    return room_from(at, block, room);
}

void cairn__beyond(const char *what, const char *how, const void *ptr, size_t count, size_t room)
{
    TEXT_LINE(text);
    cairn__text_put(&text, "overflow: ");
    cairn__text_put(&text, what);
    cairn__text_put(&text, how);
    cairn__text_uint(&text, count);
    cairn__text_put(&text, " bytes at");
    text.data[text.length] = '\0';
    cairn__crime((struct crime){.what = text.data,
                                .ptr = ptr,
                                .detail = ", where its block has ",
                                .number = room,
                                .more = " left"});
}

#endif
