/* SPDX-License-Identifier: MIT */
/*
 * See sink.h. System calls that the C library makes points of cancellation (write, poll,
 * sigtimedwait) are made directly: a thread that is cancelled inside an allocator would leave its
 * locks held.
 */
#define _GNU_SOURCE
#include "os/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"

static bool identify(struct sink *sink, int file, bool own)
{
    struct stat stat;
    if (file < 0 || fstat(file, &stat) != 0)
        return false;
    *sink = (struct sink){file, own, false, (uint64_t)stat.st_dev, (uint64_t)stat.st_ino};
    return true;
}

static bool is_still_ours(const struct sink *sink)
{
    struct stat stat;
    return sink->file >= 0 && fstat(sink->file, &stat) == 0 &&
           (uint64_t)stat.st_dev == sink->device && (uint64_t)stat.st_ino == sink->inode;
}

bool cairn__os_sink_open(struct sink *sink, const char *path)
{
    int saved = errno;
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY;
    int file = open(path, flags, 0666);
    if (file >= 0 && file <= STDERR_FILENO) {
        /* What the program prints must not get into the log because it closed its own output. */
        int higher = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        close(file);
        file = higher;
    }
    bool done = identify(sink, file, true);
    if (!done)
        sink->file = -1;
    errno = saved;
    return done;
}

bool cairn__os_sink_use(struct sink *sink, int file)
{
    int saved = errno;
    bool done = identify(sink, file, false);
    if (!done)
        sink->file = -1;
    errno = saved;
    return done;
}

int cairn__os_sink_duplicate(int file)
{
    enum { OUT_OF_THE_WAY = 200 };
    int saved = errno;
    int other = fcntl(file, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    if (other < 0)
        other = fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    errno = saved;
    return other;
}

void cairn__os_sink_drop(int file)
{
    int saved = errno;
    if (file >= 0)
        close(file);
    errno = saved;
}

/* Waits until there is room to write, up to a deadline. */
static bool wait_for_room(struct sink *sink, uint64_t deadline)
{
    for (;;) {
        uint64_t now = cairn__os_clock();
        uint64_t left = sink->stalled || now >= deadline ? 0 : deadline - now;
        struct timespec time = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        struct pollfd poll = {.fd = sink->file, .events = POLLOUT};
        long ready = syscall(SYS_ppoll, &poll, 1, &time, NULL, 0);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR) {
            sink->stalled = true;
            return false;
        }
    }
}

static size_t write_all(struct sink *sink, const char *bytes, size_t count)
{
    uint64_t deadline = 0;
    size_t done = 0;
    while (done < count) {
        long written = syscall(SYS_write, sink->file, bytes + done, count - done);
        if (written > 0) {
            done += (size_t)written;
            sink->stalled = false;
        } else if (written < 0 && errno == EAGAIN) {
            if (deadline == 0)
                deadline = cairn__os_clock() + CAIRN__OS_SINK_PATIENCE_MS * (uint64_t)1000000;
            if (!wait_for_room(sink, deadline))
                break;
        } else if (written == 0 || errno != EINTR) {
            break;
        }
    }
    return done;
}

/*
 * A pipe without a reader and a file that has reached its limit raise a signal in the writing
 * thread. It is blocked meanwhile, and taken back if it was not there before.
 */
size_t cairn__os_sink_write(struct sink *sink, const char *bytes, size_t count)
{
    int saved = errno;
    size_t done = 0;
    if (is_still_ours(sink)) {
        sigset_t ours, before, pending;
        sigemptyset(&ours);
        sigaddset(&ours, SIGPIPE);
        sigaddset(&ours, SIGXFSZ);
        pthread_sigmask(SIG_BLOCK, &ours, &before);
        sigpending(&pending);
        done = write_all(sink, bytes, count);
        if (done < count) {
            if (sigismember(&pending, SIGPIPE))
                sigdelset(&ours, SIGPIPE);
            if (sigismember(&pending, SIGXFSZ))
                sigdelset(&ours, SIGXFSZ);
            struct timespec none = {0, 0};
            while (syscall(SYS_rt_sigtimedwait, &ours, NULL, &none, (_NSIG - 1) / 8) > 0)
                ;
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    errno = saved;
    return done;
}

void cairn__os_sink_close(struct sink *sink)
{
    int saved = errno;
    if (sink->own && is_still_ours(sink))
        close(sink->file);
    sink->file = -1;
    errno = saved;
}
