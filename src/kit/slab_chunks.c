/* SPDX-License-Identifier: MIT */
/* See slab_chunks.h. */
#include "kit/slab_chunks.h"

#include "base/visible.h"

enum {
    LINE = 64,
    CHUNK_SLABS_MAX = 32,
    BLOCKS_MAX = CAIRN_SLAB_SET_SLAB / CAIRN_SLAB_SET_STEP,
};

/* Notes of a slab of the class with most blocks, in whole cache lines. */
#define NOTES_SIZE round_up(sizeof(struct slab) + BLOCKS_MAX / GROUP * sizeof(uint64_t), LINE)

struct chunk {
    _Alignas(LINE) struct slab_link link; /* first */
    char *memory;
    uint32_t count; /* slabs */
    uint32_t free;  /* those that are not cut */
    _Alignas(LINE) char notes[];
};

#define CHUNK_OF(link_of_chunk) ((struct chunk *)(void *)(link_of_chunk))

static uint32_t chunk_mask(const struct chunk *chunk)
{
    return mask32(0, chunk->count);
}

static enum chunk_state chunk_state(const struct chunk *chunk)
{
    return chunk->free == 0 ? FULL : chunk->free == chunk_mask(chunk) ? EMPTY : ROOMY;
}

static struct slab *slab_at(const struct chunk *chunk, size_t index)
{
    return (struct slab *)((uintptr_t)chunk->notes + index * NOTES_SIZE);
}

static cairn_layout memory_layout(size_t slabs)
{
    return cairn__layout(slabs * SLAB_SIZE, SLAB_SIZE);
}

static cairn_layout notes_layout(size_t slabs)
{
    return cairn__layout(sizeof(struct chunk) + slabs * NOTES_SIZE, _Alignof(struct chunk));
}

/* Into the list of its state. */
static void list_chunk(struct slab_chunks *chunks, struct chunk *chunk)
{
    enum chunk_state state = chunk_state(chunk);
    struct slab_link *head = &chunks->lists[state];
    link_append(state == ROOMY ? head->next : head, &chunk->link);
    if (state == EMPTY)
        chunks->empty_slabs += chunk->count;
}

static void unlist_chunk(struct slab_chunks *chunks, struct chunk *chunk)
{
    link_remove(&chunk->link);
    if (chunk_state(chunk) == EMPTY)
        chunks->empty_slabs -= chunk->count;
}

/* Other slabs of it are free from now on; where it stands in its list stays, if the list does. */
static void change_free(struct slab_chunks *chunks, struct chunk *chunk, uint32_t free)
{
    if (chunk_state(chunk) != ROOMY || free == 0 || free == chunk_mask(chunk)) {
        unlist_chunk(chunks, chunk);
        chunk->free = free;
        list_chunk(chunks, chunk);
    }
    chunk->free = free;
}

static bool add_chunk(struct slab_chunks *chunks, size_t slabs)
{
    if (!cairn__slab_directory_reserve(&chunks->slabs, slabs))
        return false;
    struct chunk *chunk = cairn_allocator_alloc(chunks->source, notes_layout(slabs));
    if (chunk == NULL)
        return false;
    chunk->memory = cairn_allocator_alloc(chunks->source, memory_layout(slabs));
    if (chunk->memory == NULL) {
        cairn_allocator_dealloc(chunks->source, chunk, notes_layout(slabs));
        return false;
    }
    chunk->count = (uint32_t)slabs;
    chunk->free = chunk_mask(chunk);
    for (size_t i = 0; i < slabs; i++) {
        struct slab *slab = slab_at(chunk, i);
        slab->cut = NULL;
        slab->owner = chunk;
        slab->start = chunk->memory + i * SLAB_SIZE;
        cairn__slab_directory_put(&chunks->slabs, (uintptr_t)slab->start, (uintptr_t)slab);
    }
    if (chunks->watched)
        cairn__show_unused(chunk->memory, slabs * SLAB_SIZE);
    list_chunk(chunks, chunk);
    return true;
}

/* The chunk that has been empty for longest goes to the source. Returns its bytes. */
static size_t give_oldest(struct slab_chunks *chunks)
{
    struct chunk *chunk = CHUNK_OF(chunks->lists[EMPTY].next);
    size_t slabs = chunk->count;
    unlist_chunk(chunks, chunk);
    for (size_t i = 0; i < slabs; i++)
        cairn__slab_directory_remove(&chunks->slabs, (uintptr_t)slab_at(chunk, i)->start);
    if (chunks->watched)
        cairn__show_usable(chunk->memory, slabs * SLAB_SIZE);
    cairn_allocator_dealloc(chunks->source, chunk->memory, memory_layout(slabs));
    cairn_allocator_dealloc(chunks->source, chunk, notes_layout(slabs));
    return memory_layout(slabs).size + notes_layout(slabs).size;
}

/* The latest stays in any case. */
static void keep_to_bound(struct slab_chunks *chunks)
{
    struct slab_link *empty = &chunks->lists[EMPTY];
    while (chunks->max_empty != 0 && chunks->empty_slabs * SLAB_SIZE > chunks->max_empty &&
           empty->next != empty->previous)
        give_oldest(chunks);
}

