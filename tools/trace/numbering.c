/* SPDX-License-Identifier: MIT */
/* Pairs, counted: see numbering.h. */
#include "trace/numbering.h"

#include <stdlib.h>

#include "own_memory.h"

enum { FIRST_ROOM = 64 };

static struct numbered *slot_of(struct numbering *numbering, uint64_t a, uint64_t b)
{
    uint64_t mixed = (a ^ (b << 32 | b >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    size_t mask = numbering->room - 1, at = (size_t)(mixed ^ mixed >> 32) & mask;

    while (numbering->slots[at].number &&
           (numbering->slots[at].a != a || numbering->slots[at].b != b))
        at = (at + 1) & mask;
    return &numbering->slots[at];
}

static void grow(struct numbering *numbering)
{
    struct numbered *old = numbering->slots;
    size_t room = numbering->room;

    numbering->room = room ? room * 2 : FIRST_ROOM;
    numbering->slots = memory_take(numbering->room, sizeof *old);
    for (size_t i = 0; i < room; i++)
        if (old[i].number)
            *slot_of(numbering, old[i].a, old[i].b) = old[i];
    free(old);
}

uint64_t numbering_of(struct numbering *numbering, uint64_t a, uint64_t b)
{
    if (numbering->used * 2 >= numbering->room)
        grow(numbering);
    struct numbered *slot = slot_of(numbering, a, b);
    if (!slot->number)
        *slot = (struct numbered){a, b, ++numbering->used};
    return slot->number - 1;
}

void numbering_fini(struct numbering *numbering)
{
    free(numbering->slots);
}
