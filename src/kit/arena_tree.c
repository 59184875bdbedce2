/* SPDX-License-Identifier: MIT */
/*
 * The life of arenas (cairn/arena.h): their beginning and end, and what ends with them
 * (cairn/arena_tree.h). A parent has its children in a list from the latest to the oldest, ordered
 * by birth, a time of the parent's clock.
 *
 * Walks over a tree are loops that go down to the latest leaf and up again. On its way down a walk
 * closes each arena, so that no cleanup can change what the walk stands on: those below it may be
 * destroyed or moved by a cleanup, those it will come back to cannot.
 */
#include "kit/arena.h"

#ifndef CAIRN_FREESTANDING
#include "cairn/system.h"
#endif

enum { FIRST_CHUNK = 4096, GROWTH = 256 };

cairn_allocator cairn__arena_default_source(void)
{
#ifdef CAIRN_FREESTANDING
    return (cairn_allocator){NULL, NULL};
#else
    return cairn_system();
#endif
}

/* ---- families ---- */

static void link_to(cairn_arena *arena, cairn_arena *parent)
{
    arena->parent = parent;
    if (parent == NULL)
        return;
    arena->birth = ++parent->clock;
    arena->older = parent->child;
    if (arena->older != NULL)
        arena->older->younger = arena;
    parent->child = arena;
}

static void unlink_from_parent(cairn_arena *arena)
{
    if (arena->younger != NULL)
        arena->younger->older = arena->older;
    else if (arena->parent != NULL)
        arena->parent->child = arena->older;
    if (arena->older != NULL)
        arena->older->younger = arena->younger;
    arena->parent = arena->older = arena->younger = NULL;
}

CAIRN_EXPORT bool cairn_arena_set_parent(cairn_arena *arena, cairn_arena *parent)
{
    if (arena->ending || (parent != NULL && parent->ending))
        return false;
    for (const cairn_arena *above = parent; above != NULL; above = above->parent)
        if (above == arena)
            return false;
    unlink_from_parent(arena);
    link_to(arena, parent);
    return true;
}

CAIRN_EXPORT cairn_arena *cairn_arena_parent(const cairn_arena *arena)
{
    return arena->parent;
}

CAIRN_EXPORT cairn_arena *cairn_arena_tree_next(const cairn_arena *root, const cairn_arena *arena)
{
    if (arena == NULL)
        return (cairn_arena *)root;
    if (arena->child != NULL)
        return arena->child;
    while (arena != root && arena->older == NULL)
        arena = arena->parent;
    return arena != root ? arena->older : NULL;
}

/* ---- cleanups ---- */

CAIRN_EXPORT bool cairn_arena_add_cleanup(cairn_arena *arena, cairn_arena_cleanup *cleanup,
                                          void *argument)
{
    if (cleanup == NULL)
        return false;
    struct cairn__arena_cleanup *added = cairn_arena_alloc(arena, sizeof *added,
                                                           _Alignof(struct cairn__arena_cleanup));
    if (added == NULL)
        return false;
    *added = (struct cairn__arena_cleanup){arena->cleanups, cleanup, argument};
    arena->cleanups = added;
    return true;
}

CAIRN_EXPORT bool cairn_arena_remove_cleanup(cairn_arena *arena, cairn_arena_cleanup *cleanup,
                                             void *argument)
{
    struct cairn__arena_cleanup *at = arena->cleanups;
    while (at != NULL && (at->call != cleanup || at->argument != argument))
        at = at->older;
    if (at == NULL || cleanup == NULL)
        return false;
    at->call = NULL;
    return true;
}

void cairn__arena_call_cleanups(cairn_arena *arena, struct cairn__arena_cleanup *until)
{
    while (arena->cleanups != until) {
        struct cairn__arena_cleanup *cleanup = arena->cleanups;
        arena->cleanups = cleanup->older;
        if (cleanup->call != NULL)
            cleanup->call(cleanup->argument);
    }
}

/* ---- the beginning ---- */

static size_t chunk_size(size_t size, size_t standard)
{
    size = size != 0 ? size : standard;
    return round_down(size_min(size_max(size, CHUNK_SIZE_MIN), (size_t)PTRDIFF_MAX / 4),
                      CHUNK_ALIGN);
}

