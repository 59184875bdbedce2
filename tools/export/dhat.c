/* SPDX-License-Identifier: MIT */
/*
 * DHAT's JSON, version 2, as dh_view.html reads it: a program point for each stack, with totals, its
 * own peak, what it had at the peak of the whole and at the end; no reads and writes ("bkacc" is
 * false). Blocks that were not freed have lived until the end, as DHAT has it. How many blocks a stack had at its own peak is not known, nor how many bytes several that
 * look the same had together; what is written for that is the most that is known to have been.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "export/formats.h"
#include "own_memory.h"
#include "trace/column.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t microseconds(double seconds)
{
    return seconds > 0 ? (uint64_t)(seconds * 1e6) : 0;
}

/* The frames of a stack as DHAT numbers them: 0 is its root. */
static void take_frames(struct frames *frames, uint32_t node, struct column *text)
{
    size_t count = frames_of(frames, node);
    char number[16];

    text->used = 0;
    for (size_t i = 0; i < count; i++) {
        int length = snprintf(number, sizeof number, "%s%" PRIu32, i ? "," : "",
                              frames->stack[i] + 1);
        for (int j = 0; j < length; j++)
            column_byte(text, (unsigned char)number[j]);
    }
    column_byte(text, 0);
}

static void add(struct profile_sums *point, const struct profile_sums *sums)
{
    point->bytes += sums->bytes;
    point->blocks += sums->blocks;
    point->lifetime += sums->lifetime;
    point->lasted += sums->lasted;
    point->peak_bytes += sums->peak_bytes;
    point->peak_blocks += sums->peak_blocks;
    point->live_bytes += sums->live_bytes;
    point->live_blocks += sums->live_blocks;
    point->own_peak_bytes = larger(point->own_peak_bytes, sums->own_peak_bytes);
}

static void put_point(const struct profile_sums *point, const char *frames, FILE *to)
{
    fprintf(to,
            "{\"tb\":%" PRIu64 ",\"tbk\":%" PRIu64 ",\"tl\":%" PRIu64 ",\"mb\":%" PRIu64
            ",\"mbk\":%" PRIu64 ",\"gb\":%" PRIu64 ",\"gbk\":%" PRIu64 ",\"eb\":%" PRIu64
            ",\"ebk\":%" PRIu64 ",\"fs\":[%s]}",
            point->bytes, point->blocks, (point->lifetime + point->lasted) / 1000,
            larger(point->own_peak_bytes, larger(point->peak_bytes, point->live_bytes)),
            larger(point->peak_blocks, point->live_blocks), point->peak_bytes, point->peak_blocks,
            point->live_bytes, point->live_blocks, frames);
}

/* Stacks that look the same are one point: dh_view refuses a list of frames that comes twice. */
static void put_points(const struct profile *profile, struct frames *frames, FILE *to)
{
    struct names lists = {.count = 0};
    struct profile_sums *points = NULL;
    struct column text = {.bytes = NULL};
    size_t room = 0;

    for (uint32_t node = 0; node < trace_nodes(profile->reader); node++) {
        if (!profile->stacks[node].blocks)
            continue;
        take_frames(frames, node, &text);
        size_t before = lists.count;
        uint32_t number = names_number(&lists, (char *)text.bytes);
        if (number >= room) {
            room = room ? room * 2 : 256;
            points = memory_resize(points, room, sizeof *points);
        }
        if (lists.count > before)
            points[number] = (struct profile_sums){.blocks = 0};
        add(&points[number], &profile->stacks[node]);
    }
    for (size_t i = 0; i < lists.count; i++) {
        fputs(i ? ",\n" : "", to);
        put_point(&points[i], lists.texts[i], to);
    }
    names_fini(&lists);
    free(points);
    free(text.bytes);
}

void export_dhat(const struct profile *profile, struct frames *frames, FILE *to)
{
    fputs("{\"dhatFileVersion\":2,\"mode\":\"heap\",\"verb\":\"Allocated\",\n"
          "\"bklt\":true,\"bkacc\":false,\n"
          "\"tu\":\"\\u00b5s\",\"Mtu\":\"s\",\"tuth\":10,\n\"cmd\":",
          to);
    export_json_text(to, export_command(profile));
    fprintf(to, ",\"pid\":%d,\"tg\":%" PRIu64 ",\"te\":%" PRIu64 ",\n\"pps\":[",
            trace_process(profile->reader, profile->process)->pid,
            microseconds(profile->peak_seconds), microseconds(profile->seconds));
    put_points(profile, frames, to);
    fputs("],\n\"ftbl\":[\"[root]\"", to);
    for (size_t i = 0; i < frames->names.count; i++) {
        fputs(",\n", to);
        export_json_text(to, frames_label(frames, (uint32_t)i));
    }
    fputs("]}\n", to);
}
