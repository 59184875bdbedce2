/* SPDX-License-Identifier: MIT */
/* See slot.h and slot_life.h. */
#include "core/slot_life.h"

#include "base/option.h"
#include "base/print.h"
#include "core/bin.h"
#include "core/crime.h"
#include "os/os.h"

SEALED uint8_t cairn__harden = HARDEN_FULL;

#if SLOTTED

static char *block_at(const struct page *page, size_t at)
{
    return page->start + at * page->size;
}

/* ---- contents ---- */

void cairn__slot_touch(char *from, const char *to)
{
    enum { STEP = 4096 };
    while (from < to) {
        uint8_t zero = 0;
        atomic_compare_exchange_strong_explicit((_Atomic uint8_t *)from, &zero, 0,
                                                memory_order_relaxed, memory_order_relaxed);
        from = (char *)round_up((uintptr_t)from + 1, STEP);
    }
}

static size_t first_not_zero(const char *block, size_t size)
{
    size_t at = 0;
    while (at < size && block[at] == 0)
        at++;
    return at;
}

static void clear_canary(const struct page *page, char *block, size_t slack)
{
    cairn__os_clear(block + page->size - slack, slack);
}

/* Which byte of the slack is not as it was. */
static size_t wrong_in_slack(const struct page *page, const char *block, size_t slack)
{
    const char *start = block + page->size - slack;
    for (size_t at = 0; at < slack; at++)
        if (start[at] != (at < 8 ? (char)(page->secret >> 8 * at) : 0))
            return at;
    return slack;
}

/* ---- crimes ---- */

void cairn__slot_written(const struct page *page, const char *block)
{
    cairn__crime((struct crime){.what = "write after free to",
                                .ptr = block,
                                .detail = ", at byte ",
                                .number = first_not_zero(block, page->size),
                                .page = page,
                                .size = page->size});
}

static void require_zero(const struct page *page, const char *block)
{
    if (UNLIKELY(!is_zero(block, page->size)))
        cairn__slot_written(page, block);
}

void cairn__slot_overflowed(const struct page *page, const char *block, uint16_t slot)
{
    size_t slack = slot >> SLOT_SLACK_SHIFT;
    cairn__crime((struct crime){.what = "overflow of",
                                .ptr = block,
                                .detail = ", byte ",
                                .number = wrong_in_slack(page, block, slack) + 1,
                                .more = " behind it",
                                .page = page,
                                .size = page->size - slack});
}

static void require_canary(const struct page *page, const char *block, uint16_t slot)
{
    size_t slack = slot >> SLOT_SLACK_SHIFT;
    if (UNLIKELY(!has_canary(page, block, slack) || !has_clean_slack(page, block, slack)))
        cairn__slot_overflowed(page, block, slot);
}

void cairn__slot_not_live(const char *what, const struct page *page, const void *ptr)
{
    const char *block = tag_strip(ptr);
    size_t at = slot_of(page, block);
    struct crime crime = {.what = what, .ptr = ptr, .page = page, .size = page->size};
    if (at == page->capacity) {
        crime.kind = "invalid ";
        crime.detail = ", which is inside a block, at byte ";
        crime.number = (size_t)(block - page->start) % page->size;
    } else if (at >= page->issued) {
        crime.kind = "invalid ";
        crime.detail = ", which was never allocated";
    } else if (tag_is_other(page, at, ptr) && slot_state(slot_load(page, at)) == SLOT_LIVE) {
        crime.kind = "invalid ";
        crime.detail = ", by a pointer with a wrong tag";
    } else if (what[0] == 'f') {
        crime.kind = "double ";
    } else {
        crime.kind = "late ";
        crime.detail = ", which was freed before";
    }
    cairn__crime(crime);
}

static _Noreturn COLD void other_family(const struct page *page, const void *ptr, uint16_t slot,
                                        enum family family)
{
    static const char *const frees[] = {"free of", "delete of", "delete[] of"};
    static const char *const of[] = {", which came from malloc", ", which came from new",
                                     ", which came from new[]"};
    cairn__crime((struct crime){.what = frees[family],
                                .ptr = ptr,
                                .detail = of[slot_family(slot)],
                                .page = page,
                                .size = slot_size(page, slot)});
}

