/* SPDX-License-Identifier: MIT */
/* Listening to what a program writes: see listen.h. */
#include "listen.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "own_memory.h"

void listen_init(struct listener *listener, int show)
{
    digest_init(&listener->output);
    listener->tail_length = 0;
    listener->show = show;
}

void listen_show(int fd, const char *bytes, size_t size)
{
    while (fd >= 0 && size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR)
            return;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

static void take_output(void *context, const char *bytes, size_t size)
{
    struct listener *listener = context;

    digest_add(&listener->output, bytes, size);
    listen_show(listener->show, bytes, size);
}

static void take_errors(void *context, const char *bytes, size_t size)
{
    struct listener *listener = context;

    listen_show(listener->show >= 0 ? STDERR_FILENO : -1, bytes, size);
    if (size > LISTEN_TAIL) {
        bytes += size - LISTEN_TAIL;
        size = LISTEN_TAIL;
    }
    size_t kept = listener->tail_length;
    if (kept > LISTEN_TAIL - size)
        kept = LISTEN_TAIL - size;
    memmove(listener->tail, listener->tail + listener->tail_length - kept, kept);
    memcpy(listener->tail + kept, bytes, size);
    listener->tail_length = kept + size;
}

struct spawn_sink listen_output(struct listener *listener)
{
    return (struct spawn_sink){take_output, listener};
}

struct spawn_sink listen_errors(struct listener *listener)
{
    return (struct spawn_sink){take_errors, listener};
}

char *listen_last_line(const struct listener *listener)
{
    const char *tail = listener->tail;
    size_t end = listener->tail_length, start;

    while (end > 0 && (unsigned char)tail[end - 1] <= ' ')
        end--;
    for (start = end; start > 0 && tail[start - 1] != '\n'; start--)
        continue;
    if (start == end)
        return NULL;
    char *line = memory_take(end - start + 1, 1);
    memcpy(line, tail + start, end - start);
    for (size_t i = 0; i < end - start; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = ' ';
    return line;
}
