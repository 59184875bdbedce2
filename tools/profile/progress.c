/* SPDX-License-Identifier: MIT */
/* How far the reading is: see progress.h. */
#include "profile/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

static const double quiet_seconds = 1, least_seconds = 0.2;

static double clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_begin(struct progress *progress, const char *path)
{
    *progress = (struct progress){
        .path = path,
        .start = clock_now(),
        .terminal = isatty(STDERR_FILENO),
    };
}

void progress_show(struct progress *progress, double done)
{
    double now = clock_now(), passed = now - progress->start;
    char left[TEXT_SHORT] = "";

    if (passed < quiet_seconds || now - progress->shown_at < least_seconds)
        return;
    if (done > 0 && done < 1)
        text_seconds(left, passed / done * (1 - done));
    fprintf(stderr, "\r\033[Kreading %s: %.0f %%%s%s%s", text_basename(progress->path), done * 100,
            *left ? ", about " : "", left, *left ? " to go" : "");
    progress->shown_at = now;
    progress->shown = true;
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
}
