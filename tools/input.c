/* SPDX-License-Identifier: MIT */
/* Standard input for many runs: see input.h. */
#define _GNU_SOURCE
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "folder.h"
#include "message.h"

enum { PIECE = 1 << 16, PATIENCE_MILLISECONDS = 2000 };

/* The rest of the machine needs room too. */
static const unsigned long long room_to_leave = 64ull << 20;

static bool has_room(int fd)
{
    struct statvfs mount;

    return fstatvfs(fd, &mount) < 0 ||
           (unsigned long long)mount.f_bavail * mount.f_frsize > room_to_leave;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

/* Reads `from` to its end. False with errno. */
static bool copy_all(int from, int to)
{
    char piece[PIECE];
    unsigned long long copied = 0;
    struct pollfd waiting = {.fd = from, .events = POLLIN};

    if (poll(&waiting, 1, PATIENCE_MILLISECONDS) == 0)
        message("reading standard input to its end first (</dev/null if there is none to read)");
    for (;;) {
        ssize_t got = read(from, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        /* The disk is asked once every 16 MiB, and at the first piece. */
        if (copied % (256 * PIECE) < PIECE && !has_room(to)) {
            errno = ENOSPC;
            return false;
        }
        if (!write_all(to, piece, (size_t)got))
            return false;
        copied += (unsigned long long)got;
    }
}

bool input_open(struct input *input)
{
    struct stat status;
    bool has_input = fstat(STDIN_FILENO, &status) == 0;

    *input = (struct input){.fd = -1};
    if (has_input && S_ISREG(status.st_mode)) {
        input->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        input->start = lseek(STDIN_FILENO, 0, SEEK_CUR);
        input->is_file = true;
    } else if (has_input && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))) {
        input->fd = folder_nameless();
        input->is_file = true;
        if (input->fd >= 0 && !copy_all(STDIN_FILENO, input->fd)) {
            message("cannot keep standard input for each run: %s", strerror(errno));
            input_close(input);
            return false;
        }
    } else {
        input->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    if (input->fd < 0)
        message("cannot prepare standard input: %s", strerror(errno));
    return input->fd >= 0;
}

bool input_rewind(struct input *input)
{
    if (!input->is_file || lseek(input->fd, input->start, SEEK_SET) >= 0)
        return true;
    message("cannot rewind standard input: %s", strerror(errno));
    return false;
}

void input_close(struct input *input)
{
    if (input->fd >= 0)
        close(input->fd);
    input->fd = -1;
}
