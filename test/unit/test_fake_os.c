/* SPDX-License-Identifier: MIT */
/* The fake system itself: what it fails, what it records, and that it dies of a breach. */
#include "unit/unit.h"

#include "fake_os/fake_os.h"

TEST(counts_and_fails)
{
    fake_fail_nth(FAKE_MAP, 2);
    void *first = cairn__os_map(4096, 16);
    assert_non_null(first);
    assert_null(cairn__os_map(4096, 16));
    void *third = cairn__os_map(4096, 16);
    assert_non_null(third);
    assert_int_equal(fake_count(FAKE_MAP), 3);
    fake_fail_from(FAKE_ANY, 1);
    assert_null(cairn__os_map(4096, 16));
    assert_null(cairn__os_reserve(4096, 16));
    assert_true(cairn__os_purge(first, 4096)); /* not one of `any` */
    fake_fail_never();
    assert_int_equal(fake_failures(), 3);
    assert_true(cairn__os_release(first, 4096));
    assert_true(cairn__os_release(third, 4096));
    assert_int_equal(fake_figures().ranges, 0);
}

TEST(records)
{
    char *start = cairn__os_reserve(64 * KIB, 2 * MIB);
    assert_int_equal((uintptr_t)start % (2 * MIB), 0);
    assert_true(cairn__os_commit(start, 8 * KIB));
    assert_true(cairn__os_commit(start + 16 * KIB, 4 * KIB));
    assert_true(cairn__os_commit(start + 4 * KIB, 12 * KIB)); /* joins them */
    assert_int_equal(fake_figures().committed, 20 * KIB);
    assert_true(fake_is_accessible(start, 20 * KIB));
    assert_false(fake_is_accessible(start, 20 * KIB + 1));
    assert_true(fake_is_reserved(start + 20 * KIB, 44 * KIB));
    start[20 * KIB - 1] = 1;
    fake_fail_nth(FAKE_RELEASE, 1);
    assert_false(cairn__os_release(start, 64 * KIB));
    assert_int_equal(fake_figures().lost, 64 * KIB);
}

TEST(limits)
{
    fake_set_address_limit(MIB);
    fake_set_memory_limit(64 * KIB);
    assert_int_equal(cairn__os_address_limit(), MIB);
    assert_null(cairn__os_reserve(2 * MIB, 4096));
    char *start = cairn__os_reserve(512 * KIB, 4096);
    assert_non_null(start);
    assert_false(cairn__os_commit(start, 128 * KIB));
    assert_true(cairn__os_commit(start, 64 * KIB));
    assert_null(cairn__os_map(4096, 4096));
    assert_true(cairn__os_release(start, 512 * KIB));
    assert_int_equal(fake_figures().committed, 0);
    assert_non_null(cairn__os_map(64 * KIB, 4096));
}

DEATH_TEST(odd_size, "breach of os.h: map: odd size")
{
    cairn__os_map(100, 16);
}

DEATH_TEST(odd_size_for_large_pages, "breach of os.h: map: odd size")
{
    fake_set_page_size(64 * KIB);
    cairn__os_map(4096, 16);
}

DEATH_TEST(commit_outside, "breach of os.h: commit: no reservation")
{
    char *start = cairn__os_reserve(8 * KIB, 4096);
    cairn__os_commit(start, 12 * KIB);
}

DEATH_TEST(purge_uncommitted, "breach of os.h: purge: not committed")
{
    char *start = cairn__os_reserve(8 * KIB, 4096);
    cairn__os_commit(start, 4 * KIB);
    cairn__os_purge(start, 8 * KIB);
}

DEATH_TEST(release_twice, "breach of os.h: release: no such range, or released twice")
{
    void *start = cairn__os_map(4096, 16);
    cairn__os_release(start, 4096);
    cairn__os_release(start, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_fails),
        cmocka_unit_test(records),
        cmocka_unit_test(limits),
        cmocka_unit_test(odd_size),
        cmocka_unit_test(odd_size_for_large_pages),
        cmocka_unit_test(commit_outside),
        cmocka_unit_test(purge_uncommitted),
        cmocka_unit_test(release_twice),
    };
    return UNIT_MAIN(tests);
}
