/* SPDX-License-Identifier: MIT */
/* See separate.h. */
#include "core/separate.h"

#include <string.h>

#include "core/bin.h"
#include "core/fence.h"
#include "core/huge.h"
#include "core/large.h"
#include "core/metadata.h"
#include "core/refill.h"
#include "core/registry.h"
#include "core/retired.h"
#include "core/slot_life.h"
#include "os/fatal.h"

static struct {
    struct lock lock;    /* RANK_SEPARATE */
    struct heap *all;    /* ever made, through `next_separate` */
    struct heap *unused; /* of these the destroyed ones, through `next_idle` */
} separate;

/* ---- creation and destruction ---- */

static struct heap *make(void)
{
    struct heap *heap = cairn__metadata_take(sizeof *heap);
    if (heap == NULL)
        return NULL;
    cairn__heap_init(heap, &heap->lock);
    heap->separate = true;
    atomic_store(&heap->state, HEAP_DESTROYED); /* as yet */
    heap->next_separate = separate.all;
    separate.all = heap;
    cairn__registry_add(heap);
    return heap;
}

struct heap *cairn__separate_create(const char *name)
{
    lock_acquire(&separate.lock);
    struct heap *heap = separate.unused;
    if (heap != NULL)
        separate.unused = heap->next_idle;
    else
        heap = make();
    if (heap != NULL) {
        size_t length = name == NULL ? 0 : strnlen(name, HEAP_NAME_SIZE - 1);
        memcpy(heap->name, name == NULL ? "" : name, length);
        heap->name[length] = '\0';
        heap->counts = (struct heap_counts){0};
        atomic_store(&heap->state, HEAP_SEPARATE);
    }
    lock_release(&separate.lock);
    return heap;
}

static void give_all(struct page_list *list)
{
    struct page *page;
    while ((page = list->first) != NULL) {
        page_remove(list, page);
        page_retire(page);
    }
}

static void give_pages(struct shelf *shelf)
{
    if (shelf->active != NULL)
        page_retire(shelf->active);
    if (shelf->spare != NULL)
        page_retire(shelf->spare);
    shelf->active = NULL;
    shelf->spare = NULL;
    give_all(&shelf->listed);
    give_all(&shelf->asleep);
}

void cairn__separate_destroy(struct heap *heap)
{
    lock_acquire(&heap->lock);
    if (atomic_load(&heap->state) != HEAP_SEPARATE) {
        lock_release(&heap->lock);
        cairn__report("ignored: a heap was destroyed twice:", heap);
        return;
    }
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        bin_forget(heap, class);
        give_pages(&heap->shelf[class]);
    }
    cairn__large_free_all(heap);
    memset(heap->asked, 0, sizeof heap->asked);
    atomic_store(&heap->state, HEAP_DESTROYED);
    lock_release(&heap->lock);

    lock_acquire(&separate.lock);
    heap->next_idle = separate.unused;
    separate.unused = heap;
    lock_release(&separate.lock);
}

/* ---- blocks ---- */

static void *take_block(struct heap *heap, unsigned class, size_t size, bool *zeroed)
{
    void *block = bin_take(heap, class);
    if (block != NULL)
        return block;
    block = cairn__refill(heap, class);
    heap_note_asked(heap, class, size);
    if (zeroed != NULL)
        *zeroed = heap->fresh;
    return block;
}

static unsigned class_for(size_t size, size_t align)
{
    if (SLOTTED) {
        if (size > MEDIUM_MAX - CANARY_LEAST || align > UNIT_SIZE)
            return 0;
        size = size_max(size, 1) + CANARY_LEAST;
    }
    if (size > MEDIUM_MAX || align > UNIT_SIZE)
        return 0;
    unsigned class = align <= 16 ? class_of(size) : cairn__class_aligned(size, align);
    bool fits = !SLOTTED || (cairn__classes[class].size <= MEDIUM_MAX &&
                             cairn__classes[class].size - size < SLACK_MAX - 1);
    return fits ? class : 0;
}

void *cairn__separate_alloc(struct heap *heap, size_t size, size_t align, bool *zeroed)
{
    unsigned class = class_for(size, align);
    lock_acquire(&heap->lock);
    void *block = class != 0 ? take_block(heap, class, size, zeroed)
                             : cairn__large_alloc(size, align, zeroed, heap);
#if SLOTTED
    if (block != NULL && class != 0)
        block = slot_issue(page_of(block), slot_of(page_of(block), block), size, FAMILY_ANY);
    else if (block != NULL && page_near(block) != NULL)
        page_near(block)->family = FAMILY_ANY;
#endif
    lock_release(&heap->lock);
    return block;
}

/* Under the lock. */
static bool free_block(struct heap *heap, struct page *page, void *block)
{
    if (page_owner(page) != heap)
        return false; /* freed before, together with its page */
    if (page->size != 0) {
        heap_free_local(heap, page, block);
        return true;
    }
    if (block != page->start)
        return false;
    if (SLOTTED)
        cairn__fence_check(page);
    page_remove(&heap->large, page);
    cairn__page_give(page);
    return true;
}

bool cairn__separate_free(void *ptr, struct page *page)
{
    struct heap *heap = page_owner(page);
    if (!owner_is_heap(heap) || !heap->separate)
        return false;
    lock_acquire(&heap->lock);
    bool done = free_block(heap, page, ptr);
    lock_release(&heap->lock);
    return done;
}

