/* SPDX-License-Identifier: MIT */
/*
 * Looks at a fit: audit, visit, statistics. Tags may be wrong here, so a walk goes only where a
 * block is as large as its region allows, and a link is followed only to what is free by its tag.
 */
#include "kit/fit_index.h"

/* ---- walks ---- */

/* The region of the lowest address above that of `last`; NULL: none. */
static const region *region_above(const cairn_fit *fit, const region *last)
{
    const region *found = NULL;
    for (const region *r = fit->regions; r != NULL; r = region_after(r))
        if (r > last && (found == NULL || r < found))
            found = r;
    return found;
}

static bool is_in_use(const block *b)
{
    return (tag_of(b) & (TAG_FREE | TAG_KEPT)) == 0;
}

static bool visit_region(const cairn_fit *fit, const region *r, cairn_visitor *visitor,
                         void *context)
{
    for (const block *b = first_of(r); !is_end(b); b = block_after(b)) {
        void *ptr = payload_of(b);
        size_t size = size_of(b) - WORD;
        bool in_use = is_in_use(b);
        if (fit->is_watched)
            cairn__quiet_end();
        bool goes_on = visitor(context, ptr, size, in_use);
        if (fit->is_watched)
            cairn__quiet_begin();
        if (!goes_on)
            return false;
    }
    return true;
}

CAIRN_EXPORT bool cairn_fit_visit(const cairn_fit *fit, cairn_visitor *visitor, void *context)
{
    bool all = true;
    if (fit->is_watched)
        cairn__quiet_begin();
    const region *r = NULL;
    while (all && (r = region_above(fit, r)) != NULL)
        all = visit_region(fit, r, visitor, context);
    if (fit->is_watched)
        cairn__quiet_end();
    return all;
}

static void count_block(cairn_fit_stats *stats, const block *b)
{
    size_t size = size_of(b);
    if (is_in_use(b)) {
        stats->in_use += size;
        stats->blocks++;
        return;
    }
    stats->free += size;
    stats->free_blocks++;
    stats->kept += !is_free(b);
    if (size > stats->largest_free)
        stats->largest_free = size;
}

CAIRN_EXPORT void cairn_fit_stats_get(const cairn_fit *fit, cairn_fit_stats *stats)
{
    *stats = (cairn_fit_stats){.peak = fit->peak, .refused = fit->refused};
    if (fit->is_watched)
        cairn__quiet_begin();
    for (const region *r = fit->regions; r != NULL; r = region_after(r)) {
        stats->regions++;
        stats->regions_bytes += source_size_of(r) != 0 ? source_size_of(r)
                                                       : span_of(r) + REGION_OVERHEAD;
        for (const block *b = first_of(r); !is_end(b); b = block_after(b))
            count_block(stats, b);
    }
    if (fit->is_watched)
        cairn__quiet_end();
}

/* ---- audit ---- */

struct sums {
    size_t in_use, free_blocks, kept_blocks, below;
};

static bool is_by_address(const cairn_fit *fit)
{
    return fit->strategy == CAIRN_FIT_FIRST || fit->strategy == CAIRN_FIT_NEXT;
}

/* One block, at `left` bytes before the end of its region. */
static const char *audit_block(const cairn_fit *fit, const block *b, size_t left, bool after_free,
                               struct sums *sums)
{
    size_t tag = tag_of(b), size = size_in(tag);
    if (size < BLOCK_MIN || size > left || size % GRANULE != 0)
        return "fit: the size in a tag cannot be";
    if (((tag & TAG_PREV_FREE) != 0) != after_free)
        return "fit: a tag is wrong about the block before it";
    if ((tag & TAG_KEPT) != 0)
        sums->kept_blocks++;
    if ((tag & TAG_FREE) == 0) {
        sums->in_use += is_in_use(b) ? size : 0;
        return NULL;
    }
    sums->free_blocks++;
    if ((tag & TAG_KEPT) != 0)
        return "fit: a block is free and kept";
    if (after_free && fit->coalescing != CAIRN_FIT_NEVER)
        return "fit: two free blocks are neighbours";
    if (size_before(block_after(b)) != size)
        return "fit: the last word of a free block is not its size";
    return is_by_address(fit) ? cairn__fit_address_audit(fit, b, &sums->below) : NULL;
}

