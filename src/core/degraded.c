/* SPDX-License-Identifier: MIT */
/* See degraded.h. */
#include "core/degraded.h"

#include <stdatomic.h>

#include "base/print.h"
#include "os/os.h"

void cairn__degraded(enum degraded what)
{
    static const char *const lines[DEGRADED_KINDS] = {
        "few mappings are left: from here on not all pages have guards",
        "no mapping is left: pages have no guards any more",
        "memory is out: freed blocks are used again at once",
    };
    static _Atomic bool told[DEGRADED_KINDS];
    if (atomic_exchange_explicit(&told[what], true, memory_order_relaxed))
        return;
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: ");
    cairn__text_put(&line, lines[what]);
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
}
