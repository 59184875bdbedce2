/* SPDX-License-Identifier: MIT */
/* metadata.h: records are zero, aligned, apart, and kept within what was mapped. */
#include "unit/unit.h"

#include "core/metadata.h"
#include "fake_os/fake_os.h"

TEST(records)
{
    uint64_t seed = 3;
    char *before = NULL;
    size_t before_size = 0;
    size_t taken = 0;
    for (size_t i = 0; i < 3000; i++) {
        size_t size = 1 + unit_below(&seed, 2000);
        char *record = cairn__metadata_take(size);
        assert_non_null(record);
        assert_int_equal((uintptr_t)record % CACHE_LINES, 0);
        assert_true(unit_is_zero(record, size));
        assert_true(fake_is_accessible(record, size));
        assert_true(record >= before + before_size || record + size <= before);
        memset(record, 0xff, size);
        before = record;
        before_size = size;
        taken += size;
    }
    assert_int_equal(cairn__metadata_mapped(), fake_figures().mapped);
    assert_true(cairn__metadata_mapped() >= taken);
    assert_true(cairn__metadata_mapped() <= taken + taken / 4 + 256 * KIB);
    assert_int_equal(fake_count(FAKE_RELEASE), 0);
}

TEST(large_record)
{
    char *record = cairn__metadata_take(3 * MIB + 1);
    assert_non_null(record);
    assert_true(fake_is_accessible(record, 3 * MIB + 1));
}

static bool refuse_large(enum fake_call call, size_t size)
{
    return call == FAKE_MAP && size > 64 * KIB;
}

TEST(small_steps_where_memory_is_scarce)
{
    fake_fail_if(refuse_large);
    assert_non_null(cairn__metadata_take(128));
    assert_int_equal(cairn__metadata_mapped(), 64 * KIB);
    assert_null(cairn__metadata_take(100 * KIB));
    assert_non_null(cairn__metadata_take(128)); /* the rest of the step is still there */
    assert_int_equal(cairn__metadata_mapped(), 64 * KIB);
}

TEST(no_memory)
{
    fake_fail_from(FAKE_MAP, 1);
    assert_null(cairn__metadata_take(128));
    assert_int_equal(cairn__metadata_mapped(), 0);
    fake_fail_never();
    assert_non_null(cairn__metadata_take(128));
}

TEST(large_os_pages)
{
    fake_set_page_size(64 * KIB);
    assert_non_null(cairn__metadata_take(300 * KIB)); /* the fake checks the rounding */
    assert_int_equal(cairn__metadata_mapped(), 320 * KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(large_record),
        cmocka_unit_test(small_steps_where_memory_is_scarce),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(large_os_pages),
    };
    return UNIT_MAIN(tests);
}
