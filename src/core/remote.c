/* SPDX-License-Identifier: MIT */
/*
 * See remote.h. A batch is known by its first block, whose two words hold
 *     word 0: the count, and where the second and the last block lie, in 16-byte steps from the
 *             page's start (16 bits each: a page is at most 1 MiB);
 *     word 1: the next batch of the chain.
 * From the second block on they are linked as usual. (In the checked build these are the first block's
 * third and fourth word, where it has so many, and it is linked, too: it keeps its proof.)
 *
 * Where blocks have slots nothing is written to them: what travels is the page's descriptor, with a
 * count that others may add to on the way; whoever makes it more than 0 sends it.
 */
#include "core/remote.h"

#include "core/bin.h"
#include "core/depot.h"
#include "core/registry.h"

#if SLOTTED
/* NULL: the page's batch is on its way already, and takes these along. */
static struct batch *pack(struct page *page, void *first, void *last, unsigned count)
{
    (void)first, (void)last;
    struct batch *batch = &page->batch;
    bool waits = atomic_fetch_add_explicit(&batch->count, count, memory_order_acq_rel) == 0;
    return waits ? batch : NULL;
}

static struct page *page_of_batch(struct batch *batch)
{
    return (struct page *)((char *)batch - offsetof(struct page, batch));
}

static void *first_of_batch(const struct page *page, struct batch *batch)
{
    (void)page;
    return batch;
}

/* From here on others may send it anew: its `next` must have been read. */
static unsigned unpack(struct page *page, struct batch *batch, void **last)
{
    (void)page;
    *last = NULL;
    return atomic_exchange_explicit(&batch->count, 0, memory_order_acq_rel);
}
#else
static uint64_t step_of(const struct page *page, const void *block)
{
    return (uint64_t)((const char *)block - page->start) / 16;
}

/* In words from the start of its first block. */
static size_t place_of_batch(const struct page *page)
{
    return CHECKED && page->size >= 32 ? 2 : 0;
}

static struct batch *pack(struct page *page, void *first, void *last, unsigned count)
{
    void *second = count > 1 ? block_next(first) : first;
    struct batch *batch = (struct batch *)((void **)first + place_of_batch(page));
    batch->packed = step_of(page, last) << 32 | step_of(page, second) << 16 | count;
    return batch;
}

static struct page *page_of_batch(struct batch *batch)
{
    return page_of(batch);
}

static void *first_of_batch(const struct page *page, struct batch *batch)
{
    return (void **)batch - place_of_batch(page);
}

/* Links the first block to the second again; tells the last and the count. */
static unsigned unpack(struct page *page, struct batch *batch, void **last)
{
    uint64_t packed = batch->packed;
    void *second = page->start + (packed >> 16 & 0xffff) * 16;
    *last = page->start + (packed >> 32) * 16;
    block_set_next(first_of_batch(page, batch), second);
    return (unsigned)(packed & 0xffff);
}
#endif

/* ---- sending ---- */

/*
 * The push is sequentially consistent, like the store of HEAP_IDLE: if a heap goes idle at the same
 * moment, either its thread finds the batch when it looks into the inbox for the last time, or we
 * see that the heap is idle, take the batch back and find out where its page went.
 */
static void push(struct heap *to, struct batch *first, struct batch *last)
{
    void *old = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    do
        last->next = old;
    while (!atomic_compare_exchange_weak(&to->inbox, &old, first));
}

static struct batch *last_of(struct batch *chain)
{
    while (chain->next != NULL)
        chain = chain->next;
    return chain;
}

static void add_strays(struct heap *heap, struct batch *chain)
{
    if (chain != NULL) {
        last_of(chain)->next = heap->strays;
        heap->strays = chain;
    }
}

static void send(struct heap *heap, struct target *target)
{
    struct heap *to = target->heap;
    target->heap = NULL;
    push(to, target->first, target->last);
    if (UNLIKELY(atomic_load(&to->state) == HEAP_IDLE))
        add_strays(heap, atomic_exchange(&to->inbox, NULL));
}

static void gather(struct heap *heap, struct heap *to, struct batch *batch)
{
    if (SLOTTED && batch == NULL)
        return;
    /* Heaps lie some KiB apart. */
    struct target *target =
        &heap->target[((uintptr_t)to >> 12 ^ (uintptr_t)to >> 7) % REMOTE_TARGETS];
    if (target->heap != to) {
        if (target->heap != NULL)
            send(heap, target);
        target->heap = to;
        target->last = batch;
        batch->next = NULL;
    } else {
        batch->next = target->first;
    }
    target->first = batch;
}

static bool free_into_shared(struct heap *owner, struct page *page, void *first, void *last,
                             unsigned count)
{
    lock_acquire(owner->shared);
    bool its = page_owner(page) == owner;
    if (its)
        cairn__heap_free_batch(owner, page, first, last, count);
    lock_release(owner->shared);
    return its;
}

