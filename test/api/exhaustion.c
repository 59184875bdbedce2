/* SPDX-License-Identifier: MIT */
/*
 * When memory is out: NULL and ENOMEM, nothing lost, nothing changed; and what is freed can be had
 * again. Each check runs in a process of its own under RLIMIT_AS: set before the program starts (as
 * ulimit -v does) or set while it runs, when an allocator may already have reserved more.
 */
#include "api/child.h"
#include "property/pattern.h"
#include "property/random.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

/*
 * The limit is the budget for blocks, and room for the program, its libraries and the test's table.
 * The fill stops at the cap in case the limit does not bind what was reserved before it was set.
 */
#define BUDGET       ((size_t)64 << 20)
#define PROGRAM_SIZE ((size_t)8 << 20)
#define CAP          (BUDGET * 2)

enum {
    BLOCKS_MAX = 4 << 20,
    FILLED_PERCENT = 75,   /* of the budget must be usable, in blocks of one size */
    REFILLED_PERCENT = 90, /* of what was freed must be granted again */
};

/* The table is the test's own: it must not need malloc. */
static unsigned char **blocks;

#define TABLE_SIZE (BLOCKS_MAX * sizeof *blocks)

static size_t count;

enum failure {
    OK,
    NO_TABLE = 10,
    WRONG_ERRNO,
    CHANGED,
    NOT_ZERO,
    NOT_FILLED,
    NOT_REFILLED,
    OLD_BLOCK_LOST,
    SHRINK_FAILED,
    POSIX_MEMALIGN_WRONG,
    NOT_REFUSED,
    THREAD_FAILED,
};

