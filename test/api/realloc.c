/* SPDX-License-Identifier: MIT */
/*
 * realloc: contents are kept up to the smaller size, over every class and mechanism, upwards and
 * downwards; NULL and zero; blocks that were born aligned.
 */
#include "api/check.h"
#include "api/names.h"
#include "property/pattern.h"
#include "property/random.h"

static void check_kept(const unsigned char *ptr, size_t from, size_t to, uint64_t key)
{
    check(ptr != NULL, "realloc from %zu to %zu is NULL", from, to);
    size_t offset = pattern_mismatch(ptr, from, to, key);

    check(offset == PATTERN_INTACT, "realloc from %zu to %zu: byte %zu changed", from, to, offset);
}

static unsigned char *filled(size_t size, uint64_t key)
{
    unsigned char *ptr = malloc(size);

    check(ptr != NULL, "malloc(%zu) is NULL", size);
    pattern_fill(ptr, size, key);
    return ptr;
}

static void null_is_malloc(void **state)
{
    (void)state;
    unsigned char *ptr = realloc(hidden(NULL), 100);

    assert_non_null(ptr);
    memset(ptr, 1, 100);
    free(ptr);
}

static void null_and_zero_is_a_block(void **state)
{
    (void)state;
    void *ptr = realloc(hidden(NULL), hidden_size(0));

    assert_non_null(ptr);
    free(ptr);
}

static void zero_frees_and_gives_null(void **state)
{
    size_t size = (size_t)*state;

    assert_null(realloc(filled(size, 1), hidden_size(0)));
}

/* If realloc(p, 0) did not free, this would take 2 GB. */
static void zero_really_frees(void **state)
{
    (void)state;
    size_t before = resident_bytes();

    for (size_t i = 0; i < 2000; i++) {
        assert_null(realloc(filled((size_t)1 << 20, i), hidden_size(0)));
    }
    for (size_t i = 0; i < 200000; i++) {
        assert_null(realloc(filled(1000, i), hidden_size(0)));
    }
    size_t after = resident_bytes();

    check(after < before + ((size_t)64 << 20), "RSS went from %zu to %zu", before, after);
}

static void grows_over_each_border(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 25);
    unsigned char *ptr = filled(1, 1);
    size_t was = 1;

    for (size_t i = 0; i < sizes.count; i++) {
        ptr = realloc(ptr, sizes.at[i]);
        check_kept(ptr, was, was, i + 1);
        was = sizes.at[i];
        pattern_fill(ptr, was, i + 2);
    }
    free(ptr);
}

static void shrinks_over_each_border(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 25);
    size_t was = sizes.at[sizes.count - 1];
    unsigned char *ptr = filled(was, sizes.count);

    for (size_t i = sizes.count; i-- > 0;) {
        ptr = realloc(ptr, sizes.at[i]);
        check_kept(ptr, was, sizes.at[i], i + 1);
        was = sizes.at[i];
        pattern_fill(ptr, was, i);
    }
    free(ptr);
}

/* Each border size to each other one that is a few steps or many away. */
static void jumps_between_borders(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 21);

    for (size_t i = 0; i < sizes.count; i += 2) {
        for (size_t j = i % 7; j < sizes.count; j += 7) {
            unsigned char *ptr = realloc(filled(sizes.at[i], i), sizes.at[j]);

            check_kept(ptr, sizes.at[i], sizes.at[j], i);
            free(ptr);
        }
    }
}

static void grows_byte_by_byte(void **state)
{
    (void)state;
    unsigned char *ptr = NULL;

    for (size_t size = 1; size <= 6000; size++) {
        ptr = realloc(ptr, size);
        check_kept(ptr, size - 1, size - 1, 5);
        pattern_fill(ptr, size, 5);
    }
    free(ptr);
}

static void shrinks_byte_by_byte(void **state)
{
    (void)state;
    unsigned char *ptr = filled(6000, 5);

    for (size_t size = 5999; size >= 1; size--) {
        ptr = realloc(ptr, size);
        check_kept(ptr, 6000, size, 5);
    }
    free(ptr);
}

