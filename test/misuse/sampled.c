/* SPDX-License-Identifier: MIT */
/*
 * What is reported of sampled blocks: each crime is committed in a child, with CAIRN_SAMPLE=1 and the
 * library preloaded, and must end it with its line, and with the calls that have to do with it, in
 * this program. Usage: sampled [harmless]; the latter uses memory as it should be used.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "misuse/child.h"

#define SELF __attribute__((noinline, noclone))

/* The compiler is not to know what these are. */
static void *(*volatile any_malloc)(size_t) = malloc;
static void (*volatile any_free)(void *) = free;
static void *(*volatile any_realloc)(void *, size_t) = realloc;

static SELF volatile char *make(size_t size)
{
    volatile char *block = any_malloc(size);
    if (block == NULL)
        exit(3);
    return block;
}

static SELF void end(volatile char *block)
{
    any_free((void *)block);
}

/* One that ends where the pages do, or begins where they do. */
static volatile char *make_at(size_t size, bool at_the_end)
{
    volatile char *block = make(size);
    for (int i = 0; i < 200 && ((uintptr_t)block % 4096 != 0) != at_the_end; i++) {
        end(block);
        block = make(size);
    }
    return block;
}

static void read_after_free(void)
{
    volatile char *block = make(100);
    end(block);
    (void)block[40];
}

static void write_after_free(void)
{
    volatile char *block = make(1000);
    end(block);
    block[999] = 1;
}

static void read_beyond(void)
{
    (void)make_at(64, true)[64];
}

static void write_beyond(void)
{
    make_at(4096, true)[4096 + 8] = 1;
}

static void write_before(void)
{
    make_at(64, false)[-8] = 1;
}

static void write_a_little_beyond(void)
{
    volatile char *block = make(61);
    block[62] ^= 1;
    end(block);
}

static void free_twice(void)
{
    volatile char *block = make(80);
    end(block);
    end(block);
}

static void free_inside(void)
{
    end(make(80) + 16);
}

static void realloc_freed(void)
{
    volatile char *block = make(80);
    end(block);
    any_realloc((void *)block, 100);
}

static const struct crime {
    void (*commit)(void);
    int signal;
    const char *line;
    const char *calls[3];
} crimes[] = {
    {read_after_free,
     SIGSEGV,
     "cairn: use after free: access to ",
     {"accessed by", "allocated by", "freed by"}},
    {write_after_free,
     SIGSEGV,
     ", byte 999 of the 1000-byte block ",
     {"accessed by", "allocated by", "freed by"}},
    {read_beyond,
     SIGSEGV,
     ", 1 bytes behind the end of the 64-byte block ",
     {"accessed by", "allocated by"}},
    {write_beyond,
     SIGSEGV,
     ", 9 bytes behind the end of the 4096-byte block ",
     {"accessed by", "allocated by"}},
    {write_before, SIGSEGV, "cairn: underflow: access to ", {"accessed by", "allocated by"}},
    {write_a_little_beyond,
     SIGABRT,
     ", byte 2 behind it (61-byte block, sampled)",
     {"found by", "allocated by"}},
    {free_twice, SIGABRT, "cairn: double free of ", {"found by", "allocated by", "freed by"}},
    {free_inside,
     SIGABRT,
     ", which is inside a block, at byte 16 (80-byte block, sampled)",
     {"found by", "allocated by"}},
    {realloc_freed,
     SIGABRT,
     "which was freed before (80-byte block, sampled)",
     {"found by", "allocated by", "freed by"}},
};

/* Behind the title at least one line is of this program. */
static bool has_calls(const char *said, const char *title)
{
    const char *at = strstr(said, title);
    if (at == NULL)
        return false;
    const char *next = strstr(at, " by thread ");
    next = next == NULL ? NULL : strstr(next + 1, " by thread ");
    const char *own = strstr(at, "/sampled+0x");
    return own != NULL && (next == NULL || own < next);
}

static void harmless(void)
{
    enum { COUNT = 3000 };
    static volatile char *block[COUNT];
    unsigned seed = 1;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1103515245 + 12345;
        volatile char **slot = &block[seed / 65536 % COUNT];
        if (*slot != NULL)
            end(*slot);
        size_t size = seed / 256 % 3000 + 1;
        *slot = make(size);
        memset((void *)*slot, (int)seed, size);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "harmless") == 0) {
        harmless();
        return 0;
    }
    static char said[16384];
    int failures = 0;
    for (size_t i = 0; i < sizeof crimes / sizeof crimes[0]; i++) {
        const struct crime *crime = &crimes[i];
        int status = child_run(crime->commit, said, sizeof said);
        bool good = WIFSIGNALED(status) && WTERMSIG(status) == crime->signal &&
                    strstr(said, crime->line) != NULL;
        for (int c = 0; c < 3 && crime->calls[c] != NULL; c++)
            good = good && has_calls(said, crime->calls[c]);
        if (!good)
            printf("FAILED: crime %zu ended with status %#x, saying\n%s", i, (unsigned)status,
                   said);
        failures += !good;
    }
    return failures != 0;
}