static bool make_table(void)
{
    blocks = mmap(NULL, TABLE_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    count = 0;
    return blocks != MAP_FAILED;
}

/* A generation number lets the second fill be told from the first. */
static uint64_t key_of(size_t i, unsigned generation)
{
    return i * 2 + generation;
}

/* Allocates until NULL. The errno must then be ENOMEM. */
static int fill(size_t size)
{
    while (count < BLOCKS_MAX && count * size < CAP) {
        errno = 0;
        unsigned char *ptr = malloc(size);

        if (ptr == NULL) {
            return errno == ENOMEM ? OK : WRONG_ERRNO;
        }
        pattern_fill(ptr, size, key_of(count, 0));
        blocks[count++] = ptr;
    }
    return OK;
}

static int verify(size_t size, unsigned generation)
{
    for (size_t i = 0; i < count; i++) {
        unsigned of_this = i % 2 == 0 ? generation : 0;

        if (blocks[i] != NULL &&
            pattern_mismatch(blocks[i], size, size, key_of(i, of_this)) != PATTERN_INTACT) {
            return CHANGED;
        }
    }
    return OK;
}

static void free_even(void)
{
    for (size_t i = 0; i < count; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

static size_t refill_even(size_t size)
{
    size_t granted = 0;

    for (size_t i = 0; i < count; i += 2) {
        blocks[i] = malloc(size);
        if (blocks[i] != NULL) {
            pattern_fill(blocks[i], size, key_of(i, 1));
            granted++;
        }
    }
    return granted;
}

/* Fill, verify, free every other block, fill again, verify, free all, fill a third time. */
static int fill_and_refill(void *argument)
{
    size_t size = (size_t)argument;
    int failure = make_table() ? fill(size) : NO_TABLE;

    if (failure != OK) {
        return failure;
    }
    if (count * size < BUDGET / 100 * FILLED_PERCENT) {
        return NOT_FILLED;
    }
    if (verify(size, 0) != OK) {
        return CHANGED;
    }
    free_even();
    if (verify(size, 0) != OK) {
        return CHANGED;
    }
    if (refill_even(size) < (count + 1) / 2 * REFILLED_PERCENT / 100) {
        return NOT_REFILLED;
    }
    if (verify(size, 1) != OK) {
        return CHANGED;
    }
    size_t before = count;

    for (size_t i = 0; i < before; i++) {
        free(blocks[i]);
    }
    count = 0;
    failure = fill(size);
    return failure != OK ? failure : count < before * REFILLED_PERCENT / 100 ? NOT_REFILLED : OK;
}

/* All memory goes to one size, is freed, and is then wanted in another. */
static int other_size_refill(void *argument)
{
    size_t first = (size_t)argument;
    size_t second = first < 1000 ? 40000 : 64;
    int failure = make_table() ? fill(first) : NO_TABLE;
    size_t bytes = count * first;

    for (size_t i = 0; i < count; i++) {
        free(blocks[i]);
    }
    count = 0;
    failure = failure != OK ? failure : fill(second);
    if (failure != OK) {
        return failure;
    }
    return count * second < bytes / 100 * FILLED_PERCENT ? NOT_REFILLED : verify(second, 0);
}

/* At the end of memory every function refuses in its own way. */
static int all_functions_refuse(void *argument)
{
    size_t size = (size_t)argument;
    void *ptr = &ptr;
    int failure = make_table() ? fill(size) : NO_TABLE;

    if (failure != OK || count * size >= CAP) {
        return failure;
    }
    errno = 0;
    if (calloc(CAP / 4, 1) != NULL || errno != ENOMEM) {
        return NOT_REFUSED;
    }
    errno = 0;
    if (memalign(4096, CAP / 4) != NULL || errno != ENOMEM) {
        return NOT_REFUSED;
    }
    if (posix_memalign(&ptr, 4096, CAP / 4) != ENOMEM || ptr != &ptr) {
        return POSIX_MEMALIGN_WRONG;
    }
    for (size_t i = 0; i < count; i += count / 50 + 1) {
        errno = 0;
        if (realloc(hidden(blocks[i]), CAP / 4) != NULL || errno != ENOMEM) {
            return OLD_BLOCK_LOST;
        }
    }
    return verify(size, 0);
}

/* Giving memory back must not need any: a program at its limit does it to survive. */
static int shrinking_succeeds(void *argument)
{
    size_t size = (size_t)argument;
    int failure = make_table() ? fill(size) : NO_TABLE;

    if (failure != OK) {
        return failure;
    }
    for (size_t i = 0; i < count; i += count / 50 + 1) {
        unsigned char *shrunk = realloc(blocks[i], size / 5);

        if (shrunk == NULL) {
            return SHRINK_FAILED;
        }
        blocks[i] = NULL;
        if (pattern_mismatch(shrunk, size, size / 5, key_of(i, 0)) != PATTERN_INTACT) {
            return CHANGED;
        }
        free(shrunk);
    }
    return verify(size, 0);
}

/* Random sizes, frees among them: NULL now and then, and never a wrong byte. */
static int work_at_the_limit(void *argument)
{
    enum { SLOTS = 4096, STEPS = 60000 };
    struct random random = random_seeded((uintptr_t)argument, 0);
    static unsigned char *slots[SLOTS];
    static size_t sizes[SLOTS];

    for (size_t step = 0; step < STEPS; step++) {
        size_t i = random_below(&random, SLOTS);
        size_t size = random_log_uniform(&random, 4, random_percent(&random, 1) ? 24 : 18);

        if (slots[i] != NULL &&
            pattern_mismatch(slots[i], sizes[i], sizes[i], i) != PATTERN_INTACT) {
            return CHANGED;
        }
        if (slots[i] != NULL && random_percent(&random, 30)) {
            free(slots[i]);
            slots[i] = NULL;
            continue;
        }
        errno = 0;
        unsigned char *ptr = realloc(hidden(slots[i]), size);

        if (ptr == NULL) {
            if (errno != ENOMEM) {
                return WRONG_ERRNO;
            }
            continue;
        }
        slots[i] = ptr;
        sizes[i] = size;
        pattern_fill(ptr, size, i);
    }
    return OK;
}

static int calloc_is_zero_at_the_limit(void *argument)
{
    size_t size = (size_t)argument;

    for (int round = 0; round < 3; round++) {
        int failure = make_table() ? fill(size) : NO_TABLE;

        if (failure != OK) {
            return failure;
        }
        for (size_t i = 0; i < count; i++) {
            free(blocks[i]);
        }
        for (size_t i = 0; i < count; i++) {
            blocks[i] = calloc(1, size);
            if (blocks[i] != NULL && pattern_nonzero(blocks[i], size) != PATTERN_INTACT) {
                return NOT_ZERO;
            }
        }
        for (size_t i = 0; i < count; i++) {
            free(blocks[i]);
        }
        munmap(blocks, TABLE_SIZE);
    }
    return OK;
}

static void *allocate_in_thread(void *argument)
{
    size_t *granted = argument;

    for (size_t size = 16; size < 100000; size *= 2) {
        void *ptr = malloc(size);

        *granted += ptr != NULL;
        free(ptr);
    }
    return argument;
}

static int start_and_join(size_t *granted)
{
    static char stack[1 << 18] __attribute__((aligned(4096)));
    pthread_t thread;
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, sizeof stack);
    if (pthread_create(&thread, &attributes, allocate_in_thread, granted) != 0) {
        return THREAD_FAILED;
    }
    pthread_join(thread, NULL);
    return OK;
}

/*
 * A thread that starts when nothing is left gets NULL from malloc, not a crash (that it cannot start
 * at all is an answer too). When all was freed, what was the main thread's is granted to a new one.
 */
static int thread_at_the_limit(void *argument)
{
    size_t size = (size_t)argument;
    size_t granted = 0;
    int failure = make_table() ? fill(size) : NO_TABLE;

    if (failure != OK) {
        return failure;
    }
    start_and_join(&granted);
    if (verify(size, 0) != OK) {
        return CHANGED;
    }
    for (size_t i = 0; i < count; i++) {
        free(blocks[i]);
    }
    granted = 0;
    failure = start_and_join(&granted);
    return failure != OK ? failure : granted == 0 ? THREAD_FAILED : OK;
}

static const struct {
    const char *name;
    int (*body)(void *argument);
    size_t argument;
    bool is_for_later; /* also with the limit set while the program runs */
} bodies[] = {
    {"fill_and_refill_64", fill_and_refill, 64, true},
    {"fill_and_refill_1000", fill_and_refill, 1000, false},
    {"fill_and_refill_4096", fill_and_refill, 4096, false},
    {"fill_and_refill_40000", fill_and_refill, 40000, true},
    {"fill_and_refill_300000", fill_and_refill, 300000, false},
    {"fill_and_refill_3000000", fill_and_refill, 3000000, true},
    {"other_size_refill_64", other_size_refill, 64, false},
    {"other_size_refill_40000", other_size_refill, 40000, false},
    {"all_functions_refuse_100", all_functions_refuse, 100, true},
    {"all_functions_refuse_100000", all_functions_refuse, 100000, true},
    {"shrinking_succeeds_1000", shrinking_succeeds, 1000, true},
    {"shrinking_succeeds_100000", shrinking_succeeds, 100000, true},
    {"shrinking_succeeds_1000000", shrinking_succeeds, 1000000, true},
    {"shrinking_succeeds_20000000", shrinking_succeeds, 20000000, true},
    {"work_at_the_limit_1", work_at_the_limit, 1, true},
    {"work_at_the_limit_2", work_at_the_limit, 2, false},
    {"calloc_is_zero_at_the_limit_500", calloc_is_zero_at_the_limit, 500, false},
    {"calloc_is_zero_at_the_limit_200000", calloc_is_zero_at_the_limit, 200000, false},
    {"thread_at_the_limit_48", thread_at_the_limit, 48, true},
    {"thread_at_the_limit_60000", thread_at_the_limit, 60000, true},
};

enum { BODIES = sizeof bodies / sizeof bodies[0] };

static void set_limit(size_t limit)
{
    struct rlimit value = {limit, limit};

    setrlimit(RLIMIT_AS, &value);
}

/* The program starts anew under the limit, with the number of the body for its argument. */
static void limited_at_start(void **state)
{
    char number[16];
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        become_child();
        snprintf(number, sizeof number, "%zu", (size_t)*state);
        set_limit(PROGRAM_SIZE + TABLE_SIZE + BUDGET);
        execl("/proc/self/exe", "exhaustion", number, (char *)NULL);
        _exit(127);
    }
    check_status(wait_for(child));
}

static int run_limited(void *argument)
{
    set_limit(virtual_bytes() + TABLE_SIZE + BUDGET);
    return bodies[(size_t)argument].body((void *)bodies[(size_t)argument].argument);
}

static void limited_later(void **state)
{
    check_in_child(run_limited, *state);
}

int main(int arguments, char **argument)
{
    enum { NAME_MAX_SIZE = 64 };
    static char names[2 * BODIES][NAME_MAX_SIZE];
    struct CMUnitTest checks[2 * BODIES];

    require_cairn_if_expected();
    if (arguments == 2) {
        size_t body = strtoul(argument[1], NULL, 10);

        return body < BODIES ? bodies[body].body((void *)bodies[body].argument) : 2;
    }
    size_t rows = 0;

    for (size_t i = 0; i < BODIES; i++) {
        snprintf(names[rows], NAME_MAX_SIZE, "at_start_%s", bodies[i].name);
        checks[rows] = (struct CMUnitTest)named_check(names[rows], limited_at_start, i);
        rows++;
        if (bodies[i].is_for_later) {
            snprintf(names[rows], NAME_MAX_SIZE, "later_%s", bodies[i].name);
            checks[rows] = (struct CMUnitTest)named_check(names[rows], limited_later, i);
            rows++;
        }
    }
    return _cmocka_run_group_tests("exhaustion", checks, rows, NULL, NULL);
}
