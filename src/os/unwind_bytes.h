/* SPDX-License-Identifier: MIT */
/*
 * Reading the tables: numbers as DWARF writes them, one after the other, up to an end. What goes
 * beyond it reads as zero, and is remembered, so that one question at the end is enough.
 */
#ifndef CAIRN_OS_UNWIND_BYTES_H
#define CAIRN_OS_UNWIND_BYTES_H

#include <string.h>

#include "base/config.h"

struct bytes {
    const uint8_t *at;
    const uint8_t *end;
    bool broken; /* something did not fit, or was of no kind that is known */
};

static inline bool bytes_left(const struct bytes *bytes)
{
    return !bytes->broken && bytes->at < bytes->end;
}

/* A number of 1, 2, 4 or 8 bytes, in the machine's order. */
static inline uint64_t bytes_fixed(struct bytes *bytes, size_t size)
{
    uint64_t value = 0;
    if (bytes->broken || (size_t)(bytes->end - bytes->at) < size) {
        bytes->broken = true;
        return 0;
    }
    memcpy(&value, bytes->at, size); /* both machines begin with the least byte */
    bytes->at += size;
    return value;
}

static inline int64_t bytes_signed(struct bytes *bytes, size_t size)
{
    unsigned spare = (unsigned)(64 - size * 8);
    return (int64_t)(bytes_fixed(bytes, size) << spare) >> spare;
}

/* Seven bits a byte, the last without the highest; *sign_from: how many bits it had. */
static inline uint64_t bytes_leb(struct bytes *bytes, unsigned *count)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = (uint8_t)bytes_fixed(bytes, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    *count = shift;
    return value;
}

static inline uint64_t bytes_uleb(struct bytes *bytes)
{
    unsigned count;
    return bytes_leb(bytes, &count);
}

static inline int64_t bytes_sleb(struct bytes *bytes)
{
    unsigned count;
    uint64_t value = bytes_leb(bytes, &count);
    if (count < 64 && (value >> (count - 1) & 1) != 0)
        value |= UINT64_MAX << count;
    return (int64_t)value;
}

static inline void bytes_skip(struct bytes *bytes, uint64_t count)
{
    if (bytes->broken || (uint64_t)(bytes->end - bytes->at) < count)
        bytes->broken = true;
    else
        bytes->at += count;
}

/* A part of `size` bytes, which is stepped over. */
static inline struct bytes bytes_part(struct bytes *bytes, uint64_t size)
{
    struct bytes part = {bytes->at, bytes->at, true};
    bytes_skip(bytes, size);
    if (!bytes->broken)
        part = (struct bytes){part.at, bytes->at, false};
    return part;
}

/* How a pointer is written (Linux Standard Base, DWARF Extensions): the low four bits say how long
 * it is, the next three from where it counts. */
enum {
    POINTER_ABSOLUTE = 0,
    POINTER_FROM_HERE = 0x10,
    POINTER_FROM_INDEX = 0x30,
    POINTER_WHENCE = 0x70,
    POINTER_INDIRECT = 0x80,
    POINTER_NONE = 0xff
};

/* index: what POINTER_FROM_INDEX counts from. A pointer to a pointer is not followed. */
static inline uintptr_t bytes_pointer(struct bytes *bytes, unsigned kind, uintptr_t index)
{
    uintptr_t here = (uintptr_t)bytes->at;
    uint64_t value = 0;
    switch (kind & 0x0f) {
    case 0x00:
    case 0x04:
    case 0x0c:
        value = bytes_fixed(bytes, 8);
        break;
    case 0x01:
        value = bytes_uleb(bytes);
        break;
    case 0x02:
        value = bytes_fixed(bytes, 2);
        break;
    case 0x03:
        value = bytes_fixed(bytes, 4);
        break;
    case 0x09:
        value = (uint64_t)bytes_sleb(bytes);
        break;
    case 0x0a:
        value = (uint64_t)bytes_signed(bytes, 2);
        break;
    case 0x0b:
        value = (uint64_t)bytes_signed(bytes, 4);
        break;
    default:
        bytes->broken = true;
    }
    if ((kind & POINTER_WHENCE) == POINTER_FROM_HERE)
        value += here;
    else if ((kind & POINTER_WHENCE) == POINTER_FROM_INDEX)
        value += index;
    else if ((kind & POINTER_WHENCE) != POINTER_ABSOLUTE)
        bytes->broken = true;
    return (uintptr_t)value;
}

#endif
