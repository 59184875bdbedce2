/* SPDX-License-Identifier: MIT */
/*
 * See foreign_options.h. The keys of a family are one string, "key\tours\n" again and again: a table of
 * pointers would be five times its size, and would have to be put right at each start.
 */
#include "base/foreign_options.h"

#include <string.h>

#include "base/near.h"
#include "base/print.h"

enum form { COLONS, TUNABLES, ALL, THESE };

static const struct family {
    char whose[10];
    char variable[18];
    enum form form;
    const char *keys;
} families[] = {
#define KEY(key, ours)                      key "\t" ours "\n"
#define FAMILY(whose, variable, form, keys) {whose, variable, form, keys},
#include "base/foreign_options.def"
#undef FAMILY
#undef KEY
};

static bool is_same(struct word word, const char *bytes, size_t length)
{
    return word.length == length && memcmp(word.data, bytes, length) == 0;
}

static bool begins(struct word word, const char *string)
{
    size_t length = strlen(string);
    return word.length >= length && memcmp(word.data, string, length) == 0;
}

/* What we have for a key; .data NULL: the family's table does not have it. */
static struct word ours_for(const struct family *family, struct word key)
{
    for (const char *row = family->keys; *row != '\0';) {
        size_t name = strcspn(row, "\t"), end = strcspn(row, "\n");
        if (is_same(key, row, name))
            return (struct word){row + name + 1, end - name - 1};
        row += end + 1;
    }
    return (struct word){NULL, 0};
}

static bool is_theirs(const struct family *family, struct word name)
{
    if (family->form == COLONS || family->form == TUNABLES)
        return is_same(name, family->variable, strlen(family->variable));
    if (!begins(name, family->variable))
        return false;
    return family->form == ALL ||
           ours_for(family, word_from(name, strlen(family->variable))).data != NULL;
}

/* The variable's name, as much of it as can be shown. */
static void put_name(struct text *line, struct word name)
{
    enum { SHOWN_MAX = 64 };
    for (size_t i = 0; i < name.length && i < SHOWN_MAX; i++) {
        bool shown = name.data[i] > ' ' && name.data[i] <= '~';
        cairn__text_bytes(line, shown ? &name.data[i] : "?", 1);
    }
    cairn__text_put(line, name.length > SHOWN_MAX ? "..." : "");
}

static void put_ours(struct text *line, struct word ours)
{
    cairn__text_put(line, begins(ours, "CAIRN_") ? " set " : " use ");
    cairn__text_bytes(line, ours.data, ours.length);
}

/* Room for the end of the sentence; a list longer than that is cut between two keys. */
enum { END_ROOM = 100 };

/* Goes through the list, and names what we have for each key of it, once: how many there were. */
static unsigned put_keys(struct text *line, const struct family *family, struct word list)
{
    static const char prefix[] = "glibc.malloc.";
    bool tunables = family->form == TUNABLES;
    unsigned named = 0;
    while (list.length > 0) {
        size_t end = cairn__word_find(list, tunables ? ':' : ',');
        struct word key = {list.data,
                           cairn__word_find((struct word){list.data, end}, tunables ? '=' : ':')};
        list = word_from(list, end < list.length ? end + 1 : end);
        if (tunables && !begins(key, prefix))
            continue;
        struct word ours = ours_for(family, word_from(key, tunables ? strlen(prefix) : 0));
        if (ours.data == NULL || line->size - line->length < END_ROOM)
            continue;
        cairn__text_put(line, named == 0 ? ": for " : ", for ");
        cairn__text_bytes(line, key.data, key.length);
        put_ours(line, ours);
        named++;
    }
    return named;
}

static bool has_tunable_of_malloc(struct word list)
{
    for (; list.length > 0; list = word_from(list, 1))
        if (begins(list, "glibc.malloc."))
            return true;
    return false;
}

size_t cairn__foreign_hint(const char *entry, char hint[FOREIGN_HINT_SIZE])
{
    struct word all = cairn__word(entry);
    struct word name = {entry, cairn__word_find(all, '=')};
    if (name.length + 1 >= all.length)
        return 0;
    struct word value = word_from(all, name.length + 1);
    const struct family *family = families, *end = families + sizeof families / sizeof families[0];
    while (family < end && !is_theirs(family, name))
        family++;
    if (family == end || (family->form == TUNABLES && !has_tunable_of_malloc(value)))
        return 0;

    struct text line = {hint, FOREIGN_HINT_SIZE - 1, 0};
    put_name(&line, name);
    cairn__text_put(&line, " is ");
    cairn__text_put(&line, family->whose);
    cairn__text_put(&line, "'s");
    if (family->form == COLONS || family->form == TUNABLES) {
        if (put_keys(&line, family, value) == 0)
            cairn__text_put(&line, ", without effect here");
    } else {
        struct word ours = ours_for(family, word_from(name, strlen(family->variable)));
        if (ours.length > 0) {
            cairn__text_put(&line, ":");
            put_ours(&line, ours);
        } else {
            cairn__text_put(&line, ", without effect here");
        }
    }
    cairn__text_put(&line, " (docs/migration.md)");
    line.data[line.length] = '\0';
    return line.length;
}
