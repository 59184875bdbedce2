/* SPDX-License-Identifier: MIT */
/* See print.h. */
#include "base/print.h"

#include <string.h>

void cairn__text_bytes(struct text *text, const char *bytes, size_t count)
{
    size_t room = text->size - text->length;
    if (count > room)
        count = room;
    memcpy(text->data + text->length, bytes, count);
    text->length += count;
}

void cairn__text_put(struct text *text, const char *string)
{
    cairn__text_bytes(text, string, strlen(string));
}

void cairn__text_end_line(struct text *text)
{
    text->data[text->length++] = '\n';
}

void cairn__text_uint(struct text *text, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    cairn__text_bytes(text, digits + at, sizeof digits - at);
}

void cairn__text_pointer(struct text *text, const void *ptr)
{
    static const char hex[] = "0123456789abcdef";
    uintptr_t value = (uintptr_t)ptr;
    char digits[2 * sizeof value];
    size_t at = sizeof digits;
    do {
        digits[--at] = hex[value & 15];
        value >>= 4;
    } while (value != 0);
    cairn__text_put(text, "0x");
    cairn__text_bytes(text, digits + at, sizeof digits - at);
}

void cairn__text_size(struct text *text, uint64_t bytes)
{
    static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    unsigned unit = 0;
    uint64_t tenths = 0;
    while (bytes >= 1024) {
        tenths = bytes % 1024 * 10 / 1024;
        bytes /= 1024;
        unit++;
    }
    cairn__text_uint(text, bytes);
    if (unit > 0 && bytes < 100) {
        cairn__text_put(text, ".");
        cairn__text_uint(text, tenths);
    }
    cairn__text_put(text, units[unit]);
}
