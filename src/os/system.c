/* SPDX-License-Identifier: MIT */
/* See system.h. On Linux. */
#define _GNU_SOURCE
#include "os/system.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/os.h"

/* ---- reading ---- */

static int open_for_reading(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* As much as there is and fits; 0 at the end, and on an error. */
static size_t read_some(int file, char *bytes, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(file, bytes + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    return have;
}

size_t cairn__system_read(const char *path, char *bytes, size_t size)
{
    int saved = errno;
    size_t length = 0;
    int file = open_for_reading(path);
    if (file >= 0) {
        length = read_some(file, bytes, size - 1);
        close(file);
    }
    bytes[length] = '\0';
    errno = saved;
    return length;
}

size_t cairn__system_rss(void)
{
    char line[128];
    cairn__system_read("/proc/self/statm", line, sizeof line);
    const char *at = line;
    while (*at != '\0' && *at != ' ')
        at++;
    size_t pages = 0;
    for (at += *at == ' '; *at >= '0' && *at <= '9'; at++)
        pages = pages * 10 + (size_t)(*at - '0');
    return pages * cairn__os_page_size();
}

/* ---- residence ---- */

size_t cairn__system_resident(const void *start, size_t size)
{
    enum { PAGES = 2048 };
    unsigned char in_memory[PAGES];
    int saved = errno;
    size_t os_page = cairn__os_page_size();
    uintptr_t at = round_down((uintptr_t)start, os_page);
    uintptr_t end = round_up((uintptr_t)start + size, os_page);
    size_t resident = 0;
    while (at < end) {
        size_t part = size_min(end - at, PAGES * os_page);
        if (mincore((void *)at, part, in_memory) == 0)
            for (size_t i = 0; i < part / os_page; i++)
                resident += in_memory[i] & 1;
        at += part;
    }
    errno = saved;
    return resident * os_page;
}

/* ---- writing ---- */

int cairn__system_open(const char *path)
{
    int saved = errno;
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    errno = saved;
    return file;
}

void cairn__system_write(int file, const char *bytes, size_t count)
{
    int saved = errno;
    while (count > 0) {
        ssize_t written = write(file, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        bytes += written;
        count -= (size_t)written;
    }
    errno = saved;
}

void cairn__system_close(int file)
{
    int saved = errno;
    close(file);
    errno = saved;
}
