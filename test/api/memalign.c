/* SPDX-License-Identifier: MIT */
/*
 * The older aligned functions, and what each does with an alignment that is none: posix_memalign
 * and aligned_alloc say EINVAL, memalign rounds up as glibc's does. valloc and pvalloc think in
 * pages of the system.
 */
#include "api/check.h"
#include "property/pattern.h"

#include <malloc.h>
#include <stdlib.h>

enum { ALIGN_POWERS = 24, NAME_MAX_SIZE = 40 };

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void check_block(unsigned char *ptr, size_t align, size_t size)
{
    check(ptr != NULL, "alignment %zu, size %zu: NULL", align, size);
    check((uintptr_t)ptr % align == 0, "alignment %zu, size %zu: %p", align, size, (void *)ptr);
    check(malloc_usable_size(ptr) >= size, "alignment %zu, size %zu: usable %zu", align, size,
          malloc_usable_size(ptr));
    pattern_fill(ptr, size, align);
    check(pattern_mismatch(ptr, size, size, align) == PATTERN_INTACT, "alignment %zu, size %zu",
          align, size);
}

static const size_t sizes[] = {0, 1, 24, 100, 4000, 4096, 4097, 70000, 200000, 1500000};

enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void posix_memalign_holds(void **state)
{
    size_t align = (size_t)*state;

    for (size_t i = 0; i < SIZES; i++) {
        void *ptr = NULL;

        errno = ERRNO_MARK;
        assert_int_equal(posix_memalign(&ptr, align, sizes[i]), 0);
        assert_int_equal(errno, ERRNO_MARK);
        check_block(ptr, align, sizes[i]);
        free(ptr);
    }
}

static void posix_memalign_says_einval(void **state)
{
    size_t align = (size_t)*state;
    void *ptr = &ptr;

    errno = ERRNO_MARK;
    assert_int_equal(posix_memalign(&ptr, hidden_size(align), 100), EINVAL);
    assert_ptr_equal(ptr, &ptr);
    assert_int_equal(errno, ERRNO_MARK);
    assert_int_equal(posix_memalign(&ptr, hidden_size(align), hidden_size(0)), EINVAL);
    assert_ptr_equal(ptr, &ptr);
}

/* EINVAL comes before ENOMEM: the alignment is wrong whatever the size. */
static void posix_memalign_einval_goes_first(void **state)
{
    (void)state;
    void *ptr = &ptr;

    assert_int_equal(posix_memalign(&ptr, hidden_size(24), hidden_size(SIZE_MAX)), EINVAL);
    assert_ptr_equal(ptr, &ptr);
}

static void posix_memalign_zero_is_a_block(void **state)
{
    (void)state;
    void *one = NULL;
    void *two = NULL;

    assert_int_equal(posix_memalign(&one, 64, hidden_size(0)), 0);
    assert_int_equal(posix_memalign(&two, 64, hidden_size(0)), 0);
    assert_non_null(one);
    assert_non_null(two);
    assert_ptr_not_equal(one, two);
    free(one);
    free(two);
}

/* glibc before 2.38 rounded up here as memalign does; C17 asks for failure. */
static void aligned_alloc_says_einval(void **state)
{
    size_t align = (size_t)*state;

    if (!cairn_expected()) {
        skip();
    }
    errno = 0;
    void *ptr = aligned_alloc(hidden_size(align), 96);

    assert_null(ptr);
    assert_int_equal(errno, EINVAL);
}

static void aligned_alloc_takes_any_size(void **state)
{
    (void)state;
    for (size_t size = 1; size < 300; size += 7) {
        void *ptr = aligned_alloc(128, size);

        check_block(ptr, 128, size);
        free(ptr);
    }
}

static void memalign_rounds_up(void **state)
{
    size_t align = (size_t)*state;
    size_t power = 16;

    while (power < align) {
        power *= 2;
    }
    for (size_t i = 0; i < SIZES; i++) {
        void *blocks[4];

        for (size_t j = 0; j < 4; j++) {
            blocks[j] = memalign(hidden_size(align), sizes[i]);
            check_block(blocks[j], power, sizes[i]);
        }
        for (size_t j = 0; j < 4; j++) {
            free(blocks[j]);
        }
    }
}

static void memalign_holds(void **state)
{
    size_t align = (size_t)*state;

    for (size_t i = 0; i < SIZES; i++) {
        void *ptr = memalign(align, sizes[i]);

        check_block(ptr, align, sizes[i]);
        check_block(ptr, 16, sizes[i]);
        free(ptr);
    }
}

static void valloc_gives_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        void *ptr = valloc(sizes[i]);

        check_block(ptr, page_size(), sizes[i]);
        free(ptr);
    }
}

/* The size is rounded up to whole pages: all of the last one may be written. */
static void pvalloc_gives_whole_pages(void **state)
{
    (void)state;
    for (size_t i = 1; i < SIZES; i++) {
        size_t whole = (sizes[i] + page_size() - 1) / page_size() * page_size();
        void *ptr = pvalloc(sizes[i]);

        check_block(ptr, page_size(), whole);
        free(ptr);
    }
}

static void pvalloc_zero_is_a_block(void **state)
{
    (void)state;
    void *ptr = pvalloc(hidden_size(0));

    check_block(ptr, page_size(), 0);
    free(ptr);
}

