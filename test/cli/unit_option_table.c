/* SPDX-License-Identifier: MIT */
/* Options by table: each kind of row, what is refused with which words, and where reading ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "message.h"
#include "option_table.h"

enum { WORDS_MOST = 8 };

static struct {
    bool flag, shown, helped;
    unsigned form, color;
    const char *text, *taken;
    uint64_t count, large, size;
    unsigned bare;
} is;

static char said[512]; /* on stderr, by the last reading */
static char **rest;

static bool take(void *context, const char *value)
{
    *(const char **)context = value;
    return strcmp(value, "bad") != 0;
}

static bool take_bare(void *context, const char *value)
{
    (void)context;
    assert_null(value);
    is.bare++;
    return true;
}

static const struct option_row rows[] = {
    {"flag", 'f', .flag = &is.flag},
    {"show", .flag = &is.shown},
    {"hide", .flag = &is.shown, .off = true},
    {"json", .choice = &is.form, .value = 1},
    {"csv", .choice = &is.form, .value = 2},
    {"color", .choice = &is.color, .words = option_colors},
    {"text", 't', .text = &is.text},
    {"string", .is_alias = true},
    {"count", 'c', .count = &is.count, .least = 1, .most = 9},
    {"large", .count = &is.large, .most = UINT64_MAX},
    {"size", .size = &is.size, .least = 512, .most = 3 << 20},
    {"take", .take = take},
    {"bare", .take = take_bare, .is_bare = true},
    {.name = NULL},
};

/* Reads the words; returns what option_table_read() does. */
static int reads(bool is_ended_by_word, const char *const *words)
{
    static char *argv[WORDS_MOST + 2], copies[WORDS_MOST][64];
    const struct option_form form = {.verb = "verb",
                                     .help = "the page\n",
                                     .helped = &is.helped,
                                     .rows = rows,
                                     .context = &is.taken,
                                     .is_ended_by_word = is_ended_by_word};
    char name[] = "verb";
    int argc = 1, pipes[2], standard = dup(STDERR_FILENO);

    memset(&is, 0, sizeof is);
    memset(argv, 0, sizeof argv);
    argv[0] = name;
    for (; words[argc - 1]; argc++)
        argv[argc] = strcpy(copies[argc - 1], words[argc - 1]);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    rest = NULL;
    int result = option_table_read(&form, argc, argv, &rest);
    dup2(standard, STDERR_FILENO);
    close(standard);
    close(pipes[1]);
    ssize_t length = read(pipes[0], said, sizeof said - 1);
    said[length > 0 ? length : 0] = '\0';
    close(pipes[0]);
    return result;
}

#define READS(...)         reads(false, (const char *const[]){__VA_ARGS__, NULL})
#define READS_PROGRAM(...) reads(true, (const char *const[]){__VA_ARGS__, NULL})
#define REFUSES(line, ...)                                                                         \
    do {                                                                                           \
        assert_int_equal(READS(__VA_ARGS__), EXIT_OWN_ERROR);                                      \
        assert_string_equal(said, "cairn: verb: " line "\n");                                      \
    } while (0)

static void kinds(void **state)
{
    (void)state;
    assert_int_equal(READS("--flag", "--show", "--csv", "--text", "a", "--count=9"), 0);
    assert_true(is.flag && is.shown && !is.helped);
    assert_int_equal(is.form, 2);
    assert_string_equal(is.text, "a");
    assert_int_equal(is.count, 9);
    assert_string_equal(said, "");
    assert_int_equal(READS("--show", "--hide", "--csv", "--json", "--string=b", "--bare"), 0);
    assert_false(is.shown);
    assert_int_equal(is.form, 1);
    assert_string_equal(is.text, "b");
    assert_int_equal(is.bare, 1);
    assert_int_equal(
        READS("--color", "never", "--size=2K", "--take", "good", "--large", "18446744073709551615"),
        0);
    assert_int_equal(is.color, 2);
    assert_int_equal(is.size, 2048);
    assert_string_equal(is.taken, "good");
    assert_true(is.large == UINT64_MAX);
}

