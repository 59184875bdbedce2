/* SPDX-License-Identifier: MIT */
/*
 * What these programs share beyond stress.h: skipping with a reason, the process's mappings as the
 * kernel lists them, and blocks with a pattern, of which nothing is kept but the address.
 */
#ifndef TEST_RELIABILITY_RELIABILITY_H
#define TEST_RELIABILITY_RELIABILITY_H

#include "stress/stress.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { SKIPPED = 77 };

/* ctest reports the test as skipped. */
#define skip(...)                                                                                  \
    do {                                                                                           \
        printf("skipped: " __VA_ARGS__);                                                           \
        puts("");                                                                                  \
        fflush(stdout);                                                                            \
        _exit(SKIPPED);                                                                            \
    } while (0)

/* ---- mappings ---- */

struct mapping {
    uintptr_t start;
    uintptr_t end;
    char rights[8]; /* "rw-p" */
    bool named;     /* a file's, or one of the kernel's, as [stack] */
};

/* Calls visit for each; allocates nothing. */
static inline void mappings_visit(void (*visit)(const struct mapping *mapping, void *argument),
                                  void *argument)
{
    char text[8192];
    size_t held = 0;
    ssize_t size;
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    expect(file >= 0, "no /proc/self/maps");
    while ((size = read(file, text + held, sizeof text - 1 - held)) > 0) {
        held += (size_t)size;
        text[held] = '\0';
        char *line = text;
        for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            struct mapping mapping;
            *end = '\0';
            if (sscanf(line, "%lx-%lx %7s", &mapping.start, &mapping.end, mapping.rights) == 3) {
                mapping.named = strpbrk(line, "/[") != NULL;
                visit(&mapping, argument);
            }
        }
        held -= (size_t)(line - text);
        memmove(text, line, held);
    }
    close(file);
}

/* What the kernel charges under strict overcommit: private and writable. */
static inline void add_if_charged(const struct mapping *mapping, void *sum)
{
    if (mapping->rights[1] == 'w' && mapping->rights[3] == 'p') {
        *(size_t *)sum += mapping->end - mapping->start;
    }
}

static inline size_t charged_bytes(void)
{
    size_t sum = 0;

    mappings_visit(add_if_charged, &sum);
    return sum;
}

/* ---- blocks ---- */

static inline void block_fill(void *block, size_t size, uint64_t key)
{
    pattern_fill((unsigned char *)block, size, key);
}

static inline void block_check(const void *block, size_t size, uint64_t key)
{
    size_t at = pattern_mismatch((const unsigned char *)block, size, size, key);

    expect(at == PATTERN_INTACT, "block %p of %zu bytes: byte %zu changed", block, size, at);
}

/* NULL only with ENOMEM. */
static inline void *block_try(size_t size, uint64_t key)
{
    errno = 0;
    void *block = malloc(size);

    expect(block != NULL || errno == ENOMEM, "malloc(%zu): NULL with errno %d", size, errno);
    if (block != NULL) {
        block_fill(block, size, key);
    }
    return block;
}

static inline void block_free(void *block, size_t size, uint64_t key)
{
    if (block != NULL) {
        block_check(block, size, key);
        free(block);
    }
}

/* A table of the test's own, which must not need malloc. */
static inline void *table_make(size_t size)
{
    void *table = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    expect(table != MAP_FAILED, "no room for a table of %zu bytes", size);
    return table;
}

static inline void limit_set(int which, size_t bytes)
{
    struct rlimit limit;

    getrlimit(which, &limit);
    limit.rlim_cur = bytes;
    expect(setrlimit(which, &limit) == 0, "setrlimit: errno %d", errno);
}

#endif
