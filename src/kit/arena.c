/* SPDX-License-Identifier: MIT */
/*
 * The arena's blocks (cairn/arena.h): what the inline path leaves over. Not here: where chunks come
 * from (arena_chunk.c), marks (arena_mark.c), what else ends with an arena (arena_tree.c).
 *
 * A request that does not fit into the chunk in use gets a new chunk to go on with, and what was
 * left of the old one is lost until the next rewind; or it gets a chunk of its own, and nothing is
 * lost: when it is larger than a chunk, or more than a quarter of a chunk would be lost.
 *
 * When tools watch, each block is preceded by a record and followed by a gap; both are out of
 * bounds. The records are a list from the latest to the oldest block, which a rewind walks to show
 * where blocks have ended.
 */
#include "kit/arena.h"

#include "base/memory.h"

typedef struct cairn__arena_block record;

static record *record_of(const void *block)
{
    return (record *)block - 1;
}

/* ---- what tools see ---- */

static void begin_block(cairn_arena *arena, void *block, size_t size)
{
    record *made = record_of(block);
    cairn__show_usable(made, sizeof *made);
    *made = (record){arena->blocks, size};
    cairn__show_unused(made, sizeof *made);
    arena->blocks = made;
    cairn__show_alloc(arena, block, size);
}

/* In the same place. */
static void resize_block(cairn_arena *arena, void *block, size_t new_size)
{
    record *found = record_of(block);
    cairn__show_readable(found, sizeof *found);
    size_t kept = size_min(found->size, new_size);
    cairn__show_dealloc(arena, block, found->size);
    cairn__show_alloc(arena, block, new_size);
    cairn__show_readable(block, kept);
    found->size = new_size;
    cairn__show_unused(found, sizeof *found);
}

/* Returns the next older one. */
static record *end_block(cairn_arena *arena, record *ended)
{
    cairn__show_readable(ended, sizeof *ended);
    record *older = ended->older;
    if (ended->size != BLOCK_ENDED)
        cairn__show_dealloc(arena, ended + 1, ended->size);
    ended->size = BLOCK_ENDED;
    cairn__show_unused(ended, sizeof *ended);
    return older;
}

void cairn__arena_end_blocks(cairn_arena *arena, record *until)
{
    while (arena->blocks != until)
        arena->blocks = end_block(arena, arena->blocks);
}

/* ---- allocating ---- */

/* Cuts a block from between *cursor and end. NULL: it does not fit. */
static void *cut(cairn_arena *arena, char **cursor, const char *end, size_t size, size_t align)
{
    size_t lead = 0;
    if (arena->watched) {
        lead = sizeof(record);
        align = size_max(align, WATCHED_ALIGN);
    }
    size_t room = (size_t)(end - *cursor);
    size_t padding = -((uintptr_t)*cursor + lead) & (align - 1);
    size_t span = arena_span(arena, size);
    if (padding > room || lead > room - padding || span > room - padding - lead)
        return NULL;
    char *block = *cursor + padding + lead;
    *cursor = block + span;
    if (arena->watched)
        begin_block(arena, block, size);
    return block;
}

/* What a block takes at most at the start of a chunk. */
static size_t need_of(const cairn_arena *arena, size_t size, size_t align)
{
    size_t lead = arena->watched ? sizeof(record) : 0;
    return lead + arena_span(arena, size) + (align > CHUNK_ALIGN ? align - CHUNK_ALIGN : 0);
}

static void *cut_from_chunk(cairn_arena *arena, size_t size, size_t align)
{
    if (arena->chunk == NULL)
        return NULL;
    char *cursor = arena_cursor(arena);
    void *block = cut(arena, &cursor, chunk_end(arena->chunk), size, align);
    if (block != NULL)
        arena_set_cursor(arena, cursor);
    return block;
}

static void *alloc_large(cairn_arena *arena, size_t size, size_t align)
{
    arena_chunk *large = cairn__arena_enter_large(arena, need_of(arena, size, align));
    if (large == NULL)
        return NULL;
    char *cursor = chunk_first(large);
    void *block = cut(arena, &cursor, chunk_end(large), size, align);
    cairn__arena_leave(arena, large, cursor);
    return block;
}

static size_t room_of(const cairn_arena *arena)
{
    return arena->chunk == NULL ? 0 : (size_t)(chunk_end(arena->chunk) - arena_cursor(arena));
}

static bool exceeds_chunk(const cairn_arena *arena, size_t need)
{
    return need > arena->next_chunk - CHUNK_EXTRA;
}

