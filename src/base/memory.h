/* SPDX-License-Identifier: MIT */
/*
 * memcpy and its kin, where there may be no C library. A freestanding program still provides memcpy,
 * memmove, memset and memcmp (the compiler calls them on its own account); strlen it need not have.
 */
#ifndef CAIRN_BASE_MEMORY_H
#define CAIRN_BASE_MEMORY_H

#include <stddef.h>

#ifdef CAIRN_FREESTANDING
void *memcpy(void *restrict target, const void *restrict source, size_t count);
void *memmove(void *target, const void *source, size_t count);
void *memset(void *target, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);

static inline size_t cairn__string_length(const char *string)
{
    size_t length = 0;
    while (string[length] != '\0')
        length++;
    return length;
}
#define strlen(string) cairn__string_length(string)
#else
#include <string.h>
#endif

#endif
