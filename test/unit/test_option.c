/* SPDX-License-Identifier: MIT */
/*
 * option.h and near.h: every row has a sane default; what is understood, refused and kept; which
 * source goes before which; and the complaints, to the letter.
 */
#include "unit/unit.h"

#include "base/near.h"
#include "base/option.h"
#include "core/thread.h"

/* The symbol of a program that defines it. */
extern const char *cairn_conf;
const char *cairn_conf;

struct row {
    const char *variable;
    const char *kind;
    size_t initial;
    size_t least;
    size_t greatest;
    const char *unit;
    const char *text;
};

static const struct row rows[OPTION_COUNT] = {
#define OPTION(name, kind, initial, least, greatest, unit, text)                                   \
    {"CAIRN_" #name, #kind, initial, least, greatest, unit, text},
#include "base/option.def"
#undef OPTION
};

/* ---- the table ---- */

TEST(defaults)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        const struct row *row = &rows[option];
        assert_string_equal(cairn__option_variable(option), row->variable);
        assert_true(cairn__option(option) == row->initial);
        assert_in_range(row->initial, row->least, row->greatest);
        assert_string_equal(cairn__option_text(option), "");
        if (strcmp(row->kind, "TEXT") == 0)
            assert_in_range(row->greatest, 1, OPTION_TEXT_SIZE - 1);
        if (strcmp(row->kind, "SWITCH") == 0)
            assert_int_equal(row->greatest, 1);
    }
}

/* A sentence for the docs, and a name that CAIRN_CONF and the shell can hold. */
TEST(words_of_rows)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        const struct row *row = &rows[option];
        size_t length = strlen(row->text);
        assert_true(length > 10 && row->text[length - 1] == '.');
        assert_null(strpbrk(row->text, "|\n"));
        size_t name = strspn(row->variable, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        assert_int_equal(row->variable[name], '\0');
        assert_in_range(name, 1, NEAR_MAX);
    }
}

static void expect_choice(enum option option, const char *word, size_t value)
{
    assert_true(cairn__option_set(option, word));
    assert_int_equal(cairn__option(option), value);
}

/* The enums of option.h name the words in their order, and there are no more of either. */
TEST(choices)
{
    expect_choice(OPTION_HUGE_PAGES, "always", HUGE_PAGES_ALWAYS);
    expect_choice(OPTION_HUGE_PAGES, "never", HUGE_PAGES_NEVER);
    expect_choice(OPTION_HUGE_PAGES, "auto", HUGE_PAGES_AUTO);
    expect_choice(OPTION_HUGE_PAGES, "ALWAYS", HUGE_PAGES_ALWAYS);
    expect_choice(OPTION_BACKGROUND, "never", BACKGROUND_NEVER);
    expect_choice(OPTION_BACKGROUND, "always", BACKGROUND_ALWAYS);
    expect_choice(OPTION_STATS, "exit", STATS_EXIT);
    expect_choice(OPTION_STATS, "off", STATS_OFF);
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        if (strcmp(rows[option].kind, "CHOICE") != 0)
            continue;
        size_t words = 1;
        for (const char *at = rows[option].unit; *at != '\0'; at++)
            words += *at == ' ';
        assert_int_equal(rows[option].greatest, words - 1);
        assert_false(cairn__option_set(option, ""));
        assert_false(cairn__option_set(option, "aut"));
        assert_false(cairn__option_set(option, "auto never"));
        assert_false(cairn__option_set(option, "0"));
    }
}

/* ---- values ---- */

static void expect_set(enum option option, const char *other, const char *text, size_t value)
{
    assert_true(cairn__option_set(option, other));
    if (!cairn__option_set(option, text) || cairn__option(option) != value)
        fail_msg("\"%s\" gave %zu", text, cairn__option(option));
}

static void expect_window(const char *text, size_t value)
{
    expect_set(OPTION_WINDOW, "8M", text, value);
}

static void expect_refused(enum option option, const char *text)
{
    size_t before = cairn__option(option);
    if (cairn__option_set(option, text))
        fail_msg("\"%s\" was understood", text);
    assert_true(cairn__option(option) == before);
}

TEST(sizes)
{
    expect_window("2097152", 2 * MIB);
    expect_window("00002097152", 2 * MIB);
    expect_window("4096k", 4 * MIB);
    expect_window("4096K", 4 * MIB);
    expect_window("4096KB", 4 * MIB);
    expect_window("4096KiB", 4 * MIB);
    expect_window("4096kib", 4 * MIB);
    expect_window("3M", 3 * MIB);
    expect_window("3mb", 3 * MIB);
    expect_window("64GiB", 64 * GIB);
    expect_window("16T", (size_t)1 << 44);
    expect_window("17592186044416", (size_t)1 << 44);
}

