/* SPDX-License-Identifier: MIT */
/* A cache of connections, each with a buffer that is made once and serves every user after it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairn/slab.h>

struct connection {
    int number;
    char *buffer; /* 4 KiB, for as long as the object lies in the cache */
};

static int buffers;

static bool make_buffer(void *context, void *object)
{
    struct connection *connection = object;
    (void)context;
    connection->buffer = malloc(4096);
    buffers += connection->buffer != NULL;
    return connection->buffer != NULL;
}

static void end_buffer(void *context, void *object)
{
    (void)context;
    free(((struct connection *)object)->buffer);
    buffers--;
}

int main(void)
{
    cairn_slab_opts opts = {.construct = make_buffer, .destruct = end_buffer, .slab_size = 4096};
    cairn_slab *connections = cairn_slab_create(cairn_layout_of(struct connection), &opts);
    if (connections == NULL)
        return 1;

    int handled = 0;
    for (int round = 0; round < 100; round++) {
        struct connection *open[10];
        for (int i = 0; i < 10; i++) {
            open[i] = cairn_slab_alloc(connections);
            if (open[i] == NULL)
                return 1;
            open[i]->number = round * 10 + i;
            snprintf(open[i]->buffer, 4096, "request %d", open[i]->number);
            handled++;
        }
        for (int i = 0; i < 10; i++)
            cairn_slab_dealloc(connections, open[i]); /* the buffer stays */
    }
    cairn_slab_stats stats;
    cairn_slab_stats_get(connections, &stats);
    printf("%d connections handled, with one buffer for each of the cache's objects: %s\n", handled,
           (size_t)buffers == stats.objects ? "yes" : "no");

    struct connection *last = cairn_slab_alloc(connections);
    cairn_slab_dealloc(connections, last);
    printf("given back twice: %s\n", cairn_slab_dealloc(connections, last) ? "taken" : "refused");
    cairn_slab_destroy(connections);
    printf("buffers left: %d\n", buffers);
    return 0;
}
