/* SPDX-License-Identifier: MIT */
/* fatal.h: the lines to the letter, whole, and the ends of processes. */
#include "unit/unit.h"

#include "fake_os/fake_os.h"
#include "os/fatal.h"

TEST(reports)
{
    cairn__report("all is well", NULL);
    assert_string_equal(fake_errors(), "cairn: all is well\n");
    cairn__report("odd:", (const void *)(uintptr_t)0x1234);
    assert_string_equal(fake_errors(), "cairn: all is well\ncairn: odd: 0x1234\n");
}

TEST(reports_text)
{
    cairn__report_text("ignored ", "CAIRN_X", "what?");
    assert_string_equal(fake_errors(), "cairn: ignored CAIRN_X: what?\n");
}

/* A line that is cut still ends: the next one must not hang on to it. */
TEST(long_lines_end)
{
    char value[1000];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    cairn__report_text("ignored ", "CAIRN_X", value);
    size_t length = strlen(fake_errors());
    assert_in_range(length, 100, 512);
    assert_int_equal(fake_errors()[length - 1], '\n');
}

DEATH_TEST(fatal_aborts, "cairn: no way: 0xabc\n")
{
    cairn__fatal("no way:", (const void *)(uintptr_t)0xabc);
}

DEATH_TEST(assert_aborts, "cairn: assertion failed: 1 + 1 == 3 at ")
{
    ASSERT(1 + 1 == 2);
    ASSERT(1 + 1 == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports),        cmocka_unit_test(reports_text),
        cmocka_unit_test(long_lines_end), cmocka_unit_test(fatal_aborts),
        cmocka_unit_test(assert_aborts),
    };
    return UNIT_MAIN(tests);
}
