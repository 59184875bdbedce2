/* SPDX-License-Identifier: MIT */
/*
 * The slabs of a slab_set: equally large, for any class, taken from its source a chunk at a time. A
 * chunk is one block of the source, of up to 32 slabs; its notes, with those of its slabs, are
 * another. Every slab is in the directory by its address, cut or not. Slabs are taken from chunks
 * that others are taken from already, so that chunks become empty; empty chunks stay within a bound.
 * One thread at a time.
 *
 *     bit i of chunk->free <=>  slab i has cut == NULL
 *     chunk in lists[s]    <=>  chunk_state(chunk) == s
 *     empty_slabs           =   slabs of the chunks in lists[EMPTY]
 */
#ifndef CAIRN_KIT_SLAB_CHUNKS_H
#define CAIRN_KIT_SLAB_CHUNKS_H

#include "cairn/slab_set.h"

#include "kit/slab_directory.h"
#include "kit/slab_inside.h"

#define SLAB_SIZE ((size_t)CAIRN_SLAB_SET_SLAB)

enum chunk_state { FULL, ROOMY, EMPTY, CHUNK_STATES };

struct slab_chunks {
    struct slab_directory slabs;
    struct slab_link lists[CHUNK_STATES]; /* the latest: in ROOMY first, in EMPTY last */
    size_t empty_slabs;
    size_t max_empty; /* bytes; 0: no bound */
    bool watched;
    cairn_allocator source;
};

void cairn__slab_chunks_init(struct slab_chunks *chunks, cairn_allocator source, size_t max_empty,
                             bool watched);

/* All goes back to the source, whatever state slabs are in. */
void cairn__slab_chunks_fini(struct slab_chunks *chunks);

/* A slab for the caller to cut, its start set; NULL: out of memory. */
struct slab *cairn__slab_chunks_take(struct slab_chunks *chunks);

/* Takes it back, in no list; it is not cut any more. */
void cairn__slab_chunks_put(struct slab_chunks *chunks, struct slab *slab);

/* As if each slab had been put. */
void cairn__slab_chunks_reset(struct slab_chunks *chunks);

/* Empty chunks go to the source. Returns their bytes. */
size_t cairn__slab_chunks_trim(struct slab_chunks *chunks);

/* Bytes that the source gave for them; *count: chunks. */
size_t cairn__slab_chunks_bytes(const struct slab_chunks *chunks, size_t *count);

const char *cairn__slab_chunks_audit(const struct slab_chunks *chunks);

/* The slab that ptr lies in, cut or not; NULL: none. */
static inline struct slab *slab_chunks_find(const struct slab_chunks *chunks, const void *ptr)
{
    return (struct slab *)slab_directory_find(&chunks->slabs,
                                              round_down((uintptr_t)ptr, SLAB_SIZE));
}

/* The slabs, cut or not, in no order; *at begins as 0. NULL after the last. */
static inline struct slab *slab_chunks_next(const struct slab_chunks *chunks, size_t *at)
{
    const struct slab_slot *slot = slab_directory_next(&chunks->slabs, at);
    return slot != NULL ? (struct slab *)slot->value : NULL;
}

#endif