CAIRN_EXPORT void *cairn_arena_alloc_slow(cairn_arena *arena, size_t size, size_t align)
{
    if (UNLIKELY(!cairn_layout_is_valid(cairn__layout(size, align))) || arena->ending ||
        arena->source.ops == NULL)
        return NULL;
    size = size_max(size, 1);
    void *block = cut_from_chunk(arena, size, align);
    if (block != NULL)
        return block;
    size_t need = need_of(arena, size, align);
    bool exceeds = exceeds_chunk(arena, need);
    if (exceeds || room_of(arena) > arena->next_chunk / 4)
        block = alloc_large(arena, size, align);
    if (block != NULL || exceeds)
        return block;
    return cairn__arena_enter(arena, need) ? cut_from_chunk(arena, size, align) : NULL;
}

CAIRN_EXPORT void *cairn_arena_alloc_zeroed(cairn_arena *arena, size_t size, size_t align)
{
    void *block = cairn_arena_alloc(arena, size, align);
    return block != NULL ? memset(block, 0, size) : NULL;
}

CAIRN_EXPORT bool cairn_arena_reserve(cairn_arena *arena, size_t size)
{
    if (size > (size_t)PTRDIFF_MAX || arena->ending || arena->source.ops == NULL)
        return false;
    return size <= room_of(arena) || cairn__arena_enter(arena, size);
}

/* ---- the latest block ---- */

static bool ends_at(const cairn_arena *arena, const void *block, size_t size, const char *end)
{
    return (uintptr_t)block + arena_span(arena, size) == (uintptr_t)end;
}

/* The last one in the chunk in use, with no mark since. A mark's place would lie behind it, but for
 * one in the tail of a chunk that the block has filled: that leaves the cursor where it was. */
static bool is_last(const cairn_arena *arena, const char *block, size_t size)
{
    return arena->chunk != NULL && !arena->ending && block >= chunk_first(arena->chunk) &&
           ends_at(arena, block, size, arena_cursor(arena)) &&
           arena->mark->cursor != arena_cursor(arena);
}

/* The large one that came last, with no mark since. */
static bool is_last_large(const cairn_arena *arena, const char *block, size_t size)
{
    const arena_chunk *large = arena->large;
    return large != NULL && !arena->ending && large->birth > arena->mark->last &&
           block >= chunk_first(large) && ends_at(arena, block, size, large->left);
}

/* False: the chunk has no room. */
static bool resize_last(cairn_arena *arena, char *block, size_t new_size)
{
    size_t span = arena_span(arena, new_size);
    if (span > (size_t)(chunk_end(arena->chunk) - block))
        return false;
    arena_note_peak(arena);
    arena_set_cursor(arena, block + span);
    return true;
}

static bool resize_last_large(cairn_arena *arena, char *block, size_t new_size)
{
    arena_chunk *large = arena->large;
    size_t span = arena_span(arena, new_size);
    if (span > (size_t)(chunk_end(large) - block))
        return false;
    arena_note_peak(arena);
    cairn__arena_unleave(arena, large);
    cairn__arena_leave(arena, large, block + span);
    return true;
}

/* Sizes are not 0. */
static bool resize(cairn_arena *arena, void *ptr, size_t size, size_t new_size)
{
    bool done = new_size <= size;
    if (is_last(arena, ptr, size))
        done = resize_last(arena, ptr, new_size);
    else if (is_last_large(arena, ptr, size))
        done = resize_last_large(arena, ptr, new_size);
    if (done && arena->watched)
        resize_block(arena, ptr, new_size);
    return done;
}

CAIRN_EXPORT bool cairn_arena_resize(cairn_arena *arena, void *ptr, cairn_layout layout,
                                     size_t new_size)
{
    return ptr != NULL && cairn_layout_is_valid(cairn__layout(new_size, layout.align)) &&
           resize(arena, ptr, size_max(layout.size, 1), size_max(new_size, 1));
}

/* The source moves its chunk if it must. Where the block lies in it depends on the chunk's address
 * if it is aligned to more than that. */
static void *realloc_large(cairn_arena *arena, size_t new_size)
{
    arena_note_peak(arena);
    cairn__arena_unleave(arena, arena->large);
    size_t need = need_of(arena, new_size, CHUNK_ALIGN);
    arena_chunk *large = cairn__arena_resize_large(arena, need);
    if (large == NULL) {
        cairn__arena_leave(arena, arena->large, arena->large->left);
        return NULL;
    }
    cairn__arena_leave(arena, large, chunk_first(large) + new_size);
    return chunk_first(large);
}

