/* SPDX-License-Identifier: MIT */
/*
 * The allocators of this machine: which are known, which are there, and which of them work.
 *
 * To add one that everybody should find, add a row to the table in allocators.c.
 */
#ifndef CAIRN_TOOLS_ALLOCATORS_H
#define CAIRN_TOOLS_ALLOCATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct spawner;

struct allocator {
    char *name;
    char *path; /* the library to preload; NULL: none, the system's own (or none was found) */
    bool is_cairn;
    bool is_system;
    const char *needs; /* where to get it; NULL if it was named by its path */
    char *why_not;     /* why it cannot be used, as the end of a sentence; NULL: it can */
};

struct allocator_list {
    struct allocator *items;
    size_t count;
};

/*
 * Every known allocator, found or not: `system`, `cairn` (at `library`, may be NULL), then the rows
 * of the table. Nothing is tried yet.
 */
void allocators_find(struct allocator_list *list, const char *library);

/*
 * Those that `words` asks for, in its order: names, name=path, or `all` (what was found, and
 * Cairn), separated by commas. NULL: all. False after a message.
 */
bool allocators_select(const struct allocator_list *list, const char *words,
                       struct allocator_list *selected);

/* Tries each that has a path, and fills in why_not. Stops when the spawner is interrupted. */
void allocators_try(struct allocator_list *list, struct spawner *spawner);

/* The one of that name, or NULL. */
struct allocator *allocators_named(const struct allocator_list *list, const char *name);

/* What was found and where, for people. */
void allocators_print(const struct allocator_list *list, FILE *to);

/* For `--allocators list`: finds, tries and prints all; `library` is --lib's, or NULL. The exit code. */
int allocators_list(const char *library);

/* The name of the known allocator that LD_PRELOAD's value `preload` already loads, or NULL. */
const char *allocators_in_preload(const char *preload);

void allocators_free(struct allocator_list *list);

#endif
