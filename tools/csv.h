/* SPDX-License-Identifier: MIT */
/* Comma-separated values, as RFC 4180 has them. */
#ifndef CAIRN_TOOLS_CSV_H
#define CAIRN_TOOLS_CSV_H

#include <stdio.h>

/* One field, quoted if it needs it; commas and newlines between fields are the caller's. */
void csv_field(FILE *to, const char *text);

#endif