/* Gets linked blocks to where their page belongs now. */
static void route(struct heap *heap, struct page *page, void *first, void *last, unsigned count)
{
    for (;;) {
        /* Acquire: the heap may be newer than the block, and its fields are read below. */
        struct heap *owner = atomic_load_explicit(&page->owner, memory_order_acquire);
        if (owner == heap) {
            cairn__heap_free_batch(heap, page, first, last, count);
            return;
        }
        if (owner == OWNER_COLD) {
            cairn__heap_adopt(heap, page); /* or somebody else did: look again */
        } else if (owner == OWNER_DEPOT) {
            if (cairn__depot_accept(page, first, last, count))
                return;
        } else if (!owner_is_heap(owner)) {
            return; /* freed twice, and the page is gone by now: these blocks went with it */
        } else if (owner->shared != NULL) {
            if (free_into_shared(owner, page, first, last, count))
                return;
        } else if (atomic_load_explicit(&owner->state, memory_order_relaxed) == HEAP_IDLE) {
            if (cairn__registry_free_batch(owner, page, first, last, count))
                return;
        } else {
            gather(heap, owner, pack(page, first, last, count));
            return;
        }
    }
}

static void close_ring(struct heap *heap, struct ring *ring)
{
    struct page *page = ring->page;
    ring->page = NULL;
    route(heap, page, ring->first, ring->last, ring->count);
}

/* ---- receiving ---- */

static void deal_with(struct heap *heap, struct batch *batch)
{
    struct page *page = page_of_batch(batch);
    void *last;
    unsigned count = unpack(page, batch, &last);
    route(heap, page, first_of_batch(page, batch), last, count);
}

/* Dealing with a stray may bring up others: a loop, so that the depth stays bounded. */
static void deal_with_strays(struct heap *heap)
{
    struct batch *batch;
    while ((batch = heap->strays) != NULL) {
        heap->strays = batch->next;
        deal_with(heap, batch);
    }
}

void cairn__remote_drain(struct heap *heap)
{
    struct batch *batch = heap->pending;
    if (batch == NULL)
        batch = atomic_exchange_explicit(&heap->inbox, NULL, memory_order_acquire);
    for (int i = 0; i < REMOTE_DRAIN_MAX && batch != NULL; i++) {
        struct batch *next = batch->next;
        deal_with(heap, batch);
        batch = next;
    }
    heap->pending = batch;
    deal_with_strays(heap);
}

void cairn__remote_forward(struct heap *through, struct heap *idle)
{
    add_strays(through, atomic_exchange(&idle->inbox, NULL));
    deal_with_strays(through);
}

/* ---- the sender's side ---- */

void cairn__remote_flush(struct heap *heap)
{
    for (unsigned i = 0; i < REMOTE_RINGS; i++)
        if (heap->ring[i].page != NULL)
            close_ring(heap, &heap->ring[i]);
    do {
        deal_with_strays(heap);
        for (unsigned i = 0; i < REMOTE_TARGETS; i++)
            if (heap->target[i].heap != NULL)
                send(heap, &heap->target[i]);
    } while (heap->strays != NULL);
    heap->budget = REMOTE_BUDGET;
}

void cairn__remote_free(struct heap *heap, struct page *page, void *block)
{
    struct ring *ring = remote_ring(heap, page);
    if (LIKELY(ring->page == page)) {
        ring_link(ring, block);
        ring->count++;
    } else {
        if (ring->page != NULL)
            close_ring(heap, ring);
        ring->page = page;
        ring->last = block;
        ring->count = 1;
        if (CHECKED)
            block_set_next(block, NULL);
    }
    ring->first = block;
    heap->budget -= page->size;
    if (UNLIKELY(heap->budget <= 0))
        cairn__remote_flush(heap);
}

/* Gives the blocks of a bin back to the active page, which they all are of. */
static void empty_own_bin(struct heap *heap, struct page *page, unsigned class)
{
    void *first, *last;
    unsigned count = cairn__bin_empty(heap, class, page->capacity, &first, &last);
    if (count != 0)
        cairn__heap_take_back(heap, page, first, last, count);
}

static void empty_borrowed_bin(struct heap *heap, unsigned class)
{
    size_t most = UINT8_MAX; /* no more are borrowed, unless a block was freed twice */
    void *block;
    while (most-- > 0 && (block = bin_take(heap, class)) != NULL)
        cairn__remote_free(heap, page_of(block), block);
    bin_forget(heap, class);
}

void cairn__remote_empty_bins(struct heap *heap)
{
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        struct page *page = heap->shelf[class].active;
        if (bin_is_empty(heap, class))
            continue;
        if (page != NULL)
            empty_own_bin(heap, page, class);
        else
            empty_borrowed_bin(heap, class);
    }
}
