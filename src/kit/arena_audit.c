/* SPDX-License-Identifier: MIT */
/* The arena's figures, its walk, and its audit: the equations of kit/arena.h, for a whole tree. */
#include "kit/arena.h"

CAIRN_EXPORT cairn_arena_stats cairn_arena_stats_get(const cairn_arena *arena)
{
    size_t used = arena_used(arena);
    const arena_chunk *current = arena->chunk;
    return (cairn_arena_stats){
        .name = arena->name,
        .used = used,
        .peak = size_max(used, arena->peak),
        .reserved = arena->reserved,
        .kept = arena->kept_bytes,
        .wasted = arena->wasted,
        .room = current != NULL ? (size_t)(chunk_end(current) - arena_cursor(arena)) : 0,
        .chunks = arena->chunks,
        .resets = arena->resets,
        .rewinds = arena->rewinds,
    };
}

/* ---- visiting ---- */

static bool visit_used(const arena_chunk *chunk, char *left, cairn_visitor *visitor, void *context)
{
    size_t used = (size_t)(left - chunk_first(chunk));
    size_t room = (size_t)(chunk_end(chunk) - left);
    return (used == 0 || visitor(context, chunk_first(chunk), used, true)) &&
           (room == 0 || visitor(context, left, room, false));
}

CAIRN_EXPORT bool cairn_arena_visit(const cairn_arena *arena, cairn_visitor *visitor, void *context)
{
    for (const arena_chunk *at = arena->chunk; at != NULL; at = at->older) {
        char *left = at == arena->chunk ? arena_cursor(arena) : at->left;
        if (!visit_used(at, left, visitor, context))
            return false;
    }
    for (const arena_chunk *at = arena->large; at != NULL; at = at->older)
        if (!visit_used(at, at->left, visitor, context))
            return false;
    const arena_chunk *kept[] = {arena->kept, arena->kept_large};
    for (int i = 0; i < 2; i++)
        for (const arena_chunk *at = kept[i]; at != NULL; at = at->older)
            if (!visit_used(at, chunk_first(at), visitor, context))
                return false;
    return true;
}

/* ---- the audit ---- */

/* Sums over the lists, as arena.h has them. */
struct sums {
    size_t reserved, chunks, kept_bytes, used_before, wasted;
};

static const char *audit_list(const cairn_arena *arena, const arena_chunk *list, bool kept,
                              struct sums *sums)
{
    uint64_t time = arena->clock;
    for (const arena_chunk *at = list; at != NULL; at = at->older) {
        if (at->size < CHUNK_EXTRA || !is_aligned(at->size, CHUNK_ALIGN))
            return "arena: a chunk of a size that no chunk has";
        if (!is_aligned((uintptr_t)at, CHUNK_ALIGN))
            return "arena: a chunk that is not aligned";
        if (++sums->chunks > arena->chunks)
            return "arena: more chunks in the lists than were taken";
        sums->reserved += at->size;
        if (kept) {
            sums->kept_bytes += at->size;
            continue;
        }
        if (at->birth > time || (at != list && at->birth == time))
            return "arena: chunks out of order";
        time = at->birth;
        if (at == arena->chunk)
            continue;
        if (at->left < chunk_first(at) || at->left > chunk_end(at))
            return "arena: a chunk that was left outside itself";
        sums->used_before += (size_t)(at->left - chunk_first(at));
        sums->wasted += (size_t)(chunk_end(at) - at->left);
    }
    return NULL;
}

