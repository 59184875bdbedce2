/* SPDX-License-Identifier: MIT */
/*
 * The options of a verb, as rows of a table: a row has a name and one pointer, to what the option sets;
 * which pointer it is says what kind of value it takes. All verbs read and refuse alike that way: one
 * line on stderr, with the nearest option or word there is. `--name value`, `--name=value`, a letter
 * with its value beside it or after it, and the beginning of a name that no other has, are
 * getopt_long's; `--` ends options.
 */
#ifndef CAIRN_TOOLS_OPTION_TABLE_H
#define CAIRN_TOOLS_OPTION_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct option_row {
    const char *name; /* without dashes; NULL: no rows after this */
    char letter;      /* or 0 */
    bool is_alias;    /* another name of the row before it; the rest is that row's */

    /* One of these; the first two, and take if it says so, have no value on the command line. */
    bool *flag;       /* becomes true, or false: */
    unsigned *choice; /* an enum's: becomes `value`, or the index of one of `words` */
    const char **text;
    uint64_t *count;                                /* from least to most */
    uint64_t *size;                                 /* the same, with units: see option_size */
    bool (*take)(void *context, const char *value); /* false after a message, or to end reading */

    bool off;                 /* of a flag */
    unsigned value;           /* of a choice without words */
    const char *const *words; /* NULL at the end */
    uint64_t least, most;
    bool is_bare; /* take has no value: NULL */
};

struct option_form {
    const char *verb;
    const char *help; /* the page for -h and --help, which need no row */
    bool *helped;     /* becomes true when it was printed; there is no more to do */
    const struct option_row *rows;
    void *context;         /* of take */
    bool is_ended_by_word; /* the first word that is no option ends options */
};

/*
 * Sets what the rows point to; `operands` becomes the words that are no options, up to a NULL (those
 * after options are moved there, in argv). argv[0] is the verb. 0, or EXIT_OWN_ERROR after a message
 * or when a take() did not go on.
 */
int option_table_read(const struct option_form *form, int argc, char **argv, char ***operands);

/* For --color: an enum color_when. */
extern const char *const option_colors[];

/* "64", "4K", "2M", "1G", at most 2^46; *has_unit: a letter stood there (B too). False: none of that. */
bool option_size(const char *text, uint64_t *size, bool *has_unit);

/* The index of `word` in a NULL-terminated list; -1 after "VERB: no WHAT 'word'" with the nearest, or
 * where to read on: `see` ("cairn lab run --help"). */
int option_word(const char *verb, const char *what, const char *word, const char *const *words,
                const char *see);

#endif
