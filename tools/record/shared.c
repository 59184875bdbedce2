/* SPDX-License-Identifier: MIT */
/*
 * See shared.h. The descriptor gets a high number, out of the way of what programs expect of theirs;
 * it is only a second way to the file, after /proc/PID/fd, for programs that cannot take that.
 */
#define _GNU_SOURCE
#include "record/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"
#include "own_memory.h"

enum { WISHED_DESCRIPTOR = 200, LEAST_DESCRIPTOR = 10 };

/* The processor's counter goes on at one rate, the same on all processors: the kernel keeps its own
 * time by it. */
static bool counter_is_a_clock(void)
{
    char name[32] = "";
    FILE *source = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");

    if (source) {
        if (!fgets(name, sizeof name, source))
            name[0] = '\0';
        fclose(source);
    }
    return strcmp(name, "tsc\n") == 0 || strcmp(name, "arch_sys_counter\n") == 0;
}

/* A soft limit to the size of files (ulimit -S -f) is not meant for memory. */
static bool set_size(int file, size_t size)
{
    struct rlimit limit, raised;

    if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
        return ftruncate(file, (off_t)size) == 0;
    raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &raised);
    bool done = ftruncate(file, (off_t)size) == 0;
    int error = errno;
    setrlimit(RLIMIT_FSIZE, &limit);
    errno = error;
    return done;
}

static bool open_file(struct shared *shared)
{
    int file = memfd_create("cairn-record", 0);

    if (file < 0)
        return false;
    shared->file = fcntl(file, F_DUPFD, WISHED_DESCRIPTOR);
    if (shared->file < 0)
        shared->file = fcntl(file, F_DUPFD, LEAST_DESCRIPTOR);
    close(file);
    return shared->file >= 0 && set_size(shared->file, shared->size);
}

bool shared_create(struct shared *shared, const struct shared_options *options)
{
    uint32_t words = (uint32_t)(options->buffer / sizeof(uint64_t));

    *shared = (struct shared){.file = -1, .size = ring_words_offset(RING_LANES, words)};
    void *base = MAP_FAILED;
    if (open_file(shared))
        base = mmap(NULL, shared->size, PROT_READ | PROT_WRITE, MAP_SHARED, shared->file, 0);
    if (base == MAP_FAILED) {
        message("cannot make memory to share with the program: %s", strerror(errno));
        shared_destroy(shared);
        return false;
    }
    struct ring_header *header = shared->header = base;
    header->magic = RING_MAGIC;
    header->version = RING_VERSION;
    header->words = words;
    header->depth = options->depth;
    header->only_first = options->only_first;
    header->recorder = (int32_t)getpid();
    header->space = ring_space();
    if (counter_is_a_clock()) {
        header->clock = RING_CLOCK_COUNTER;
        header->clock_shift = 4;
    }
    shared->setting = memory_format(RING_SETTING "=%d:%d", (int)getpid(), shared->file);
    return true;
}

void shared_destroy(struct shared *shared)
{
    if (shared->header)
        munmap(shared->header, shared->size);
    if (shared->file >= 0)
        close(shared->file);
    free(shared->setting);
    *shared = (struct shared){.file = -1};
}

struct ring_lane *shared_lane(const struct shared *shared, unsigned lane)
{
    return (struct ring_lane *)((char *)shared->header + ring_lane_offset(lane));
}

uint64_t *shared_ring(const struct shared *shared, unsigned lane)
{
    return (uint64_t *)((char *)shared->header + ring_words_offset(lane, shared->header->words));
}

void shared_empty(const struct shared *shared, unsigned lane)
{
    uint32_t words = shared->header->words;

    fallocate(shared->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              (off_t)ring_words_offset(lane, words), (off_t)(words * sizeof(uint64_t)));
}

void shared_sleep(const struct shared *shared, unsigned microseconds)
{
    struct timespec time = {0, (long)microseconds * 1000};
    _Atomic uint32_t *sleeping = &shared->header->sleeping;

    atomic_store_explicit(sleeping, 1, memory_order_seq_cst);
    syscall(SYS_futex, (uint32_t *)sleeping, FUTEX_WAIT, 1, &time, NULL, 0);
    atomic_store_explicit(sleeping, 0, memory_order_seq_cst);
}

void shared_rouse(const struct shared *shared)
{
    _Atomic uint32_t *sleeping = &shared->header->sleeping;

    if (atomic_exchange_explicit(sleeping, 0, memory_order_seq_cst) != 0)
        syscall(SYS_futex, (uint32_t *)sleeping, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void shared_wake(struct ring_lane *lane)
{
    if (atomic_load_explicit(&lane->waiting, memory_order_seq_cst) != 0 &&
        atomic_exchange_explicit(&lane->waiting, 0, memory_order_seq_cst) != 0)
        syscall(SYS_futex, (uint32_t *)&lane->waiting, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void shared_end(const struct shared *shared)
{
    atomic_store_explicit(&shared->header->ended, 1, memory_order_seq_cst);
    for (unsigned i = 0; i < RING_LANES; i++)
        shared_wake(shared_lane(shared, i));
}
