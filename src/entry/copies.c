/* SPDX-License-Identifier: MIT */
/*
 * The C library's functions that copy, in the hardened build: before the work is done, both ends are
 * looked up. A range that begins in a block of ours must end there too, and a block that was freed is
 * none; so an overflow is stopped before the first byte of it is written, also in the middle of an
 * array of live blocks, where no canary is (after snmalloc's checked memcpy, 2022). Memory that is not
 * ours (stacks, static data, other mappings) passes by after one comparison.
 *
 * The work itself is done by the C library, through the names that its own fortified callers use; so
 * none of it is looked up while the process starts. Only glibc has these names: elsewhere nothing is
 * checked. Compilers do short copies of known size in place, and glibc calls itself directly: neither
 * passes through here.
 */
#include <string.h>

#include "core/hardened.h"
#include "base/config.h"

#if CAIRN_HARDENED && defined __GLIBC__

void *mempcpy(void *restrict to, const void *restrict from, size_t count);
void *__memcpy_chk(void *to, const void *from, size_t count, size_t room);
void *__memmove_chk(void *to, const void *from, size_t count, size_t room);
void *__memset_chk(void *to, int byte, size_t count, size_t room);
char *__strncpy_chk(char *to, const char *from, size_t count, size_t room);

/* Read anew at each call: a compiler that knew these functions would call memcpy for them, for ever. */
static __typeof__(&__memcpy_chk) const volatile copy = __memcpy_chk;
static __typeof__(&__memmove_chk) const volatile move = __memmove_chk;
static __typeof__(&__memset_chk) const volatile set = __memset_chk;
static __typeof__(&__strncpy_chk) const volatile copy_string = __strncpy_chk;

#undef memcpy
#undef memmove
#undef memset
#undef mempcpy
#undef strcpy
#undef stpcpy
#undef strncpy
#undef strcat
#undef strncat

CAIRN_EXPORT void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    cairn__check_copy("memcpy", to, from, count);
    return copy(to, from, count, SIZE_MAX);
}

CAIRN_EXPORT void *mempcpy(void *restrict to, const void *restrict from, size_t count)
{
    cairn__check_copy("mempcpy", to, from, count);
    return (char *)copy(to, from, count, SIZE_MAX) + count;
}

CAIRN_EXPORT void *memmove(void *to, const void *from, size_t count)
{
    cairn__check_copy("memmove", to, from, count);
    return move(to, from, count, SIZE_MAX);
}

CAIRN_EXPORT void *memset(void *to, int byte, size_t count)
{
    cairn__check_write("memset", to, count);
    return set(to, byte, count, SIZE_MAX);
}

/* The length of a string that must end within its block. */
static size_t length_of(const char *what, const char *string)
{
    size_t room = cairn__room_at(what, string);
    size_t length = strnlen(string, room);
    if (UNLIKELY(length == room))
        cairn__check_read(what, string, room + 1);
    return length;
}

CAIRN_EXPORT char *strcpy(char *restrict to, const char *restrict from)
{
    size_t count = length_of("strcpy", from) + 1;
    cairn__check_write("strcpy", to, count);
    return copy(to, from, count, SIZE_MAX);
}

CAIRN_EXPORT char *stpcpy(char *restrict to, const char *restrict from)
{
    size_t count = length_of("stpcpy", from) + 1;
    cairn__check_write("stpcpy", to, count);
    copy(to, from, count, SIZE_MAX);
    return to + count - 1;
}

/* Fills up with zeros: all of `count` is written. */
CAIRN_EXPORT char *strncpy(char *restrict to, const char *restrict from, size_t count)
{
    cairn__check_write("strncpy", to, count);
    return copy_string(to, from, count, SIZE_MAX);
}

CAIRN_EXPORT char *strcat(char *restrict to, const char *restrict from)
{
    size_t before = length_of("strcat", to), count = length_of("strcat", from) + 1;
    cairn__check_write("strcat", to + before, count);
    copy(to + before, from, count, SIZE_MAX);
    return to;
}

CAIRN_EXPORT char *strncat(char *restrict to, const char *restrict from, size_t count)
{
    size_t before = length_of("strncat", to), length = strnlen(from, count);
    cairn__check_write("strncat", to + before, length + 1);
    copy(to + before, from, length, SIZE_MAX);
    to[before + length] = '\0';
    return to;
}

#endif
