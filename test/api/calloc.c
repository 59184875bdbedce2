/* SPDX-License-Identifier: MIT */
/*
 * calloc: every byte is zero, whatever lay there before, in each size range; products and zeroes.
 */
#include "api/check.h"
#include "api/names.h"
#include "property/pattern.h"

static void check_zero(const unsigned char *ptr, size_t size)
{
    check(ptr != NULL, "calloc of %zu bytes is NULL", size);
    size_t offset = pattern_nonzero(ptr, size);

    check(offset == PATTERN_INTACT, "calloc of %zu bytes: byte %zu is %d", size, offset,
          ptr[offset]);
}

static void fresh_memory_is_zero(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 23);

    for (size_t i = 0; i < sizes.count; i++) {
        unsigned char *ptr = calloc(1, sizes.at[i]);

        check_zero(ptr, sizes.at[i]);
        free(ptr);
    }
}

/* Many blocks dirty, freed in two orders, and taken again by calloc. */
static void dirty_memory_is_zeroed(void **state)
{
    enum { BLOCKS_MAX = 512 };
    size_t size = (size_t)*state;
    static unsigned char *blocks[BLOCKS_MAX];
    size_t count = ((size_t)24 << 20) / size;

    count = count > BLOCKS_MAX ? BLOCKS_MAX : count;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < count; i++) {
            blocks[i] = malloc(size);
            check(blocks[i] != NULL, "malloc(%zu) is NULL", size);
            memset(blocks[i], 0xFF, size);
        }
        for (size_t i = 0; i < count; i++) {
            free(blocks[round == 1 ? count - 1 - i : i]);
        }
        for (size_t i = 0; i < count; i++) {
            blocks[i] = calloc(1, size);
            check_zero(blocks[i], size);
            memset(blocks[i], 0xFF, size);
        }
        for (size_t i = 0; i < count; i++) {
            free(blocks[i]);
        }
    }
}

/* One block at a time: what was just freed comes back at once. */
static void last_freed_is_zeroed(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 23);

    for (size_t i = 0; i < sizes.count; i++) {
        size_t size = sizes.at[i];
        unsigned char *ptr = malloc(size);

        check(ptr != NULL, "malloc(%zu) is NULL", size);
        memset(ptr, 0xFF, malloc_usable_size(ptr));
        free(ptr);
        ptr = calloc(1, size);
        check_zero(ptr, size);
        free(ptr);
    }
}

/* A large dirty block is freed and cut into small ones, and small ones join to a large one. */
static void other_sizes_reuse_is_zeroed(void **state)
{
    enum { PARTS = 64 };
    (void)state;
    size_t whole = (size_t)4 << 20;
    unsigned char *parts[PARTS];

    for (int round = 0; round < 3; round++) {
        unsigned char *ptr = malloc(whole);

        assert_non_null(ptr);
        memset(ptr, 0xFF, whole);
        free(ptr);
        for (size_t i = 0; i < PARTS; i++) {
            parts[i] = calloc(1, whole / PARTS);
            check_zero(parts[i], whole / PARTS);
            memset(parts[i], 0xFF, whole / PARTS);
        }
        for (size_t i = 0; i < PARTS; i++) {
            free(parts[i]);
        }
        ptr = calloc(1, whole);
        check_zero(ptr, whole);
        free(ptr);
    }
}

static void after_shrunk_realloc_is_zeroed(void **state)
{
    (void)state;
    for (size_t size = 64; size <= (size_t)8 << 20; size *= 2) {
        unsigned char *ptr = malloc(size);

        check(ptr != NULL, "malloc(%zu) is NULL", size);
        memset(ptr, 0xFF, size);
        unsigned char *shrunk = realloc(ptr, size / 2);
        unsigned char *other = calloc(1, size / 2);

        check(shrunk != NULL, "realloc to %zu is NULL", size / 2);
        check_zero(other, size / 2);
        free(shrunk);
        free(other);
    }
}

static void after_aligned_is_zeroed(void **state)
{
    (void)state;
    for (size_t size = 64; size <= (size_t)4 << 20; size *= 2) {
        unsigned char *ptr = aligned_alloc(4096, size);

        check(ptr != NULL, "aligned_alloc(4096, %zu) is NULL", size);
        memset(ptr, 0xFF, size);
        free(ptr);
        ptr = calloc(1, size);
        check_zero(ptr, size);
        free(ptr);
    }
}

