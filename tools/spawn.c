/* SPDX-License-Identifier: MIT */
/*
 * Starting a program and measuring it: see spawn.h.
 *
 * Child and parent share one pipe that closes on exec. The child writes its birth record (time,
 * faults and CPU so far) right before execve, and an errno after it if execve comes back; end of
 * file without an errno means that the program runs. Then the parent polls: the signal descriptor,
 * the program's outputs, a clock.
 */
#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "instructions.h"
#include "lean_fork.h"
#include "own_memory.h"
#include "message.h"

enum {
    PIPE_ROOM = 1 << 20, /* wished for, so that the program seldom waits for us */
    READ_SIZE = 1 << 16,
    LEFTOVER_MILLISECONDS = 200, /* for descendants to finish writing */
};
static const double kill_after_seconds = 2; /* from SIGTERM to SIGKILL */

static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

struct birth {
    double time, cpu_user, cpu_system;
    long long minor_faults, major_faults;
};

/* One run, while it lasts. */
struct run {
    struct spawner *spawner;
    const struct spawn_request *request;
    struct spawn_outcome *outcome;
    int pipes[2];   /* read ends of output and errors, -1 when closed */
    double end;     /* when the program's death was noticed; 0: it lives */
    double kill_at; /* when it gets SIGKILL; 0: never */
    double next_tick;
};

double spawn_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

bool spawn_open(struct spawner *spawner, enum spawn_manner manner)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t set;

    *spawner = (struct spawner){.manner = manner, .signals = -1};
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, &spawner->inherited_mask);
    /* Were it ignored, the kernel would reap the program before we can ask for its figures. */
    sigaction(SIGCHLD, &standard, &spawner->inherited_child);
    spawner->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (spawner->signals < 0) {
        message("cannot watch signals: %s", strerror(errno));
        spawn_close(spawner);
        return false;
    }
    return true;
}

void spawn_close(struct spawner *spawner)
{
    if (spawner->signals >= 0)
        close(spawner->signals);
    spawner->signals = -1;
    sigaction(SIGCHLD, &spawner->inherited_child, NULL);
    sigprocmask(SIG_SETMASK, &spawner->inherited_mask, NULL);
}

/* --- in the child, after fork ---------------------------------------------------------------- */

static void be_born(int report)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    struct birth birth = {
        .time = spawn_clock(),
        .cpu_user = seconds(usage.ru_utime),
        .cpu_system = seconds(usage.ru_stime),
        .minor_faults = usage.ru_minflt,
        .major_faults = usage.ru_majflt,
    };
    if (write(report, &birth, sizeof birth) != sizeof birth)
        _exit(EXIT_OWN_ERROR);
}

static void place(int fd, int at)
{
    if (fd == at)
        fcntl(fd, F_SETFD, 0);
    else if (fd >= 0)
        dup2(fd, at);
}

static _Noreturn void become(const struct spawner *spawner, const struct spawn_request *request,
                             char *const *shell_argv, const int outputs[2], int report)
{
    if (request->own_group) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a measurement does not outlive the command */
    }
    place(request->input, STDIN_FILENO);
    place(outputs[0], STDOUT_FILENO);
    place(outputs[1], STDERR_FILENO);
    sigaction(SIGCHLD, &spawner->inherited_child, NULL);
    sigprocmask(SIG_SETMASK, &spawner->inherited_mask, NULL);
    be_born(report);
    execve(request->path, request->argv, request->environment);
    if (errno == ENOEXEC && request->by_shell)
        execve(shell_argv[0], shell_argv, request->environment);
    int error = errno;
    ssize_t written = write(report, &error, sizeof error);
    (void)written;
    _exit(EXIT_OWN_ERROR);
}

/* --- in the parent ---------------------------------------------------------------------------- */

/* "/bin/sh path arguments …" */
static char **shell_argv(const struct spawn_request *request)
{
    size_t count = 0;
    while (request->argv[count])
        count++;
    char **argv = memory_take(count + 2, sizeof *argv);
    argv[0] = (char *)"/bin/sh";
    argv[1] = (char *)request->path;
    for (size_t i = 1; i < count; i++)
        argv[i + 1] = request->argv[i];
    return argv;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Opens what the child gets as one output: a pipe to the sink, /dev/null, or -1 for our own. */
static bool open_output(const struct spawn_request *request, const struct spawn_sink *sink,
                        int *ours, int *theirs)
{
    int ends[2];

    *ours = *theirs = -1;
    if (!sink->take) {
        if (!request->inherit_outputs)
            *theirs = open("/dev/null", O_WRONLY | O_CLOEXEC);
        return request->inherit_outputs || *theirs >= 0;
    }
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_ROOM);
    fcntl(ends[0], F_SETFL, O_NONBLOCK); /* of the read end only: each has flags of its own */
    *ours = ends[0];
    *theirs = ends[1];
    return true;
}

