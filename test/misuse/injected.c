/* SPDX-License-Identifier: MIT */
/*
 * Lists of operations (allocate, free, resize, fill), made at random or read from a file, into which one
 * corruption is put: the hardened library must end the process with a report, whenever it finds it, at
 * the exit at the latest. The same list without the corruption must come to its end, and every block
 * hold what was written to it.
 *
 *     injected                     lists from the seed 1 on; CAIRN_TEST_SCALE times 1500 of them
 *     injected --seed N            that list, and what it says
 *     injected FILE                the list that a file's bytes mean: for fuzzers; aborts if it is wrong
 *
 * Run with the library preloaded, and CAIRN_SAMPLE=0: sampled blocks have other rules.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "misuse/child.h"

void free_sized(void *ptr, size_t size) __attribute__((weak));

/* The compiler is not to know what these do. */
static void *(*volatile any_malloc)(size_t) = malloc;
static void *(*volatile any_calloc)(size_t, size_t) = calloc;
static void *(*volatile any_realloc)(void *, size_t) = realloc;
static void (*volatile any_free)(void *) = free;
static void *(*volatile any_memcpy)(void *, const void *, size_t) = memcpy;
static void *(*volatile any_memset)(void *, int, size_t) = memset;

/* ---- a list ---- */

enum { LIST_MOST = 1 << 16 };

static uint8_t list[LIST_MOST];
static size_t length, at;

static unsigned next_byte(void)
{
    return at < length ? list[at++] : 0;
}

static uint64_t random_state;

static unsigned random_32(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33);
}

static void make_list(unsigned seed)
{
    random_state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int i = 0; i < 8; i++)
        random_32();
    length = 40 + random_32() % 3000;
    for (size_t i = 0; i < length; i++)
        list[i] = (uint8_t)(random_32() >> 7);
}

/* ---- blocks ---- */

enum { BLOCKS = 64, FREED = 16 };

struct block {
    unsigned char *start;
    size_t size;
    unsigned char fill;
};

static struct block live[BLOCKS], freed[FREED];
static size_t freed_count;

static size_t size_from(unsigned byte)
{
    static const size_t least[] = {1,    8,    16,    30,    64,    100,  200,
                                   1000, 4000, 10000, 16000, 17000, 70000};
    size_t size = least[byte % 13];
    return size + next_byte() % (size / 2 + 1);
}

static _Noreturn void innocent_failed(const char *what)
{
    fprintf(stderr, "wrong: %s\n", what);
    _exit(9);
}

/* Block by block: a whole memcmp or a loop over large ones would be all that is done. */
static void check(const struct block *block)
{
    size_t step = block->size / 64 + 1;
    for (size_t i = 0; i < block->size; i += step)
        if (block->start[i] != block->fill)
            innocent_failed("contents");
}

static void fill(struct block *block)
{
    block->fill = (unsigned char)(next_byte() | 1);
    any_memset(block->start, block->fill, block->size);
}

static void forget_freed(const void *start)
{
    for (size_t i = 0; i < FREED; i++)
        if (freed[i].start == start)
            freed[i].start = NULL;
}

static void put(struct block *block, void *start, size_t size)
{
    if (start == NULL)
        innocent_failed("out of memory");
    block->start = start;
    block->size = size;
    forget_freed(start);
    fill(block);
}

static void drop(struct block *block)
{
    check(block);
    freed[freed_count++ % FREED] = *block;
    any_free(block->start);
    block->start = NULL;
}

static void resize(struct block *block)
{
    size_t size = size_from(next_byte()), kept = size < block->size ? size : block->size;
    check(block);
    struct block before = *block;
    unsigned char *start = any_realloc(block->start, size);
    if (start == NULL)
        innocent_failed("out of memory");
    if (start != before.start)
        freed[freed_count++ % FREED] = before;
    for (size_t i = 0; i < kept; i += kept / 64 + 1)
        if (start[i] != before.fill)
            innocent_failed("contents after realloc");
    put(block, start, size);
}

static void zeroed(struct block *block)
{
    size_t size = size_from(next_byte());
    unsigned char *start = any_calloc(1, size);
    for (size_t i = 0; start != NULL && i < size; i += size / 64 + 1)
        if (start[i] != 0)
            innocent_failed("calloc");
    put(block, start, size);
}

static void step(void)
{
    unsigned what = next_byte();
    struct block *block = &live[next_byte() % BLOCKS];
    if (block->start == NULL && what % 8 == 0)
        zeroed(block);
    else if (block->start == NULL) {
        size_t size = size_from(next_byte());
        put(block, any_malloc(size), size);
    } else if (what % 4 == 0)
        resize(block);
    else
        drop(block);
}

/* ---- corruptions ---- */

static struct block *some_live(void)
{
    unsigned first = next_byte();
    for (unsigned i = 0; i < BLOCKS; i++)
        if (live[(first + i) % BLOCKS].start != NULL)
            return &live[(first + i) % BLOCKS];
    struct block *block = &live[0];
    put(block, any_malloc(50), 50);
    return block;
}

