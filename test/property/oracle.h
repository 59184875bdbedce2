/* SPDX-License-Identifier: MIT */
/*
 * The oracle: what must hold of every block that an allocator hands out.
 *
 *   valid      malloc's sizes give a block, impossible sizes give NULL
 *   aligned    to what was asked, and to 16
 *   disjoint   no granule of 16 bytes belongs to two live blocks (usable size counted)
 *   kept       its bytes are those that were written last, until it is freed or resized
 *   zeroed     if it came from calloc
 *   constant   its usable size does not change while it lives
 *
 * Disjointness is kept in a shadow bitmap, one bit per granule of the address space, in leaves that
 * are mapped when first needed: exact, lock-free, and in memory that the allocator under test never
 * saw. The bits are changed with relaxed atomics on purpose: a stronger order would hide from
 * ThreadSanitizer an order that the allocator itself forgot.
 *
 * A block belongs to one thread at a time; any thread may call with a block that is its own.
 * A breach ends the process (failure.h).
 */
#ifndef TEST_PROPERTY_ORACLE_H
#define TEST_PROPERTY_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
    unsigned char *ptr;
    size_t size;   /* asked for */
    size_t usable; /* what the allocator says it may use; the pattern covers it */
    uint64_t key;  /* of the pattern: slot, generation and seed, mixed */
};

void oracle_init(void);

/* Zeroed memory straight from the kernel, for the tests' own tables. */
void *oracle_map(size_t size);

/* Each allocates through the table in target.h; false if NULL was the right answer. */
bool oracle_alloc(struct block *block, size_t size, size_t align, uint64_t key);
bool oracle_calloc(struct block *block, size_t size, uint64_t key);
void oracle_resize(struct block *block, size_t size, uint64_t key);
void oracle_free(struct block *block);

/* Verifies a live block without changing it. */
void oracle_check(const struct block *block);

#endif
