/* SPDX-License-Identifier: MIT */
/*
 * What `cairn bench` makes of figures: geometric means, the virtual best, figures that programs tell
 * of themselves, and the histogram of latencies.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bench/workloads/histogram.h"
#include "bench/means.h"
#include "bench/own_figures.h"
#include "bench/suite.h"
#include "text.h"

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-9 * (1 + fabs(expected))))
        fail_msg("%.12g expected, not %.12g", expected, value);
}

static void test_geometric_mean(void **state)
{
    size_t used;
    (void)state;

    assert_near(means_geometric((double[]){2, 8}, 2, &used), 4);
    assert_int_equal(used, 2);
    assert_near(means_geometric((double[]){0.5, 2, 1}, 3, &used), 1);
    assert_near(means_geometric((double[]){3}, 1, &used), 3);
    assert_near(means_geometric(NULL, 0, &used), 0);
    assert_int_equal(used, 0);
    /* What was not measured does not count, not even as 1. */
    assert_near(means_geometric((double[]){4, 0, NAN, INFINITY, -1, 9}, 6, &used), 6);
    assert_int_equal(used, 2);
}

static void test_virtual_best(void **state)
{
    const double medians[] = {0.5, 3, 2, 0, 2.5};
    const bool peers[] = {false, true, true, true, true}, none[5] = {false};
    (void)state;

    /* The least of all is no peer; the one with 0 was not measured. */
    assert_int_equal(means_least(medians, peers, 5), 2);
    assert_int_equal(means_least(medians, none, 5), 5);
    assert_int_equal(means_least(medians, peers, 2), 1);
}

static void test_spread(void **state)
{
    /* Half widths of log 2 and 0: the mean of two is off by 2^(1/2). */
    const struct interval ratios[] = {
        {.count = 5, .median = 1, .low = 0.5, .high = 2},
        {.count = 5, .median = 1, .low = 1, .high = 1},
        {.count = 1, .median = 9, .low = 1, .high = 99},
    };
    (void)state;

    assert_near(means_spread(ratios, 3), sqrt(2));
    assert_near(means_spread(ratios + 2, 1), 1);
    assert_near(means_spread(NULL, 0), 1);
}

static void test_own_figures(void **state)
{
    const char *line = "pair_ns=12.5 nonsense speedup=1.9 =3 bad=x empty= requests_per_second=1e6";
    const char *at = line;
    char key[OWN_KEY];
    double value;
    (void)state;

    assert_true(own_figure_next(&at, key, &value));
    assert_string_equal(key, "pair_ns");
    assert_near(value, 12.5);
    assert_true(own_figure_next(&at, key, &value));
    assert_string_equal(key, "speedup");
    assert_true(own_figure_next(&at, key, &value));
    assert_string_equal(key, "requests_per_second");
    assert_near(value, 1e6);
    assert_false(own_figure_next(&at, key, &value));
    assert_near(own_figure_of(line, "speedup"), 1.9);
    assert_true(isnan(own_figure_of(line, "speed")));
    assert_true(isnan(own_figure_of("", "pair_ns")));
}

static void assert_text(const char *key, double value, const char *expected)
{
    char *text = own_figure_text(key, value);
    assert_string_equal(text, expected);
    free(text);
}

static void test_own_units(void **state)
{
    double factor;
    (void)state;

    assert_string_equal(own_figure_better("requests_per_second"), "more");
    assert_string_equal(own_figure_better("speedup"), "more");
    assert_string_equal(own_figure_better("walk_ns"), "less");
    assert_null(own_figure_better("threads"));
    assert_string_equal(own_figure_unit("frame_worst_us", &factor), "seconds");
    assert_near(factor, 1e-6);
    assert_string_equal(own_figure_unit("walk_ns", &factor), "nanoseconds");
    assert_near(factor, 1);
    assert_text("walk_ns", 1.234, "1.23 ns");
    char micro[16];
    snprintf(micro, sizeof micro, "1.00 %s", text_signs()->microseconds);
    assert_text("walk_ns", 999.7, micro);
    assert_text("frame_us", 1234, "1.23 ms");
    assert_text("x_per_second", 12345678, "12.3 M/s");
    assert_text("threads", 2, "2");
    assert_text("speedup", 1.987, "1.99");
    assert_text("walk_ns", NAN, "-");
}

/* Each value lies in its bin, and bins follow each other without gaps. */
static void test_histogram_bins(void **state)
{
    (void)state;

    for (size_t bin = 1; bin < HISTOGRAM_BINS; bin++) {
        uint64_t first = histogram_bin_end(bin - 1) + 1, end = histogram_bin_end(bin);
        assert_int_equal(histogram_bin(first), bin);
        assert_int_equal(histogram_bin(end), bin);
        if (first >= HISTOGRAM_PER_DOUBLING)
            assert_true(end - first < first / HISTOGRAM_PER_DOUBLING + 1);
    }
    assert_int_equal(histogram_bin(0), 0);
    assert_int_equal(histogram_bin(UINT64_MAX), HISTOGRAM_BINS - 1);
    assert_true(histogram_bin_end(HISTOGRAM_BINS - 1) == UINT64_MAX);
}

static void test_histogram_quantiles(void **state)
{
    static struct histogram one, other;
    (void)state;

    assert_int_equal(histogram_quantile(&one, 0.5), 0);
    for (uint64_t value = 1; value <= 1000; value++)
        histogram_add(value % 2 ? &one : &other, value);
    histogram_add(&other, 5000000);
    histogram_merge(&one, &other);
    assert_int_equal(one.count, 1001);
    assert_int_equal(one.worst, 5000000);
    assert_in_range(histogram_quantile(&one, 0.5), 501, 501 + 501 / 32);
    assert_in_range(histogram_quantile(&one, 0.99), 991, 991 + 991 / 32);
    assert_int_equal(histogram_quantile(&one, 1), 5000000);
    assert_int_equal(histogram_quantile(&one, 0), 1);
    assert_int_equal(histogram_quantile(&one, 0.01), 11);
}

/* Rows have names of their own, and the table for choosing asks for rows that there are. */
static void test_suite(void **state)
{
    (void)state;

    for (size_t i = 0; i < suite_count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(suite_rows[i].name, suite_rows[k].name);
    for (size_t c = 0; c < suite_choice_count; c++) {
        const struct suite_row *found = NULL;
        for (size_t i = 0; i < suite_count; i++)
            if (strcmp(suite_rows[i].name, suite_choices[c].row) == 0)
                found = &suite_rows[i];
        assert_non_null(found);
        assert_true(found->flags & SUITE_CHOICE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geometric_mean),
        cmocka_unit_test(test_virtual_best),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_own_figures),
        cmocka_unit_test(test_own_units),
        cmocka_unit_test(test_histogram_bins),
        cmocka_unit_test(test_histogram_quantiles),
        cmocka_unit_test(test_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
