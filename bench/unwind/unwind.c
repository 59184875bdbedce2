/* SPDX-License-Identifier: MIT */
/*
 * What a stack costs, by depth: cairn__unwind, the C library's backtrace(), and libunwind's
 * unw_backtrace() where it is installed, taken in turns; the median of the turns. Half of the
 * functions on the stack have a frame pointer, because their frames vary in size. The last column is
 * the first stack of that depth when no rule is known yet.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#include "os/unwind.h"

enum { FRAMES_MAX = 256, TURNS = 41, STACKS = 500, WAYS = 3 };

static uintptr_t frames[FRAMES_MAX];

static unsigned ours(void)
{
    return cairn__unwind(frames, FRAMES_MAX);
}

static unsigned by_libgcc(void)
{
    return (unsigned)backtrace((void **)frames, FRAMES_MAX);
}

static int (*unw_backtrace)(void **, int);

static unsigned by_libunwind(void)
{
    return unw_backtrace == NULL ? 0 : (unsigned)unw_backtrace((void **)frames, FRAMES_MAX);
}

static unsigned (*const ways[WAYS])(void) = {ours, by_libgcc, by_libunwind};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double cost(unsigned (*way)(void), unsigned times, unsigned *depth)
{
    double start = now();
    for (unsigned i = 0; i < times; i++)
        *depth = way();
    return (now() - start) / times;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void measure(const char *where)
{
    double times[WAYS][TURNS], first[TURNS];
    unsigned depth[WAYS] = {0};
    for (int turn = 0; turn < TURNS; turn++) {
        cairn__unwind_forget();
        first[turn] = cost(ours, 1, &depth[0]);
        for (int way = 0; way < WAYS; way++)
            times[way][turn] = cost(ways[way], way == 0 ? STACKS : STACKS / 10, &depth[way]);
    }
    for (int way = 0; way < WAYS; way++)
        qsort(times[way], TURNS, sizeof(double), compare);
    qsort(first, TURNS, sizeof(double), compare);
    enum { MIDDLE = TURNS / 2 };
    printf("%s,%u,%.0f,%.1f,%.0f,%.0f,%.0f\n", where, depth[0], times[0][MIDDLE],
           times[0][MIDDLE] / depth[0], times[1][MIDDLE],
           unw_backtrace == NULL ? 0 : times[2][MIDDLE], first[MIDDLE]);
}

static __attribute__((noinline)) int with_fixed_frame(int depth, const char *where, int sum);

static __attribute__((noinline)) int with_varying_frame(int depth, const char *where, int sum)
{
    volatile char room[depth * 16 + 16];
    room[0] = (char)sum;
    return with_fixed_frame(depth - 1, where, sum + 1) + room[0];
}

static __attribute__((noinline)) int with_fixed_frame(int depth, const char *where, int sum)
{
    if (depth <= 0) {
        measure(where);
        return sum;
    }
    return with_varying_frame(depth - 1, where, sum * 3) * 2 + sum;
}

static ucontext_t outside, inside;

static void in_coroutine(void)
{
    with_fixed_frame(54, "coroutine", 1);
}

int main(void)
{
    void *library = dlopen("libunwind.so.8", RTLD_NOW);
    if (library != NULL)
        *(void **)&unw_backtrace = dlsym(library, "unw_backtrace");
    cairn__unwind_prepare();
    printf("stack,depth,cairn_ns,cairn_ns_a_frame,backtrace_ns,libunwind_ns,cairn_first_ns\n");
    with_fixed_frame(10, "thread", 1);
    with_fixed_frame(50, "thread", 1);
    with_fixed_frame(190, "thread", 1);

    enum { SIZE = 1 << 18 };
    void *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED || getcontext(&inside) != 0)
        return 1;
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = SIZE;
    inside.uc_link = &outside;
    makecontext(&inside, in_coroutine, 0);
    swapcontext(&outside, &inside);
}
