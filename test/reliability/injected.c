/* SPDX-License-Identifier: MIT */
/*
 * injected WORKLOAD: system calls for memory fail while a program works. strace makes them fail, at
 * each occurrence in turn, once or from then on, with each error that makes sense.
 *
 * The program waits, its threads started, until strace has seized it, which it knows by a system call
 * that strace answers with a mark; so what the loader and libc do to start is out of it. Whatever
 * fails then: each allocation gives a block or NULL with ENOMEM, no byte changes. When strace has
 * left (the program itself sends it away), all is served again, and nothing was lost.
 *
 * Some failures of each call at scale 1, evenly spread over those possible; hundreds at scale 100,
 * which mostly are all there are.
 */
#include "reliability/injected.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

enum {
    THREADS = 2,
    MARK = 4711,
    SECONDS = 60,             /* for one failure: a hang is a failure too */
    SERVED_PERCENT = 99,      /* of allocations, when failures have stopped */
    LOST_MAX = 1 << 20,       /* bytes in use, when all is freed: caches of two threads */
    CALLS_SEEN_MAX = 1 << 16, /* numbers above are not process ids */
};

static const char *const calls[] = {"mmap", "munmap", "mprotect", "madvise", "mremap"};
static const char *const failures[] = {"ENOMEM", "EAGAIN", "EINVAL", "EPERM"};
enum { CALLS = sizeof calls / sizeof calls[0], FAILURES = sizeof failures / sizeof failures[0] };

/* ---- the program that strace seizes ---- */

static struct worker workers[THREADS];
static pthread_barrier_t barrier;

/* Returns when the calling thread is in the hands of strace; or when it is not. */
static void await_mark(bool set)
{
    while ((syscall(SYS_getpgid, 0) == MARK) != set) {
        sched_yield();
    }
}

static void *work(void *argument)
{
    struct worker *own = argument;
    struct worker *other = &workers[own == &workers[0]];

    await_mark(true);
    worker_run(own);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < SLOTS_MAX; i += 2) {
        slot_free(&other->slots[i]);
    }
    pthread_barrier_wait(&barrier);
    worker_run(own);
    worker_check(own);
    pthread_barrier_wait(&barrier); /* main sends strace away */
    await_mark(false);
    worker_check(own);
    worker_run(own);
    expect(own->granted * (100 - SERVED_PERCENT) >= own->refused * SERVED_PERCENT,
           "afterwards: %zu granted, %zu refused", own->granted, own->refused);
    worker_free(own);
    return NULL;
}

static int tracer(void)
{
    char text[4096];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t size = read(file, text, sizeof text - 1);

    close(file);
    text[size < 0 ? 0 : size] = '\0';
    char *line = strstr(text, "TracerPid:");
    return line == NULL ? 0 : atoi(line + strlen("TracerPid:"));
}

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static int be_seized(const struct workload *workload, int ready)
{
    pthread_t threads[THREADS];

    alarm(SECONDS);
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.workload = workload, .random = random_seeded(21, i)};
        threads[i] = thread_start(work, &workers[i]);
    }
    size_t before = in_use();
    expect(write(ready, "r", 1) == 1 && close(ready) == 0, "nobody waits");
    for (int i = 0; i < 3; i++) {
        pthread_barrier_wait(&barrier);
    }
    int id = tracer();
    expect(id > 0 && kill(id, SIGTERM) == 0, "strace has gone already");
    for (size_t i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
    }
    expect(in_use() <= before + LOST_MAX, "in use: %zu, then %zu bytes", before, in_use());
    return 0;
}

/* ---- the one that starts both ---- */

static char trace_name[32]; /* of a file in memory, by the number that strace inherits */

/* Returns when its threads are there. */
static pid_t start_program(const char *workload)
{
    int ready[2];
    char number[16], byte;

    expect(pipe(ready) == 0, "no pipe");
    pid_t child = fork();
    expect(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
        close(ready[0]);
        snprintf(number, sizeof number, "%d", ready[1]);
        execl("/proc/self/exe", "injected", "--seized", number, workload, (char *)NULL);
        _exit(126);
    }
    close(ready[1]);
    expect(read(ready[0], &byte, 1) == 1, "%s did not start", workload);
    close(ready[0]);
    return child;
}