static void zero_product_is_a_block(void **state)
{
    (void)state;
    void *none_of_some = calloc(hidden_size(0), 10);
    void *some_of_none = calloc(10, hidden_size(0));
    void *none_of_none = calloc(hidden_size(0), hidden_size(0));
    void *most_of_none = calloc(hidden_size(SIZE_MAX), hidden_size(0));

    assert_non_null(none_of_some);
    assert_non_null(some_of_none);
    assert_non_null(none_of_none);
    assert_non_null(most_of_none);
    assert_ptr_not_equal(none_of_some, some_of_none);
    free(none_of_some);
    free(some_of_none);
    free(none_of_none);
    free(most_of_none);
}

static void product_is_granted(void **state)
{
    (void)state;
    static const size_t factors[][2] = {
        {1, 1}, {3, 5}, {16, 16}, {7, 1001}, {4096, 3}, {1000, 1000}, {65536, 65}, {2, 4000000},
    };

    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        size_t size = factors[i][0] * factors[i][1];
        unsigned char *ptr = calloc(factors[i][0], factors[i][1]);

        check_zero(ptr, size);
        check(malloc_usable_size(ptr) >= size, "usable size of %zu", size);
        memset(ptr, 1, size);
        free(ptr);
    }
}

static void sizes_to_4096_are_aligned(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 4096; size++) {
        void *ptr = calloc(1, size);

        check(ptr != NULL, "calloc of %zu bytes is NULL", size);
        check((uintptr_t)ptr % 16 == 0, "calloc of %zu bytes is %p", size, ptr);
        free(ptr);
    }
}

static void calloc_keeps_errno(void **state)
{
    size_t size = (size_t)*state;

    errno = ERRNO_MARK;
    void *ptr = calloc(1, size);
    int left = errno;

    assert_non_null(ptr);
    free(ptr);
    assert_int_equal(left, ERRNO_MARK);
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(fresh_memory_is_zero),
        named_check("dirty_memory_is_zeroed_8", dirty_memory_is_zeroed, 8),
        named_check("dirty_memory_is_zeroed_16", dirty_memory_is_zeroed, 16),
        named_check("dirty_memory_is_zeroed_100", dirty_memory_is_zeroed, 100),
        named_check("dirty_memory_is_zeroed_512", dirty_memory_is_zeroed, 512),
        named_check("dirty_memory_is_zeroed_513", dirty_memory_is_zeroed, 513),
        named_check("dirty_memory_is_zeroed_2048", dirty_memory_is_zeroed, 2048),
        named_check("dirty_memory_is_zeroed_2049", dirty_memory_is_zeroed, 2049),
        named_check("dirty_memory_is_zeroed_10000", dirty_memory_is_zeroed, 10000),
        named_check("dirty_memory_is_zeroed_40000", dirty_memory_is_zeroed, 40000),
        named_check("dirty_memory_is_zeroed_131072", dirty_memory_is_zeroed, 131072),
        named_check("dirty_memory_is_zeroed_131073", dirty_memory_is_zeroed, 131073),
        named_check("dirty_memory_is_zeroed_500000", dirty_memory_is_zeroed, 500000),
        named_check("dirty_memory_is_zeroed_1_mib", dirty_memory_is_zeroed, 1 << 20),
        named_check("dirty_memory_is_zeroed_3_mib", dirty_memory_is_zeroed, 3 << 20),
        named_check("dirty_memory_is_zeroed_8_mib", dirty_memory_is_zeroed, 8 << 20),
        cmocka_unit_test(last_freed_is_zeroed),
        cmocka_unit_test(other_sizes_reuse_is_zeroed),
        cmocka_unit_test(after_shrunk_realloc_is_zeroed),
        cmocka_unit_test(after_aligned_is_zeroed),
        cmocka_unit_test(zero_product_is_a_block),
        cmocka_unit_test(product_is_granted),
        cmocka_unit_test(sizes_to_4096_are_aligned),
        named_check("calloc_keeps_errno_small", calloc_keeps_errno, 100),
        named_check("calloc_keeps_errno_large", calloc_keeps_errno, 1000000),
        named_check("calloc_keeps_errno_huge", calloc_keeps_errno, 40000000),
    };

    require_cairn_if_expected();
    return run_checks("calloc", checks);
}
