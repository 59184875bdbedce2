/* SPDX-License-Identifier: MIT */
/*
 * The arena's chunks: from the source, in use, kept, and back. Chunks are taken for two purposes,
 * to be cut into blocks or for one large block; what was kept for one serves the other before the
 * source is asked. When the source refuses a chunk of the usual size it is asked for no more than is
 * needed, and when it refuses that, or the limit does, once more after all that was kept went back.
 *
 * What the arena keeps to be cut is taken first fit, so that a round that asks as the one before did
 * finds the same chunks in the same order; for large blocks the best fit.
 */
#include "kit/arena.h"

static arena_chunk *from_source(cairn_arena *arena, size_t size)
{
    if (arena->limit != 0 && size > arena->limit - arena->reserved)
        return NULL;
    arena_chunk *taken = cairn_allocator_alloc(arena->source, cairn__layout(size, CHUNK_ALIGN));
    if (taken == NULL)
        return NULL;
    taken->size = size;
    arena->reserved += size;
    arena->chunks++;
    if (arena->watched)
        cairn__show_unused(chunk_first(taken), size - HEADER_SIZE);
    return taken;
}

static void to_source(cairn_arena *arena, arena_chunk *chunk)
{
    size_t size = chunk->size;
    arena->reserved -= size;
    arena->chunks--;
    if (arena->watched)
        cairn__show_usable(chunk, size);
    cairn_allocator_dealloc(arena->source, chunk, cairn__layout(size, CHUNK_ALIGN));
}

/* Takes out of a list the first chunk that has room, or, if best, the smallest such. */
static arena_chunk *from_list(cairn_arena *arena, arena_chunk **list, size_t need, bool best)
{
    arena_chunk **found = NULL;
    for (arena_chunk **at = list; *at != NULL; at = &(*at)->older) {
        if ((*at)->size - CHUNK_EXTRA < need || (found != NULL && (*at)->size >= (*found)->size))
            continue;
        found = at;
        if (!best)
            break;
    }
    if (found == NULL)
        return NULL;
    arena_chunk *taken = *found;
    *found = taken->older;
    arena->kept_bytes -= taken->size;
    return taken;
}

/* Of a chunk with `need` bytes for blocks. Cannot wrap: need is hardly more than PTRDIFF_MAX. */
static size_t source_size(size_t need)
{
    return round_up(need + CHUNK_EXTRA, CHUNK_ALIGN);
}

/* Of the usual size, less if that is all that the limit leaves, or as small as it can be. */
static arena_chunk *usual_from_source(cairn_arena *arena, size_t need)
{
    size_t least = source_size(need);
    size_t usual = arena->next_chunk;
    if (arena->limit != 0)
        usual = size_min(usual, round_down(arena->limit - arena->reserved, CHUNK_ALIGN));
    arena_chunk *taken = from_source(arena, size_max(usual, least));
    if (taken == NULL && usual > least)
        return from_source(arena, least);
    if (taken != NULL)
        arena->next_chunk = size_min(arena->next_chunk * 2, arena->max_chunk);
    return taken;
}

/* The only chunk left has no blocks: it is in use all the same, until it should be given back. */
static bool first_is_empty(const cairn_arena *arena)
{
    return arena->chunk != NULL && arena_is_at_start(arena);
}

/*
 * Gives back all chunks without blocks, for the sake of one of `size` bytes that takes the place of
 * one of `less` bytes. False: that would not bring it under the limit, or there were none.
 */
static bool make_room(cairn_arena *arena, size_t size, size_t less)
{
    size_t stays = arena->reserved - arena->kept_bytes - less;
    if (first_is_empty(arena))
        stays -= arena->chunk->size;
    size_t limit = arena->limit != 0 ? arena->limit : (size_t)PTRDIFF_MAX;
    return stays <= limit && size <= limit - stays && cairn_arena_trim(arena, 0) != 0;
}

/* The last resort. */
static arena_chunk *from_source_after_trim(cairn_arena *arena, size_t need)
{
    size_t size = source_size(need);
    return make_room(arena, size, 0) ? from_source(arena, size) : NULL;
}

bool cairn__arena_enter(cairn_arena *arena, size_t need)
{
    arena_chunk *taken = from_list(arena, &arena->kept, need, false);
    if (taken == NULL)
        taken = from_list(arena, &arena->kept_large, need, true);
    if (taken == NULL)
        taken = usual_from_source(arena, need);
    if (taken == NULL)
        taken = from_source_after_trim(arena, need);
    if (taken == NULL)
        return false;
    if (arena->chunk != NULL)
        cairn__arena_leave(arena, arena->chunk, arena_cursor(arena));
    taken->birth = ++arena->clock;
    taken->older = arena->chunk;
    arena->chunk = taken;
    arena_set_cursor(arena, chunk_first(taken));
    return true;
}

