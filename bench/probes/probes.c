/* SPDX-License-Identifier: MIT */
/*
 * One probe of time or memory at a time, over plain malloc and free, for run.sh, which says what
 * each one measures. Its figure is the last line that is printed. Usage: probes PROBE
 *
 * A probe of memory must weigh the allocator, not itself. Blocks are strung into a list by their
 * first words where that is possible, so that the probe holds nothing else; RSS is read without
 * stdio, which would allocate, and from smaps_rollup, as other files show counters that on some
 * kernels are behind. The peak cannot be ru_maxrss: that includes what ran before exec.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* A block that knows the one allocated after it. */
struct block {
    struct block *next;
};

static void *volatile sink;

static void die(const char *what)
{
    fprintf(stderr, "probes: %s\n", what);
    exit(1);
}

static void *take(size_t size)
{
    void *block = malloc(size);
    if (!block)
        die("out of memory");
    return block;
}

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* 16 to 271 bytes, 143.5 on average. */
static size_t random_small(uint32_t *state)
{
    return 16 + random_next(state) % 256;
}

/* 16 bytes to 64 KiB: each of the twelve doublings as often as the others. */
static size_t random_mixed(uint32_t *state)
{
    size_t least = (size_t)16 << random_next(state) % 12;
    return least + random_next(state) % least;
}

static double clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Nanoseconds for one of the `n` operations of a batch, in the fastest of `batches`. */
static double fastest(int batches, int n, void (*batch)(int n))
{
    double best = 0;
    for (int i = 0; i < batches; i++) {
        double start = clock_ns(CLOCK_MONOTONIC);
        batch(n);
        double spent = clock_ns(CLOCK_MONOTONIC) - start;
        if (i == 0 || spent < best)
            best = spent;
    }
    return best / n;
}

/* The KiB that a file of /proc shows behind `field`; 0 if it does not. */
static size_t field_kib(const char *path, const char *field)
{
    char text[4096];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);

    if (file >= 0)
        close(file);
    text[length > 0 ? length : 0] = '\0';
    const char *found = strstr(text, field);
    return found ? strtoul(found + strlen(field), NULL, 10) : 0;
}

static size_t resident_kib(void)
{
    size_t exact = field_kib("/proc/self/smaps_rollup", "\nRss:");
    return exact ? exact : field_kib("/proc/self/status", "\nVmRSS:");
}

static size_t peak_kib(void)
{
    return field_kib("/proc/self/status", "\nVmHWM:");
}

static pthread_t start(void *(*run)(void *), const pthread_attr_t *attributes)
{
    pthread_t thread;
    if (pthread_create(&thread, attributes, run, NULL) != 0)
        die("cannot start a thread");
    return thread;
}

static void run_thread(void *(*run)(void *))
{
    pthread_join(start(run, NULL), NULL);
}

/* Blocks of `total` bytes together, every byte written. */
static struct block *build_list(size_t total, size_t (*random_size)(uint32_t *))
{
    struct block *first = NULL, **end = &first;
    uint32_t state = 1;

    for (size_t built = 0, size; built < total; built += size) {
        size = random_size(&state);
        struct block *block = take(size);
        memset(block, 1, size);
        block->next = NULL;
        *end = block;
        end = &block->next;
    }
    return first;
}

static void free_list(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

/* --- a producer and a consumer ----------------------------------------------------------------- */

enum { HANDED = 4096, RING = 8, HANDOVERS = 2000 };

static void *ring[RING][HANDED];
static sem_t filled, emptied;
static double consumer_ns;

static void *consume(void *unused)
{
    double begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < HANDOVERS; i++) {
        sem_wait(&filled);
        for (int j = 0; j < HANDED; j++)
            free(ring[i % RING][j]);
        sem_post(&emptied);
    }
    consumer_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
    return unused;
}

