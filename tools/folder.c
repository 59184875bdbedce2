/* SPDX-License-Identifier: MIT */
/* Temporary files: see folder.h. A TMPDIR that cannot be used is passed over for /tmp. */
#define _GNU_SOURCE
#include "folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "own_memory.h"

static int make(const char *folder, const char *prefix, char **path)
{
    char *real = realpath(folder, NULL);
    if (!real)
        return -1;
    *path = memory_format("%s/%s-XXXXXX", real, prefix);
    free(real);
    int fd = mkostemp(*path, O_CLOEXEC);
    if (fd < 0) {
        free(*path);
        *path = NULL;
    }
    return fd;
}

int folder_temporary(const char *prefix, char **path)
{
    const char *wanted = getenv("TMPDIR");
    int fd = -1;

    *path = NULL;
    if (wanted && *wanted)
        fd = make(wanted, prefix, path);
    return fd >= 0 ? fd : make("/tmp", prefix, path);
}

int folder_nameless(void)
{
    char *path;
    int fd = folder_temporary("cairn", &path);

    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}
