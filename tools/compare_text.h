/* SPDX-License-Identifier: MIT */
/* Cells of tables that compare allocators: times with their intervals, ratios with their marks. */
#ifndef CAIRN_TOOLS_COMPARE_TEXT_H
#define CAIRN_TOOLS_COMPARE_TEXT_H

#include <stdio.h>

#include "compare.h"

/* One unit for the whole column of times, so that its figures can be compared at a glance. */
struct compare_scale {
    double factor;
    const char *unit;
    int decimals;
};

struct compare_scale compare_scale(const struct comparison *comparison);

/* These are freed by the caller, or become a table's. "1.23 s ± 0.02" */
char *compare_time_text(const struct compare_scale *scale, const struct interval *time);

/* "0.88", "~1.01" within noise, "?1.01" where that cannot be told, "-" without a figure. */
char *compare_ratio_text(const struct interval *ratio, bool is_baseline);

/* Breaks the text into lines at spaces. */
void compare_print_wrapped(const char *text, FILE *to, size_t columns);

#endif
