/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into the tests that run under qemu's user emulation: makes up for what it does otherwise
 * than Linux, and passes over the checks of what it does not do at all (as of version 7.2).
 *
 *   - It runs programs for Arm, but these cannot: execl of the program itself starts qemu anew.
 *   - /proc/self/statm tells of the emulator: what is resident is counted by mincore here.
 *   - Limits on address space are not kept, advice about memory is not followed, and a fork while
 *     other threads run may hit qemu itself: no way around that.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- checks that are passed over ---- */

static const struct {
    const char *program; /* patterns both */
    const char *check;
    const char *why;
} beyond_qemu[] = {
    {"unit-linux", "impossible_sizes", "advice about memory that is not there succeeds"},
    {"unit-linux", "limit_on_addresses", "limits are not kept"},
    {"unit-thread", "forks", "a fork while threads run may hit qemu itself"},
    {"unit-separate", "forks", "a fork while threads run may hit qemu itself"},
    {"unit-window", "ladder", "reserving 256 GiB takes qemu 6 GiB of memory (emulate.sh)"},
    {"unit-memory", "each_call_and_all_after", "too slow"},
    {"api-cairn_watch*", "verbose_shows_settings", "the window is set small (emulate.sh)"},
    {"api-cairn_watch*", "mistakes_are_told", "the window would be large (emulate.sh)"},
    {"api-exhaustion*", "*", "limits are not kept"},
    {"api-new_handler*", "*handler_may_make_room", "limits are not kept"},
};

static const char *why_not(const char *check)
{
    for (size_t i = 0; i < sizeof beyond_qemu / sizeof beyond_qemu[0]; i++)
        if (fnmatch(beyond_qemu[i].program, program_invocation_short_name, 0) == 0 &&
            fnmatch(beyond_qemu[i].check, check, 0) == 0)
            return beyond_qemu[i].why;
    return NULL;
}

typedef int run_group(const char *name, const struct CMUnitTest *tests, size_t count,
                      CMFixtureFunction setup, CMFixtureFunction teardown);

int _cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                            CMFixtureFunction setup, CMFixtureFunction teardown)
{
    enum { CHECKS_MAX = 1024 };
    static struct CMUnitTest kept[CHECKS_MAX];
    size_t keep = 0;
    for (size_t i = 0; i < count && keep < CHECKS_MAX; i++) {
        const char *why = why_not(tests[i].name);
        if (why == NULL)
            kept[keep++] = tests[i];
        else
            printf("passed over under qemu: %s: %s\n", tests[i].name, why);
    }
    run_group *next = (run_group *)dlsym(RTLD_NEXT, "_cmocka_run_group_tests");
    return next(name, kept, keep, setup, teardown);
}

/* ---- the program runs itself ---- */

/* The emulator's settings are in the environment (emulate.sh). */
int execl(const char *path, const char *first, ...)
{
    enum { ARGUMENTS_MAX = 32 };
    static char program[4096];
    char *words[ARGUMENTS_MAX] = {(char *)first};
    size_t count = 1;
    if (strcmp(path, "/proc/self/exe") == 0) {
        ssize_t length = readlink(path, program, sizeof program - 1);
        program[length < 0 ? 0 : length] = '\0';
        words[count++] = program;
        path = getenv("CAIRN_TEST_QEMU");
        unsetenv("LD_PRELOAD"); /* not for the emulator; it sets it anew */
        setenv("CAIRN_WINDOW", "1G", 0);
    }
    va_list rest;
    va_start(rest, first);
    while (count < ARGUMENTS_MAX - 1 && (words[count] = va_arg(rest, char *)) != NULL)
        count++;
    va_end(rest);
    return execv(path, words);
}

/* ---- what is resident ---- */

typedef int open_file(const char *path, int flags, ...);

enum { PAGE = 4096, PAGES = 4096, TEXT_MAX = 1 << 20 };

/* Mapped: with large pages, qemu takes what lies behind a library's data for inaccessible. */
struct buffers {
    unsigned char in_memory[PAGES];
    char text[TEXT_MAX];
};

/* Of one mapping; 0 where qemu does not tell, which is of memory without access. The bytes that it
 * gives are this machine's OS pages, whatever the size that it shows the program. */
static size_t resident_in(struct buffers *buffers, uintptr_t start, uintptr_t end)
{
    size_t pages = 0;
    while (start < end) {
        size_t part = end - start < PAGES * PAGE ? end - start : PAGES * PAGE;
        if (mincore((void *)start, part, buffers->in_memory) == 0)
            for (size_t i = 0; i < part / PAGE; i++)
                pages += buffers->in_memory[i] & 1;
        start += part;
    }
    return pages * PAGE;
}

/* In OS pages; of the program's own mappings only: qemu shows no others. */
static size_t resident(open_file *next)
{
    struct buffers *buffers = mmap(NULL, sizeof *buffers, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *line = buffers->text;
    size_t length = 0, sum = 0;
    ssize_t got;
    int file = next("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while ((got = read(file, line + length, TEXT_MAX - 1 - length)) > 0)
        length += (size_t)got;
    close(file);
    for (; *line != '\0'; line = strchrnul(line, '\n'), line += *line == '\n') {
        uintptr_t start = strtoul(line, &line, 16);
        uintptr_t end = strtoul(line + 1, &line, 16);
        if (line[2] == 'w')
            sum += resident_in(buffers, start, end);
    }
    munmap(buffers, sizeof *buffers);
    return sum / (size_t)sysconf(_SC_PAGESIZE);
}

/* As much of statm as anybody reads: the size as it was told, and what is resident. Allocates nothing,
 * for the checks that count allocations. */
static int open_statm(open_file *next)
{
    char text[128] = "";
    int told = next("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (read(told, text, sizeof text - 1) <= 0)
        return told;
    close(told);
    size_t whole = strtoul(text, NULL, 10);
    int length = snprintf(text, sizeof text, "%zu %zu 0 0 0 0 0\n", whole, resident(next));
    int file = memfd_create("statm", MFD_CLOEXEC);
    if (write(file, text, (size_t)length) != length)
        return -1;
    lseek(file, 0, SEEK_SET);
    return file;
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    open_file *next = (open_file *)dlsym(RTLD_NEXT, "open");
    int saved = errno;
    if (strcmp(path, "/proc/self/statm") != 0)
        return next(path, flags, mode);
    int file = open_statm(next);
    errno = saved;
    return file;
}
