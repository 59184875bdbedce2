/* SPDX-License-Identifier: MIT */
/*
 * Text put together in a caller's buffer, without allocation, locale or stdio: safe in the middle of
 * malloc, before main and in a signal handler. Text that does not fit is cut; nothing overflows.
 */
#ifndef CAIRN_BASE_PRINT_H
#define CAIRN_BASE_PRINT_H

#include "base/config.h"

struct text {
    char *data;    /* not terminated */
    size_t size;   /* capacity in bytes */
    size_t length; /* <= size */
};

/* A text on the stack, for one line; room is kept for its end. */
#define TEXT_LINE(name)                                                                            \
    char name##_data[512];                                                                         \
    struct text name = {name##_data, sizeof name##_data - 1, 0}

void cairn__text_put(struct text *text, const char *string);
void cairn__text_bytes(struct text *text, const char *bytes, size_t count);
/* The newline of a TEXT_LINE, which there is always room for. */
void cairn__text_end_line(struct text *text);
void cairn__text_uint(struct text *text, uint64_t value);
void cairn__text_pointer(struct text *text, const void *ptr);
/* "12.3 MiB": at most one digit behind the point. */
void cairn__text_size(struct text *text, uint64_t bytes);

#endif
