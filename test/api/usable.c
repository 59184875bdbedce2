/* SPDX-License-Identifier: MIT */
/*
 * malloc_usable_size: at least what was asked for, the same for the whole life of the block, and a
 * promise: all of it may be written, and realloc keeps what was written there.
 */
#include "api/check.h"
#include "api/names.h"
#include "property/pattern.h"

static void null_has_none(void **state)
{
    (void)state;
    assert_int_equal(malloc_usable_size(hidden(NULL)), 0);
}

static void at_least_what_was_asked(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 25);

    for (size_t size = 0; size <= 4096; size++) {
        void *ptr = malloc(size);

        check(malloc_usable_size(ptr) >= size, "%zu: %zu", size, malloc_usable_size(ptr));
        free(ptr);
    }
    for (size_t i = 0; i < sizes.count; i++) {
        void *ptr = malloc(sizes.at[i]);

        check(malloc_usable_size(ptr) >= sizes.at[i], "%zu: %zu", sizes.at[i],
              malloc_usable_size(ptr));
        free(ptr);
    }
}

static void same_for_calloc_and_realloc(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 22);

    for (size_t i = 0; i < sizes.count; i++) {
        void *zeroed = calloc(1, sizes.at[i]);
        void *resized = realloc(malloc(1), sizes.at[i]);

        check(malloc_usable_size(zeroed) >= sizes.at[i], "calloc of %zu", sizes.at[i]);
        check(malloc_usable_size(resized) >= sizes.at[i], "realloc to %zu", sizes.at[i]);
        free(zeroed);
        free(resized);
    }
}

/* It must not depend on what is written, nor on what happens to other blocks. */
static void constant_for_life(void **state)
{
    enum { OTHERS = 200 };
    size_t size = (size_t)*state;
    static void *others[OTHERS];
    unsigned char *ptr = malloc(size);
    size_t usable = malloc_usable_size(ptr);

    assert_non_null(ptr);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < OTHERS; i++) {
            others[i] = malloc(size < 100000 ? size : 100000);
        }
        check(malloc_usable_size(ptr) == usable, "%zu became %zu", usable, malloc_usable_size(ptr));
        memset(ptr, 0xFF, usable);
        check(malloc_usable_size(ptr) == usable, "%zu became %zu", usable, malloc_usable_size(ptr));
        for (size_t i = 0; i < OTHERS; i++) {
            free(others[i]);
        }
        memset(ptr, 0, usable);
        check(malloc_usable_size(ptr) == usable, "%zu became %zu", usable, malloc_usable_size(ptr));
    }
    free(ptr);
}

/* Every block is filled to its usable size with bytes of its own; none may change. */
static void fully_writable(void **state)
{
    enum { BLOCKS = 200 };
    size_t size = (size_t)*state;
    size_t count = size <= 100000 ? BLOCKS : 8;
    static unsigned char *blocks[BLOCKS];

    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        check(blocks[i] != NULL, "malloc(%zu) is NULL", size);
        pattern_fill(blocks[i], malloc_usable_size(blocks[i]), i + 1);
    }
    for (size_t i = 0; i < count; i++) {
        size_t usable = malloc_usable_size(blocks[i]);
        size_t offset = pattern_mismatch(blocks[i], usable, usable, i + 1);

        check(offset == PATTERN_INTACT, "block %zu: byte %zu of %zu changed", i, offset, usable);
        free(blocks[i]);
    }
}

/* The caller may have used all of it: realloc carries the usable bytes, not the requested ones. */
static void realloc_keeps_usable_bytes(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 23);

    for (size_t i = 0; i < sizes.count; i++) {
        unsigned char *ptr = malloc(sizes.at[i]);
        size_t usable = malloc_usable_size(ptr);

        check(ptr != NULL, "malloc(%zu) is NULL", sizes.at[i]);
        pattern_fill(ptr, usable, i);
        ptr = realloc(ptr, usable * 2);
        check(ptr != NULL, "realloc to %zu is NULL", usable * 2);
        check(pattern_mismatch(ptr, usable, usable, i) == PATTERN_INTACT,
              "malloc(%zu), usable %zu: realloc lost a byte", sizes.at[i], usable);
        free(ptr);
    }
}

static void realloc_to_usable_size(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes((size_t)1 << 22);

    for (size_t i = 0; i < sizes.count; i++) {
        unsigned char *ptr = malloc(sizes.at[i]);
        size_t usable = malloc_usable_size(ptr);

        pattern_fill(ptr, usable, i);
        ptr = realloc(ptr, usable);
        check(ptr != NULL, "realloc to %zu is NULL", usable);
        check(malloc_usable_size(ptr) >= usable, "%zu became %zu", usable, malloc_usable_size(ptr));
        check(pattern_mismatch(ptr, usable, usable, i) == PATTERN_INTACT, "a byte of %zu", usable);
        free(ptr);
    }
}

static void aligned_blocks_have_it(void **state)
{
    (void)state;
    for (size_t align = 16; align <= (size_t)1 << 20; align *= 2) {
        for (size_t size = 1; size <= align * 2; size = size * 3 + 1) {
            unsigned char *ptr = aligned_alloc(align, size);
            size_t usable = malloc_usable_size(ptr);

            check(usable >= size, "aligned_alloc(%zu, %zu): %zu", align, size, usable);
            memset(ptr, 1, usable);
            check(malloc_usable_size(ptr) == usable, "%zu changed", usable);
            free(ptr);
        }
    }
}

static void errno_stays(void **state)
{
    (void)state;
    void *ptr = malloc(100);

    errno = ERRNO_MARK;
    malloc_usable_size(ptr);
    malloc_usable_size(hidden(NULL));
    assert_int_equal(errno, ERRNO_MARK);
    free(ptr);
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(null_has_none),
        cmocka_unit_test(at_least_what_was_asked),
        cmocka_unit_test(same_for_calloc_and_realloc),
        named_check("constant_for_life_0", constant_for_life, 0),
        named_check("constant_for_life_24", constant_for_life, 24),
        named_check("constant_for_life_1000", constant_for_life, 1000),
        named_check("constant_for_life_30000", constant_for_life, 30000),
        named_check("constant_for_life_300000", constant_for_life, 300000),
        named_check("constant_for_life_20000000", constant_for_life, 20000000),
        named_check("fully_writable_0", fully_writable, 0),
        named_check("fully_writable_1", fully_writable, 1),
        named_check("fully_writable_17", fully_writable, 17),
        named_check("fully_writable_120", fully_writable, 120),
        named_check("fully_writable_513", fully_writable, 513),
        named_check("fully_writable_2049", fully_writable, 2049),
        named_check("fully_writable_33000", fully_writable, 33000),
        named_check("fully_writable_140000", fully_writable, 140000),
        named_check("fully_writable_1100000", fully_writable, 1100000),
        named_check("fully_writable_17000000", fully_writable, 17000000),
        cmocka_unit_test(realloc_keeps_usable_bytes),
        cmocka_unit_test(realloc_to_usable_size),
        cmocka_unit_test(aligned_blocks_have_it),
        cmocka_unit_test(errno_stays),
    };

    require_cairn_if_expected();
    return run_checks("usable", checks);
}
