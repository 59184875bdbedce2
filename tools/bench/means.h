/* SPDX-License-Identifier: MIT */
/*
 * What many ratios amount to. Ratios multiply, so their mean is the geometric one (P. J. Fleming and
 * J. J. Wallace, How not to lie with statistics, 1986): it does not depend on what the ratios are to.
 * The virtual best of a program is the least figure that any of the peers has there.
 */
#ifndef CAIRN_TOOLS_BENCH_MEANS_H
#define CAIRN_TOOLS_BENCH_MEANS_H

#include <stdbool.h>
#include <stddef.h>

#include "statistics.h"

/*
 * The geometric mean of those values that are positive and finite; `*used` is how many these are.
 * 0 if there are none.
 */
double means_geometric(const double *values, size_t count, size_t *used);

/* The index of the least positive value among those that are `allowed`; `count` if there is none. */
size_t means_least(const double *values, const bool *allowed, size_t count);

/*
 * By what factor, at most, the geometric mean of the intervals' medians is off, if their errors are
 * independent: exp of the root of the summed squares of half their widths in logarithms, divided by
 * their number. Intervals of fewer than two values are passed over; 1 if there are no others.
 */
double means_spread(const struct interval *ratios, size_t count);

#endif