struct heap *cairn__separate_heap_of(const void *ptr)
{
    const void *block = tag_strip(ptr);
    const struct page *page = page_near(block);
    if (page == NULL)
        return cairn__huge_heap(block);
    if (page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    struct heap *owner = page_owner(page);
    return page->separate && owner_is_heap(owner) ? owner : NULL;
}

/* ---- walking ---- */

struct walk {
    bool (*visit)(void *context, void *block, size_t size);
    void *context;
};

#if SLOTTED

static bool walk_page(const struct walk *walk, const struct page *page, const struct heap *heap)
{
    (void)heap;
    for (size_t i = 0; i < page->issued; i++) {
        uint16_t slot = slot_load(page, i);
        if (slot_state(slot) == SLOT_LIVE &&
            !walk->visit(walk->context, block_tagged(page, i), slot_size(page, slot)))
            return false;
    }
    return true;
}

#else

/* A bit for each block of a page: the smallest blocks fill one unit. */
struct block_set {
    uint64_t bits[UNIT_SIZE / 16 / 64];
};

/* No list is longer than the page, unless a block was freed twice. */
static void add_list(struct block_set *set, const struct page *page, const void *list)
{
    for (unsigned left = page->capacity; list != NULL && left > 0; left--) {
        size_t index = (size_t)((const char *)list - page->start) / page->size;
        set->bits[index / 64] |= (uint64_t)1 << (index % 64);
        list = block_next(list);
    }
}

static bool walk_page(const struct walk *walk, const struct page *page, const struct heap *heap)
{
    struct block_set idle = {0};
    add_list(&idle, page, page->free);
    if (page_state(page) == PAGE_ACTIVE)
        add_list(&idle, page, heap->bin[page->class]);
    for (size_t i = 0; i < page->issued; i++)
        if ((idle.bits[i / 64] >> (i % 64) & 1) == 0 &&
            !walk->visit(walk->context, page->start + i * page->size, page->size))
            return false;
    return true;
}

#endif

static bool walk_list(const struct walk *walk, const struct heap *heap,
                      const struct page_list *list)
{
    for (const struct page *page = list->first; page != NULL; page = page->next)
        if (!walk_page(walk, page, heap))
            return false;
    return true;
}

/* The spare page has no block in use. */
static bool walk_class(const struct walk *walk, const struct heap *heap, unsigned class)
{
    const struct shelf *shelf = &heap->shelf[class];
    return (shelf->active == NULL || walk_page(walk, shelf->active, heap)) &&
           walk_list(walk, heap, &shelf->listed) && walk_list(walk, heap, &shelf->asleep);
}

static bool walk_large(const struct walk *walk, const struct heap *heap)
{
    for (const struct page *page = heap->large.first; page != NULL; page = page->next)
        if (!walk->visit(walk->context, page->start,
                         SLOTTED ? fence_size(page) : (size_t)page->units << UNIT_SHIFT))
            return false;
    return cairn__huge_walk(heap, walk->visit, walk->context);
}

bool cairn__separate_walk(struct heap *heap, bool (*visit)(void *context, void *block, size_t size),
                          void *context)
{
    struct walk walk = {visit, context};
    bool more = true;
    lock_acquire(&heap->lock);
    for (unsigned class = 1; class < CLASS_COUNT && more; class ++)
        more = walk_class(&walk, heap, class);
    more = more && walk_large(&walk, heap);
    lock_release(&heap->lock);
    return more;
}

/* ---- figures ---- */

static void add_page(struct separate_figures *figures, const struct page *page, size_t idle)
{
    size_t blocks = page->issued - page_free_count(page) - idle;
    figures->committed += (size_t)page->units << UNIT_SHIFT;
    figures->live += blocks * page->size;
    figures->blocks += blocks;
}

static void add_pages(struct separate_figures *figures, const struct page_list *list)
{
    for (const struct page *page = list->first; page != NULL; page = page->next)
        add_page(figures, page, 0);
}

static void add_class(struct separate_figures *figures, const struct heap *heap, unsigned class)
{
    const struct shelf *shelf = &heap->shelf[class];
    if (shelf->active != NULL)
        add_page(figures, shelf->active, bin_length(heap, class));
    if (shelf->spare != NULL)
        add_page(figures, shelf->spare, 0);
    add_pages(figures, &shelf->listed);
    add_pages(figures, &shelf->asleep);
}

static bool count_huge(void *figures, void *block, size_t size)
{
    (void)block, (void)size;
    ((struct separate_figures *)figures)->blocks++;
    return true;
}

struct separate_figures cairn__separate_figures(struct heap *heap)
{
    lock_acquire(&heap->lock);
    struct separate_figures figures = {heap->huge_bytes, heap->huge_bytes, 0};
    cairn__huge_walk(heap, count_huge, &figures);
    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        add_class(&figures, heap, class);
    for (const struct page *page = heap->large.first; page != NULL; page = page->next) {
        figures.committed += (size_t)page->units << UNIT_SHIFT;
        figures.live += (size_t)page->units << UNIT_SHIFT;
        figures.blocks++;
    }
    lock_release(&heap->lock);
    return figures;
}

/* ---- fork ---- */

void cairn__separate_before_fork(void)
{
    lock_acquire(&separate.lock);
    for (struct heap *heap = separate.all; heap != NULL; heap = heap->next_separate)
        lock_acquire(&heap->lock);
}

void cairn__separate_after_fork(bool child)
{
    for (struct heap *heap = separate.all; heap != NULL; heap = heap->next_separate)
        lock_after_fork(&heap->lock, child);
    lock_after_fork(&separate.lock, child);
}
