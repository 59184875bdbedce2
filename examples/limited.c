/* SPDX-License-Identifier: MIT */
/* A cache that takes what memory it may have, and does with less when it is told to. */
#include <stdio.h>

#include "cairn/limited.h"
#include "cairn/system.h"

struct entry {
    struct entry *older;
    int key;
    char value[1000];
};

static struct entry *newest;

static void drop_oldest(cairn_allocator allocator)
{
    struct entry **link = &newest;
    while ((*link)->older != NULL)
        link = &(*link)->older;
    cairn_allocator_dealloc(allocator, *link, cairn_layout_of(struct entry));
    *link = NULL;
}

/* Older entries make room for a new one. */
static void remember(cairn_allocator allocator, int key)
{
    struct entry *entry;
    while ((entry = cairn_allocator_alloc(allocator, cairn_layout_of(struct entry))) == NULL) {
        if (newest == NULL)
            return;
        drop_oldest(allocator);
    }
    *entry = (struct entry){.older = newest, .key = key};
    newest = entry;
}

static void report(const cairn_limited *limited, const char *when)
{
    cairn_limited_stats now;
    cairn_limited_stats_get(limited, &now);
    printf("%s: %zu entries, %zu bytes, %zu at most, %zu refusals\n", when, now.blocks, now.bytes,
           now.peak_bytes, now.refusals);
}

int main(void)
{
    cairn_limited limited;
    cairn_limited_opts budget = {.max_bytes = 64 * 1024};
    cairn_limited_init(&limited, cairn_system(), &budget);
    cairn_allocator allocator = cairn_limited_allocator(&limited);

    for (int key = 0; key < 100; key++)
        remember(allocator, key);
    report(&limited, "with 64 KiB");

    budget.max_bytes = 16 * 1024;
    cairn_limited_change(&limited, &budget);
    remember(allocator, 100);
    report(&limited, "with 16 KiB");

    while (newest != NULL)
        drop_oldest(allocator);
    printf("%zu left\n", cairn_limited_fini(&limited));
    return 0;
}
