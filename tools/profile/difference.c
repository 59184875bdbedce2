/* SPDX-License-Identifier: MIT */
/* What changed between two profiles, matched by name: see difference.h. */
#define _GNU_SOURCE
#include "profile/difference.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

static int by_name(const void *left, const void *right)
{
    const struct site *a = left, *b = right;
    return strcmp(a->function, b->function);
}

/* Takes from a sorted list what has the change's name; how many. */
static size_t take(struct change *change, struct profile_sums *to, const struct sites *sites,
                   size_t at)
{
    size_t from = at;

    for (; at < sites->count && strcmp(sites->items[at].function, change->function) == 0; at++) {
        sums_add(to, &sites->items[at].sums);
        change->file = sites->items[at].file;
        change->module = sites->items[at].module;
    }
    return at - from;
}

void changes_find(struct changes *changes, struct profile_named before, struct profile_named after)
{
    struct sites old, new;
    size_t i = 0, k = 0;

    sites_find(&old, before.profile, before.symbols, false);
    sites_find(&new, after.profile, after.symbols, false);
    if (old.count)
        qsort(old.items, old.count, sizeof *old.items, by_name);
    if (new.count)
        qsort(new.items, new.count, sizeof *new.items, by_name);
    *changes = (struct changes){
        .items = memory_take(old.count + new.count, sizeof *changes->items)};
    while (i < old.count || k < new.count) {
        struct change *change = &changes->items[changes->count++];
        int order = i == old.count   ? 1
                    : k == new.count ? -1
                                     : by_name(&old.items[i], &new.items[k]);
        change->function = order <= 0 ? old.items[i].function : new.items[k].function;
        i += take(change, &change->before, &old, i);
        k += take(change, &change->after, &new, k);
    }
    sites_fini(&old);
    sites_fini(&new);
}

void changes_fini(struct changes *changes)
{
    free(changes->items);
    *changes = (struct changes){0};
}

double change_value(const struct change *change, enum site_order order)
{
    return (double)sums_value(&change->after, order) - (double)sums_value(&change->before, order);
}

static int by_growth(const void *left, const void *right, void *context)
{
    const struct change *a = left, *b = right;
    double of_a = change_value(a, *(enum site_order *)context);
    double of_b = change_value(b, *(enum site_order *)context);

    if (of_a != of_b)
        return of_a < of_b ? 1 : -1;
    return strcmp(a->function, b->function);
}

void changes_sort(struct changes *changes, enum site_order order)
{
    if (changes->count)
        qsort_r(changes->items, changes->count, sizeof *changes->items, by_growth, &order);
}
