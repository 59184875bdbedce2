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

/*
 * A verb that is ended by a signal before its report is there must not leave an empty file behind,
 * which the next run would then refuse to overwrite. (Verbs that measure take signals otherwise.)
 */
enum { PENDING = 4 };
static const char *_Atomic pending[PENDING]; /* files made, to which nothing was written yet */
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

/* It was begun, or there will be none. */
static void expect_no_more(const char *path)
{
    for (size_t i = 0; i < PENDING; i++)
        if (path && pending[i] == path)
            pending[i] = NULL;
}

bool output_open(struct output *output, const char *path, bool overwrite, FILE *standard)
{
    struct stat status;
    int fd;

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

FILE *output_begin(struct output *output)
{
    struct stat status;
    int fd = fileno(output->stream);

    expect_no_more(output->path);
    if (output->path && !output->created && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        ftruncate(fd, 0) < 0)
        message("cannot empty %s: %s", output->path, strerror(errno));
    return output->stream;
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
    if (!written)
        message("cannot write %s: %s", name, strerror(error));
    output->stream = NULL;
    return written;
}

void output_abandon(struct output *output)
{
    if (output->path && output->stream)
        fclose(output->stream);
    if (output->created)
        unlink(output->path);
    expect_no_more(output->path);
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
