/* SPDX-License-Identifier: MIT */
/*
 * The figures that a program of the suite tells of itself, in the last line that it writes to stdout:
 * key=value, separated by spaces. The end of a key is its unit (_ns, _us, _ms, _bytes, _per_second);
 * without one it is a plain number.
 */
#ifndef CAIRN_TOOLS_BENCH_OWN_FIGURES_H
#define CAIRN_TOOLS_BENCH_OWN_FIGURES_H

#include <stdbool.h>

enum { OWN_KEY = 48 };

/*
 * The next figure of the line, which `*at` is moved along; words that are none are passed over.
 * False at its end.
 */
bool own_figure_next(const char **at, char key[OWN_KEY], double *value);

/* The figure of that key in the line; NaN if there is none. */
double own_figure_of(const char *line, const char *key);

/* "less", "more", or NULL where neither is better. */
const char *own_figure_better(const char *key);

/* As documents want it: the unit, and what to multiply the value with to have it in that. */
const char *own_figure_unit(const char *key, double *factor);

/* The key without its unit and with spaces; and the value with it: "12.3 ns". For free(). */
char *own_figure_name(const char *key);
char *own_figure_text(const char *key, double value);

#endif
