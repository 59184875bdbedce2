/* SPDX-License-Identifier: MIT */
/*
 * A table that counts words: open addressing, doubled when two thirds full; it owns its words.
 */

#pragma once

#include <stddef.h>

struct entry {
    char *word;
    unsigned long count;
};

struct table {
    struct entry *entry;
    size_t size, used;
};

/* Counts word once more. Returns its entry, which is valid until the next call. */
struct entry *table_count(struct table *table, const char *word);

/* All entries, most frequent first, then by the alphabet; the caller frees the array. */
struct entry *table_sorted(const struct table *table);

void table_fini(struct table *table);
