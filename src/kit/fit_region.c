/* SPDX-License-Identifier: MIT */
/*
 * A fit from its beginning to its end, and the regions it works in: the caller's buffers, and spans
 * from a source, each as large as half of all before it, so that n bytes lie in O(log n) regions.
 * One that becomes empty is kept if no other is, so that a program at the edge of a region does not
 * take and give one at every call.
 *
 * The records (lists, maps) stand at the front of the buffer, right behind a fit that was created,
 * or in a block of the source. The region list is newest first: the largest, as a rule.
 */
#include "kit/fit_index.h"

#include "base/memory.h"

#ifndef CAIRN_FREESTANDING
#include "cairn/system.h"
#endif

static cairn_allocator source_or_system(cairn_allocator source)
{
#ifndef CAIRN_FREESTANDING
    if (source.ops == NULL)
        source = cairn_system();
#endif
    return source;
}

static cairn_layout span_layout(size_t size)
{
    return cairn__layout(size, GRANULE);
}

/* ---- the source ---- */

static void *take_span(cairn_fit *fit, size_t size)
{
    if (fit->source.ops == NULL || size > PTRDIFF_MAX - GRANULE ||
        (fit->limit != 0 && (fit->taken > fit->limit || size > fit->limit - fit->taken)))
        return NULL;
    void *span = cairn_allocator_alloc(fit->source, span_layout(size));
    if (span != NULL)
        fit->taken += size;
    return span;
}

static void give_span(cairn_fit *fit, void *span, size_t size)
{
    fit->taken -= size;
    cairn_allocator_dealloc(fit->source, span, span_layout(size));
}

/* ---- regions ---- */

/* All of r is one free block. */
QUIET static void make_empty(cairn_fit *fit, region *r)
{
    block *first = first_of(r), *end = end_of(r);
    first->tag = 0;
    end->tag = 0;
    end->region = r;
    make_free(first, span_of(r));
    index_insert(fit, first);
}

/* Bytes for blocks in a region of `size` bytes; 0: too few for one. */
static size_t room_in(size_t size)
{
    if (size < REGION_OVERHEAD + BLOCK_MIN || size > PTRDIFF_MAX)
        return 0;
    return round_down(size - REGION_OVERHEAD, GRANULE);
}

/* start: a multiple of GRANULE. source_size: 0 for the caller's memory. */
QUIET static bool make_region(cairn_fit *fit, void *start, size_t size, size_t source_size)
{
    size_t room = room_in(size);
    if (room == 0 || room > fit->max_block)
        return false;
    region *r = start;
    if (fit->is_watched)
        cairn__show_unused(start, REGION_OVERHEAD + room);
    r->size = source_size;
    r->end = block_at(first_of(r), room);
    r->next = fit->regions;
    fit->regions = r;
    make_empty(fit, r);
    return true;
}

bool cairn__fit_grow(cairn_fit *fit, size_t size)
{
    if (size > PTRDIFF_MAX - REGION_OVERHEAD - GRANULE)
        return false;
    size_t least = size + REGION_OVERHEAD;
    size_t wish = size_max(size_max(fit->region_min, round_up(fit->taken / 2, GRANULE)), least);
    if (room_in(wish) > fit->max_block)
        wish = least;
    void *span = take_span(fit, wish);
    if (span == NULL && wish > least)
        span = take_span(fit, wish = least);
    return span != NULL && make_region(fit, span, wish, wish);
}

/* r is out of the region list; its block, if it is empty, out of the index. */
QUIET static void give_region(cairn_fit *fit, region *r)
{
    size_t size = r->size;
    if (fit->start == (uintptr_t)payload_of(first_of(r)))
        fit->start = fit->span = 0;
    if (fit->spare == r)
        fit->spare = NULL;
    if (fit->is_watched)
        cairn__show_usable(r, size);
    give_span(fit, r, size);
}

QUIET static void unlink_region(cairn_fit *fit, region *r)
{
    region **link = &fit->regions;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
}

static bool is_empty(const region *r)
{
    return is_free(first_of(r)) && size_of(first_of(r)) == span_of(r);
}

static void give_empty(cairn_fit *fit, region *r)
{
    index_remove(fit, first_of(r));
    unlink_region(fit, r);
    give_region(fit, r);
}

