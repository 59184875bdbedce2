/* SPDX-License-Identifier: MIT */
/* What a trace holds: see summary.h. Memory for the live blocks and the tables only. */
#include "trace/summary.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "own_memory.h"
#include "profile/progress.h"
#include "profile/short_name.h"
#include "text.h"
#include "trace/live.h"
#include "trace/words.h"

enum { PROCESSES_SHOWN = 20, LONGEST = 1000 };

static void leave(void *context, const struct live_block *block)
{
    struct summary *summary = context;
    summary->left_blocks++;
    summary->left_bytes += block->size;
}

static void count_process(struct summary *summary, uint32_t process)
{
    if (process >= summary->process_count) {
        size_t count = (size_t)process + 1, old = summary->process_count;
        summary->processes = memory_resize(summary->processes, count, sizeof *summary->processes);
        memset(summary->processes + old, 0, (count - old) * sizeof *summary->processes);
        summary->process_count = (uint32_t)count;
    }
    summary->processes[process].events++;
}

static void count_event(struct summary *summary, struct live *live, const struct trace_event *event)
{
    if (summary->events++ == 0)
        summary->first_time = event->time;
    if (event->time > summary->last_time)
        summary->last_time = event->time;
    summary->counts[event->op]++;
    count_process(summary, event->process);
    if (event->op <= TRACE_REALLOC && !event->ptr)
        summary->failed++;
    if (live_apply(live, event, leave, summary).made)
        summary->requested += event->size;
    if (live->bytes > summary->peak_bytes) {
        summary->peak_bytes = live->bytes;
        summary->peak_blocks = live->blocks;
    }
}

void summary_read(struct summary *summary, struct trace_reader *reader, long only)
{
    struct progress progress;
    struct trace_event event;
    struct live live;

    *summary = (struct summary){.events = 0};
    live_init(&live);
    progress_begin(&progress, "the trace");
    while (trace_next(reader, &event)) {
        if (only < 0 || event.process == (uint32_t)only)
            count_event(summary, &live, &event);
        if (progress_due(&progress))
            progress_show(&progress, trace_progress(reader));
    }
    progress_end(&progress);
    live_visit(&live, leave, summary);
    summary->unknown = live.unknown;
    live_fini(&live);
}

void summary_fini(struct summary *summary)
{
    free(summary->processes);
}

static double seconds_of(const struct summary *summary)
{
    return (double)(summary->last_time - summary->first_time) * 1e-9;
}

/* "1.20 MiB in 345 blocks" */
static void print_blocks(FILE *to, const char *name, uint64_t bytes, uint64_t blocks)
{
    char size[TEXT_SHORT], count[TEXT_SHORT];
    fprintf(to, "  %-11s %s in %s block%s\n", name, text_bytes(size, (double)bytes),
            text_count(count, (double)blocks), blocks == 1 ? "" : "s");
}

/* Text of the trace, in one line of at most `columns`. The caller frees it. */
static char *shown(const char *text, size_t columns)
{
    char *line = fitted(text, columns);

    text_make_line(line);
    return line;
}

static void print_origin(const struct trace_info *info, FILE *to)
{
    char when[40] = "";
    time_t began = (time_t)info->began;
    struct tm parts;

    char *command = shown(info->command, LONGEST), *machine = shown(info->machine, LONGEST);

    if (*command)
        fprintf(to, "  %-11s %s\n", "command", command);
    if (info->began && gmtime_r(&began, &parts))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &parts);
    if (*machine || *when)
        fprintf(to, "  %-11s %s%s%s\n", "recorded", when, *machine && *when ? ", " : "", machine);
    free(command);
    free(machine);
}

static void print_processes(const struct summary *summary, const struct trace_reader *reader,
                            FILE *to)
{
    char count[TEXT_SHORT];

    for (uint32_t i = 0; i < summary->process_count && i < PROCESSES_SHOWN; i++) {
        const struct trace_process *process = trace_process(reader, i);
        if (!summary->processes[i].events)
            continue;
        char *command = shown(process->command, 60);
        fprintf(to, "  process %-3u pid %d: %s events%s%s\n", i, process->pid,
                text_count(count, (double)summary->processes[i].events), *command ? ", " : "",
                command);
        free(command);
    }
    if (summary->process_count > PROCESSES_SHOWN)
        fprintf(to, "  and %u processes more (--json has them all)\n",
                summary->process_count - PROCESSES_SHOWN);
}

