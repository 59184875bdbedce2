/* SPDX-License-Identifier: MIT */
/*
 * Threads that the C library knows nothing of: made by clone, with a thread-local block of their own
 * from the dynamic linker, and gone without any destructor. Each allocates, frees what the one before
 * it left, and leaves blocks behind; those that are alive at the same time exchange blocks. No byte
 * may change, and what a thread takes with it must be bounded.
 */
#include "reliability/reliability.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>

enum {
    THREADS = 200, /* one after the other */
    AT_A_TIME = 8,
    BLOCKS = 50,
    STACK = 256 << 10,
    LOST_MAX = 700 << 10, /* bytes resident for each thread: an OS page of each class, a heap */
};

/* Of the thread's control block glibc's own code reads these, on x86-64. */
struct control {
    void *self;
    void *table; /* of thread-local blocks; the dynamic linker's */
    void *again;
    char other[0x28 - 3 * sizeof(void *)];
    uintptr_t stack_guard;
    uintptr_t pointer_guard;
};

struct raw {
    char *stack;
    struct control *control;
    atomic_uint alive; /* the kernel clears it, and wakes who waits */
    struct random random;
    struct parcel **left; /* BLOCKS of them */
};

static void *(*allocate_tls)(void *);
static void (*deallocate_tls)(void *, bool);
static _Atomic(struct parcel *) exchange[BLOCKS];

static uintptr_t own_word(size_t offset)
{
    uintptr_t word;

    __asm__("mov %%fs:(%1), %0" : "=r"(word) : "r"(offset));
    return word;
}

static int live(void *argument)
{
    struct raw *own = argument;

    for (size_t i = 0; i < BLOCKS; i++) {
        parcel_free(own->left[i]);
        own->left[i] = parcel_make(&own->random, server_size(&own->random));
        struct parcel *mine = parcel_make(&own->random, server_size(&own->random));
        parcel_free(atomic_exchange(&exchange[random_below(&own->random, BLOCKS)], mine));
    }
    syscall(SYS_exit, 0);
    return 0;
}

static void raw_start(struct raw *raw)
{
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                CLONE_SETTLS | CLONE_CHILD_CLEARTID;

    raw->control = allocate_tls(NULL);
    expect(raw->control != NULL, "no thread-local block");
    raw->control->self = raw->control->again = raw->control;
    raw->control->stack_guard = own_word(offsetof(struct control, stack_guard));
    raw->control->pointer_guard = own_word(offsetof(struct control, pointer_guard));
    raw->alive = 1;
    expect(clone(live, raw->stack + STACK, flags, raw, NULL, raw->control, &raw->alive) > 0,
           "clone: errno %d", errno);
}

static void raw_join(struct raw *raw)
{
    while (raw->alive != 0) {
        syscall(SYS_futex, &raw->alive, FUTEX_WAIT, 1, NULL, NULL, 0);
    }
    deallocate_tls(raw->control, true);
}

static void run(size_t threads, size_t at_a_time)
{
    static struct raw raws[AT_A_TIME];
    static struct parcel *left[AT_A_TIME][BLOCKS];
    size_t start = 0;

    for (size_t i = 0; i < at_a_time; i++) {
        raws[i].stack = raws[i].stack != NULL ? raws[i].stack : table_make(STACK);
        raws[i].random = random_seeded(61, i);
        raws[i].left = left[i];
    }
    for (size_t started = 0; started < threads; started += at_a_time) {
        start = started == at_a_time ? resident_bytes() : start;
        for (size_t i = 0; i < at_a_time; i++) {
            raw_start(&raws[i]);
        }
        for (size_t i = 0; i < at_a_time; i++) {
            raw_join(&raws[i]);
        }
    }
    size_t grown = resident_bytes() - start;
    grown = (ptrdiff_t)grown < 0 ? 0 : grown / threads;
    printf("%zu threads, %zu at a time: %zu KiB more resident for each\n", threads, at_a_time,
           grown >> 10);
    expect(grown <= LOST_MAX, "%zu KiB for each thread", grown >> 10);
}

int main(void)
{
    allocate_tls = (void *(*)(void *))dlsym(RTLD_DEFAULT, "_dl_allocate_tls");
    deallocate_tls = (void (*)(void *, bool))dlsym(RTLD_DEFAULT, "_dl_deallocate_tls");
    if (allocate_tls == NULL || deallocate_tls == NULL) {
        skip("the dynamic linker gives no thread-local blocks");
    }
    require_cairn_if_expected();
    run(test_scaled(THREADS), 1);
    run(test_scaled(THREADS), AT_A_TIME);
    return 0;
}
