/* SPDX-License-Identifier: MIT */
/*
 * Bytes that grow, and numbers in them: LEB128 (seven bits a byte, the least first, the high bit
 * says that more follow), and zigzag for differences (0, -1, 1, -2 … as 0, 1, 2, 3 …).
 */
#ifndef CAIRN_TOOLS_TRACE_COLUMN_H
#define CAIRN_TOOLS_TRACE_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LEB_MAX = 10 };

struct column {
    unsigned char *bytes;
    size_t used, room;
};

/* Room for `more` bytes beyond what is used. */
void column_grow(struct column *column, size_t more);

static inline void column_byte(struct column *column, unsigned char byte)
{
    if (column->used == column->room)
        column_grow(column, 1);
    column->bytes[column->used++] = byte;
}

static inline void column_leb(struct column *column, uint64_t value)
{
    if (column->room - column->used < LEB_MAX)
        column_grow(column, LEB_MAX);
    unsigned char *to = column->bytes + column->used;
    while (value >= 0x80) {
        *to++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *to++ = (unsigned char)value;
    column->used = (size_t)(to - column->bytes);
}

static inline uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag(uint64_t value)
{
    return value >> 1 ^ (0 - (value & 1));
}

/* What is read from. Beyond its end, or from a number that is too long, `bad` is set and 0 read. */
struct cursor {
    const unsigned char *at, *end;
    bool bad;
};

static inline unsigned char cursor_byte(struct cursor *cursor)
{
    if (cursor->at < cursor->end)
        return *cursor->at++;
    cursor->bad = true;
    return 0;
}

static inline uint64_t cursor_leb(struct cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; cursor->at < cursor->end && shift < 70; shift += 7) {
        unsigned char byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (shift == 63 && byte > 1)
                break;
            return value;
        }
    }
    cursor->bad = true;
    return 0;
}

/* As many bytes, in place; NULL if there are fewer. */
static inline const unsigned char *cursor_bytes(struct cursor *cursor, uint64_t count)
{
    if (count > (uint64_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        return NULL;
    }
    cursor->at += count;
    return cursor->at - count;
}

#endif
