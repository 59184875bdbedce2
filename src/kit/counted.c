/* SPDX-License-Identifier: MIT */
/*
 * See cairn/counted.h; the report is in counted_report.c, records in sites.h. When no thread is
 * inside a call,
 *     live_blocks = live blocks <= peak_blocks
 *     live_bytes  = their sizes as asked for <= peak_bytes
 *     sum of sizes[] = allocations + resized_in_place + resized_and_moved
 *     live_blocks = records + unrecorded, if there are records
 * Figures are read and written atomically and order nothing. A block's record is taken out before
 * the source gets the block, which may hand the same address to another thread at once, and put in
 * after the source has returned it.
 *
 * now.peak_* are the peaks since the last time that a section began, when they were lowered to what
 * is live. What they were before is folded into the innermost section and into ended_most_*:
 *     most of a section = max(its most_*, those of all sections inside it, now.peak_*)
 *     peak of all times = max(ended_most_*, now.peak_*)
 */
#include "cairn/counted.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/print.h"
#include "cairn/system.h"
#include "kit/sites.h"
#include "os/stack.h"

#define DEFAULT_FRAMES 8

static size_t load(const size_t *figure)
{
    return __atomic_load_n(figure, __ATOMIC_RELAXED);
}

/* The new value. */
static size_t add(size_t *figure, size_t amount)
{
    return __atomic_add_fetch(figure, amount, __ATOMIC_RELAXED);
}

