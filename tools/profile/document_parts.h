/* SPDX-License-Identifier: MIT */
/* Sections that the documents of a profile and of a difference have in common. */
#ifndef CAIRN_TOOLS_PROFILE_DOCUMENT_PARTS_H
#define CAIRN_TOOLS_PROFILE_DOCUMENT_PARTS_H

#include "json.h"
#include "profile/call_tree.h"
#include "profile/profile.h"

enum part_histogram { PART_SIZES, PART_LIFETIMES };

/* Live bytes over time: a line of the moments and one of the most between them. The names get
 * `suffix`; two profiles can be put into one section. */
json_t *part_live_series(json_t *document);
void part_live_lines(json_t *series, const struct profile *profile, const char *suffix);

/* Allocations a second. */
json_t *part_rate_series(json_t *document);
void part_rate_line(json_t *series, const struct profile *profile, const char *name);

void part_histogram(json_t *document, const struct profile *profile, enum part_histogram which,
                    const char *title);

/* The tree, pruned; `metrics` of its values, which the section has already. */
void part_flame_nodes(json_t *flame, struct call_tree *tree, unsigned metrics);

/* The address space at the peak; nothing if there was none. */
void part_heap_map(json_t *document, const struct profile *profile);

/* What was recorded, and which process of it this is, if it is one of several. The caller frees it. */
char *part_title(const struct profile *profile);

/* "From a.czt to b.czt, process 3 of each". The caller frees it. */
char *part_difference_title(const struct profile *before, const struct profile *after);

/* "process 3, cc1 prog.c", in one line. The caller frees it. */
char *part_process(const struct profile *profile, uint32_t process);

/* "file.c:12", or the name of the module, or nothing: for tables. The caller frees it. */
char *part_place(const char *file, unsigned line, const char *module);

#endif
