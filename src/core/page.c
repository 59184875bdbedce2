/* SPDX-License-Identifier: MIT */
/* See page.h. */
#include "core/page.h"

#include "os/fatal.h"

void *cairn__page_extend(struct page *page)
{
    size_t size = page->size;
    size_t count = size_min(size_max(EXTEND_BYTES / size, 1),
                            (size_t)page->capacity - page->issued);
    char *first = page->start + page->issued * size;
    char *last = first + (count - 1) * size;
    for (char *block = first; block < last; block += size)
        block_set_next(block, block + size);
    block_set_next(last, NULL);
    page->issued = (uint16_t)(page->issued + count);
    atomic_fetch_add_explicit(&cairn__bytes_handed_out, count * size, memory_order_relaxed);
    page->needed += (uint32_t)count;
    return first;
}

static struct page *describe(struct span span, size_t units)
{
    struct page *page = &span.region->pages[span.unit];
    page->free = NULL;
    page->needed = ACTIVE_NEEDED;
    page->start = span_start(span);
    page->issued = 0;
    page->units = (uint16_t)units;
    page->clean = span.clean;
    page->separate = false;
    return page;
}

static void set_owner(struct page *page, struct heap *owner)
{
    atomic_store_explicit(&page->owner, owner, memory_order_relaxed);
}

struct page *cairn__page_take(unsigned class, struct heap *owner)
{
    const struct class_info *info = &cairn__classes[class];
    struct span span = cairn__units_take(info->units, false);
    if (span.region == NULL)
        return NULL;
    struct page *page = describe(span, info->units);
    page->size = info->size;
    page->capacity = info->capacity;
    page->class = (uint8_t) class;
    page->wake = info->wake;
    page_set_state(page, PAGE_ACTIVE);
    atomic_fetch_add_explicit(&cairn__bytes_in_pages, (size_t)info->units << UNIT_SHIFT,
                              memory_order_relaxed);
    set_owner(page, owner);
    for (unsigned i = 1; i < info->units; i++) {
        page[i].offset = (uint8_t)i;
        set_owner(&page[i], OWNER_INTERIOR);
    }
    return page;
}

static struct page *describe_large(struct span span, size_t units)
{
    if (span.region == NULL)
        return NULL;
    struct page *page = describe(span, units);
    page->size = 0;
    page->capacity = 1;
    page->class = 0;
    page_set_state(page, PAGE_LARGE);
    set_owner(page, OWNER_LARGE);
    return page;
}

struct page *cairn__page_take_large(size_t units, bool chunk_aligned)
{
    return describe_large(cairn__units_take(units, chunk_aligned), units);
}

struct page *cairn__page_find_large(size_t units, bool chunk_aligned)
{
    return describe_large(cairn__units_find(units, chunk_aligned), units);
}

struct page *cairn__page_take_roomy(size_t units, size_t room)
{
    return describe_large(cairn__units_take_roomy(units, room), units);
}

static struct span span_of(const struct page *page)
{
    struct region *region = cairn__region_first();
    if (page < region->pages || page >= region->pages + region->size / UNIT_SIZE)
        region = region_outside_window(page->start);
    return (struct span){region, (size_t)(page - region->pages), false};
}

bool cairn__page_resize_large(struct page *page, size_t units)
{
    struct span span = span_of(page);
    size_t before = page->units;
    if (units > before && !cairn__units_extend(span, before, units - before))
        return false;
    page->units = (uint16_t)units;
    if (units < before) {
        span.unit += units;
        cairn__units_give(span, before - units);
    }
    return true;
}

void cairn__page_give(struct page *page)
{
    struct span span = span_of(page);
    if (page->size != 0) {
        for (unsigned i = 1; i < page->units; i++)
            set_owner(&page[i], NULL);
        atomic_fetch_sub_explicit(&cairn__bytes_in_pages, (size_t)page->units << UNIT_SHIFT,
                                  memory_order_relaxed);
        atomic_fetch_sub_explicit(&cairn__bytes_handed_out, (size_t)page->issued * page->size,
                                  memory_order_relaxed);
    }
    page_set_state(page, PAGE_NONE);
    set_owner(page, NULL);
    cairn__units_give(span, page->units);
}

struct page *cairn__page_fullest(const struct page_list *list)
{
    struct page *best = list->first;
    if (best == NULL)
        return NULL;
    struct page *page = best->next;
    for (int looked = 1; looked < FULLEST_OF && page != NULL; looked++, page = page->next)
        if (page_free_count(page) < page_free_count(best))
            best = page;
    return best;
}
