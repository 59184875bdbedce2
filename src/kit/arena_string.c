/* SPDX-License-Identifier: MIT */
/* Text in an arena (cairn/arena_string.h), but for formatted print. A string knows its arena, never
 * the opposite; whether it can grow in place is the arena's to say. */
#include "cairn/arena_string.h"

#include "base/memory.h"
#include "kit/arena.h"

/* ---- copies ---- */

CAIRN_EXPORT void *cairn_arena_duplicate(cairn_arena *arena, const void *ptr, size_t size,
                                         size_t align)
{
    void *copy = cairn_arena_alloc(arena, size, align);
    if (copy != NULL && size != 0)
        memcpy(copy, ptr, size);
    return copy;
}

CAIRN_EXPORT char *cairn_arena_duplicate_string(cairn_arena *arena, const char *string)
{
    return cairn_arena_duplicate_text(arena, string, strlen(string));
}

CAIRN_EXPORT char *cairn_arena_duplicate_text(cairn_arena *arena, const char *text, size_t length)
{
    char *copy = length < (size_t)PTRDIFF_MAX ? cairn_arena_alloc(arena, length + 1, 1) : NULL;
    if (copy == NULL)
        return NULL;
    if (length != 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* ---- the string ---- */

CAIRN_EXPORT void cairn_string_init(cairn_string *string, cairn_arena *arena)
{
    *string = (cairn_string){.arena = arena};
}

CAIRN_EXPORT bool cairn_string_reserve(cairn_string *string, size_t length)
{
    if (length < string->capacity)
        return true;
    if (length >= (size_t)PTRDIFF_MAX)
        return false;
    char *text = cairn__arena_grow(string->arena, string->text, cairn__layout(1, 1),
                                   &string->capacity, length + 1);
    if (text == NULL)
        return false;
    text[string->length] = '\0';
    string->text = text;
    return true;
}

CAIRN_EXPORT bool cairn_string_append_bytes(cairn_string *string, const void *bytes, size_t count)
{
    if (count >= (size_t)PTRDIFF_MAX - string->length)
        return false;
    /* A part of the string moves with it. */
    size_t offset = (size_t)((uintptr_t)bytes - (uintptr_t)string->text);
    bool is_inside = string->text != NULL && offset <= string->length;
    if (!cairn_string_reserve(string, string->length + count))
        return false;
    if (count != 0)
        memmove(string->text + string->length, is_inside ? string->text + offset : bytes, count);
    string->length += count;
    string->text[string->length] = '\0';
    return true;
}

CAIRN_EXPORT bool cairn_string_append(cairn_string *string, const char *text)
{
    return cairn_string_append_bytes(string, text, strlen(text));
}

CAIRN_EXPORT void cairn_string_truncate(cairn_string *string, size_t length)
{
    if (length >= string->length)
        return;
    string->length = length;
    string->text[length] = '\0';
}

CAIRN_EXPORT char *cairn_string_finish(cairn_string *string)
{
    char *text = string->text;
    if (text == NULL)
        return cairn_arena_duplicate_text(string->arena, NULL, 0);
    cairn_arena_resize(string->arena, text, cairn__layout(string->capacity, 1), string->length + 1);
    cairn_string_init(string, string->arena);
    return text;
}

CAIRN_EXPORT const char *cairn_string_audit(const cairn_string *string)
{
    if (string->text == NULL)
        return string->length == 0 && string->capacity == 0 ? NULL : "string: bytes nowhere";
    if (string->length >= string->capacity)
        return "string: no room for its end";
    return string->text[string->length] == '\0' ? NULL : "string: no end";
}
