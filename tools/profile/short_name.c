/* SPDX-License-Identifier: MIT */
/* Names for few columns: see short_name.h. */
#include "profile/short_name.h"

#include <stdbool.h>
#include <string.h>

#include "own_memory.h"
#include "text.h"

/* Past the bracket that closes the one at `at`; the end of the text if none does. "->" closes none. */
static const char *past_bracket(const char *at)
{
    int depth = 0;

    for (; *at; at++) {
        if (*at == '<' || *at == '(')
            depth++;
        else if (*at == ')' || (*at == '>' && at[-1] != '-'))
            depth--;
        if (depth == 0)
            return at + 1;
    }
    return at;
}

static bool ends_with(const char *from, const char *to, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(to - from) >= length && strncmp(to - length, word, length) == 0;
}

/* The signs of an operator: they open and close nothing. */
static size_t operator_signs(const char *name, const char *at)
{
    if (!ends_with(name, at, "operator"))
        return 0;
    if (strncmp(at, "()", 2) == 0)
        return 2;
    return strspn(at, "<>=-");
}

char *short_name(const char *name)
{
    static const char anonymous[] = "(anonymous namespace)";
    char *result = memory_take(strlen(name) + 3, 1), *to = result;
    const char *at = name;

    while (*at) {
        size_t signs = operator_signs(name, at);
        bool argument_list = (*at == '<' && at > name) || (*at == '(' && at > name);
        if (signs == 0 && strncmp(at, anonymous, sizeof anonymous - 1) == 0) {
            signs = sizeof anonymous - 1;
        } else if (signs == 0 && argument_list) {
            if (*at == '<' && to > result && to[-1] != ' ')
                to = stpcpy(to, "<>");
            at = past_bracket(at);
            continue;
        }
        for (signs = signs ? signs : 1; signs > 0; signs--)
            *to++ = *at++;
    }
    *to = '\0';
    return result;
}

/* Where the first `columns` columns of the text end. */
static const char *after_columns(const char *text, size_t columns)
{
    for (; *text; text++) {
        if (((unsigned char)*text & 0xc0) == 0x80)
            continue;
        if (columns == 0)
            break;
        columns--;
    }
    return text;
}

char *fitted(const char *text, size_t columns)
{
    size_t width = text_width(text), sign = text_width(text_signs()->ellipsis);

    if (width <= columns)
        return memory_copy(text);
    if (columns <= sign)
        return memory_format("%.*s", (int)columns, "...");
    size_t kept = columns - sign, left = (kept + 1) / 2;
    const char *end = after_columns(text, left), *tail = after_columns(text, width - (kept - left));
    return memory_format("%.*s%s%s", (int)(end - text), text, text_signs()->ellipsis, tail);
}
