/* SPDX-License-Identifier: MIT */
/*
 * Growth by realloc: many buffers grow a little at a time, in turns, as strings and vectors do that
 * are appended to; a few become large, where an allocator can move pages instead of copying bytes.
 * Now and then one is shrunk to what it holds, or is given up and starts anew.
 */
#include "workload.h"

#include <stdio.h>

enum { BUFFERS, STEPS, LARGE, PARAMETERS };
static struct parameter parameters[] = {
    [BUFFERS] = {"buffers", 2000, 1000, 20},
    [STEPS] = {"steps", 10000000, 1500000, 3000},
    [LARGE] = {"large", 150, 30, 2},
};

struct buffer {
    unsigned char *bytes;
    size_t length, room;
};

static unsigned char byte_at(size_t place)
{
    return (unsigned char)(place * 31 + (place >> 8));
}

static void resize(struct buffer *buffer, size_t room)
{
    unsigned char *moved = realloc(buffer->bytes, room);
    if (!moved)
        workload_fail("out of memory");
    buffer->bytes = moved;
    buffer->room = room;
}

static void append(struct buffer *buffer, size_t more)
{
    if (buffer->length + more > buffer->room)
        resize(buffer, (buffer->length + more) * 3 / 2 + 16);
    for (size_t end = buffer->length + more; buffer->length < end; buffer->length++)
        buffer->bytes[buffer->length] = byte_at(buffer->length);
}

static void verify(const struct buffer *buffer)
{
    size_t step = workload_checks ? 1 : buffer->length / 64 + 1;

    for (size_t i = 0; i < buffer->length; i += step)
        if (buffer->bytes[i] != byte_at(i))
            workload_damaged(buffer->bytes, buffer->room);
}

static void give_up(struct buffer *buffer)
{
    verify(buffer);
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

/* To 24 MiB, by a page or two: copying each time would be 3000 copies. */
static void grow_large(unsigned long count)
{
    size_t most = workload_checks ? (size_t)2 << 20 : (size_t)24 << 20;

    for (unsigned long i = 0; i < count; i++) {
        struct buffer buffer = {0};
        for (size_t room = 1 << 16; room < most; room += room / 32 + 4096) {
            resize(&buffer, room);
            for (; buffer.length < room; buffer.length += 4096)
                buffer.bytes[buffer.length] = byte_at(buffer.length);
        }
        for (size_t at = 1 << 12; at < buffer.length; at += 4096)
            if (buffer.bytes[at] != byte_at(at))
                workload_damaged(buffer.bytes, buffer.room);
        free(buffer.bytes);
    }
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "buffers that grow by realloc", parameters, PARAMETERS);
    struct random random = random_from(11);
    size_t count = parameters[BUFFERS].value;
    struct buffer *buffers = calloc(count, sizeof *buffers);

    if (!buffers)
        workload_fail("out of memory");
    for (unsigned long i = 0; i < parameters[STEPS].value; i++) {
        struct buffer *buffer = &buffers[random_below(&random, count)];
        size_t what = random_below(&random, 1000);
        if (what < 4)
            give_up(buffer);
        else if (what < 8 && buffer->length > 0)
            resize(buffer, buffer->length);
        else
            append(buffer, random_between(&random, 1, 64));
    }
    for (size_t i = 0; i < count; i++)
        give_up(&buffers[i]);
    free(buffers);
    uint64_t start = clock_now();
    grow_large(parameters[LARGE].value);
    printf("large_ms=%.3f\n",
           (double)(clock_now() - start) / 1e6 / (double)parameters[LARGE].value);
    return 0;
}
