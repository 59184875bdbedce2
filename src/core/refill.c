/* SPDX-License-Identifier: MIT */
/* See refill.h. */
#include "core/refill.h"

#include "core/remote.h"
#include "core/shared.h"

/*
 * The list that the page gives; NULL if it has nothing worth the trip. Few returned blocks of a full
 * page are not: it sleeps until there are more. In a page that is not full they come first, because
 * their memory was touched already.
 */
static void *blocks_from(struct heap *heap, struct page *page)
{
    bool full = page->issued == page->capacity;
    unsigned count = page_free_count(page);
    if (count >= (full ? page->wake : 1))
        return page_take_free(page);
    if (full)
        return NULL;
    heap->fresh = page->clean && page->size >= EXTEND_BYTES; /* then it is one block, untouched */
    return cairn__page_extend(page);
}

static bool should_borrow(const struct heap *heap, unsigned class)
{
    size_t size = cairn__classes[class].size;
    return heap->borrows && size <= SMALL_MAX &&
           heap->borrowed[class] < size_max(BORROW_MAX / size, 4);
}

/* Some blocks of the shared heap, linked; NULL when out of memory. */
static void *borrow(struct heap *heap, unsigned class)
{
    size_t count = size_max(BORROW_BYTES / cairn__classes[class].size, 1);
    void *list = NULL;
    struct heap *shared = cairn__shared_acquire();
    while (count-- > 0) {
        void *block = shared->bin[class];
        if (block != NULL)
            shared->bin[class] = block_next(block);
        else if ((block = cairn__refill(shared, class)) == NULL)
            break;
        block_set_next(block, list);
        list = block;
        heap->borrowed[class]++;
    }
    cairn__shared_release(shared);
    return list;
}

void *cairn__refill(struct heap *heap, unsigned class)
{
    bool outer = heap_enter(heap);
    heap->fresh = false;
    if (UNLIKELY(remote_has_mail(heap)))
        cairn__remote_drain(heap);
    if (++heap->refills % REMOTE_FLUSH_REFILLS == 0)
        cairn__remote_flush(heap);

    struct page *page = heap->shelf[class].active;
    void *list = NULL;
    if (page != NULL)
        list = blocks_from(heap, page);
    else if (UNLIKELY(should_borrow(heap, class)))
        list = borrow(heap, class);
    if (list == NULL) {
        if (page != NULL)
            cairn__heap_sleep(heap, class);
        page = cairn__heap_next_page(heap, class);
        list = page == NULL ? NULL : blocks_from(heap, page);
    }
    if (LIKELY(list != NULL))
        heap->bin[class] = block_next(list);
    heap_leave(heap, outer);
    return list;
}
