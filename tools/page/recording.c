/* SPDX-License-Identifier: MIT */
/* What the page needs of recordings: see recording.h. */
#define _GNU_SOURCE
#include "page/recording.h"

#include "message.h"

bool recording_read(struct recording *recording, const char *path,
                    const struct report_options *options)
{
    (void)recording, (void)options;
    message("%s is no document; recordings cannot be read yet", path);
    return false;
}

void recording_fini(struct recording *recording)
{
    (void)recording;
}

json_t *recording_document(struct recording *recording, char **argv)
{
    (void)recording, (void)argv;
    return NULL;
}

void recording_print(struct recording *recording, FILE *to, size_t columns, bool color)
{
    (void)recording, (void)to, (void)columns, (void)color;
}

json_t *recording_difference(struct recording *before, struct recording *after, char **argv)
{
    (void)before, (void)after, (void)argv;
    return NULL;
}

void recording_print_difference(struct recording *before, struct recording *after, FILE *to,
                                size_t columns, bool color)
{
    (void)before, (void)after, (void)to, (void)columns, (void)color;
}

bool recording_export(struct recording *recording, const char *format, FILE *to)
{
    (void)recording, (void)format, (void)to;
    return false;
}

bool recording_within(const struct recording *recording, const struct limits *limits)
{
    (void)recording, (void)limits;
    return true;
}
