/* SPDX-License-Identifier: MIT */
/*
 * See library.h. On Linux. A copy is loaded by its number, /proc/self/fd/N, which is also how the
 * loader knows it from then on; the system knows it by a name that says of which file it is a copy.
 */
#define _GNU_SOURCE
#include "os/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/print.h"

/*
 * dlopen, where there is one: a program that is linked statically has none, and the linker warns of
 * whoever asks for it by name.
 */
typedef void *opener(const char *path, int flags);

static opener *find_opener(void)
{
    union {
        void *address;
        opener *function;
    } found = {dlsym(RTLD_DEFAULT, "dlopen")};
    return found.function;
}

static void *open_library(const char *path, int flags)
{
    opener *open = find_opener();
    return open != NULL ? open(path, flags) : NULL;
}

#ifndef RTLD_DEEPBIND /* not in musl */
#define RTLD_DEEPBIND 0
#endif

#define OPEN_FILES "/proc/self/fd/"

enum { NAME_SIZE = 80 };

static void end_text(struct text *text)
{
    text->data[text->length] = '\0';
}

/* ---- finding ---- */

static bool put_path(char path[LIBRARY_PATH_SIZE], const char *folder, const char *name)
{
    struct text text = {path, LIBRARY_PATH_SIZE, 0};
    cairn__text_put(&text, folder);
    if (*folder != '\0')
        cairn__text_put(&text, "/");
    cairn__text_put(&text, name);
    if (text.length == LIBRARY_PATH_SIZE)
        return false;
    end_text(&text);
    return true;
}

/* In the folders where the program's own libraries are searched; only glibc tells which. */
#ifdef __GLIBC__
static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool find_in_folders(const char *name, char path[LIBRARY_PATH_SIZE])
{
    bool found = false;
    union {
        Dl_serinfo info;
        char bytes[16 * 1024];
    } folders;
    void *program = open_library(NULL, RTLD_LAZY);
    if (program == NULL)
        return false;
    if (dlinfo(program, RTLD_DI_SERINFOSIZE, &folders.info) == 0 &&
        folders.info.dls_size <= sizeof folders &&
        dlinfo(program, RTLD_DI_SERINFOSIZE, &folders.info) == 0 &&
        dlinfo(program, RTLD_DI_SERINFO, &folders.info) == 0)
        for (unsigned i = 0; i < folders.info.dls_cnt && !found; i++)
            found = put_path(path, folders.info.dls_serpath[i].dls_name, name) && is_file(path);
    dlclose(program);
    return found;
}
#else
static bool find_in_folders(const char *name, char path[LIBRARY_PATH_SIZE])
{
    (void)name, (void)path;
    return false;
}
#endif

bool cairn__library_find(const char *name, char path[LIBRARY_PATH_SIZE])
{
    int saved = errno;
    bool bare = *name != '\0' && strchr(name, '/') == NULL;
    bool fits = (bare && find_in_folders(name, path)) || put_path(path, "", name);
    errno = saved;
    return fits;
}

/* ---- copies ---- */

/* A name for all copies of a file that are not somebody's own. */
static void put_copy_name(const struct library_file *file, char name[NAME_SIZE])
{
    struct text text = {name, NAME_SIZE - 1, 0};
    cairn__text_put(&text, "cairn-foreign-");
    cairn__text_uint(&text, file->device);
    cairn__text_put(&text, "-");
    cairn__text_uint(&text, file->number);
    end_text(&text);
}

static void put_path_of(int copy, char path[NAME_SIZE])
{
    struct text text = {path, NAME_SIZE - 1, 0};
    cairn__text_put(&text, OPEN_FILES);
    cairn__text_uint(&text, (uint64_t)copy);
    end_text(&text);
}

struct search {
    const char *name; /* of the copy */
    int copy;         /* found; -1 */
};

static int compare_copy(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *search = context;
    char target[NAME_SIZE + 32];
    size_t length = strlen(search->name);
    (void)size;
    if (strncmp(info->dlpi_name, OPEN_FILES, sizeof OPEN_FILES - 1) != 0)
        return 0;
    ssize_t got = readlink(info->dlpi_name, target, sizeof target);
    if (got <= 7 + (ssize_t)length || memcmp(target, "/memfd:", 7) != 0 ||
        memcmp(target + 7, search->name, length) != 0 || target[7 + length] != ' ')
        return 0;
    search->copy = atoi(info->dlpi_name + sizeof OPEN_FILES - 1);
    return 1;
}

