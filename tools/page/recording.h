/* SPDX-License-Identifier: MIT */
/* A recording as `cairn report` and `cairn diff` see it: its profile, with names for its stacks. */
#ifndef CAIRN_TOOLS_PAGE_RECORDING_H
#define CAIRN_TOOLS_PAGE_RECORDING_H

#include <stdio.h>

#include "json.h"
#include "page/report_options.h"
#include "profile/profile.h"
#include "profile/symbols.h"

struct recording {
    struct profile profile;
    struct symbols *symbols;
};

/* Reads it, the options' process of it, without what their suppressions leave out. False after a
 * message. A file that is damaged is read up to the damage, after a message. */
bool recording_read(struct recording *recording, const char *path,
                    const struct report_options *options);
void recording_fini(struct recording *recording);

/* The words of the command that is running go into the document. */
json_t *recording_document(struct recording *recording, char **argv);
void recording_print(struct recording *recording, FILE *to, size_t columns, bool color);

json_t *recording_difference(struct recording *before, struct recording *after, char **argv);
void recording_print_difference(struct recording *before, struct recording *after, FILE *to,
                                size_t columns, bool color);

/* False after a message, if writing failed or there is no such format. */
bool recording_export(struct recording *recording, const char *format, FILE *to);

/* Whether the limits hold: says which do not. They do not if the recording is not whole. */
bool recording_within(const struct recording *recording, const struct limits *limits);

#endif
