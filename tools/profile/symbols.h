/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses in files, by libdw: function, source line, and the functions that were inlined
 * there; from debug information where there is some (also apart from the file, found by build-id),
 * else from the symbol tables. C++ and Rust names are demangled. A file whose build-id is not the
 * recorded one any more is not asked. Slow at first, then from memory.
 */
#ifndef CAIRN_TOOLS_PROFILE_SYMBOLS_H
#define CAIRN_TOOLS_PROFILE_SYMBOLS_H

#include "trace/reader.h"

struct symbols;

struct symbol_call {
    const char *function; /* "name", or "file+0x1234" if nothing else is known; never NULL */
    const char *file;     /* of the source; NULL: not known */
    unsigned line;        /* 0: not known */
    bool inlined;         /* into the next of the list */
};

struct symbol {
    const struct symbol_call *calls; /* innermost first: what was inlined, then the function */
    size_t count;                    /* 1 or more */
    const char *module;              /* path of the file, "" for none */
};

struct symbols *symbols_create(const struct trace_reader *reader);
void symbols_destroy(struct symbols *symbols);

/* Of the call that is node's innermost (not of the root). Valid until symbols_destroy. */
const struct symbol *symbols_of(struct symbols *symbols, uint32_t node);

#endif
