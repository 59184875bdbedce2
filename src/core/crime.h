/* SPDX-License-Identifier: MIT */
/*
 * What the hardened build says before it aborts: one line on stderr, written by one call, naming the
 * crime, the pointer (without its tag) and the block that it has to do with. Nothing is allocated, no lock is taken.
 *
 *     cairn: double free of 0x7f3a12340050 (48-byte block, page 0x7f3a12340000)
 *
 * The calls follow where they are known: of a sampled block, or if the option REPORT asks for them.
 */
#ifndef CAIRN_CORE_CRIME_H
#define CAIRN_CORE_CRIME_H

#include "core/calls.h"
#include "core/page.h"

/* "cairn: KIND WHAT PTR DETAIL NUMBER MORE (SIZE-byte block, page START)"; what is NULL is left out. */
struct crime {
    const char *kind; /* ends in a blank */
    const char *what;
    const void *ptr;
    const char *detail;
    size_t number; /* printed where there is a detail that ends in a blank */
    const char *more;
    const struct page *page; /* of blocks, */
    const void *own;         /* or the start of a block of its own */
    size_t size;             /* of the block, as far as it is known */

    /* Of a sampled block: who allocated it, and who freed it, or NULL. */
    const struct calls *allocated;
    const struct calls *freed;
};

_Noreturn COLD void cairn__crime(struct crime crime);

#endif
