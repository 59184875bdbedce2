/* SPDX-License-Identifier: MIT */
/*
 * cairn_stats_print, and what is said of itself at the process's two ends: with CAIRN_VERBOSE=1 the
 * settings at the start, with CAIRN_STATS=exit or a CAIRN_STATS_FILE statistics at the end. A process that ends by _exit,
 * a signal or abort says nothing.
 */
#include "watch/stats.h"

#include "base/option.h"
#include "cairn.h"
#include "core/thread.h"
#include "os/fatal.h"
#include "os/os.h"
#include "watch/settings.h"
#include "os/system.h"

CAIRN_EXPORT void cairn_stats_print(void (*write)(void *context, const char *bytes, size_t count),
                                    void *context, enum cairn_stats_format format)
{
    struct snapshot snapshot;
    struct output output;
    cairn__process_start();
    cairn__snapshot_take(&snapshot);
    cairn__output_init(&output, write, context);
    if (format == CAIRN_STATS_JSON)
        cairn__stats_json(&output, &snapshot);
    else
        cairn__stats_text(&output, &snapshot, format != CAIRN_STATS_SUMMARY);
    cairn__output_flush(&output);
}

/*
 * Both libraries may be loaded, each with a core of its own: the one that the process calls speaks,
 * and the other's core is never started. The exported name is looked up, its alias is this one.
 */
extern __typeof__(cairn_stats_print) cairn__stats_print_here
    __attribute__((alias("cairn_stats_print"), visibility("hidden")));

static bool is_called(void)
{
    __typeof__(cairn_stats_print) *volatile called = cairn_stats_print;
    return called == cairn__stats_print_here;
}

__attribute__((constructor)) static void at_start(void)
{
    if (!is_called())
        return;
    cairn__process_start();
    if (cairn__option(OPTION_VERBOSE))
        cairn__settings_print();
}

/* ---- the end ---- */

/* The path with %p and %% replaced. False: it does not fit. */
static bool expand(const char *pattern, struct text *path)
{
    for (; *pattern != '\0'; pattern++) {
        if (pattern[0] == '%' && pattern[1] == 'p') {
            cairn__text_uint(path, (uint64_t)cairn__os_process_id());
            pattern++;
        } else {
            cairn__text_bytes(path, pattern, 1);
            pattern += pattern[0] == '%' && pattern[1] == '%';
        }
    }
    bool fits = path->length < path->size;
    if (fits)
        path->data[path->length] = '\0';
    return fits;
}

static void to_file(void *context, const char *bytes, size_t count)
{
    cairn__system_write(*(const int *)context, bytes, count);
}

static bool is_json(const struct text *path)
{
    static const char ending[] = ".json";
    size_t length = sizeof ending - 1;
    if (path->length < length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (path->data[path->length - length + i] != ending[i])
            return false;
    return true;
}

__attribute__((destructor)) static void at_end(void)
{
    const char *pattern = cairn__option_text(OPTION_STATS_FILE);
    bool wanted = cairn__option(OPTION_STATS) == STATS_EXIT || *pattern != '\0';
    if (!wanted || !is_called())
        return;
    if (*pattern == '\0') {
        cairn_stats_print(NULL, NULL, CAIRN_STATS_SUMMARY);
        return;
    }
    TEXT_LINE(path);
    int file = expand(pattern, &path) ? cairn__system_open(path.data) : -1;
    if (file < 0) {
        cairn__report_text("cannot write to ", "CAIRN_STATS_FILE", pattern);
        return;
    }
    cairn_stats_print(to_file, &file, is_json(&path) ? CAIRN_STATS_JSON : CAIRN_STATS_TEXT);
    cairn__system_close(file);
}
