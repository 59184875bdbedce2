/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time, as its arena. Text in an arena (arena.h): copies, formatted print, and a
 * string that grows. Nothing is to be freed: text ends with the arena's blocks.
 *
 * The string doubles its room, so n characters appended one by one cost O(n); while it is the last
 * block of its arena it grows where it is, and nothing is copied or lost (GNU obstacks grow like
 * that). A string that grew after a mark ends with a rewind to it, whenever it was begun.
 *
 * Formatted print needs the C library; all else does not (CAIRN_FREESTANDING).
 */
#ifndef CAIRN_ARENA_STRING_H
#define CAIRN_ARENA_STRING_H

#include <stdarg.h>

#include "cairn/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- copies; NULL as of cairn_arena_alloc ---- */

/* Of `size` bytes; ptr may be NULL if size is 0. O(size). */
void *cairn_arena_duplicate(cairn_arena *arena, const void *ptr, size_t size, size_t align);

/* Of a string with its end; of the first `length` bytes, and an end. O(length). */
char *cairn_arena_duplicate_string(cairn_arena *arena, const char *string);
char *cairn_arena_duplicate_text(cairn_arena *arena, const char *text, size_t length);

/* What printf would print. NULL also if it would fail. Formats once where the chunk in use has room
 * for all of it, else twice. */
__attribute__((format(printf, 2, 3))) char *cairn_arena_printf(cairn_arena *arena,
                                                               const char *format, ...);
__attribute__((format(printf, 2, 0))) char *cairn_arena_vprintf(cairn_arena *arena,
                                                                const char *format, va_list list);

/* ---- a string that grows ---- */

/*
 * In the caller's storage; needs no end. text[0] to text[length - 1], any bytes, and a 0 behind
 * them; NULL while nothing was ever appended. To be read only; text moves when the string grows.
 */
typedef struct cairn_string {
    cairn_arena *arena;
    char *text;
    size_t length;
    size_t capacity; /* bytes at text; length < capacity, or both are 0 */
} cairn_string;

/* An empty string; allocates nothing. */
void cairn_string_init(cairn_string *string, cairn_arena *arena);

/* Its text, "" if it has none. */
static inline const char *cairn_string_text(const cairn_string *string)
{
    return string->text != NULL ? string->text : "";
}

/* Has room for `length` bytes in all. False: out of memory. O(length) if it must move. */
bool cairn_string_reserve(cairn_string *string, size_t length);

/*
 * Each of these appends, or answers false and leaves the string as it was: out of memory. The text
 * may be a part of the string itself. O(what is appended), amortised.
 */
bool cairn_string_append(cairn_string *string, const char *text);
bool cairn_string_append_bytes(cairn_string *string, const void *bytes, size_t count);

/* The same for one character. O(1) amortised. */
static inline bool cairn_string_append_char(cairn_string *string, char character)
{
    if (__builtin_expect(string->capacity - string->length < 2, 0))
        return cairn_string_append_bytes(string, &character, 1);
    string->text[string->length++] = character;
    string->text[string->length] = '\0';
    return true;
}

/* What printf would print; false also if it would fail. Here no argument may be part of the string. */
__attribute__((format(printf, 2, 3))) bool cairn_string_appendf(cairn_string *string,
                                                                const char *format, ...);
__attribute__((format(printf, 2, 0))) bool cairn_string_vappendf(cairn_string *string,
                                                                 const char *format, va_list list);

/* Cuts it to `length` bytes, if it is longer. Keeps its room. */
void cairn_string_truncate(cairn_string *string, size_t length);

/* Its text, the arena's from now on; the string is empty again. Room that was not used goes back if
 * nothing was allocated behind it. NULL: it was empty, and the arena has no byte left. */
char *cairn_string_finish(cairn_string *string);

/* NULL: sound; else what is wrong. O(1). */
const char *cairn_string_audit(const cairn_string *string);

#ifdef __cplusplus
}
#endif

#endif
