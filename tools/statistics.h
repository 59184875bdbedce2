/* SPDX-License-Identifier: MIT */
/*
 * Medians and how far to trust them.
 *
 * The interval of a median comes from order statistics and assumes nothing about the distribution
 * (W. J. Conover, Practical Nonparametric Statistics, 3.2): of n independent values, the number
 * that lie below the true median is binomial(n, 1/2). So the k-th smallest and the k-th largest
 * enclose it with probability 1 - 2 P(B <= k-1); k is the largest that keeps 95 %. With fewer than
 * 6 values even the whole range falls short of it; then the range is given, with the confidence it
 * has.
 */
#ifndef CAIRN_TOOLS_STATISTICS_H
#define CAIRN_TOOLS_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* More values than this are refused by the verbs (2^-n must stay a normal double). */
enum { STATISTICS_MOST = 1000 };

/* With fewer than these nothing is said about noise; their range has a confidence of 75 %. */
enum { STATISTICS_FEWEST = 3 };

struct interval {
    size_t count; /* values it is made of; 0: all else is 0 too */
    double median;
    double low, high;  /* the interval of the median */
    double confidence; /* that low..high encloses the true median: 0.95 or more from 6 values on */
};

enum statistics_side {
    SIDE_UNKNOWN, /* too few values to say */
    SIDE_NOISE,   /* the interval covers the mark */
    SIDE_BELOW,
    SIDE_ABOVE,
};

struct interval statistics_interval(const double *values, size_t count);

/* On which side of `mark` the interval lies. */
enum statistics_side statistics_side(const struct interval *interval, double mark);

/* For `count` values: the rank k described above, and the confidence that it has. */
size_t statistics_rank(size_t count, double *confidence);

#endif
