/* SPDX-License-Identifier: MIT */
/* What every workload of the suite shares: see workload.h. */
#define _GNU_SOURCE
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

bool workload_checks;

static const char *workload_name = "workload";

_Noreturn void workload_fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", workload_name, what);
    exit(1);
}

_Noreturn void workload_damaged(const void *block, size_t size)
{
    fprintf(stderr, "%s: the block of %zu bytes at %p does not hold what was written to it\n",
            workload_name, size, block);
    _exit(3);
}

/* --- parameters ----------------------------------------------------------------------------------- */

static _Noreturn void tell_usage(const char *about, const struct parameter *parameters,
                                 size_t count)
{
    printf("%s: %s\nUsage: %s [--short | --check] [NAME=NUMBER...]\n", workload_name, about,
           workload_name);
    for (size_t i = 0; i < count; i++)
        printf("  %-10s %lu, --short %lu, --check %lu\n", parameters[i].name, parameters[i].value,
               parameters[i].quick, parameters[i].check);
    exit(0);
}

static bool set(struct parameter *parameters, size_t count, const char *word)
{
    const char *equals = strchr(word, '=');
    char *end;

    for (size_t i = 0; equals && i < count; i++) {
        size_t length = strlen(parameters[i].name);
        if ((size_t)(equals - word) != length || strncmp(word, parameters[i].name, length) != 0)
            continue;
        errno = 0;
        unsigned long value = strtoul(equals + 1, &end, 10);
        if (errno || *end || end == equals + 1 || equals[1] == '-')
            return false;
        if (value == 0 || (strcmp(parameters[i].name, "threads") == 0 && value > MOST_THREADS))
            return false;
        parameters[i].value = value;
        return true;
    }
    return false;
}

void workload_start(int argc, char **argv, const char *about, struct parameter *parameters,
                    size_t count)
{
    const char *slash = strrchr(argv[0], '/');

    workload_name = slash ? slash + 1 : argv[0];
    for (int i = 1; i < argc; i++) {
        bool quick = strcmp(argv[i], "--short") == 0, check = strcmp(argv[i], "--check") == 0;
        if (strcmp(argv[i], "--help") == 0)
            tell_usage(about, parameters, count);
        workload_checks |= check;
        for (size_t p = 0; (quick || check) && p < count; p++)
            parameters[p].value = quick ? parameters[p].quick : parameters[p].check;
        if (!quick && !check && !set(parameters, count, argv[i])) {
            fprintf(stderr, "%s: '%s' is no parameter here (see --help)\n", workload_name, argv[i]);
            exit(2);
        }
    }
}

/* --- the machine ---------------------------------------------------------------------------------- */

uint64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The number of KiB that /proc/self/`file` tells for `key`, in bytes; 0 if it does not. */
static size_t told(const char *file, const char *key)
{
    char text[4096];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    const char *line = strstr(text, key);
    return line ? strtoul(line + strlen(key), NULL, 10) * 1024 : 0;
}

/* The counters in status are behind on some kernels; smaps_rollup counts anew. */
size_t memory_resident(void)
{
    size_t bytes = told("/proc/self/smaps_rollup", "\nRss:");
    return bytes ? bytes : told("/proc/self/status", "\nVmRSS:");
}

size_t memory_peak(void)
{
    return told("/proc/self/status", "\nVmHWM:");
}

/* --- blocks --------------------------------------------------------------------------------------- */

void *block_take(size_t size)
{
    void *block = malloc(size);
    if (!block)
        workload_fail("out of memory");
    return block;
}

static uint64_t word_at(uint64_t mark, size_t place)
{
    return (mark + place) * 0x9E3779B97F4A7C15u;
}

/* The mark itself stands in front and at the end, as without --check. */
void block_mark_all(void *block, size_t size, uint64_t mark)
{
    char *bytes = block;

    for (size_t at = 0; at + sizeof mark <= size; at += sizeof mark) {
        uint64_t word = word_at(mark, at);
        memcpy(bytes + at, &word, sizeof word);
    }
    memcpy(bytes, &mark, sizeof mark);
    memcpy(bytes + size - sizeof mark, &mark, sizeof mark);
}

void block_verify_all(const void *block, size_t size, uint64_t mark)
{
    const char *bytes = block;
    uint64_t found;

    for (size_t at = sizeof mark; at + 2 * sizeof mark <= size; at += sizeof mark) {
        memcpy(&found, bytes + at, sizeof found);
        if (found != word_at(mark, at))
            workload_damaged(block, size);
    }
    memcpy(&found, bytes + size - sizeof mark, sizeof found);
    if (found != mark)
        workload_damaged(block, size);
    memcpy(&found, bytes, sizeof found);
    if (found != mark && size >= 2 * sizeof mark)
        workload_damaged(block, size);
}

/* --- threads -------------------------------------------------------------------------------------- */

struct job {
    void (*work)(size_t index);
    size_t index;
};

static void *run_job(void *argument)
{
    const struct job *job = argument;
    job->work(job->index);
    return NULL;
}

void threads_run(unsigned long count, void (*work)(size_t index))
{
    static struct job jobs[MOST_THREADS];
    static pthread_t threads[MOST_THREADS];

    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct job){work, i};
        if (pthread_create(&threads[i], NULL, run_job, &jobs[i]) != 0)
            workload_fail("cannot start a thread");
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}
