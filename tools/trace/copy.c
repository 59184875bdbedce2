/* SPDX-License-Identifier: MIT */
/*
 * Copies a trace: see copy.h. Indices of the copy are given when something is first defined there;
 * `maps` has them by the index in the original.
 *
 * Addresses are renumbered by regions of 1 GiB in the order in which they are seen: what lies
 * beside what stays to be seen, where the kernel had put it does not.
 */
#include "trace/copy.h"

#include <stdio.h>
#include <stdlib.h>

#include "own_memory.h"
#include "profile/progress.h"
#include "trace/live.h"
#include "trace/numbering.h"

/* Index in the copy + 1, by index in the original. */
struct map {
    uint32_t *at;
    uint32_t room;
};

struct copy {
    struct trace_reader *reader;
    struct trace_writer *writer;
    const struct copy_choice *choice;
    uint32_t processes; /* defined so far */
    struct map threads, modules, nodes;
    uint32_t all_threads, all_modules, all_nodes; /* of a whole copy: defined so far */
    uint32_t *path;                               /* of node_of */
    size_t path_room;
    struct numbering regions, offsets; /* of anonymous ones */
    struct live live;                  /* before the part begins */
    struct live_block *carried;
    size_t carried_count;
    bool is_part, has_begun;
};

enum { REGION_BITS = 30, FIRST_REGION = 0x400 };

bool copy_is_part(const struct copy_choice *choice)
{
    return choice->from > 0 || choice->to < UINT64_MAX || choice->from_time > 0 ||
           choice->to_time < UINT64_MAX || choice->one_process;
}

static uint32_t *map_at(struct map *map, uint32_t index)
{
    if (index >= map->room) {
        uint32_t room = map->room ? map->room : 64;
        while (room <= index)
            room = room < UINT32_MAX / 2 ? room * 2 : UINT32_MAX;
        map->at = memory_resize(map->at, room, sizeof *map->at);
        for (uint32_t i = map->room; i < room; i++)
            map->at[i] = 0;
        map->room = room;
    }
    return &map->at[index];
}

/* ---- definitions ---- */

/* Processes keep their indices: those before it are defined, too. */
static uint32_t process_of(struct copy *copy, uint32_t index)
{
    if (index >= trace_processes(copy->reader))
        return 0;
    for (; copy->processes <= index; copy->processes++) {
        struct trace_process is = *trace_process(copy->reader, copy->processes);
        char *name = NULL;
        if (copy->choice->anonymise) {
            name = memory_format("process %u", copy->processes);
            is.command = name;
            is.pid = (int)copy->processes + 1;
        }
        trace_add_process(copy->writer, &is);
        free(name);
    }
    return index;
}

static uint32_t thread_of(struct copy *copy, uint32_t index)
{
    if (index >= trace_threads(copy->reader))
        return 0;
    uint32_t there = *map_at(&copy->threads, index);
    if (there)
        return there - 1;
    struct trace_thread is = *trace_thread(copy->reader, index);
    is.process = process_of(copy, is.process);
    char *name = NULL;
    if (copy->choice->anonymise) {
        name = memory_format("thread %u", index);
        is.name = name;
        is.tid = (int)index + 1;
    }
    uint32_t made = trace_add_thread(copy->writer, &is);
    free(name);
    *map_at(&copy->threads, index) = made + 1;
    return made;
}

static uint32_t module_of(struct copy *copy, uint32_t index)
{
    uint32_t there = *map_at(&copy->modules, index);
    if (there)
        return there - 1;
    struct trace_module is = *trace_module(copy->reader, index);
    char *path = NULL, *build_id = NULL;
    if (copy->choice->anonymise) {
        path = memory_format("module %u", index);
        build_id = memory_format("%040x", index);
        is.path = path;
        is.build_id = *is.build_id ? build_id : "";
    }
    uint32_t made = trace_add_module(copy->writer, &is);
    free(path);
    free(build_id);
    *map_at(&copy->modules, index) = made + 1;
    return made;
}

static uint32_t define_node(struct copy *copy, uint32_t index, uint32_t parent)
{
    struct trace_node is = trace_node(copy->reader, index);
    uint32_t module = is.module;

    is.parent = parent;
    is.module = module_of(copy, module);
    if (copy->choice->anonymise)
        is.offset = numbering_of(&copy->offsets, is.offset, module) + 1;
    uint32_t made = trace_add_node(copy->writer, &is);
    *map_at(&copy->nodes, index) = made + 1;
    return made;
}

/* Those who call are defined first. Stacks may be deep: no recursion. */
static uint32_t node_of(struct copy *copy, uint32_t index)
{
    size_t depth = 0;
    uint32_t at = index, made;

    for (; at && !*map_at(&copy->nodes, at); at = trace_node(copy->reader, at).parent) {
        if (depth == copy->path_room) {
            copy->path_room = depth ? depth * 2 : 64;
            copy->path = memory_resize(copy->path, copy->path_room, sizeof *copy->path);
        }
        copy->path[depth++] = at;
    }
    made = at ? *map_at(&copy->nodes, at) - 1 : 0;
    while (depth > 0)
        made = define_node(copy, copy->path[--depth], made);
    return made;
}