CAIRN_EXPORT void *cairn_arena_realloc(cairn_arena *arena, void *ptr, cairn_layout layout,
                                       size_t new_size)
{
    if (UNLIKELY(!cairn_layout_is_valid(cairn__layout(new_size, layout.align))))
        return NULL;
    if (ptr == NULL)
        return cairn_arena_alloc(arena, new_size, layout.align);
    size_t size = size_max(layout.size, 1);
    if (resize(arena, ptr, size, size_max(new_size, 1)))
        return ptr;
    if (is_last_large(arena, ptr, size) && !arena->watched && layout.align <= CHUNK_ALIGN) {
        void *moved = realloc_large(arena, new_size);
        if (moved != NULL)
            return moved;
    }
    void *moved = cairn_arena_alloc(arena, new_size, layout.align);
    if (moved == NULL)
        return NULL;
    memcpy(moved, ptr, layout.size);
    cairn_arena_dealloc(arena, ptr, layout);
    return moved;
}

CAIRN_EXPORT void cairn_arena_dealloc(cairn_arena *arena, void *ptr, cairn_layout layout)
{
    if (ptr == NULL || arena->ending)
        return;
    size_t size = size_max(layout.size, 1);
    bool last = is_last(arena, ptr, size);
    bool last_large = is_last_large(arena, ptr, size);
    char *start = ptr;
    if (arena->watched) {
        record *ended = record_of(ptr);
        record *older = end_block(arena, ended);
        /* Its record stays in the list, and so must its memory. */
        if (arena->blocks != ended || !(last || last_large))
            return;
        arena->blocks = older;
        start = (char *)ended;
    }
    arena_note_peak(arena);
    if (last) {
        arena_set_cursor(arena, start);
    } else if (last_large) {
        cairn__arena_keep_large(arena);
        cairn__arena_settle(arena);
    }
}

/* ---- growing ---- */

enum { GROWTH_MIN = 64 };

/* As many as it likes, for an array that must have `count`; all of them fit into memory. */
static size_t wanted_count(cairn_layout element, size_t capacity, size_t count)
{
    size_t wanted = capacity * 2;
    while (wanted * element.size < GROWTH_MIN)
        wanted = wanted * 2 + 1;
    bool fits = cairn_layout_is_valid(cairn_layout_repeat(element, wanted, NULL));
    return fits ? size_max(wanted, count) : count;
}

void *cairn__arena_grow(cairn_arena *arena, void *ptr, cairn_layout element, size_t *capacity,
                        size_t count)
{
    if (element.size == 0 || !cairn_layout_is_valid(cairn_layout_repeat(element, count, NULL)))
        return NULL;
    cairn_layout layout = cairn__layout(*capacity * element.size, element.align);
    size_t wanted = wanted_count(element, *capacity, count);
    void *grown = NULL;
    /* In place as far as the chunk allows, more or less: each step asks for half as much on top. */
    for (size_t n = wanted; ptr != NULL && grown == NULL; n = count + (n - count) / 2) {
        if (cairn_arena_resize(arena, ptr, layout, n * element.size)) {
            grown = ptr;
            wanted = n;
        } else if (n == count) {
            break;
        }
    }
    if (grown == NULL)
        grown = cairn_arena_realloc(arena, ptr, layout, wanted * element.size);
    if (grown == NULL) {
        wanted = count;
        grown = cairn_arena_realloc(arena, ptr, layout, wanted * element.size);
    }
    if (grown != NULL)
        *capacity = wanted;
    return grown;
}

/* ---- as an allocator ---- */

static void *arena_alloc(void *self, cairn_layout layout)
{
    return cairn_arena_alloc(self, layout.size, layout.align);
}

static void arena_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_arena_dealloc(self, ptr, layout);
}

static void *arena_alloc_zeroed(void *self, cairn_layout layout)
{
    return cairn_arena_alloc_zeroed(self, layout.size, layout.align);
}

static void *arena_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    return cairn_arena_realloc(self, ptr, layout, new_size);
}

static bool is_between(const char *ptr, const char *first, const char *end)
{
    return ptr >= first && ptr < end;
}

static bool arena_owns(void *self, const void *ptr)
{
    const cairn_arena *arena = self;
    const arena_chunk *current = arena->chunk;
    if (current != NULL && is_between(ptr, chunk_first(current), arena_cursor(arena)))
        return true;
    const arena_chunk *lists[] = {current != NULL ? current->older : NULL, arena->large};
    for (int i = 0; i < 2; i++)
        for (const arena_chunk *at = lists[i]; at != NULL; at = at->older)
            if (is_between(ptr, chunk_first(at), at->left))
                return true;
    return false;
}

CAIRN_EXPORT cairn_allocator cairn_arena_allocator(cairn_arena *arena)
{
    static const cairn_allocator_ops ops = {
        .name = "arena",
        .alloc = arena_alloc,
        .dealloc = arena_dealloc,
        .alloc_zeroed = arena_alloc_zeroed,
        .realloc = arena_realloc,
        .owns = arena_owns,
    };
    return (cairn_allocator){&ops, arena};
}
