/* SPDX-License-Identifier: MIT */
/*
 * See sampled.h. The range: a page of the system's that is never opened, then for each slot room for
 * the largest block and another such page. Most blocks end where the room does, some begin where it
 * begins; what alignment leaves on either side holds a pattern. Freed slots are used again in the order
 * in which they were freed.
 */
#include "core/sampled.h"

#include <string.h>

#include "base/option.h"
#include "base/print.h"
#include "core/bin.h"
#include "core/calls.h"
#include "core/crime.h"
#include "core/metadata.h"
#include "core/secret.h"
#include "core/slot.h"
#include "os/os.h"

SEALED uint32_t cairn__sample_rate = SAMPLE_INITIAL;
struct sampled_range cairn__sampled_range;

enum state { UNUSED, USED, FREED };

struct record {
    char *start;
    size_t size; /* as asked for */
    uint8_t family;
    _Atomic uint8_t state;
    struct calls allocated, freed;
};

static struct {
    struct lock lock; /* RANK_SAMPLED */
    struct record *records;
    uint16_t freed[SAMPLED_SLOTS]; /* first in, first out */
    size_t first, count;           /* of these */
    size_t begun;                  /* slots that ever held a block */
    struct sampled_figures live;
    size_t os_page;
    size_t room; /* of a slot */
    /* How slots were closed: guarded, which costs no mapping; and some or all, where that failed (of
     * locked memory it does), restricted. Each is undone where it was ever done. */
    bool guarded, restricted;
    bool failed;
    unsigned char pattern;
} sampled;

void cairn__sampled_start(size_t rate)
{
    cairn__sample_rate = (uint32_t)rate;
    if (rate != 0)
        cairn__secret(); /* which asks the system the first time: a sandbox may not let it later */
}

/* ---- which allocations ---- */

/* xorshift (G. Marsaglia, Xorshift RNGs, 2003). */
static uint32_t draw(struct heap *heap)
{
    uint64_t x = heap->sample_random;
    while (x == 0)
        x = cairn__secret();
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    heap->sample_random = x;
    return (uint32_t)(x >> 32);
}

/* -ln(u / 2^32), in the same units; u > 0. ln(1 - x) as a series, for x up to a half. */
static uint64_t minus_ln(uint32_t u)
{
    const uint64_t ln_2 = 2977044472; /* * 2^32 */
    unsigned halvings = 31 - log2_floor(u);
    uint64_t x = ((uint64_t)1 << 32) - ((uint64_t)u << (halvings + 1)) / 2;
    uint64_t sum = halvings * ln_2, power = x;
    for (unsigned i = 1; i <= 12; i++) {
        sum += power / i;
        power = power * x >> 32;
    }
    return sum;
}

/* How many allocations there are to the next one that is chosen: a geometric distribution. */
static uint64_t draw_skip(struct heap *heap)
{
    uint64_t rate = cairn__sample_rate;
    if (rate == 1)
        return 0;
    uint32_t u = draw(heap);
    /* A chance of 1 / rate for each allocation is one of about 1 / (rate - 1/2) at a time. */
    uint64_t doubled = 2 * rate - 1;
    return ((minus_ln(u + (u == 0)) >> 8) * doubled) >> 25;
}

static void begin(struct heap *heap)
{
    if (heap->sample_random == 0)
        heap->sample_skip = draw_skip(heap);
}

uint32_t cairn__sample_budget(struct heap *heap)
{
    begin(heap);
    uint32_t used = heap->sample_given - heap->short_blocks;
    heap->sample_skip -= size_min(used, heap->sample_skip);
    heap->sample_given = heap->sample_due != 0 || heap->pending != NULL
                             ? 0
                             : (uint32_t)size_min(SHORT_BLOCKS, heap->sample_skip);
    return heap->sample_given;
}

