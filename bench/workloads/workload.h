/* SPDX-License-Identifier: MIT */
/*
 * What every workload of the suite shares: its parameters, numbers drawn from a fixed seed, marks in
 * blocks, a clock, and the memory that the process has. Nothing here allocates, so that what is
 * measured is the workload's own.
 *
 * A workload prints nothing, or one line of its own figures: key=value, separated by spaces. The end
 * of a key is its unit: _ns, _us, _ms, _bytes, _per_second; without one it is a plain number.
 *
 * Each block is marked when it is allocated, and the mark is verified before it is freed: first and
 * last word always, all of it with --check. A wrong mark ends the workload with exit code 3.
 */
#ifndef CAIRN_BENCH_WORKLOAD_H
#define CAIRN_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct parameter {
    const char *name;
    unsigned long value; /* the full length, about a second; then what is in force */
    unsigned long quick; /* --short */
    unsigned long check; /* --check */
};

/*
 * Reads `--short`, `--check` and name=value. --help prints `about` and the parameters and exits;
 * anything else that is not known ends the workload with exit code 2.
 */
void workload_start(int argc, char **argv, const char *about, struct parameter *parameters,
                    size_t count);

/* With --check: all bytes of each block are marked and verified. */
extern bool workload_checks;

/* Ends the workload: exit code 1 after a line on stderr. */
_Noreturn void workload_fail(const char *what);

/* Ends it with exit code 3: the block's contents are not what was written. */
_Noreturn void workload_damaged(const void *block, size_t size);

/* Nanoseconds of a clock that never goes back. */
uint64_t clock_now(void);

/* Resident memory of this process now, and its peak since the program began; bytes. */
size_t memory_resident(void);
size_t memory_peak(void);

/* --- numbers: xorshift64* (S. Vigna, 2014) ------------------------------------------------------- */

struct random {
    uint64_t state;
};

static inline struct random random_from(uint64_t seed)
{
    return (struct random){seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du};
}

static inline uint64_t random_next(struct random *random)
{
    uint64_t x = random->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return x * 0x2545F4914F6CDD1Du >> 16;
}

/* 0 <= result < limit; limit < 2^32. */
static inline size_t random_below(struct random *random, size_t limit)
{
    return (size_t)((random_next(random) & 0xFFFFFFFFu) * limit >> 32);
}

static inline size_t random_between(struct random *random, size_t least, size_t most)
{
    return least + random_below(random, most - least + 1);
}

/*
 * Sizes as programs ask for them: 3 of 4 from 16 to 128 bytes, 1 of 5 to 1 KiB, the rest to 3 KiB;
 * 270 bytes on average.
 */
static inline size_t random_size(struct random *random)
{
    size_t of_twenty = random_below(random, 20);
    if (of_twenty < 15)
        return random_between(random, 16, 128);
    return of_twenty < 19 ? random_between(random, 129, 1024) : random_between(random, 1025, 3072);
}

/* --- blocks --------------------------------------------------------------------------------------- */

/* These end the workload when there is no memory. `size` is at least 8 for marks. */
void *block_take(size_t size);
void block_mark_all(void *block, size_t size, uint64_t mark);
void block_verify_all(const void *block, size_t size, uint64_t mark);

static inline void block_mark(void *block, size_t size, uint64_t mark)
{
    if (workload_checks) {
        block_mark_all(block, size, mark);
        return;
    }
    memcpy(block, &mark, sizeof mark);
    memcpy((char *)block + size - sizeof mark, &mark, sizeof mark);
}

static inline void block_verify(const void *block, size_t size, uint64_t mark)
{
    uint64_t first, last;

    if (workload_checks) {
        block_verify_all(block, size, mark);
        return;
    }
    memcpy(&first, block, sizeof first);
    memcpy(&last, (const char *)block + size - sizeof last, sizeof last);
    if (__builtin_expect(last != mark || (first != mark && size >= 2 * sizeof mark), 0))
        workload_damaged(block, size);
}

/* A block with its mark; and the way back. */
static inline void *block_new(size_t size, uint64_t mark)
{
    void *block = block_take(size);
    block_mark(block, size, mark);
    return block;
}

static inline void block_end(void *block, size_t size, uint64_t mark)
{
    block_verify(block, size, mark);
    free(block);
}

/* --- threads -------------------------------------------------------------------------------------- */

enum { MOST_THREADS = 256 };

/* Runs `work(i)` in `count` threads, i from 0, and waits for them. */
void threads_run(unsigned long count, void (*work)(size_t index));

#endif
