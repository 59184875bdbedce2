/* SPDX-License-Identifier: MIT */
/* Parts of page.h that differ: what frees of other heaps' blocks travel as (remote.c), and an offset. */
#ifndef CAIRN_CORE_BATCH_H
#define CAIRN_CORE_BATCH_H

#include <stdatomic.h>

#include "core/policy.h"

#if SLOTTED
struct batch { /* in the page's descriptor: one at a time */
    _Atomic uint32_t count;
    struct batch *next;
};
#else
struct batch { /* in the first of the freed blocks */
    uint64_t packed;
    struct batch *next;
};
#endif

/* From a unit back to the first of its page. */
#if SLOTTED
typedef uint16_t page_offset; /* in rows of large blocks too, which may be pointed into */
#else
typedef uint8_t page_offset;
#endif

#endif