void cairn__slot_unexpected(const struct page *page, const void *ptr, uint16_t slot,
                            enum family family)
{
    if (slot_state(slot) != SLOT_LIVE || tag_is_other(page, slot_of(page, tag_strip(ptr)), ptr))
        cairn__slot_not_live("free of", page, ptr);
    bool compared = family != FAMILY_ANY && slot_family(slot) != FAMILY_ANY;
    if (compared && cairn__harden != HARDEN_FAST)
        other_family(page, ptr, slot, family);
}

void cairn__slot_other_size(const struct page *page, const void *ptr, uint16_t slot, size_t size)
{
    cairn__crime((struct crime){.what = "free with a wrong size of",
                                .ptr = ptr,
                                .detail = ", given as ",
                                .number = size,
                                .more = " bytes",
                                .page = page,
                                .size = slot_size(page, slot)});
}

/* Not once, but as often as nobody can have freed or resized it while we looked. */
void cairn__slot_look_at_live(const struct page *page, size_t at)
{
    enum { TRIES = 4 };
    const char *block = block_at(page, at);
    uint16_t slot = SLOT_FREE;
    for (int i = 0; i < TRIES; i++) {
        slot = slot_load(page, at);
        size_t slack = slot >> SLOT_SLACK_SHIFT;
        if (slot_state(slot) != SLOT_LIVE ||
            LIKELY(has_canary(page, block, slack) && has_clean_slack(page, block, slack)))
            return;
        atomic_thread_fence(memory_order_acquire);
        if (slot_load(page, at) != slot)
            return;
    }
    require_canary(page, block, slot);
}

size_t cairn__slot_size(const struct page *page, const void *ptr, const char *what)
{
    size_t at = slot_of(page, tag_strip(ptr));
    uint16_t slot = LIKELY(at < page->capacity) ? slot_load(page, at) : SLOT_FREE;
    if (UNLIKELY(slot_state(slot) != SLOT_LIVE) || tag_is_other(page, at, ptr))
        cairn__slot_not_live(what, page, ptr);
    return slot_size(page, slot);
}

bool cairn__slot_resize(struct page *page, void *ptr, size_t size)
{
    if (!page_has_bytes(page) || size + CANARY_LEAST > page->size || page->size - size > SLACK_MAX)
        return false;
    char *block = tag_strip(ptr);
    size_t at = slot_of(page, block);
    uint16_t slot = slot_load(page, at);
    if (slot_state(slot) != SLOT_LIVE ||
        !slot_claim(page, at, slot)) /* others may look at it meanwhile */
        cairn__slot_not_live("realloc of", page, ptr);
    tags_pause();
    require_canary(page, block, slot);
    clear_canary(page, block, size_max(slot >> SLOT_SLACK_SHIFT, page->size - size));
    set_canary(page, block, page->size - size);
    tag_resize(page, at, size);
    tags_resume();
    slot = (uint16_t)((slot & ((1 << SLOT_SLACK_SHIFT) - 1)) | (page->size - size)
                                                                   << SLOT_SLACK_SHIFT);
    slot_set(page, at, slot);
    return true;
}

/* ---- looking on ---- */

