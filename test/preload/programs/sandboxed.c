/* SPDX-License-Identifier: MIT */
/*
 * After a short start, this program forbids itself all system calls but those for memory, futex,
 * write, exit and the clock (seccomp; another one kills it), and goes on allocating, in threads
 * that the allocator has not seen before.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const unsigned allowed[] = {
    SYS_brk,   SYS_mmap,  SYS_munmap, SYS_mremap,     SYS_mprotect,      SYS_madvise,
    SYS_futex, SYS_write, SYS_exit,   SYS_exit_group, SYS_clock_gettime, SYS_getcpu,
};
/* glibc's own malloc makes these now and then and bears a refusal. */
static const unsigned refused[] = {SYS_openat, SYS_sched_getaffinity};
enum { REFUSED = sizeof refused / sizeof refused[0] };
enum { ALLOWED = sizeof allowed / sizeof allowed[0] };

static void forbid_the_rest(void)
{
    struct sock_filter filter[2 * (ALLOWED + REFUSED) + 2];
    unsigned n = 0;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                               offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < ALLOWED + REFUSED; i++) {
        unsigned call = i < ALLOWED ? allowed[i] : refused[i - ALLOWED];
        unsigned verdict = i < ALLOWED ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | EPERM;
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {(unsigned short)n, filter};
    expect(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
    expect(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program),
           "seccomp");
}

static pthread_barrier_t barrier;

static void work(void)
{
    churn(1, 20000, 2000);
    churn(2, 1000, 100000);
    churn(3, 100, 3000000);
    void *large = filled(30 << 20, 4);
    large = got(realloc(large, 60 << 20));
    check_and_free(large, 30 << 20, 4);
}

static void *in_thread(void *arg)
{
    pthread_barrier_wait(&barrier); /* started, which takes other system calls too */
    pthread_barrier_wait(&barrier); /* the filter is in force */
    work();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier); /* never ends: to leave takes others again */
    return arg;
}

int main(void)
{
    churn(1, 1000, 1000);
    pthread_barrier_init(&barrier, NULL, 3);
    pthread_t thread;
    for (int i = 0; i < 2; i++)
        expect(!pthread_create(&thread, NULL, in_thread, NULL), "thread");
    pthread_barrier_wait(&barrier);
    puts("3 threads allocate with the system calls for memory only");
    fflush(stdout);
    forbid_the_rest();
    pthread_barrier_wait(&barrier);
    work();
    pthread_barrier_wait(&barrier);
    puts("done");
    fflush(stdout);
    _Exit(0);
}
