/* SPDX-License-Identifier: MIT */
/*
 * malloc and free: zero sizes, alignment of every size, blocks that can be written to their last
 * byte and do not touch each other, and an errno that stays.
 */
#include "api/check.h"
#include "api/names.h"
#include "property/pattern.h"

enum { ZEROES = 1000, BATCH = 2000 };

static void zero_size_is_a_block(void **state)
{
    (void)state;
    void *ptr = malloc(hidden_size(0));

    assert_non_null(ptr);
    free(ptr);
}

static int compare_pointers(const void *left, const void *right)
{
    uintptr_t a = *(const uintptr_t *)left;
    uintptr_t b = *(const uintptr_t *)right;

    return a < b ? -1 : a > b;
}

static void zero_sizes_are_distinct(void **state)
{
    (void)state;
    static void *blocks[ZEROES];

    for (size_t i = 0; i < ZEROES; i++) {
        blocks[i] = malloc(hidden_size(0));
        check(blocks[i] != NULL, "malloc(0) number %zu is NULL", i);
    }
    qsort(blocks, ZEROES, sizeof blocks[0], compare_pointers);
    for (size_t i = 0; i < ZEROES; i++) {
        check(i == 0 || blocks[i] != blocks[i - 1], "%p was handed out twice", blocks[i]);
        free(blocks[i]);
    }
}

static void check_aligned(size_t size)
{
    void *ptr = malloc(size);

    check(ptr != NULL, "malloc(%zu) is NULL", size);
    check((uintptr_t)ptr % 16 == 0, "malloc(%zu) is %p, not aligned to 16", size, ptr);
    free(ptr);
}

static void sizes_to_4096_are_aligned(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 4096; size++) {
        check_aligned(size);
    }
}

/* A block that is freed at once may be the same each time: keep them. */
static void kept_sizes_to_4096_are_aligned(void **state)
{
    (void)state;
    static void *blocks[4097];

    for (size_t size = 1; size <= 4096; size++) {
        blocks[size] = malloc(size);
        check((uintptr_t)blocks[size] % 16 == 0, "malloc(%zu) is %p", size, blocks[size]);
    }
    for (size_t size = 1; size <= 4096; size++) {
        free(blocks[size]);
    }
}

static void class_borders_are_aligned(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 25);

    for (size_t i = 0; i < sizes.count; i++) {
        check_aligned(sizes.at[i]);
    }
}

static void steps_to_1_mib_are_aligned(void **state)
{
    (void)state;
    for (size_t size = 4096; size <= (size_t)1 << 20; size += 509) {
        check_aligned(size);
    }
}

static void every_byte_is_writable(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 24);

    for (size_t i = 0; i < sizes.count; i++) {
        unsigned char *ptr = malloc(sizes.at[i]);

        check(ptr != NULL, "malloc(%zu) is NULL", sizes.at[i]);
        memset(ptr, 0xA5, sizes.at[i]);
        check(ptr[sizes.at[i] - 1] == 0xA5, "the last byte of %zu", sizes.at[i]);
        free(ptr);
    }
}

/* All alive at once, each with its own bytes: an overlap shows as a changed byte. */
static void blocks_are_disjoint(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 20);
    static unsigned char *blocks[BORDER_SIZES_MAX];

    for (size_t i = 0; i < sizes.count; i++) {
        blocks[i] = malloc(sizes.at[i]);
        check(blocks[i] != NULL, "malloc(%zu) is NULL", sizes.at[i]);
        pattern_fill(blocks[i], sizes.at[i], i + 1);
    }
    for (size_t i = 0; i < sizes.count; i++) {
        size_t offset = pattern_mismatch(blocks[i], sizes.at[i], sizes.at[i], i + 1);

        check(offset == PATTERN_INTACT, "block of %zu: byte %zu changed", sizes.at[i], offset);
        free(blocks[i]);
    }
}

static void same_size_is_disjoint(void **state)
{
    size_t size = (size_t)*state;
    static unsigned char *blocks[BATCH];
    size_t count = size <= 4096 ? BATCH : BATCH / 40;

    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        check(blocks[i] != NULL, "malloc(%zu) is NULL", size);
        pattern_fill(blocks[i], size, i + 1);
    }
    for (size_t i = 0; i < count; i += 2) {
        free(blocks[i]);
    }
    for (size_t i = 0; i < count; i += 2) {
        blocks[i] = malloc(size);
        pattern_fill(blocks[i], size, i + 1);
    }
    for (size_t i = 0; i < count; i++) {
        size_t offset = pattern_mismatch(blocks[i], size, size, i + 1);

        check(offset == PATTERN_INTACT, "block %zu: byte %zu changed", i, offset);
        free(blocks[i]);
    }
}

