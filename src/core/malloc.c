/* SPDX-License-Identifier: MIT */
/* See malloc.h. */
#include "core/malloc.h"

#include <string.h>

#include "base/option.h"
#include "core/bin.h"
#include "core/huge.h"
#include "core/large.h"
#include "core/purge.h"
#include "core/refill.h"
#include "core/remote.h"
#include "core/sampled.h"
#include "core/separate.h"
#include "core/shared.h"
#include "core/thread.h"
#include "os/fatal.h"
#include "os/os.h"

static _Atomic size_t foreign_frees;

size_t cairn__foreign_frees(void)
{
    return atomic_load_explicit(&foreign_frees, memory_order_relaxed);
}

/* ---- malloc ---- */

/* What a thread without a heap gets. */
static NOINLINE void *take_shared(unsigned class, size_t size)
{
    struct heap *shared = cairn__shared_acquire();
    void *block = bin_take(shared, class);
    if (block == NULL) {
        block = cairn__refill(shared, class);
        heap_note_asked(shared, class, size);
    }
    cairn__shared_release(shared);
    return block;
}

static NOINLINE void *take_sampled(struct heap *heap, unsigned class, size_t size, size_t align)
{
    bool due = size != 0 && cairn__sample_is_due(heap, class);
    return due ? cairn__sampled_alloc(size, align) : NULL;
}

/* The bin is empty and the active page has too little. *fresh (if asked): the block reads as zero. */
static NOINLINE void *take_from_new(unsigned class, size_t size, size_t align, bool *fresh)
{
    struct heap *heap = cairn__heap;
    if (UNLIKELY(!heap_is_real(heap))) {
        heap = cairn__thread_heap();
        if (heap == NULL)
            return take_shared(class, size);
        void *block = bin_take(heap, class);
        if (block != NULL) /* getting the heap has allocated */
            return block;
    }
    void *block = sample_is_due(heap, class) ? take_sampled(heap, class, size, align) : NULL;
    if (block != NULL)
        return block;
    uint64_t before = heap->counts.handed;
    block = cairn__refill(heap, class);
    heap_note_asked(heap, class, size);
    if (UNLIKELY(cairn__sample_rate != 0) && block != NULL)
        cairn__sample_next(heap, class, heap->counts.handed - before);
    if (SLOTTED)
        cairn__slots_watch(heap);
    purge_attend();
    if (fresh != NULL)
        *fresh = heap->fresh;
    return block;
}

static inline void *take_block(unsigned class, size_t size, size_t align, bool *fresh)
{
    struct heap *heap = cairn__heap;
    void *block = bin_take(heap, class);
    if (LIKELY(block != NULL))
        return block;
    block = refill_from_active(heap, class);
    return LIKELY(block != NULL) ? block : take_from_new(class, size, align, fresh);
}

#if CAIRN_HARDENED

void *cairn__take_block(unsigned class, size_t size, size_t align)
{
    return take_block(class, size, align, NULL);
}

#else

static void *take_large(size_t size, size_t align, bool *zeroed)
{
    struct heap *heap = cairn__thread_heap(); /* it keeps what is freed for the next time */
    if (heap != NULL && (cairn__sample_rate != 0 || !refill_may_be_short(heap, LARGE_AS_BLOCKS))) {
        cairn__refill_tend(heap);
        purge_attend();
    }
    return cairn__large_alloc(size, align, zeroed, NULL);
}

void *cairn__malloc_slow(size_t size)
{
    if (LIKELY(size <= MEDIUM_MAX))
        return take_block(class_of(size), size, 1, NULL);
    return take_large(size, 1, NULL);
}

void *cairn__calloc(size_t count, size_t size)
{
    size_t bytes;
    if (UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
        return NULL;
    bool zeroed = false;
    void *block = cairn__malloc_fast(bytes);
    if (UNLIKELY(block == NULL)) {
        if (bytes <= MEDIUM_MAX)
            block = take_block(class_of(bytes), bytes, 1, &zeroed);
        else
            block = take_large(bytes, 1, &zeroed);
    }
    if (block != NULL) {
        if (!zeroed)
            memset(block, 0, bytes);
        else
            block_clear(block);
    }
    return block;
}

void *cairn__aligned(size_t align, size_t size)
{
    if (align <= 16)
        return cairn__malloc_slow(size);
    unsigned class = align > UNIT_SIZE ? 0 : cairn__class_aligned(size, align);
    if (class != 0)
        return take_block(class, size, align, NULL);
    return take_large(size, align, NULL);
}

#endif

/* ---- free ---- */

/* A pointer to where our blocks lie, and none begins there: a bug of the program's, which is told. */
static void ignore_bad(const char *what, const void *ptr)
{
#if CHECKED
    cairn__checked_no_block("free of", ptr);
#endif
    enum { REPORTS = 8 }; /* then it has been said */
    static _Atomic unsigned reports;
    atomic_fetch_add_explicit(&foreign_frees, 1, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&reports, 1, memory_order_relaxed) < REPORTS)
        cairn__report(what, ptr);
}

void cairn__free_event(struct page *page)
{
    cairn__heap_event(cairn__heap, page);
    purge_attend();
}

static void free_through(struct heap *heap, struct page *page, void *ptr)
{
    bool outer = heap_enter(heap);
    if (page_owner(page) == heap ||
        (page_owner(page) == OWNER_COLD && cairn__heap_adopt(heap, page)))
        heap_free_local(heap, page, ptr);
    else
        cairn__remote_free(heap, page, ptr);
    heap_leave(heap, outer);
}

