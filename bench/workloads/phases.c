/* SPDX-License-Identifier: MIT */
/*
 * A long run with phases: memory rises to a peak, falls to a tenth, and rises again, each time with
 * blocks of other sizes, and with short-lived ones in between. What is left resident in the valleys
 * is what the program's neighbours on the machine have to do without. Blocks that survive a phase lie
 * between those that go, so that a valley is full of holes.
 */
#define _GNU_SOURCE
#include "workload.h"

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PEAK, PHASES, REST, PARAMETERS };
static struct parameter parameters[] = {
    [PEAK] = {"peak", 96, 24, 1}, /* MiB */
    [PHASES] = {"phases", 5, 3, 3},
    [REST] = {"rest", 40, 15, 1}, /* ms in each valley, with a little work */
};

struct slot {
    void *block;
    size_t size;
};

enum { GROUP = 256 << 10 }; /* bytes */

static struct slot *slots; /* in a mapping of its own: it is no part of what is weighed */
static size_t used, live_bytes, room, page;

static size_t pick(struct random *random, unsigned long phase)
{
    static const struct {
        size_t least, most;
    } ranges[] = {{16, 128}, {64, 1024}, {500, 5000}, {24, 48}, {1000, 40000}};

    return random_between(random, ranges[phase % 5].least, ranges[phase % 5].most);
}

static void rise(struct random *random, unsigned long phase, size_t to)
{
    while (live_bytes < to) {
        size_t size = pick(random, phase), brief = random_size(random);
        void *passing = block_new(brief, brief);
        slots[used] = (struct slot){block_new(size, used), size};
        live_bytes += size;
        used++;
        block_end(passing, brief, brief);
    }
}

/*
 * Frees nine of ten, and moves the others together in the table, whose rest is given back. What was
 * allocated together goes together, 256 KiB at a time, as it does when a request or a user leaves.
 */
static void fall(unsigned long phase)
{
    size_t kept = 0, bytes = 0;

    for (size_t i = 0; i < used; i++) {
        bytes += slots[i].size;
        if (bytes / GROUP % 10 != phase % 10) {
            live_bytes -= slots[i].size;
            block_end(slots[i].block, slots[i].size, i);
            continue;
        }
        block_verify(slots[i].block, slots[i].size, i);
        block_mark(slots[i].block, slots[i].size, kept);
        slots[kept++] = slots[i];
    }
    used = kept;
    size_t table = (used * sizeof *slots + page - 1) / page * page;
    madvise((char *)slots + table, room - table, MADV_DONTNEED);
}

/* Some allocators give memory back a little later, when they are called again. */
static void rest(struct random *random)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (unsigned long i = 0; i < parameters[REST].value; i++) {
        nanosleep(&moment, NULL);
        for (int k = 0; k < 50; k++) {
            size_t size = random_size(random);
            block_end(block_new(size, size), size, size);
        }
    }
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "memory that rises and falls, in other sizes each time", parameters,
                   PARAMETERS);
    struct random random = random_from(17);
    size_t peak = parameters[PEAK].value << 20, valleys = 0, live = 0;

    /* Untouched pages cost nothing, so the table is large enough for the smallest blocks. */
    page = (size_t)sysconf(_SC_PAGESIZE);
    room = (peak / 16 * sizeof *slots + page) / page * page;
    slots = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED)
        workload_fail("out of memory");
    for (unsigned long phase = 0; phase < parameters[PHASES].value; phase++) {
        rise(&random, phase, peak);
        fall(phase);
        rest(&random);
        valleys += memory_resident();
        live += live_bytes;
    }
    for (size_t i = 0; i < used; i++)
        block_end(slots[i].block, slots[i].size, i);
    munmap(slots, room);
    printf("valley_bytes=%zu valley_live_bytes=%zu end_bytes=%zu\n",
           valleys / parameters[PHASES].value, live / parameters[PHASES].value, memory_resident());
    return 0;
}