COLD void cairn__fit_emptied(cairn_fit *fit, block *b)
{
    region *r = region_at(block_after(b)), *spare = fit->spare;
    if (fit->coalescing == CAIRN_FIT_NEVER || source_size_of(r) == 0 || !is_empty(r))
        return;
    if (spare == NULL || spare == r || !is_empty(spare)) {
        fit->spare = r;
        return;
    }
    bool older = source_size_of(spare) > source_size_of(r);
    give_empty(fit, older ? spare : r);
    fit->spare = older ? r : spare;
}

static size_t give_all_empty(cairn_fit *fit)
{
    size_t before = fit->taken;
    for (region *r = fit->regions, *next; r != NULL; r = next) {
        next = region_after(r);
        if (source_size_of(r) != 0 && is_empty(r))
            give_empty(fit, r);
    }
    return before - fit->taken;
}

CAIRN_EXPORT size_t cairn_fit_trim(cairn_fit *fit)
{
    if (fit->coalescing == CAIRN_FIT_NEVER)
        return 0;
    if (fit->is_watched)
        cairn__quiet_begin();
    cairn__fit_merge_kept(fit);
    size_t given = give_all_empty(fit);
    if (fit->is_watched)
        cairn__quiet_end();
    return given;
}

static bool add_region(cairn_fit *fit, void *buffer, size_t size)
{
    size_t skip = (0 - (uintptr_t)buffer) & (GRANULE - 1);
    return buffer != NULL && size > skip && size <= UINTPTR_MAX - (uintptr_t)buffer &&
           make_region(fit, (char *)buffer + skip, size - skip, 0);
}

CAIRN_EXPORT bool cairn_fit_add_region(cairn_fit *fit, void *buffer, size_t size)
{
    if (fit->is_watched)
        cairn__quiet_begin();
    bool done = add_region(fit, buffer, size);
    if (fit->is_watched)
        cairn__quiet_end();
    return done;
}

/* ---- records ---- */

/* Rows for blocks of up to max_block; lists of the last row end there or beyond. */
static unsigned rows_for(size_t max_block)
{
    unsigned rows = list_shift(size_min(max_block, PTRDIFF_MAX) / GRANULE) + 2;
    return rows < ROWS_MAX ? rows : ROWS_MAX;
}

static bool has_rows(const cairn_fit *fit)
{
    return fit->strategy == CAIRN_FIT_SEGREGATED || fit->strategy == CAIRN_FIT_BEST;
}

/* Fills in what the records depend on. */
static bool choose(cairn_fit *fit, const cairn_fit_opts *opts, size_t max_region)
{
    static const cairn_fit_opts defaults;
    if (opts == NULL)
        opts = &defaults;
    if ((unsigned)opts->strategy > CAIRN_FIT_NEXT || (unsigned)opts->coalescing > CAIRN_FIT_NEVER)
        return false;
    memset(fit, 0, sizeof *fit);
    fit->strategy = (unsigned char)opts->strategy;
    fit->coalescing = (unsigned char)opts->coalescing;
    fit->is_watched = cairn__is_watched();
    fit->source = opts->source;
    fit->limit = opts->limit;
    fit->region_min = round_up(
        size_min(opts->region != 0 ? opts->region : 64 * KIB, PTRDIFF_MAX / 2), GRANULE);
    fit->kept_max = opts->kept_max != 0 ? opts->kept_max : 256;
    fit->max_block = round_down(PTRDIFF_MAX, GRANULE);
    fit->list_count = 1;
    if (has_rows(fit)) {
        fit->rows = (unsigned char)rows_for(size_max(max_region, opts->max_region));
        fit->max_block = ((size_t)(2 * ROW_LISTS) << (fit->rows - 2)) * GRANULE - GRANULE;
        fit->list_count = fit->strategy == CAIRN_FIT_BEST ? ROW_LISTS
                                                          : (uint32_t)fit->rows * ROW_LISTS;
    }
    return true;
}

static size_t slots_of(const cairn_fit *fit)
{
    return fit->list_count + (fit->strategy == CAIRN_FIT_BEST ? fit->rows - 1u : 0);
}

static size_t kept_slots_of(const cairn_fit *fit)
{
    return fit->coalescing == CAIRN_FIT_DEFERRED ? KEPT_LISTS : 0;
}

/* A map for each row, and one that stays empty. */
static size_t maps_of(const cairn_fit *fit)
{
    return fit->rows + 1u;
}

static size_t size_of_records(const cairn_fit *fit)
{
    return round_up((slots_of(fit) + kept_slots_of(fit)) * sizeof *fit->lists +
                        maps_of(fit) * sizeof *fit->maps,
                    GRANULE);
}

