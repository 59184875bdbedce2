/* SPDX-License-Identifier: MIT */
/*
 * All memory is locked, present and future, as real-time programs do: the system then refuses to take
 * back what is free (MADV_DONTNEED), so that its old bytes stay. calloc must give zeros all the same,
 * of every size, from blocks that were written and freed; and what is reserved only must not become
 * resident.
 */
#include "reliability/reliability.h"

enum { BLOCKS = 48, ROUNDS = 4, SIZES = 9 };

#define RESIDENT_MAX ((size_t)600 << 20)

static const size_t sizes[SIZES] = {16, 100, 2000, 5000, 60000, 200000, 1000000, 4000000, 20000000};

static void *work(void *argument)
{
    unsigned char *blocks[BLOCKS];

    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t n = 0; n < SIZES; n++) {
            size_t size = sizes[n], count = size < 100000 ? BLOCKS : 4;
            for (size_t i = 0; i < count; i++) {
                blocks[i] = calloc(1, size);
                expect(blocks[i] != NULL, "no memory for %zu bytes", size);
                size_t at = pattern_nonzero(blocks[i], size);
                expect(at == PATTERN_INTACT, "calloc(1, %zu): byte %zu is not zero", size, at);
                memset(blocks[i], 0xA5, size);
                block_fill(blocks[i], size, i);
            }
            for (size_t i = 0; i < count; i++) {
                block_free(blocks[i], size, i);
            }
        }
        malloc_trim(0);
    }
    return argument;
}

int main(void)
{
    struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

    require_cairn_if_expected();
    work(NULL);
    setrlimit(RLIMIT_MEMLOCK, &none);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        skip("mlockall is not permitted: errno %d", errno);
    }
    size_t start = resident_bytes();
    work(NULL);
    pthread_t thread = thread_start(work, NULL);
    work(NULL);
    thread_join(thread);
    printf("resident: %zu MiB when locked, then %zu MiB\n", start >> 20, resident_bytes() >> 20);
    expect(resident_bytes() < RESIDENT_MAX, "%zu MiB resident", resident_bytes() >> 20);
    munlockall();
    work(NULL);
    return 0;
}