void cairn__sample_next(struct heap *heap, unsigned class, uint64_t count)
{
    struct page *page = heap->shelf[class].active;
    if (heap->sample_skip >= count || page == NULL) {
        heap->sample_skip -= size_min(count, heap->sample_skip);
        heap->short_blocks = cairn__sample_budget(heap);
        return;
    }
    heap->sample[class] = SAMPLE_DUE;
    heap->sample_due++;
    bool outer = heap_enter(heap);
    void *first, *last;
    unsigned rest = cairn__bin_cut(heap, class, heap->sample_skip, &first, &last);
    if (rest != 0)
        cairn__heap_take_back(heap, page, first, last, rest);
    heap->counts.handed -= rest;
    heap->sample_skip = draw_skip(heap);
    heap->short_blocks = cairn__sample_budget(heap);
    heap_leave(heap, outer);
}

/* The first of a class was not among those that a trip has brought. */
static bool first_is_chosen(struct heap *heap)
{
    begin(heap);
    if (heap->sample_skip != 0) {
        heap->sample_skip--;
        return false;
    }
    heap->sample_skip = draw_skip(heap);
    return true;
}

/*
 * A rate that was chosen to cost nothing does so in programs that allocate without a pause, too. What stays
 * is a chance for each allocation, lower for those of a busy moment. (A leaky bucket, by the time from
 * which on it has room: ITU-T I.371, 1993.)
 */
static bool may_take_another(void)
{
    static _Atomic uint64_t room_from; /* in microseconds, as `now` */
    const uint64_t step = 1000000 / SAMPLED_PER_SECOND, rest = SAMPLED_AT_ONCE * step;
    if (cairn__sample_rate < SAMPLED_LIMITED_FROM)
        return true;
    uint64_t now = cairn__os_now() * 1000;
    uint64_t from = atomic_load_explicit(&room_from, memory_order_relaxed);
    if (from > now)
        return false;
    uint64_t then = (now - from > rest ? now - rest : from) + step;
    return atomic_compare_exchange_strong_explicit(&room_from, &from, then, memory_order_relaxed,
                                                   memory_order_relaxed);
}

bool cairn__sample_is_due(struct heap *heap, unsigned class)
{
    bool was_due = heap->sample[class] == SAMPLE_DUE;
    heap->sample_due -= was_due;
    bool due = was_due || first_is_chosen(heap);
    heap->sample[class] = due ? SAMPLE_UNKNOWN : SAMPLE_LATER;
    bool refused = due && !may_take_another();
    if (refused) /* and so would be those that follow soon: to look for them costs more than they do */
        heap->sample_skip *= SAMPLED_PAUSE;
    heap->short_blocks = cairn__sample_budget(heap);
    return due && !refused;
}

/* ---- the range ---- */

static size_t stride(void)
{
    return sampled.room + sampled.os_page;
}

static char *room_of(size_t slot)
{
    return (char *)cairn__sampled_range.start + sampled.os_page + slot * stride();
}

/* Address space is not wasted where it is short. Under the lock. */
static bool make_range(void)
{
    sampled.os_page = cairn__os_page_size();
    sampled.room = round_up(SAMPLED_MAX, sampled.os_page);
    size_t size = sampled.os_page + SAMPLED_SLOTS * stride();
    char *start = cairn__window_is_limited() ? NULL : cairn__os_reserve(size, sampled.os_page);
    sampled.records = start == NULL ? NULL
                                    : cairn__metadata_take(SAMPLED_SLOTS * sizeof *sampled.records);
    if (sampled.records == NULL) {
        if (start != NULL)
            cairn__os_release(start, size);
        return false;
    }
    sampled.guarded = cairn__os_commit(start, sampled.os_page) &&
                      cairn__os_guard(start, sampled.os_page);
    sampled.restricted = !sampled.guarded || !cairn__os_commit(start, size) ||
                         !cairn__os_guard(start, size);
    if (sampled.restricted)
        cairn__os_restrict(start, size, false);
    sampled.pattern = (unsigned char)(cairn__secret() | 1);
    cairn__sampled_range.start = (uintptr_t)start;
    __atomic_store_n(&cairn__sampled_range.size, size, __ATOMIC_RELEASE);
    return true;
}

