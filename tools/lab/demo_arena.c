/* SPDX-License-Identifier: MIT */
/* The demonstration of the arena: see demo.h. */
#define _GNU_SOURCE
#include "lab/demo.h"

#include <string.h>

#include "cairn/arena.h"
#include "cairn/arena_string.h"
#include "cairn/arena_vector.h"
#include "message.h"

enum { LIMIT = 8192, LINES = 12, SQUARES = 40 };

static bool fill_string(struct demo *demo, cairn_arena *arena)
{
    cairn_string string;

    cairn_string_init(&string, arena);
    for (int i = 1; i <= LINES; i++)
        if (!cairn_string_appendf(&string, "%s%d squared is %d", i > 1 ? ", " : "", i, i * i))
            return false;
    demo_show(demo, "a string that grew by twelve pieces, bytes", "%zu", string.length);
    demo_show(demo, "it ends with", "\"%s\"",
              cairn_string_text(&string) + string.length - strlen("12 squared is 144"));
    return true;
}

static bool fill_vector(struct demo *demo, cairn_arena *arena)
{
    cairn_vector vector;

    cairn_vector_init(&vector, arena, cairn_layout_of(int));
    for (int i = 0; i < SQUARES; i++) {
        int *element = cairn_vector_push(&vector, int);
        if (!element)
            return false;
        *element = i * i;
    }
    demo_show(demo, "a vector, elements and its last one", "%zu, %d", vector.count,
              *cairn_vector_at(&vector, int, SQUARES - 1));
    return true;
}

/* How many blocks of a size the arena gives until its limit. */
static int fill_up(cairn_arena *arena, size_t size)
{
    int blocks = 0;

    while (cairn_arena_alloc(arena, size, 16))
        blocks++;
    return blocks;
}

static void show_used(struct demo *demo, const char *what, const cairn_arena *arena)
{
    cairn_arena_stats stats = cairn_arena_stats_get(arena);
    demo_show(demo, what, "%zu bytes in use, %zu held", stats.used, stats.reserved);
}

static bool play(struct demo *demo, cairn_arena *arena)
{
    demo_say(demo, "An arena hands out blocks one behind the other and never takes a single one "
                   "back: all end together. That is what a request, a frame or a parse needs, and "
                   "it costs an addition a block. This one may have 8 KiB, and no more.");
    if (!fill_string(demo, arena) || !fill_vector(demo, arena))
        return false;
    show_used(demo, "after both", arena);
    fputc('\n', demo->to);

    demo_say(demo, "A mark remembers a place. What is allocated after it ends when the arena goes "
                   "back there, and what was before it stays.");
    cairn_mark mark = cairn_arena_mark(arena);
    demo_show(demo, "blocks of 100 bytes until the limit", "%d", fill_up(arena, 100));
    show_used(demo, "full", arena);
    void *beyond = cairn_arena_alloc(arena, 100, 16);
    demo_show(demo, "one more", "%s", beyond ? "a block (this should not be)" : "NULL");
    demo_show(demo, "back to the mark", "%s", cairn_arena_rewind(arena, mark) ? "done" : "refused");
    show_used(demo, "now", arena);
    demo_show(demo, "the same blocks again", "%d", fill_up(arena, 100));
    fputc('\n', demo->to);

    cairn_arena_reset(arena);
    demo_show(demo, "after a reset, the old mark", "%s",
              cairn_arena_rewind(arena, mark) ? "was taken (this should not be)" : "is refused");
    fputc('\n', demo->to);
    demo_say(demo, "Beyond the limit a request gets NULL, and nothing else has changed: the "
                   "program decides. A mark that is gone is noticed.");
    demo_say(demo, "next: cairn lab run --pattern cycles --allocator arena,heap   (what an arena "
                   "does not give back), and examples/arena.c");
    return true;
}

bool demo_arena(struct demo *demo)
{
    cairn_arena *arena = cairn_arena_create(
        &(cairn_arena_opts){.name = "demo", .limit = LIMIT, .first_chunk = 1024});

    bool good = arena && play(demo, arena);
    if (!good)
        message("lab: the arena had no memory");
    cairn_arena_destroy(arena);
    return good;
}
