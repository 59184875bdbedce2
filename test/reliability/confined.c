/* SPDX-License-Identifier: MIT */
/*
 * confined WITHOUT: after its start a program forbids itself all system calls but those for memory,
 * threads, signals, writing and leaving; another one kills it (seccomp). On top of that, calls that
 * sandboxes refuse are answered with an error: WITHOUT is madvise, mremap, munmap, mprotect, mmap, or
 * nothing. Threads are started and ended, memory is given back, blocks keep their contents, and what
 * cannot be done without the call is NULL with ENOMEM.
 */
#include "reliability/reliability.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { THREADS = 3, BLOCKS = 60, ROUNDS = 6, RESIZES = 20, SECONDS = 60 };

#define MIB ((size_t)1 << 20)

/* Some of them glibc needs to start and end threads. getrandom and all that asks are not among them. */
static const unsigned allowed[] = {
    SYS_mmap,         SYS_munmap,         SYS_mremap,          SYS_mprotect,
    SYS_madvise,      SYS_futex,          SYS_write,           SYS_exit_group,
    SYS_exit,         SYS_rseq,           SYS_clone,           SYS_rt_sigreturn,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_set_robust_list, SYS_clone3,
};
enum { ALLOWED = sizeof allowed / sizeof allowed[0] };

static const struct {
    const char *name;
    unsigned call;
} refusals[] = {
    {"madvise", SYS_madvise},   {"mremap", SYS_mremap}, {"munmap", SYS_munmap},
    {"mprotect", SYS_mprotect}, {"mmap", SYS_mmap},     {"nothing", SYS_getpid},
};
enum { REFUSALS = sizeof refusals / sizeof refusals[0] };

static void forbid_the_rest(unsigned refused)
{
    struct sock_filter filter[2 * ALLOWED + 4];
    unsigned short n = 0;

    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                               offsetof(struct seccomp_data, nr));
    filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused, 0, 1);
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    for (unsigned i = 0; i < ALLOWED; i++) {
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {n, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        skip("no seccomp here: errno %d", errno);
    }
}

struct count {
    size_t granted, refused;
};

static void work(struct count *count, size_t largest)
{
    void *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    struct random random = random_seeded(41, largest);

    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            sizes[i] = random_log_uniform(&random, 4, 12 + i % 4);
            blocks[i] = block_try(i == 0 ? sizes[i] = largest : sizes[i], i);
            *(blocks[i] == NULL ? &count->refused : &count->granted) += 1;
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            block_free(blocks[i], sizes[i], i);
        }
        malloc_trim(0);
        unsigned char *zeroed = calloc(1, largest);
        if (zeroed != NULL) {
            size_t at = pattern_nonzero(zeroed, largest);
            expect(at == PATTERN_INTACT, "calloc(1, %zu): byte %zu is not zero", largest, at);
        }
        free(zeroed);
    }
}

/* realloc of blocks that have a mapping each: moved by the system, or copied. */
static void resize(struct count *count)
{
    unsigned char *block = block_try(20 * MIB, 5);
    size_t size = 20 * MIB;

    for (int i = 0; block != NULL && i < RESIZES; i++) {
        size_t wanted = i % 2 ? 20 * MIB : 50 * MIB;
        unsigned char *moved = realloc(block, wanted);
        *(moved == NULL ? &count->refused : &count->granted) += 1;
        if (moved != NULL) {
            size_t kept = wanted < size ? wanted : size;
            expect(pattern_mismatch(moved, size, kept, 5) == PATTERN_INTACT, "a block changed");
            block = moved;
            size = wanted;
            block_fill(block, size, 5);
        }
    }
    block_free(block, size, 5);
}

static void *in_thread(void *argument)
{
    struct count *count = argument;

    work(count, 100000);
    work(count, 3 * MIB);
    return NULL;
}

static struct count counts[THREADS];

static void live_confined(size_t refusal)
{
    bool can_map = refusals[refusal].call != SYS_mmap && refusals[refusal].call != SYS_mprotect;
    struct count own = {0};

    alarm(SECONDS);
    forbid_the_rest(refusals[refusal].call);
    work(&own, 100000);
    work(&own, 3 * MIB);
    resize(&own);
    for (size_t i = 0; can_map && i < THREADS; i++) {
        thread_join(thread_start(in_thread, &counts[i]));
        own.granted += counts[i].granted;
        own.refused += counts[i].refused;
    }
    char text[100];
    int size = snprintf(text, sizeof text, "without %s: %zu granted, %zu refused\n",
                        refusals[refusal].name, own.granted, own.refused);
    expect(write(STDOUT_FILENO, text, (size_t)size) == size, "write");
    expect(own.refused == 0 || !can_map, "%zu refused", own.refused);
    exit(0);
}

int main(int count, char **arguments)
{
    size_t refusal = 0;
    int status;

    expect(count == 2, "usage: confined WITHOUT");
    while (strcmp(refusals[refusal].name, arguments[1]) != 0) {
        expect(++refusal < REFUSALS, "%s is not among what is refused", arguments[1]);
    }
    require_cairn_if_expected();
    block_free(block_try(1000, 1), 1000, 1); /* it has begun to work */
    pid_t child = fork();
    expect(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
        live_confined(refusal);
    }
    expect(waitpid(child, &status, 0) == child, "waitpid: errno %d", errno);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        _exit(SKIPPED);
    }
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %#x", status);
    return 0;
}
