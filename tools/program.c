/* SPDX-License-Identifier: MIT */
/*
 * Can a library be preloaded into this program: see program.h.
 *
 * The judgement follows what execve(2) will do: a `#!` line leads to its interpreter, and there
 * `env X` to X, until an ELF file is reached. That one needs a dynamic loader, of the library's
 * machine and C library, and must not gain privileges by being executed: then the kernel sets
 * AT_SECURE and ld.so ignores LD_PRELOAD (man ld.so, secure-execution mode).
 */
#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "elf_file.h"
#include "own_memory.h"
#include "message.h"
#include "script.h"

enum { MOST_INTERPRETERS = 6 }; /* the kernel follows fewer */

/* 0 if `path` is a file that may be executed, else the errno that execve(2) would give. */
static int executable(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    if (!S_ISREG(status.st_mode))
        return EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

static int not_usable(const char *path, int error)
{
    if (error == ENOENT || error == ENOTDIR) {
        message("%s: no such file", path);
        return EXIT_NOT_FOUND;
    }
    message("%s: %s", path, error == EACCES ? "not executable" : strerror(error));
    return EXIT_NOT_EXECUTABLE;
}

/* The file that PATH leads to, or NULL; then `*refused` may be one that is not executable. */
static char *search(const char *name, char **refused)
{
    const char *at = getenv("PATH");

    *refused = NULL;
    for (at = at ? at : "/bin:/usr/bin"; *name; at++) {
        size_t length = strcspn(at, ":");
        char *candidate = length ? memory_format("%.*s/%s", (int)length, at, name)
                                 : memory_format("./%s", name);
        int error = executable(candidate);
        if (error == 0) {
            free(*refused);
            *refused = NULL;
            return candidate;
        }
        if (error == EACCES && !*refused)
            *refused = candidate;
        else
            free(candidate);
        at += length;
        if (!*at)
            break;
    }
    return NULL;
}

char *program_search(const char *name)
{
    char *refused, *found = search(name, &refused);
    free(refused);
    return found;
}

int program_find(const char *name, char **path)
{
    char *refused;
    int result = EXIT_NOT_FOUND;

    *path = NULL;
    if (strchr(name, '/')) {
        int error = executable(name);
        if (error)
            return not_usable(name, error);
        *path = memory_copy(name);
        return 0;
    }
    *path = search(name, &refused);
    if (*path)
        return 0;
    if (refused)
        result = not_usable(refused, EACCES);
    else
        message("%s: command not found", name);
    free(refused);
    return result;
}

/* Sets the verdict; keeps the first one. */
static void refuse(struct program *program, int exit_code, char *reason)
{
    if (program->exit_code) {
        free(reason);
        return;
    }
    program->exit_code = exit_code;
    program->reason = reason;
}

/* What executing the file would make of this process, if more than it is, as "setuid root". */
static char *gained_privilege(const char *path)
{
    struct stat status;
    struct statvfs mount;
    char capabilities[64];

    if (stat(path, &status) < 0 || (statvfs(path, &mount) == 0 && mount.f_flag & ST_NOSUID) ||
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return NULL;
    if (geteuid() != getuid() || getegid() != getgid())
        return memory_copy("executed with another effective user or group");
    if (status.st_mode & S_ISUID && status.st_uid != getuid()) {
        const struct passwd *user = getpwuid(status.st_uid);
        return user ? memory_format("setuid %s", user->pw_name)
                    : memory_format("setuid %u", (unsigned)status.st_uid);
    }
    if (status.st_mode & S_ISGID && status.st_mode & S_IXGRP && status.st_gid != getgid()) {
        const struct group *group = getgrgid(status.st_gid);
        return group ? memory_format("setgid %s", group->gr_name)
                     : memory_format("setgid %u", (unsigned)status.st_gid);
    }
    /* Root has every capability already, and is not put into secure mode by a file's. */
    if (getuid() != 0 &&
        getxattr(path, "security.capability", capabilities, sizeof capabilities) > 0)
        return memory_copy("given file capabilities");
    return NULL;
}

static void refuse_privilege(struct program *program, const char *path)
{
    char *privilege = gained_privilege(path);

    if (privilege)
        refuse(program, EXIT_OWN_ERROR,
               memory_format("%s, and the loader ignores LD_PRELOAD in such programs", privilege));
    free(privilege);
}

static void judge_elf(struct program *program, const char *path, const struct elf_file *file,
                      const struct elf_file *library)
{
    char machine[32], ours[32];

    if (file->kind == ELF_BROKEN || file->kind == ELF_OTHER) {
        refuse(program, EXIT_NOT_EXECUTABLE, memory_copy("not an ELF program"));
        return;
    }
    if (!elf_same_machine(file, library)) {
        refuse(program, EXIT_OWN_ERROR,
               memory_format("a %d-bit %s program, while the library is %d-bit %s",
                             file->wide ? 64 : 32, elf_machine(file, machine),
                             library->wide ? 64 : 32, elf_machine(library, ours)));
        return;
    }
    if (file->kind == ELF_STATIC || file->kind == ELF_STATIC_PIE)
        refuse(program, EXIT_OWN_ERROR,
               memory_format("statically linked%s, so no library can be preloaded into it (link it "
                             "with cairn-malloc.o instead)",
                             file->kind == ELF_STATIC_PIE ? " (static-pie)" : ""));
    if (file->kind == ELF_LIBRARY)
        refuse(program, EXIT_OWN_ERROR, memory_copy("a shared library, not a program"));
    if (file->kind == ELF_DYNAMIC && access(file->interpreter, X_OK) < 0)
        refuse(program, EXIT_NOT_EXECUTABLE,
               memory_format("in need of the loader %s, which is not there", file->interpreter));
    if (file->kind == ELF_DYNAMIC && strstr(file->interpreter, "/ld-musl-") && library->needs_glibc)
        refuse(program, EXIT_OWN_ERROR,
               memory_copy("built for the musl C library, while the library is built for glibc"));
    refuse_privilege(program, path);
    program->brings_malloc = file->exports_malloc;
}

/* The file that runs the script, or NULL after a refusal. */
static char *follow(struct program *program, const struct script *script)
{
    const char *name = script->interpreter;
    char *next = NULL;

    if (script->clears_environment) {
        refuse(program, EXIT_OWN_ERROR,
               memory_format("started through '%s', which clears LD_PRELOAD", script->line));
        return NULL;
    }
    if (strchr(name, '/'))
        next = executable(name) == 0 ? memory_copy(name) : NULL;
    else
        next = program_search(name);
    if (!next)
        refuse(program, EXIT_NOT_EXECUTABLE,
               memory_format("a script whose interpreter '%s' is not there to be executed", name));
    return next;
}

void program_judge(struct program *program, char *path, const char *library_path)
{
    struct elf_file library = {.kind = ELF_NONE}, file;
    char *at = memory_copy(path);

    *program = (struct program){.path = path};
    elf_read(library_path, &library);
    for (unsigned i = 0; at; i++) {
        struct script script;
        char *next = NULL;
        if (i == MOST_INTERPRETERS) {
            refuse(program, EXIT_NOT_EXECUTABLE,
                   memory_copy("one of scripts that run one another"));
            break;
        }
        if (!elf_read(at, &file)) {
            /* Executable but not readable: what is in it stays unknown. */
            refuse_privilege(program, at);
            break;
        }
        if (file.kind != ELF_NONE) {
            judge_elf(program, at, &file, &library);
            break;
        }
        switch (script_read(at, &script)) {
        case SCRIPT_WITH_LINE:
            next = follow(program, &script);
            break;
        case SCRIPT_PLAIN_TEXT:
            program->by_shell = i == 0;
            next = memory_copy("/bin/sh");
            break;
        case SCRIPT_NONE:
            refuse(program, EXIT_OWN_ERROR, memory_copy("neither an ELF program nor a script"));
            break;
        }
        free(at);
        at = next;
    }
    if (program->exit_code && at && strcmp(at, path) != 0) {
        char *whole = memory_format("run by %s, which is %s", at, program->reason);
        free(program->reason);
        program->reason = whole;
    }
    free(at);
}

void program_fini(struct program *program)
{
    free(program->path);
    free(program->reason);
    *program = (struct program){0};
}