static struct chunk *chunk_with_room(const struct slab_chunks *chunks)
{
    if (!link_is_alone(&chunks->lists[ROOMY]))
        return CHUNK_OF(chunks->lists[ROOMY].next);
    return link_is_alone(&chunks->lists[EMPTY]) ? NULL : CHUNK_OF(chunks->lists[EMPTY].previous);
}

/* Chunks grow with what there is; where memory is short one slab will do. */
static bool grow(struct slab_chunks *chunks)
{
    size_t slabs = size_min(size_max(chunks->slabs.count, 8), CHUNK_SLABS_MAX);
    return add_chunk(chunks, slabs) || (slabs > 1 && add_chunk(chunks, 1));
}

struct slab *cairn__slab_chunks_take(struct slab_chunks *chunks)
{
    struct chunk *chunk = chunk_with_room(chunks);
    if (chunk == NULL) {
        if (!grow(chunks))
            return NULL;
        chunk = chunk_with_room(chunks);
    }
    struct slab *slab = slab_at(chunk, lowest_bit(chunk->free));
    change_free(chunks, chunk, chunk->free & (chunk->free - 1));
    return slab;
}

void cairn__slab_chunks_put(struct slab_chunks *chunks, struct slab *slab)
{
    struct chunk *chunk = slab->owner;
    size_t index = (size_t)(slab->start - chunk->memory) / SLAB_SIZE;
    slab->cut = NULL;
    change_free(chunks, chunk, chunk->free | (uint32_t)1 << index);
    keep_to_bound(chunks);
}

void cairn__slab_chunks_reset(struct slab_chunks *chunks)
{
    for (size_t i = 0; i < CHUNK_STATES; i++)
        link_init(&chunks->lists[i]);
    chunks->empty_slabs = 0;
    struct slab *slab;
    for (size_t at = 0; (slab = slab_chunks_next(chunks, &at)) != NULL;) {
        struct chunk *chunk = slab->owner;
        slab->cut = NULL;
        if (slab->start != chunk->memory)
            continue;
        chunk->free = chunk_mask(chunk);
        list_chunk(chunks, chunk);
    }
    keep_to_bound(chunks);
}

size_t cairn__slab_chunks_trim(struct slab_chunks *chunks)
{
    size_t bytes = 0;
    while (!link_is_alone(&chunks->lists[EMPTY]))
        bytes += give_oldest(chunks);
    return bytes;
}

size_t cairn__slab_chunks_bytes(const struct slab_chunks *chunks, size_t *count)
{
    *count = 0;
    const struct slab *slab;
    for (size_t at = 0; (slab = slab_chunks_next(chunks, &at)) != NULL;)
        *count += slab->start == ((const struct chunk *)slab->owner)->memory;
    return *count * notes_layout(0).size + chunks->slabs.count * (SLAB_SIZE + NOTES_SIZE) +
           cairn__slab_directory_bytes(&chunks->slabs);
}

void cairn__slab_chunks_init(struct slab_chunks *chunks, cairn_allocator source, size_t max_empty,
                             bool watched)
{
    *chunks = (struct slab_chunks){.max_empty = max_empty, .watched = watched, .source = source};
    cairn__slab_directory_init(&chunks->slabs, source);
    for (size_t i = 0; i < CHUNK_STATES; i++)
        link_init(&chunks->lists[i]);
}

void cairn__slab_chunks_fini(struct slab_chunks *chunks)
{
    cairn__slab_chunks_reset(chunks);
    cairn__slab_chunks_trim(chunks);
    cairn__slab_directory_fini(&chunks->slabs);
}

/* ---- checks ---- */

static const char *audit_chunk(const struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++) {
        const struct slab *slab = slab_at(chunk, i);
        if (slab->owner != chunk || slab->start != chunk->memory + i * SLAB_SIZE)
            return "a slab is not where its chunk says";
        if ((slab->cut == NULL) != (chunk->free >> i & 1))
            return "a chunk does not know which slabs are free";
    }
    return NULL;
}

const char *cairn__slab_chunks_audit(const struct slab_chunks *chunks)
{
    size_t count[CHUNK_STATES] = {0}, slabs = 0, empty_slabs = 0;
    const char *wrong = cairn__slab_directory_audit(&chunks->slabs);
    const struct slab_slot *slot;
    for (size_t at = 0; (slot = slab_directory_next(&chunks->slabs, &at)) != NULL;) {
        const struct slab *slab = (const struct slab *)slot->value;
        const struct chunk *chunk = slab->owner;
        if ((uintptr_t)slab->start != slot->key)
            return "a slab is not what its slot says";
        if (slab->start != chunk->memory)
            continue;
        if (wrong == NULL)
            wrong = audit_chunk(chunk);
        count[chunk_state(chunk)]++;
        slabs += chunk->count;
        empty_slabs += chunk_state(chunk) == EMPTY ? chunk->count : 0;
    }
    if (wrong == NULL && (slabs != chunks->slabs.count || empty_slabs != chunks->empty_slabs))
        wrong = "slabs have been lost";
    for (size_t i = 0; wrong == NULL && i < CHUNK_STATES; i++) {
        if (!cairn__slab_list_is_sound(&chunks->lists[i], count[i]))
            return "a list of chunks is broken";
        const struct slab_link *head = &chunks->lists[i], *link;
        for (link = head->next; link != head; link = link->next)
            if (chunk_state(CHUNK_OF(link)) != i)
                return "a chunk is in the wrong list";
    }
    return wrong;
}
