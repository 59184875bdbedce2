/* SPDX-License-Identifier: MIT */
/* What `cairn report` and `cairn diff` say alike. */
#ifndef CAIRN_TOOLS_PAGE_REPORT_H
#define CAIRN_TOOLS_PAGE_REPORT_H

#include "json.h"
#include "page/report_options.h"

/* The page's name if none is given, after a file's. The caller frees it. */
char *report_page_name(const char *path);

/* To stdout: the page at `path` is written; the first figures of the document; what can be done next. */
void report_tell_page(const char *path, const char *next, const json_t *document);

/* Whether the page (named `page` by default), or the file of -o, can be written: better said before a
 * long recording is read. False after a message: it exists, or is one of those that are read. */
bool report_may_write(const struct report_options *options, const char *verb, const char *page);

#endif
