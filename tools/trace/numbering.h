/* SPDX-License-Identifier: MIT */
/* Pairs of numbers, counted in the order in which they are first seen: a hash table. */
#ifndef CAIRN_TOOLS_TRACE_NUMBERING_H
#define CAIRN_TOOLS_TRACE_NUMBERING_H

#include <stddef.h>
#include <stdint.h>

struct numbering {
    struct numbered {
        uint64_t a, b;
        uint64_t number; /* from 1; 0: empty */
    } * slots;
    size_t room, used;
};

/* The number of (a, b), from 0. */
uint64_t numbering_of(struct numbering *numbering, uint64_t a, uint64_t b);
void numbering_fini(struct numbering *numbering);

#endif
