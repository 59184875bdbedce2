/* SPDX-License-Identifier: MIT */
/*
 * How a guarded looks at its blocks and says what it found. A block that is looked at is BUSY and the
 * caller's own, or the lock is held.
 */
#ifndef CAIRN_KIT_GUARDED_BREACH_H
#define CAIRN_KIT_GUARDED_BREACH_H

#include "kit/guarded_block.h"

static inline cairn_guarded_breach breach_of(cairn_guarded_crime crime,
                                             const struct cairn_guarded_record *record,
                                             ptrdiff_t offset)
{
    cairn_guarded_breach breach = {.crime = crime,
                                   .ptr = record->ptr,
                                   .block = record->ptr,
                                   .layout = guarded_layout(record),
                                   .offset = offset};
    return breach;
}

/*
 * Whether the canaries of a block are as they were, and with `filled` the block as it was filled when
 * it was freed. If not, what was written goes to *breach.
 */
bool cairn__guarded_look(const cairn_guarded *guarded, const struct cairn_guarded_record *record,
                         bool filled, cairn_guarded_breach *breach);

/* Sets right what was written, so that it is not found again. */
COLD void cairn__guarded_repair(const cairn_guarded *guarded,
                                const struct cairn_guarded_record *record, bool filled);

/* Counts it, and tells on_breach, or stderr and aborts. Not under the lock. */
COLD void cairn__guarded_report(cairn_guarded *guarded, const cairn_guarded_breach *breach);

#endif
