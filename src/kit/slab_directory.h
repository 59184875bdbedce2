/* SPDX-License-Identifier: MIT */
/*
 * From an address to what is known of it: a hash table with open addressing, linear probing and
 * deletion by moving back (D. Knuth, The Art of Computer Programming 3, section 6.4, algorithms L
 * and R), multiplicative hashing, at most half full. slab and slab_set look up slabs here, so that
 * no address is followed that is not theirs. One thread at a time; memory from its source.
 *
 *     count    = slots whose key is not 0 <= capacity / 2
 *     each key is found from its home: no empty slot lies between
 */
#ifndef CAIRN_KIT_SLAB_DIRECTORY_H
#define CAIRN_KIT_SLAB_DIRECTORY_H

#include "cairn/allocator.h"

#include "base/config.h"

struct slab_slot {
    uintptr_t key; /* 0: none */
    uintptr_t value;
};

struct slab_directory {
    struct slab_slot *slots; /* 1 << (64 - shift) of them */
    unsigned shift;
    size_t count;
    cairn_allocator source;
};

/* Empty, without a table of its own. */
void cairn__slab_directory_init(struct slab_directory *directory, cairn_allocator source);

/* Its table goes back, and it is empty. */
void cairn__slab_directory_fini(struct slab_directory *directory);

/* Room for `more` keys beyond those that are in. False: out of memory. */
bool cairn__slab_directory_reserve(struct slab_directory *directory, size_t more);

/* A key that is not in and not 0; there is room for it. */
void cairn__slab_directory_put(struct slab_directory *directory, uintptr_t key, uintptr_t value);

/* A key that is in. The room stays. */
void cairn__slab_directory_remove(struct slab_directory *directory, uintptr_t key);

/* A smaller table, if most of it is empty and the source has one. Returns the bytes saved. */
size_t cairn__slab_directory_trim(struct slab_directory *directory);

/* Of its table. */
size_t cairn__slab_directory_bytes(const struct slab_directory *directory);

/* The equations above. */
const char *cairn__slab_directory_audit(const struct slab_directory *directory);

static inline size_t slab_directory_capacity(const struct slab_directory *directory)
{
    return (size_t)1 << (64 - directory->shift);
}

static inline size_t slab_directory_home(const struct slab_directory *directory, uintptr_t key)
{
    return (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> directory->shift);
}

/* The value of a key; 0 if there is none. */
static inline uintptr_t slab_directory_find(const struct slab_directory *directory, uintptr_t key)
{
    const struct slab_slot *slots = directory->slots;
    size_t i = slab_directory_home(directory, key);
    while (UNLIKELY(slots[i].key != key)) {
        if (slots[i].key == 0)
            return 0;
        i = (i + 1) & (slab_directory_capacity(directory) - 1);
    }
    return slots[i].value;
}

/* The slots that are taken, in no order; *at begins as 0. NULL after the last. */
static inline const struct slab_slot *slab_directory_next(const struct slab_directory *directory,
                                                          size_t *at)
{
    while (*at < slab_directory_capacity(directory)) {
        const struct slab_slot *slot = &directory->slots[(*at)++];
        if (slot->key != 0)
            return slot;
    }
    return NULL;
}

#endif
