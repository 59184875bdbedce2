/* SPDX-License-Identifier: MIT */
/* See crime.h. */
#include "core/crime.h"

#include <string.h>

#include "base/option.h"
#include "base/print.h"
#include "os/os.h"
#include "os/tags.h"

static void put_detail(struct text *line, const struct crime *crime)
{
    if (crime->detail == NULL)
        return;
    cairn__text_put(line, crime->detail);
    size_t length = strlen(crime->detail);
    if (length != 0 && crime->detail[length - 1] == ' ')
        cairn__text_uint(line, crime->number);
    if (crime->more != NULL)
        cairn__text_put(line, crime->more);
}

static void put_block(struct text *line, const struct crime *crime)
{
    if (crime->allocated != NULL) {
        cairn__text_put(line, " (");
        cairn__text_uint(line, crime->size);
        cairn__text_put(line, "-byte block, sampled)");
    }
    bool own = crime->own != NULL;
    if (crime->page == NULL && !own)
        return;
    cairn__text_put(line, " (");
    cairn__text_uint(line, crime->size);
    cairn__text_put(line, own ? "-byte block of its own, at " : "-byte block, page ");
    cairn__text_pointer(line, own ? crime->own : crime->page->start);
    cairn__text_put(line, ")");
}

static void print_calls(const struct crime *crime)
{
    if (crime->allocated == NULL && cairn__option(OPTION_REPORT) != REPORT_STACK)
        return;
    struct calls calls;
    cairn__calls_take(&calls, 0);
    cairn__calls_print("found by", &calls);
    if (crime->allocated != NULL)
        cairn__calls_print("allocated by", crime->allocated);
    if (crime->freed != NULL)
        cairn__calls_print("freed by", crime->freed);
}

void cairn__crime(struct crime crime)
{
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: ");
    if (crime.kind != NULL)
        cairn__text_put(&line, crime.kind);
    cairn__text_put(&line, crime.what);
    cairn__text_put(&line, " ");
    cairn__text_pointer(&line, tag_strip(crime.ptr));
    put_detail(&line, &crime);
    put_block(&line, &crime);
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
    print_calls(&crime);
    cairn__os_abort();
}