static const char *audit_region(const cairn_fit *fit, const region *r, struct sums *sums)
{
    size_t left = span_of(r);
    bool after_free = false;
    const block *b = first_of(r);
    for (; left != 0; b = block_after(b)) {
        const char *wrong = audit_block(fit, b, left, after_free, sums);
        if (wrong != NULL)
            return wrong;
        after_free = is_free(b);
        left -= size_of(b);
    }
    if (tag_of(b) != (after_free ? TAG_PREV_FREE : 0) || region_at(b) != r)
        return "fit: the end of a region was overwritten";
    return NULL;
}

QUIET static const char *audit_list(const cairn_fit *fit, unsigned list, size_t *count)
{
    block *const *slot = &fit->lists[list];
    bool marked = (fit->maps[list / ROW_LISTS] >> list % ROW_LISTS & 1) != 0;
    if (marked != (*slot != NULL))
        return "fit: a bit of a map is wrong";
    for (; *slot != NULL; slot = &(*slot)->next) {
        if (!is_plausible(fit, *slot) || (*slot)->slot != slot || list_for(size_of(*slot)) != list)
            return "fit: a list of free blocks is broken";
        ++*count;
    }
    return NULL;
}

const char *cairn__fit_segregated_audit(const cairn_fit *fit, size_t *count)
{
    for (unsigned list = 0; list < fit->list_count; list++) {
        const char *wrong = audit_list(fit, list, count);
        if (wrong != NULL)
            return wrong;
    }
    for (unsigned row = 0; row < fit->list_count / ROW_LISTS; row++)
        if (((fit->row_map >> row & 1) != 0) != (fit->maps[row] != 0))
            return "fit: a bit of the map of rows is wrong";
    return NULL;
}

QUIET static const char *audit_kept(const cairn_fit *fit, size_t kept_blocks)
{
    size_t count = 0;
    for (size_t list = 0; fit->kept != NULL && list < KEPT_LISTS; list++)
        for (const block *b = fit->kept[list]; b != NULL; b = b->next) {
            if (region_of(fit, payload_of(b)) == NULL || size_in(b->tag) / GRANULE != list ||
                (b->tag & (TAG_KEPT | TAG_FREE)) != TAG_KEPT || ++count > kept_blocks)
                return "fit: a list of kept blocks is broken";
        }
    if (count != kept_blocks || count != fit->kept_count)
        return "fit: a kept block is on no list";
    return NULL;
}

static const char *audit_index(const cairn_fit *fit, const struct sums *sums)
{
    size_t count = 0;
    const char *wrong = NULL;
    if (is_by_address(fit))
        count = sums->below + (fit->lists[0] != NULL);
    else if (fit->strategy == CAIRN_FIT_BEST)
        wrong = cairn__fit_best_audit(fit, &count);
    else
        wrong = cairn__fit_segregated_audit(fit, &count);
    if (wrong == NULL && count != sums->free_blocks)
        wrong = "fit: the index has not all free blocks";
    return wrong;
}

static const char *audit(const cairn_fit *fit)
{
    struct sums sums = {0};
    size_t from_source = fit->records_size;
    for (const region *r = fit->regions; r != NULL; r = region_after(r)) {
        const char *wrong = audit_region(fit, r, &sums);
        if (wrong != NULL)
            return wrong;
        from_source += source_size_of(r);
    }
    if (from_source != fit->taken)
        return "fit: the regions are not what was taken";
    if (sums.in_use != fit->in_use || fit->peak < fit->in_use)
        return "fit: the sum of the blocks in use is wrong";
    const char *wrong = audit_kept(fit, sums.kept_blocks);
    return wrong != NULL ? wrong : audit_index(fit, &sums);
}

CAIRN_EXPORT const char *cairn_fit_audit(const cairn_fit *fit)
{
    if (fit->is_watched)
        cairn__quiet_begin();
    const char *wrong = audit(fit);
    if (fit->is_watched)
        cairn__quiet_end();
    return wrong;
}
