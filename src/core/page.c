/* SPDX-License-Identifier: MIT */
/* See page.h. */
#include "core/page.h"

#include "core/guard.h"
#include "core/metadata.h"
#include "core/page_access.h"
#include "core/secret.h"
#include "os/fatal.h"
#include "os/os.h"
#include "os/tags.h"

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

static struct span span_of(const struct page *page)
{
    struct region *region = cairn__region_first();
    if (page < region->pages || page >= region->pages + region->size / UNIT_SIZE)
        region = region_outside_window(page->start);
    return (struct span){region, (size_t)(page - region->pages), false};
}

/* From the unit of this number on. */
static void own_interior(struct page *page, size_t first)
{
    for (size_t i = first; i < page->units; i++) {
        page[i].offset = (page_offset)i;
        set_owner(&page[i], OWNER_INTERIOR);
    }
}

static void disown_interior(struct page *page)
{
    for (unsigned i = 1; i < page->units; i++)
        set_owner(&page[i], NULL);
}

#if SLOTTED

/* The end of a page's units, which is never opened; none where the system's pages are too large. */
static size_t guard_bytes(void)
{
    return cairn__os_page_size() <= GUARD_BYTES ? GUARD_BYTES : 0;
}

static char *base_of(const struct page *page)
{
    return page->start - (uintptr_t)page->start % UNIT_SIZE;
}

bool cairn__page_open_part(struct page *page, char *from, size_t size)
{
    if (cairn__guard_open(page->guarded, from, size))
        return true;
    const struct region *region = span_of(page).region;
    return cairn__guard_give_up((void *)region->base, region->committed);
}

bool cairn__page_close_part(struct page *page, char *from, size_t size)
{
    return cairn__guard_close(&page->guarded, from, size);
}

void cairn__page_close_rest(struct page *page, char *from)
{
    char *end = base_of(page) + ((size_t)page->units << UNIT_SHIFT);
    cairn__guard_rest(&page->guarded, from, (size_t)(end - from));
}

/* Units that were free cannot be accessed, where the system has a way to do that. */
static bool open_page(struct page *page)
{
    bool none = page->class == CLASS_ZERO;
    size_t size = none ? 0 : ((size_t)page->units << UNIT_SHIFT) - guard_bytes();
    if (!none && !cairn__page_open_part(page, page->start, size))
        return false;
    if (!page->clean) /* locked memory stays, with what it held */
        cairn__os_clear(page->start, size);
    cairn__page_close_rest(page, page->start + size);
    return true;
}

/* Also of the tags of blocks that were in use. */
static void wipe(char *start, size_t size)
{
    if (tags_on())
        cairn__tag_wipe(start, size);
    else
        cairn__os_clear(start, size);
}

void cairn__page_close(struct page *page)
{
    if (page->class == CLASS_ZERO && page->size != 0)
        return; /* it never was open */
    char *start = base_of(page);
    size_t size = (size_t)page->units << UNIT_SHIFT;
    page->clean = cairn__page_close_part(page, start, size) || cairn__os_purge(start, size);
    if (!page->clean && page->size != 0) /* locked memory */
        wipe(start, size - guard_bytes());
}

/* The pool's memory is open where guards are mappings, or nobody would know how many there are. */
static void end_guards(struct page *page)
{
    bool open = !page->guarded ||
                cairn__page_open_part(page, base_of(page), (size_t)page->units << UNIT_SHIFT);
    cairn__guard_end(&page->guarded, open);
}

/* No byte of it is zero but the second; slot.c says why. */
static uint64_t canary_from(uint64_t secret)
{
    for (unsigned shift = 0; shift < 64; shift += 8)
        if ((secret >> shift & 0xff) == 0)
            secret |= (uint64_t)0x5a << shift;
    return secret & ~(uint64_t)0xff00;
}

