/* SPDX-License-Identifier: MIT */
/* See calls.h. */
#include "core/calls.h"

#include <stdatomic.h>
#include <string.h>

#include "base/bits.h"
#include "base/print.h"
#include "os/os.h"
#include "os/place.h"
#include "os/unwind.h"
#include "os/where.h"

static _Atomic bool prepared;

void cairn__calls_prepare(void)
{
    cairn__unwind_prepare();
    atomic_store_explicit(&prepared, true, memory_order_release);
}

/* Further in than this the handler itself is, and what the system puts between. */
enum { HANDLER_CALLS = 8 };

void cairn__calls_take(struct calls *calls, uintptr_t interrupted)
{
    uintptr_t at[CALLS_MAX + HANDLER_CALLS];
    calls->thread = cairn__os_thread_mark();
    calls->count = 0;
    if (!atomic_load_explicit(&prepared, memory_order_acquire))
        return;
    unsigned count = cairn__unwind(at, CALLS_MAX + (interrupted != 0 ? HANDLER_CALLS : 0));
    unsigned first = 0;
    while (interrupted != 0 && first < count && at[first] != interrupted)
        first++;
    if (first == count)
        first = 0;
    calls->count = (unsigned)size_min(count - first, CALLS_MAX);
    for (unsigned i = 0; i < calls->count; i++)
        calls->at[i] = at[first + i];
}

/* Calls within the library are left out where others follow. */
static bool is_own(const struct where *where)
{
    const char *slash = strrchr(where->name, '/');
    return strncmp(slash == NULL ? where->name : slash + 1, "libcairn-", 9) == 0;
}

static void print_line(unsigned number, uintptr_t at, const struct where *where)
{
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn:     #");
    cairn__text_uint(&line, number);
    cairn__text_put(&line, " ");
    cairn__text_pointer(&line, (const void *)at);
    if (where->name[0] != '\0') {
        cairn__text_put(&line, " ");
        cairn__text_put(&line, where->name);
        cairn__text_put(&line, "+");
        cairn__text_pointer(&line, (const void *)where->offset);
    }
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
}

void cairn__calls_print(const char *what, const struct calls *calls)
{
    static struct where where[CALLS_MAX]; /* a handler's stack is small */
    static _Atomic bool busy;
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn:   ");
    cairn__text_put(&line, what);
    cairn__text_put(&line, " thread ");
    cairn__text_pointer(&line, (const void *)calls->thread);
    cairn__text_put(&line, calls->count == 0 ? ", calls not known" : ":");
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
    if (calls->count == 0 || atomic_exchange(&busy, true))
        return;
    cairn__os_where(calls->at, where, calls->count);
    unsigned first = 0;
    while (first + 1 < calls->count && is_own(&where[first]))
        first++;
    for (unsigned i = first; i < calls->count; i++)
        print_line(i - first, calls->at[i], &where[i]);
    atomic_store(&busy, false);
}
