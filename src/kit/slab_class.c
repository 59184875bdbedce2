/* SPDX-License-Identifier: MIT */
/* See slab_class.h. */
#include "kit/slab_class.h"

enum {
    SPARSE_PART = 4, /* of its blocks are free */
    FULLEST_OF = 8,  /* sparse slabs are looked at */
};

void cairn__slab_class_init(struct slab_class *class, size_t size, size_t count)
{
    *class = (struct slab_class){.cut = slab_cut_into(size, count)};
    class->floor = (uint32_t)(count - count / SPARSE_PART - 1);
    link_init(&class->dense);
    link_init(&class->sparse);
}

void cairn__slab_class_give(struct slab_class *class, struct slab *slab)
{
    cairn__slab_format(slab, &class->cut, slab->start);
    link_append(class->dense.next, &slab->link);
}

/* Out of its list, and hints into it are forgotten. */
static void take_away(struct slab_class *class, struct slab *slab)
{
    size_t count = class->hints;
    class->hints = 0;
    for (size_t i = 0; i < count; i++)
        slab_class_push(class, class->hint[i], class->hint[i].slab != slab);
    link_remove(&slab->link);
}

static bool is_only_one_listed(const struct slab_class *class, const struct slab *slab)
{
    return slab->link.next == slab->link.previous &&
           (link_is_alone(&class->dense) || link_is_alone(&class->sparse));
}

bool cairn__slab_class_come_down(struct slab_class *class, struct slab *slab)
{
    if (slab->floor == 0) {
        if (is_only_one_listed(class, slab))
            return false;
        take_away(class, slab);
        return true;
    }
    if (slab_is_listed(slab)) {
        slab->floor = 0;
        link_remove(&slab->link);
        link_append(&class->sparse, &slab->link);
    } else {
        slab->floor = class->floor;
        link_append(&class->dense, &slab->link);
    }
    return false;
}

static struct slab *find_empty(const struct slab_link *list)
{
    for (struct slab_link *link = list->next; link != list; link = link->next)
        if (SLAB_OF(link)->used == 0)
            return SLAB_OF(link);
    return NULL;
}

struct slab *cairn__slab_class_take_empty(struct slab_class *class)
{
    struct slab *slab = find_empty(&class->dense);
    if (slab == NULL)
        slab = find_empty(&class->sparse);
    if (slab != NULL)
        take_away(class, slab);
    return slab;
}

/* ---- hints ---- */

static struct slab *fullest(const struct slab_link *list)
{
    struct slab *best = SLAB_OF(list->next);
    const struct slab_link *link = best->link.next;
    for (int i = 1; i < FULLEST_OF && link != list; i++, link = link->next)
        if (SLAB_OF(link)->used > best->used)
            best = SLAB_OF(link);
    return best;
}

/* A slab with free blocks, now the first of the dense; those on the way that are full leave their
 * list. NULL: there is none. */
static struct slab *slab_with_room(struct slab_class *class)
{
    for (;;) {
        struct slab *slab = NULL;
        if (!link_is_alone(&class->dense))
            slab = SLAB_OF(class->dense.next);
        else if (!link_is_alone(&class->sparse))
            slab = fullest(&class->sparse);
        if (slab == NULL)
            return NULL;
        link_remove(&slab->link);
        slab->floor = class->cut.count - 1;
        if (slab->used == class->cut.count)
            continue;
        link_append(class->dense.next, &slab->link);
        slab->floor = (uint32_t)size_min(class->floor, slab->used != 0 ? slab->used - 1 : 0);
        return slab;
    }
}

/* The first free blocks of the slab, the very first on top. */
static void take_hints(struct slab_class *class, struct slab *slab)
{
    cairn__slab_refresh_groups(slab);
    uint64_t groups = slab->groups, bits = 0;
    size_t group = 0;
    class->hints = size_min(class->cut.count - slab->used, HINTS);
    for (size_t i = class->hints; i-- > 0; bits &= bits - 1) {
        for (; bits == 0; groups &= groups - 1) {
            group = lowest_bit(groups);
            bits = slab->free[group];
        }
        size_t index = group * GROUP + lowest_bit(bits);
        class->hint[i] = (struct slab_hint){slab_block(slab, index), slab, index};
    }
}

bool cairn__slab_class_find(struct slab_class *class)
{
    if (class->hints != 0)
        return true;
    struct slab *slab = slab_with_room(class);
    if (slab != NULL)
        take_hints(class, slab);
    return slab != NULL;
}

/* ---- checks ---- */

const char *cairn__slab_class_audit_slab(const struct slab *slab)
{
    const char *wrong = cairn__slab_audit(slab, false);
    if (wrong != NULL)
        return wrong;
    if (cairn__slab_free_count(slab) + slab->used != slab->cut->count)
        return "a slab has lost count";
    return slab->floor == 0 || slab->floor < slab->used ? NULL : "a slab is below its floor";
}

static const char *audit_hints(const struct slab_class *class)
{
    if (class->hints > HINTS)
        return "a class has too many hints";
    for (size_t i = 0; i < class->hints; i++) {
        struct slab_hint hint = class->hint[i];
        if (slab_class_of(hint.slab) != class ||
            slab_index_of(hint.slab, hint.block) != hint.index ||
            !slab_is_free(hint.slab, hint.index))
            return "a hint leads to no free block";
        for (size_t j = 0; j < i; j++)
            if (class->hint[j].block == hint.block)
                return "two hints lead to one block";
    }
    return NULL;
}

const char *cairn__slab_class_audit(const struct slab_class *class, size_t listed)
{
    size_t dense = 0;
    const struct slab_link *link;
    for (link = class->dense.next; link != &class->dense && dense <= listed; link = link->next)
        dense++;
    if (dense > listed || !cairn__slab_list_is_sound(&class->dense, dense) ||
        !cairn__slab_list_is_sound(&class->sparse, listed - dense))
        return "the lists of a class are broken";
    for (link = class->sparse.next; link != &class->sparse; link = link->next)
        if (SLAB_OF(link)->floor != 0)
            return "a sparse slab has a floor";
    return audit_hints(class);
}
