/* SPDX-License-Identifier: MIT */
/*
 * Blocks with a mapping of their own, under the hardened library: they keep what they hold while they grow
 * and shrink, are aligned as asked, read as zero from calloc, and their places are not used again soon.
 * (What is found when they are misused, misuse.cpp has.)
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MB ((size_t)1 << 20)
enum { STEP = 4093 };

static void expect(int good, const char *what, size_t size)
{
    if (!good) {
        printf("FAILED: %s, %zu bytes\n", what, size);
        exit(1);
    }
}

static unsigned char sign(size_t at)
{
    return (unsigned char)(at * 31 >> 5 | 1);
}

static void fill(unsigned char *block, size_t from, size_t size)
{
    for (size_t at = from - from % STEP; at < size; at += STEP)
        block[at] = sign(at);
    block[size - 1] = 0xa5;
}

static void look(const unsigned char *block, size_t size)
{
    for (size_t at = 0; at < size - 1; at += STEP)
        expect(block[at] == sign(at), "contents", size);
}

static void resizing(void)
{
    static const size_t sizes[] = {33 * MB,  33 * MB + 1,   33 * MB + 4096, 40 * MB + 77,
                                   100 * MB, 100 * MB - 17, 50 * MB + 3,    33 * MB,
                                   3 * MB,   34 * MB,       200 * MB,       2 * MB + 1,
                                   MB,       65 * MB};
    unsigned char *block = malloc(sizes[0]);
    expect(block != NULL, "memory", sizes[0]);
    fill(block, 0, sizes[0]);
    for (size_t i = 1; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t before = sizes[i - 1], size = sizes[i];
        block = realloc(block, size);
        expect(block != NULL, "memory", size);
        expect(malloc_usable_size(block) == size, "size", size);
        look(block, before < size ? before : size);
        fill(block, before < size ? before : 0, size);
    }
    free(block);
}

static void alignment(void)
{
    for (size_t align = 16; align <= 64 * MB; align *= 4)
        for (size_t size = 33 * MB; size < 34 * MB; size += 300001) {
            unsigned char *block = aligned_alloc(align, size);
            expect(block != NULL && (uintptr_t)block % align == 0, "alignment", align);
            block[0] = block[size - 1] = 1;
            free(block);
        }
}

static void zeros(void)
{
    size_t size = 40 * MB + 5;
    for (int i = 0; i < 3; i++) {
        unsigned char *block = calloc(1, size);
        for (size_t at = 0; at < size; at += STEP)
            expect(block[at] == 0, "zeros", size);
        memset(block, 7, size);
        free(block);
    }
}

static void distance(void)
{
    enum { LEAST = 60 };
    size_t size = 33 * MB;
    void *first = malloc(size);
    free(first);
    for (int i = 0; i < LEAST; i++) {
        void *block = malloc(size);
        expect(block != NULL && block != first, "another place", size);
        free(block);
    }
}

int main(void)
{
    resizing();
    alignment();
    zeros();
    distance();
    puts("all is kept");
    return 0;
}
