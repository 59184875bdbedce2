/* SPDX-License-Identifier: MIT */
/* What the kernel says of this process, read without stdio: that would allocate. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "replayer/replayer.h"

double clock_seconds(int clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Reads a small file of /proc whole, terminated. */
static bool read_small(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, room - 1);
    close(fd);
    if (got < 0)
        return false;
    text[got] = '\0';
    return true;
}

/* Many kernels keep a part of what statm tells with each thread or processor, so that it is off by
 * some hundred KiB; smaps_rollup counts anew. */
uint64_t process_resident(void)
{
    char text[4096];
    const char *line = read_small("/proc/self/smaps_rollup", text, sizeof text)
                           ? strstr(text, "\nRss:")
                           : NULL;

    if (line)
        return strtoull(line + sizeof "\nRss:" - 1, NULL, 10) * 1024;
    if (!read_small("/proc/self/statm", text, sizeof text))
        return 0;
    const char *second = strchr(text, ' ');
    return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

bool process_reset_high_water(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = write(fd, "5", 1) == 1;
    close(fd);
    return good;
}

uint64_t process_high_water(void)
{
    char text[4096];
    const char *line = read_small("/proc/self/status", text, sizeof text) ? strstr(text, "\nVmHWM:")
                                                                          : NULL;
    struct rusage usage;

    if (line)
        return strtoull(line + sizeof "\nVmHWM:" - 1, NULL, 10) * 1024;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

void *own_pages(struct replay *replay, size_t bytes)
{
    size_t whole = (bytes + replay->page_size) / replay->page_size * replay->page_size;
    void *pages = mmap(NULL, whole, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (pages == MAP_FAILED)
        give_up(replay, RESULT_BROKEN, "the replayer has no memory for itself (%zu bytes)", whole);
    replay->own += whole;
    return pages;
}
