/* SPDX-License-Identifier: MIT */
/* See slab_inside.h. */
#include "kit/slab_inside.h"

bool cairn__slab_list_is_sound(const struct slab_link *head, size_t count)
{
    const struct slab_link *link = head;
    for (size_t i = 0; i <= count; i++, link = link->next)
        if (link->next->previous != link || (i > 0 && link == head))
            return false;
    return link == head;
}

unsigned cairn__slab_ones(uint64_t bits)
{
    return count_ones((uint32_t)bits) + count_ones((uint32_t)(bits >> 32));
}

void cairn__slab_format(struct slab *slab, struct slab_cut *cut, char *start)
{
    slab->cut = cut;
    slab->start = start;
    slab->used = 0;
    slab->floor = 0;
    for (size_t i = 0; i < group_count(cut->count); i++)
        slab->free[i] = group_mask(cut, i);
    cairn__slab_refresh_groups(slab);
}

void cairn__slab_refresh_groups(struct slab *slab)
{
    slab->groups = 0;
    for (size_t i = 0; i < group_count(slab->cut->count); i++)
        slab->groups |= (uint64_t)(slab->free[i] != 0) << i;
}

size_t cairn__slab_free_count(const struct slab *slab)
{
    size_t count = 0;
    for (size_t i = 0; i < group_count(slab->cut->count); i++)
        count += cairn__slab_ones(slab->free[i]);
    return count;
}

const char *cairn__slab_audit(const struct slab *slab, bool exact)
{
    size_t groups = group_count(slab->cut->count);
    for (size_t i = 0; i < groups; i++) {
        bool said = (slab->groups >> i & 1) != 0;
        if (slab->free[i] != 0 ? !said : said && exact)
            return "a group's bit is wrong";
        if ((slab->free[i] & ~group_mask(slab->cut, i)) != 0)
            return "a block that is not there is free";
    }
    return groups < 64 && slab->groups >> groups != 0 ? "a group that is not there is free" : NULL;
}

bool cairn__slab_visit(const struct slab *slab, struct slab_held held, cairn_visitor *visitor,
                       void *context)
{
    size_t count = slab->cut->count;
    for (size_t i = 0, end; i < count; i = end) {
        bool is_free = slab_is_free_or_held(slab, held, i);
        end = i + 1;
        while (is_free && end < count && slab_is_free_or_held(slab, held, end))
            end++;
        if (!visitor(context, slab_block(slab, i), (end - i) * slab->cut->stride, !is_free))
            return false;
    }
    return true;
}