static void doubles_to_64_mib_and_back(void **state)
{
    (void)state;
    unsigned char *ptr = filled(16, 1);
    size_t size = 16;

    for (; size < (size_t)64 << 20; size *= 2) {
        ptr = realloc(ptr, size * 2);
        check_kept(ptr, size, size, 1);
        pattern_fill(ptr, size * 2, 1);
    }
    for (; size > 16; size /= 2) {
        ptr = realloc(ptr, size / 2);
        check_kept(ptr, size, size / 2, 1);
        pattern_fill(ptr, size / 2, 1);
    }
    free(ptr);
}

static void same_size_keeps_contents(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 24);

    for (size_t i = 0; i < sizes.count; i++) {
        unsigned char *ptr = realloc(filled(sizes.at[i], i), sizes.at[i]);

        check_kept(ptr, sizes.at[i], sizes.at[i], i);
        free(ptr);
    }
}

/* A block between two others grows and shrinks: the others must not notice. */
static void neighbours_stay_intact(void **state)
{
    size_t size = (size_t)*state;
    unsigned char *left = filled(size, 1);
    unsigned char *middle = filled(size, 2);
    unsigned char *right = filled(size, 3);

    for (size_t to = size + 1; to < size * 6; to += to / 5 + 1) {
        middle = realloc(middle, to);
        check_kept(middle, size, size, 2);
        memset(middle, 0xFF, to);
        middle = realloc(middle, size);
        assert_non_null(middle);
        pattern_fill(middle, size, 2);
        check_kept(left, size, size, 1);
        check_kept(right, size, size, 3);
    }
    free(left);
    free(middle);
    free(right);
}

static void aligned_blocks_can_be_resized(void **state)
{
    size_t align = (size_t)*state;

    for (size_t size = align; size <= align * 4; size += align) {
        for (size_t to = 1; to <= align * 16; to *= 4) {
            unsigned char *ptr = aligned_alloc(align, size);

            check(ptr != NULL, "aligned_alloc(%zu, %zu) is NULL", align, size);
            pattern_fill(ptr, size, size);
            ptr = realloc(ptr, to);
            check_kept(ptr, size, to, size);
            check((uintptr_t)ptr % 16 == 0, "realloc to %zu is %p", to, (void *)ptr);
            free(ptr);
        }
    }
}

static void zeroed_blocks_stay_zero(void **state)
{
    (void)state;
    for (size_t size = 16; size <= (size_t)4 << 20; size *= 2) {
        unsigned char *ptr = calloc(1, size);

        check(ptr != NULL, "calloc of %zu bytes is NULL", size);
        ptr = realloc(ptr, size * 2);
        check(ptr != NULL, "realloc to %zu is NULL", size * 2);
        check(pattern_nonzero(ptr, size) == PATTERN_INTACT, "a byte of %zu is not zero", size);
        free(ptr);
    }
}

static void result_is_aligned(void **state)
{
    (void)state;
    void *ptr = NULL;

    for (size_t size = 1; size <= 100000; size += 1 + size / 50) {
        ptr = realloc(ptr, size);
        check(ptr != NULL, "realloc to %zu is NULL", size);
        check((uintptr_t)ptr % 16 == 0, "realloc to %zu is %p", size, ptr);
    }
    free(ptr);
}

static void random_walk_keeps_contents(void **state)
{
    enum { SLOTS = 64, STEPS = 20000 };
    struct random random = random_seeded((uintptr_t)*state, 0);
    static unsigned char *blocks[SLOTS];
    static size_t sizes[SLOTS];

    memset(blocks, 0, sizeof blocks);
    for (size_t step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, SLOTS);
        unsigned high = random_percent(&random, 3) ? 21 : 14;
        size_t size = random_log_uniform(&random, 0, high);

        if (blocks[i] == NULL) {
            blocks[i] = filled(size, i);
        } else {
            blocks[i] = realloc(blocks[i], size);
            check_kept(blocks[i], sizes[i], size, i);
            pattern_fill(blocks[i], size, i);
        }
        sizes[i] = size;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        free(blocks[i]);
    }
}

