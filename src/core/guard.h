/* SPDX-License-Identifier: MIT */
/*
 * How the hardened build takes access away from parts of pages. Where the system can mark memory as a
 * guard (Linux 6.13) that costs no mapping, and all free memory is closed too. Elsewhere it is done by
 * mprotect: each page that has a guard costs two mappings, of which a process may have but so many. So
 * pages get one while there is a budget, fewer and fewer as it runs out, and free memory stays open that
 * was no block's yet. Memory is never refused for want of a guard.
 *
 * *guarded says whether a page has its part of the budget; it is the page's owner's. Any thread.
 */
#ifndef CAIRN_CORE_GUARD_H
#define CAIRN_CORE_GUARD_H

#include "core/policy.h"

/* Memory that was just added to the pool, before anybody has it. */
void cairn__guard_fresh(void *ptr, size_t size);

/* Takes all access from a part of a page, and what it held. False: it is open still. */
bool cairn__guard_close(bool *guarded, void *ptr, size_t size);

/* The same of a part that was not opened since it came from the pool: by marks it is closed already. */
void cairn__guard_rest(bool *guarded, void *ptr, size_t size);

/* Lets a part be accessed; what was closed reads as zero. False: the system refuses. */
bool cairn__guard_open(bool guarded, void *ptr, size_t size);

/*
 * There may be no mapping left to cut one in two; so there shall be no guards any more. All of the range
 * around is opened, which needs none. False: that is not the reason.
 */
bool cairn__guard_give_up(void *ptr, size_t size);

/* The page's part of the budget is free again. open: the page is, or else who gets its memory shall see to it. */
void cairn__guard_end(bool *guarded, bool open);

#endif
