/* SPDX-License-Identifier: MIT */
/*
 * Text on its way to whoever wants it, in pieces of about a line, through a buffer on the stack.
 * Nothing allocates. One thread's.
 */
#ifndef CAIRN_WATCH_OUTPUT_H
#define CAIRN_WATCH_OUTPUT_H

#include "base/print.h"

typedef void cairn__write(void *context, const char *bytes, size_t count);

struct output {
    cairn__write *write;
    void *context;
    struct text text; /* not written yet; lies in `data` */
    char data[1024];
};

/* write NULL: to standard error. */
void cairn__output_init(struct output *output, cairn__write *write, void *context);
/* Writes what is held back: at the end, always. */
void cairn__output_flush(struct output *output);

void cairn__output_put(struct output *output, const char *string);
void cairn__output_uint(struct output *output, uint64_t value);
/* Right-aligned. */
void cairn__output_column(struct output *output, unsigned width, uint64_t value);
void cairn__output_word(struct output *output, unsigned width, const char *word);
void cairn__output_size(struct output *output, unsigned width, uint64_t bytes);
/* "12.3 %" of the whole; 0 of nothing. */
void cairn__output_share(struct output *output, uint64_t part, uint64_t whole);
/* As a JSON string; bytes beyond ASCII as the characters of the same number. */
void cairn__output_quoted(struct output *output, const char *bytes, size_t count);

#endif