static pid_t start_strace(pid_t program, const char *traced, const char *inject)
{
    char id[16];
    pid_t child = fork();

    expect(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
        unsetenv("LD_PRELOAD");
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); /* it wonders at threads that it finds */
        snprintf(id, sizeof id, "%d", program);
        if (inject == NULL) {
            execlp("strace", "strace", "-qq", "-f", "-o", trace_name, "-e", traced, "-e",
                   "inject=getpgid:retval=4711", "-p", id, (char *)NULL);
        } else {
            execlp("strace", "strace", "-qq", "-f", "-o", trace_name, "-e", traced, "-e",
                   "inject=getpgid:retval=4711", "-e", inject, "-p", id, (char *)NULL);
        }
        _exit(127);
    }
    return child;
}

/* Runs the workload under strace. Skips if that cannot seize it; else the program must do well. */
static void run_once(const char *workload, const char *call, const char *inject)
{
    char traced[64];
    int status = 0;

    snprintf(traced, sizeof traced, "trace=%s,getpgid", call);
    pid_t program = start_program(workload);
    pid_t strace = start_strace(program, traced, inject);
    pid_t first = wait(&status);

    if (first == strace && !(WIFEXITED(status) && WEXITSTATUS(status) == 0) &&
        !(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)) {
        kill(program, SIGKILL);
        skip("strace is not installed, or may not seize a process (wait status %#x)", status);
    }
    if (first == strace) {
        expect(waitpid(program, &status, 0) == program, "waitpid: errno %d", errno);
    } else {
        waitpid(strace, NULL, 0);
    }
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s, %s: wait status %#x", workload,
           inject == NULL ? call : inject, status);
}

/* Lines of the trace that name the call, at most so of one thread; or all that were injected. */
static size_t count_lines(const char *text, bool of_one_thread)
{
    static unsigned of_thread[CALLS_SEEN_MAX];
    static char line[4096];
    size_t most = 0, all = 0;
    FILE *file = fopen(trace_name, "r");

    expect(file != NULL, "no trace in %s", trace_name);
    memset(of_thread, 0, sizeof of_thread);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, text) != NULL && strstr(line, "resumed") == NULL) {
            unsigned *of_this = &of_thread[strtoul(line, NULL, 10) % CALLS_SEEN_MAX];
            most = ++*of_this > most ? *of_this : most;
            all++;
        }
    }
    fclose(file);
    return of_one_thread ? most : all;
}

static void inject_all(const char *workload, const char *call, size_t runs)
{
    char text[64];

    snprintf(text, sizeof text, " %s(", call);
    run_once(workload, call, NULL);
    size_t occurrences = count_lines(text, true);
    size_t possible = occurrences * FAILURES * 2;
    size_t injected = 0;

    runs = runs < possible ? runs : possible;
    for (size_t i = 0; i < runs; i++) {
        size_t chosen = i * possible / runs;
        size_t when = chosen % occurrences + 1;
        const char *failure = failures[chosen / occurrences % FAILURES];
        bool on = chosen / occurrences / FAILURES;

        snprintf(text, sizeof text, "inject=%s:error=%s:when=%zu%s", call, failure, when,
                 on ? "+" : "");
        run_once(workload, call, text);
        injected += count_lines("(INJECTED)", false) > 0;
    }
    printf("%s: %s: %zu occurrences, %zu runs, with failures in %zu\n", workload, call, occurrences,
           runs, injected);
    expect(injected * 2 >= runs, "%s: failures in %zu runs of %zu only", call, injected, runs);
}

int main(int count, char **arguments)
{
    expect(count >= 2, "usage: injected WORKLOAD");
    const char *name = arguments[count - 1];
    size_t i = 0;

    while (i < WORKLOADS && strcmp(name, workloads[i].name) != 0) {
        i++;
    }
    expect(i < WORKLOADS, "no workload %s", name);
    if (count == 4) {
        return be_seized(&workloads[i], atoi(arguments[2]));
    }
    require_cairn_if_expected();
    setenv("CAIRN_CONF", workloads[i].options, 1);
    snprintf(trace_name, sizeof trace_name, "/proc/self/fd/%d", memfd_create("trace", 0));
    for (size_t call = 0; call < CALLS; call++) {
        inject_all(name, calls[call], test_scaled(workloads[i].injections));
    }
    return 0;
}
