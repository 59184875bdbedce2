/* SPDX-License-Identifier: MIT */
/*
 * What the stress programs share: parcels, blocks that carry their own seal and so can be checked by
 * whoever holds them; threads; and an end with one line when something does not hold.
 */
#ifndef TEST_STRESS_STRESS_H
#define TEST_STRESS_STRESS_H

#include "property/pattern.h"
#include "property/process.h"
#include "property/random.h"

#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Ends the process with a line on standard error unless the condition holds. */
#define expect(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            give_up(__FILE__, __LINE__, __VA_ARGS__);                                              \
        }                                                                                          \
    } while (0)

static _Noreturn __attribute__((format(printf, 3, 4))) inline void give_up(const char *file,
                                                                           int line,
                                                                           const char *format, ...)
{
    char text[512];
    va_list arguments;
    int size = snprintf(text, sizeof text, "%s:%d: ", file, line);

    va_start(arguments, format);
    vsnprintf(text + size, sizeof text - (size_t)size - 1, format, arguments);
    va_end(arguments);
    strcat(text, "\n");
    _exit(write(STDERR_FILENO, text, strlen(text)) < 0 ? 2 : 1);
}

/* Sealed when made; whoever receives it can tell that no byte of it changed. */
struct parcel {
    size_t size; /* of bytes */
    uint64_t key;
    unsigned char bytes[];
};

static inline struct parcel *parcel_seal(struct parcel *parcel, size_t size, uint64_t key)
{
    parcel->size = size;
    parcel->key = key;
    pattern_fill(parcel->bytes, size, key);
    return parcel;
}

static inline void parcel_check(const struct parcel *parcel)
{
    size_t offset = pattern_mismatch(parcel->bytes, parcel->size, parcel->size, parcel->key);

    expect(offset == PATTERN_INTACT, "parcel %p of %zu bytes: byte %zu changed",
           (const void *)parcel, parcel->size, offset);
}

/* By turns through every function that allocates. */
static inline struct parcel *parcel_make(struct random *random, size_t size)
{
    size_t whole = sizeof(struct parcel) + size;
    struct parcel *parcel = NULL;

    switch (random_below(random, 8)) {
    case 0:
        parcel = calloc(1, whole);
        expect(parcel == NULL || pattern_nonzero((unsigned char *)parcel, whole) == PATTERN_INTACT,
               "calloc of %zu bytes is not zero", whole);
        break;
    case 1:
        parcel = memalign((size_t)16 << random_below(random, 6), whole);
        break;
    case 2:
        parcel = realloc(malloc(whole / 2 + 1), whole);
        break;
    default:
        parcel = malloc(whole);
        break;
    }
    expect(parcel != NULL, "no memory for %zu bytes", whole);
    return parcel_seal(parcel, size, random_next(random));
}

static inline void parcel_free(struct parcel *parcel)
{
    if (parcel != NULL) {
        parcel_check(parcel);
        free(parcel);
    }
}

/* Mostly small, some medium, a few large: what servers ask for. */
static inline size_t server_size(struct random *random)
{
    size_t draw = random_below(random, 1000);

    if (draw < 900) {
        return random_log_uniform(random, 0, 10);
    }
    return draw < 995 ? random_log_uniform(random, 10, 15) : random_log_uniform(random, 15, 18);
}

static inline pthread_t thread_start(void *(*body)(void *argument), void *argument)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, argument);

    expect(error == 0, "pthread_create: error %d", error);
    return thread;
}

static inline void thread_join(pthread_t thread)
{
    expect(pthread_join(thread, NULL) == 0, "pthread_join failed");
}

static inline size_t map_count(void)
{
    char text[4096];
    size_t lines = 0;
    ssize_t size;
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    while ((size = read(file, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            lines += text[i] == '\n';
        }
    }
    close(file);
    return lines;
}

/* ---- nothing is lost ---- */

/* What an idle process may hold beyond what it held at the start, when all is freed again. */
#define IDLE_IN_USE_MAX   ((size_t)1 << 20) /* caches of the threads that live, libc's own blocks */
#define IDLE_RESIDENT_MAX ((size_t)6 << 20) /* the same, tables, stacks that libc keeps for reuse */

struct idle {
    size_t in_use;   /* as mallinfo2 has it, own mappings included */
    size_t resident; /* after malloc_trim */
};

static inline struct idle idle_now(void)
{
    struct mallinfo2 info = mallinfo2();

    malloc_trim(0);
    return (struct idle){info.uordblks + info.hblkhd, resident_bytes()};
}

static inline bool is_idle(struct idle before, struct idle now)
{
    return now.in_use <= before.in_use + IDLE_IN_USE_MAX &&
           now.resident <= before.resident + IDLE_RESIDENT_MAX;
}

/*
 * Everything that was allocated since has been freed: a block that got lost on its way shows.
 * Detached threads may still be on their way out, with their caches: they are given some time.
 */
static inline void expect_idle(struct idle before)
{
    struct idle now = idle_now();

    for (int i = 0; i < 100 && !is_idle(before, now); i++) {
        usleep(10000);
        now = idle_now();
    }
    fprintf(stderr, "idle: in use %zu, then %zu KiB; RSS %zu, then %zu KiB\n", before.in_use >> 10,
            now.in_use >> 10, before.resident >> 10, now.resident >> 10);
    expect(is_idle(before, now), "in use: %zu, then %zu; RSS: %zu, then %zu", before.in_use,
           now.in_use, before.resident, now.resident);
}

#endif
