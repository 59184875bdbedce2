/* SPDX-License-Identifier: MIT */
/*
 * Any thread. A general allocator that takes its memory from chosen nodes of a machine whose memory
 * lies nearer to some processors than to others, by the system's policies for ranges of addresses
 * (A. Kleen, A NUMA API for Linux, 2004): raw system calls, no libnuma.
 *
 * Memory comes from the system in chunks of 2 MiB, given a policy before anybody touches them, cut
 * into runs of equal blocks (40 sizes up to 32 KiB, at most a fifth unused) or of 16 KiB steps up to
 * 1 MiB; larger blocks and alignments have a mapping of their own. Chunks are shared out among up to
 * 8 places a node, each with a lock; threads on different processors seldom meet. A block goes back
 * where it came from, whoever frees it. alloc, dealloc O(1), but for large blocks a system call and
 * O(log mappings).
 *
 * On a machine with one node all of this works, and means nothing; where the system refuses the
 * calls (in some sandboxes) every policy is first touch. Both can be asked about. In the child of a
 * fork an allocator may be used if no other thread was using it at that time.
 */
#ifndef CAIRN_NUMA_H
#define CAIRN_NUMA_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_NODES_MAX 1024 /* nodes are numbered below this */

/* All 0: none. */
typedef struct cairn_node_set {
    uint64_t words[CAIRN_NODES_MAX / 64];
} cairn_node_set;

/* A node that cannot be (below 0, CAIRN_NODES_MAX or above) is in no set; adding it does nothing. */
static inline bool cairn_node_set_has(const cairn_node_set *set, int node)
{
    return node >= 0 && node < CAIRN_NODES_MAX && (set->words[node / 64] >> (node % 64) & 1) != 0;
}

/* Puts a node into the set, which may have it. */
static inline void cairn_node_set_add(cairn_node_set *set, int node)
{
    if (node >= 0 && node < CAIRN_NODES_MAX)
        set->words[node / 64] |= (uint64_t)1 << (node % 64);
}

/* How many are in it. */
static inline int cairn_node_set_count(const cairn_node_set *set)
{
    int count = 0;
    for (int node = 0; node < CAIRN_NODES_MAX; node++)
        count += cairn_node_set_has(set, node);
    return count;
}

/* ---- the machine ---- */

/* The nodes that are online; always at least one. Reads a file. */
cairn_node_set cairn_numa_nodes(void);
/* Whether there is only one. */
bool cairn_numa_is_single(void);
/* Whether the system lets this process choose: false in a sandbox that refuses the calls. */
bool cairn_numa_is_available(void);
/* The node of the processor that runs the caller, at this moment; -1 if it cannot be told. */
int cairn_numa_node_here(void);
/* The node whose memory ptr's OS page lies in; -1: it is in no memory (yet), or it cannot be told. */
int cairn_numa_node_of(const void *ptr);

/* ---- an allocator ---- */

typedef enum cairn_numa_policy {
    CAIRN_NUMA_LOCAL, /* from the node of the processor that runs alloc; others if that is full */
    CAIRN_NUMA_BIND,  /* from these nodes, and if they are full from none */
    CAIRN_NUMA_INTERLEAVE, /* an OS page from each of these nodes in turn */
    CAIRN_NUMA_FIRST_TOUCH /* as the thread's policy says when it touches a page first */
} cairn_numa_policy;

typedef enum cairn_numa_error {
    CAIRN_NUMA_OK,
    CAIRN_NUMA_BAD_POLICY,  /* none of the above */
    CAIRN_NUMA_EMPTY_SET,   /* bind or interleave, and no nodes */
    CAIRN_NUMA_NOT_ONLINE,  /* a node of the set is not */
    CAIRN_NUMA_NOT_ALLOWED, /* none of them has memory that this process may use (cpusets) */
    CAIRN_NUMA_NO_MEMORY
} cairn_numa_error;
/* In words. */
const char *cairn_numa_error_text(cairn_numa_error error);

typedef struct cairn_numa_opts {
    cairn_numa_policy policy; /* 0: local */
    cairn_node_set nodes;     /* for bind and interleave; else unused */
} cairn_numa_opts;

typedef struct cairn_numa cairn_numa;

/* opts NULL: local. NULL, and why in *error (unless that is NULL). */
cairn_numa *cairn_numa_create(const cairn_numa_opts *opts, cairn_numa_error *error);
/* Gives all memory back, of live blocks too. No thread may be using it. NULL does nothing. */
void cairn_numa_destroy(cairn_numa *numa);

/* Of any size and alignment that the address space has room for. owns: O(log mappings), any ptr. */
cairn_allocator cairn_numa_allocator(cairn_numa *numa);

/*
 * Moves the pages of all blocks to these nodes, and binds what is touched later in memory that it
 * holds now. bind, interleave: so is all that it takes from now on, over these nodes. True: all are
 * there. False: nodes as for create, or the system has moved none or not all (out of memory there,
 * or pages shared with another process); what was moved stays so. Holds up calls that need new
 * memory meanwhile.
 */
bool cairn_numa_migrate(cairn_numa *numa, const cairn_node_set *to);

/*
 * Moves the OS pages that [ptr, ptr + size) touches, of any memory of this process, to these nodes in
 * turn, unless they are on one of them. No policy is changed. True: each that is in memory is there.
 * *moved (unless NULL): pages moved. False also for a set that create would refuse.
 */
bool cairn_numa_migrate_range(void *ptr, size_t size, const cairn_node_set *to, size_t *moved);

/* Gives back chunks without blocks, of which each place keeps one. Bytes. */
size_t cairn_numa_trim(cairn_numa *numa);

/* ---- figures ---- */

typedef struct cairn_numa_stats {
    cairn_numa_policy policy;
    bool is_effective;     /* false: the system refuses, it is first touch in truth */
    bool is_single;        /* one node: all policies are the same */
    int nodes;             /* of the policy; of the machine if it has no set */
    size_t blocks, bytes;  /* live; as asked for */
    size_t chunks, mapped; /* chunks; bytes of them and of large blocks' mappings */
    size_t large;          /* blocks with a mapping of their own */
} cairn_numa_stats;

/* All of it at one moment, under all locks. Reads a file. */
void cairn_numa_stats_get(const cairn_numa *numa, cairn_numa_stats *stats);

/* One line, as "interleave over nodes 0-3, 12.5 MiB in 4 blocks", cut to size - 1 bytes and
 * terminated; says so if the machine has one node or refuses. size 0 does nothing. */
void cairn_numa_describe(const cairn_numa *numa, char *text, size_t size);

/* NULL: sound; else what is wrong. Blocks, and free ones, runs and chunks as gaps, all in order of
 * address; false as soon as visitor says so. Both hold up all other threads. O(memory held). */
const char *cairn_numa_audit(const cairn_numa *numa);
bool cairn_numa_visit(const cairn_numa *numa, cairn_visitor *visitor, void *context);

#ifdef __cplusplus
}
#endif

#endif
