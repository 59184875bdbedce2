/* SPDX-License-Identifier: MIT */
/*
 * Machines whose memory lies in several nodes, some nearer to a processor than others. The system
 * calls themselves: the C library has no wrappers for them, and libnuma is not needed. As in os.h,
 * nothing allocates, nothing touches errno, any thread may call. A set of nodes is NODE_WORDS words,
 * bit i of word i / 64 for node i.
 *
 * A system may refuse these calls, by a sandbox (EPERM) or because it was built without them
 * (ENOSYS); who calls must do without.
 */
#ifndef CAIRN_OS_NUMA_H
#define CAIRN_OS_NUMA_H

#include "base/config.h"

enum { NODE_WORDS = 16, NODES_MAX = NODE_WORDS * 64 };

/* As the kernel counts them. */
enum numa_mode { NUMA_DEFAULT, NUMA_PREFERRED, NUMA_BIND, NUMA_INTERLEAVE };

/* The nodes of a list such as "0-3,8"; false, with those up to there: it is none. */
bool cairn__os_numa_parse(const char *list, uint64_t *nodes);

/* The nodes that are online. Where the system does not tell: those that this process may use, or if
 * it does not tell that either, node 0. */
void cairn__os_numa_online(uint64_t *nodes);

/* The nodes with memory that this process may use. 0, or an errno. */
int cairn__os_numa_allowed(uint64_t *nodes);

/* The node of the processor that runs this thread, and that; -1: the system does not tell. */
int cairn__os_numa_here(unsigned *processor);

/*
 * Where whole OS pages of a mapping come from when they are touched first. move: those that are in
 * memory and elsewhere move, too; EIO: some could not. 0, or an errno; EINVAL: no node of the set
 * has memory for this process.
 */
int cairn__os_numa_bind(void *ptr, size_t size, enum numa_mode mode, const uint64_t *nodes,
                        bool move);

/* What was said of the page at ptr by the call above. 0, or an errno. */
int cairn__os_numa_policy(const void *ptr, enum numa_mode *mode, uint64_t *nodes);

/*
 * For each page, to[i] is the node to move it to; to NULL: none moves. Then where[i] is the node that
 * it is on, or, below 0, an errno: ENOENT: it is not in memory. 0, or an errno.
 */
int cairn__os_numa_pages(size_t count, void **pages, const int *to, int *where);

#endif
