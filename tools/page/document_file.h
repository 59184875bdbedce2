/* SPDX-License-Identifier: MIT */
/* Documents (see document.h) from files, and what may be in a file that `cairn report` is given. */
#ifndef CAIRN_TOOLS_PAGE_DOCUMENT_FILE_H
#define CAIRN_TOOLS_PAGE_DOCUMENT_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "json.h"

/* The greatest version of any schema that this command reads. */
enum { DOCUMENT_VERSION_MOST = 1 };

enum document_source { SOURCE_NONE, SOURCE_DOCUMENT, SOURCE_RECORDING };

/* By its first letters; - is standard input; what is in a pipe stays there. SOURCE_NONE after a message: it cannot be read, or is empty. */
enum document_source document_source_of(const char *path);

/*
 * The document in a file: an object whose schema begins with "cairn." and whose version is known.
 * Control characters in its texts are replaced, so that a terminal does not take them for orders.
 * NULL after a message.
 */
json_t *document_read(const char *path);

/* Writes it: a line for each member and each section, without a newline at the end. A failed write
 * shows in ferror(). Whole numbers become integers. */
void document_write(json_t *document, FILE *to);

/* Real numbers that are whole become integers, everywhere in it. */
void document_shorten(json_t *document);

#endif