arena_chunk *cairn__arena_enter_large(cairn_arena *arena, size_t need)
{
    arena_chunk *taken = from_list(arena, &arena->kept_large, need, true);
    if (taken == NULL)
        taken = from_source(arena, source_size(need));
    if (taken == NULL)
        taken = from_list(arena, &arena->kept, need, true);
    if (taken == NULL)
        taken = from_source_after_trim(arena, need);
    if (taken == NULL)
        return NULL;
    taken->birth = ++arena->clock;
    taken->older = arena->large;
    arena->large = taken;
    return taken;
}

arena_chunk *cairn__arena_resize_large(cairn_arena *arena, size_t need)
{
    size_t size = arena->large->size;
    size_t new_size = source_size(need);
    bool exceeds = arena->limit != 0 && new_size > arena->limit - (arena->reserved - size);
    if (exceeds && !make_room(arena, new_size, size))
        return NULL;
    arena_chunk *large = cairn_allocator_realloc(arena->source, arena->large,
                                                 cairn__layout(size, CHUNK_ALIGN), new_size);
    if (large == NULL)
        return NULL;
    large->size = new_size;
    arena->large = large;
    arena->reserved += new_size - size;
    return large;
}

void cairn__arena_leave(cairn_arena *arena, arena_chunk *chunk, char *left)
{
    chunk->left = left;
    arena->used_before += (size_t)(left - chunk_first(chunk));
    arena->wasted += (size_t)(chunk_end(chunk) - left);
}

void cairn__arena_unleave(cairn_arena *arena, arena_chunk *chunk)
{
    arena->used_before -= (size_t)(chunk->left - chunk_first(chunk));
    arena->wasted -= (size_t)(chunk_end(chunk) - chunk->left);
}

static void keep(cairn_arena *arena, arena_chunk **list, arena_chunk *chunk)
{
    chunk->older = *list;
    *list = chunk;
    arena->kept_bytes += chunk->size;
    if (arena->watched)
        cairn__show_unused(chunk_first(chunk), chunk->size - HEADER_SIZE);
}

/* The one in use, whose blocks have ended. */
static void keep_current(cairn_arena *arena)
{
    arena_chunk *empty = arena->chunk;
    arena->chunk = empty->older;
    keep(arena, &arena->kept, empty);
    if (arena->chunk != NULL)
        cairn__arena_unleave(arena, arena->chunk);
    arena_set_cursor(arena, arena->chunk != NULL ? arena->chunk->left : NULL);
}

void cairn__arena_keep_large(cairn_arena *arena)
{
    arena_chunk *empty = arena->large;
    arena->large = empty->older;
    cairn__arena_unleave(arena, empty);
    keep(arena, &arena->kept_large, empty);
}

void cairn__arena_keep_since(cairn_arena *arena, uint64_t time)
{
    while (arena->large != NULL && arena->large->birth > time)
        cairn__arena_keep_large(arena);
    while (arena->chunk != NULL && arena->chunk->older != NULL && arena->chunk->birth > time)
        keep_current(arena);
}

/* ---- giving back ---- */

/* From the first on, what fits into *bytes stays and is taken off it. */
static void trim_list(cairn_arena *arena, arena_chunk **list, size_t *bytes)
{
    for (arena_chunk **at = list; *at != NULL;) {
        arena_chunk *chunk = *at;
        if (chunk->size <= *bytes) {
            *bytes -= chunk->size;
            at = &chunk->older;
            continue;
        }
        *at = chunk->older;
        arena->kept_bytes -= chunk->size;
        to_source(arena, chunk);
    }
}

CAIRN_EXPORT size_t cairn_arena_trim(cairn_arena *arena, size_t keep)
{
    size_t before = arena->reserved;
    if (arena->ending)
        return 0;
    if (first_is_empty(arena))
        keep_current(arena);
    trim_list(arena, &arena->kept, &keep);
    trim_list(arena, &arena->kept_large, &keep);
    if (arena->chunks == 0)
        arena->next_chunk = arena->first_chunk;
    return before - arena->reserved;
}

void cairn__arena_settle(cairn_arena *arena)
{
    if (arena->keep == 0)
        return;
    size_t empty = arena->kept_bytes + (first_is_empty(arena) ? arena->chunk->size : 0);
    if (empty > arena->keep)
        cairn_arena_trim(arena, arena->keep);
}

static void give_list(cairn_arena *arena, arena_chunk **list)
{
    while (*list != NULL) {
        arena_chunk *chunk = *list;
        *list = chunk->older;
        to_source(arena, chunk);
    }
}

void cairn__arena_give_all(cairn_arena *arena)
{
    give_list(arena, &arena->chunk);
    give_list(arena, &arena->large);
    give_list(arena, &arena->kept);
    give_list(arena, &arena->kept_large);
    arena->kept_bytes = arena->used_before = arena->wasted = 0;
    arena_set_cursor(arena, NULL);
}
