/* SPDX-License-Identifier: MIT */
/* Geometric means and the virtual best: see means.h. */
#include "bench/means.h"

#include <math.h>

static bool counts(double value)
{
    return value > 0 && isfinite(value);
}

double means_geometric(const double *values, size_t count, size_t *used)
{
    double sum = 0;

    *used = 0;
    for (size_t i = 0; i < count; i++) {
        if (!counts(values[i]))
            continue;
        sum += log(values[i]);
        (*used)++;
    }
    return *used > 0 ? exp(sum / (double)*used) : 0;
}

size_t means_least(const double *values, const bool *allowed, size_t count)
{
    size_t least = count;

    for (size_t i = 0; i < count; i++)
        if (allowed[i] && counts(values[i]) && (least == count || values[i] < values[least]))
            least = i;
    return least;
}

double means_spread(const struct interval *ratios, size_t count)
{
    double squares = 0;
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        if (ratios[i].count < 2 || !counts(ratios[i].low) || !counts(ratios[i].high))
            continue;
        double half = log(ratios[i].high / ratios[i].low) / 2;
        squares += half * half;
        used++;
    }
    return used > 0 ? exp(sqrt(squares) / (double)used) : 1;
}
