/* SPDX-License-Identifier: MIT */
/* The frames of stacks, each once: see frames.h. */
#include "export/frames.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "own_memory.h"

static const char unknown[] = "[unknown]";

static uint32_t frame_number(struct frames *frames, const char *function, const char *file,
                             unsigned line)
{
    char *label = file && line ? memory_format("%s (%s:%u)", function, file, line)
                  : file       ? memory_format("%s (%s)", function, file)
                               : memory_copy(function);
    uint32_t number = names_number(&frames->names, label);

    free(label);
    if (number >= frames->room) {
        frames->room = frames->room ? frames->room * 2 : 256;
        frames->frames = memory_resize(frames->frames, frames->room, sizeof *frames->frames);
    }
    if (number + (size_t)1 == frames->names.count)
        frames->frames[number] = (struct frame){function, file, line};
    return number;
}

void frames_init(struct frames *frames, const struct profile *profile, struct symbols *symbols)
{
    *frames = (struct frames){.reader = profile->reader, .symbols = symbols};
    frames->nodes = memory_take(trace_nodes(profile->reader), sizeof *frames->nodes);
    frame_number(frames, unknown, NULL, 0);
}

void frames_fini(struct frames *frames)
{
    names_fini(&frames->names);
    free(frames->frames);
    free(frames->nodes);
    free(frames->calls);
    free(frames->stack);
}

const uint32_t *frames_of_node(struct frames *frames, uint32_t node, size_t *count)
{
    if (!frames->nodes[node]) {
        const struct symbol *symbol = symbols_of(frames->symbols, node);
        size_t needed = frames->call_count + symbol->count + 1;
        if (needed > frames->call_room) {
            frames->call_room = needed * 2;
            frames->calls = memory_resize(frames->calls, frames->call_room, sizeof *frames->calls);
        }
        frames->nodes[node] = (uint32_t)frames->call_count + 1;
        frames->calls[frames->call_count++] = (uint32_t)symbol->count;
        for (size_t i = 0; i < symbol->count; i++)
            frames->calls[frames->call_count++] = frame_number(
                frames, symbol->calls[i].function, symbol->calls[i].file, symbol->calls[i].line);
    }
    const uint32_t *calls = &frames->calls[frames->nodes[node] - 1];
    *count = calls[0];
    return calls + 1;
}

static void push(struct frames *frames, size_t count, uint32_t frame)
{
    if (count == frames->stack_room) {
        frames->stack_room = count ? count * 2 : 64;
        frames->stack = memory_resize(frames->stack, frames->stack_room, sizeof *frames->stack);
    }
    frames->stack[count] = frame;
}

size_t frames_of(struct frames *frames, uint32_t node)
{
    size_t count = 0, calls;

    for (; node; node = trace_node(frames->reader, node).parent) {
        const uint32_t *numbers = frames_of_node(frames, node, &calls);
        for (size_t i = 0; i < calls; i++)
            push(frames, count++, numbers[i]);
    }
    if (count == 0)
        push(frames, count++, 0);
    return count;
}

uint64_t frames_address(uint32_t module, uint64_t offset)
{
    enum { SPAN_BITS = 43 }; /* of a module */

    return (((uint64_t)module + 1) << SPAN_BITS) + (offset & ((UINT64_C(1) << SPAN_BITS) - 1));
}

const char *frames_label(const struct frames *frames, uint32_t frame)
{
    return frames->names.texts[frame];
}

void export_json_text(FILE *to, const char *text)
{
    json_t *string = json_from_text(text);
    json_dumpf(string, to, JSON_ENCODE_ANY);
    json_decref(string);
}

const char *export_command(const struct profile *profile)
{
    const char *command = trace_info(profile->reader)->command;
    const char *own = trace_process(profile->reader, profile->process)->command;

    if (!*command || (profile->one_process && *own))
        command = own;
    return *command ? command : "program";
}
