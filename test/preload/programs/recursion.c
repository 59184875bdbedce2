/* SPDX-License-Identifier: MIT */
/*
 * Deep stacks that hold the only pointers to blocks: 50000 calls in main, 200000 in threads with
 * stacks of 64 MiB, each level with a block of its own that is checked on the way back; alloca
 * and large frames between; and a thread on a stack that was itself malloc'ed.
 */

#include "pattern.h"

#include <alloca.h>
#include <pthread.h>

static unsigned long descend(unsigned level)
{
    size_t size = level % 200;
    void *block = filled(size, level);
    if (level % 1000 == 0) {
        void *frame = alloca(20000);
        fill(frame, 20000, level);
        check(frame, 20000, level);
    }
    unsigned long below = level ? descend(level - 1) : 0;
    check_and_free(block, size, level);
    return below + size;
}

static void *deep(void *levels)
{
    return (void *)descend((unsigned)(uintptr_t)levels);
}

int main(void)
{
    printf("main: %lu\n", descend(30000));
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    expect(!pthread_attr_setstacksize(&attributes, 64 << 20), "stack size");
    pthread_t thread[4];
    for (uintptr_t i = 0; i < 4; i++)
        expect(!pthread_create(&thread[i], &attributes, deep, (void *)(150000 + i)), "thread");
    for (int i = 0; i < 4; i++) {
        void *sum;
        expect(!pthread_join(thread[i], &sum), "join");
        printf("thread %d: %lu\n", i, (unsigned long)sum);
    }
    void *stack = got(aligned_alloc(4096, 1 << 20)), *sum;
    expect(!pthread_attr_setstack(&attributes, stack, 1 << 20), "stack");
    expect(!pthread_create(&thread[0], &attributes, deep, (void *)3000), "thread");
    expect(!pthread_join(thread[0], &sum), "join");
    printf("on a stack from malloc: %lu\n", (unsigned long)sum);
    free(stack);
    return 0;
}
