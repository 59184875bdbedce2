/* SPDX-License-Identifier: MIT */
/*
 * What the tests write into a block, and how they find that it was disturbed.
 *
 * The eight bytes at offset o of a block with key k are (k ^ o) * odd: they differ between keys and
 * between offsets, so a block that was moved by a few bytes, or that carries another block's bytes,
 * is found as surely as one with a flipped bit. Up to PATTERN_FULL bytes every byte is written;
 * in a longer block the first and the last PATTERN_EDGE bytes and a word every PATTERN_STRIDE,
 * because the edges are where allocators err and the time goes into page faults.
 */
#ifndef TEST_PROPERTY_PATTERN_H
#define TEST_PROPERTY_PATTERN_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>

enum {
    PATTERN_FULL = 32768,
    PATTERN_EDGE = 4096,
    PATTERN_STRIDE = 16384,
};

#define PATTERN_INTACT SIZE_MAX

static inline uint64_t pattern_word(uint64_t key, size_t offset)
{
    return (key ^ offset) * 0x9E3779B97F4A7C15u;
}

static inline size_t pattern_word_size(size_t offset, size_t end)
{
    return end - offset < 8 ? end - offset : 8;
}

static inline void pattern_fill_span(unsigned char *ptr, size_t from, size_t to, uint64_t key)
{
    for (size_t offset = from; offset < to; offset += 8) {
        uint64_t word = pattern_word(key, offset);

        memcpy(ptr + offset, &word, pattern_word_size(offset, to));
    }
}

static inline size_t pattern_check_span(const unsigned char *ptr, size_t from, size_t to,
                                        uint64_t key)
{
    for (size_t offset = from; offset < to; offset += 8) {
        uint64_t word = pattern_word(key, offset);
        const unsigned char *expected = (const unsigned char *)&word;
        size_t size = pattern_word_size(offset, to);

        if (memcmp(ptr + offset, expected, size) != 0) {
            for (size_t i = 0; i < size; i++) {
                if (ptr[offset + i] != expected[i]) {
                    return offset + i;
                }
            }
        }
    }
    return PATTERN_INTACT;
}

static inline size_t pattern_tail_start(size_t size)
{
    return (size - PATTERN_EDGE) & ~(size_t)7;
}

static inline void pattern_fill(unsigned char *ptr, size_t size, uint64_t key)
{
    if (size <= PATTERN_FULL) {
        pattern_fill_span(ptr, 0, size, key);
        return;
    }
    size_t tail = pattern_tail_start(size);

    pattern_fill_span(ptr, 0, PATTERN_EDGE, key);
    for (size_t offset = PATTERN_EDGE; offset < tail; offset += PATTERN_STRIDE) {
        pattern_fill_span(ptr, offset, offset + 8, key);
    }
    pattern_fill_span(ptr, tail, size, key);
}

static inline size_t pattern_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * The offset of the first byte below limit that differs from what pattern_fill(ptr, size, key)
 * wrote, or PATTERN_INTACT. The limit is smaller than the size after a block has shrunk.
 */
static inline size_t pattern_mismatch(const unsigned char *ptr, size_t size, size_t limit,
                                      uint64_t key)
{
    limit = pattern_min(limit, size);
    if (size <= PATTERN_FULL) {
        return pattern_check_span(ptr, 0, limit, key);
    }
    size_t tail = pattern_tail_start(size);
    size_t found = pattern_check_span(ptr, 0, pattern_min(PATTERN_EDGE, limit), key);

    for (size_t offset = PATTERN_EDGE; found == PATTERN_INTACT && offset < pattern_min(tail, limit);
         offset += PATTERN_STRIDE) {
        found = pattern_check_span(ptr, offset, pattern_min(offset + 8, limit), key);
    }
    if (found == PATTERN_INTACT && tail < limit) {
        found = pattern_check_span(ptr, tail, limit, key);
    }
    return found;
}

/* The offset of the first byte that is not zero, or PATTERN_INTACT. */
static inline size_t pattern_nonzero(const unsigned char *ptr, size_t size)
{
    if (size == 0 || (ptr[0] == 0 && memcmp(ptr, ptr + 1, size - 1) == 0)) {
        return PATTERN_INTACT;
    }
    size_t offset = 0;

    while (ptr[offset] == 0) {
        offset++;
    }
    return offset;
}

#endif
