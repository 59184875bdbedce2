/* SPDX-License-Identifier: MIT */
/* bits.h against the plainest way to say the same. */
#include "unit/unit.h"

#include "base/bits.h"

static void powers_of_two(void **state)
{
    (void)state;
    assert_false(is_power_of_two(0));
    for (unsigned bit = 0; bit < 64; bit++) {
        size_t x = (size_t)1 << bit;
        assert_true(is_power_of_two(x));
        assert_int_equal(log2_floor(x), bit);
        assert_true(power_of_two_below(x) == x);
        assert_int_equal(lowest_bit(x), bit);
        assert_int_equal(lowest_bit(x | (uint64_t)1 << 63), bit);
        if (bit < 2)
            continue;
        assert_false(is_power_of_two(x - 1));
        assert_false(is_power_of_two(x + 1));
        assert_int_equal(log2_floor(x - 1), bit - 1);
        assert_int_equal(log2_floor(x + 1), bit);
        assert_true(power_of_two_below(2 * x - 1) == x || bit == 63);
    }
    assert_int_equal(log2_floor(SIZE_MAX), 63);
    assert_true(power_of_two_below(SIZE_MAX) == (size_t)1 << 63);
}

static void rounding(void **state)
{
    (void)state;
    for (size_t align = 1; align <= 256; align *= 2)
        for (size_t x = 0; x <= 1024; x++) {
            assert_int_equal(round_down(x, align), x / align * align);
            assert_int_equal(round_up(x, align), (x + align - 1) / align * align);
            assert_int_equal(is_aligned(x, align), x % align == 0);
        }
    assert_int_equal(round_up(0, 4096), 0);
    assert_true(round_up(SIZE_MAX, 4096) == 0); /* wraps: callers bound x first */
    assert_int_equal(size_min(3, 5), 3);
    assert_int_equal(size_max(3, 5), 5);
    assert_int_equal(size_min(5, 5), 5);
}

static void masks(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 32; at++)
        for (unsigned n = 0; n + at <= 32; n++) {
            uint32_t mask = 0;
            for (unsigned bit = at; bit < at + n; bit++)
                mask |= (uint32_t)1 << bit;
            assert_int_equal(mask32(at, n), mask);
        }
}

static uint32_t slow_runs_of(uint32_t mask, unsigned n)
{
    uint32_t starts = 0;
    for (unsigned at = 0; at + n <= 32; at++) {
        uint32_t run = (uint32_t)((((uint64_t)1 << n) - 1) << at);
        if ((mask & run) == run)
            starts |= (uint32_t)1 << at;
    }
    return starts;
}

static void check_runs(uint32_t mask)
{
    unsigned longest = 0;
    for (unsigned n = 1; n <= 32; n++) {
        uint32_t starts = slow_runs_of(mask, n);
        assert_int_equal(runs_of(mask, n), starts);
        if (starts != 0)
            longest = n;
    }
    assert_int_equal(longest_run(mask), longest);
}

static void runs(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (uint32_t mask = 0; mask < 4096; mask++) {
        check_runs(mask);
        check_runs(mask << 20);
        check_runs(~mask);
        check_runs(mask * 0x00100401u);
    }
    for (size_t i = 0; i < 10000; i++) {
        uint32_t sparse = (uint32_t)unit_random(&seed) & (uint32_t)unit_random(&seed);
        check_runs(sparse);
        check_runs(~sparse);
        check_runs((uint32_t)unit_random(&seed));
    }
    check_runs(UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_of_two),
        cmocka_unit_test(rounding),
        cmocka_unit_test(masks),
        cmocka_unit_test(runs),
    };
    return UNIT_MAIN(tests);
}