static void freed_memory_is_used_again(void **state)
{
    size_t size = (size_t)*state;
    size_t rounds = ((size_t)8 << 30) / size;
    size_t before = resident_bytes();

    if (rounds > 200000) {
        rounds = 200000;
    }
    for (size_t i = 0; i < rounds; i++) {
        char *ptr = malloc(size);

        check(ptr != NULL, "malloc(%zu) number %zu is NULL", size, i);
        ptr[0] = ptr[size - 1] = 1;
        free(ptr);
    }
    size_t after = resident_bytes();

    /* The sum of all rounds is 3 MB to 8 GB; one block and a little are enough. */
    check(after <= before + size + ((size_t)16 << 20), "RSS went from %zu to %zu", before, after);
}

static void free_takes_null(void **state)
{
    (void)state;
    free(hidden(NULL));
}

static void free_null_keeps_errno(void **state)
{
    (void)state;
    errno = ERRNO_MARK;
    free(hidden(NULL));
    assert_int_equal(errno, ERRNO_MARK);
}

/* Also for blocks that go back to the kernel: munmap and madvise may set errno. */
static void free_keeps_errno(void **state)
{
    size_t size = (size_t)*state;
    char *ptr = malloc(size);

    assert_non_null(ptr);
    memset(ptr, 1, size);
    errno = ERRNO_MARK;
    free(ptr);
    assert_int_equal(errno, ERRNO_MARK);
}

static void malloc_keeps_errno(void **state)
{
    size_t size = (size_t)*state;
    void *blocks[16];

    errno = ERRNO_MARK;
    for (size_t i = 0; i < 16; i++) {
        blocks[i] = malloc(size);
    }
    int left = errno;

    for (size_t i = 0; i < 16; i++) {
        check(blocks[i] != NULL, "malloc(%zu) is NULL", size);
        free(blocks[i]);
    }
    assert_int_equal(left, ERRNO_MARK);
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(zero_size_is_a_block),
        cmocka_unit_test(zero_sizes_are_distinct),
        cmocka_unit_test(sizes_to_4096_are_aligned),
        cmocka_unit_test(kept_sizes_to_4096_are_aligned),
        cmocka_unit_test(class_borders_are_aligned),
        cmocka_unit_test(steps_to_1_mib_are_aligned),
        cmocka_unit_test(every_byte_is_writable),
        cmocka_unit_test(blocks_are_disjoint),
        named_check("same_size_is_disjoint_16", same_size_is_disjoint, 16),
        named_check("same_size_is_disjoint_48", same_size_is_disjoint, 48),
        named_check("same_size_is_disjoint_1000", same_size_is_disjoint, 1000),
        named_check("same_size_is_disjoint_4096", same_size_is_disjoint, 4096),
        named_check("same_size_is_disjoint_20000", same_size_is_disjoint, 20000),
        named_check("same_size_is_disjoint_200000", same_size_is_disjoint, 200000),
        named_check("same_size_is_disjoint_3000000", same_size_is_disjoint, 3000000),
        named_check("freed_memory_is_used_again_16", freed_memory_is_used_again, 16),
        named_check("freed_memory_is_used_again_3000", freed_memory_is_used_again, 3000),
        named_check("freed_memory_is_used_again_100000", freed_memory_is_used_again, 100000),
        named_check("freed_memory_is_used_again_1500000", freed_memory_is_used_again, 1500000),
        named_check("freed_memory_is_used_again_40000000", freed_memory_is_used_again, 40000000),
        cmocka_unit_test(free_takes_null),
        cmocka_unit_test(free_null_keeps_errno),
        named_check("free_keeps_errno_small", free_keeps_errno, 100),
        named_check("free_keeps_errno_medium", free_keeps_errno, 50000),
        named_check("free_keeps_errno_large", free_keeps_errno, 1000000),
        named_check("free_keeps_errno_huge", free_keeps_errno, 40000000),
        named_check("malloc_keeps_errno_zero", malloc_keeps_errno, 0),
        named_check("malloc_keeps_errno_small", malloc_keeps_errno, 100),
        named_check("malloc_keeps_errno_medium", malloc_keeps_errno, 50000),
        named_check("malloc_keeps_errno_large", malloc_keeps_errno, 1000000),
        named_check("malloc_keeps_errno_huge", malloc_keeps_errno, 40000000),
    };

    require_cairn_if_expected();
    return run_checks("basic", checks);
}
