/* SPDX-License-Identifier: MIT */
/*
 * malloc, calloc and realloc in a large number of sizes: every one up to 3000, then in steps to
 * 40 MiB; growth by a byte, by halves and doubles, and back.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <malloc.h>

static void every_size(void)
{
    static void *block[3001];
    for (unsigned size = 0; size <= 3000; size++) {
        block[size] = filled(size, size);
        size_t usable = malloc_usable_size(block[size]);
        expect(usable >= size && usable == malloc_usable_size(block[size]), "usable size");
    }
    for (unsigned size = 0; size <= 3000; size += 3)
        check_and_free(block[size], size, size);
    for (unsigned size = 1; size <= 3000; size++)
        if (size % 3)
            check_and_free(block[size], size, size);
    puts("each size up to 3000");
}

static void zeroed(void)
{
    for (int dirty = 0; dirty < 2; dirty++)
        for (size_t size = 1; size < 9000000; size += size / 5 + 1) {
            unsigned char *block = got(calloc(1, size));
            for (size_t i = 0; i < size; i++)
                expect(block[i] == 0, "calloc is not zero");
            memset(block, 0xff, size); /* for the next */
            free(block);
        }
    puts("calloc is zero, also in memory that was used");
}

static void growing(void)
{
    unsigned char *block = NULL;
    for (unsigned size = 1; size <= 20000; size++) {
        block = got(realloc(block, size));
        block[size - 1] = pattern_at(size - 1, 1);
    }
    check(block, 20000, 1);
    for (unsigned size = 20000; size > 0; size -= 1 + size / 100) {
        block = got(realloc(block, size));
        check(block, size, 1);
    }
    free(block);
    puts("grown and shrunk by a byte");

    size_t steps = 0;
    for (unsigned kind = 2; kind < 5; kind++) {
        size_t size = 1;
        block = filled(size, kind);
        for (; size < 40000000; steps++) {
            size_t next = size + (kind == 2 ? size / 2 : kind == 3 ? size : size / 7) + 1;
            block = got(realloc(block, next));
            check(block, size, kind);
            fill(block, next, kind);
            size = next;
        }
        for (; size > 1; steps++) {
            size_t next = size < kind ? 1 : size / kind;
            block = got(realloc(block, next));
            check(block, next, kind);
            size = next;
        }
        free(block);
    }
    printf("grown to 40 MB and back in %zu steps\n", steps);
}

static void together(void)
{
    enum { COUNT = 2000 };
    static unsigned char *block[COUNT];
    static size_t size[COUNT];
    unsigned state = 1;
    for (unsigned n = 0; n < 60000; n++) {
        unsigned i = draw(&state, COUNT);
        size_t next = draw(&state, 1u << (4 + draw(&state, 13)));
        size_t kept = next < size[i] ? next : size[i];
        if (next == 0)
            continue;
        block[i] = got(realloc(block[i], next));
        check(block[i], kept, i);
        fill(block[i], next, i);
        size[i] = next;
    }
    size_t sum = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        sum += size[i];
        check_and_free(block[i], size[i], i);
    }
    printf("60000 reallocs of %d blocks, at the end %zu bytes\n", COUNT, sum);
}

int main(void)
{
    every_size();
    zeroed();
    growing();
    together();
    return 0;
}