static bool has_range(void)
{
    if (sampled.records == NULL && !sampled.failed)
        sampled.failed = !make_range();
    return !sampled.failed;
}

static bool open_pages(char *from, const char *to)
{
    size_t size = (size_t)(to - from);
    return (!sampled.guarded || cairn__os_unguard(from, size)) &&
           (!sampled.restricted || cairn__os_commit(from, size));
}

/* They read as zero when they are opened again. Under the lock. */
static void close_pages(char *from, const char *to)
{
    size_t size = (size_t)(to - from);
    if (sampled.guarded && cairn__os_guard(from, size))
        return;
    if (!cairn__os_purge(from, size))
        cairn__os_clear(from, size);
    sampled.restricted = true;
    cairn__os_restrict(from, size, false);
}

/* ---- slots ---- */

/* How many may live: mappings are not to run short where each costs two. */
static size_t most_live(void)
{
    return sampled.restricted ? SAMPLED_SLOTS / 4 : SAMPLED_SLOTS;
}

/* The next slot; SAMPLED_SLOTS: none. Under the lock. */
static size_t take_slot(void)
{
    if (!has_range() || sampled.live.blocks >= most_live())
        return SAMPLED_SLOTS;
    if (sampled.begun < SAMPLED_SLOTS)
        return sampled.begun++;
    if (sampled.count == 0)
        return SAMPLED_SLOTS;
    sampled.count--;
    return sampled.freed[sampled.first++ % SAMPLED_SLOTS];
}

static void give_slot(size_t slot)
{
    sampled.freed[(sampled.first + sampled.count++) % SAMPLED_SLOTS] = (uint16_t)slot;
}

static struct record *record_near(const void *ptr)
{
    size_t offset = (uintptr_t)ptr - cairn__sampled_range.start;
    size_t slot = offset < sampled.os_page ? 0 : (offset - sampled.os_page) / stride();
    return &sampled.records[size_min(slot, SAMPLED_SLOTS - 1)];
}

/* The pages of the system's that a block lies in. */
static char *first_page(const struct record *record)
{
    return (char *)round_down((uintptr_t)record->start, sampled.os_page);
}

static char *end_of_pages(const struct record *record)
{
    return (char *)round_up((uintptr_t)record->start + size_max(record->size, 1), sampled.os_page);
}

static size_t bytes_held(const struct record *record)
{
    return (size_t)(end_of_pages(record) - first_page(record));
}

/* Where the pattern lies: as far as an error by some elements goes. */
enum { REACH = 128 };

static char *pattern_before(const struct record *record)
{
    size_t room = (size_t)(record->start - first_page(record));
    return record->start - size_min(room, REACH);
}

static char *pattern_behind(const struct record *record)
{
    char *end = record->start + record->size;
    return end + size_min((size_t)(end_of_pages(record) - end), REACH);
}

/* ---- allocation ---- */

/* Where a block lies in its room: one of four times at the beginning, for who writes before blocks. */
static char *place(size_t slot, size_t size, size_t align)
{
    enum { AT_BEGINNING = 4 };
    char *room = room_of(slot);
    if (cairn__secret() % AT_BEGINNING == 0)
        return room;
    return (char *)round_down((uintptr_t)room + sampled.room - size_max(size, 1), align);
}

/* Under the lock; the calls apart, which take longer. */
static struct record *take_record(size_t size, size_t align)
{
    size_t slot = take_slot();
    if (slot == SAMPLED_SLOTS)
        return NULL;
    struct record *record = &sampled.records[slot];
    record->start = place(slot, size, align);
    record->size = size;
    if (!open_pages(first_page(record), end_of_pages(record))) {
        give_slot(slot);
        return NULL;
    }
    sampled.live.blocks++;
    sampled.live.bytes += size;
    sampled.live.held += bytes_held(record);
    return record;
}

