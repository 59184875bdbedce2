/* SPDX-License-Identifier: MIT */
/*
 * Figures for people, quoting, suggestions, digests and environments: the small parts of the
 * command.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "digest.h"
#include "environment.h"
#include "message.h"
#include "text.h"

static int plain_locale(void **state)
{
    (void)state;
    return setenv("LC_ALL", "C", 1);
}

static void bytes(void **state)
{
    char out[TEXT_SHORT];

    (void)state;
    assert_string_equal(text_bytes(out, 0), "0 B");
    assert_string_equal(text_bytes(out, 1023), "1023 B");
    assert_string_equal(text_bytes(out, 1024), "1.0 KiB");
    assert_string_equal(text_bytes(out, 14.2 * 1048576), "14.2 MiB");
    assert_string_equal(text_bytes(out, 812 * 1024), "812 KiB");
    assert_string_equal(text_bytes(out, 1023 * 1024), "1.0 MiB");
    assert_string_equal(text_bytes(out, 5.0 * (1ll << 40)), "5.0 TiB");
}

static void orders(void **state)
{
    char quiet[] = "a\tb\n\xc3\xa9", loud[] = "\x1b[2J \xc2\x9b \x7f";

    (void)state;
    assert_false(text_make_plain(quiet));
    assert_string_equal(quiet, "a\tb\n\xc3\xa9");
    assert_true(text_make_plain(loud));
    assert_string_equal(loud, "?[2J ?? ?");
    text_make_line(quiet);
    assert_string_equal(quiet, "a b \xc3\xa9");
}

static void seconds(void **state)
{
    char out[TEXT_SHORT];

    (void)state;
    assert_string_equal(text_seconds(out, 0), "0 us");
    assert_string_equal(text_seconds(out, 0.000812), "812 us");
    assert_string_equal(text_seconds(out, 0.0123), "12.3 ms");
    assert_string_equal(text_seconds(out, 0.9996), "1.00 s");
    assert_string_equal(text_seconds(out, 1.84), "1.84 s");
    assert_string_equal(text_seconds(out, 59.96), "60.0 s");
    assert_string_equal(text_seconds(out, 203.7), "204 s");
    assert_string_equal(text_seconds(out, 724), "12 min 04 s");
    assert_string_equal(text_seconds(out, 719.7), "12 min 00 s");
}

static void counts(void **state)
{
    char out[TEXT_SHORT];

    (void)state;
    assert_string_equal(text_count(out, 7), "7");
    assert_string_equal(text_count(out, 999), "999");
    assert_string_equal(text_count(out, 3210), "3 210");
    assert_string_equal(text_count(out, 1234567), "1 234 567");
    assert_string_equal(text_count(out, -1e17), "-100 000 000 000 000 000");
    assert_string_equal(text_count(out, 1e18), "1e+18");
    assert_string_equal(text_count(out, -1e308), "-1e+308");
    assert_string_equal(text_count(out, NAN), "nan");
}

static void signals(void **state)
{
    char out[TEXT_SHORT];

    (void)state;
    assert_string_equal(text_signal(out, 11), "SIGSEGV");
    assert_string_equal(text_signal(out, 63), "signal 63");
}

static void assert_quoted(const char *argument, const char *expected)
{
    char *quoted = text_quoted(argument);
    assert_string_equal(quoted, expected);
    free(quoted);
}

static void quoting(void **state)
{
    (void)state;
    assert_quoted("plain-1.0/x:y=z", "plain-1.0/x:y=z");
    assert_quoted("", "''");
    assert_quoted("two words", "'two words'");
    assert_quoted("it's", "'it'\\''s'");
    assert_quoted("$HOME", "'$HOME'");
    assert_quoted("a\nb", "$'a\\nb'");
    assert_quoted("\033[31m'", "$'\\x1b[31m\\''");
    assert_quoted("h\xc3\xa9", "h\xc3\xa9");
}

static void assert_command(char *const *argv, size_t columns, const char *expected)
{
    char *command = text_command(argv, columns);
    assert_string_equal(command, expected);
    free(command);
}

static void commands(void **state)
{
    char *const argv[] = {"prog", "one", "two words", NULL};

    (void)state;
    assert_command(argv, 0, "prog one 'two words'");
    assert_command(argv, 20, "prog one 'two words'");
    assert_command(argv, 19, "prog one ...");
    assert_command(argv, 5, "prog ...");
}

static void utf8(void **state)
{
    static const struct {
        const char *from, *to;
    } known[] = {
        {"plain", "plain"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xab", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xab"},
        {"a\xff z", "a\xef\xbf\xbd z"},
        {"\xc3", "\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char *valid = text_utf8(known[i].from);
        assert_string_equal(valid, known[i].to);
        free(valid);
    }
    assert_int_equal(text_width("\xc3\xa9t\xc3\xa9"), 3);
}

static void nearest(void **state)
{
    static const char *const verbs[] = {"run", "compare", "help", "version", NULL};

    (void)state;
    assert_string_equal(message_nearest("rnu", verbs), "run");
    assert_string_equal(message_nearest("comapre", verbs), "compare");
    assert_string_equal(message_nearest("ver", verbs), "version");
    assert_string_equal(message_nearest("halp", verbs), "help");
    assert_null(message_nearest("frobnicate", verbs));
    assert_null(message_nearest("", verbs));
}

/* From the specification of XXH64 and its reference implementation. */
static void digests(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } known[] = {
        {"", 0xef46db3751d8e999u},
        {"a", 0xd24ec4f1a98c6e5bu},
        {"abc", 0x44bc2cf5ad770999u},
        {"Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1u},
    };
    unsigned char bytes_of[1000];

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct digest digest;
        digest_init(&digest);
        digest_add(&digest, known[i].text, strlen(known[i].text));
        assert_true(digest_value(&digest) == known[i].value);
    }
    /* However the stream is cut, the value is the same. */
    for (size_t i = 0; i < sizeof bytes_of; i++)
        bytes_of[i] = (unsigned char)(i * 31 + i / 7);
    struct digest whole;
    digest_init(&whole);
    digest_add(&whole, bytes_of, sizeof bytes_of);
    for (size_t step = 1; step < 100; step++) {
        struct digest cut;
        digest_init(&cut);
        for (size_t at = 0; at < sizeof bytes_of; at += step)
            digest_add(&cut, bytes_of + at,
                       sizeof bytes_of - at < step ? sizeof bytes_of - at : step);
        assert_true(digest_value(&cut) == digest_value(&whole));
    }
}

