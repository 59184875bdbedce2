/* SPDX-License-Identifier: MIT */
/*
 * A system with OS pages of LARGE_PAGE bytes, on one with smaller pages: src/os/os.h for tests, over
 * linux.c, whose functions are renamed when compiled for this (CMakeLists.txt). Where such a system
 * would refuse an argument, or round it and so touch what was not meant, the process ends; what it
 * hands out is aligned as there. What is resident is told in large pages.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/fatal.h"
#include "os/system.h"

#define ORIGINAL(name) __typeof__(cairn__##name) original_##name
ORIGINAL(os_reserve);
ORIGINAL(os_commit);
ORIGINAL(os_advise_huge);
ORIGINAL(os_map);
ORIGINAL(os_purge);
ORIGINAL(os_release);
ORIGINAL(os_resize);
ORIGINAL(os_move);
ORIGINAL(os_page_size);
ORIGINAL(system_rss);

static void check(const char *call, const void *ptr, size_t size)
{
    if (!is_aligned((uintptr_t)ptr, LARGE_PAGE))
        cairn__fatal(call, ptr);
    if (size == 0 || !is_aligned(size, LARGE_PAGE))
        cairn__fatal(call, (const void *)size);
}

static void check_new(const char *call, size_t size, size_t align)
{
    check(call, NULL, size);
    if (!is_power_of_two(align))
        cairn__fatal(call, (const void *)align);
}

void *cairn__os_reserve(size_t size, size_t align)
{
    check_new("large pages: reserve", size, align);
    return original_os_reserve(size, size_max(align, LARGE_PAGE));
}

bool cairn__os_commit(void *ptr, size_t size)
{
    check("large pages: commit", ptr, size);
    return original_os_commit(ptr, size);
}

void cairn__os_advise_huge(void *ptr, size_t size, bool huge)
{
    check("large pages: advise_huge", ptr, size);
    original_os_advise_huge(ptr, size, huge);
}

void *cairn__os_map(size_t size, size_t align)
{
    check_new("large pages: map", size, align);
    return original_os_map(size, size_max(align, LARGE_PAGE));
}

bool cairn__os_purge(void *ptr, size_t size)
{
    check("large pages: purge", ptr, size);
    return original_os_purge(ptr, size);
}

bool cairn__os_release(void *ptr, size_t size)
{
    check("large pages: release", ptr, size);
    return original_os_release(ptr, size);
}

bool cairn__os_resize(void *ptr, size_t old_size, size_t new_size)
{
    check("large pages: resize", ptr, old_size);
    check("large pages: resize", ptr, new_size);
    return original_os_resize(ptr, old_size, new_size);
}

bool cairn__os_move(void *ptr, size_t old_size, void *target, size_t new_size)
{
    check("large pages: move", ptr, old_size);
    check("large pages: move", target, new_size);
    return original_os_move(ptr, old_size, target, new_size);
}

size_t cairn__os_page_size(void)
{
    return LARGE_PAGE;
}

/* statm counts the system's own pages. */
size_t cairn__system_rss(void)
{
    return original_system_rss() / (LARGE_PAGE / original_os_page_size());
}

/* What system.c calls for mincore: a byte a large page. */
int large_pages_mincore(void *start, size_t size, unsigned char *in_memory);
int large_pages_mincore(void *start, size_t size, unsigned char *in_memory)
{
    unsigned char part[LARGE_PAGE / 4096];
    check("large pages: mincore", start, size);
    size_t parts = LARGE_PAGE / original_os_page_size();
    for (size_t at = 0; at < size; at += LARGE_PAGE) {
        if (mincore((char *)start + at, LARGE_PAGE, part) != 0)
            return -1;
        unsigned char any = 0;
        for (size_t i = 0; i < parts; i++)
            any |= part[i] & 1;
        *in_memory++ = any;
    }
    return 0;
}
