/* SPDX-License-Identifier: MIT */
/* Where a verb's report goes: see output.h. */
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "own_memory.h"

/*
 * A verb that is ended by a signal before its report is whole must not leave an empty file behind,
 * which the next run would then refuse to overwrite, nor a cut one. (Verbs that measure take signals
 * otherwise.)
 */
enum { PENDING = 4 };
static const char *_Atomic pending[PENDING]; /* files made that are not whole yet */
static pid_t owner;                          /* whose they are: not a copy's that fork made */

static void remove_pending(int signal)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};

    for (size_t i = 0; i < PENDING; i++)
        if (pending[i] && getpid() == owner)
            unlink(pending[i]);
    sigaction(signal, &standard, NULL);
    raise(signal); /* it is blocked until this returns */
}

static void watch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before, removing = {.sa_handler = remove_pending};

    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(signals[i], &removing, NULL);
}

/* A file that may not grow: the write that fails says so, not a signal that ends the command. A
 * handler, which programs that the command starts do not inherit. */
static void take_signal(int signal)
{
    (void)signal;
}

static void outlive_limits(void)
{
    struct sigaction before, taking = {.sa_handler = take_signal, .sa_flags = SA_RESTART};

    if (sigaction(SIGXFSZ, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        sigaction(SIGXFSZ, &taking, NULL);
}

static void expect_report(const char *path)
{
    for (size_t i = 0; i < PENDING; i++)
        if (!pending[i]) {
            owner = getpid();
            pending[i] = path;
            watch_signals();
            return;
        }
}

/* It is whole, or is to stay as it is, or there will be none. */
static void expect_no_more(const char *path)
{
    for (size_t i = 0; i < PENDING; i++)
        if (path && pending[i] == path)
            pending[i] = NULL;
}

const char *output_named(const char *word)
{
    return strcmp(word, "-") == 0 ? NULL : word;
}

bool output_open(struct output *output, const char *path, bool overwrite, FILE *standard)
{
    struct stat status;
    int fd;

    outlive_limits();
    if (path && strcmp(path, "-") == 0) {
        path = NULL;
        standard = stdout;
    }
    *output = (struct output){.stream = standard, .path = path};
    if (!path)
        return true;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    output->created = fd >= 0;
    if (fd < 0 && errno == EEXIST) {
        bool is_file = stat(path, &status) == 0 && S_ISREG(status.st_mode);
        if (is_file && !overwrite) {
            message("%s exists; -f overwrites it", path);
            return false;
        }
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    }
    if (output->created)
        expect_report(path);
    output->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!output->stream) {
        message("cannot write %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    return true;
}

static bool overwrites(const struct output *output, struct stat *status)
{
    return output->path && !output->created && fstat(fileno(output->stream), status) == 0 &&
           S_ISREG(status->st_mode);
}

static void empty(struct output *output)
{
    struct stat status;

    if (overwrites(output, &status) && ftruncate(fileno(output->stream), 0) < 0)
        message("cannot empty %s: %s", output->path, strerror(errno));
}

static void forget_aside(struct output *output)
{
    expect_no_more(output->aside);
    free(output->aside);
    free(output->target);
    output->aside = output->target = NULL;
}

/*
 * What is there now stays until the new is whole: that is written to a file beside it. Not where this
 * would make another file of it: if it has several names, or another owner. False: in place, then.
 */
static bool put_aside(struct output *output)
{
    struct stat status;

    if (!overwrites(output, &status) || status.st_nlink != 1 || status.st_uid != geteuid())
        return false;
    output->target = realpath(output->path, NULL);
    output->aside = output->target ? memory_format("%s.XXXXXX", output->target) : NULL;
    int fd = output->aside ? mkostemp(output->aside, O_CLOEXEC) : -1;
    if (fd < 0) {
        forget_aside(output);
        return false;
    }
    expect_report(output->aside);
    FILE *stream = fchmod(fd, status.st_mode & 07777) == 0 ? fdopen(fd, "w") : NULL;
    if (!stream) {
        close(fd);
        unlink(output->aside);
        forget_aside(output);
        return false;
    }
    fclose(output->stream);
    output->stream = stream;
    return true;
}

FILE *output_begin(struct output *output)
{
    if (!put_aside(output))
        empty(output);
    return output->stream;
}

FILE *output_begin_in_place(struct output *output)
{
    expect_no_more(output->path);
    empty(output);
    return output->stream;
}

/* Nothing comes of what was made for it. */
static void take_away(struct output *output)
{
    if (output->aside)
        unlink(output->aside);
    else if (output->created)
        unlink(output->path);
}

bool output_close(struct output *output)
{
    const char *name = output->path ? output->path : "the report";
    bool written = fflush(output->stream) == 0 && !ferror(output->stream);
    int error = errno;

    if (output->path && fclose(output->stream) != 0 && written) {
        written = false;
        error = errno;
    }
    if (written && output->aside && rename(output->aside, output->target) < 0) {
        written = false;
        error = errno;
    }
    if (!written) {
        message("cannot write %s: %s", name, strerror(error));
        take_away(output);
    }
    expect_no_more(output->path);
    forget_aside(output);
    output->stream = NULL;
    return written;
}

void output_abandon(struct output *output)
{
    if (output->path && output->stream)
        fclose(output->stream);
    take_away(output);
    expect_no_more(output->path);
    forget_aside(output);
    output->stream = NULL;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

bool output_wants_color(enum color_when when, int fd)
{
    const char *terminal = getenv("TERM"), *force = getenv("CLICOLOR_FORCE");

    if (when != COLOR_AUTO)
        return when == COLOR_ALWAYS;
    if (is_set("NO_COLOR"))
        return false;
    if (force && *force && strcmp(force, "0") != 0)
        return true;
    return isatty(fd) && terminal && strcmp(terminal, "dumb") != 0;
}

size_t output_columns(int fd)
{
    const char *columns = getenv("COLUMNS");
    long wanted = columns ? strtol(columns, NULL, 10) : 0;
    struct winsize size;

    if (wanted >= 20 && wanted < 10000)
        return (size_t)wanted;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return 80;
}
