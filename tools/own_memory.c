/* SPDX-License-Identifier: MIT */
/*
 * Memory for the command itself: see own_memory.h. The command has nothing useful to do without it,
 * so running out ends it here, in one place, instead of in a check after each call.
 */
#define _GNU_SOURCE
#include "own_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "message.h"

static void *checked(void *ptr)
{
    if (!ptr) {
        message("out of memory");
        exit(EXIT_OWN_ERROR);
    }
    return ptr;
}

void *memory_take(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *memory_take_apart(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return checked(NULL);
    void *room = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
    if (room == MAP_FAILED)
        return checked(NULL);
    madvise(room, bytes ? bytes : 1, MADV_DONTFORK);
    return room;
}

void *memory_resize(void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return checked(NULL);
    return checked(realloc(ptr, bytes ? bytes : 1));
}

char *memory_copy(const char *text)
{
    return checked(strdup(text));
}

char *memory_format(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return checked(text);
}
