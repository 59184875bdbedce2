/* SPDX-License-Identifier: MIT */
/* print.h: what it writes, where it cuts, and that it never writes beyond. */
#include "unit/unit.h"

#include <inttypes.h>

#include "base/print.h"

static char written[600];

static const char *finish(struct text *text)
{
    assert_in_range(text->length, 0, text->size);
    memcpy(written, text->data, text->length);
    written[text->length] = '\0';
    return written;
}

static const char *as_uint(uint64_t value)
{
    TEXT_LINE(line);
    cairn__text_uint(&line, value);
    return finish(&line);
}

static const char *as_size(uint64_t value)
{
    TEXT_LINE(line);
    cairn__text_size(&line, value);
    return finish(&line);
}

static const char *as_pointer(uintptr_t value)
{
    TEXT_LINE(line);
    cairn__text_pointer(&line, (const void *)value);
    return finish(&line);
}

static void numbers(void **state)
{
    (void)state;
    uint64_t seed = 2;
    char expected[32];
    assert_string_equal(as_uint(0), "0");
    assert_string_equal(as_uint(UINT64_MAX), "18446744073709551615");
    assert_string_equal(as_pointer(0), "0x0");
    assert_string_equal(as_pointer(UINTPTR_MAX), "0xffffffffffffffff");
    for (int i = 0; i < 10000; i++) {
        uint64_t value = unit_random(&seed) >> unit_below(&seed, 64);
        snprintf(expected, sizeof expected, "%" PRIu64, value);
        assert_string_equal(as_uint(value), expected);
        snprintf(expected, sizeof expected, "0x%" PRIx64, value);
        assert_string_equal(as_pointer((uintptr_t)value), expected);
    }
}

static void sizes(void **state)
{
    (void)state;
    assert_string_equal(as_size(0), "0 B");
    assert_string_equal(as_size(1023), "1023 B");
    assert_string_equal(as_size(1024), "1.0 KiB");
    assert_string_equal(as_size(1536), "1.5 KiB");
    assert_string_equal(as_size(102 * 1024), "102 KiB");
    assert_string_equal(as_size(99 * 1024 + 1023), "99.9 KiB");
    assert_string_equal(as_size(100 * 1024), "100 KiB");
    assert_string_equal(as_size(MIB - 1), "1023 KiB");
    assert_string_equal(as_size(MIB), "1.0 MiB");
    assert_string_equal(as_size(12 * MIB + 300 * KIB), "12.2 MiB");
    assert_string_equal(as_size(GIB), "1.0 GiB");
    assert_string_equal(as_size((uint64_t)1 << 40), "1.0 TiB");
    assert_string_equal(as_size((uint64_t)1 << 50), "1.0 PiB");
    assert_string_equal(as_size(UINT64_MAX), "15.9 EiB");
}

/* A text of every capacity, with bytes behind it that must stay. */
static void cutting(void **state)
{
    (void)state;
    static const char whole[] = "abc 1234567890 0xbeef 1.5 KiB xyz";
    for (size_t size = 0; size <= sizeof whole; size++) {
        char room[64];
        memset(room, '#', sizeof room);
        struct text text = {room, size, 0};
        cairn__text_put(&text, "abc ");
        cairn__text_uint(&text, 1234567890);
        cairn__text_put(&text, " ");
        cairn__text_pointer(&text, (const void *)(uintptr_t)0xbeef);
        cairn__text_put(&text, " ");
        cairn__text_size(&text, 1536);
        cairn__text_bytes(&text, " xyzzy", 4);
        size_t length = size < sizeof whole - 1 ? size : sizeof whole - 1;
        assert_int_equal(text.length, length);
        assert_memory_equal(room, whole, length);
        for (size_t i = length; i < sizeof room; i++)
            assert_int_equal(room[i], '#');
    }
}

static void empty_pieces(void **state)
{
    (void)state;
    TEXT_LINE(line);
    cairn__text_put(&line, "");
    cairn__text_bytes(&line, "unseen", 0);
    assert_int_equal(line.length, 0);
    assert_int_equal(line.size, sizeof line_data - 1); /* room for the end of the line */
    for (size_t i = 0; i < sizeof line_data; i++)
        cairn__text_put(&line, "x");
    cairn__text_end_line(&line);
    assert_int_equal(line.length, sizeof line_data);
    assert_int_equal(line_data[sizeof line_data - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(sizes),
        cmocka_unit_test(cutting),
        cmocka_unit_test(empty_pieces),
    };
    return UNIT_MAIN(tests);
}
