/* SPDX-License-Identifier: MIT */
/* Medians in JSON documents. */
#ifndef CAIRN_TOOLS_STATISTICS_JSON_H
#define CAIRN_TOOLS_STATISTICS_JSON_H

#include "json.h"
#include "statistics.h"

/* An object, or null for an interval of no values. */
json_t *json_from_interval(const struct interval *interval);

#endif
