/* SPDX-License-Identifier: MIT */
/*
 * The places in the source that allocate. A stack's place is its innermost call that is not part of
 * an allocator or a container (malloc's relatives, operator new, the standard libraries of C++ and
 * Rust): the line that people can do something about.
 */
#ifndef CAIRN_TOOLS_PROFILE_SITES_H
#define CAIRN_TOOLS_PROFILE_SITES_H

#include "profile/profile.h"
#include "profile/symbols.h"

enum site_order { SITE_PEAK, SITE_LEFT, SITE_BLOCKS, SITE_TEMPORARY, SITE_ORDERS };

struct site {
    const char *function, *file, *module; /* file: NULL if not known */
    unsigned line;
    struct profile_sums sums;  /* of its stacks; own_peak_bytes: the greatest of them */
    uint32_t top[SITE_ORDERS]; /* the stack that has the most of each */
};

struct sites {
    struct site *items;
    size_t count;
};

/* by_line: two lines of a function are two places. */
void sites_find(struct sites *sites, const struct profile *profile, struct symbols *symbols,
                bool by_line);
void sites_fini(struct sites *sites);

/* By the value, greatest first. */
void sites_sort(struct sites *sites, enum site_order order);
void sums_add(struct profile_sums *to, const struct profile_sums *sums);
uint64_t sums_value(const struct profile_sums *sums, enum site_order order);

/* The calls of a stack from its place outwards. */
struct site_walk {
    const struct trace_reader *reader;
    struct symbols *symbols;
    uint32_t node; /* 0: the end */
    size_t call;
};

struct site_walk site_walk(const struct profile *profile, struct symbols *symbols, uint32_t stack);

/* NULL: no more. */
const struct symbol_call *site_walk_next(struct site_walk *walk);

#endif
