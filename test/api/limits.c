/* SPDX-License-Identifier: MIT */
/*
 * Sizes that nobody can grant: beyond PTRDIFF_MAX, beyond the address space, products and roundings
 * that overflow. Every function gives NULL and ENOMEM, and leaves what it was given intact.
 */
#include "api/check.h"
#include "property/pattern.h"

#include <malloc.h>
#include <stdlib.h>

/* The first six overflow when a header, a page or an alignment is added carelessly. */
static const size_t impossible[] = {
    SIZE_MAX,
    SIZE_MAX - 1,
    SIZE_MAX - 15,
    SIZE_MAX - 16,
    SIZE_MAX - 4095,
    SIZE_MAX - 65536,
    SIZE_MAX - ((size_t)1 << 21),
    SIZE_MAX / 2 + 1,
    SIZE_MAX / 2 + 4096,
    PTRDIFF_MAX,
    PTRDIFF_MAX - 15,
    PTRDIFF_MAX - 4096,
    (size_t)1 << 62,
    (size_t)1 << 56,
    (size_t)1 << 48,
};

enum { IMPOSSIBLE = sizeof impossible / sizeof impossible[0] };

/* Expects NULL and ENOMEM of an expression, for each impossible size, which it calls `size`. */
#define refuses_each(expression)                                                                   \
    do {                                                                                           \
        for (size_t each = 0; each < IMPOSSIBLE; each++) {                                         \
            size_t size = hidden_size(impossible[each]);                                           \
            errno = 0;                                                                             \
            void *refused = (expression);                                                          \
            check(refused == NULL, "%s with %#zx gives %p", #expression, size, refused);           \
            check(errno == ENOMEM, "%s with %#zx sets errno %d", #expression, size, errno);        \
        }                                                                                          \
    } while (0)

static void malloc_refuses(void **state)
{
    (void)state;
    refuses_each(malloc(size));
}

static void calloc_refuses_one_of(void **state)
{
    (void)state;
    refuses_each(calloc(1, size));
}

static void calloc_refuses_many_of_one(void **state)
{
    (void)state;
    refuses_each(calloc(size, 1));
}

static void realloc_refuses_null(void **state)
{
    (void)state;
    refuses_each(realloc(hidden(NULL), size));
}

static void valloc_refuses(void **state)
{
    (void)state;
    refuses_each(valloc(size));
}

static void pvalloc_refuses(void **state)
{
    (void)state;
    refuses_each(pvalloc(size));
}

static void memalign_refuses(void **state)
{
    size_t align = (size_t)*state;

    refuses_each(memalign(align, size));
}

static void aligned_alloc_refuses(void **state)
{
    size_t align = (size_t)*state;

    refuses_each(aligned_alloc(align, size));
}

/* The error is returned, and *memptr stays. */
static void posix_memalign_refuses(void **state)
{
    size_t align = (size_t)*state;

    for (size_t i = 0; i < IMPOSSIBLE; i++) {
        void *ptr = &ptr;

        int error = posix_memalign(&ptr, align, hidden_size(impossible[i]));

        check(error == ENOMEM, "posix_memalign(%zu, %#zx) is %d", align, impossible[i], error);
        check(ptr == &ptr, "posix_memalign(%zu, %#zx) writes %p", align, impossible[i], ptr);
    }
}

/* It returns its error, so it has no business with errno. glibc does set it. */
static void posix_memalign_refusal_keeps_errno(void **state)
{
    (void)state;
    errno = ERRNO_MARK;
    for (size_t i = 0; i < IMPOSSIBLE; i++) {
        void *ptr = NULL;

        assert_int_equal(posix_memalign(&ptr, 64, hidden_size(impossible[i])), ENOMEM);
        check(errno == ERRNO_MARK, "posix_memalign(64, %#zx): errno %d", impossible[i], errno);
    }
}

static void realloc_leaves_old_block(void **state)
{
    size_t old_size = (size_t)*state;
    unsigned char *ptr = malloc(old_size);

    assert_non_null(ptr);
    pattern_fill(ptr, old_size, 9);
    refuses_each(realloc(hidden(ptr), size));
    assert_true(pattern_mismatch(ptr, old_size, old_size, 9) == PATTERN_INTACT);
    ptr = realloc(ptr, old_size + 1);
    assert_non_null(ptr);
    assert_true(pattern_mismatch(ptr, old_size, old_size, 9) == PATTERN_INTACT);
    free(ptr);
}

static void reallocarray_leaves_old_block(void **state)
{
    size_t old_size = (size_t)*state;
    unsigned char *ptr = malloc(old_size);

    assert_non_null(ptr);
    pattern_fill(ptr, old_size, 9);
    refuses_each(reallocarray(hidden(ptr), 1, size));
    refuses_each(reallocarray(hidden(ptr), size, 1));
    refuses_each(reallocarray(hidden(ptr), size, 16));
    assert_true(pattern_mismatch(ptr, old_size, old_size, 9) == PATTERN_INTACT);
    free(ptr);
}

/* Products that wrap around to something small, to zero, or to just beyond PTRDIFF_MAX. */
static const size_t products[][2] = {
    {SIZE_MAX, 2},
    {2, SIZE_MAX},
    {SIZE_MAX, SIZE_MAX},
    {SIZE_MAX / 2 + 1, 2},
    {2, SIZE_MAX / 2 + 1},
    {(size_t)1 << 32, (size_t)1 << 32},
    {((size_t)1 << 32) + 1, (size_t)1 << 32},
    {(size_t)1 << 63, 16},
    {SIZE_MAX / 16 + 2, 16},
    {SIZE_MAX / 3 + 1, 3},
    {PTRDIFF_MAX, 2},
    {(size_t)1 << 31, (size_t)1 << 32},
    {((size_t)1 << 16) + 1, (size_t)1 << 48},
};

enum { PRODUCTS = sizeof products / sizeof products[0] };

static void calloc_refuses_products(void **state)
{
    (void)state;
    for (size_t i = 0; i < PRODUCTS; i++) {
        errno = 0;
        void *ptr = calloc(hidden_size(products[i][0]), hidden_size(products[i][1]));

        check(ptr == NULL, "calloc(%#zx, %#zx) is %p", products[i][0], products[i][1], ptr);
        check(errno == ENOMEM, "calloc(%#zx, %#zx): errno %d", products[i][0], products[i][1],
              errno);
    }
}

static void reallocarray_refuses_products(void **state)
{
    (void)state;
    unsigned char *ptr = malloc(100);

    assert_non_null(ptr);
    pattern_fill(ptr, 100, 3);
    for (size_t i = 0; i < PRODUCTS; i++) {
        size_t count = hidden_size(products[i][0]);
        size_t size = hidden_size(products[i][1]);

        errno = 0;
        check(reallocarray(hidden(ptr), count, size) == NULL, "reallocarray(p, %#zx, %#zx)", count,
              size);
        check(errno == ENOMEM, "reallocarray(p, %#zx, %#zx): errno %d", count, size, errno);
        errno = 0;
        check(reallocarray(hidden(NULL), count, size) == NULL, "reallocarray(NULL, %#zx, %#zx)",
              count, size);
        check(errno == ENOMEM, "reallocarray(NULL, %#zx, %#zx): errno %d", count, size, errno);
    }
    assert_true(pattern_mismatch(ptr, 100, 100, 3) == PATTERN_INTACT);
    free(ptr);
}

/* The size is modest, the alignment is not: the sum or the mask overflows. */
static void huge_alignments_are_refused(void **state)
{
    size_t align = (size_t)1 << (size_t)*state;
    static const size_t sizes[] = {1, 16, 4096, (size_t)1 << 20, (size_t)1 << 40};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = hidden_size(sizes[i]);
        void *ptr = &ptr;

        errno = 0;
        check(aligned_alloc(align, size) == NULL, "aligned_alloc(%#zx, %zu)", align, size);
        check(errno == ENOMEM, "aligned_alloc(%#zx, %zu): errno %d", align, size, errno);
        errno = 0;
        check(memalign(align, size) == NULL, "memalign(%#zx, %zu)", align, size);
        check(errno == ENOMEM, "memalign(%#zx, %zu): errno %d", align, size, errno);
        int error = posix_memalign(&ptr, align, size);

        check(error == ENOMEM, "posix_memalign(%#zx, %zu): %d", align, size, error);
        check(ptr == &ptr, "posix_memalign(%#zx, %zu) writes %p", align, size, ptr);
    }
}

/* glibc refuses what cannot be rounded up to a power of two, whatever the size. */
static void memalign_beyond_last_power(void **state)
{
    (void)state;
    errno = 0;
    assert_null(memalign(hidden_size(SIZE_MAX / 2 + 2), 16));
    assert_true(errno == EINVAL || errno == ENOMEM);
    errno = 0;
    assert_null(memalign(hidden_size(SIZE_MAX), 16));
    assert_true(errno == EINVAL || errno == ENOMEM);
}

static void rounding_up_overflows(void **state)
{
    size_t align = (size_t)*state;

    for (size_t less = 1; less <= align; less += less) {
        size_t size = hidden_size(SIZE_MAX - align + less);

        errno = 0;
        check(memalign(align, size) == NULL, "memalign(%zu, %#zx)", align, size);
        check(errno == ENOMEM, "memalign(%zu, %#zx): errno %d", align, size, errno);
        size = hidden_size((size_t)PTRDIFF_MAX - align + less);
        errno = 0;
        check(aligned_alloc(align, size) == NULL, "aligned_alloc(%zu, %#zx)", align, size);
        check(errno == ENOMEM, "aligned_alloc(%zu, %#zx): errno %d", align, size, errno);
    }
}

static void pvalloc_rounding_overflows(void **state)
{
    (void)state;
    for (size_t less = 0; less < 4096; less += 455) {
        errno = 0;
        check(pvalloc(hidden_size(SIZE_MAX - less)) == NULL, "pvalloc(SIZE_MAX - %zu)", less);
        check(errno == ENOMEM, "pvalloc(SIZE_MAX - %zu): errno %d", less, errno);
        errno = 0;
        check(pvalloc(hidden_size(PTRDIFF_MAX - less)) == NULL, "pvalloc(PTRDIFF_MAX - %zu)", less);
        check(errno == ENOMEM, "pvalloc(PTRDIFF_MAX - %zu): errno %d", less, errno);
    }
}

/* A refusal costs nothing that lasts. */
static void refusals_leak_nothing(void **state)
{
    (void)state;
    size_t virtual_before = virtual_bytes();
    size_t resident_before = resident_bytes();

    for (size_t i = 0; i < 20000; i++) {
        size_t size = hidden_size(impossible[i % IMPOSSIBLE]);

        assert_null(malloc(size));
        assert_null(calloc(size, 3));
        assert_null(memalign(4096, size));
    }
    size_t virtual_after = virtual_bytes();
    size_t resident_after = resident_bytes();

    check(virtual_after <= virtual_before + ((size_t)64 << 20), "address space: %zu to %zu",
          virtual_before, virtual_after);
    check(resident_after <= resident_before + ((size_t)1 << 20), "RSS: %zu to %zu", resident_before,
          resident_after);
    void *ptr = malloc(100);

    assert_non_null(ptr);
    free(ptr);
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(malloc_refuses),
        cmocka_unit_test(calloc_refuses_one_of),
        cmocka_unit_test(calloc_refuses_many_of_one),
        cmocka_unit_test(calloc_refuses_products),
        cmocka_unit_test(realloc_refuses_null),
        named_check("realloc_leaves_old_block_small", realloc_leaves_old_block, 100),
        named_check("realloc_leaves_old_block_medium", realloc_leaves_old_block, 50000),
        named_check("realloc_leaves_old_block_large", realloc_leaves_old_block, 1000000),
        named_check("realloc_leaves_old_block_huge", realloc_leaves_old_block, 40000000),
        named_check("reallocarray_leaves_old_block_small", reallocarray_leaves_old_block, 100),
        named_check("reallocarray_leaves_old_block_huge", reallocarray_leaves_old_block, 40000000),
        cmocka_unit_test(reallocarray_refuses_products),
        cmocka_unit_test(valloc_refuses),
        cmocka_unit_test(pvalloc_refuses),
        cmocka_unit_test(pvalloc_rounding_overflows),
        named_check("memalign_refuses_at_16", memalign_refuses, 16),
        named_check("memalign_refuses_at_4096", memalign_refuses, 4096),
        named_check("memalign_refuses_at_4_mib", memalign_refuses, 4 << 20),
        named_check("aligned_alloc_refuses_at_16", aligned_alloc_refuses, 16),
        named_check("aligned_alloc_refuses_at_64", aligned_alloc_refuses, 64),
        named_check("aligned_alloc_refuses_at_4096", aligned_alloc_refuses, 4096),
        named_check("aligned_alloc_refuses_at_4_mib", aligned_alloc_refuses, 4 << 20),
        named_check("posix_memalign_refuses_at_8", posix_memalign_refuses, 8),
        named_check("posix_memalign_refuses_at_64", posix_memalign_refuses, 64),
        named_check("posix_memalign_refuses_at_4096", posix_memalign_refuses, 4096),
        named_check("posix_memalign_refuses_at_4_mib", posix_memalign_refuses, 4 << 20),
        cmocka_unit_test(posix_memalign_refusal_keeps_errno),
        named_check("huge_alignments_are_refused_2_47", huge_alignments_are_refused, 47),
        named_check("huge_alignments_are_refused_2_61", huge_alignments_are_refused, 61),
        named_check("huge_alignments_are_refused_2_62", huge_alignments_are_refused, 62),
        named_check("huge_alignments_are_refused_2_63", huge_alignments_are_refused, 63),
        cmocka_unit_test(memalign_beyond_last_power),
        named_check("rounding_up_overflows_at_32", rounding_up_overflows, 32),
        named_check("rounding_up_overflows_at_4096", rounding_up_overflows, 4096),
        named_check("rounding_up_overflows_at_2_mib", rounding_up_overflows, 2 << 20),
        cmocka_unit_test(refusals_leak_nothing),
    };

    require_cairn_if_expected();
    return run_checks("limits", checks);
}
