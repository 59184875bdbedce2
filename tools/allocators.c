/* SPDX-License-Identifier: MIT */
/*
 * The allocators of this machine: see allocators.h. A library counts as found if a pattern of its
 * row matches a file in one of the folders and that file is a shared library for this machine; the
 * first match of the first folder wins.
 */
#define _GNU_SOURCE
#include "allocators.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"
#include "library.h"
#include "own_memory.h"
#include "message.h"
#include "probe.h"
#include "spawn.h"
#include "text.h"

enum { MOST_PATTERNS = 4 };

/* Electric Fence and the like are not here: they find faults, and are not meant to be fast. */
static const struct known {
    const char *name;
    const char *patterns[MOST_PATTERNS]; /* of file names, the best first */
    const char *needs;                   /* the Debian package, or what to build */
} known[] = {
    {"jemalloc", {"libjemalloc.so*"}, "libjemalloc2"},
    {"mimalloc", {"libmimalloc.so*"}, "libmimalloc2.0"},
    {"mimalloc-secure", {"libmimalloc-secure.so*"}, "mimalloc built with MI_SECURE"},
    {"tcmalloc", {"libtcmalloc.so*"}, "libgoogle-perftools4"},
    {"tcmalloc-minimal", {"libtcmalloc_minimal.so*"}, "libtcmalloc-minimal4"},
    {"tbb", {"libtbbmalloc_proxy.so*"}, "libtbbmalloc2"},
    {"scudo",
     {"libclang_rt.scudo_standalone.so*", "libclang_rt.scudo_standalone-*.so*", "libscudo.so*"},
     "libclang-rt-14-dev"},
    {"snmalloc", {"libsnmallocshim.so*", "libsnmalloc.so*"}, "snmalloc built as a shim library"},
    {"snmalloc-checks", {"libsnmallocshim-checks.so*"}, "snmalloc built with its checks"},
    {"rpmalloc", {"librpmallocwrap.so*", "librpmalloc.so*"}, "rpmalloc built with ENABLE_OVERRIDE"},
    {"hardened_malloc", {"libhardened_malloc.so*"}, "hardened_malloc"},
    {"hardened_malloc-light", {"libhardened_malloc-light.so*"}, "hardened_malloc, light"},
    {"isoalloc", {"libisoalloc.so*"}, "isoalloc"},
    {"hoard", {"libhoard.so*"}, "Hoard"},
    {"mesh", {"libmesh.so*"}, "Mesh"},
};
enum { KNOWN = sizeof known / sizeof *known };

/* After those of LD_LIBRARY_PATH. Each is a pattern too. */
static const char *const folders[] = {
    "/usr/local/lib",
    "/usr/local/lib/*-linux-*",
    "/usr/lib/*-linux-*",
    "/lib/*-linux-*",
    "/usr/lib",
    "/lib",
    "/usr/lib64",
    "/usr/local/lib64",
    "/usr/lib/llvm-*/lib/clang/*/lib/linux",
    "/usr/lib/llvm-*/lib/clang/*/lib/*-linux-*",
    "/usr/lib/clang/*/lib/linux",
    "/usr/lib/clang/*/lib/*-linux-*",
};

static struct allocator *add(struct allocator_list *list, const char *name, char *path)
{
    list->items = memory_resize(list->items, list->count + 1, sizeof *list->items);
    struct allocator *added = &list->items[list->count++];
    *added = (struct allocator){.name = memory_copy(name), .path = path};
    return added;
}

static bool fits_machine(const char *path)
{
    struct elf_file self, library;

    return access(path, R_OK) == 0 && elf_read(path, &library) && library.kind == ELF_LIBRARY &&
           elf_read("/proc/self/exe", &self) && elf_same_machine(&self, &library);
}

/* The first fitting file that `folder`/`name` matches, or NULL. */
static char *match(const char *folder, size_t folder_length, const char *name)
{
    char *pattern = memory_format("%.*s/%s", (int)folder_length, folder, name);
    char *path = NULL;
    glob_t found;

    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !path; i++)
            if (fits_machine(found.gl_pathv[i]))
                path = library_absolute(found.gl_pathv[i]);
        globfree(&found);
    }
    free(pattern);
    return path;
}

static char *find_known(const struct known *row)
{
    const char *environment = getenv("LD_LIBRARY_PATH");
    char *path = NULL;

    for (const char *at = environment; at && *at && !path;) {
        size_t length = strcspn(at, ":;");
        for (size_t i = 0; length > 0 && i < MOST_PATTERNS && row->patterns[i] && !path; i++)
            path = match(at, length, row->patterns[i]);
        at += length + (at[length] != '\0');
    }
    for (size_t f = 0; f < sizeof folders / sizeof *folders && !path; f++)
        for (size_t i = 0; i < MOST_PATTERNS && row->patterns[i] && !path; i++)
            path = match(folders[f], strlen(folders[f]), row->patterns[i]);
    return path;
}

void allocators_find(struct allocator_list *list, const char *library)
{
    *list = (struct allocator_list){0};
    add(list, "system", NULL)->is_system = true;
    struct allocator *cairn = add(list, "cairn", library ? memory_copy(library) : NULL);
    cairn->is_cairn = true;
    cairn->needs = "libcairn-malloc.so";
    for (size_t i = 0; i < KNOWN; i++) {
        char *path = find_known(&known[i]);
        add(list, known[i].name, path)->needs = known[i].needs;
    }
}