static void environments(void **state)
{
    char *const base[] = {"A=1", "CAIRN_X=2", "CAIRNED=3", "CAIRN_Y=4", "AB=5", NULL};
    char **result = environment_with(base, (const char *const[]){"A=9", "CAIRN_*", "C=", NULL});

    (void)state;
    assert_string_equal(result[0], "CAIRNED=3");
    assert_string_equal(result[1], "AB=5");
    assert_string_equal(result[2], "A=9");
    assert_string_equal(result[3], "C=");
    assert_null(result[4]);
    assert_string_equal(environment_get(result, "A"), "9");
    assert_null(environment_get(result, "CAIRN_X"));
    free(result);
}

static void assert_preload(const char *existing, const char *library, const char *expected)
{
    char *setting = environment_preload((char *const[]){(char *)existing, NULL}, library);
    assert_string_equal(setting, expected);
    free(setting);
}

static void preloads(void **state)
{
    (void)state;
    assert_preload("X=1", "/l.so", "LD_PRELOAD=/l.so");
    assert_preload("LD_PRELOAD=/a.so:/b.so", "/l.so", "LD_PRELOAD=/l.so:/a.so:/b.so");
    assert_preload("LD_PRELOAD=/a.so /l.so  /b.so", "/l.so", "LD_PRELOAD=/l.so:/a.so:/b.so");
    assert_preload("LD_PRELOAD=/l.so", "/l.so", "LD_PRELOAD=/l.so");
    assert_preload("LD_PRELOAD=", "/l.so", "LD_PRELOAD=/l.so");
    assert_preload("LD_PRELOAD=/a.so", NULL, "LD_PRELOAD=/a.so");
    assert_preload("X=1", NULL, "LD_PRELOAD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),        cmocka_unit_test(seconds),  cmocka_unit_test(counts),
        cmocka_unit_test(signals),      cmocka_unit_test(quoting),  cmocka_unit_test(commands),
        cmocka_unit_test(utf8),         cmocka_unit_test(nearest),  cmocka_unit_test(digests),
        cmocka_unit_test(environments), cmocka_unit_test(preloads), cmocka_unit_test(orders),
    };
    return cmocka_run_group_tests(tests, plain_locale, NULL);
}