static void clear_records(cairn_fit *fit)
{
    memset(fit->lists, 0, size_of_records(fit));
    fit->row_map = 0;
    fit->kept_count = 0;
}

static void place_records(cairn_fit *fit, void *records)
{
    fit->lists = records;
    fit->kept = fit->coalescing == CAIRN_FIT_DEFERRED ? fit->lists + slots_of(fit) : NULL;
    fit->maps = (uint32_t *)(fit->lists + slots_of(fit) + kept_slots_of(fit));
    clear_records(fit);
    if (fit->is_watched)
        cairn__show_begin(fit);
}

/* ---- from beginning to end ---- */

static bool begin_in_buffer(cairn_fit *fit, void *buffer, size_t size)
{
    size_t skip = (0 - (uintptr_t)buffer) & (GRANULE - 1);
    size_t records = size_of_records(fit);
    if (size < skip || size - skip < records || size > UINTPTR_MAX - (uintptr_t)buffer)
        return false;
    char *start = (char *)buffer + skip;
    size -= skip + records;
    if (room_in(size) == 0 || room_in(size) > fit->max_block)
        return false;
    place_records(fit, start);
    return cairn_fit_add_region(fit, start + records, size);
}

static bool begin_in_source(cairn_fit *fit)
{
    size_t size = size_of_records(fit);
    void *records = take_span(fit, size);
    if (records == NULL)
        return false;
    fit->records = records;
    fit->records_size = size;
    place_records(fit, records);
    return true;
}

CAIRN_EXPORT bool cairn_fit_init(cairn_fit *fit, void *buffer, size_t size,
                                 const cairn_fit_opts *opts)
{
    bool grows = opts != NULL && opts->source.ops != NULL;
    memset(fit, 0, sizeof *fit);
    if (!choose(fit, opts, grows ? SIZE_MAX : size))
        return false;
    if (buffer != NULL ? begin_in_buffer(fit, buffer, size) : size == 0 && begin_in_source(fit))
        return true;
    memset(fit, 0, sizeof *fit);
    return false;
}

/* Everything but the records. Memcheck hides live blocks when it hears of the end. */
static void end(cairn_fit *fit)
{
    if (fit->is_watched) {
        cairn__show_end(fit);
        cairn__quiet_begin();
    }
    while (fit->regions != NULL) {
        region *r = fit->regions;
        fit->regions = region_after(r);
        if (source_size_of(r) != 0)
            give_region(fit, r);
        else if (fit->is_watched)
            cairn__show_usable(r, REGION_OVERHEAD + span_of(r));
    }
    if (fit->is_watched)
        cairn__quiet_end();
}

CAIRN_EXPORT void cairn_fit_fini(cairn_fit *fit)
{
    if (fit->lists == NULL)
        return;
    end(fit);
    if (fit->records != NULL)
        give_span(fit, fit->records, fit->records_size);
    memset(fit, 0, sizeof *fit);
}

CAIRN_EXPORT cairn_fit *cairn_fit_create(cairn_allocator source, const cairn_fit_opts *opts)
{
    cairn_fit chosen;
    if (!choose(&chosen, opts, SIZE_MAX))
        return NULL;
    chosen.source = source_or_system(source);
    chosen.records_size = round_up(sizeof chosen, GRANULE) + size_of_records(&chosen);
    cairn_fit *fit = take_span(&chosen, chosen.records_size);
    if (fit == NULL)
        return NULL;
    *fit = chosen;
    fit->records = fit;
    place_records(fit, (char *)fit + round_up(sizeof *fit, GRANULE));
    return fit;
}

CAIRN_EXPORT void cairn_fit_destroy(cairn_fit *fit)
{
    if (fit != NULL) {
        end(fit);
        cairn_allocator_dealloc(fit->source, fit, span_layout(fit->records_size));
    }
}

CAIRN_EXPORT void cairn_fit_reset(cairn_fit *fit)
{
    clear_records(fit);
    fit->in_use = 0;
    fit->rover = 0;
    if (fit->is_watched) {
        cairn__quiet_begin();
        cairn__show_end(fit);
        cairn__show_begin(fit);
    }
    for (region *r = fit->regions; r != NULL; r = region_after(r)) {
        if (fit->is_watched)
            cairn__show_unused(first_of(r), span_of(r));
        make_empty(fit, r);
    }
    if (fit->is_watched)
        cairn__quiet_end();
}
