/* SPDX-License-Identifier: MIT */
/*
 * A cache of documents of all sizes in a fixed 64 KiB. Half of them leave, and a large one no longer
 * fits although there is room enough in all; compaction, a little at a time, makes it fit. What the
 * index does not lead to is collected.
 */
#include <stdio.h>
#include <string.h>

#include "cairn/compact.h"

enum { DOCUMENTS = 60 };

struct document {
    cairn_handle next; /* the documents of one author are a list */
    unsigned id;
    char text[];
};

static void trace(void *context, cairn_compact *heap, cairn_handle handle, const void *object,
                  size_t size, cairn_compact_reach *reach)
{
    (void)context, (void)handle, (void)size;
    reach(heap, ((const struct document *)object)->next);
}

static cairn_handle document(cairn_compact *heap, unsigned id, size_t length, cairn_handle next)
{
    cairn_handle handle = cairn_compact_alloc(heap, sizeof(struct document) + length, 8);
    struct document *document = (struct document *)cairn_compact_lock(heap, handle);
    if (document == NULL)
        return handle; /* none: no room */
    document->next = next;
    document->id = id;
    memset(document->text, 'a' + id % 26, length);
    cairn_compact_unlock(heap, handle);
    return handle;
}

static void report(const char *when, const cairn_compact *heap)
{
    cairn_compact_stats stats;
    cairn_compact_stats_get(heap, &stats);
    printf("%s: %zu blocks, %u %% of free space apart\n", when, stats.blocks,
           cairn_compact_fragmentation(&stats));
}

int main(void)
{
    static _Alignas(16) char memory[64 * 1024];
    cairn_compact_opts opts = {.memory = memory, .memory_size = sizeof memory, .trace = trace};
    cairn_compact *heap = cairn_compact_create(&opts);
    cairn_handle none = {0, 0}, authors[2] = {none, none};
    if (heap == NULL || !cairn_compact_add_root(heap, &authors[0]) ||
        !cairn_compact_add_root(heap, &authors[1]))
        return 1;
    for (unsigned id = 0; id < DOCUMENTS; id++)
        authors[id % 2] = document(heap, id, 500 + 37 * id % 1000, authors[id % 2]);
    report("full", heap);

    cairn_handle lost = authors[0];
    authors[0] = none; /* nothing leads to this author's documents any more */
    printf("collected: %zu blocks\n", cairn_compact_collect(heap));
    report("collected", heap);
    printf("the old handle is %s\n",
           cairn_compact_state_of(heap, lost) == CAIRN_HANDLE_STALE ? "stale" : "live");

    cairn_handle large = document(heap, DOCUMENTS, 30000, none);
    printf("30000 bytes %s\n", cairn_handle_is_none(large) ? "do not fit" : "fit");
    while (cairn_compact_step(heap, 4096)) /* between two requests, say */
        ;
    report("compacted", heap);
    large = document(heap, DOCUMENTS, 30000, none);
    printf("30000 bytes %s\n", cairn_handle_is_none(large) ? "do not fit" : "fit");
    cairn_compact_destroy(heap);
    return 0;
}
