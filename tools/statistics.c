/* SPDX-License-Identifier: MIT */
/* Medians and their intervals: see statistics.h. */
#include "statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

static const double wanted_confidence = 0.95;

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

size_t statistics_rank(size_t count, double *confidence)
{
    /* below = P(B <= rank-1), summed from its terms: C(n,k+1) = C(n,k) (n-k)/(k+1). */
    double term = ldexp(1, -(int)count), below = term;
    size_t rank = 1;

    while (rank <= count / 2) {
        double next = term * (double)(count - rank + 1) / (double)rank;
        if (rank + 1 > (count + 1) / 2 || 1 - 2 * (below + next) < wanted_confidence)
            break;
        term = next;
        below += next;
        rank++;
    }
    *confidence = count > 1 ? 1 - 2 * below : 0;
    return rank;
}

struct interval statistics_interval(const double *values, size_t count)
{
    struct interval result = {.count = count};

    if (count == 0)
        return result;
    double *sorted = memory_take(count, sizeof *sorted);
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_value);
    result.median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    size_t rank = statistics_rank(count, &result.confidence);
    result.low = sorted[rank - 1];
    result.high = sorted[count - rank];
    free(sorted);
    return result;
}

enum statistics_side statistics_side(const struct interval *interval, double mark)
{
    if (interval->count < STATISTICS_FEWEST)
        return SIDE_UNKNOWN;
    if (interval->high < mark)
        return SIDE_BELOW;
    return interval->low > mark ? SIDE_ABOVE : SIDE_NOISE;
}
