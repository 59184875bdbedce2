/* SPDX-License-Identifier: MIT */
/* See statistics_json.h. */
#include "statistics_json.h"

json_t *json_from_interval(const struct interval *interval)
{
    if (interval->count == 0)
        return json_null();
    json_t *object = json_object();
    json_put(object, "median", json_from_real(interval->median));
    json_put(object, "low", json_from_real(interval->low));
    json_put(object, "high", json_from_real(interval->high));
    json_put(object, "confidence", json_from_real(interval->confidence));
    json_put(object, "count", json_integer((json_int_t)interval->count));
    return object;
}
