/* SPDX-License-Identifier: MIT */
/* See figures.h. */
#include "core/figures.h"

#include "core/huge.h"
#include "core/metadata.h"
#include "core/registry.h"
#include "core/sampled.h"
#include "core/shared.h"

/* ---- one page ---- */

/* Other heaps' pages change while they are read: a torn count is a wrong statistic, nothing more. */
__attribute__((no_sanitize("thread"))) static struct page copy_of(const struct page *page)
{
    struct page copy = {
        .needed = page->needed,
        .size = page->size,
        .capacity = page->capacity,
        .issued = page->issued,
        .units = page->units,
        .class = page->class,
        .wake = page->wake,
    };
    page_set_state(&copy, page_state(page));
    return copy;
}

static size_t bytes_of(const struct page *copy)
{
    return (size_t)copy->units << UNIT_SHIFT;
}

static bool is_large(const struct page *copy)
{
    return page_state(copy) == PAGE_LARGE || copy->size == 0;
}

/* A page's blocks by what they are; whatever was read, they fit into the page. */
struct counts {
    size_t live;
    size_t returned;
    size_t unused;
};

static struct counts count_blocks(const struct page *copy)
{
    size_t capacity = size_min(copy->capacity, bytes_of(copy) / copy->size);
    size_t issued = size_min(copy->issued, capacity);
    size_t returned = size_min(page_free_count(copy), issued);
    return (struct counts){issued - returned, returned, capacity - issued};
}

/* ---- all heaps ---- */

/* The newest first; at last the shared one. */
static const struct heap *next_heap(const struct heap *heap)
{
    const struct heap *shared = cairn__shared_peek();
    if (heap == shared)
        return NULL;
    return heap->next_known != NULL ? heap->next_known : shared;
}

static const struct heap *first_heap(void)
{
    const struct heap *heap = cairn__registry_first();
    return heap != NULL ? heap : cairn__shared_peek();
}

/* Others' heaps, read while they go on: no figure of one is worth more than that. */
__attribute__((no_sanitize("thread"))) static struct heap_counts counts_of(const struct heap *heap)
{
    return heap->counts;
}

/* Not destroyed; the shared one, if it was ever used. */
__attribute__((no_sanitize("thread"))) static bool is_there(const struct heap *heap)
{
    int state = atomic_load_explicit(&heap->state, memory_order_relaxed);
    return state != HEAP_DESTROYED && (heap != cairn__shared_peek() || heap->refills != 0);
}

/* ---- all pages ---- */

typedef void page_visitor(void *context, const struct heap *owner, const struct page *copy);

static void visit_pages(page_visitor *visit, void *context)
{
    cairn__regions_hold();
    const struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region)) {
        size_t opened = atomic_load_explicit(&region->opened, memory_order_acquire);
        for (size_t unit = 0; unit < opened * CHUNK_UNITS; unit++) {
            const struct heap *owner = page_owner(&region->pages[unit]);
            if (owner == NULL || owner == OWNER_INTERIOR)
                continue;
            struct page copy = copy_of(&region->pages[unit]);
            visit(context, owner, &copy);
        }
    }
    cairn__regions_let_go();
}

struct sums {
    struct cairn__figures *figures;
    struct class_figures *classes; /* or NULL */
    size_t bytes;
    double asked[CLASS_COUNT]; /* bytes a block, about */
};

static void add_page(void *context, const struct heap *owner, const struct page *copy)
{
    struct sums *sums = context;
    struct cairn__figures *figures = sums->figures;
    size_t bytes = bytes_of(copy);
    sums->bytes += bytes;
    if (owner == OWNER_KEPT) {
        figures->kept += bytes;
        return;
    }
    figures->pages++;
    figures->pages_cold += owner == OWNER_COLD;
    figures->pages_shelved += owner == OWNER_DEPOT;
    figures->pages_large += owner == OWNER_LARGE;
    if (is_large(copy)) {
        figures->large += bytes;
        figures->asked += bytes - size_min(copy->needed, bytes);
        figures->large_count++;
        return;
    }
    struct counts counts = count_blocks(copy);
    figures->live += counts.live * copy->size;
    size_t asked = (size_t)((double)counts.live * sums->asked[copy->class]);
    figures->asked += asked;
    figures->returned += counts.returned * copy->size;
    figures->unused += bytes - (counts.live + counts.returned) * copy->size;
    if (sums->classes != NULL) {
        struct class_figures *row = &sums->classes[copy->class];
        row->pages++;
        row->bytes += bytes;
        row->live += counts.live;
        row->asked += asked;
        row->returned += counts.returned;
        row->unused += counts.unused;
    }
}

static size_t table_bytes(const struct region *region, size_t opened)
{
    return opened * (CHUNK_UNITS * PAGE_BYTES + CHUNK_BYTES) +
           round_up(region->size / CHUNK_SIZE, 64) / 8;
}

static void add_region(struct cairn__figures *figures, const struct region *region)
{
    size_t opened = atomic_load_explicit(&region->opened, memory_order_acquire);
    figures->reserved += region->size;
    figures->mapped += opened * CHUNK_SIZE;
    figures->tables += region->size == 0 ? 0 : table_bytes(region, opened);
}

__attribute__((no_sanitize("thread"))) static uint32_t asked_of(const struct heap *heap,
                                                                unsigned class)
{
    return heap->asked[class];
}