/* All that the original has defined so far. */
static void define_all(struct copy *copy)
{
    if (copy->processes < trace_processes(copy->reader))
        process_of(copy, trace_processes(copy->reader) - 1);
    while (copy->all_threads < trace_threads(copy->reader))
        thread_of(copy, copy->all_threads++);
    while (copy->all_modules < trace_modules(copy->reader))
        module_of(copy, copy->all_modules++);
    while (copy->all_nodes < trace_nodes(copy->reader))
        node_of(copy, copy->all_nodes++);
}

/* ---- events ---- */

static uint64_t address_of(struct copy *copy, uint64_t ptr)
{
    if (!copy->choice->anonymise || !ptr)
        return ptr;
    uint64_t region = numbering_of(&copy->regions, ptr >> REGION_BITS, 0) + FIRST_REGION;
    return region << REGION_BITS | (ptr & ((1 << REGION_BITS) - 1));
}

static void put(struct copy *copy, const struct trace_event *event)
{
    struct trace_event is = *event;

    if (!copy->is_part)
        define_all(copy);
    is.process = process_of(copy, event->process);
    is.thread = thread_of(copy, event->thread);
    is.stack = node_of(copy, event->stack);
    is.ptr = address_of(copy, event->ptr);
    is.old = address_of(copy, event->old);
    trace_write(copy->writer, &is);
}

static void carry(void *context, const struct live_block *block)
{
    struct copy *copy = context;
    copy->carried[copy->carried_count++] = *block;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct live_block *)a)->number, y = ((const struct live_block *)b)->number;
    return (x > y) - (x < y);
}

/* The part begins at that time: what is live now comes first. */
static void begin(struct copy *copy, uint64_t time)
{
    copy->has_begun = true;
    copy->carried = memory_take(copy->live.blocks, sizeof *copy->carried);
    live_visit(&copy->live, carry, copy);
    qsort(copy->carried, copy->carried_count, sizeof *copy->carried, by_number);
    for (size_t i = 0; i < copy->carried_count; i++) {
        const struct live_block *block = &copy->carried[i];
        put(copy, &(struct trace_event){.op = TRACE_ALLOC,
                                        .number = block->number,
                                        .time = time,
                                        .process = block->process,
                                        .thread = block->thread,
                                        .stack = block->stack,
                                        .ptr = block->ptr,
                                        .size = block->size,
                                        .align = block->align});
    }
    free(copy->carried);
    live_fini(&copy->live);
}

static bool is_before(const struct copy_choice *choice, const struct trace_event *event)
{
    return event->number < choice->from || event->time < choice->from_time;
}

/* Times are not quite in the order of the numbers: reading goes on, to find damage, too. */
static bool is_after(const struct copy_choice *choice, const struct trace_event *event)
{
    return event->number > choice->to || event->time >= choice->to_time;
}

static void copy_events(struct copy *copy, struct copy_result *result)
{
    const struct copy_choice *choice = copy->choice;
    struct progress progress;
    struct trace_event event;

    progress_begin(&progress, "the trace");
    while (!trace_error(copy->writer) && trace_next(copy->reader, &event)) {
        if (progress_due(&progress))
            progress_show(&progress, trace_progress(copy->reader));
        if (choice->one_process && event.process != choice->process)
            continue;
        if (copy->is_part && !copy->has_begun) {
            if (is_before(choice, &event)) {
                live_apply(&copy->live, &event, NULL, NULL);
                continue;
            }
            begin(copy, event.time);
        }
        if (is_after(choice, &event))
            continue;
        put(copy, &event);
        result->kept++;
    }
    progress_end(&progress);
}

bool copy_trace(struct trace_reader *reader, const struct copy_choice *choice, FILE *to,
                struct copy_result *result)
{
    struct copy copy = {
        .reader = reader, .choice = choice, .is_part = copy_is_part(choice), .all_nodes = 1};
    struct trace_info info = *trace_info(reader);

    if (choice->anonymise) {
        info.command = "program";
        info.began = 0;
    }
    *result = (struct copy_result){.kept = 0};
    live_init(&copy.live);
    copy.writer = trace_writer_create(to, choice->form, &info);
    copy_events(&copy, result);
    if (!copy.is_part)
        define_all(&copy);
    result->carried = copy.carried_count;
    live_fini(&copy.live);
    numbering_fini(&copy.regions);
    numbering_fini(&copy.offsets);
    free(copy.path);
    free(copy.threads.at);
    free(copy.modules.at);
    free(copy.nodes.at);
    return trace_finish(copy.writer);
}
