/* SPDX-License-Identifier: MIT */
/* The parts of bench_print() that are files of their own. */
#ifndef CAIRN_TOOLS_BENCH_PRINT_H
#define CAIRN_TOOLS_BENCH_PRINT_H

#include "bench/bench.h"
#include "table.h"

/* One program: a row for each allocator, and tables for figures that are many. */
void bench_print_row(const struct bench *bench, const struct bench_row *row, FILE *to, bool color);

#endif