/* One that was not handed out again. */
static struct block *some_freed(void)
{
    unsigned first = next_byte();
    for (unsigned i = 0; i < FREED; i++)
        if (freed[(first + i) % FREED].start != NULL)
            return &freed[(first + i) % FREED];
    drop(some_live());
    return &freed[(freed_count - 1) % FREED];
}

static void change(volatile unsigned char *byte)
{
    *byte = (unsigned char)(*byte ^ (next_byte() | 1));
}

static void write_beyond(void)
{
    struct block *block = some_live();
    change(block->start + block->size);
}

static void write_before(void)
{
    change(some_live()->start - 1);
}

static void write_freed(void)
{
    struct block *block = some_freed();
    change(block->start + (next_byte() << 8 | next_byte()) % block->size);
}

static void free_twice(void)
{
    any_free(some_freed()->start);
}

static void free_inside(void)
{
    struct block *block = some_live();
    any_free(block->start + (block->size > 1 ? 1 + next_byte() % (block->size - 1) : 8));
}

static void free_foreign(void)
{
    static char data[64];
    char stack[64];
    any_free(next_byte() % 2 == 0 ? data + 16 : stack + 16);
}

static void resize_freed(void)
{
    any_realloc(some_freed()->start, size_from(next_byte()));
}

static void free_wrongly_sized(void)
{
    struct block *block = some_live();
    if (free_sized != NULL)
        free_sized(block->start, block->size + 1 + next_byte());
    else
        any_free(block->start + 1);
}

static void copy_beyond(void)
{
    struct block *block = some_live();
    unsigned char *source = any_malloc(block->size + 64);
    any_memset(source, 1, block->size + 64);
    any_memcpy(block->start, source, block->size + 1 + next_byte() % 64);
}

static void copy_from_freed(void)
{
    struct block *block = some_freed();
    unsigned char *target = any_malloc(block->size);
    any_memcpy(target, block->start, block->size);
}

static const struct {
    const char *name;
    void (*commit)(void);
} corruptions[] = {
    {"write beyond", write_beyond},
    {"write before", write_before},
    {"write to a freed block", write_freed},
    {"free twice", free_twice},
    {"free inside", free_inside},
    {"free of foreign memory", free_foreign},
    {"realloc of a freed block", resize_freed},
    {"free with a wrong size", free_wrongly_sized},
    {"copy beyond", copy_beyond},
    {"copy from a freed block", copy_from_freed},
};
enum { CORRUPTIONS = sizeof corruptions / sizeof corruptions[0] };

/* ---- runs ---- */

/* The first two bytes say when, the third which. */
static void work(bool corrupted)
{
    at = 0;
    size_t when = (next_byte() << 8 | next_byte()) % (length + 1);
    unsigned which = next_byte() % CORRUPTIONS;
    bool done = !corrupted;
    while (at < length) {
        if (!done && at >= when) {
            done = true;
            corruptions[which].commit();
        }
        step();
    }
    if (!done)
        corruptions[which].commit();
    /* The sweep at the exit is of this thread's blocks: it must come by way of exit. */
    exit(0);
}

static void work_innocently(void)
{
    work(false);
}

static void work_corrupted(void)
{
    work(true);
}

/* The name of what is wrong; NULL: nothing. */
static const char *fault_of_list(char *said, size_t size)
{
    int status = child_run(work_innocently, said, size);
    if (status != 0 || said[0] != '\0')
        return "the innocent list did not come to its end in peace";
    status = child_run(work_corrupted, said, size);
    if (!WIFSIGNALED(status) || (WTERMSIG(status) != SIGABRT && WTERMSIG(status) != SIGSEGV))
        return "the corruption was not stopped";
    return strncmp(said, "cairn: ", 7) != 0 ? "the corruption was not reported" : NULL;
}

static const char *corruption_of_list(void)
{
    return corruptions[length > 2 ? list[2] % CORRUPTIONS : 0].name;
}

static bool read_list(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    length = fread(list, 1, sizeof list, file);
    fclose(file);
    return true;
}

int main(int argc, char **argv)
{
    static char said[4096];
    if (argc == 2) {
        if (!read_list(argv[1]))
            return 2;
        if (fault_of_list(said, sizeof said) != NULL)
            abort();
        return 0;
    }
    const char *scale = getenv("CAIRN_TEST_SCALE");
    unsigned first = 1, count = 1500 * (scale == NULL ? 1 : (unsigned)atol(scale));
    if (argc == 3) {
        first = (unsigned)atol(argv[2]);
        count = 1;
    }
    unsigned failures = 0;
    for (unsigned seed = first; seed < first + count; seed++) {
        make_list(seed);
        const char *fault = fault_of_list(said, sizeof said);
        if (fault != NULL || argc == 3)
            printf("%s: seed %u, %s: %s\n%s", fault == NULL ? "stopped" : "FAILED", seed,
                   corruption_of_list(), fault == NULL ? "" : fault, said);
        failures += fault != NULL;
    }
    printf("%u lists, %u failed\n", count, failures);
    return failures != 0;
}