static void raise_to(size_t *figure, size_t value)
{
    size_t now = load(figure);
    while (
        UNLIKELY(value > now) &&
        !__atomic_compare_exchange_n(figure, &now, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

static void lock(const cairn_counted *counted)
{
    lock_acquire((struct lock *)&((cairn_counted *)counted)->lock);
}

static void unlock(const cairn_counted *counted)
{
    lock_release((struct lock *)&((cairn_counted *)counted)->lock);
}

/* ---- counting ---- */

/* k of sizes[k]: the smallest with size <= 2^k. */
static unsigned size_bin(size_t size)
{
    return size <= 1 ? 0 : log2_floor(size - 1) + 1;
}

static void count_request(cairn_counted *counted, size_t size)
{
    add(&counted->now.sizes[size_bin(size)], 1);
}

static void count_bytes(cairn_counted *counted, size_t before, size_t after)
{
    size_t live = add(&counted->now.live_bytes, after - before);
    if (after > before)
        raise_to(&counted->now.peak_bytes, live);
}

static void record(cairn_counted *counted, void *ptr, size_t size, void *caller)
{
    struct site *site = cairn__sites_of(counted->sites, caller, counted->frames);
    if (UNLIKELY(!cairn__sites_put(counted->sites, ptr, size, site)))
        add(&counted->now.unrecorded, 1);
}

/* A block without a record is one that there was no memory for, or none of ours. */
static COLD void forget_unrecorded(cairn_counted *counted)
{
    size_t now = load(&counted->now.unrecorded);
    while (now > 0 && !__atomic_compare_exchange_n(&counted->now.unrecorded, &now, now - 1, true,
                                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* ---- the ops ---- */

static void *count_new(cairn_counted *counted, void *ptr, size_t size, void *caller)
{
    if (UNLIKELY(ptr == NULL)) {
        add(&counted->now.failures, 1);
        return NULL;
    }
    count_request(counted, size);
    count_bytes(counted, 0, size);
    raise_to(&counted->now.peak_blocks, add(&counted->now.live_blocks, 1));
    if (counted->sites != NULL)
        record(counted, ptr, size, caller);
    return ptr;
}

static void *counted_alloc(void *self, cairn_layout layout)
{
    cairn_counted *counted = self;
    void *ptr = cairn_allocator_alloc(counted->source, layout);
    return count_new(counted, ptr, layout.size, __builtin_return_address(0));
}

static void *counted_alloc_zeroed(void *self, cairn_layout layout)
{
    cairn_counted *counted = self;
    void *ptr = cairn_allocator_alloc_zeroed(counted->source, layout);
    return count_new(counted, ptr, layout.size, __builtin_return_address(0));
}

static void counted_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_counted *counted = self;
    if (counted->sites != NULL && UNLIKELY(!cairn__sites_take(counted->sites, ptr)))
        forget_unrecorded(counted);
    count_bytes(counted, layout.size, 0);
    add(&counted->now.live_blocks, (size_t)-1);
    cairn_allocator_dealloc(counted->source, ptr, layout);
}

/* The record follows the block: as it was, at its place with a new size, or to a new address. */
static void settle(cairn_counted *counted, struct note *held, void *moved, size_t new_size,
                   void *caller)
{
    if (held->ptr == 0)
        forget_unrecorded(counted);
    if (held->ptr != (uintptr_t)moved) {
        if (held->ptr != 0)
            cairn__sites_let_go(counted->sites, held);
        record(counted, moved, new_size, caller);
        return;
    }
    held->size = new_size;
    held->site = cairn__sites_of(counted->sites, caller, counted->frames);
    cairn__sites_put_back(counted->sites, held);
}

static void *counted_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_counted *counted = self;
    struct note held = {0, 0, NULL};
    if (counted->sites != NULL)
        cairn__sites_hold(counted->sites, ptr, &held);
    void *moved = cairn_allocator_realloc(counted->source, ptr, layout, new_size);
    if (UNLIKELY(moved == NULL)) {
        add(&counted->now.failures, 1);
        if (held.ptr != 0)
            cairn__sites_put_back(counted->sites, &held);
        return NULL;
    }
    count_request(counted, new_size);
    count_bytes(counted, layout.size, new_size);
    add(moved == ptr ? &counted->now.resized_in_place : &counted->now.resized_and_moved, 1);
    if (counted->sites != NULL)
        settle(counted, &held, moved, new_size, __builtin_return_address(0));
    return moved;
}

static bool counted_owns(void *self, const void *ptr)
{
    return cairn_allocator_owns(((cairn_counted *)self)->source, ptr);
}

static size_t counted_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    return cairn_allocator_usable_size(((cairn_counted *)self)->source, ptr, layout);
}

#define OPS                                                                                        \
    .name = "counted", .alloc = counted_alloc, .dealloc = counted_dealloc,                         \
    .alloc_zeroed = counted_alloc_zeroed, .realloc = counted_realloc,                              \
    .usable_size = counted_usable_size

CAIRN_EXPORT cairn_allocator cairn_counted_allocator(cairn_counted *counted)
{
    static const cairn_allocator_ops ops[2] = {{OPS}, {OPS, .owns = counted_owns}};
    return (cairn_allocator){&ops[cairn_allocator_can_tell(counted->source)], counted};
}

/* ---- figures ---- */

static size_t requests(const cairn_counted *counted)
{
    size_t sum = 0;
    for (int i = 0; i < CAIRN_COUNTED_SIZES; i++)
        sum += load(&counted->now.sizes[i]);
    return sum;
}

CAIRN_EXPORT void cairn_counted_stats_get(const cairn_counted *counted, cairn_counted_stats *stats)
{
    const cairn_counted_stats *now = &counted->now;
    lock(counted);
    stats->peak_blocks = size_max(counted->ended_most_blocks, load(&now->peak_blocks));
    stats->peak_bytes = size_max(counted->ended_most_bytes, load(&now->peak_bytes));
    unlock(counted);
    stats->live_blocks = load(&now->live_blocks);
    stats->live_bytes = load(&now->live_bytes);
    stats->resized_in_place = load(&now->resized_in_place);
    stats->resized_and_moved = load(&now->resized_and_moved);
    stats->failures = load(&now->failures);
    stats->unrecorded = load(&now->unrecorded);
    size_t sum = 0;
    for (int i = 0; i < CAIRN_COUNTED_SIZES; i++)
        sum += stats->sizes[i] = load(&now->sizes[i]);
    stats->allocations = sum - stats->resized_in_place - stats->resized_and_moved;
    stats->deallocations = stats->allocations - stats->live_blocks;
}

/* ---- sections ---- */

/* now.peak_* into the innermost section; under the lock. */
static void fold(cairn_counted *counted)
{
    size_t blocks = load(&counted->now.peak_blocks);
    size_t bytes = load(&counted->now.peak_bytes);
    cairn_counted_section *section = counted->section;
    if (section != NULL) {
        section->most_blocks = size_max(section->most_blocks, blocks);
        section->most_bytes = size_max(section->most_bytes, bytes);
    }
    counted->ended_most_blocks = size_max(counted->ended_most_blocks, blocks);
    counted->ended_most_bytes = size_max(counted->ended_most_bytes, bytes);
}

/* What is live now. Lowered first and raised then: what others add meanwhile is not lost. */
static size_t restart_peak(size_t *peak, const size_t *live)
{
    __atomic_store_n(peak, 0, __ATOMIC_SEQ_CST);
    size_t now = __atomic_load_n(live, __ATOMIC_SEQ_CST);
    raise_to(peak, now);
    return now;
}

CAIRN_EXPORT void cairn_counted_begin(cairn_counted *counted, cairn_counted_section *section)
{
    memset(section, 0, sizeof *section);
    lock(counted);
    fold(counted);
    section->bytes_before = restart_peak(&counted->now.peak_bytes, &counted->now.live_bytes);
    section->blocks_before = restart_peak(&counted->now.peak_blocks, &counted->now.live_blocks);
    section->requests_before = requests(counted);
    section->outer = counted->section;
    counted->section = section;
    unlock(counted);
}

CAIRN_EXPORT bool cairn_counted_end(cairn_counted *counted, cairn_counted_section *section)
{
    lock(counted);
    fold(counted);
    size_t most_blocks = 0, most_bytes = 0;
    cairn_counted_section **link = &counted->section;
    for (; *link != NULL; link = &(*link)->outer) {
        most_blocks = size_max(most_blocks, (*link)->most_blocks);
        most_bytes = size_max(most_bytes, (*link)->most_bytes);
        if (*link == section)
            break;
    }
    bool found = *link != NULL;
    if (found) {
        *link = section->outer;
        if (section->outer != NULL) {
            section->outer->most_blocks = size_max(section->outer->most_blocks, most_blocks);
            section->outer->most_bytes = size_max(section->outer->most_bytes, most_bytes);
        }
        section->requests = requests(counted) - section->requests_before;
        section->peak_blocks = most_blocks - section->blocks_before;
        section->peak_bytes = most_bytes - section->bytes_before;
        section->left_blocks = (ptrdiff_t)(load(&counted->now.live_blocks) -
                                           section->blocks_before);
        section->left_bytes = (ptrdiff_t)(load(&counted->now.live_bytes) - section->bytes_before);
        section->outer = NULL;
    }
    unlock(counted);
    return found;
}

static void put_bound(struct text *text, size_t value, const char *unit, size_t max)
{
    cairn__text_uint(text, value);
    cairn__text_put(text, unit);
    if (max != SIZE_MAX) {
        cairn__text_put(text, " (at most ");
        cairn__text_uint(text, max);
        cairn__text_put(text, ")");
    }
}

static void put_left(struct text *text, ptrdiff_t value, const char *unit)
{
    cairn__text_put(text, value < 0 ? "-" : "");
    cairn__text_uint(text, value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value);
    cairn__text_put(text, unit);
}

CAIRN_EXPORT bool cairn_counted_expect(const cairn_counted_section *section, size_t max_requests,
                                       size_t max_peak_bytes, char *text, size_t size)
{
    if (text != NULL && size > 0) {
        struct text line = {text, size - 1, 0};
        put_bound(&line, section->requests, " requests", max_requests);
        cairn__text_put(&line, ", ");
        put_bound(&line, section->peak_bytes, " bytes at peak", max_peak_bytes);
        cairn__text_put(&line, ", ");
        put_left(&line, section->left_blocks, " blocks and ");
        put_left(&line, section->left_bytes, " bytes left");
        text[line.length] = '\0';
    }
    return section->requests <= max_requests && section->peak_bytes <= max_peak_bytes;
}

/* ---- the whole ---- */

CAIRN_EXPORT bool cairn_counted_init(cairn_counted *counted, cairn_allocator source,
                                     const cairn_counted_opts *opts)
{
    static const cairn_counted_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    memset(counted, 0, sizeof *counted);
    counted->source = source.ops != NULL ? source : cairn_system();
    if (opts->no_records)
        return true;
    counted->frames = opts->frames == 0 ? DEFAULT_FRAMES : opts->frames;
    if (counted->frames > CAIRN__OS_STACK_MAX)
        counted->frames = CAIRN__OS_STACK_MAX;
    counted->sites = cairn__sites_create(opts->records.ops != NULL ? opts->records
                                                                   : cairn_system());
    if (counted->sites != NULL && counted->frames > 1)
        cairn__os_stack_prepare();
    return counted->sites != NULL;
}

CAIRN_EXPORT size_t cairn_counted_fini(cairn_counted *counted)
{
    size_t left = load(&counted->now.live_blocks);
    if (counted->sites != NULL)
        cairn__sites_destroy(counted->sites);
    memset(counted, 0, sizeof *counted);
    return left;
}

CAIRN_EXPORT void cairn_counted_acquire(cairn_counted *counted)
{
    lock(counted);
    if (counted->sites != NULL)
        cairn__sites_lock_all(counted->sites);
}

CAIRN_EXPORT void cairn_counted_release(cairn_counted *counted)
{
    if (counted->sites != NULL)
        cairn__sites_unlock_all(counted->sites);
    unlock(counted);
}

struct walk {
    cairn_visitor *visitor;
    void *context;
    size_t blocks, bytes;
};

static bool show_block(void *context, const struct note *note)
{
    struct walk *walk = context;
    walk->blocks++;
    walk->bytes += note->size;
    return walk->visitor == NULL ||
           walk->visitor(walk->context, (void *)note->ptr, note->size, true);
}

CAIRN_EXPORT bool cairn_counted_visit(const cairn_counted *counted, cairn_visitor *visitor,
                                      void *context)
{
    struct walk walk = {visitor, context, 0, 0};
    if (counted->sites == NULL)
        return load(&counted->now.live_blocks) == 0;
    return cairn__sites_visit(counted->sites, show_block, &walk) &&
           load(&counted->now.unrecorded) == 0;
}

CAIRN_EXPORT const char *cairn_counted_audit(const cairn_counted *counted)
{
    cairn_counted_stats stats;
    cairn_counted_stats_get(counted, &stats);
    if (counted->source.ops == NULL)
        return "counted has no source";
    if (stats.live_blocks > stats.peak_blocks || stats.live_bytes > stats.peak_bytes)
        return "more is live than ever was";
    if (stats.live_blocks == 0 && stats.live_bytes != 0)
        return "bytes are live in no blocks";
    if (requests(counted) < stats.resized_in_place + stats.resized_and_moved + stats.live_blocks)
        return "there were fewer requests than blocks and resizes";
    if (counted->sites == NULL)
        return NULL;
    const char *wrong = cairn__sites_audit(counted->sites);
    if (wrong != NULL)
        return wrong;
    if (cairn__sites_held(counted->sites) != 0)
        return "a place is kept for no record";
    struct walk walk = {NULL, NULL, 0, 0};
    cairn__sites_visit(counted->sites, show_block, &walk);
    if (walk.blocks + stats.unrecorded != stats.live_blocks)
        return "not each live block has a record";
    if (walk.bytes > stats.live_bytes || (stats.unrecorded == 0 && walk.bytes != stats.live_bytes))
        return "the records have other sizes than the blocks";
    return NULL;
}
