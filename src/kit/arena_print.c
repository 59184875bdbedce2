/* SPDX-License-Identifier: MIT */
/*
 * Formatted print into arenas and their strings (cairn/arena_string.h), by the C library's
 * vsnprintf; not part of freestanding builds. It prints right where the text will stand, and only
 * when there was too little room a second time, where there is enough.
 */
#include "cairn/arena_string.h"

#include <stdio.h>

#include "base/config.h"

CAIRN_EXPORT char *cairn_arena_vprintf(cairn_arena *arena, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    char *text = arena->next;
    size_t room = (size_t)(arena->end - arena->next);
    int length = vsnprintf(text, room, format, list);
    char *block = length >= 0 ? cairn_arena_alloc(arena, (size_t)length + 1, 1) : NULL;
    if (block != NULL && block != text)
        vsnprintf(block, (size_t)length + 1, format, again);
    va_end(again);
    return block;
}

CAIRN_EXPORT char *cairn_arena_printf(cairn_arena *arena, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *text = cairn_arena_vprintf(arena, format, list);
    va_end(list);
    return text;
}

static bool append(cairn_string *string, const char *format, va_list list, va_list again)
{
    size_t room = string->capacity - string->length;
    char *end = room != 0 ? string->text + string->length : NULL;
    int count = vsnprintf(end, room, format, list);
    bool is_done = count >= 0;
    if (is_done && (size_t)count >= room) {
        is_done = cairn_string_reserve(string, string->length + (size_t)count);
        if (is_done)
            vsnprintf(string->text + string->length, (size_t)count + 1, format, again);
    }
    if (is_done)
        string->length += (size_t)count;
    if (string->text != NULL)
        string->text[string->length] = '\0';
    return is_done;
}

CAIRN_EXPORT bool cairn_string_vappendf(cairn_string *string, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    bool is_done = append(string, format, list, again);
    va_end(again);
    return is_done;
}

CAIRN_EXPORT bool cairn_string_appendf(cairn_string *string, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    bool is_done = cairn_string_vappendf(string, format, list);
    va_end(list);
    return is_done;
}
