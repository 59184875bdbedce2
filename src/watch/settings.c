/* SPDX-License-Identifier: MIT */
/* See settings.h. */
#include "watch/settings.h"

#include <string.h>

#include "base/option.h"
#include "core/window.h"
#include "os/os.h"
#include "watch/output.h"
#include "os/system.h"

static void put_options(struct output *output)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        TEXT_LINE(line);
        cairn__option_describe(option, &line);
        line.length -= line.length == line.size;
        line.data[line.length] = '\0';
        cairn__output_put(output, "cairn: ");
        cairn__output_put(output, line.data);
        cairn__output_put(output, "\n");
    }
}

static void put_window(struct output *output)
{
    TEXT_LINE(base);
    cairn__output_put(output, "cairn: window ");
    const struct region *window = cairn__region_first();
    cairn__output_size(output, 0, window->size);
    if (window->size > 0) {
        cairn__text_put(&base, " at ");
        cairn__text_pointer(&base, (const void *)window->base);
        base.data[base.length] = '\0';
        cairn__output_put(output, base.data);
    }
    cairn__output_put(output, "\n");
}

/* The file says "always [madvise] never". */
static void put_huge_pages(struct output *output)
{
    char modes[128];
    cairn__system_read("/sys/kernel/mm/transparent_hugepage/enabled", modes, sizeof modes);
    const char *mode = strchr(modes, '[');
    char *end = mode == NULL ? NULL : strchr(mode, ']');
    if (end != NULL)
        *end = '\0';
    cairn__output_put(output, "cairn: transparent huge pages of the system: ");
    cairn__output_put(output, end != NULL ? mode + 1 : "not known");
    cairn__output_put(output, "\n");
}

void cairn__settings_print(void)
{
    struct output output;
    cairn__output_init(&output, NULL, NULL);
    cairn__output_put(&output, "cairn: version " CAIRN_VERSION_TEXT ", process ");
    cairn__output_uint(&output, (uint64_t)cairn__os_process_id());
    cairn__output_put(&output, "\n");
    put_options(&output);
    cairn__output_put(&output, "cairn: OS pages of ");
    cairn__output_size(&output, 0, cairn__os_page_size());
    cairn__output_put(&output, "\n");
    put_huge_pages(&output);
    put_window(&output);
    cairn__output_flush(&output);
}
