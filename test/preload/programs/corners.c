/* SPDX-License-Identifier: MIT */
/*
 * What malloc and its kin do in the corner cases, some of which the standard leaves open: sizes of
 * nothing and beyond everything, errno, the alignment of small blocks, wrong alignments. Here glibc
 * is the measure.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <errno.h>
#include <malloc.h>

int main(void)
{
    volatile size_t huge = PTRDIFF_MAX, most = SIZE_MAX; /* the compiler need not know */
    void *volatile a = malloc(0), *b = malloc(0);
    printf("malloc(0): %s\n", a && b && a != b ? "two blocks" : "not two blocks");
    free(a);
    printf("realloc(b, 0): %s\n", realloc(b, 0) ? "a block" : "NULL");
    free(NULL);
    a = realloc(NULL, 100);
    printf("realloc(NULL, 100): %s\n", a ? "a block" : "NULL");
    errno = 0;
    printf("malloc(PTRDIFF_MAX + 1): %s,", malloc(huge + 1) ? "a block" : "NULL");
    printf(" %s\n", strerror(errno)), errno = 0;
    printf("calloc(SIZE_MAX / 2, 3): %s,", calloc(most / 2, 3) ? "a block" : "NULL");
    printf(" %s\n", strerror(errno)), errno = 0;
    fill(a, 100, 1);
    b = realloc(a, most);
    printf("realloc(a, SIZE_MAX): %s, %s\n", b ? "a block" : "NULL", strerror(errno)), errno = 0;
    b = reallocarray(a, most / 4, 8);
    printf("reallocarray(a, SIZE_MAX / 4, 8): %s, %s\n", b ? "a block" : "NULL", strerror(errno)),
        errno = EXDEV;
    check_and_free(a, 100, 1); /* both failed, so it is still ours */
    printf("errno after free: %s\n", strerror(errno));
    printf("usable size of NULL: %zu\n", malloc_usable_size(NULL));
    printf("mallopt: %d\n", mallopt(M_MMAP_THRESHOLD, 1 << 20) != 0);
    malloc_trim(0);
    (void)mallinfo2();
    size_t astray = 0;
    for (size_t size = 0; size < 100; size++)
        astray += (uintptr_t)malloc(size) % 16 != 0;
    printf("of 100 small blocks not aligned by 16: %zu\n", astray);
    for (size_t alignment = 16; alignment <= 4096; alignment *= 2)
        astray += (uintptr_t)memalign(alignment, 0) % alignment != 0;
    printf("aligned blocks of nothing that are not aligned: %zu\n", astray);
    void *ptr = &astray;
    printf("posix_memalign by 3: %s\n", strerror(posix_memalign(&ptr, 3, 10)));
    printf("posix_memalign by 4: %s\n", strerror(posix_memalign(&ptr, 4, 10)));
    printf("posix_memalign of SIZE_MAX: %s\n", strerror(posix_memalign(&ptr, 64, SIZE_MAX - 10)));
    expect(ptr == &astray, "a failed posix_memalign wrote");
    errno = 0;
    printf("aligned_alloc of PTRDIFF_MAX: %s,",
           aligned_alloc(4096, PTRDIFF_MAX) ? "a block" : "NULL");
    printf(" %s\n", strerror(errno));
    return 0;
}