static void realloc_keeps_errno(void **state)
{
    size_t size = (size_t)*state;
    void *ptr = malloc(size);

    assert_non_null(ptr);
    errno = ERRNO_MARK;
    void *grown = realloc(ptr, size * 3);
    void *shrunk = realloc(grown, size / 2);
    int left = errno;

    assert_non_null(grown);
    assert_non_null(shrunk);
    free(shrunk);
    assert_int_equal(left, ERRNO_MARK);
}

static void zero_keeps_errno(void **state)
{
    size_t size = (size_t)*state;
    void *ptr = filled(size, 1);

    errno = ERRNO_MARK;
    void *none = realloc(ptr, hidden_size(0));

    assert_null(none);
    assert_int_equal(errno, ERRNO_MARK);
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(null_is_malloc),
        cmocka_unit_test(null_and_zero_is_a_block),
        named_check("zero_frees_and_gives_null_small", zero_frees_and_gives_null, 100),
        named_check("zero_frees_and_gives_null_medium", zero_frees_and_gives_null, 50000),
        named_check("zero_frees_and_gives_null_large", zero_frees_and_gives_null, 1000000),
        named_check("zero_frees_and_gives_null_huge", zero_frees_and_gives_null, 40000000),
        cmocka_unit_test(zero_really_frees),
        cmocka_unit_test(grows_over_each_border),
        cmocka_unit_test(shrinks_over_each_border),
        cmocka_unit_test(jumps_between_borders),
        cmocka_unit_test(grows_byte_by_byte),
        cmocka_unit_test(shrinks_byte_by_byte),
        cmocka_unit_test(doubles_to_64_mib_and_back),
        cmocka_unit_test(same_size_keeps_contents),
        named_check("neighbours_stay_intact_40", neighbours_stay_intact, 40),
        named_check("neighbours_stay_intact_3000", neighbours_stay_intact, 3000),
        named_check("neighbours_stay_intact_65536", neighbours_stay_intact, 65536),
        named_check("neighbours_stay_intact_200000", neighbours_stay_intact, 200000),
        named_check("neighbours_stay_intact_3_mib", neighbours_stay_intact, 3 << 20),
        named_check("aligned_blocks_can_be_resized_32", aligned_blocks_can_be_resized, 32),
        named_check("aligned_blocks_can_be_resized_64", aligned_blocks_can_be_resized, 64),
        named_check("aligned_blocks_can_be_resized_256", aligned_blocks_can_be_resized, 256),
        named_check("aligned_blocks_can_be_resized_4096", aligned_blocks_can_be_resized, 4096),
        named_check("aligned_blocks_can_be_resized_65536", aligned_blocks_can_be_resized, 65536),
        named_check("aligned_blocks_can_be_resized_2_mib", aligned_blocks_can_be_resized, 2 << 20),
        cmocka_unit_test(zeroed_blocks_stay_zero),
        cmocka_unit_test(result_is_aligned),
        named_check("random_walk_keeps_contents_1", random_walk_keeps_contents, 1),
        named_check("random_walk_keeps_contents_2", random_walk_keeps_contents, 2),
        named_check("realloc_keeps_errno_small", realloc_keeps_errno, 100),
        named_check("realloc_keeps_errno_medium", realloc_keeps_errno, 50000),
        named_check("realloc_keeps_errno_large", realloc_keeps_errno, 1000000),
        named_check("realloc_keeps_errno_huge", realloc_keeps_errno, 40000000),
        named_check("zero_keeps_errno_small", zero_keeps_errno, 100),
        named_check("zero_keeps_errno_huge", zero_keeps_errno, 40000000),
    };

    require_cairn_if_expected();
    return run_checks("realloc", checks);
}
