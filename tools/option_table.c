/* SPDX-License-Identifier: MIT */
/*
 * Options by table: see option_table.h. The rows become what getopt_long() wants: an option's value there
 * is FIRST and the number of its row, the row after the last is --help. A letter stands for itself and
 * is looked up.
 */
#define _GNU_SOURCE
#include "option_table.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"

enum { MOST_ROWS = 40, FIRST = 256, LONGEST_WORD = 32, LONGEST_NUMBER = 24 };

const char *const option_colors[] = {"auto", "always", "never", NULL};

/* ---- values ---- */

bool option_size(const char *text, uint64_t *size, bool *has_unit)
{
    static const char units[] = "BKMG";
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno)
        return false;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    *has_unit = *end != '\0';
    if (*end == '\0') {
        *size = number;
        return true;
    }
    if (!unit || end[1] != '\0')
        return false;
    unsigned shift = 10 * (unsigned)(unit - units);
    *size = (uint64_t)number << shift;
    return number >> (46 - shift) == 0;
}

/* As option_size would read it, with a unit if that is shorter. */
static char *size_text(char out[LONGEST_NUMBER], uint64_t size)
{
    unsigned unit = 0;

    while (unit < 3 && size >= 1024 && size % 1024 == 0) {
        size /= 1024;
        unit++;
    }
    snprintf(out, LONGEST_NUMBER, "%llu%.1s", (unsigned long long)size, &"\0KMG"[unit]);
    return out;
}

static bool read_size(const char *verb, const struct option_row *row, const char *text)
{
    char least[LONGEST_NUMBER], most[LONGEST_NUMBER];
    bool has_unit;
    uint64_t size;

    if (option_size(text, &size, &has_unit) && size >= row->least && size <= row->most) {
        *row->size = size;
        return true;
    }
    message("%s: --%s is a %s from %s to %s, not '%s'", verb, row->name,
            row->most % 1024 ? "number" : "size", size_text(least, row->least),
            size_text(most, row->most), text);
    return false;
}

/* Limits that nobody meets are told only to whom does. */
static bool read_count(const char *verb, const struct option_row *row, const char *text)
{
    bool is_number = *text && text[strspn(text, "0123456789")] == '\0';

    errno = 0;
    uint64_t count = strtoull(text, NULL, 10);
    if (is_number && !errno && count >= row->least && count <= row->most) {
        *row->count = count;
        return true;
    }
    if (row->most >= UINT32_MAX - 1 && !is_number)
        message("%s: --%s is a number, not '%s'", verb, row->name, text);
    else
        message("%s: --%s is a number from %llu to %llu, not '%s'", verb, row->name,
                (unsigned long long)row->least, (unsigned long long)row->most, text);
    return false;
}

/* "auto, always or never". The caller frees it. */
static char *listed(const char *const *words)
{
    char *list = memory_copy(words[0]);

    for (size_t i = 1; words[i]; i++) {
        char *longer = memory_format("%s%s%s", list, words[i + 1] ? ", " : " or ", words[i]);
        free(list);
        list = longer;
    }
    return list;
}

