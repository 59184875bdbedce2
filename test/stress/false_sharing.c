/* SPDX-License-Identifier: MIT */
/*
 * Small blocks of several threads side by side, written at the same time, as in the Hoard paper's
 * cache tests. Active: each thread allocates its own. Passive: the main thread allocates neighbours,
 * hands one to each thread, and these free it and go on with their own. The time tells whether lines
 * are shared; here it is checked that no write is lost and no block given to two.
 */
#include "stress/stress.h"

enum { THREADS = 4, ROUNDS = 3000, WRITES = 400, SIZES = 5 };

static const size_t sizes[SIZES] = {1, 8, 16, 24, 64};

struct task {
    unsigned char *gift; /* allocated by the main thread; NULL: active */
    size_t rounds;
    unsigned char mark;
};

static void write_and_check(unsigned char *block, size_t size, unsigned char mark)
{
    volatile unsigned char *bytes = block;

    for (size_t i = 0; i < size; i++) {
        bytes[i] = mark;
    }
    for (unsigned i = 0; i < WRITES; i++) {
        unsigned char *at = block + i % size;
        unsigned char was = *(volatile unsigned char *)at;

        expect(was == mark, "thread %u finds %u", mark, was);
        *(volatile unsigned char *)at = (unsigned char)(was ^ 0xFF);
        *(volatile unsigned char *)at = mark;
    }
}

static void *work(void *argument)
{
    struct task *task = argument;

    if (task->gift != NULL) {
        write_and_check(task->gift, 8, task->mark);
        free(task->gift);
    }
    for (size_t round = 0; round < task->rounds; round++) {
        size_t size = sizes[round % SIZES];
        unsigned char *block = malloc(size);

        expect(block != NULL, "no memory");
        write_and_check(block, size, task->mark);
        free(block);
    }
    return NULL;
}

static void run(bool is_passive)
{
    struct task tasks[THREADS];
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        tasks[i] = (struct task){
            .gift = is_passive ? malloc(8) : NULL,
            .rounds = test_scaled(ROUNDS),
            .mark = (unsigned char)(i + 1),
        };
        expect(!is_passive || tasks[i].gift != NULL, "no memory");
    }
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = thread_start(work, &tasks[i]);
    }
    for (size_t i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
    }
}

int main(void)
{
    require_cairn_if_expected();
    struct idle before = idle_now();

    for (int i = 0; i < 10; i++) {
        run(false);
        run(true);
    }
    expect_idle(before);
    return 0;
}
