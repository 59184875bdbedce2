/* SPDX-License-Identifier: MIT */
/*
 * Large blocks that were freed, in the hardened build: out of reach and without memory, until so many
 * others were freed after them. Their pages' owner is OWNER_KEPT, so that another free is known as
 * one. First in, first out; any thread.
 */
#ifndef CAIRN_CORE_QUARANTINE_H
#define CAIRN_CORE_QUARANTINE_H

#include "core/page.h"

/* The page of one large block, which cannot be accessed any more. */
void cairn__quarantine_put(struct page *page);

/* Lets go of all of them: memory is out. True if there were any. */
bool cairn__quarantine_flush(void);

void cairn__quarantine_before_fork(void);
void cairn__quarantine_after_fork(bool child);

#endif