static void letters(void **state)
{
    (void)state;
    assert_int_equal(READS("-ft", "a", "-c3"), 0);
    assert_true(is.flag);
    assert_string_equal(is.text, "a");
    assert_int_equal(is.count, 3);
    assert_int_equal(READS("--fl", "--lar=5"), 0); /* beginnings */
    assert_true(is.flag);
    assert_int_equal(is.large, 5);
}

static void operands(void **state)
{
    (void)state;
    assert_int_equal(READS("one", "--flag", "two", "--", "--show"), 0);
    assert_true(is.flag && !is.shown);
    assert_string_equal(rest[0], "one");
    assert_string_equal(rest[1], "two");
    assert_string_equal(rest[2], "--show");
    assert_null(rest[3]);
    assert_int_equal(READS_PROGRAM("--flag", "one", "--show", "--nonsense"), 0);
    assert_true(is.flag && !is.shown);
    assert_string_equal(rest[0], "one");
    assert_string_equal(rest[1], "--show");
    assert_int_equal(READS("--flag"), 0);
    assert_null(rest[0]);
}

static void help(void **state)
{
    (void)state;
    assert_int_equal(READS("--help", "--nonsense"), 0);
    assert_true(is.helped);
    assert_int_equal(READS("-fh"), 0);
    assert_true(is.helped);
}

static void refusals(void **state)
{
    (void)state;
    REFUSES("no option --colour (did you mean --color?)", "--colour", "x");
    REFUSES("no option --strange-one (see cairn verb --help)", "--strange-one=1");
    REFUSES("no option --hlep (did you mean --help?)", "--hlep");
    REFUSES("no option -x (see cairn verb --help)", "-x");
    REFUSES("no option -x (see cairn verb --help)", "--flag", "-xf");
    REFUSES("--flag takes no value", "--flag=1");
    REFUSES("--text needs a value (see cairn verb --help)", "--text");
    REFUSES("-t needs a value (see cairn verb --help)", "-ft");
}

static void bad_values(void **state)
{
    (void)state;
    REFUSES("--count is a number from 1 to 9, not '0'", "--count", "0");
    REFUSES("--count is a number from 1 to 9, not '10'", "-c", "10");
    REFUSES("--count is a number from 1 to 9, not '+1'", "--count=+1");
    REFUSES("--count is a number from 1 to 9, not ''", "--count=");
    REFUSES("--large is a number, not '-1'", "--large", "-1");
    REFUSES("--large is a number from 0 to 18446744073709551615, not '18446744073709551616'",
            "--large", "18446744073709551616");
    REFUSES("--size is a size from 512 to 3M, not '4M'", "--size", "4M");
    REFUSES("--size is a size from 512 to 3M, not '511'", "--size", "511");
    REFUSES("--size is a size from 512 to 3M, not '2KB'", "--size", "2KB");
    REFUSES("--color is auto, always or never, not 'nver' (did you mean never?)", "--color",
            "nver");
    REFUSES("--color is auto, always or never, not 'blue'", "--color=blue");
    assert_int_equal(READS("--take", "bad", "--count=0"), EXIT_OWN_ERROR);
    assert_string_equal(said, "");
    assert_int_equal(READS("--count=3", "--count=0"), EXIT_OWN_ERROR);
    assert_int_equal(is.count, 3); /* what was refused is not kept */
}

static void sizes(void **state)
{
    bool has_unit;
    uint64_t size;

    (void)state;
    assert_true(option_size("64", &size, &has_unit) && size == 64 && !has_unit);
    assert_true(option_size("64b", &size, &has_unit) && size == 64 && has_unit);
    assert_true(option_size("3G", &size, &has_unit) && size == UINT64_C(3) << 30);
    assert_true(option_size("65535G", &size, &has_unit));
    assert_false(option_size("65536G", &size, &has_unit));
    assert_false(option_size("", &size, &has_unit));
    assert_false(option_size("K", &size, &has_unit));
    assert_false(option_size("-1", &size, &has_unit));
    assert_false(option_size("1T", &size, &has_unit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds), cmocka_unit_test(letters),  cmocka_unit_test(operands),
        cmocka_unit_test(help),  cmocka_unit_test(refusals), cmocka_unit_test(bad_values),
        cmocka_unit_test(sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