struct allocator *allocators_named(const struct allocator_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

static void copy(struct allocator_list *to, const struct allocator *from)
{
    if (allocators_named(to, from->name))
        return;
    struct allocator *copied = add(to, from->name, from->path ? memory_copy(from->path) : NULL);
    copied->is_cairn = from->is_cairn;
    copied->is_system = from->is_system;
    copied->needs = from->needs;
}

static bool add_by_path(struct allocator_list *selected, const char *name, const char *path)
{
    char *absolute = library_absolute(path);

    if (!absolute || access(absolute, R_OK) < 0)
        message("cannot read the library %s: %s", path, strerror(errno));
    else if (strpbrk(absolute, " :"))
        message("LD_PRELOAD cannot hold a path with a space or a colon: '%s'", absolute);
    else if (allocators_named(selected, name))
        message("two allocators are named %s", name);
    else {
        add(selected, name, absolute);
        return true;
    }
    free(absolute);
    return false;
}

static bool unknown(const struct allocator_list *list, const char *word)
{
    const char **names = memory_take(list->count + 1, sizeof *names);
    for (size_t i = 0; i < list->count; i++)
        names[i] = list->items[i].name;
    const char *nearest = message_nearest(word, names);
    if (nearest)
        message("no allocator '%s' is known (did you mean %s? else name=path)", word, nearest);
    else
        message("no allocator '%s' is known (name=path adds one; --allocators list shows them)",
                word);
    free(names);
    return false;
}

static bool select_word(const struct allocator_list *list, char *word,
                        struct allocator_list *selected)
{
    char *equals = strchr(word, '=');

    if (equals) {
        *equals = '\0';
        if (*word && strcmp(word, "system") != 0 && strcmp(word, "cairn") != 0)
            return add_by_path(selected, word, equals + 1);
        message("an allocator of your own cannot be named '%s'", word);
        return false;
    }
    if (strcmp(word, "all") == 0) {
        for (size_t i = 0; i < list->count; i++)
            if (list->items[i].path || list->items[i].is_system || list->items[i].is_cairn)
                copy(selected, &list->items[i]);
        return true;
    }
    const struct allocator *found = allocators_named(list, word);
    if (!found)
        return unknown(list, word);
    /* Cairn's absence is explained by whoever looked for its library. */
    if (!found->path && !found->is_system && !found->is_cairn) {
        message("%s is not on this machine (%s), or not where it is looked for: name it %s=path",
                word, found->needs, word);
        return false;
    }
    copy(selected, found);
    return true;
}

bool allocators_select(const struct allocator_list *list, const char *words,
                       struct allocator_list *selected)
{
    char *all = memory_copy(words ? words : "all"), *rest = all, *word;
    bool good = true;

    *selected = (struct allocator_list){0};
    while (good && (word = strsep(&rest, ",")))
        good = *word == '\0' || select_word(list, word, selected);
    free(all);
    if (!good)
        allocators_free(selected);
    return good;
}

void allocators_try(struct allocator_list *list, struct spawner *spawner)
{
    for (size_t i = 0; i < list->count && !spawn_interrupted(spawner); i++)
        if (list->items[i].path)
            probe_library(spawner, list->items[i].path, &list->items[i].why_not);
}

void allocators_print(const struct allocator_list *list, FILE *to)
{
    size_t width = 0;

    for (size_t i = 0; i < list->count; i++)
        if (text_width(list->items[i].name) > width)
            width = text_width(list->items[i].name);
    for (size_t i = 0; i < list->count; i++) {
        const struct allocator *item = &list->items[i];
        fprintf(to, "%-*s  ", (int)width, item->name);
        if (item->is_system)
            fputs("the C library's own, nothing preloaded\n", to);
        else if (item->path && item->why_not)
            fprintf(to, "%s  (not usable: %s)\n", item->path, item->why_not);
        else if (item->path)
            fprintf(to, "%s\n", item->path);
        else
            fprintf(to, "-  (not found: %s)\n", item->needs);
    }
}

int allocators_list(const char *library)
{
    struct allocator_list list;
    struct spawner spawner;
    char *own = library_find(library);

    allocators_find(&list, own);
    free(own);
    if (!spawn_open(&spawner, SPAWN_STOP)) {
        allocators_free(&list);
        return EXIT_OWN_ERROR;
    }
    allocators_try(&list, &spawner);
    int interrupted = spawn_interrupted(&spawner);
    spawn_close(&spawner);
    if (!interrupted)
        allocators_print(&list, stdout);
    allocators_free(&list);
    return interrupted ? EXIT_SIGNAL + interrupted : 0;
}

const char *allocators_in_preload(const char *preload)
{
    while (preload && *preload) {
        size_t length = strcspn(preload, " :");
        char *item = memory_format("%.*s", (int)length, preload);
        const char *name = NULL;
        if (fnmatch("libcairn-*.so*", text_basename(item), 0) == 0)
            name = "cairn";
        for (size_t k = 0; k < KNOWN && !name; k++)
            for (size_t p = 0; p < MOST_PATTERNS && known[k].patterns[p] && !name; p++)
                if (fnmatch(known[k].patterns[p], text_basename(item), 0) == 0)
                    name = known[k].name;
        free(item);
        if (name)
            return name;
        preload += length + strspn(preload + length, " :");
    }
    return NULL;
}

void allocators_free(struct allocator_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].path);
        free(list->items[i].why_not);
    }
    free(list->items);
    *list = (struct allocator_list){0};
}
