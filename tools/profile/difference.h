/* SPDX-License-Identifier: MIT */
/*
 * What changed from one profile to another, by function: the places that allocate in either, matched
 * by name, because lines and addresses move when a program is changed.
 */
#ifndef CAIRN_TOOLS_PROFILE_DIFFERENCE_H
#define CAIRN_TOOLS_PROFILE_DIFFERENCE_H

#include "profile/profile_document.h"
#include "profile/sites.h"

struct change {
    const char *function, *file, *module; /* of the one after, else of the one before */
    struct profile_sums before, after;
};

struct changes {
    struct change *items;
    size_t count;
};

void changes_find(struct changes *changes, struct profile_named before, struct profile_named after);
void changes_fini(struct changes *changes);

/* What grew most first, what shrank most last. */
void changes_sort(struct changes *changes, enum site_order order);
double change_value(const struct change *change, enum site_order order);

#endif