static const char *audit_chunks(const cairn_arena *arena)
{
    const arena_chunk *lists[] = {arena->chunk, arena->large, arena->kept, arena->kept_large};
    struct sums sums = {0, 0, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        const char *wrong = audit_list(arena, lists[i], i >= 2, &sums);
        if (wrong != NULL)
            return wrong;
    }
    if (sums.reserved != arena->reserved || sums.chunks != arena->chunks)
        return "arena: the lists do not add up to what was taken from the source";
    if (sums.kept_bytes != arena->kept_bytes)
        return "arena: the kept chunks do not add up";
    if (sums.used_before != arena->used_before || sums.wasted != arena->wasted)
        return "arena: the chunks that were left do not add up";
    if (arena->limit != 0 && arena->reserved > arena->limit)
        return "arena: more is taken than the limit allows";
    return NULL;
}

static const char *audit_cursor(const cairn_arena *arena)
{
    const arena_chunk *chunk = arena->chunk;
    const char *cursor = arena_cursor(arena);
    bool is_inline = chunk != NULL && !arena->watched && !arena->ending;
    if ((arena->end != NULL) != is_inline)
        return "arena: the inline path is open where it must not be, or the opposite";
    if (arena->end == NULL && arena->next != NULL)
        return "arena: an inline path without an end";
    if (chunk == NULL)
        return cursor == NULL ? NULL : "arena: a cursor without a chunk";
    if (cursor < chunk_first(chunk) || cursor > chunk_end(chunk))
        return "arena: the cursor is outside the chunk";
    if (is_inline && arena->end != chunk_end(chunk))
        return "arena: the inline path does not end where the chunk does";
    return NULL;
}

/* Whether memory is in use: below where blocks end in a chunk, or its tail. */
static bool is_in_use(const cairn_arena *arena, const void *ptr, size_t size)
{
    const char *start = ptr;
    const arena_chunk *lists[] = {arena->chunk, arena->large};
    for (int i = 0; i < 2; i++)
        for (const arena_chunk *at = lists[i]; at != NULL; at = at->older) {
            const char *left = at == arena->chunk ? arena_cursor(arena) : at->left;
            if ((start >= chunk_first(at) && start + size <= left) || start == chunk_end(at))
                return true;
        }
    return false;
}

static const char *audit_marks(const cairn_arena *arena)
{
    uint64_t time = arena->clock;
    for (const arena_note *place = arena->mark; place != &arena->start; place = place->older) {
        if (place == NULL)
            return "arena: the marks do not lead to the start";
        if (!is_in_use(arena, place, sizeof *place))
            return "arena: a mark in memory that is not in use";
        if (place->first > place->last || place->last > time)
            return "arena: marks out of order";
        time = place->first - 1;
    }
    if (arena->start.older != NULL || arena->start.first > arena->start.last ||
        arena->start.last > time)
        return "arena: the start is not the oldest mark";
    for (const struct cairn__arena_cleanup *at = arena->cleanups; at != NULL; at = at->older)
        if (!is_in_use(arena, at, sizeof *at))
            return "arena: a cleanup in memory that is not in use";
    return NULL;
}

static const char *audit_children(const cairn_arena *arena)
{
    uint64_t time = arena->clock;
    const cairn_arena *younger = NULL;
    for (const cairn_arena *at = arena->child; at != NULL; at = at->older) {
        if (at->parent != arena || at->younger != younger)
            return "arena: a child that is not its parent's";
        if (at->birth > time || (younger != NULL && at->birth == time))
            return "arena: children out of order";
        time = at->birth;
        younger = at;
    }
    return NULL;
}

static const char *audit_one(const cairn_arena *arena)
{
    if (arena->source.ops == NULL)
        return arena->chunks == 0 ? NULL : "arena: chunks without a source";
    const char *wrong = audit_chunks(arena);
    if (wrong == NULL)
        wrong = audit_cursor(arena);
    if (wrong == NULL)
        wrong = audit_marks(arena);
    return wrong != NULL ? wrong : audit_children(arena);
}

CAIRN_EXPORT const char *cairn_arena_audit(const cairn_arena *arena)
{
    for (const cairn_arena *at = arena; at != NULL; at = cairn_arena_tree_next(arena, at)) {
        const char *wrong = audit_one(at);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}
