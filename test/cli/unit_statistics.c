/* SPDX-License-Identifier: MIT */
/*
 * Medians and their intervals, against figures worked out by hand from the binomial distribution.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "statistics.h"

static const double near = 1e-9;

static void median_of_odd_and_even_counts(void **state)
{
    (void)state;
    assert_float_equal(statistics_interval((double[]){7}, 1).median, 7, near);
    assert_float_equal(statistics_interval((double[]){9, 1}, 2).median, 5, near);
    assert_float_equal(statistics_interval((double[]){5, 1, 3}, 3).median, 3, near);
    assert_float_equal(statistics_interval((double[]){10, 3, 1, 2}, 4).median, 2.5, near);
    assert_float_equal(statistics_interval((double[]){-1, -5, 0}, 3).median, -1, near);
}

static void nothing_gives_nothing(void **state)
{
    (void)state;
    struct interval interval = statistics_interval(NULL, 0);
    assert_int_equal(interval.count, 0);
    assert_float_equal(interval.confidence, 0, near);
    assert_int_equal(statistics_side(&interval, 1), SIDE_UNKNOWN);
}

static void input_stays_as_it_is(void **state)
{
    (void)state;
    double values[] = {3, 1, 2};
    statistics_interval(values, 3);
    assert_float_equal(values[0], 3, near);
    assert_float_equal(values[1], 1, near);
    assert_float_equal(values[2], 2, near);
}

/* confidence = 1 - 2 (C(n,0) + … + C(n,k-1)) / 2^n */
static void ranks_and_confidences(void **state)
{
    static const struct {
        size_t count, rank;
        double confidence;
    } known[] = {
        {1, 1, 0},
        {2, 1, 0.5},
        {3, 1, 0.75},
        {4, 1, 0.875},
        {5, 1, 0.9375},
        {6, 1, 1 - 2.0 / 64},
        {7, 1, 1 - 2.0 / 128},
        {8, 1, 1 - 2.0 / 256}, /* k = 2 has 1 - 18/256 = 0.93 */
        {9, 2, 1 - 20.0 / 512},
        {10, 2, 1 - 22.0 / 1024},
        {12, 3, 1 - 2 * (1 + 12 + 66) / 4096.0},
        {20, 6, 1 - 2 * (1 + 20 + 190 + 1140 + 4845 + 15504) / 1048576.0},
    };
    double confidence;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(statistics_rank(known[i].count, &confidence), known[i].rank);
        assert_float_equal(confidence, known[i].confidence, near);
    }
}

/* From 6 values on, 95 % is kept; and the next rank would not keep it. */
static void confidence_is_kept_up_to_the_most(void **state)
{
    double confidence;
    size_t last = 0;

    (void)state;
    for (size_t count = 6; count <= STATISTICS_MOST; count++) {
        size_t rank = statistics_rank(count, &confidence);
        assert_true(confidence >= 0.95 && confidence < 1);
        assert_true(rank >= last && rank <= (count + 1) / 2);
        last = rank;
    }
    assert_int_equal(statistics_rank(100, &confidence), 40); /* as tables have it: 40th to 61st */
    assert_float_equal(confidence, 0.9648, 0.00005);
    assert_true(last > 465 && last < 471); /* 500 - 1.96 sqrt(1000) / 2 */
}

static void interval_takes_the_ranked_values(void **state)
{
    double values[20];

    (void)state;
    for (size_t i = 0; i < 20; i++)
        values[i] = (double)((i * 7) % 20 + 1); /* 1 to 20, mixed */
    struct interval interval = statistics_interval(values, 20);
    assert_float_equal(interval.median, 10.5, near);
    assert_float_equal(interval.low, 6, near);
    assert_float_equal(interval.high, 15, near);

    interval = statistics_interval(values, 5);
    assert_float_equal(interval.low, 1, near);
    assert_float_equal(interval.high, 15, near);
    assert_float_equal(interval.median, 8, near);
}

static void sides(void **state)
{
    struct interval below = statistics_interval((double[]){0.8, 0.9, 0.85, 0.95, 0.7}, 5);
    struct interval above = statistics_interval((double[]){1.1, 1.2, 1.05, 1.3, 1.01}, 5);
    struct interval across = statistics_interval((double[]){0.9, 1.2, 1.05, 1.3, 1.01}, 5);
    struct interval touching = statistics_interval((double[]){1, 1, 1.05, 1.3, 1.01}, 5);
    struct interval few = statistics_interval((double[]){2, 2}, 2);

    (void)state;
    assert_int_equal(statistics_side(&below, 1), SIDE_BELOW);
    assert_int_equal(statistics_side(&above, 1), SIDE_ABOVE);
    assert_int_equal(statistics_side(&across, 1), SIDE_NOISE);
    assert_int_equal(statistics_side(&touching, 1), SIDE_NOISE);
    assert_int_equal(statistics_side(&few, 1), SIDE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(median_of_odd_and_even_counts),
        cmocka_unit_test(nothing_gives_nothing),
        cmocka_unit_test(input_stays_as_it_is),
        cmocka_unit_test(ranks_and_confidences),
        cmocka_unit_test(confidence_is_kept_up_to_the_most),
        cmocka_unit_test(interval_takes_the_ranked_values),
        cmocka_unit_test(sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
