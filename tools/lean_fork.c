/* SPDX-License-Identifier: MIT */
/* See lean_fork.h. */
#define _GNU_SOURCE
#include "lean_fork.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "text.h"

/* What the command is linked to, and what these are. */
static bool is_spare(const char *path)
{
    static const char *const names[] = {"libbz2.", "libdw",       "libelf",    "libjansson.",
                                        "liblzma", "libncursesw", "libtinfo.", "libm.",
                                        "libz.",   "libzstd."};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(text_basename(path), names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* What the system does not take back or cannot mark stays in the child, and is counted. */
static int mark(struct dl_phdr_info *info, size_t size, void *advice)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size;
    if (!is_spare(info->dlpi_name))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD)
            continue;
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        uintptr_t end = (start + segment->p_memsz + page - 1) & -page;
        start &= -page;
        madvise((void *)start, end - start, *(const int *)advice);
    }
    return 0;
}

/* Something that interposes functions, and may look for others through all libraries. */
static bool is_watched(void)
{
    return getenv("LD_PRELOAD") || getenv("LD_AUDIT") || access("/etc/ld.so.preload", F_OK) == 0;
}

pid_t lean_fork(void)
{
    if (is_watched())
        return fork();
    int apart = MADV_DONTFORK, again = MADV_DOFORK;

    dl_iterate_phdr(mark, &apart);
    pid_t child = fork();
    int error = errno;
    if (child != 0)
        dl_iterate_phdr(mark, &again);
    errno = error;
    return child;
}