/* Slots are made once, and kept with the page; behind them tags (tag.h), where there are any. False: no memory for them. */
static bool prepare(struct page *page)
{
    if (page->slots == NULL)
        page->slots = cairn__metadata_take(page->capacity * (sizeof page->slots[0] + tags_on()));
    page->factor = ((uint64_t)1 << SLOT_FACTOR_SHIFT) / page->size + 1;
    page->secret = canary_from(cairn__secret());
    if (page->slots == NULL)
        return false;
    /* The last owner may have been destroyed with blocks in use. */
    for (size_t at = 0; at < page->capacity; at++)
        atomic_store_explicit(&page->slots[at], 0, memory_order_relaxed);
    return true;
}
#else
static bool open_page(struct page *page)
{
    (void)page;
    return true;
}

void cairn__page_close(struct page *page)
{
    (void)page;
}

static void end_guards(struct page *page)
{
    (void)page;
}

static bool prepare(struct page *page)
{
    (void)page;
    return true;
}
#endif

/* A page's first use, or its first since it was closed. False: no memory for its slots. */
static bool begin(struct page *page, struct heap *owner)
{
    const struct class_info *info = &cairn__classes[page->class];
    page->size = info->size;
    page->capacity = info->capacity;
    page->wake = info->wake;
    page_set_state(page, PAGE_ACTIVE);
    if (!prepare(page))
        return false;
    atomic_fetch_add_explicit(&cairn__bytes_in_pages, (size_t)info->units << UNIT_SHIFT,
                              memory_order_relaxed);
    set_owner(page, owner);
    own_interior(page, 1);
    return true;
}

/* Of a page that could not begin. */
static void give_back(struct page *page, struct span span)
{
    cairn__page_close(page);
    end_guards(page);
    page->size = 0;
    if (SLOTTED && page->clean)
        cairn__units_give_wiped(span, page->units);
    else
        cairn__units_give(span, page->units);
}

struct page *cairn__page_take(unsigned class, struct heap *owner)
{
    size_t units = cairn__classes[class].units;
    struct span span = cairn__units_take(units, false);
    if (span.region == NULL)
        return NULL;
    struct page *page = describe(span, units);
    page->size = 0;
    page->class = (uint8_t) class;
    if (open_page(page) && begin(page, owner))
        return page;
    give_back(page, span);
    return NULL;
}

struct page *cairn__page_reopen(struct page *page, struct heap *owner)
{
    if (page->clean && !open_page(page))
        return NULL;
    struct span span = span_of(page);
    span.clean = page->clean;
    describe(span, page->units);
    begin(page, owner); /* it has its slots already */
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
    if (SLOTTED)
        own_interior(page, 1);
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

bool cairn__page_resize_large(struct page *page, size_t units)
{
    struct span span = span_of(page);
    size_t before = page->units;
    bool clean = true;
    if (units > before && !cairn__units_extend(span, before, units - before, &clean))
        return false;
    page->units = (uint16_t)units;
    if (SLOTTED) {
        page->clean = page->clean && clean;
        own_interior(page, before);
    }
    if (units < before) {
        span.unit += units;
        cairn__units_give(span, before - units);
    }
    return true;
}

void cairn__page_disown(struct page *page)
{
    if (SLOTTED || page->size != 0)
        disown_interior(page);
    if (page->size != 0) {
        atomic_fetch_sub_explicit(&cairn__bytes_in_pages, (size_t)page->units << UNIT_SHIFT,
                                  memory_order_relaxed);
        atomic_fetch_sub_explicit(&cairn__bytes_handed_out, (size_t)page->issued * page->size,
                                  memory_order_relaxed);
    }
    page->clean = false;
    page_set_state(page, PAGE_NONE);
    set_owner(page, NULL);
}

void cairn__page_give(struct page *page)
{
    if (SLOTTED)
        cairn__page_close(page);
    cairn__page_give_closed(page);
}

void cairn__page_give_closed(struct page *page)
{
    struct span span = span_of(page);
    size_t units = page->units;
    bool wiped = SLOTTED && page->clean;
    end_guards(page);
    cairn__page_disown(page);
    /* From here on it may be another's. */
    if (wiped)
        cairn__units_give_wiped(span, units);
    else
        cairn__units_give(span, units);
}
