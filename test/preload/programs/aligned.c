/* SPDX-License-Identifier: MIT */
/*
 * memalign, aligned_alloc and posix_memalign for all powers of two up to 4 MiB in many sizes, in
 * two threads; their blocks are also moved by realloc and measured.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <malloc.h>
#include <pthread.h>

enum { POWERS = 23, BLOCKS = 24 };

static void *aligned(int kind, size_t alignment, size_t size)
{
    void *ptr = NULL;
    switch (kind) {
    case 0:
        ptr = memalign(alignment, size);
        break;
    case 1:
        ptr = aligned_alloc(alignment, size);
        break;
    case 2:
        expect(!posix_memalign(&ptr, alignment < 8 ? 8 : alignment, size), "posix_memalign");
        break;
    }
    expect(ptr != NULL, "no aligned memory");
    expect(((uintptr_t)ptr & (alignment - 1)) == 0, "not aligned");
    expect(malloc_usable_size(ptr) >= size, "usable size");
    return ptr;
}

static void *all_powers(void *arg)
{
    unsigned long count = 0;
    for (int kind = 0; kind < 3; kind++)
        for (int power = 0; power < POWERS; power++) {
            size_t alignment = (size_t)1 << power;
            void *block[BLOCKS];
            size_t size[BLOCKS];
            for (unsigned i = 0; i < BLOCKS; i++) {
                size[i] = i < 8    ? i * 5 + 1
                          : i < 16 ? alignment / 8 * (i - 7) % 300000 + i
                                   : (i - 15) * 1111;
                block[i] = aligned(kind, alignment, size[i]);
                fill(block[i], size[i], i);
                count++;
            }
            for (unsigned i = 0; i < BLOCKS; i += 3) {
                block[i] = got(realloc(block[i], size[i] + 3000));
                check(block[i], size[i], i);
            }
            for (unsigned i = 0; i < BLOCKS; i++)
                check_and_free(block[i], size[i], i);
        }
    *(unsigned long *)arg = count;
    return NULL;
}

int main(void)
{
    unsigned long count[2];
    pthread_t thread;
    expect(!pthread_create(&thread, NULL, all_powers, &count[0]), "thread");
    all_powers(&count[1]);
    expect(!pthread_join(thread, NULL), "join");
    printf("%lu and %lu aligned blocks\n", count[0], count[1]);
    void *page = valloc(10), *pages = pvalloc(4097);
    printf("valloc: %d, pvalloc: %d, room for 8192: %d\n", (int)((uintptr_t)page % 4096),
           (int)((uintptr_t)pages % 4096), malloc_usable_size(pages) >= 8192);
    free(page);
    free(pages);
    return 0;
}
