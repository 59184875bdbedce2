/* SPDX-License-Identifier: MIT */
/*
 * A table that all threads read is spread over the machine's nodes; what one thread works on is
 * local to it, and follows it when the thread has moved. Runs on any machine: with one node, or in a
 * sandbox that refuses policies, the same calls work and mean less, which goes to stderr.
 */
#include <stdio.h>
#include <string.h>

#include "cairn/numa.h"

enum { TABLE = 8 << 20, WORK = 64 << 10 };

/* Whether each page lies on a node of the set, as far as the system tells. */
static bool is_on(const char *ptr, size_t size, const cairn_node_set *set)
{
    for (size_t at = 0; at < size; at += 4096) {
        int node = cairn_numa_node_of(ptr + at);
        if (node >= 0 && !cairn_node_set_has(set, node))
            return false;
    }
    return true;
}

static void *fill(cairn_allocator allocator, size_t size)
{
    void *block = cairn_allocator_alloc(allocator, cairn__layout(size, 64));
    if (block != NULL)
        memset(block, 1, size);
    return block;
}

int main(void)
{
    cairn_numa_error error;
    cairn_numa_opts opts = {CAIRN_NUMA_INTERLEAVE, cairn_numa_nodes()};
    cairn_numa *spread = cairn_numa_create(&opts, &error);
    if (spread == NULL) {
        fprintf(stderr, "%s\n", cairn_numa_error_text(error));
        return 1;
    }
    char *table = fill(cairn_numa_allocator(spread), TABLE);
    printf("table: %s\n", table != NULL && is_on(table, TABLE, &opts.nodes) ? "spread" : "astray");

    cairn_numa *local = cairn_numa_create(NULL, &error);
    char *work = local != NULL ? fill(cairn_numa_allocator(local), WORK) : NULL;
    if (work == NULL)
        return 1;
    cairn_node_set here = {{0}};
    cairn_node_set_add(&here, cairn_numa_node_here()); /* perhaps not where we were */
    bool there = cairn_numa_migrate_range(work, WORK, &here, NULL);
    fprintf(stderr, "work: %s\n", there && is_on(work, WORK, &here) ? "here" : "left where it was");
    size_t kept = 0;
    while (kept < WORK && work[kept] == 1)
        kept++;
    printf("work: %zu of %d bytes as they were\n", kept, (int)WORK);

    cairn_node_set nowhere = {{0}};
    cairn_numa_opts bad = {CAIRN_NUMA_BIND, nowhere};
    if (cairn_numa_create(&bad, &error) == NULL)
        printf("bind to none: %s\n", cairn_numa_error_text(error));

    char text[200];
    cairn_numa_describe(spread, text, sizeof text);
    fprintf(stderr, "table: %s\n", text);
    cairn_numa_describe(local, text, sizeof text);
    fprintf(stderr, "work: %s\n", text);
    cairn_numa_destroy(local);
    cairn_numa_destroy(spread);
    return 0;
}