TEST(nonsense)
{
    static const char *const texts[] = {
        "",     " ",     "K",    "G2",    "-1",     "+4M",  " 4M",       "4 M",   "4M ",
        "4X",   "4MiBs", "4Ki",  "4iB",   "4B",     "4bM",  "4KK",       "never", "0x400000",
        "4.5M", "1K1K",  "4MBB", "4\xcd", "4m\x0b", "four", "4,000,000",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_refused(OPTION_WINDOW, texts[i]);
}

TEST(range_and_overflow)
{
    static const char *const texts[] = {
        "0",
        "2097151",
        "1M",
        "17T",
        "17592186044417",
        "18446744073709551616",
        "18446744073709551615",
        "99999999999999999999999999",
        "18014398509481985K",
        "16777217T",
        "17179869185G",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_refused(OPTION_WINDOW, texts[i]);
}

static void expect_delay(const char *text, size_t value)
{
    expect_set(OPTION_PURGE_DELAY, "7ms", text, value);
}

TEST(durations)
{
    static const char *const bad[] = {
        "",
        "ms",
        "s",
        "-2",
        "-",
        "1.5s",
        "1d",
        "1 s",
        "10sec",
        "5mss",
        "25h",
        "86400001",
        "18446744073709551615",
        "18446744073709551616ms",
        "5124095576030432h",
        "+1",
    };
    expect_delay("500ms", 500);
    expect_delay("500", 500);
    expect_delay("0", 0);
    expect_delay("0s", 0);
    expect_delay("10s", 10000);
    expect_delay("10S", 10000);
    expect_delay("2m", 120000);
    expect_delay("24h", 86400000);
    expect_delay("-1", OPTION_NEVER);
    expect_delay("never", OPTION_NEVER);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_refused(OPTION_PURGE_DELAY, bad[i]);
}

TEST(switches)
{
    static const char *const no[] = {"0", "no", "off", "false", "NO", "Off", "False"};
    static const char *const yes[] = {"1", "yes", "on", "true", "YES", "On", "tRUE"};
    for (size_t i = 0; i < 7; i++) {
        assert_true(cairn__option_set(OPTION_VERBOSE, yes[i]));
        assert_int_equal(cairn__option(OPTION_VERBOSE), 1);
        assert_true(cairn__option_set(OPTION_VERBOSE, no[i]));
        assert_int_equal(cairn__option(OPTION_VERBOSE), 0);
    }
    expect_refused(OPTION_VERBOSE, "");
    expect_refused(OPTION_VERBOSE, "2");
    expect_refused(OPTION_VERBOSE, "yes ");
    expect_refused(OPTION_VERBOSE, "1K");
    expect_refused(OPTION_VERBOSE, "y");
}

/* A copy is kept: the text may go away. */
TEST(texts)
{
    char text[OPTION_TEXT_SIZE + 1];
    strcpy(text, "/tmp/%p");
    assert_true(cairn__option_set(OPTION_STATS_FILE, text));
    memset(text, 'x', sizeof text);
    assert_string_equal(cairn__option_text(OPTION_STATS_FILE), "/tmp/%p");
    text[OPTION_TEXT_SIZE] = '\0';
    assert_false(cairn__option_set(OPTION_STATS_FILE, text));
    assert_string_equal(cairn__option_text(OPTION_STATS_FILE), "/tmp/%p");
    text[OPTION_TEXT_SIZE - 1] = '\0';
    assert_true(cairn__option_set(OPTION_STATS_FILE, text));
    assert_string_equal(cairn__option_text(OPTION_STATS_FILE), text);
    assert_true(cairn__option_set(OPTION_STATS_FILE, ""));
    assert_string_equal(cairn__option_text(OPTION_STATS_FILE), "");
}

/* ---- sources ---- */

static char said[8192];

static void say(const char *bytes, size_t count)
{
    assert_true(count > 0 && count <= 512);
    assert_int_equal(bytes[count - 1], '\n');
    assert_true(memchr(bytes, '\n', count) == bytes + count - 1);
    strncat(said, bytes, count);
}

/* Reads an environment of up to four entries, and expects exactly these complaints. */
#define READ(complaints, ...)                                                                      \
    do {                                                                                           \
        const char *const environment[] = {__VA_ARGS__, NULL};                                     \
        expect_complaints(environment, complaints);                                                \
    } while (0)

static void expect_complaints(const char *const *environment, const char *complaints)
{
    said[0] = '\0';
    size_t lines = 0;
    for (const char *at = complaints; *at != '\0'; at++)
        lines += *at == '\n';
    assert_int_equal(cairn__options_read(environment, say), lines);
    assert_string_equal(said, complaints);
}

TEST(no_environment)
{
    expect_complaints(NULL, "");
    READ("", "PATH=/bin", "CAIRN=1", "CAIRNS_X=1", "cairn_window=abc");
    assert_true(cairn__option(OPTION_WINDOW) == 256 * GIB);
}

TEST(variables)
{
    READ("", "CAIRN_WINDOW=1G", "HOME=/", "CAIRN_VERBOSE=1", "CAIRN_STATS_FILE=/tmp/a=b,c:d");
    assert_int_equal(cairn__option(OPTION_WINDOW), GIB);
    assert_int_equal(cairn__option(OPTION_VERBOSE), 1);
    assert_string_equal(cairn__option_text(OPTION_STATS_FILE), "/tmp/a=b,c:d");
}

TEST(conf)
{
    READ("", "CAIRN_CONF=window:1G,purge_delay:never,,STATS:exit,stats_file:a:b,");
    assert_int_equal(cairn__option(OPTION_WINDOW), GIB);
    assert_true(cairn__option(OPTION_PURGE_DELAY) == OPTION_NEVER);
    assert_int_equal(cairn__option(OPTION_STATS), STATS_EXIT);
    assert_string_equal(cairn__option_text(OPTION_STATS_FILE), "a:b");
    READ("", "CAIRN_CONF=");
}

TEST(later_sources_go_before)
{
    cairn_conf = "window:1G,dirty_max:1M,purge_delay:1s";
    READ("", "CAIRN_WINDOW=3G", "CAIRN_CONF=dirty_max:2M,window:2G");
    assert_int_equal(cairn__option(OPTION_PURGE_DELAY), 1000);
    assert_int_equal(cairn__option(OPTION_DIRTY_MAX), 2 * MIB);
    assert_int_equal(cairn__option(OPTION_WINDOW), 3 * GIB);
}

/* As getenv: the first. In CAIRN_CONF, as in jemalloc's, the last. */
TEST(named_twice)
{
    READ("", "CAIRN_WINDOW=3G", "CAIRN_WINDOW=4G", "CAIRN_CONF=dirty_max:2M,dirty_max:3M");
    assert_int_equal(cairn__option(OPTION_WINDOW), 3 * GIB);
    assert_int_equal(cairn__option(OPTION_DIRTY_MAX), 3 * MIB);
}

static void expect_described(enum option option, const char *words)
{
    TEXT_LINE(line);
    cairn__option_describe(option, &line);
    assert_int_equal(line.length, strlen(words));
    assert_memory_equal(line.data, words, line.length);
}

TEST(described)
{
    expect_described(OPTION_WINDOW, "CAIRN_WINDOW=256 GiB (built in)");
    expect_described(OPTION_STATS_FILE, "CAIRN_STATS_FILE=none (built in)");
    cairn_conf = "window:1536M,strict:1";
    READ("", "CAIRN_CONF=purge_delay:-1,dirty_max:0", "CAIRN_HUGE_PAGES=Always",
         "CAIRN_STATS_FILE=a\tb");
    expect_described(OPTION_WINDOW, "CAIRN_WINDOW=1536 MiB (from the symbol cairn_conf)");
    expect_described(OPTION_STRICT, "CAIRN_STRICT=1 (from the symbol cairn_conf)");
    expect_described(OPTION_PURGE_DELAY, "CAIRN_PURGE_DELAY=never (from CAIRN_CONF)");
    expect_described(OPTION_DIRTY_MAX, "CAIRN_DIRTY_MAX=0 B (from CAIRN_CONF)");
    expect_described(OPTION_HUGE_PAGES, "CAIRN_HUGE_PAGES=always (from the environment)");
    expect_described(OPTION_STATS_FILE, "CAIRN_STATS_FILE=a?b (from the environment)");
    assert_true(cairn__option_set(OPTION_PURGE_DELAY, "1500"));
    expect_described(OPTION_PURGE_DELAY, "CAIRN_PURGE_DELAY=1500 ms (set since)");
    assert_true(cairn__option_set(OPTION_PURGE_DELAY, "2m"));
    expect_described(OPTION_PURGE_DELAY, "CAIRN_PURGE_DELAY=120 s (set since)");
}

/* ---- complaints ---- */

TEST(unknown)
{
    READ("cairn: unknown option CAIRN_PURGE_DELY (did you mean CAIRN_PURGE_DELAY?)\n"
         "cairn: unknown option CAIRN_FOO\n"
         "cairn: unknown option CAIRN_window (did you mean CAIRN_WINDOW?)\n",
         "CAIRN_PURGE_DELY=1s", "CAIRN_FOO=1", "CAIRN_window=1G", "CAIRN_ODD");
    READ("cairn: unknown option purge-delay in CAIRN_CONF (did you mean purge_delay?)\n"
         "cairn: unknown option quux in CAIRN_CONF\n",
         "CAIRN_CONF=purge-delay:1s,quux:1");
    READ("cairn: unknown option CAIRN_STAST (did you mean CAIRN_STATS?)\n"
         "cairn: unknown option CAIRN_STATSFILE (did you mean CAIRN_STATS_FILE?)\n"
         "cairn: unknown option CAIRN_conf\n"
         "cairn: unknown option CAIRN_\n",
         "CAIRN_STAST=1", "CAIRN_STATSFILE=1", "CAIRN_conf=window:1G", "CAIRN_=1");
    cairn_conf = "windw:1G";
    READ("cairn: unknown option windw in cairn_conf (did you mean window?)\n", "A=B");
    assert_true(cairn__option(OPTION_WINDOW) == 256 * GIB);
}

TEST(not_ours)
{
    READ("", "CAIRN_RUN_FILE=x", "CAIRN_LIB=x", "CAIRN_STACK=x", "CAIRN_TEST=1",
         "CAIRN_TEST_SCALE=100");
    READ("", "CAIRN_LIB_DIR=x", "CAIRN_INCLUDE_DIR=x", "CAIRN_LINK=x", "CAIRN_INSTALLED=1");
    READ("cairn: unknown option CAIRN_LIBS\n", "CAIRN_LIBS=x");
    READ("cairn: unknown option lib in CAIRN_CONF\n", "CAIRN_CONF=lib:x");
}

TEST(bad_values)
{
    READ("cairn: CAIRN_WINDOW: 'abc' is not a size; using 256 GiB\n"
         "cairn: CAIRN_PURGE_DELAY: '' is not a duration; using 500 ms\n"
         "cairn: CAIRN_VERBOSE: 'maybe' is not 0 or 1; using 0\n"
         "cairn: CAIRN_HUGE_PAGES: 'yes' is none of: auto never always; using auto\n",
         "CAIRN_WINDOW=abc", "CAIRN_PURGE_DELAY=", "CAIRN_VERBOSE=maybe", "CAIRN_HUGE_PAGES=yes");
    READ("cairn: CAIRN_WINDOW: '1M' is below 2 MiB; using 256 GiB\n"
         "cairn: CAIRN_PURGE_DELAY: '25h' is above 86400 s; using 500 ms\n",
         "CAIRN_WINDOW=1M", "CAIRN_PURGE_DELAY=25h");
    READ("cairn: window in CAIRN_CONF: '17T' is above 16 TiB; using 256 GiB\n"
         "cairn: CAIRN_CONF: 'window=1G' is not key:value\n",
         "CAIRN_CONF=window:17T,window=1G");
}

/* What is in use is what the other sources say in the end. */
TEST(bad_value_with_other_sources)
{
    cairn_conf = "window:1G,dirty_max:x";
    READ("cairn: dirty_max in cairn_conf: 'x' is not a size; using 1 MiB\n"
         "cairn: window in CAIRN_CONF: 'y' is not a size; using 3 GiB\n",
         "CAIRN_WINDOW=3G", "CAIRN_CONF=window:y,dirty_max:1M");
    READ("cairn: dirty_max in cairn_conf: 'x' is not a size; using 1 MiB\n"
         "cairn: CAIRN_WINDOW: 'z' is not a size; using 1 GiB\n",
         "CAIRN_WINDOW=z");
}

TEST(bad_values_are_cut)
{
    static char entry[4096] = "CAIRN_WINDOW=";
    static char expected[512];
    memset(entry + strlen(entry), 'x', 4000);
    snprintf(expected, sizeof expected,
             "cairn: CAIRN_WINDOW: '%.64s...' is not a size; using 256 GiB\n", entry + 13);
    READ(expected, entry);
    READ("cairn: CAIRN_WINDOW: '?[1m?' is not a size; using 256 GiB\n", "CAIRN_WINDOW=\x1b[1m\n");
    static char path[1024] = "CAIRN_STATS_FILE=";
    memset(path + strlen(path), 'y', OPTION_TEXT_SIZE);
    snprintf(expected, sizeof expected,
             "cairn: CAIRN_STATS_FILE: '%.64s...' is too long; using none\n", path + 17);
    READ(expected, path);
    static char name[1024] = "CAIRN_";
    memset(name + strlen(name), 'Z', 1000);
    snprintf(expected, sizeof expected, "cairn: unknown option CAIRN_%.64s...\n", name + 6);
    name[1006] = '=';
    READ(expected, name);
}

/* ---- at process start ---- */

TEST(start_reads_the_environment)
{
    clearenv();
    setenv("CAIRN_WINDOW", "64M", 1);
    setenv("CAIRN_CONF", "dirty_max:1M", 1);
    cairn__process_start();
    assert_int_equal(cairn__option(OPTION_WINDOW), 64 * MIB);
    assert_int_equal(cairn__option(OPTION_DIRTY_MAX), MIB);
    assert_int_equal(cairn__region_first()->size, 64 * MIB);
}

DEATH_TEST(strict, "cairn: CAIRN_STRICT is set: stopped for the options above")
{
    setenv("CAIRN_STRICT", "1", 1);
    setenv("CAIRN_NONSENSE", "1", 1);
    cairn__process_start();
}

DEATH_TEST(strict_says_why, "cairn: unknown option nonsense in cairn_conf\n")
{
    cairn_conf = "nonsense:1,strict:on";
    clearenv();
    cairn__process_start();
}

TEST(strict_and_right)
{
    clearenv();
    setenv("CAIRN_STRICT", "1", 1);
    setenv("CAIRN_TEST", "1", 1);
    cairn__process_start();
}

/* ---- near.h ---- */

static void expect_distance(const char *a, const char *b, unsigned distance)
{
    assert_int_equal(cairn__word_distance(cairn__word(a), cairn__word(b)), distance);
    assert_int_equal(cairn__word_distance(cairn__word(b), cairn__word(a)), distance);
}

TEST(distances)
{
    expect_distance("", "", 0);
    expect_distance("", "abc", 3);
    expect_distance("abc", "ABC", 0);
    expect_distance("abc", "abd", 1);
    expect_distance("abc", "ab", 1);
    expect_distance("abc", "acb", 1);
    expect_distance("abcd", "badc", 2);
    expect_distance("ca", "abc", 3); /* not 2: nothing is edited twice */
    expect_distance("kitten", "sitting", 3);
    expect_distance("window", "", 6);
    expect_distance("01234567890123456789012345678901", "", 32);
    expect_distance("01234567890123456789012345678901", "01234567890123456789012345678901", 0);
    expect_distance("012345678901234567890123456789012", "012345678901234567890123456789012", 32);
}

TEST(words)
{
    struct word word = {"Window=1", 6};
    assert_true(cairn__word_is(word, "window"));
    assert_false(cairn__word_is(word, "windo"));
    assert_false(cairn__word_is(word, "window="));
    assert_true(cairn__word_begins(word, "WIN"));
    assert_true(cairn__word_begins(word, ""));
    assert_false(cairn__word_begins(word, "windows"));
    assert_int_equal(cairn__word_find(word, 'w'), 5);
    assert_int_equal(cairn__word_find(word, '='), 6);
    assert_false(cairn__word_is(cairn__word("[a"), "{A")); /* neighbours of the letters */
    assert_false(cairn__word_is(cairn__word("\xc4"), "\xe4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(words_of_rows),
        cmocka_unit_test(choices),
        cmocka_unit_test(sizes),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(range_and_overflow),
        cmocka_unit_test(durations),
        cmocka_unit_test(switches),
        cmocka_unit_test(texts),
        cmocka_unit_test(no_environment),
        cmocka_unit_test(variables),
        cmocka_unit_test(conf),
        cmocka_unit_test(later_sources_go_before),
        cmocka_unit_test(named_twice),
        cmocka_unit_test(described),
        cmocka_unit_test(unknown),
        cmocka_unit_test(not_ours),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(bad_value_with_other_sources),
        cmocka_unit_test(bad_values_are_cut),
        cmocka_unit_test(start_reads_the_environment),
        cmocka_unit_test(strict),
        cmocka_unit_test(strict_says_why),
        cmocka_unit_test(strict_and_right),
        cmocka_unit_test(distances),
        cmocka_unit_test(words),
    };
    return UNIT_MAIN(tests);
}
