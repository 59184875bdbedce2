/* SPDX-License-Identifier: MIT */
/* near.h: words, and distances counted by hand. */
#include "unit/unit.h"

#include "base/near.h"

static unsigned distance(const char *a, const char *b)
{
    return cairn__word_distance(cairn__word(a), cairn__word(b));
}

static void distances(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned distance;
    } rows[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"window", "window", 0},
        {"window", "windo", 1},
        {"window", "windows", 1},
        {"window", "winbow", 1},
        {"window", "wnidow", 1},
        {"window", "wnidwo", 2},
        {"purge_dely", "purge_delay", 1},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3},
        {"WINDOW", "window", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}

static void long_words(void **state)
{
    char word[NEAR_MAX + 2];
    (void)state;
    memset(word, 'x', sizeof word);
    word[NEAR_MAX] = '\0';
    assert_int_equal(distance(word, word), 0);
    word[NEAR_MAX] = 'x';
    word[NEAR_MAX + 1] = '\0';
    assert_int_equal(distance(word, "x"), NEAR_MAX);
}

static void comparing(void **state)
{
    struct word word = cairn__word("CAIRN_Window=1");
    (void)state;
    assert_true(cairn__word_begins(word, "cairn_"));
    assert_false(cairn__word_begins(cairn__word("CAI"), "CAIRN_"));
    assert_int_equal(cairn__word_find(word, '='), 12);
    assert_int_equal(cairn__word_find(word, '?'), word.length);
    assert_true(cairn__word_is(word_from(word, 12), "=1"));
    assert_true(cairn__word_equal(cairn__word("On"), cairn__word("oN")));
    assert_false(cairn__word_equal(cairn__word("on"), cairn__word("one")));
    assert_false(cairn__word_is(cairn__word(""), "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(long_words),
        cmocka_unit_test(comparing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
