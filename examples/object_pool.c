/* SPDX-License-Identifier: MIT */
/* Parsers kept between requests: made when none is idle, thrown away when they have become too large. */
#include <stdio.h>
#include <stdlib.h>

#include "cairn/object_pool.h"

struct parser {
    char *buffer;
    size_t size, used;
};

CAIRN_OBJECT_POOL_OF(struct parser, parsers)

struct tally {
    int made, ended;
};

static bool construct(void *context, void *object)
{
    struct parser *parser = object;
    *parser = (struct parser){.size = 64, .buffer = malloc(64)};
    ((struct tally *)context)->made += parser->buffer != NULL;
    return parser->buffer != NULL;
}

static void destruct(void *context, void *object)
{
    free(((struct parser *)object)->buffer);
    ((struct tally *)context)->ended++;
}

static bool reset(void *context, void *object)
{
    struct parser *parser = object;
    (void)context;
    parser->used = 0;
    return parser->size <= 256; /* larger ones are not worth keeping */
}

static bool feed(struct parser *parser, char byte)
{
    if (parser->used == parser->size) {
        char *larger = realloc(parser->buffer, parser->size * 2);
        if (larger == NULL)
            return false;
        parser->buffer = larger;
        parser->size *= 2;
    }
    parser->buffer[parser->used++] = byte;
    return true;
}

int main(void)
{
    struct tally tally = {0, 0};
    cairn_object_pool_opts opts = {.construct = construct,
                                   .destruct = destruct,
                                   .reset = reset,
                                   .context = &tally,
                                   .max_objects = 4};
    parsers pool;
    if (!parsers_create(&pool, &opts) || !cairn_object_pool_prefill(pool.pool, 2))
        return 1;
    for (int request = 0; request < 1000; request++) {
        struct parser *head = parsers_acquire(&pool), *body = parsers_acquire(&pool);
        if (head == NULL || body == NULL || !feed(head, 'G'))
            return 1;
        for (int i = 0; i < request % 300; i++)
            feed(body, 'x');
        parsers_release(&pool, head);
        parsers_release(&pool, body);
        if (request == 500)
            printf("released twice: %s\n", parsers_release(&pool, body) ? "yes" : "refused");
    }
    printf("1000 requests, 2 parsers each: %d made\n", tally.made);
    printf("%zu in use at the end, ", parsers_destroy(&pool));
    printf("%d destructed\n", tally.ended);
    return 0;
}