static void all_kinds_mix(void **state)
{
    enum { COUNT = 500 };
    (void)state;
    static unsigned char *blocks[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        size_t size = 1 + i * 61 % 5000;
        void *ptr = NULL;

        switch (i % 6) {
        case 0:
            ptr = malloc(size);
            break;
        case 1:
            ptr = memalign(256, size);
            break;
        case 2:
            ptr = valloc(size);
            break;
        case 3:
            ptr = pvalloc(size);
            break;
        case 4:
            ptr = aligned_alloc(32, size);
            break;
        default:
            assert_int_equal(posix_memalign(&ptr, 1024, size), 0);
            break;
        }
        blocks[i] = ptr;
        check(ptr != NULL, "block %zu is NULL", i);
        pattern_fill(ptr, size, i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = 1 + i * 61 % 5000;

        check(pattern_mismatch(blocks[i], size, size, i) == PATTERN_INTACT, "block %zu", i);
        free(blocks[i]);
    }
}

static void blocks_can_be_resized(void **state)
{
    (void)state;
    void *blocks[4] = {memalign(512, 1000), valloc(1000), pvalloc(1000), NULL};

    assert_int_equal(posix_memalign(&blocks[3], 4096, 1000), 0);
    for (size_t i = 0; i < 4; i++) {
        pattern_fill(blocks[i], 1000, i);
        for (size_t size = 2000; size < 3000000; size *= 5) {
            blocks[i] = realloc(blocks[i], size);
            check(blocks[i] != NULL, "realloc to %zu is NULL", size);
            check(pattern_mismatch(blocks[i], 1000, 1000, i) == PATTERN_INTACT, "block %zu", i);
        }
        free(blocks[i]);
    }
}

static void success_keeps_errno(void **state)
{
    (void)state;
    errno = ERRNO_MARK;
    void *blocks[] = {memalign(512, 1000), memalign(1 << 21, 5000000), valloc(1), pvalloc(1)};
    int left = errno;

    for (size_t i = 0; i < 4; i++) {
        assert_non_null(blocks[i]);
        free(blocks[i]);
    }
    assert_int_equal(left, ERRNO_MARK);
}

static const struct CMUnitTest single_checks[] = {
    named_check("posix_memalign_says_einval_0", posix_memalign_says_einval, 0),
    named_check("posix_memalign_says_einval_1", posix_memalign_says_einval, 1),
    named_check("posix_memalign_says_einval_2", posix_memalign_says_einval, 2),
    named_check("posix_memalign_says_einval_3", posix_memalign_says_einval, 3),
    named_check("posix_memalign_says_einval_4", posix_memalign_says_einval, 4),
    named_check("posix_memalign_says_einval_12", posix_memalign_says_einval, 12),
    named_check("posix_memalign_says_einval_24", posix_memalign_says_einval, 24),
    named_check("posix_memalign_says_einval_40", posix_memalign_says_einval, 40),
    named_check("posix_memalign_says_einval_4095", posix_memalign_says_einval, 4095),
    named_check("posix_memalign_says_einval_4097", posix_memalign_says_einval, 4097),
    named_check("posix_memalign_says_einval_max", posix_memalign_says_einval, SIZE_MAX),
    cmocka_unit_test(posix_memalign_einval_goes_first),
    cmocka_unit_test(posix_memalign_zero_is_a_block),
    named_check("aligned_alloc_says_einval_0", aligned_alloc_says_einval, 0),
    named_check("aligned_alloc_says_einval_3", aligned_alloc_says_einval, 3),
    named_check("aligned_alloc_says_einval_24", aligned_alloc_says_einval, 24),
    named_check("aligned_alloc_says_einval_48", aligned_alloc_says_einval, 48),
    named_check("aligned_alloc_says_einval_4097", aligned_alloc_says_einval, 4097),
    named_check("aligned_alloc_says_einval_max", aligned_alloc_says_einval, SIZE_MAX),
    cmocka_unit_test(aligned_alloc_takes_any_size),
    named_check("memalign_rounds_up_0", memalign_rounds_up, 0),
    named_check("memalign_rounds_up_1", memalign_rounds_up, 1),
    named_check("memalign_rounds_up_3", memalign_rounds_up, 3),
    named_check("memalign_rounds_up_17", memalign_rounds_up, 17),
    named_check("memalign_rounds_up_24", memalign_rounds_up, 24),
    named_check("memalign_rounds_up_48", memalign_rounds_up, 48),
    named_check("memalign_rounds_up_100", memalign_rounds_up, 100),
    named_check("memalign_rounds_up_4095", memalign_rounds_up, 4095),
    named_check("memalign_rounds_up_5000", memalign_rounds_up, 5000),
    cmocka_unit_test(valloc_gives_pages),
    cmocka_unit_test(pvalloc_gives_whole_pages),
    cmocka_unit_test(pvalloc_zero_is_a_block),
    cmocka_unit_test(all_kinds_mix),
    cmocka_unit_test(blocks_can_be_resized),
    cmocka_unit_test(success_keeps_errno),
};

int main(void)
{
    enum {
        SINGLES = sizeof single_checks / sizeof single_checks[0],
        FIRST_POWER = 3, /* sizeof(void *), the least that posix_memalign takes */
        CHECKS = SINGLES + 2 * (ALIGN_POWERS - FIRST_POWER),
    };
    static char names[2][ALIGN_POWERS][NAME_MAX_SIZE];
    struct CMUnitTest checks[CHECKS];
    struct CMUnitTest *next = checks + SINGLES;

    memcpy(checks, single_checks, sizeof single_checks);
    for (size_t power = FIRST_POWER; power < ALIGN_POWERS; power++) {
        size_t align = (size_t)1 << power;

        snprintf(names[0][power], NAME_MAX_SIZE, "posix_memalign_holds_%zu", align);
        snprintf(names[1][power], NAME_MAX_SIZE, "memalign_holds_%zu", align);
        *next++ = (struct CMUnitTest)named_check(names[0][power], posix_memalign_holds, align);
        *next++ = (struct CMUnitTest)named_check(names[1][power], memalign_holds, align);
    }
    require_cairn_if_expected();
    return run_checks("memalign", checks);
}
