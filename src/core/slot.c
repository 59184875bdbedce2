/* SPDX-License-Identifier: MIT */
/* See slot.h. */
#include "core/slot.h"

#include "base/option.h"
#include "base/print.h"
#include "core/bin.h"
#include "core/crime.h"
#include "os/os.h"

uint8_t cairn__harden = HARDEN_FULL;

#if SLOTTED

static char *block_at(const struct page *page, size_t at)
{
    return page->start + at * page->size;
}

/* Blocks of no bytes cannot be looked at, nor written to. */
static bool has_bytes(const struct page *page)
{
    return page->class != CLASS_ZERO;
}

/* ---- contents ---- */

typedef uint64_t words __attribute__((vector_size(16), may_alias));
typedef uint64_t loose_word __attribute__((may_alias, aligned(1)));

/* size: a multiple of 16, and so the block's alignment. */
static inline bool is_zero(const char *block, size_t size)
{
    const words *at = (const words *)block, *end = (const words *)(block + size);
    words sum = {0, 0};
    for (; end - at >= 4; at += 4)
        sum |= (at[0] | at[1]) | (at[2] | at[3]);
    for (; at < end; at++)
        sum |= *at;
    return (sum[0] | sum[1]) == 0;
}

static void clear(char *block, size_t size)
{
    enum { SHORT = 256 };
    if (size > SHORT) {
        cairn__os_clear(block, size);
        return;
    }
    for (words *at = (words *)block, *end = (words *)(block + size); at < end; at++) {
        *at = (words){0, 0};
        __asm__ volatile(""
                         :
                         :
                         : "memory"); /* or a compiler makes it a memset, which looks at blocks */
    }
}

static size_t first_not_zero(const char *block, size_t size)
{
    size_t at = 0;
    while (at < size && block[at] == 0)
        at++;
    return at;
}

/*
 * The canary: eight bytes of the page's secret right behind what was asked for, as many of them as there
 * is room for; the rest of the slack stays zero. None of the eight is zero but the second: who reads a
 * string beyond its block comes to an end there, and a zero written behind a string is seen.
 */
struct canary {
    loose_word *at;
    unsigned shift; /* bits of the word at `at` that are not the slack's */
};

static inline struct canary canary_of(const struct page *page, char *block, size_t slack)
{
    size_t in_slack = size_min(slack, 8);
    return (struct canary){(loose_word *)(block + page->size - size_max(slack, 8)),
                           (unsigned)(8 * (8 - in_slack))};
}

static inline void set_canary(const struct page *page, char *block, size_t slack)
{
    struct canary canary = canary_of(page, block, slack);
    *canary.at |= page->secret << canary.shift;
}

static void clear_canary(const struct page *page, char *block, size_t slack)
{
    cairn__os_clear(block + page->size - slack, slack);
}

static inline bool has_canary(const struct page *page, const char *block, size_t slack)
{
    struct canary canary = canary_of(page, (char *)block, slack);
    return LIKELY(*canary.at >> canary.shift << canary.shift == page->secret << canary.shift);
}