static void add_counts(struct heap_counts *sum, struct heap_counts counts)
{
    sum->handed += counts.handed;
    sum->trips += counts.trips;
    sum->large += counts.large;
    sum->recent += counts.recent;
}

/* What a block of each class was asked for: a mean, by what each heap has handed out in all. */
static void add_heaps(struct sums *sums)
{
    double weights[CLASS_COUNT] = {0};
    for (const struct heap *heap = first_heap(); heap != NULL; heap = next_heap(heap)) {
        struct heap_counts counts = counts_of(heap);
        add_counts(&sums->figures->counts, counts);
        if (!is_there(heap))
            continue;
        sums->figures->heaps++;
        for (unsigned class = 1; class < CLASS_COUNT; class ++) {
            uint32_t mean = asked_of(heap, class);
            double weight = mean == 0 ? 0 : (double)counts.handed;
            weights[class] += weight;
            sums->asked[class] += weight * mean / 16.0;
        }
    }
    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        sums->asked[class] = weights[class] == 0 ? cairn__classes[class].size
                                                 : sums->asked[class] / weights[class];
}

void cairn__figures_get_by_class(struct cairn__figures *figures, struct class_figures *classes)
{
    *figures = (struct cairn__figures){0};
    for (unsigned class = 0; classes != NULL && class < CLASS_COUNT; class ++)
        classes[class] = (struct class_figures){0};
    cairn__regions_hold();
    const struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region))
        add_region(figures, region);
    cairn__regions_let_go();
    struct sums sums = {figures, classes, 0, {0}};
    add_heaps(&sums);
    visit_pages(add_page, &sums);

    struct huge_figures huge = cairn__huge_figures();
    struct sampled_figures sampled = cairn__sampled_figures();
    struct pool_figures pool = cairn__pool_figures();
    size_t used = pool.used << UNIT_SHIFT;
    figures->huge = huge.bytes;
    figures->huge_count = huge.count;
    figures->mapped += huge.bytes + sampled.held;
    figures->live += figures->large + huge.bytes + sampled.held;
    figures->asked = size_min(figures->asked + huge.bytes + sampled.bytes, figures->live);
    figures->unused += used > sums.bytes ? used - sums.bytes : 0;
    figures->kept += pool.dirty << UNIT_SHIFT;
    figures->free = figures->returned + figures->unused + figures->kept;
    figures->committed = figures->live + figures->free;
    figures->peak_committed = (pool.used_peak << UNIT_SHIFT) + huge.peak;
    figures->metadata = cairn__metadata_mapped();
}

void cairn__figures_get(struct cairn__figures *figures)
{
    cairn__figures_get_by_class(figures, NULL);
}

/* ---- heaps ---- */

/* Of a separate heap; others write it meanwhile. */
__attribute__((no_sanitize("thread"))) static size_t huge_bytes_of(const struct heap *heap)
{
    return heap->huge_bytes;
}

/* The name of a heap that is just being made may come torn, but not without its end. */
__attribute__((no_sanitize("thread"))) static void copy_name(char *to, const struct heap *heap)
{
    for (size_t i = 0; i < HEAP_NAME_SIZE - 1; i++)
        to[i] = ((const volatile char *)heap->name)[i];
    to[HEAP_NAME_SIZE - 1] = '\0';
}

struct heap_rows {
    struct heap_figures *rows;
    size_t count;
    size_t last; /* the row found last: neighbours often have one owner */
};

static void add_to_heap(void *context, const struct heap *owner, const struct page *copy)
{
    struct heap_rows *rows = context;
    size_t at = rows->last;
    for (size_t tried = 0; rows->rows[at].heap != owner; at = (at + 1) % rows->count)
        if (++tried == rows->count)
            return;
    rows->last = at;
    struct heap_figures *row = &rows->rows[at];
    row->pages++;
    row->bytes += bytes_of(copy);
    row->live += is_large(copy) ? bytes_of(copy) : count_blocks(copy).live * copy->size;
}

const struct heap *cairn__figures_heaps(const struct heap *from, struct heap_figures *rows,
                                        size_t count, size_t *filled)
{
    struct heap_rows all = {rows, 0, 0};
    const struct heap *heap = from != NULL ? from : first_heap();
    for (; heap != NULL && all.count < count; heap = next_heap(heap)) {
        if (!is_there(heap))
            continue;
        int state = atomic_load_explicit(&heap->state, memory_order_relaxed);
        size_t huge = huge_bytes_of(heap);
        struct heap_figures *row = &rows[all.count++];
        *row = (struct heap_figures){heap, state, 0, huge, huge, counts_of(heap), ""};
        copy_name(row->name, heap);
    }
    if (all.count > 0)
        visit_pages(add_to_heap, &all);
    *filled = all.count;
    return heap;
}

/* ---- where it lies ---- */

void cairn__figures_ranges(void (*visit)(void *context, const void *start, size_t size),
                           void *context)
{
    cairn__regions_hold();
    const struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region)) {
        size_t opened = atomic_load_explicit(&region->opened, memory_order_acquire);
        if (opened == 0)
            continue;
        visit(context, (const void *)region->base, opened * CHUNK_SIZE);
        visit(context, region->pages, opened * CHUNK_UNITS * PAGE_BYTES);
        visit(context, region->chunks, opened * CHUNK_BYTES);
        visit(context, region->giving, round_up(region->size / CHUNK_SIZE, 64) / 8);
    }
    cairn__regions_let_go();
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        visit(context, heap, sizeof *heap);
}
