/* SPDX-License-Identifier: MIT */
/*
 * Lists of operations (misuse/operations.h) on the hardened core, which is linked in beside the
 * process's own malloc. Each is run by a child: it starts a core of its own, and what a corruption
 * leaves behind ends with it. Abort: a corruption that was not found, or not reported, or late; a list
 * without one that did not come to its end; a hang; and whatever else ends a process.
 *
 * The byte LIST_HOW says, besides, whether there is a corruption, and how the library is set.
 *
 * Time and random numbers are the list's too, so that it always means the same (but for the addresses,
 * which `setarch -R` settles).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/hardened.h"
#include "core/malloc.h"
#include "core/thread.h"
#include "entry/faults.h"
#include "fuzz/carried.h"
#include "misuse/child.h"
#include "misuse/operations.h"

/* ---- what the core asks of the system (the linker's --wrap) ---- */

void __wrap_cairn__os_random(void *bytes, size_t size);
uint64_t __wrap_cairn__os_now(void);

static uint64_t random_state, now;

void __wrap_cairn__os_random(void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        ((unsigned char *)bytes)[i] = (unsigned char)(random_state >> 56);
    }
}

uint64_t __wrap_cairn__os_now(void)
{
    return now;
}

static void pass_time(unsigned milliseconds)
{
    now += milliseconds;
}

/* ---- the core as a malloc ---- */

static void *allocate(size_t size)
{
    return cairn__malloc_slow(size);
}

static void free_sized(void *ptr, size_t size)
{
    cairn__hardened_free(FAMILY_MALLOC, ptr, size);
}

static void *new (size_t size)
{
    return cairn__hardened_malloc(FAMILY_NEW, size, 1);
}

static void delete (void *ptr)
{
    cairn__hardened_free(FAMILY_NEW, ptr, SIZE_UNKNOWN);
}

static size_t usable_size(void *ptr)
{
    return cairn__hardened_size(ptr);
}

static int trim(size_t pad)
{
    (void)pad;
    return cairn__trim();
}

static const struct functions core = {
    .malloc = allocate,
    .calloc = cairn__calloc,
    .realloc = cairn__realloc,
    .aligned_alloc = cairn__aligned,
    .free = cairn__free,
    .usable_size = usable_size,
    .memcpy = memcpy, /* src/entry/copies.c */
    .memset = memset,
    .free_sized = free_sized,
    .other_malloc = new,
    .other_free = delete,
    .trim = trim,
    .pass_time = pass_time,
};

/* ---- how a list is run ---- */

static struct list list;
static bool corrupted;
static const char *harden, *sample;
static volatile enum moment *moment; /* shared with the child */

static void choose(void)
{
    unsigned how = list.length > LIST_HOW ? list.bytes[LIST_HOW] : 0;
    corrupted = how >> 1 & 3; /* three of four */
    /* What is found later depends on both. */
    bool any = !corrupted || list_found(list) == AT_ONCE;
    static const char *const levels[] = {"full", "paranoid", "full", "fast"};
    harden = levels[(how >> 3 & 3) % (any ? 4 : 2)];
    sample = any && how >> 5 == 0 ? "2" : "0";
}

/* ---- the child ---- */

static struct sigaction reported[NSIG];

static void on_end(int signal, siginfo_t *info, void *context)
{
    carried_leave();
    if ((reported[signal].sa_flags & SA_SIGINFO) != 0)
        reported[signal].sa_sigaction(signal, info, context);
}

/* Whatever ends it comes by here first; the fuzzer's own handlers go. */
static void handle_ends(void)
{
    static const int ends[] = {SIGABRT, SIGSEGV, SIGBUS}, others[] = {SIGALRM, SIGXCPU};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        signal(others[i], SIG_DFL);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        signal(ends[i], SIG_DFL);
    cairn__faults_start();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct sigaction ours = {.sa_sigaction = on_end, .sa_flags = SA_SIGINFO | SA_NODEFER};
        sigaction(ends[i], &ours, &reported[ends[i]]);
    }
}

/* A hang is an end by a signal that is none of a report's. */
static void limit(void)
{
    enum { SECONDS = 10, PATIENCE = 120 };
    struct rlimit time = {SECONDS, SECONDS};
    setrlimit(RLIMIT_CPU, &time);
    alarm(PATIENCE);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void work(void)
{
    limit();
    setenv("CAIRN_HARDEN", harden, 1);
    setenv("CAIRN_SAMPLE", sample, 1);
    now = 1000;
    random_state = list.length;
    for (size_t i = 0; i < list.length && i < 64; i++)
        random_state = (random_state ^ list.bytes[i]) * 1099511628211u;
    cairn__process_start();
    handle_ends();
    list_run(list, &core, corrupted, moment);
    cairn__hardened_sweep(); /* as at the exit */
    carried_leave();
    _exit(0);
}

/* ---- the fuzzer's ends ---- */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    if (window_size() != 0) {
        fputs("the core was started in the parent: no list says how\n", stderr);
        abort();
    }
    carried_start();
    moment = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (moment == MAP_FAILED)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static char said[4096];
    list = (struct list){bytes, size};
    choose();
    *moment = BEFORE;
    int status = child_run(work, said, sizeof said);
    carried_take();
    const char *fault = list_fault(list, corrupted, *moment, status, said);
    if (fault == NULL)
        return 0;
    fprintf(stderr, "%s: %s (CAIRN_HARDEN=%s, CAIRN_SAMPLE=%s, status 0x%x)\n%s", fault,
            corrupted ? list_corruption(list) : "none", harden, sample, (unsigned)status, said);
    abort();
}
