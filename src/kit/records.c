/* SPDX-License-Identifier: MIT */
/* See records.h. */
#include "kit/records.h"

typedef struct cairn_checked_record record;

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t priority_of(const record *r)
{
    uint64_t z = (uint64_t)(uintptr_t)r->ptr * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

record *cairn__records_at_or_below(record *root, uintptr_t address)
{
    record *found = NULL;
    while (root != NULL) {
        if ((uintptr_t)root->ptr <= address) {
            found = root;
            root = root->right;
        } else {
            root = root->left;
        }
    }
    return found;
}

record *cairn__records_above(record *root, const void *ptr)
{
    record *found = NULL;
    while (root != NULL) {
        if ((uintptr_t)root->ptr > (uintptr_t)ptr) {
            found = root;
            root = root->left;
        } else {
            root = root->right;
        }
    }
    return found;
}

/* Cuts a tree in two: what lies below address, and what does not. */
static void split(record *tree, uintptr_t address, record **below, record **above)
{
    while (tree != NULL) {
        if ((uintptr_t)tree->ptr < address) {
            *below = tree;
            below = &tree->right;
            tree = tree->right;
        } else {
            *above = tree;
            above = &tree->left;
            tree = tree->left;
        }
    }
    *below = NULL;
    *above = NULL;
}

/* Joins two trees, all of the first below all of the second, at a link. */
static void join(record **link, record *below, record *above)
{
    while (below != NULL && above != NULL) {
        if (priority_of(below) > priority_of(above)) {
            *link = below;
            link = &below->right;
            below = below->right;
        } else {
            *link = above;
            link = &above->left;
            above = above->left;
        }
    }
    *link = below != NULL ? below : above;
}

bool cairn__records_put(record **root, record *r)
{
    uintptr_t start = (uintptr_t)r->ptr;
    uintptr_t end = record_end(r);
    record *last = cairn__records_at_or_below(*root, end - 1);
    if (end < start || (last != NULL && record_end(last) > start))
        return false;

    uint64_t priority = priority_of(r);
    record **link = root;
    while (*link != NULL && priority_of(*link) >= priority)
        link = start < (uintptr_t)(*link)->ptr ? &(*link)->left : &(*link)->right;
    split(*link, start, &r->left, &r->right);
    *link = r;
    return true;
}

void cairn__records_take(record **root, record *r)
{
    record **link = root;
    while (*link != r)
        link = (uintptr_t)r->ptr < (uintptr_t)(*link)->ptr ? &(*link)->left : &(*link)->right;
    join(link, r->left, r->right);
}