static double probe_handover(void)
{
    sem_init(&filled, 0, 0);
    sem_init(&emptied, 0, RING);
    pthread_t consumer = start(consume, NULL);
    double begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < HANDOVERS; i++) {
        sem_wait(&emptied);
        for (int j = 0; j < HANDED; j++)
            ring[i % RING][j] = take(64);
        sem_post(&filled);
    }
    double producer_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
    pthread_join(consumer, NULL);
    return (producer_ns + consumer_ns) / ((double)HANDOVERS * HANDED);
}

/* --- main's blocks, replaced by another thread ------------------------------------------------- */

enum { REBUILT = 1 << 20 };

static void *rebuilt[REBUILT];

static void build_all(uint32_t state)
{
    for (int i = 0; i < REBUILT; i++) {
        size_t size = random_small(&state);
        rebuilt[i] = take(size);
        memset(rebuilt[i], 1, size);
    }
}

static void *rebuild_all(void *unused)
{
    for (int i = 0; i < REBUILT; i++)
        free(rebuilt[i]);
    build_all(2);
    return unused;
}

static double probe_rebuild(void)
{
    build_all(1);
    run_thread(rebuild_all);
    return (double)peak_kib() / KIB;
}

/* --- many threads that hold a little and wait -------------------------------------------------- */

enum { STACK = 64 << 10, IDLE = 400, IDLE_MORE = 2000 };

static sem_t idle;
static int idle_blocks, idle_step; /* each thread's sizes: `step`, 2 * `step`, ... */

static void *allocate_and_wait(void *unused)
{
    for (int i = 1; i <= idle_blocks; i++) {
        size_t size = (size_t)i * (size_t)idle_step;
        memset(take(size), 1, size);
    }
    sem_post(&idle);
    while (!unused)
        pause();
    return NULL;
}

/* Returns when all of them wait. Their stacks lie side by side at `stacks`. */
static void start_idle(int threads, int blocks, int step, char *stacks)
{
    pthread_attr_t attributes;

    idle_blocks = blocks;
    idle_step = step;
    sem_init(&idle, 0, 0);
    pthread_attr_init(&attributes);
    for (int i = 0; i < threads; i++) {
        if (pthread_attr_setstack(&attributes, stacks + (size_t)i * STACK, STACK) != 0)
            die("cannot set a stack");
        start(allocate_and_wait, &attributes);
    }
    for (int i = 0; i < threads; i++)
        sem_wait(&idle);
}

static char *map_stacks(int threads)
{
    size_t size = (size_t)threads * STACK;
    char *stacks = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stacks == MAP_FAILED)
        die("cannot map the stacks");
    madvise(stacks, size, MADV_NOHUGEPAGE); /* where it is refused, there are none */
    return stacks;
}

static double probe_idle(void)
{
    start_idle(IDLE, 64, 32, map_stacks(IDLE));
    return (double)resident_kib() / KIB;
}

static double probe_idle_more(void)
{
    static unsigned char present[(size_t)IDLE_MORE * STACK / 4096];
    size_t before = resident_kib(), page = (size_t)sysconf(_SC_PAGESIZE), in_stacks = 0;
    char *stacks = map_stacks(IDLE_MORE);

    start_idle(IDLE_MORE, 20, 24, stacks);
    size_t after = resident_kib();
    if (mincore(stacks, (size_t)IDLE_MORE * STACK, present) != 0)
        die("cannot count the pages of the stacks");
    for (size_t i = 0; i < (size_t)IDLE_MORE * STACK / page; i++)
        in_stacks += present[i] & 1;
    return ((double)(after - before) * KIB - (double)(in_stacks * page)) / IDLE_MORE;
}

/* --- threads that come and go ------------------------------------------------------------------ */

enum { BURSTS = 8, LIVES = 20000, FIRST_LIVES = 1000, LEFT = 4, LEFT_LIVES = 100 };

static void *burst(void *unused)
{
    free_list(build_list(80 * MIB, random_small));
    return unused;
}

