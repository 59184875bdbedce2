/* SPDX-License-Identifier: MIT */
/* Long names made short, for lines of few columns. */
#ifndef CAIRN_TOOLS_PROFILE_SHORT_NAME_H
#define CAIRN_TOOLS_PROFILE_SHORT_NAME_H

#include <stddef.h>

/* Without parameters and template arguments: "std::vector<>::push_back". The caller frees it. */
char *short_name(const char *name);

/* At most `columns` columns: what is too much in the middle becomes an ellipsis. The caller frees
 * it. */
char *fitted(const char *text, size_t columns);

#endif
