/* SPDX-License-Identifier: MIT */
/* The tables of class.h, worked out by the compiler. */
#include "core/class.h"

/* Block size of class c. */
#define STEP(c) ((c) < 33 ? 0 : ((c)-33) / 8) /* doublings beyond 512 */
#define SIZE(c) ((c) <= 32 ? 16 * (c) : (512 << STEP(c)) + ((((c)-33) % 8) + 1) * (64 << STEP(c)))
/* A page holds eight blocks or more. */
#define UNITS(c)    (SIZE(c) <= 4096 ? 1 : (8 * SIZE(c) + GUARD_BYTES + 65535) / 65536)
#define CAPACITY(c) ((UNITS(c) * 65536 - GUARD_BYTES) / SIZE(c))
/*
 * A 16th of the page: later costs memory, earlier costs time, because each listing is a trip through
 * the slow path that yields few blocks. At least 4 blocks, at most 128 and a quarter of the page.
 */
#define CLAMP(low, x, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))
#define QUARTER(c, x)       ((x) > CAPACITY(c) / 4 ? CAPACITY(c) / 4 : (x))
#define WAKE(c)             QUARTER(c, CLAMP(4, CAPACITY(c) / 16, 128))

#define CLASS(c)                                                                                   \
    {                                                                                              \
        SIZE(c), (uint16_t)CAPACITY(c), (uint8_t)UNITS(c), (uint8_t)WAKE(c)                        \
    }
#define CLASSES8(c)                                                                                \
    CLASS(c), CLASS(c + 1), CLASS(c + 2), CLASS(c + 3), CLASS(c + 4), CLASS(c + 5), CLASS(c + 6),  \
        CLASS(c + 7)

const struct class_info cairn__classes[CLASS_COUNT] = {
    {0, 0, 0, 0},
    CLASSES8(1),
    CLASSES8(9),
    CLASSES8(17),
    CLASSES8(25),
    CLASSES8(33),
    CLASSES8(41),
    CLASSES8(49),
    CLASSES8(57),
    CLASSES8(65),
    CLASSES8(73),
    CLASSES8(81),
    CLASSES8(89),
#if CAIRN_HARDENED
    {16, UNIT_SIZE / 16, 1, 128},
#endif
};

#if CHECKED
#define FACTOR(c) UINT64_MAX / SIZE(c) + 1
#define FACTORS8(c)                                                                                \
    FACTOR(c), FACTOR(c + 1), FACTOR(c + 2), FACTOR(c + 3), FACTOR(c + 4), FACTOR(c + 5),          \
        FACTOR(c + 6), FACTOR(c + 7)

const uint64_t cairn__class_factors[CLASS_COUNT] = {
    0,
    FACTORS8(1),
    FACTORS8(9),
    FACTORS8(17),
    FACTORS8(25),
    FACTORS8(33),
    FACTORS8(41),
    FACTORS8(49),
    FACTORS8(57),
    FACTORS8(65),
    FACTORS8(73),
    FACTORS8(81),
    FACTORS8(89),
};
#endif

/* Class of 16 * i bytes, and of the 15 sizes below. */
#define OF(i)   (uint8_t)((i) <= 32 ? (i) : (i) <= 64 ? 32 + ((i)-32 + 3) / 4 : 40 + ((i)-64 + 7) / 8)
#define OF4(i)  OF(i), OF(i), OF(i), OF(i)
#define OF16(i) OF4(i), OF4(i), OF4(i), OF4(i)
#define OF128(i)                                                                                   \
    OF16(i), OF16(i + 1), OF16(i + 2), OF16(i + 3), OF16(i + 4), OF16(i + 5), OF16(i + 6),         \
        OF16(i + 7)
#define OF512(i) OF128(i), OF128(i + 8), OF128(i + 16), OF128(i + 24)

const uint8_t cairn__small_classes[SMALL_MAX + 1] = {0, OF512(1), OF512(33), OF512(65), OF512(97)};

unsigned cairn__class_aligned(size_t size, size_t align)
{
    size_t need = size_max(size, align);
    if (need > MEDIUM_MAX)
        return 0;
    /* A power of two is a class itself and ends each run of eight: the search is short. */
    unsigned class = class_of(need);
    while (cairn__classes[class].size % align != 0)
        class ++;
    return class;
}