void trace_summary_print(const struct summary *summary, const struct trace_reader *reader,
                         const char *path, FILE *to)
{
    char count[TEXT_SHORT], time[TEXT_SHORT];
    const char *damage = trace_damage(reader);

    fprintf(to, "%s: %s events in %s, %s%s\n", path, text_count(count, (double)summary->events),
            text_seconds(time, seconds_of(summary)), damage ? "" : "whole", damage ? damage : "");
    print_origin(trace_info(reader), to);
    fprintf(to, "  %-11s stack nodes %u, modules %u, threads %u, processes %u\n", "tables",
            trace_nodes(reader) - 1, trace_modules(reader), trace_threads(reader),
            trace_processes(reader));
    for (int op = 0; op < TRACE_OPS; op++)
        if (summary->counts[op])
            fprintf(to, "  %-11s %s\n", text_words[op],
                    text_count(count, (double)summary->counts[op]));
    if (summary->failed)
        fprintf(to, "  %-11s %s\n", "failed", text_count(count, (double)summary->failed));
    if (summary->unknown)
        fprintf(to,
                "  %-11s %s frees and reallocs of blocks older than the trace, or of a parent\n",
                "unknown", text_count(count, (double)summary->unknown));
    print_blocks(to, "at the peak", summary->peak_bytes, summary->peak_blocks);
    print_blocks(to, "not freed", summary->left_bytes, summary->left_blocks);
    print_processes(summary, reader, to);
    char *quoted = text_quoted(path);
    fprintf(to, "Next: cairn report %s\n", quoted);
    free(quoted);
}

static json_t *processes_json(const struct summary *summary, const struct trace_reader *reader)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < trace_processes(reader); i++) {
        const struct trace_process *process = trace_process(reader, i);
        json_t *one = json_object();
        json_put(one, "process", json_integer(i));
        json_put(one, "parent", json_integer(process->parent));
        json_put(one, "pid", json_integer(process->pid));
        json_put(one, "command", json_from_text(process->command));
        uint64_t events = i < summary->process_count ? summary->processes[i].events : 0;
        json_put(one, "events", json_integer((json_int_t)events));
        json_append(array, one);
    }
    return array;
}

void trace_summary_json(const struct summary *summary, const struct trace_reader *reader,
                        const char *path, FILE *to)
{
    const struct trace_info *info = trace_info(reader);
    json_t *document = json_document("cairn.trace", 1), *counts = json_object();
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {
        {"events", summary->events},
        {"failed", summary->failed},
        {"unknown", summary->unknown},
        {"requested_bytes", summary->requested},
        {"peak_blocks", summary->peak_blocks},
        {"peak_bytes", summary->peak_bytes},
        {"left_blocks", summary->left_blocks},
        {"left_bytes", summary->left_bytes},
        {"began", info->began},
        {"page_size", info->page_size},
        {"threads", trace_threads(reader)},
        {"modules", trace_modules(reader)},
        {"nodes", trace_nodes(reader) - 1},
    };

    json_put(document, "file", json_from_text(path));
    json_put(document, "whole", json_boolean(!trace_damage(reader)));
    json_put(document, "damage", json_from_text(trace_damage(reader)));
    json_put(document, "command", json_from_text(info->command));
    json_put(document, "machine", json_from_text(info->machine));
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        json_put(document, figures[i].name, json_integer((json_int_t)figures[i].value));
    json_put(document, "seconds", json_from_real(seconds_of(summary)));
    for (int op = 0; op < TRACE_OPS; op++)
        json_put(counts, text_words[op], json_integer((json_int_t)summary->counts[op]));
    json_put(document, "counts", counts);
    json_put(document, "processes", processes_json(summary, reader));
    json_finish(document, to);
}
