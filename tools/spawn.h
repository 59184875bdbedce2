/* SPDX-License-Identifier: MIT */
/*
 * Starting a program and measuring it.
 *
 * Figures are those of wait4(2): the program's and those of the descendants that it waited for.
 * Time begins right before execve(2), in the child, and ends when the kernel tells of its death.
 *
 * Peak RSS needs care. When a process executes a program, the kernel carries the high-water mark of
 * the memory that it had until then into ru_maxrss (exec_mmap, setmax_mm_hiwater_rss). After
 * vfork() or posix_spawn() that memory is the parent's, all of it: a starter with 50 MB makes a 1 MB
 * program look like 52 MB (measured). After fork() it is only what was copied and touched: 0.7 to
 * 0.9 MB here, less than a dynamically linked program needs for itself (1.0 MB for one that does
 * nothing). So we fork, and the command keeps its own heap small. Faults and CPU time before execve
 * are subtracted.
 */
#ifndef CAIRN_TOOLS_SPAWN_H
#define CAIRN_TOOLS_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What to do with a signal that asks the command to end while a program runs. */
enum spawn_manner {
    SPAWN_FORWARD, /* hand it to the program, unless the terminal has done so; go on waiting */
    SPAWN_STOP,    /* end the program and all of its process group, then return */
};

/*
 * Signals are blocked from open to close and read from a descriptor, so that nothing happens
 * between two calls unnoticed. One at a time; single-threaded.
 */
struct spawner {
    enum spawn_manner manner;
    int signals;                      /* signalfd */
    int interrupted;                  /* SPAWN_STOP: the signal that came, or 0 */
    sigset_t inherited_mask;          /* as the program shall have it again */
    struct sigaction inherited_child; /* likewise for SIGCHLD */
};

/* Receives what the program writes to one of its outputs, in pieces. */
struct spawn_sink {
    void (*take)(void *context, const char *bytes, size_t size); /* NULL: see spawn_request */
    void *context;
};

struct spawn_request {
    const char *path; /* the file to execute */
    char *const *argv;
    char *const *environment;
    bool by_shell;        /* on ENOEXEC: /bin/sh path arguments … */
    bool own_group;       /* a process group of its own; what is left of it in the end is killed */
    bool inherit_outputs; /* outputs without a sink stay the command's own; else /dev/null */
    int input;            /* becomes standard input; -1: stays the command's own */
    struct spawn_sink output, errors;
    bool counts_instructions;    /* if the kernel lets us */
    double limit_seconds;        /* then it is killed; 0: never */
    void (*tick)(void *context); /* called once a second while it runs; may be NULL */
    void *tick_context;
};

struct spawn_outcome {
    pid_t pid;
    int exec_error; /* errno of execve, 0 if the program was started */
    int exit_code;  /* of a program that was not ended by a signal */
    int signal;     /* that ended it, or 0 */
    bool dumped_core, timed_out;
    bool wanted_terminal;      /* SPAWN_STOP: killed, because it waited for the terminal */
    char last_name[16];        /* the kernel's name of the process (comm) at its end, or "" */
    double wall, user, system; /* seconds */
    long long peak_rss;        /* bytes */
    long long minor_faults, major_faults;
    long long instructions; /* in user mode, descendants included; -1: not counted */
};

/* False after a message. */
bool spawn_open(struct spawner *spawner, enum spawn_manner manner);
void spawn_close(struct spawner *spawner);

/* Runs the program to its end. False after a message if the command's own part failed. */
bool spawn_run(struct spawner *spawner, const struct spawn_request *request,
               struct spawn_outcome *outcome);

/* SPAWN_STOP: the signal that asked the command to end, also between two programs; or 0. */
int spawn_interrupted(struct spawner *spawner);

/* CLOCK_MONOTONIC in seconds. */
double spawn_clock(void);

/* What a shell would give as $? : the exit code, or 128 and the signal. */
int spawn_exit_code(const struct spawn_outcome *outcome);

#endif