static ssize_t read_all(int fd, void *to, size_t size)
{
    ssize_t got;
    do
        got = read(fd, to, size);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Forks; true once the child has executed the program or told why it could not. */
static bool start(struct run *run, struct birth *birth)
{
    const struct spawn_request *request = run->request;
    struct spawn_outcome *outcome = run->outcome;
    int outputs[2] = {-1, -1}, report[2] = {-1, -1};
    char **by_shell = shell_argv(request);

    bool started = pipe2(report, O_CLOEXEC) == 0 &&
                   open_output(request, &request->output, &run->pipes[0], &outputs[0]) &&
                   open_output(request, &request->errors, &run->pipes[1], &outputs[1]);
    if (started) {
        outcome->pid = lean_fork();
        if (outcome->pid == 0)
            become(run->spawner, request, by_shell, outputs, report[1]);
        started = outcome->pid > 0;
    }
    if (!started)
        message("cannot start %s: %s", request->argv[0], strerror(errno));
    shut(&outputs[0]);
    shut(&outputs[1]);
    shut(&report[1]);
    if (started) {
        *birth = (struct birth){.time = spawn_clock()};
        if (read_all(report[0], birth, sizeof *birth) == sizeof *birth &&
            read_all(report[0], &outcome->exec_error, sizeof outcome->exec_error) <= 0)
            outcome->exec_error = 0;
    }
    shut(&report[0]);
    free(by_shell);
    return started;
}

static void signal_program(const struct run *run, int signal)
{
    if (run->end == 0) /* not yet reaped, so the number is still its own */
        kill(run->request->own_group ? -run->outcome->pid : run->outcome->pid, signal);
}

static void stop_program(struct run *run)
{
    if (run->kill_at > 0) { /* asked for a second time */
        signal_program(run, SIGKILL);
        return;
    }
    signal_program(run, SIGTERM);
    run->kill_at = spawn_clock() + kill_after_seconds;
}

/* The name goes with the process: it must be asked for before that is reaped. */
static void read_name(struct spawn_outcome *outcome)
{
    char path[32], name[sizeof outcome->last_name + 1];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)outcome->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read_all(fd, name, sizeof name);

    if (fd >= 0)
        close(fd);
    if (got > 0) {
        name[got - 1] = '\0'; /* the newline; at most 15 letters precede it */
        memcpy(outcome->last_name, name, sizeof outcome->last_name);
    }
}

static void reap(struct run *run, const struct birth *birth, double now)
{
    struct spawn_outcome *outcome = run->outcome;
    struct rusage usage;
    int status;
    bool stoppable = run->spawner->manner == SPAWN_STOP;

    if (run->end > 0)
        return;
    read_name(outcome);
    if (wait4(outcome->pid, &status, WNOHANG | (stoppable ? WUNTRACED : 0), &usage) <= 0)
        return;
    if (WIFSTOPPED(status)) {
        /* In the background, and in want of the terminal: it would wait for ever. */
        if (WSTOPSIG(status) == SIGTTIN || WSTOPSIG(status) == SIGTTOU) {
            outcome->wanted_terminal = true;
            signal_program(run, SIGKILL);
        }
        return;
    }
    run->end = now;
    outcome->wall = (double)(long long)((now - birth->time) * 1e9 + 0.5) / 1e9; /* whole ns */
    outcome->user = seconds(usage.ru_utime) - birth->cpu_user;
    outcome->system = seconds(usage.ru_stime) - birth->cpu_system;
    outcome->peak_rss = usage.ru_maxrss * 1024LL;
    outcome->minor_faults = usage.ru_minflt - birth->minor_faults;
    outcome->major_faults = usage.ru_majflt - birth->major_faults;
    outcome->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    outcome->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    outcome->dumped_core = WIFSIGNALED(status) && WCOREDUMP(status);
}

static void take_signals(struct run *run, const struct birth *birth)
{
    struct spawner *spawner = run->spawner;
    struct signalfd_siginfo info;
    double now = spawn_clock();

    while (read_all(spawner->signals, &info, sizeof info) == sizeof info) {
        int signal = (int)info.ssi_signo;
        if (signal == SIGCHLD)
            continue;
        if (spawner->manner == SPAWN_STOP) {
            spawner->interrupted = signal;
            stop_program(run);
        } else if (info.ssi_code != SI_KERNEL) {
            /* The terminal (SI_KERNEL) signals its whole foreground group, the program too. */
            signal_program(run, signal);
        }
    }
    reap(run, birth, now);
}

