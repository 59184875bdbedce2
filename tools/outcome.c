/* SPDX-License-Identifier: MIT */
/* See outcome.h. */
#include "outcome.h"

#include <errno.h>
#include <string.h>

#include "message.h"
#include "text.h"

void outcome_print(const struct spawn_outcome *outcome, const char *program, FILE *to)
{
    const char *name = text_basename(program);
    char time[TEXT_SHORT], signal[TEXT_SHORT];

    text_seconds(time, outcome->wall);
    if (outcome->signal)
        fprintf(to, "cairn: %s was killed by %s after %s%s", name,
                text_signal(signal, outcome->signal), time,
                outcome->dumped_core ? " (core dumped)" : "");
    else
        fprintf(to, "cairn: %s exited %d in %s", name, outcome->exit_code, time);
}

void outcome_put_end(json_t *object, int exit_code, int signal)
{
    char name[TEXT_SHORT];

    json_put(object, "exit_code", signal ? json_null() : json_integer(exit_code));
    json_put(object, "signal", json_from_text(signal ? text_signal(name, signal) : NULL));
}

int outcome_not_started(const char *program, int error)
{
    message("cannot execute %s: %s", program, strerror(error));
    return error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}