void *cairn__sampled_alloc(size_t size, size_t align)
{
    align = size_max(align, 16);
    if (size > SAMPLED_MAX || align > 4096) /* the smallest page of a system's */
        return NULL;
    struct calls calls;
    cairn__calls_take(&calls, 0);
    lock_acquire(&sampled.lock);
    struct record *record = take_record(size, align);
    lock_release(&sampled.lock);
    if (record == NULL)
        return NULL;
    char *from = pattern_before(record), *end = record->start + size;
    memset(from, sampled.pattern, (size_t)(record->start - from));
    memset(end, sampled.pattern, (size_t)(pattern_behind(record) - end));
    record->allocated = calls;
    record->family = FAMILY_ANY;
    atomic_store_explicit(&record->state, USED, memory_order_release);
    return record->start;
}

void cairn__sampled_set_family(const void *ptr, unsigned family)
{
    record_near(ptr)->family = (uint8_t)family;
}

/* ---- what is wrong ---- */

static _Noreturn COLD void complain(struct crime crime, const struct record *record)
{
    crime.size = record->size;
    crime.allocated = &record->allocated;
    if (atomic_load_explicit(&record->state, memory_order_relaxed) == FREED)
        crime.freed = &record->freed;
    cairn__crime(crime);
}

/* what: "free of". There is no block in use that begins at ptr. */
static _Noreturn COLD void not_in_use(const char *what, const void *ptr,
                                      const struct record *record)
{
    bool freed = atomic_load_explicit(&record->state, memory_order_relaxed) == FREED;
    TEXT_LINE(text);
    cairn__text_put(&text, ptr != record->start ? "invalid "
                           : what[0] == 'f'     ? "double "
                                                : "late ");
    cairn__text_put(&text, what);
    text.data[text.length] = '\0';
    complain((struct crime){.what = text.data,
                            .ptr = ptr,
                            .detail = ptr != record->start ? ", which is inside a block, at byte "
                                      : freed              ? ", which was freed before"
                                                           : ", which was never allocated",
                            .number = (size_t)((const char *)ptr - record->start)},
             record);
}

/* The first byte of [from, to) that does not hold the pattern; `to`: all do. */
static const char *wrong_in(const char *from, const char *to)
{
    while (from < to && (unsigned char)*from == sampled.pattern)
        from++;
    return from;
}

static void require_pattern(const struct record *record)
{
    const char *end = record->start + record->size;
    const char *before = wrong_in(pattern_before(record), record->start);
    const char *behind = wrong_in(end, pattern_behind(record));
    if (UNLIKELY(before != record->start))
        complain((struct crime){.what = "underflow of",
                                .ptr = record->start,
                                .detail = ", byte ",
                                .number = (size_t)(record->start - before),
                                .more = " before it"},
                 record);
    if (UNLIKELY(behind != pattern_behind(record)))
        complain((struct crime){.what = "overflow of",
                                .ptr = record->start,
                                .detail = ", byte ",
                                .number = (size_t)(behind - end) + 1,
                                .more = " behind it"},
                 record);
}

static void require_match(const struct record *record, unsigned family, size_t size)
{
    bool compared = family != FAMILY_ANY && record->family != FAMILY_ANY;
    if (UNLIKELY(compared && record->family != family && cairn__harden != HARDEN_FAST))
        complain((struct crime){.what = "free by another family of", .ptr = record->start}, record);
    if (UNLIKELY(size != SIZE_UNKNOWN && size != record->size))
        complain((struct crime){.what = "free with a wrong size of",
                                .ptr = record->start,
                                .detail = ", given as ",
                                .number = size,
                                .more = " bytes"},
                 record);
}

/* ---- free ---- */