/* A copy that is loaded already: its number, or -1. */
static int find_copy(const char *name)
{
    struct search search = {name, -1};
    dl_iterate_phdr(compare_copy, &search);
    return search.copy;
}

/* ---- loading ---- */

/* Sanitizers end a process that asks for RTLD_DEEPBIND. */
static int binding(void)
{
    static const char *const sanitizers[] = {"__asan_init", "__hwasan_init", "__msan_init",
                                             "__tsan_init"};
    for (size_t i = 0; i < sizeof sanitizers / sizeof *sanitizers; i++)
        if (dlsym(RTLD_DEFAULT, sanitizers[i]) != NULL)
            return 0;
    return RTLD_DEEPBIND;
}

/* The loader's words begin with the path; whoever asked knows it by another. */
static void put_reason(struct text *why, const char *path)
{
    const char *words = dlerror();
    size_t length = strlen(path);
    if (words == NULL)
        words = "cannot be loaded";
    else if (strncmp(words, path, length) == 0 && strncmp(words + length, ": ", 2) == 0)
        words += length + 2;
    cairn__text_put(why, words);
}

/*
 * What the library needs is loaded first, and not with its flags, or it would be bound to the library's
 * malloc; and be so for all others who need it, later.
 */
static void *open_after_needed(const char *path, const struct library_file *file, struct text *why)
{
    void *needed[LIBRARY_NEEDED_MAX];
    for (unsigned i = 0; i < file->needed_count; i++)
        needed[i] = open_library(file->needed[i], RTLD_LAZY | RTLD_LOCAL);
    void *handle = open_library(path, RTLD_NOW | RTLD_LOCAL | binding());
    if (handle == NULL)
        put_reason(why, path);
    for (unsigned i = 0; i < file->needed_count; i++)
        if (needed[i] != NULL)
            dlclose(needed[i]);
    return handle;
}

/* From a copy. Two threads may make one each, at the same time: then there are two. */
static void open_copy(struct library *library, struct library_file *file, bool own_copy,
                      struct text *why)
{
    char name[NAME_SIZE] = "cairn-foreign", path[NAME_SIZE];
    if (!own_copy) {
        put_copy_name(file, name);
        library->copy = find_copy(name);
    }
    bool is_new = library->copy < 0;
    if (is_new)
        library->copy = cairn__library_file_copy(file, name);
    if (library->copy < 0) {
        cairn__text_put(why, "cannot be copied");
        return;
    }
    put_path_of(library->copy, path);
    library->handle = open_after_needed(path, file, why);
    if (library->handle == NULL && is_new)
        close(library->copy);
}

bool cairn__library_open(struct library *library, const char *path, struct library_file *file,
                         bool own_copy, char *why, size_t why_size)
{
    int saved = errno;
    struct text text = {why, why_size - 1, 0};
    *library = (struct library){NULL, -1};
    if (find_opener() == NULL) {
        cairn__text_put(&text, "this program is linked statically, and cannot load libraries");
        end_text(&text);
        return false;
    }
    if (!own_copy)
        library->handle = open_library(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (library->handle == NULL && file->bytes != NULL && (own_copy || file->mixes))
        open_copy(library, file, own_copy, &text);
    else if (library->handle == NULL)
        library->handle = open_after_needed(path, file, &text);
    end_text(&text);
    errno = saved;
    return library->handle != NULL;
}

static const char *name_of(const struct library *library)
{
    struct link_map *map;
    return dlinfo(library->handle, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : "";
}

void *cairn__library_symbol(const struct library *library, const char *name)
{
    Dl_info where;
    void *symbol = dlsym(library->handle, name);
    if (symbol == NULL || dladdr(symbol, &where) == 0 ||
        strcmp(where.dli_fname, name_of(library)) != 0)
        return NULL;
    return symbol;
}

bool cairn__library_close(struct library *library)
{
    int saved = errno;
    char name[LIBRARY_PATH_SIZE] = "";
    put_path(name, "", name_of(library));
    dlclose(library->handle);
    void *again = open_library(name, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    if (again != NULL)
        dlclose(again);
    else if (library->copy >= 0)
        close(library->copy);
    errno = saved;
    return again == NULL;
}
