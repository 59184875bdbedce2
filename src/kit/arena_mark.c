/* SPDX-License-Identifier: MIT */
/*
 * The arena's marks (cairn/arena.h). A mark is a serial number; the place it stands for is a note in
 * the arena's own memory, behind everything that was there before, so that nothing from before the
 * mark is the last block any more. The notes of live marks are a list from the latest to the oldest,
 * which ends at `start`, the place of an empty arena. A mark is live if and only if its number
 * belongs to a note in that list; a rewind drops the notes that it passes. So a mark that is gone is
 * found out without a look at memory that may be gone, too, and a rewind walks only over what it
 * ends.
 *
 * Marks made with nothing in between are one mark. A note for a mark never needs memory that is not
 * there: each chunk has room for one at its end, and either the cursor has moved since the last
 * note, so that this room is free, or a large chunk came, whose room it is. What remains is a child
 * that came: if no other room can be had, the note is given the new number besides its old one.
 */
#include "kit/arena.h"

static bool is_at(const cairn_arena *arena, const arena_note *place)
{
    return place->cursor == NULL ? arena_is_at_start(arena) : place->cursor == arena_cursor(arena);
}

static bool has_large_since(const cairn_arena *arena, uint64_t serial)
{
    return arena->large != NULL && arena->large->birth > serial;
}

static bool has_child_since(const cairn_arena *arena, uint64_t serial)
{
    return arena->child != NULL && arena->child->birth > serial;
}

/* Whether the room at the end of the chunk in use has a note, which has left it full. */
static bool tail_is_taken(const cairn_arena *arena)
{
    const arena_note *place = arena->mark;
    while (place != NULL && place != chunk_tail(arena->chunk) && is_at(arena, place))
        place = place->older;
    return place == chunk_tail(arena->chunk);
}

/* Room for a note behind the last block, or at the chunk's end, which then is full. NULL: there is
 * none, and no other chunk. */
static arena_note *room_in_chunk(cairn_arena *arena)
{
    bool is_full = arena->chunk == NULL || tail_is_taken(arena);
    if (is_full && !cairn__arena_enter(arena, sizeof(arena_note)))
        return NULL;
    char *end = chunk_end(arena->chunk);
    char *cursor = arena_cursor(arena);
    char *at = cursor + (-(uintptr_t)cursor & (_Alignof(arena_note) - 1));
    bool fits = at <= end && sizeof(arena_note) <= (size_t)(end - at);
    arena_set_cursor(arena, fits ? at + sizeof(arena_note) : end);
    return fits ? (arena_note *)at : chunk_tail(arena->chunk);
}

CAIRN_EXPORT cairn_mark cairn_arena_mark(cairn_arena *arena)
{
    arena_note *latest = arena->mark;
    if (arena->ending || latest == NULL)
        return (cairn_mark){NULL, 0};
    bool stays = is_at(arena, latest);
    bool has_large = stays && has_large_since(arena, latest->last);
    if (stays && !has_large && !has_child_since(arena, latest->last))
        return (cairn_mark){arena, latest->last};
    arena_note *place = has_large ? chunk_tail(arena->large) : room_in_chunk(arena);
    uint64_t serial = ++arena->clock;
    if (place == NULL) {
        latest->last = serial;
        return (cairn_mark){arena, serial};
    }
    if (arena->watched)
        cairn__show_usable(place, sizeof *place);
    *place = (arena_note){
        .older = latest,
        .cursor = arena_is_at_start(arena) ? NULL : arena_cursor(arena),
        .cleanups = arena->cleanups,
        .blocks = arena->blocks,
        .first = serial,
        .last = serial,
    };
    arena->mark = place;
    return (cairn_mark){arena, serial};
}

/* Of a live mark; NULL: it is gone. */
static arena_note *place_of(const cairn_arena *arena, uint64_t serial)
{
    arena_note *place = arena->mark;
    while (place != NULL && place->first > serial)
        place = place->older;
    return place != NULL && serial <= place->last ? place : NULL;
}

/* Makes a place the latest, with what is in front of it and nothing else. */
static void go_to(cairn_arena *arena, arena_note *place, uint64_t time)
{
    arena_note_peak(arena);
    cairn__arena_end_blocks(arena, place->blocks);
    char *from = arena_cursor(arena);
    const arena_chunk *before = arena->chunk;
    cairn__arena_keep_since(arena, time);
    char *cursor = place->cursor;
    if (cursor == NULL && arena->chunk != NULL)
        cursor = chunk_first(arena->chunk);
    if (arena->watched && arena->chunk != NULL) {
        if (arena->chunk != before)
            from = arena->chunk->left;
        cairn__show_unused(cursor, (size_t)(from - cursor));
    }
    arena->mark = place;
    arena_set_cursor(arena, cursor);
}

CAIRN_EXPORT bool cairn_arena_rewind(cairn_arena *arena, cairn_mark mark)
{
    if (mark.arena != arena || arena->ending)
        return false;
    arena_note *place = place_of(arena, mark.serial);
    if (place == NULL)
        return false;
    arena_set_ending(arena, true);
    cairn__arena_end_children(arena, mark.serial);
    cairn__arena_call_cleanups(arena, place->cleanups);
    arena->ending = false;
    go_to(arena, place, mark.serial);
    place->last = mark.serial;
    arena->rewinds++;
    cairn__arena_settle(arena);
    return true;
}

void cairn__arena_restart(cairn_arena *arena)
{
    arena->start = (arena_note){.first = ++arena->clock};
    arena->start.last = arena->start.first;
    go_to(arena, &arena->start, 0);
}
