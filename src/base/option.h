/* SPDX-License-Identifier: MIT */
/*
 * The options of option.def and their values. Read once, at process start, by whoever knows the
 * environment; afterwards plain loads.
 *
 * Where a value comes from, later ones going before earlier ones:
 *   built in  <  the symbol cairn_conf  <  CAIRN_CONF="key:value,key:value"  <  CAIRN_NAME=value
 * No file is read: malloc may be called before there is anything to read files with.
 */
#ifndef CAIRN_BASE_OPTION_H
#define CAIRN_BASE_OPTION_H

#include "base/near.h"
#include "base/print.h"

enum option {
#define OPTION(name, kind, initial, least, greatest, unit, text) OPTION_##name,
#include "base/option.def"
#undef OPTION
    OPTION_COUNT
};

/* The values of the choices, in the order of their words in option.def. */
enum { HUGE_PAGES_AUTO, HUGE_PAGES_NEVER, HUGE_PAGES_ALWAYS };
enum { BACKGROUND_NEVER, BACKGROUND_ALWAYS };
enum { STATS_OFF, STATS_EXIT };
enum { GUARDS_AUTO, GUARDS_MAPPINGS, GUARDS_NONE };
enum { HARDEN_FAST, HARDEN_FULL, HARDEN_PARANOID };
enum { REPORT_LINE, REPORT_STACK };

/* One of so many allocations is a sampled one, if nothing else is said: in the hardened library. */
#if defined(CAIRN_HARDENED) && CAIRN_HARDENED
#define SAMPLE_INITIAL 5000
#else
#define SAMPLE_INITIAL 0
#endif

#define OPTION_NEVER SIZE_MAX /* of a duration */

enum { OPTION_TEXT_SIZE = 512 }; /* of a text, with its end */

/* Any kind but TEXT. */
size_t cairn__option(enum option option);
/* TEXT; "" if it is not set. */
const char *cairn__option_text(enum option option);

/* How much free memory may stay for a while: `most`, or by PURGE_DELAY none, or any. */
size_t cairn__option_kept(size_t most);

/* The environment variable of an option. */
const char *cairn__option_variable(enum option option);
/* "CAIRN_WINDOW=256 GiB (built in)". */
void cairn__option_describe(enum option option, struct text *line);

/*
 * Sets an option from text, by kind:
 *   SIZE      4096, 64K, 64KiB, 2M, 1G: powers of 1024
 *   DURATION  500ms, 10s, 2m, 1h; without a unit, milliseconds; -1 or never
 *   SWITCH    1 yes on true, 0 no off false
 *   COUNT     a number
 *   CHOICE    one of its words
 *   TEXT      any text that is not too long
 * Case does not matter. False: nonsense or out of range; the value stays as it was.
 */
bool cairn__option_set(enum option option, const char *text);

/* The SIZE above, from a word. */
bool cairn__parse_size(struct word text, size_t *value);

/*
 * Reads the options from all sources. environment: NAME=value, ended by NULL, or NULL. What is not
 * understood keeps its value from the source before, and is told to `say`, one line at a time.
 * Returns how many such lines there were.
 */
unsigned cairn__options_read(const char *const *environment,
                             void (*say)(const char *bytes, size_t count));

#endif
