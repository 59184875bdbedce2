/* SPDX-License-Identifier: MIT */
/*
 * Finding our libraries: see library.h. The last part of a path stays as it is (it may be a
 * link to the version of today), its folder is resolved, so that programs that change their working
 * folder pass on a value that still holds.
 */
#define _GNU_SOURCE
#include "library.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"
#include "own_memory.h"
#include "message.h"
#include "text.h"

/* The build says where libraries are installed: below the prefix, and in full. */
#ifndef CAIRN_LIBDIR
#define CAIRN_LIBDIR      "lib"
#define CAIRN_FULL_LIBDIR "/usr/local/lib"
#endif

char *library_absolute(const char *path)
{
    const char *name = strrchr(path, '/');
    char *folder = name ? strndup(path, (size_t)(name - path) + 1) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    int error = errno;
    char *result = NULL;

    if (real)
        result = memory_format("%s/%s", strcmp(real, "/") == 0 ? "" : real, name ? name + 1 : path);
    free(folder);
    free(real);
    errno = error;
    return result;
}

/* The first file that one of the patterns finds, in their order. */
static char *first_match(const char *folder, const char *file)
{
    static const char *const patterns[] = {
        "%s/%s",
        "%s/%s.*",
        "%s/*-linux-*/%s",
        "%s/*-linux-*/%s.*",
    };

    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char *pattern = memory_format(patterns[i], folder, file);
        glob_t found;
        char *result = NULL;
        if (glob(pattern, 0, NULL, &found) == 0) {
            result = library_absolute(found.gl_pathv[0]);
            globfree(&found);
        }
        free(pattern);
        if (result)
            return result;
    }
    return NULL;
}

/* Below the folder that bin is in: as installed (lib/x86_64-linux-gnu, say), or as built (lib). */
static char *search_beside(const char *prefix, const char *file)
{
    static const char *const folders[] = {"%s/" CAIRN_LIBDIR, "%s/lib"};
    char *result = NULL;

    for (size_t i = 0; !result && i < sizeof folders / sizeof *folders; i++) {
        char *folder = memory_format(folders[i], prefix);
        result = first_match(folder, file);
        free(folder);
    }
    return result;
}

static char *search(const char *file, const char *advice)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    char *result;

    self[length > 0 ? length : 0] = '\0';
    for (int up = 0; up < 2 && strrchr(self, '/'); up++) /* the command, then bin */
        *strrchr(self, '/') = '\0';
    result = search_beside(self, file);
    if (!result)
        result = first_match(CAIRN_FULL_LIBDIR, file);
    if (!result)
        message("%s is neither in %s/lib nor in %s%s", file, self, CAIRN_FULL_LIBDIR, advice);
    return result;
}

static bool can_preload(const char *path)
{
    struct elf_file library, self;
    char machine[32];

    if (access(path, R_OK) < 0 || !elf_read(path, &library)) {
        message("cannot read the library %s: %s", path, strerror(errno));
    } else if (library.kind != ELF_LIBRARY) {
        message("%s is not a shared library", path);
    } else if (elf_read("/proc/self/exe", &self) && !elf_same_machine(&self, &library)) {
        message("the library %s is built for another machine (%s)", path,
                elf_machine(&library, machine));
    } else if (strpbrk(path, " :")) {
        message("LD_PRELOAD cannot hold a path with a space or a colon: '%s'; give --lib a link "
                "to it from elsewhere",
                path);
    } else {
        return true;
    }
    return false;
}

char *library_find(const char *wanted)
{
    char *path;

    if (!wanted)
        wanted = getenv("CAIRN_LIB");
    if (wanted && *wanted) {
        path = library_absolute(wanted);
        if (!path)
            message("cannot read the library %s: %s", wanted, strerror(errno));
    } else {
        path = search("libcairn-malloc.so", " (name it with --lib or CAIRN_LIB)");
    }
    if (path && !can_preload(path)) {
        free(path);
        path = NULL;
    }
    return path;
}

static char *find_by_name(const char *file)
{
    char *path = search(file, "");

    if (path && !can_preload(path)) {
        free(path);
        path = NULL;
    }
    return path;
}

char *library_find_recorder(void)
{
    return find_by_name("libcairn-record.so");
}

char *library_find_hardened(void)
{
    return find_by_name("libcairn-hardened.so");
}

char *library_find_checked(void)
{
    return find_by_name("libcairn-checked.so");
}
