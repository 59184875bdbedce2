/* SPDX-License-Identifier: MIT */
/* Connections with a buffer each: the buffer is made once, and stays with its object between uses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/slab.h"

struct connection {
    char *buffer; /* from constructor to destructor */
    size_t used;  /* 0 between uses */
    int id;
};

enum { BUFFER = 4096 };

static int buffers_made, buffers_live;

static bool construct(void *context, void *object)
{
    struct connection *connection = object;
    (void)context;
    *connection = (struct connection){.buffer = malloc(BUFFER)};
    buffers_made += connection->buffer != NULL;
    buffers_live += connection->buffer != NULL;
    return connection->buffer != NULL;
}

static void destruct(void *context, void *object)
{
    (void)context;
    free(((struct connection *)object)->buffer);
    buffers_live--;
}

/* What goes back is as its constructor made it. */
static void close_connection(cairn_slab *connections, struct connection *connection)
{
    connection->used = 0;
    if (!cairn_slab_dealloc(connections, connection))
        printf("%p is none of our open connections\n", (void *)connection);
}

int main(void)
{
    cairn_slab_opts opts = {.slab_size = 4096, .construct = construct, .destruct = destruct};
    cairn_slab *connections = cairn_slab_create(cairn_layout_of(struct connection), &opts);
    if (connections == NULL)
        return 1;

    for (int hour = 0; hour < 24; hour++) {
        struct connection *open[300];
        int count = hour >= 6 && hour < 12 ? 300 : 20;
        for (int i = 0; i < count; i++) {
            open[i] = cairn_slab_alloc(connections);
            if (open[i] == NULL)
                return 1;
            open[i]->id = i;
            open[i]->used = (size_t)snprintf(open[i]->buffer, BUFFER, "hour %d", hour);
        }
        for (int i = 0; i < count; i++)
            close_connection(connections, open[i]);
        if (hour % 6 == 5) /* what the last six hours did not need */
            printf("%2d hours: %zu slabs reaped, ", hour + 1, cairn_slab_reap(connections));
        if (hour % 6 == 5)
            printf("%d buffers made, %d live\n", buffers_made, buffers_live);
    }

    struct connection *twice = cairn_slab_alloc(connections);
    close_connection(connections, twice);
    printf("closed twice: %s\n", cairn_slab_dealloc(connections, twice) ? "oh" : "refused");
    cairn_slab_destroy(connections);
    printf("%d buffers live in the end\n", buffers_live);
    return 0;
}