/* The slack beyond the canary is zero. */
static inline bool has_clean_slack(const struct page *page, const char *block, size_t slack)
{
    const loose_word *end = (const loose_word *)(block + page->size);
    uint64_t sum = 0;
    for (; slack >= 16; slack -= 8)
        sum |= *--end;
    if (slack > 8)
        sum |= end[-1] >> 8 * (16 - slack);
    return LIKELY(sum == 0);
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

static inline void require_zero(const struct page *page, const char *block)
{
    if (UNLIKELY(!is_zero(block, page->size)))
        cairn__crime((struct crime){.what = "write after free to",
                                    .ptr = block,
                                    .detail = ", at byte ",
                                    .number = first_not_zero(block, page->size),
                                    .page = page,
                                    .size = page->size});
}

static inline void require_canary(const struct page *page, const char *block, uint16_t slot)
{
    size_t slack = slot >> SLOT_SLACK_SHIFT;
    if (UNLIKELY(!has_canary(page, block, slack) || !has_clean_slack(page, block, slack)))
        cairn__crime((struct crime){.what = "overflow of",
                                    .ptr = block,
                                    .detail = ", byte ",
                                    .number = wrong_in_slack(page, block, slack) + 1,
                                    .more = " behind it",
                                    .page = page,
                                    .size = page->size - slack});
}

/* There is no block in use that begins at ptr. what: "free of", say. */
static _Noreturn COLD void not_live(const char *what, const struct page *page, const void *ptr)
{
    size_t at = slot_of(page, ptr);
    struct crime crime = {.ptr = ptr, .page = page, .size = page->size};
    TEXT_LINE(text);
    if (at == page->capacity) {
        cairn__text_put(&text, "invalid ");
        crime.detail = ", which is inside a block, at byte ";
        crime.number = (size_t)((const char *)ptr - page->start) % page->size;
    } else if (at >= page->issued) {
        cairn__text_put(&text, "invalid ");
        crime.detail = ", which was never allocated";
    } else if (what[0] == 'f') {
        cairn__text_put(&text, "double ");
    } else {
        cairn__text_put(&text, "late ");
        crime.detail = ", which was freed before";
    }
    cairn__text_put(&text, what);
    text.data[text.length] = '\0';
    crime.what = text.data;
    cairn__crime(crime);
}

/* ---- issue ---- */

void *cairn__slot_issue_at(const struct page *page, size_t at, size_t size, enum family family)
{
    char *block = block_at(page, at);
    size_t slack = page->size - size;
    if (LIKELY(has_bytes(page))) {
        require_zero(page, block);
        set_canary(page, block, slack);
    }
    uint16_t slot = (uint16_t)(SLOT_LIVE | (unsigned)family << SLOT_FAMILY_SHIFT |
                               slack << SLOT_SLACK_SHIFT);
    slot_set(page, at, slot);
    return block;
}

void *cairn__slot_issue(void *block, size_t size, enum family family)
{
    const struct page *page = page_of(block);
    return cairn__slot_issue_at(page, slot_of(page, block), size, family);
}

/* ---- retire ---- */

/*
 * What lies beside a block that is freed by its page's owner, as far as a few bytes away: free blocks
 * must be zero there (they stay so until the owner hands them out), and the block before, if in use,
 * must have its canary; it may be freed by another thread while we look, which its slot tells.
 */
enum { NEIGHBOURHOOD = 32 };

/* Not once, but as often as nobody can have freed or resized it while we looked. */
static inline void look_at_live(const struct page *page, size_t at)
{
    enum { TRIES = 4 };
    const char *block = block_at(page, at);
    uint16_t slot = SLOT_FREE;
    for (int i = 0; i < TRIES; i++) {
        slot = slot_load(page, at);
        if (slot_state(slot) != SLOT_LIVE ||
            LIKELY(has_canary(page, block, slot >> SLOT_SLACK_SHIFT)))
            return;
        atomic_thread_fence(memory_order_acquire);
        if (slot_load(page, at) != slot)
            return;
    }
    require_canary(page, block, slot);
}

static inline void look_before(const struct page *page, size_t at)
{
    uint16_t slot = slot_load(page, at);
    const char *block = block_at(page, at);
    if (slot_is_zero(slot)) {
        size_t reach = size_min(page->size, NEIGHBOURHOOD);
        if (UNLIKELY(!is_zero(block + page->size - reach, reach)))
            require_zero(page, block);
    } else if (slot_state(slot) == SLOT_LIVE) {
        look_at_live(page, at);
    }
}

static inline void look_behind(const struct page *page, size_t at)
{
    const char *block = block_at(page, at);
    if (slot_is_zero(slot_load(page, at)) &&
        UNLIKELY(!is_zero(block, size_min(page->size, NEIGHBOURHOOD))))
        require_zero(page, block);
}

static inline void look_around(const struct page *page, size_t at)
{
    if (LIKELY(at >= 1))
        look_before(page, at - 1);
    if (LIKELY(at + 1 < page->capacity))
        look_behind(page, at + 1);
    if (page->size < NEIGHBOURHOOD) {
        if (at >= 2)
            look_before(page, at - 2);
        if (at + 2 < page->capacity)
            look_behind(page, at + 2);
    }
}

static _Noreturn COLD void other_family(const struct page *page, void *ptr, uint16_t slot,
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

static _Noreturn COLD void other_size(const struct page *page, void *ptr, uint16_t slot,
                                      size_t size)
{
    cairn__crime((struct crime){.what = "free with a wrong size of",
                                .ptr = ptr,
                                .detail = ", given as ",
                                .number = size,
                                .more = " bytes",
                                .page = page,
                                .size = slot_size(page, slot)});
}

/* From LIVE to FREEING; false: somebody else was quicker. */
static bool claim(struct page *page, size_t at, uint16_t slot)
{
    uint16_t freeing = (uint16_t)((slot & ~SLOT_STATE) | SLOT_FREEING);
    if (!has_threads()) {
        atomic_store_explicit(&page->slots[at], freeing, memory_order_relaxed);
        return true;
    }
    return atomic_compare_exchange_strong_explicit(&page->slots[at], &slot, freeing,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

static inline void retire(struct page *page, void *ptr, size_t size, enum family family, bool own)
{
    size_t at = slot_of(page, ptr);
    uint16_t slot = LIKELY(at < page->capacity) ? slot_load(page, at) : SLOT_FREE;
    if (UNLIKELY(slot_state(slot) != SLOT_LIVE))
        not_live("free of", page, ptr);
    if (UNLIKELY(family != slot_family(slot) && family != FAMILY_ANY &&
                 slot_family(slot) != FAMILY_ANY && cairn__harden != HARDEN_FAST))
        other_family(page, ptr, slot, family);
    if (UNLIKELY(size != SIZE_UNKNOWN && size != slot_size(page, slot)))
        other_size(page, ptr, slot, size);
    if (UNLIKELY(!claim(page, at, slot)))
        not_live("free of", page, ptr);
    if (LIKELY(has_bytes(page))) {
        require_canary(page, ptr, slot);
        if (own && cairn__harden != HARDEN_FAST)
            look_around(page, at);
        clear(ptr, page->size);
    }
    slot_set(page, at, SLOT_FREE);
}

void cairn__slot_retire_own(struct heap *heap, struct page *page, void *ptr, size_t size,
                            enum family family)
{
    retire(page, ptr, size, family, true);
    heap->watched[heap->watched_next++ % WATCHED_FREES] = ptr;
}

void cairn__slot_retire(struct page *page, void *ptr, size_t size, enum family family)
{
    retire(page, ptr, size, family, false);
}

size_t cairn__slot_size(const struct page *page, const void *ptr, const char *what)
{
    size_t at = slot_of(page, ptr);
    uint16_t slot = LIKELY(at < page->capacity) ? slot_load(page, at) : SLOT_FREE;
    if (UNLIKELY(slot_state(slot) != SLOT_LIVE))
        not_live(what, page, ptr);
    return slot_size(page, slot);
}

bool cairn__slot_resize(struct page *page, void *ptr, size_t size)
{
    if (!has_bytes(page) || size + CANARY_LEAST > page->size || page->size - size > SLACK_MAX)
        return false;
    size_t at = slot_of(page, ptr);
    uint16_t slot = slot_load(page, at);
    if (slot_state(slot) != SLOT_LIVE ||
        !claim(page, at, slot)) /* others may look at it meanwhile */
        not_live("realloc of", page, ptr);
    require_canary(page, ptr, slot);
    clear_canary(page, ptr, size_max(slot >> SLOT_SLACK_SHIFT, page->size - size));
    set_canary(page, ptr, page->size - size);
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
    if (page == NULL || page_owner(page) != heap || page->size == 0 || !has_bytes(page))
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
    if (!has_bytes(page))
        return;
    for (size_t at = 0; at < page->issued; at++) {
        uint16_t slot = slot_load(page, at);
        if (slot_is_zero(slot))
            require_zero(page, block_at(page, at));
        else
            look_at_live(page, at);
    }
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

bool cairn__bin_fill(struct heap *heap, struct page *page)
{
    if (UNLIKELY(cairn__harden == HARDEN_PARANOID))
        cairn__slots_sweep(page);
    struct magazine *bin = &heap->bin[page->class];
    unsigned bytes = 0, count = 0, at = page->cursor;
    for (; at < page->capacity && count < MAGAZINE_BLOCKS &&
           (bytes < MAGAZINE_BYTES || count < MAGAZINE_FEW);
         at++, bytes += page->size)
        if (slot_state(slot_load(page, at)) == SLOT_FREE) {
            slot_set(page, at, SLOT_DRAWN);
            bin->at[count++] = (uint16_t)at;
        }
    page->cursor = (uint16_t)at;
    unsigned fresh = at > page->issued ? at - page->issued : 0;
    page->issued = (uint16_t)(page->issued + fresh);
    page->needed += count;
    if (fresh != 0)
        atomic_fetch_add_explicit(&cairn__bytes_handed_out, (size_t)fresh * page->size,
                                  memory_order_relaxed);
    heap_add_waiting(heap, page, (int64_t)fresh - (int64_t)count);
    heap->counts.handed += count;
    shuffle(heap->random, bin->at, count);
    bin->page = page;
    bin->count = (uint16_t)count;
    return count != 0;
}

unsigned cairn__bin_empty(struct heap *heap, unsigned class, unsigned most, void **first,
                          void **last)
{
    struct magazine *bin = &heap->bin[class];
    unsigned count = bin->count;
    (void)most;
    *first = *last = NULL;
    for (unsigned i = 0; i < count; i++)
        slot_set(bin->page, bin->at[i], SLOT_FREE);
    bin->count = 0;
    return count;
}

#endif