static int index_of(const char *word, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

static bool read_choice(const char *verb, const struct option_row *row, const char *text)
{
    int index = index_of(text, row->words);

    if (index >= 0) {
        *row->choice = (unsigned)index;
        return true;
    }
    const char *nearest = message_nearest(text, row->words);
    char *list = listed(row->words);
    if (nearest)
        message("%s: --%s is %s, not '%s' (did you mean %s?)", verb, row->name, list, text,
                nearest);
    else
        message("%s: --%s is %s, not '%s'", verb, row->name, list, text);
    free(list);
    return false;
}

int option_word(const char *verb, const char *what, const char *word, const char *const *words,
                const char *see)
{
    int index = index_of(word, words);
    const char *nearest = index < 0 ? message_nearest(word, words) : NULL;

    if (nearest)
        message("%s: no %s '%s' (did you mean %s?)", verb, what, word, nearest);
    else if (index < 0)
        message("%s: no %s '%s' (see %s)", verb, what, word, see);
    return index;
}

static bool set(const struct option_form *form, const struct option_row *row, const char *value)
{
    if (row->flag)
        *row->flag = !row->off;
    else if (row->choice && row->words)
        return read_choice(form->verb, row, value);
    else if (row->choice)
        *row->choice = row->value;
    else if (row->text)
        *row->text = value;
    else if (row->count)
        return read_count(form->verb, row, value);
    else if (row->size)
        return read_size(form->verb, row, value);
    else
        return row->take(form->context, value);
    return true;
}

/* ---- the table, for getopt_long() ---- */

struct known {
    struct option options[MOST_ROWS + 2]; /* and --help, and the end */
    char letters[2 * MOST_ROWS + 4];
    size_t count; /* of rows */
};

static bool has_value(const struct option_row *row)
{
    return row->text || row->count || row->size || row->words || (row->take && !row->is_bare);
}

static void translate(const struct option_form *form, struct known *known)
{
    char *letters = known->letters;
    size_t meant = 0; /* the row, or the one that it is an alias of */

    letters += sprintf(letters, form->is_ended_by_word ? "+:h" : ":h");
    for (known->count = 0; form->rows[known->count].name; known->count++) {
        meant = form->rows[known->count].is_alias ? meant : known->count;
        const struct option_row *row = &form->rows[meant];
        known->options[known->count] = (struct option){
            .name = form->rows[known->count].name,
            .has_arg = has_value(row) ? required_argument : no_argument,
            .val = FIRST + (int)meant,
        };
        if (meant == known->count && row->letter)
            letters += sprintf(letters, "%c%s", row->letter, has_value(row) ? ":" : "");
    }
    known->options[known->count] = (struct option){
        .name = "help", .has_arg = no_argument, .val = FIRST + (int)known->count};
    known->options[known->count + 1] = (struct option){.name = NULL};
}

/* The row of what getopt_long() returned; NULL: help. */
static const struct option_row *row_of(const struct option_form *form, const struct known *known,
                                       int result)
{
    if (result >= FIRST)
        return (size_t)(result - FIRST) < known->count ? &form->rows[result - FIRST] : NULL;
    for (size_t i = 0; i < known->count; i++)
        if (form->rows[i].letter == result)
            return &form->rows[i];
    return NULL;
}

/* ---- what is wrong ---- */

static const char *nearest_option(const char *word, const struct known *known)
{
    const char *names[MOST_ROWS + 2] = {NULL};

    for (size_t i = 0; i <= known->count; i++)
        names[i] = known->options[i].name;
    return message_nearest(word, names);
}

/* Says what getopt_long() found wrong when it returned `result`, '?' or ':'. */
static int refuse(const char *verb, int result, char **argv, const struct known *known)
{
    const char *given = argv[optind - 1];
    char word[LONGEST_WORD + 1];

    if (optopt && optopt < FIRST) { /* a letter, which others may stand before */
        message(result == ':' ? "%s: -%c needs a value (see cairn %s --help)"
                              : "%s: no option -%c (see cairn %s --help)",
                verb, optopt, verb);
        return EXIT_OWN_ERROR;
    }
    if (result == ':') {
        message("%s: %s needs a value (see cairn %s --help)", verb, given, verb);
        return EXIT_OWN_ERROR;
    }
    snprintf(word, sizeof word, "%.*s", (int)strcspn(given + 2, "="), given + 2);
    const char *nearest = nearest_option(word, known);
    if (optopt) /* known, but it takes no value */
        message("%s: --%s takes no value", verb, word);
    else if (nearest)
        message("%s: no option --%s (did you mean --%s?)", verb, word, nearest);
    else
        message("%s: no option --%s (see cairn %s --help)", verb, word, verb);
    return EXIT_OWN_ERROR;
}

int option_table_read(const struct option_form *form, int argc, char **argv, char ***operands)
{
    struct known known;
    int result;

    translate(form, &known);
    opterr = 0;
    optind = 0; /* from the start, whatever was read before */
    while ((result = getopt_long(argc, argv, known.letters, known.options, NULL)) != -1) {
        if (result == '?' || result == ':')
            return refuse(form->verb, result, argv, &known);
        const struct option_row *row = row_of(form, &known, result);
        if (!row) {
            fputs(form->help, stdout);
            *form->helped = true;
            return 0;
        }
        if (!set(form, row, optarg))
            return EXIT_OWN_ERROR;
    }
    *operands = argv + optind;
    return 0;
}
