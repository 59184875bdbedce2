/* SPDX-License-Identifier: MIT */
/*
 * Programs that allocate in ways that are hard to record, for record.sh: `record_programs WHICH`.
 * They call count_now() (record_count.c) where it is there; a block of MARK bytes tells the place in
 * a recording.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#pragma weak count_now
void count_now(void);
void *memalign(size_t align, size_t size);

enum { MARK = 123457, THREADS = 64, ROUNDS = 5, SLOTS = 4096 };

static void count(void)
{
    if (count_now)
        count_now();
}

static void mark(void)
{
    count();
    void *volatile block = malloc(MARK);
    free(block);
}

static void check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "record_programs: %s\n", what);
        exit(3);
    }
}

/* Blocks of all kinds, some of which stay. */
static void churn(unsigned seed, unsigned steps)
{
    void *blocks[64] = {NULL};

    for (unsigned i = 0; i < steps; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned at = seed >> 8 & 63, size = seed >> 14 & 2047;
        switch (seed >> 28) {
        case 0:
            free(blocks[at]);
            blocks[at] = calloc(size, 2);
            break;
        case 1:
            free(blocks[at]);
            blocks[at] = aligned_alloc(64, (size + 63) & ~63u);
            break;
        case 2:
            free(blocks[at]);
            if (posix_memalign(&blocks[at], 256, size) != 0)
                blocks[at] = NULL;
            break;
        case 3:
            free(blocks[at]);
            blocks[at] = memalign(4096, size);
            break;
        case 4:
        case 5:
        case 6:
            if (size == 0 && blocks[at]) {
                free(realloc(blocks[at], 0));
                blocks[at] = NULL;
            } else {
                blocks[at] = realloc(blocks[at], size);
            }
            break;
        case 7:
            blocks[at] = reallocarray(blocks[at], size + 1, 3);
            break;
        case 8: {
            volatile size_t huge = (size_t)1 << 62;
            free(malloc(huge));
            break;
        }
        default:
            free(blocks[at]);
            blocks[at] = malloc(size);
        }
    }
    for (int i = 0; i < 32; i++)
        free(blocks[i]);
}

/* ---- ends ---- */

static void end_by(const char *how)
{
    churn(1, 20000);
    void *volatile last = malloc(MARK + 1);
    (void)last;
    count();
    if (strcmp(how, "killed") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(how, "aborted") == 0)
        abort();
    _exit(5);
}

/* ---- threads ---- */

static void *_Atomic slots[SLOTS];
static pthread_barrier_t barrier;

/* Blocks go from thread to thread by way of the slots. */
static void *exchange(void *argument)
{
    unsigned seed = (unsigned)(size_t)argument;

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 2000; i++) {
            seed = seed * 1103515245 + 12345;
            void *block = malloc(seed >> 16 & 1023);
            if (seed >> 30 == 0)
                block = realloc(block, seed >> 18 & 4095);
            block = __atomic_exchange_n((void **)&slots[seed >> 8 & (SLOTS - 1)], block,
                                        __ATOMIC_ACQ_REL);
            free(block);
        }
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier); /* meanwhile main counts */
    }
    return NULL;
}

static void threads(void)
{
    pthread_t all[THREADS];

    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++)
        check(pthread_create(&all[i], NULL, exchange, (void *)(i + 1)) == 0, "thread");
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        mark();
        pthread_barrier_wait(&barrier);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(all[i], NULL);
    mark();
}

static void *one_block(void *argument)
{
    free(malloc((size_t)argument));
    return malloc(24);
}

/* Many, one after the other. */
static void thread_churn(void)
{
    for (size_t i = 0; i < 3000; i++) {
        pthread_t thread;
        void *block;
        check(pthread_create(&thread, NULL, one_block, (void *)(i % 100)) == 0, "thread");
        pthread_join(thread, &block);
        free(block);
    }
    mark();
}

static void *wait_with_block(void *argument)
{
    void *block = malloc((size_t)argument);

    pthread_barrier_wait(&barrier);
    free(block);
    return NULL;
}

/* More at a time than there are lanes. */
static void crowd(void)
{
    enum { CROWD = 700 };
    pthread_attr_t small;
    pthread_t all[CROWD];

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 * 1024);
    pthread_barrier_init(&barrier, NULL, CROWD + 1);
    for (size_t i = 0; i < CROWD; i++)
        check(pthread_create(&all[i], &small, wait_with_block, (void *)(i + 1)) == 0, "thread");
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < CROWD; i++)
        pthread_join(all[i], NULL);
    mark();
}

/* ---- processes ---- */

/* The i-th child allocates i blocks. */
static void children(void)
{
    enum { CHILDREN = 100 };

    churn(2, 1000);
    for (int i = 1; i <= CHILDREN; i++) {
        pid_t child = fork();
        check(child >= 0, "fork");
        if (child == 0) {
            for (int k = 0; k < i; k++) {
                void *volatile block = malloc(100);
                (void)block;
            }
            if (i % 2)
                kill(getpid(), SIGKILL);
            _exit(0);
        }
        if (i % 10 == 0)
            while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
    }
    while (waitpid(-1, NULL, 0) > 0)
        ;
    mark();
}