/* A page that is no heap's of this thread. Apart from free_slow, whose medium case needs no frame. */
static NOINLINE void free_elsewhere(void *ptr, struct page *page)
{
    struct heap *owner = page_owner(page);
    if (owner == OWNER_LARGE || owner == OWNER_KEPT || owner == NULL || page->separate) {
        bool done = owner == OWNER_LARGE ? cairn__large_free(ptr, page)
                                         : cairn__separate_free(ptr, page);
        if (!done && owner == OWNER_LARGE)
            ignore_bad("ignored: free of a pointer into a block, not to its start:", ptr);
        else if (!done)
            ignore_bad("ignored: free of a pointer into unused memory (freed before?):", ptr);
        purge_attend();
        return;
    }
    struct heap *heap = cairn__thread_heap();
    if (LIKELY(heap != NULL)) {
        free_through(heap, page, ptr);
    } else {
        heap = cairn__shared_acquire();
        free_through(heap, page, ptr);
        cairn__remote_flush(heap);
        cairn__shared_release(heap);
    }
    purge_attend();
}

void cairn__free_slow(void *ptr, struct page *page)
{
    if (page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    check_any("free of", page, ptr);
    if (page_owner(page) != cairn__heap) {
        if (UNLIKELY(!remote_free_more(cairn__heap, page, ptr)))
            free_elsewhere(ptr, page);
    } else if (UNLIKELY(page_free_block(page, ptr))) {
        cairn__free_event(page);
    }
}

#if !CAIRN_HARDENED

/* A pointer that is not ours: a library may have its own allocator, and mix them up. */
static void ignore(const char *what, const void *ptr)
{
#if CHECKED
    cairn__checked_no_block(what, ptr);
#endif
    (void)what;
    atomic_fetch_add_explicit(&foreign_frees, 1, memory_order_relaxed);
    if (cairn__option(OPTION_VERBOSE))
        cairn__report("ignored: free of a pointer that is no block:", ptr);
}

void cairn__free_outside(void *ptr)
{
    if (ptr == NULL)
        return;
    struct page *page = page_near(ptr);
    if (page != NULL)
        cairn__free_slow(ptr, page);
    else if (sampled_holds(ptr))
        cairn__sampled_free(ptr, FAMILY_ANY, SIZE_UNKNOWN);
    else if (!cairn__huge_free(ptr))
        ignore("free of", ptr);
}

/* ---- sizes ---- */

static ALWAYS_INLINE size_t size_of(const char *what, const void *ptr)
{
    if (ptr == NULL)
        return 0;
    const struct page *page = page_near(ptr);
    if (page == NULL)
        return sampled_holds(ptr) ? cairn__sampled_size(ptr, what) : cairn__huge_size(ptr);
    if (page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    if (page_owner(page) == NULL || page_owner(page) == OWNER_KEPT)
        return 0;
    check_any(what, page, ptr);
    return page->size != 0 ? page->size : (size_t)page->units << UNIT_SHIFT;
}

size_t cairn__usable_size(const void *ptr)
{
    return size_of("size of", ptr);
}

#if CHECKED
size_t cairn__checked_size(const void *ptr)
{
    size_t size = cairn__usable_size(ptr);
    if (UNLIKELY(size == 0 && ptr != NULL))
        cairn__checked_no_block("size of", ptr);
    return size;
}
#endif

/* A block of a separate heap stays there. */
static void *new_place(const void *ptr, size_t old_size, size_t size)
{
    struct heap *separate = cairn__separate_heap_of(ptr);
    if (UNLIKELY(separate != NULL))
        return cairn__separate_alloc(separate, size, 1, NULL);
    void *block = NULL;
    if (old_size >= MEDIUM_MAX && size > old_size)
        block = cairn__large_alloc_growing(old_size, size);
    if (block == NULL)
        block = cairn__malloc_fast(size);
    return block != NULL ? block : cairn__malloc_slow(size);
}

static void *move_block(void *ptr, size_t old_size, size_t size)
{
    void *block = new_place(ptr, old_size, size);
    if (block != NULL) {
        memcpy(block, ptr, size_min(old_size, size));
        cairn__free(ptr);
    }
    return block;
}

/* Where the block lies, or by remapping; NULL if neither can be. */
static void *resize_large(void *ptr, size_t old_size, size_t size)
{
    if (page_near(ptr) == NULL)
        return size > HUGE_LEAST ? cairn__huge_resize(ptr, size) : NULL;
    if (old_size <= MEDIUM_MAX || size <= MEDIUM_MAX || size > LARGE_MAX)
        return NULL;
    if (!cairn__large_resize(ptr, size))
        return NULL;
    purge_attend();
    return ptr;
}

void *cairn__realloc(void *ptr, size_t size)
{
    size_t old_size = size_of("realloc of", ptr);
    if (UNLIKELY(old_size == 0)) {
        ignore("realloc of", ptr); /* what it holds cannot be known */
        return NULL;
    }
    if (size <= old_size && size >= old_size / 2)
        return ptr;
    void *block = resize_large(ptr, old_size, size);
    if (block == NULL)
        block = move_block(ptr, old_size, size);
    /* Shrinking cannot fail: where there is no memory to move to, the block stays. */
    return block == NULL && size <= old_size ? ptr : block;
}

#endif

bool cairn__trim(void)
{
    cairn__thread_trim();
    return cairn__purge_all();
}
