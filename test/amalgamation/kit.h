/* SPDX-License-Identifier: MIT */
/*
 * What every form of the one-file library must do: the kinds of the kit that need no operating
 * system, each in a static buffer. Used by a hosted program that checks cairn.c whole, and by one
 * that checks its freestanding form; so nothing of the C library is called here.
 */
#ifndef CAIRN_TEST_AMALGAMATION_KIT_H
#define CAIRN_TEST_AMALGAMATION_KIT_H

#include "cairn.h"

struct point {
    int x, y;
};

CAIRN_SLOTS_OF(struct point, points)

static _Alignas(4096) char kit_memory[64 * 1024];

static int kit_fill(cairn_allocator allocator)
{
    enum { BLOCKS = 20 };
    unsigned char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        cairn_layout layout = {(size_t)(i + 1) * 16, 16};
        blocks[i] = (unsigned char *)cairn_allocator_alloc(allocator, layout);
        if (blocks[i] == NULL || (uintptr_t)blocks[i] % 16 != 0)
            return 0;
        for (size_t j = 0; j < layout.size; j++)
            blocks[i][j] = (unsigned char)i;
    }
    int sound = 1;
    for (int i = 0; i < BLOCKS; i++) {
        cairn_layout layout = {(size_t)(i + 1) * 16, 16};
        for (size_t j = 0; j < layout.size; j++)
            sound &= blocks[i][j] == i;
        cairn_allocator_dealloc(allocator, blocks[i], layout);
    }
    return sound;
}

/* NULL: all as it should be; else the kind that is not. */
static const char *kit_check(void)
{
    cairn_bump bump;
    cairn_bump_init(&bump, kit_memory, sizeof kit_memory / 2);
    if (!kit_fill(cairn_bump_allocator(&bump)) || cairn_bump_audit(&bump) != NULL)
        return "bump";
    cairn_bump_reset(&bump);

    /* An arena, slots and a pool take their memory from the bump. */
    cairn_arena *arena = cairn_arena_create(&(cairn_arena_opts){
        .name = "test", .source = cairn_bump_allocator(&bump), .first_chunk = 1024});
    if (arena == NULL || !kit_fill(cairn_arena_allocator(arena)) ||
        cairn_arena_audit(arena) != NULL)
        return "arena";
    cairn_arena_destroy(arena);

    cairn_slots slots;
    cairn_slots_key key;
    if (!points_init(&slots, &(cairn_slots_opts){.source = cairn_bump_allocator(&bump)}))
        return "slots";
    key = points_insert(&slots, (struct point){1, 2});
    if (points_get(&slots, key)->y != 2 || !points_remove(&slots, key, NULL) ||
        points_get(&slots, key) != NULL)
        return "slots";
    cairn_slots_fini(&slots);

    cairn_pool pool;
    if (!cairn_pool_init_fixed(&pool, cairn_layout_of(struct point), kit_memory, sizeof kit_memory,
                               NULL))
        return "pool";
    void *first = cairn_pool_alloc(&pool);
    void *second = cairn_pool_alloc(&pool);
    if (first == NULL || first == second)
        return "pool";
    cairn_pool_dealloc(&pool, first);
    if (cairn_pool_alloc(&pool) != first || cairn_pool_audit(&pool) != NULL)
        return "pool";
    cairn_pool_fini(&pool);

    cairn_fit fit;
    for (int strategy = 0; strategy < 4; strategy++) {
        cairn_fit_opts opts = {0};
        opts.strategy = (enum cairn_fit_strategy)strategy;
        if (!cairn_fit_init(&fit, kit_memory, sizeof kit_memory, &opts) ||
            !kit_fill(cairn_fit_allocator(&fit)) || cairn_fit_audit(&fit) != NULL)
            return "fit";
        cairn_fit_fini(&fit);
    }

    cairn_buddy buddy;
    if (!cairn_buddy_init(&buddy, kit_memory, sizeof kit_memory, NULL) ||
        !kit_fill(cairn_buddy_allocator(&buddy)) || cairn_buddy_audit(&buddy) != NULL)
        return "buddy";
    cairn_buddy_fini(&buddy);
    return NULL;
}

#endif