/* Forked by means that call no handlers. */
static void bare_fork(void)
{
    churn(3, 500);
    pid_t child = _Fork();
    check(child >= 0, "_Fork");
    if (child == 0) {
        for (int k = 0; k < 7; k++) {
            void *volatile block = malloc(100);
            (void)block;
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    mark();
}

static void *allocate_on(void *argument)
{
    (void)argument;
    churn(5, 5000);
    return NULL;
}

static void close_all(void)
{
    pthread_t thread;

    churn(4, 5000);
    for (int i = 3; i < 1024; i++) /* but for the counter's own file, which is the test's */
        if (!getenv("COUNT_FILE") || fcntl(i, F_GETFD) != FD_CLOEXEC)
            close(i);
    check(pthread_create(&thread, NULL, allocate_on, NULL) == 0, "thread");
    pthread_join(thread, NULL);
    pid_t child = fork();
    if (child == 0) {
        for (int k = 0; k < 9; k++) {
            void *volatile block = malloc(100);
            (void)block;
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    mark();
}

static void naked_exec(void)
{
    void *volatile block = malloc(MARK);
    (void)block;
    count();
    execle("/bin/true", "true", (char *)NULL, (char *[]){NULL});
}

/* ---- others ---- */

__attribute__((noinline)) void *inner_most(size_t size)
{
    void *volatile block = malloc(size);
    return block;
}

__attribute__((noinline)) void *middle_call(size_t size)
{
    void *volatile block = inner_most(size + 1);
    return block;
}

__attribute__((noinline)) void *outer_call(size_t size)
{
    void *volatile block = middle_call(size + 1);
    return block;
}

static void *call_in_thread(void *argument)
{
    (void)argument;
    return outer_call(777775);
}

static void stacks(void)
{
    pthread_t thread;

    free(outer_call(777770));
    check(pthread_create(&thread, NULL, call_in_thread, NULL) == 0, "thread");
    pthread_join(thread, NULL);
}

static void long_run(void)
{
    for (int i = 0; i < 3000000; i++) {
        void *volatile block = malloc(64);
        free(block);
    }
    puts("went on");
}

/* Goes on after its parent. */
static void orphan(void)
{
    if (fork() == 0) {
        usleep(300000);
        churn(6, 1000);
        _exit(0);
    }
    _exit(0);
}

/* ---- what is hard to survive ---- */

static _Atomic int forks_over;

/* Another call stack each time. */
__attribute__((noinline)) void branch(unsigned path, unsigned depth)
{
    volatile unsigned kept = path;

    if (depth == 0)
        free(malloc(10));
    else if (path & 1)
        branch(path >> 1, depth - 1);
    else
        branch(path >> 1, depth - 1), kept++;
}

static void *new_stacks(void *argument)
{
    for (unsigned path = (unsigned)(size_t)argument; !forks_over; path += 4)
        branch(path, 20);
    return NULL;
}

/* Forks while other threads ask the dynamic linker what is loaded. */
static void fork_storm(void)
{
    enum { FORKS = 400, WAYS = 4 };
    pthread_t all[WAYS];

    alarm(30);
    for (size_t i = 0; i < WAYS; i++)
        check(pthread_create(&all[i], NULL, new_stacks, (void *)i) == 0, "thread");
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        check(child >= 0, "fork");
        if (child == 0) {
            alarm(10);
            free(malloc(20));
            _exit(0);
        }
        int status = -1;
        waitpid(child, &status, 0);
        check(status == 0, "a child hung");
    }
    forks_over = 1;
    for (size_t i = 0; i < WAYS; i++)
        pthread_join(all[i], NULL);
}

static sem_t loaded;

static void *allocate_little(void *argument)
{
    while (sem_wait(&loaded) != 0)
        ;
    free(malloc(100));
    free(calloc(1, 100));
    return argument;
}

static void allocate_on_signal(int signal)
{
    (void)signal;
    free(malloc(200));
}

static void *without_more(size_t size, size_t guard)
{
    char *base = mmap(NULL, size + guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);

    check(base != MAP_FAILED && mprotect(base, guard, PROT_NONE) == 0, "mmap");
    return base + guard;
}

/* A thread, and a signal handler, with as little stack as there can be, right after a file was loaded. */
static void small_stacks(void)
{
    enum { THREAD = 16384, HANDLER = 12288, GUARD = 65536 };
    pthread_attr_t small;
    pthread_t thread;
    stack_t other = {.ss_sp = without_more(HANDLER, GUARD), .ss_size = HANDLER};
    struct sigaction action = {.sa_handler = allocate_on_signal, .sa_flags = SA_ONSTACK};

    sem_init(&loaded, 0, 0);
    pthread_attr_init(&small);
    check(pthread_attr_setstack(&small, without_more(THREAD, GUARD), THREAD) == 0, "stack");
    check(pthread_create(&thread, &small, allocate_little, NULL) == 0, "thread");
    check(dlopen("libutil.so.1", RTLD_NOW) != NULL, "dlopen");
    sem_post(&loaded);
    pthread_join(thread, NULL);
    check(sigaltstack(&other, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0, "sigaltstack");
    check(dlopen("libanl.so.1", RTLD_NOW) != NULL, "dlopen");
    raise(SIGUSR1);
    mark();
}

static volatile unsigned long handled;

static void allocate_much(int signal)
{
    enum { BLOCKS = 40, SMALL_MARK = 41 };
    void *volatile blocks[BLOCKS];

    (void)signal;
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(SMALL_MARK);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    handled += BLOCKS;
}

/* For an allocator that allows it: handlers allocate whatever they interrupt. */
static void handlers(void)
{
    const struct itimerval often = {{0, 400}, {0, 400}}, never = {{0, 0}, {0, 0}};

    signal(SIGALRM, allocate_much);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 1500000; i++) {
        void *volatile block = malloc(64);
        free(block);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%lu\n", handled);
}

static atomic_int late_over;
static atomic_ulong late_blocks;

static void hold_up(int signal)
{
    (void)signal;
    usleep(1300000);
}

static void *allocate_until_over(void *argument)
{
    unsigned long blocks = 0;

    for (; !late_over; blocks++) {
        void *volatile block = malloc(41);
        free(block);
    }
    late_blocks += blocks;
    return argument;
}

/* For the same allocator: threads are held up wherever they are, for longer than others wait for them. */
static void held_up(void)
{
    enum { HELD_UP = 24 };
    pthread_t all[HELD_UP];

    signal(SIGUSR1, hold_up);
    for (size_t i = 0; i < HELD_UP; i++)
        check(pthread_create(&all[i], NULL, allocate_until_over, NULL) == 0, "thread");
    usleep(100000);
    for (size_t i = 0; i < HELD_UP; i += 2)
        pthread_kill(all[i], SIGUSR1);
    usleep(50000);
    late_over = 1;
    for (size_t i = 0; i < HELD_UP; i++)
        pthread_join(all[i], NULL);
    printf("%lu\n", late_blocks);
}

/* More processes at once than there are lanes for them alone. */
static void many_processes(void)
{
    enum { MANY_PROCESSES = 200 };
    int gate[2], there[2];
    char byte = 0;

    check(pipe(gate) == 0 && pipe(there) == 0, "pipe");
    for (int i = 0; i < MANY_PROCESSES; i++) {
        pid_t child = fork();
        check(child >= 0, "fork");
        if (child == 0) {
            close(gate[1]);
            void *volatile block = malloc(100);
            (void)block;
            check(write(there[1], &byte, 1) == 1, "write");
            _exit(read(gate[0], &byte, 1) != 0);
        }
    }
    for (int i = 0; i < MANY_PROCESSES; i++)
        check(read(there[0], &byte, 1) == 1, "read");
    close(gate[1]);
    while (waitpid(-1, NULL, 0) > 0)
        ;
}

static void *allocate_slowly(void *argument)
{
    for (int i = 0; i < 1000; i++) {
        free(malloc(40));
        usleep(1000);
    }
    return argument;
}

/* For longer than it takes until the recorder looks who has ended. */
static void slow_threads(void)
{
    pthread_t all[3];

    for (size_t i = 0; i < 3; i++)
        check(pthread_create(&all[i], NULL, allocate_slowly, NULL) == 0, "thread");
    for (size_t i = 0; i < 3; i++)
        pthread_join(all[i], NULL);
}

/* All memory is got at once; that of rings which nobody uses is not to be among it. */
static void locked(void)
{
    char line[256];
    long resident = 0;

    if (mlockall(MCL_CURRENT) != 0)
        return; /* not allowed */
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "VmRSS: %ld", &resident);
    check(resident < 200 << 10, "too much memory");
}

static void large_block(void)
{
    void *volatile block = malloc((size_t)900 << 20);
    check(block != NULL, "no memory");
}

int main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "";
    static const struct {
        const char *name;
        void (*run)(void);
    } programs[] = {
        {"threads", threads},
        {"thread-churn", thread_churn},
        {"crowd", crowd},
        {"children", children},
        {"bare-fork", bare_fork},
        {"close-all", close_all},
        {"naked-exec", naked_exec},
        {"stacks", stacks},
        {"long", long_run},
        {"orphan", orphan},
        {"fork-storm", fork_storm},
        {"small-stacks", small_stacks},
        {"handlers", handlers},
        {"many-processes", many_processes},
        {"large-block", large_block},
        {"slow-threads", slow_threads},
        {"locked", locked},
        {"held-up", held_up},
    };

    if (strcmp(which, "killed") == 0 || strcmp(which, "aborted") == 0 || strcmp(which, "left") == 0)
        end_by(which);
    if (strcmp(which, "churn") == 0) {
        churn(7, 50000);
        mark();
        return 0;
    }
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (strcmp(which, programs[i].name) == 0) {
            programs[i].run();
            return 0;
        }
    }
    return 2;
}
