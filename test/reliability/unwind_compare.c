/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded into any program: at every n-th allocation (UNWIND_EVERY, 1 unless set) the stack
 * is taken by cairn__unwind and by backtrace(), and both are compared. At the end a line is appended
 * to the file UNWIND_RESULT, in one write:
 *
 *   PROGRAM PID compared equal shorter longer wrong
 *
 * shorter: all of ours is the beginning of theirs; longer: the other way round. The first few of each
 * kind that differ are written to standard error, with names.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit/unwind_check.h"

enum { SHOWN_MAX = 8 };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *block);

static struct {
    _Atomic unsigned long calls, compared, equal, shorter, longer, wrong;
    unsigned long every;
    _Atomic int shown;
    _Atomic int ready;
} compared;

static __thread int inside;

static void show(const struct unwind_stacks *stacks, const char *how)
{
    if (compared.shown++ >= SHOWN_MAX)
        return;
    fprintf(stderr, "unwind: %s: %s in %d\n", how, program_invocation_short_name, getpid());
    for (unsigned i = 0; i < stacks->ours_count || i < stacks->theirs_count; i++) {
        uintptr_t ours = i < stacks->ours_count ? stacks->ours[i] : 0;
        uintptr_t theirs = i < stacks->theirs_count ? (uintptr_t)stacks->theirs[i] : 0;
        Dl_info info = {0};
        dladdr((void *)(theirs != 0 ? theirs : ours), &info);
        fprintf(stderr, "  %2u %14lx %14lx %s+%lx %s\n", i, (unsigned long)ours,
                (unsigned long)theirs, info.dli_fname != NULL ? info.dli_fname : "?",
                (unsigned long)((theirs != 0 ? theirs : ours) - (uintptr_t)info.dli_fbase),
                info.dli_sname != NULL ? info.dli_sname : "");
    }
}

static void judge(const struct unwind_stacks *stacks)
{
    unsigned common = 0;
    while (common < stacks->ours_count && common < stacks->theirs_count &&
           stacks->ours[common] == (uintptr_t)stacks->theirs[common])
        common++;
    compared.compared++;
    if (common == stacks->ours_count && common == stacks->theirs_count) {
        compared.equal++;
    } else if (common == stacks->ours_count) {
        compared.shorter++;
        show(stacks, "shorter");
    } else if (common == stacks->theirs_count) {
        compared.longer++;
        show(stacks, "longer");
    } else {
        compared.wrong++;
        show(stacks, "wrong");
    }
}

static void look(void)
{
    static __thread struct unwind_stacks stacks;
    if (!compared.ready || inside || compared.calls++ % compared.every != 0)
        return;
    int saved = errno;
    inside = 1;
    unwind_stacks_take(&stacks);
    judge(&stacks);
    inside = 0;
    errno = saved;
}

static void __attribute__((constructor)) begin(void)
{
    const char *every = getenv("UNWIND_EVERY");
    void *frames[4];
    compared.every = every != NULL ? strtoul(every, NULL, 10) : 1;
    compared.every += compared.every == 0;
    inside = 1;
    backtrace(frames, 4);
    cairn__unwind_prepare();
    inside = 0;
    compared.ready = 1;
}

static void __attribute__((destructor)) end(void)
{
    char line[256];
    const char *path = getenv("UNWIND_RESULT");
    int file = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
    int length = snprintf(line, sizeof line, "%s %d %lu %lu %lu %lu %lu\n",
                          program_invocation_short_name, getpid(), compared.compared,
                          compared.equal, compared.shorter, compared.longer, compared.wrong);
    compared.ready = 0;
    if (file >= 0 && write(file, line, (size_t)length) != length)
        fprintf(stderr, "unwind: cannot write %s\n", path);
}

/* ---- the program's allocations ---- */

void *malloc(size_t size)
{
    look();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    look();
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    look();
    return __libc_realloc(block, size);
}

void *memalign(size_t align, size_t size)
{
    look();
    return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    look();
    return __libc_memalign(align, size);
}

int posix_memalign(void **block, size_t align, size_t size)
{
    look();
    *block = __libc_memalign(align, size);
    return *block != NULL ? 0 : ENOMEM;
}

void free(void *block)
{
    __libc_free(block);
}

int dlclose(void *library)
{
    int (*next)(void *);
    *(void **)&next = dlsym(RTLD_NEXT, "dlclose");
    int result = next(library);
    cairn__unwind_forget();
    return result;
}