/* Empties what is in the pipe into the sink; closes it at its end. */
static void take_output(int *pipe_end, const struct spawn_sink *sink, bool until_empty)
{
    char piece[READ_SIZE];

    do {
        ssize_t got = read_all(*pipe_end, piece, sizeof piece);
        if (got > 0) {
            sink->take(sink->context, piece, (size_t)got);
        } else {
            if (got == 0 || errno != EAGAIN)
                shut(pipe_end);
            return;
        }
    } while (until_empty);
}

/* Milliseconds until the next thing to do by the clock; -1: none. */
static int time_left(const struct run *run)
{
    double next = run->kill_at;

    if (run->request->tick && (next == 0 || run->next_tick < next))
        next = run->next_tick;
    if (next == 0)
        return -1;
    double left = next - spawn_clock();
    return left > 0 ? (int)(left * 1000) + 1 : 0;
}

static void by_the_clock(struct run *run)
{
    double now = spawn_clock();

    if (run->kill_at > 0 && now >= run->kill_at) {
        run->outcome->timed_out = run->spawner->interrupted == 0;
        signal_program(run, SIGKILL);
        run->kill_at = now + kill_after_seconds;
    }
    if (run->request->tick && now >= run->next_tick) {
        run->request->tick(run->request->tick_context);
        run->next_tick = now + 1;
    }
}

static void wait_for_end(struct run *run, const struct birth *birth)
{
    enum { SIGNALS, OUTPUT, ERRORS, COUNT };

    while (run->end == 0) {
        struct pollfd fds[COUNT] = {
            [SIGNALS] = {.fd = run->spawner->signals, .events = POLLIN},
            [OUTPUT] = {.fd = run->pipes[0], .events = POLLIN},
            [ERRORS] = {.fd = run->pipes[1], .events = POLLIN},
        };
        poll(fds, COUNT, time_left(run));
        if (fds[SIGNALS].revents)
            take_signals(run, birth);
        if (fds[OUTPUT].revents)
            take_output(&run->pipes[0], &run->request->output, false);
        if (fds[ERRORS].revents)
            take_output(&run->pipes[1], &run->request->errors, false);
        by_the_clock(run);
    }
}

/* What the program has written is still in the pipes; its descendants may be about to add to it. */
static void finish_outputs(struct run *run)
{
    double until = spawn_clock() + LEFTOVER_MILLISECONDS / 1000.0;

    while (run->pipes[0] >= 0 || run->pipes[1] >= 0) {
        struct pollfd fds[2] = {
            {.fd = run->pipes[0], .events = POLLIN},
            {.fd = run->pipes[1], .events = POLLIN},
        };
        double left = until - spawn_clock();
        if (left <= 0 || poll(fds, 2, (int)(left * 1000) + 1) <= 0)
            break;
        if (fds[0].revents)
            take_output(&run->pipes[0], &run->request->output, false);
        if (fds[1].revents)
            take_output(&run->pipes[1], &run->request->errors, false);
    }
    if (run->request->own_group)
        kill(-run->outcome->pid, SIGKILL);
    if (run->pipes[0] >= 0)
        take_output(&run->pipes[0], &run->request->output, true);
    if (run->pipes[1] >= 0)
        take_output(&run->pipes[1], &run->request->errors, true);
    shut(&run->pipes[0]);
    shut(&run->pipes[1]);
}

bool spawn_run(struct spawner *spawner, const struct spawn_request *request,
               struct spawn_outcome *outcome)
{
    struct run run = {
        .spawner = spawner, .request = request, .outcome = outcome, .pipes = {-1, -1}};
    struct birth birth;

    *outcome = (struct spawn_outcome){.pid = -1, .instructions = -1};
    int counter = request->counts_instructions ? instructions_open() : -1;
    if (!start(&run, &birth)) {
        shut(&run.pipes[0]);
        shut(&run.pipes[1]);
        shut(&counter);
        return false;
    }
    run.next_tick = birth.time + 1;
    if (request->limit_seconds > 0)
        run.kill_at = birth.time + request->limit_seconds;
    wait_for_end(&run, &birth);
    finish_outputs(&run);
    outcome->instructions = instructions_read(counter);
    shut(&counter);
    return true;
}

int spawn_interrupted(struct spawner *spawner)
{
    struct signalfd_siginfo info;

    while (spawner->manner == SPAWN_STOP && spawner->interrupted == 0 &&
           read_all(spawner->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            spawner->interrupted = (int)info.ssi_signo;
    return spawner->interrupted;
}

int spawn_exit_code(const struct spawn_outcome *outcome)
{
    return outcome->signal ? EXIT_SIGNAL + outcome->signal : outcome->exit_code;
}