void cairn__sampled_free(void *ptr, unsigned family, size_t size)
{
    struct record *record = record_near(ptr);
    struct calls calls;
    cairn__calls_take(&calls, 0);
    uint8_t used = USED;
    if (ptr != record->start ||
        !atomic_compare_exchange_strong(&record->state, &used, (uint8_t)FREED))
        not_in_use("free of", ptr, record);
    record->freed = calls;
    require_match(record, family, size);
    require_pattern(record);
    lock_acquire(&sampled.lock);
    close_pages(first_page(record), end_of_pages(record));
    sampled.live.blocks--;
    sampled.live.bytes -= record->size;
    sampled.live.held -= bytes_held(record);
    give_slot((size_t)(record - sampled.records));
    lock_release(&sampled.lock);
}

size_t cairn__sampled_size(const void *ptr, const char *what)
{
    const struct record *record = record_near(ptr);
    if (ptr != record->start || atomic_load_explicit(&record->state, memory_order_acquire) != USED)
        not_in_use(what, ptr, record);
    return record->size;
}

bool cairn__sampled_owns(const void *ptr)
{
    const struct record *record = record_near(ptr);
    return ptr == record->start &&
           atomic_load_explicit(&record->state, memory_order_acquire) == USED;
}

/* ---- faults ---- */

/* How far an address is from a block that the slot holds or held; behind it, or before it. */
static size_t distance(const struct record *record, const char *address)
{
    if (record->start == NULL)
        return SIZE_MAX;
    const char *end = record->start + record->size;
    if (address >= end)
        return (size_t)(address - end) + 1;
    return address < record->start ? (size_t)(record->start - address) : 0;
}

/* Of the two beside a page that is never opened, the nearer one. */
static const struct record *nearest(const char *address)
{
    const struct record *record = record_near(address), *last = &sampled.records[SAMPLED_SLOTS - 1];
    const char *end = room_of((size_t)(record - sampled.records)) + sampled.room;
    if (address >= end && record < last &&
        distance(record + 1, address) < distance(record, address))
        return record + 1;
    return record;
}

static void put_access(struct text *line, const struct record *record, const char *address)
{
    const char *end = record->start + record->size;
    bool freed = atomic_load_explicit(&record->state, memory_order_relaxed) == FREED;
    bool inside = address >= record->start && address < end;
    cairn__text_put(line, freed            ? "use after free: access to "
                          : address >= end ? "overflow: access to "
                          : inside         ? "access to "
                                           : "underflow: access to ");
    cairn__text_pointer(line, address);
    cairn__text_put(line, ", ");
    cairn__text_put(line, inside ? "byte " : "");
    cairn__text_uint(line, inside ? (size_t)(address - record->start) : distance(record, address));
    cairn__text_put(line, inside           ? " of the "
                          : address >= end ? " bytes behind the end of the "
                                           : " bytes before the ");
    cairn__text_uint(line, record->size);
    cairn__text_put(line, "-byte block ");
    cairn__text_pointer(line, record->start);
}

void cairn__sampled_explain(const void *address, uintptr_t interrupted)
{
    const struct record *record = nearest(address);
    static struct calls
        calls; /* a handler's stack is small; who comes at the same time reports the same */
    cairn__calls_take(&calls, interrupted);
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: ");
    if (record->start != NULL) {
        put_access(&line, record, address);
    } else {
        cairn__text_put(&line, "access to ");
        cairn__text_pointer(&line, address);
        cairn__text_put(&line, ", where no block is");
    }
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
    cairn__calls_print("accessed by", &calls);
    if (record->start == NULL)
        return;
    cairn__calls_print("allocated by", &record->allocated);
    if (atomic_load_explicit(&record->state, memory_order_relaxed) == FREED)
        cairn__calls_print("freed by", &record->freed);
}

/* ---- figures and fork ---- */

struct sampled_figures cairn__sampled_figures(void)
{
    lock_acquire(&sampled.lock);
    struct sampled_figures figures = sampled.live;
    lock_release(&sampled.lock);
    return figures;
}

void cairn__sampled_before_fork(void)
{
    lock_acquire(&sampled.lock);
}

void cairn__sampled_after_fork(bool child)
{
    lock_after_fork(&sampled.lock, child);
}
