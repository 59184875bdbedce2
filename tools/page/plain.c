/* SPDX-License-Identifier: MIT */
/*
 * Documents without sections: see plain.h. Each member becomes a section of figures; what lies deeper
 * is named by the way to it, an element of a list by its own name if it has one, else by its place.
 * Units are told by the ends of names, as our documents have them.
 */
#include "page/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "page/document.h"
#include "text.h"

enum { MOST_JOINED = 8 };

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static const char *unit_of(const char *name)
{
    static const char *const units[] = {"bytes", "nanoseconds", "seconds", "percent"};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ends_with(name, units[i]))
            return units[i];
    return "";
}

static bool is_scalar(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

/* "wall seconds" of wall_seconds. The caller frees it. */
static char *words_of(const char *before, const char *key)
{
    char *words = memory_format("%s%s%s", before, *before ? " " : "", key);

    for (char *at = words; *at; at++)
        *at = *at == '_' ? ' ' : *at;
    return words;
}

static char *text_of(const json_t *value)
{
    if (json_is_string(value))
        return memory_copy(json_string_value(value));
    if (json_is_boolean(value))
        return memory_copy(json_is_true(value) ? "yes" : "no");
    return json_is_number(value) ? memory_format("%.9g", json_number_value(value))
                                 : memory_copy("-");
}

static void add_item(json_t *items, const char *name, json_t *value)
{
    json_t *item = json_object();

    json_put(item, "name", json_from_text(name));
    json_put(item, "value", value);
    json_put(item, "unit", json_from_text(unit_of(name)));
    json_append(items, item);
}

/* A list of single values in one line, or what there is room for. */
static void add_joined(json_t *items, const char *name, const json_t *list)
{
    char *line = memory_copy("");
    const json_t *value;
    size_t index;

    json_array_foreach(list, index, value)
    {
        char *word = index < MOST_JOINED ? text_of(value) : memory_copy("...");
        char *longer = memory_format("%s%s%s", line, index ? " " : "", word);
        free(word);
        free(line);
        line = longer;
        if (index == MOST_JOINED)
            break;
    }
    add_item(items, name, json_from_text(line));
    free(line);
}

static void add(json_t *items, const char *name, json_t *value)
{
    const char *key, *own;
    json_t *inner;
    size_t index;

    if (is_scalar(value)) {
        char *text = text_of(value);
        add_item(items, name, json_is_number(value) ? json_incref(value) : json_from_text(text));
        free(text);
    } else if (json_is_array(value) && is_scalar(json_array_get(value, 0))) {
        add_joined(items, name, value);
    }
    json_object_foreach(value, key, inner)
    {
        char *longer = words_of(name, key);
        add(items, longer, inner);
        free(longer);
    }
    json_array_foreach(value, index, inner)
    {
        char place[24];
        snprintf(place, sizeof place, "%zu", index + 1);
        own = json_string_value(json_object_get(inner, "name"));
        char *longer = words_of(name, own && *own ? own : place);
        if (!is_scalar(inner))
            add(items, longer, inner);
        free(longer);
    }
}

static bool is_about(const char *key)
{
    static const char *const keys[] = {"schema", "version", "title",   "command",
                                       "made",   "machine", "sections"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

void document_complete(json_t *document, const char *path)
{
    json_t *facts = NULL, *value;
    const char *key;

    if (!json_is_string(json_object_get(document, "title")))
        json_put(document, "title", json_from_text(text_basename(path)));
    if (json_is_array(json_object_get(document, "sections")))
        return;
    json_t *whole = json_copy(document); /* sections are added while it is walked */
    json_put(document, "sections", json_array());
    json_object_foreach(whole, key, value)
    {
        if (is_about(key))
            continue;
        char *words = words_of("", key);
        if (is_scalar(value)) {
            facts = facts ? facts : document_figures(document, "Facts");
            add(json_object_get(facts, "items"), words, value);
        } else {
            add(json_object_get(document_figures(document, words), "items"), "", value);
        }
        free(words);
    }
    json_decref(whole);
}
