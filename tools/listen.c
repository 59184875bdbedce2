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
    listener->output_tail.length = listener->errors_tail.length = 0;
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

static void keep_end(struct listen_tail *tail, const char *bytes, size_t size)
{
    if (size > LISTEN_TAIL) {
        bytes += size - LISTEN_TAIL;
        size = LISTEN_TAIL;
    }
    size_t kept = tail->length;
    if (kept > LISTEN_TAIL - size)
        kept = LISTEN_TAIL - size;
    memmove(tail->bytes, tail->bytes + tail->length - kept, kept);
    memcpy(tail->bytes + kept, bytes, size);
    tail->length = kept + size;
}

static void take_output(void *context, const char *bytes, size_t size)
{
    struct listener *listener = context;

    digest_add(&listener->output, bytes, size);
    keep_end(&listener->output_tail, bytes, size);
    listen_show(listener->show, bytes, size);
}

static void take_errors(void *context, const char *bytes, size_t size)
{
    struct listener *listener = context;

    listen_show(listener->show >= 0 ? STDERR_FILENO : -1, bytes, size);
    keep_end(&listener->errors_tail, bytes, size);
}

struct spawn_sink listen_output(struct listener *listener)
{
    return (struct spawn_sink){take_output, listener};
}

struct spawn_sink listen_errors(struct listener *listener)
{
    return (struct spawn_sink){take_errors, listener};
}

static char *last_line(const struct listen_tail *tail)
{
    const char *bytes = tail->bytes;
    size_t end = tail->length, start;

    while (end > 0 && (unsigned char)bytes[end - 1] <= ' ')
        end--;
    for (start = end; start > 0 && bytes[start - 1] != '\n'; start--)
        continue;
    if (start == end)
        return NULL;
    char *line = memory_take(end - start + 1, 1);
    memcpy(line, bytes + start, end - start);
    for (size_t i = 0; i < end - start; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = ' ';
    return line;
}

char *listen_last_line(const struct listener *listener)
{
    return last_line(&listener->errors_tail);
}

char *listen_last_output(const struct listener *listener)
{
    return last_line(&listener->output_tail);
}