static double probe_bursts(void)
{
    for (int i = 0; i < BURSTS; i++)
        run_thread(burst);
    sleep_ms(1500);
    return (double)resident_kib() / KIB;
}

static void *allocate_64(void *unused)
{
    void *blocks[64];
    for (size_t i = 0; i < 64; i++)
        blocks[i] = take(16 + i * 8);
    for (int i = 0; i < 64; i++)
        free(blocks[i]);
    return unused;
}

static void start_threads(int n)
{
    for (int i = 0; i < n; i++)
        run_thread(allocate_64);
}

static double probe_thread(void)
{
    return fastest(5, 1000, start_threads) / 1000;
}

static void *left[LEFT_LIVES][LEFT];
static int lives;

/* Allocates 64 blocks and frees all but LEFT, which lie among the others. */
static void *live_and_leave(void *unused)
{
    void *blocks[64];
    for (size_t i = 0; i < 64; i++)
        blocks[i] = take(16 + i * 8);
    for (int i = 0; i < 64; i++) {
        if (i % (64 / LEFT) == 7)
            left[lives % LEFT_LIVES][i / (64 / LEFT)] = blocks[i];
        else
            free(blocks[i]);
    }
    return unused;
}

/* What a thread leaves outlives it by LEFT_LIVES threads; then main frees it. */
static double probe_lives(void)
{
    size_t first = 0;
    for (lives = 0; lives < LIVES; lives++) {
        if (lives == FIRST_LIVES)
            first = resident_kib();
        for (int i = 0; i < LEFT; i++)
            free(left[lives % LEFT_LIVES][i]);
        run_thread(live_and_leave);
    }
    return (double)resident_kib() - (double)first;
}

/* --- memory that comes back; large blocks; a small program ------------------------------------- */

static double probe_return(void)
{
    free_list(build_list(518 * MIB, random_mixed));
    sleep_ms(2000);
    return 100.0 * (double)resident_kib() / (double)peak_kib();
}

static double probe_hello(void)
{
    memset(take(100), 1, 100);
    puts("hello, world");
    return (double)peak_kib() / KIB;
}

static void touch_8_mib(int n)
{
    for (int i = 0; i < n; i++) {
        char *block = take(8 * MIB);
        for (size_t at = 0; at < 8 * MIB; at += 4096)
            block[at] = 1;
        sink = block;
        free(block);
    }
}

static double probe_touch(void)
{
    return fastest(10, 20, touch_8_mib) / 1000;
}

static void replace_large(int n)
{
    static char *blocks[32];
    static uint32_t state = 1;
    for (int i = 0; i < n; i++) {
        uint32_t at = random_next(&state) % 32;
        free(blocks[at]);
        blocks[at] = take(128 * KIB + 1 + random_next(&state) % MIB);
        blocks[at][0] = 1;
    }
}

static double probe_large(void)
{
    return fastest(5, 200000, replace_large);
}

static void pair_large(int n)
{
    for (int i = 0; i < n; i++) {
        char *block = take(300000);
        block[0] = 1;
        sink = block;
        free(block);
    }
}

static double probe_pair(void)
{
    return fastest(5, 200000, pair_large);
}

static const struct probe {
    const char *name;
    double (*figure)(void);
    int decimals;
} probes[] = {
    {"handover", probe_handover, 1}, {"rebuild", probe_rebuild, 1},     {"idle", probe_idle, 1},
    {"bursts", probe_bursts, 1},     {"return", probe_return, 1},       {"thread", probe_thread, 1},
    {"hello", probe_hello, 2},       {"touch", probe_touch, 1},         {"large", probe_large, 1},
    {"pair", probe_pair, 1},         {"idle-more", probe_idle_more, 0}, {"lives", probe_lives, 0},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof probes / sizeof *probes; i++) {
        if (strcmp(argv[1], probes[i].name) == 0) {
            printf("%.*f\n", probes[i].decimals, probes[i].figure());
            return 0;
        }
    }
    fprintf(stderr, "usage: probes PROBE\n");
    return 2;
}
