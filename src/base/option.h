/* SPDX-License-Identifier: MIT */
/*
 * The options of option.def and their values. Read once, at process start, by whoever knows the
 * environment; afterwards plain loads.
 */
#ifndef CAIRN_BASE_OPTION_H
#define CAIRN_BASE_OPTION_H

#include "base/config.h"

enum option {
#define OPTION(name, variable, kind, initial, least, greatest, text) OPTION_##name,
#include "base/option.def"
#undef OPTION
    OPTION_COUNT
};

size_t cairn__option(enum option option);

/* The environment variable of an option. */
const char *cairn__option_variable(enum option option);

/*
 * Sets an option from text: a number with an optional suffix K, M, G or T (also KiB, MB …; powers of
 * 1024), or for a switch 0/1, no/yes, off/on, false/true. False: nonsense or out of range; the value
 * stays as it was.
 */
bool cairn__option_set(enum option option, const char *text);

#endif