/* By a thread whose page it is not a free block may be handed out at any moment: not looked at. */
static void look_again(const struct heap *heap, void *block)
{
    const struct page *page = page_near(block); /* NULL: its region is gone */
    if (page != NULL && page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    if (page == NULL || page_owner(page) != heap || page->size == 0 || !page_has_bytes(page))
        return;
    size_t at = slot_of(page, block);
    if (at < page->capacity && slot_is_zero(slot_load(page, at)))
        require_zero(page, block);
}

void cairn__slots_watch_last(struct heap *heap)
{
    void *last = heap->watched[(heap->watched_next - 1) % WATCHED_FREES];
    if (last != NULL)
        look_again(heap, last);
}

void cairn__slots_watch(struct heap *heap)
{
    for (unsigned i = 0; i < WATCHED_FREES; i++)
        if (heap->watched[i] != NULL)
            look_again(heap, heap->watched[i]);
}

void cairn__slots_sweep(const struct page *page)
{
    if (!page_has_bytes(page))
        return;
    tags_pause();
    for (size_t at = 0; at < page->issued; at++) {
        uint16_t slot = slot_load(page, at);
        if (slot_is_zero(slot))
            require_zero(page, block_at(page, at));
        else
            cairn__slot_look_at_live(page, at);
    }
    tags_resume();
}

/* ---- magazines ---- */

/* Fisher and Yates's shuffle (R. Durstenfeld, Algorithm 235, 1964). */
static void shuffle(struct random *random, uint16_t *at, unsigned count)
{
    for (unsigned i = count; i > 1; i--) {
        unsigned j = random_below(random, i);
        uint16_t other = at[i - 1];
        at[i - 1] = at[j];
        at[j] = other;
    }
}

/* Up to `end`, or as far as it takes to have a few: of blocks that were handed out before, ripe ones. */
static unsigned draw_freed(struct magazine *bin, struct page *page, unsigned end, uint32_t wait)
{
    unsigned count = 0, at = page->cursor;
    uint32_t now = ticks();
    for (; at < page->issued && (at < end || count < MAGAZINE_FEW); at++) {
        uint16_t slot = slot_load(page, at);
        if (slot_state(slot) == SLOT_FREE && slot_is_ripe(slot, now, wait)) {
            slot_set(page, at, SLOT_DRAWN);
            bin->at[count++] = (uint16_t)at;
        }
    }
    page->cursor = (uint16_t)at;
    return count;
}

/* Of others all. How many there are then. */
static unsigned draw_fresh(struct magazine *bin, struct page *page, unsigned end, unsigned count)
{
    unsigned first = page->cursor, at = first;
    if (at < page->issued)
        return count;
    end = (unsigned)size_min(page->capacity,
                             size_max(end, at + size_max(MAGAZINE_FEW, count) - count));
    for (; at < end; at++) {
        slot_set(page, at, SLOT_DRAWN);
        bin->at[count++] = (uint16_t)at;
    }
    if (at == first)
        return count;
    if (page->size <= TOUCH_MANY && page_has_bytes(page))
        cairn__slot_touch(block_at(page, first), block_at(page, at));
    page->cursor = page->issued = (uint16_t)at;
    atomic_fetch_add_explicit(&cairn__bytes_handed_out, (size_t)(at - first) * page->size,
                              memory_order_relaxed);
    return count;
}

bool cairn__bin_fill(struct heap *heap, struct page *page, bool any)
{
    if (UNLIKELY(cairn__harden == HARDEN_PARANOID))
        cairn__slots_sweep(page);
    struct magazine *bin = &heap->bin[page->class];
    if (page->cursor >= page->issued && page_is_ripe(page) && page_free_count(page) >= MAGAZINE_FEW)
        page_begin_turn(page); /* rather than touch more memory */
    size_t near = size_min(size_max(MAGAZINE_BYTES / page->size, MAGAZINE_FEW), MAGAZINE_BLOCKS);
    unsigned end = page->cursor + (unsigned)near;
    unsigned freed = draw_freed(bin, page, end, any ? 0 : quarantine_ticks(page->size));
    unsigned count = draw_fresh(bin, page, end, freed);
    page->needed += count;
    heap_add_waiting(heap, page, -(int64_t)freed);
    heap->counts.handed += count;
    shuffle(heap->random, bin->at, count);
    bin->page = page;
    bin->count = (uint16_t)count;
    return count != 0;
}

/* They are as ripe as they were, and their page serves them again before it goes on to others. */
unsigned cairn__bin_cut(struct heap *heap, unsigned class, size_t keep, void **first, void **last)
{
    struct magazine *bin = &heap->bin[class];
    unsigned count = bin->count > keep ? bin->count - (unsigned)keep : 0;
    *first = *last = NULL;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = bin->at[i];
        slot_set(bin->page, at, slot_freed_at(ticks() - quarantine_ticks(bin->page->size)));
        bin->page->cursor = (uint16_t)size_min(bin->page->cursor, at);
    }
    for (unsigned i = count; i < bin->count; i++)
        bin->at[i - count] = bin->at[i];
    bin->count = (uint16_t)(bin->count - count);
    return count;
}

unsigned cairn__bin_empty(struct heap *heap, unsigned class, unsigned most, void **first,
                          void **last)
{
    (void)most;
    return cairn__bin_cut(heap, class, 0, first, last);
}

#endif
