/* SPDX-License-Identifier: MIT */
/*
 * Each text once: equal texts get the same number, from 0 on, in the order in which they are first
 * seen, and the same pointer, which stays valid until names_fini.
 */
#ifndef CAIRN_TOOLS_PROFILE_NAMES_H
#define CAIRN_TOOLS_PROFILE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names {
    char **texts;    /* by number */
    uint32_t *slots; /* hash table: number + 1; 0: empty */
    size_t count, size;
};

/* A zeroed struct is an empty one. */
void names_fini(struct names *names);

uint32_t names_number(struct names *names, const char *text);
const char *names_text(struct names *names, const char *text);

/* The bits of a key well mixed, for tables with a power of two of slots. */
static inline uint64_t names_mix(uint64_t key)
{
    key ^= key >> 32;
    key *= 0x9e3779b97f4a7c15U; /* 2^64 / golden ratio */
    return key ^ key >> 29;
}

#endif
