/* SPDX-License-Identifier: MIT */
/*
 * The table of table.h. The hash is FNV-1a.
 */

#include "table.h"

#include <stdlib.h>
#include <string.h>

static struct entry *entry_of(const struct table *table, const char *word)
{
    unsigned long hash = 14695981039346656037ul;
    for (const char *c = word; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211ul;
    size_t i = hash & (table->size - 1);
    while (table->entry[i].word && strcmp(table->entry[i].word, word) != 0)
        i = (i + 1) & (table->size - 1);
    return &table->entry[i];
}

static void double_table(struct table *table)
{
    struct table larger = {.size = table->size ? table->size * 2 : 64, .used = table->used};
    larger.entry = calloc(larger.size, sizeof *larger.entry);
    if (!larger.entry)
        abort();
    for (size_t i = 0; i < table->size; i++)
        if (table->entry[i].word)
            *entry_of(&larger, table->entry[i].word) = table->entry[i];
    free(table->entry);
    *table = larger;
}

struct entry *table_count(struct table *table, const char *word)
{
    if (table->used * 3 >= table->size * 2)
        double_table(table);
    struct entry *entry = entry_of(table, word);
    if (!entry->word) {
        entry->word = strdup(word);
        if (!entry->word)
            abort();
        table->used++;
    }
    entry->count++;
    return entry;
}

static int by_count(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->word, b->word);
}

struct entry *table_sorted(const struct table *table)
{
    struct entry *sorted = malloc((table->used + 1) * sizeof *sorted);
    if (!sorted)
        abort();
    size_t n = 0;
    for (size_t i = 0; i < table->size; i++)
        if (table->entry[i].word)
            sorted[n++] = table->entry[i];
    qsort(sorted, n, sizeof *sorted, by_count);
    return sorted;
}

void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->size; i++)
        free(table->entry[i].word);
    free(table->entry);
    *table = (struct table){0};
}
