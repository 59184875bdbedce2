/* SPDX-License-Identifier: MIT */
/* See fatal.h. */
#include "os/fatal.h"

#include "base/print.h"
#include "os/os.h"

void cairn__report(const char *what, const void *ptr)
{
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: ");
    cairn__text_put(&line, what);
    if (ptr != NULL) {
        cairn__text_put(&line, " ");
        cairn__text_pointer(&line, ptr);
    }
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
}

void cairn__report_text(const char *what, const char *name, const char *value)
{
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: ");
    cairn__text_put(&line, what);
    cairn__text_put(&line, name);
    cairn__text_put(&line, ": ");
    cairn__text_put(&line, value);
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
}

void cairn__fatal(const char *what, const void *ptr)
{
    cairn__report(what, ptr);
    cairn__os_abort();
}
