/* SPDX-License-Identifier: MIT */
/*
 * budget as|data|later MEGABYTES...: how much of an allowance can be had in blocks of one size, then
 * again after all were freed, then in blocks of another size. What limits is the address space
 * (RLIMIT_AS, as ulimit -v sets it), or private writable memory (RLIMIT_DATA); each is in force when
 * the program starts, and is the allowance and what the program takes itself, its allocator apart.
 * With `later` the program limits its own address space, to what is mapped then and the allowance.
 */
#include "reliability/reliability.h"

enum {
    REFILL_PERCENT = 99,     /* of what could be had at first */
    OTHER_SIZE_PERCENT = 95, /* of what can be had of that size by a fresh process */
};

#define MIB ((size_t)1 << 20)

/* 40,000 bytes come as 40,960: 97.6 % is the most that could be had. */
static const struct {
    size_t size, usable_percent;
} kinds[] = {{64, 95}, {40000, 92}};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Bytes that were had in blocks. */
struct result {
    size_t first, again, other;
};

static void **blocks;
static size_t held;

/* Until NULL. A table that gets full would mean that the limit does not bind. */
static size_t fill(size_t size, size_t table)
{
    void *block;

    for (held = 0; (block = block_try(size, held)) != NULL; held++) {
        expect(held < table, "the limit does not bind");
        blocks[held] = block;
    }
    return held * size;
}

static void drain(size_t size)
{
    for (size_t i = 0; i < held; i++) {
        block_free(blocks[i], size, i);
    }
}

static size_t table_of(size_t allowance)
{
    return allowance / kinds[0].size * 3 / 2;
}

/* ---- the program that is limited; its table is part of what it takes itself ---- */

static void be_limited(size_t kind, size_t allowance, bool later, int out)
{
    size_t size = kinds[kind].size, other = kinds[KINDS - 1 - kind].size;
    size_t table = table_of(allowance);
    struct result result;

    blocks = table_make(table * sizeof *blocks);
    if (later) {
        limit_set(RLIMIT_AS, virtual_bytes() + allowance);
    }
    result.first = fill(size, table);
    drain(size);
    result.again = fill(size, table);
    drain(size);
    result.other = fill(other, table);
    drain(other);
    expect(write(out, &result, sizeof result) == sizeof result, "nobody listens");
}

/* ---- the one that limits it ---- */

static void add_own(const struct mapping *mapping, void *sum)
{
    if (mapping->named) {
        *(size_t *)sum += mapping->end - mapping->start;
    }
}

static void add_own_data(const struct mapping *mapping, void *sum)
{
    if (mapping->named) {
        add_if_charged(mapping, sum);
    }
}

static struct result run(const char *mode, size_t kind, size_t allowance)
{
    int pipe_ends[2], status;
    size_t limit = table_of(allowance) * sizeof(void *) + allowance;
    bool data = strcmp(mode, "data") == 0, later = strcmp(mode, "later") == 0;
    struct result result;

    mappings_visit(data ? add_own_data : add_own, &limit);
    expect(pipe(pipe_ends) == 0, "pipe: errno %d", errno);
    pid_t child = fork();
    expect(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
        char text[3][24];
        snprintf(text[0], sizeof text[0], "%zu", kind);
        snprintf(text[1], sizeof text[1], "%zu", allowance);
        snprintf(text[2], sizeof text[2], "%d", pipe_ends[1]);
        if (!later) {
            limit_set(data ? RLIMIT_DATA : RLIMIT_AS, limit);
        }
        execl("/proc/self/exe", "budget", text[0], text[1], later ? "later" : "at start", text[2],
              (char *)NULL);
        _exit(126);
    }
    close(pipe_ends[1]);
    bool told = read(pipe_ends[0], &result, sizeof result) == sizeof result;
    close(pipe_ends[0]);
    expect(waitpid(child, &status, 0) == child && status == 0 && told, "%s: wait status %#x", mode,
           status);
    return result;
}

static void measure(const char *mode, size_t allowance)
{
    struct result results[KINDS];

    for (size_t kind = 0; kind < KINDS; kind++) {
        results[kind] = run(mode, kind, allowance);
    }
    for (size_t kind = 0; kind < KINDS; kind++) {
        const struct result *result = &results[kind], *other = &results[KINDS - 1 - kind];
        printf(
            "%s, %zu MiB, blocks of %zu: %.1f %% of it usable; then %.1f %% of that; of the other "
            "size %.1f %%\n",
            mode, allowance / MIB, kinds[kind].size,
            100.0 * (double)result->first / (double)allowance,
            100.0 * (double)result->again / (double)result->first,
            100.0 * (double)result->other / (double)other->first);
    }
    fflush(stdout);
    for (size_t kind = 0; kind < KINDS; kind++) {
        const struct result *result = &results[kind], *other = &results[KINDS - 1 - kind];
        expect(result->first * 100 >= allowance * kinds[kind].usable_percent, "too little usable");
        expect(result->again * 100 >= result->first * REFILL_PERCENT, "too little the second time");
        expect(result->other * 100 >= other->first * OTHER_SIZE_PERCENT,
               "too little of the other size");
    }
}

int main(int count, char **arguments)
{
    require_cairn_if_expected();
    if (count == 5) {
        be_limited(strtoul(arguments[1], NULL, 10), strtoul(arguments[2], NULL, 10),
                   strcmp(arguments[3], "later") == 0, atoi(arguments[4]));
        return 0;
    }
    expect(count == 3, "usage: budget as|data|later MEGABYTES");
    measure(arguments[1], strtoul(arguments[2], NULL, 10) * MIB);
    return 0;
}