/* No source: none is to be had. */
static cairn_allocator source_for(const cairn_arena_opts *opts)
{
    if (opts->parent != NULL && opts->parent->ending)
        return (cairn_allocator){NULL, NULL};
    if (opts->source.ops != NULL)
        return opts->source;
    return opts->parent != NULL ? opts->parent->source : cairn__arena_default_source();
}

CAIRN_EXPORT bool cairn_arena_init(cairn_arena *arena, const cairn_arena_opts *opts)
{
    static const cairn_arena_opts defaults = {.name = NULL};
    if (opts == NULL)
        opts = &defaults;
    cairn_allocator source = source_for(opts);
    size_t first = chunk_size(opts->first_chunk, FIRST_CHUNK);
    size_t max = chunk_size(opts->max_chunk, first < SIZE_MAX / GROWTH ? first * GROWTH : first);
    *arena = (cairn_arena){
        .source = source,
        .name = opts->name != NULL ? opts->name : "arena",
        .limit = opts->limit,
        .keep = opts->keep,
        .first_chunk = first,
        .next_chunk = first,
        .max_chunk = max > first ? max : first,
    };
    if (source.ops == NULL)
        return false;
    arena->watched = cairn__is_watched();
    if (arena->watched)
        cairn__show_begin(arena);
    cairn__arena_restart(arena);
    link_to(arena, opts->parent);
    return true;
}

static const cairn_layout ARENA = {sizeof(cairn_arena), _Alignof(cairn_arena)};

CAIRN_EXPORT cairn_arena *cairn_arena_create(const cairn_arena_opts *opts)
{
    cairn_arena_opts given = opts != NULL ? *opts : (cairn_arena_opts){.name = NULL};
    given.source = source_for(&given);
    if (given.source.ops == NULL)
        return NULL;
    cairn_arena *arena = cairn_allocator_alloc(given.source, ARENA);
    if (arena == NULL)
        return NULL;
    cairn_arena_init(arena, &given);
    arena->created = true;
    return arena;
}

/* ---- the end ---- */

/* The latest leaf below an arena, which is closed, as is all on the way. */
static cairn_arena *close_down_to_leaf(cairn_arena *arena)
{
    arena_set_ending(arena, true);
    while (arena->child != NULL) {
        arena = arena->child;
        arena_set_ending(arena, true);
    }
    return arena;
}

/* A leaf, and closed. */
static void end_one(cairn_arena *arena)
{
    cairn__arena_call_cleanups(arena, NULL);
    cairn__arena_end_blocks(arena, NULL);
    cairn__arena_give_all(arena);
    unlink_from_parent(arena);
    if (arena->watched)
        cairn__show_end(arena);
    cairn_allocator source = arena->source;
    bool created = arena->created;
    *arena = (cairn_arena){.name = NULL};
    if (created)
        cairn_allocator_dealloc(source, arena, ARENA);
}

static void end_tree(cairn_arena *root)
{
    for (cairn_arena *arena = close_down_to_leaf(root);;) {
        cairn_arena *parent = arena->parent;
        bool was_root = arena == root;
        end_one(arena);
        if (was_root)
            return;
        arena = close_down_to_leaf(parent);
    }
}

void cairn__arena_end_children(cairn_arena *arena, uint64_t time)
{
    while (arena->child != NULL && arena->child->birth > time)
        end_tree(arena->child);
}

CAIRN_EXPORT void cairn_arena_fini(cairn_arena *arena)
{
    if (arena->source.ops != NULL && !arena->ending && !arena->created)
        end_tree(arena);
}

CAIRN_EXPORT void cairn_arena_destroy(cairn_arena *arena)
{
    if (arena != NULL && arena->created && !arena->ending)
        end_tree(arena);
}

/* A closed one whose children have been reset. */
static void reset_one(cairn_arena *arena)
{
    cairn__arena_call_cleanups(arena, NULL);
    arena->ending = false;
    cairn__arena_restart(arena);
    arena->resets++;
    cairn__arena_settle(arena);
}

CAIRN_EXPORT void cairn_arena_reset(cairn_arena *arena)
{
    if (arena->ending || arena->source.ops == NULL)
        return;
    cairn_arena *at = close_down_to_leaf(arena);
    while (at != arena) {
        reset_one(at);
        at = at->older != NULL ? close_down_to_leaf(at->older) : at->parent;
    }
    reset_one(arena);
}
