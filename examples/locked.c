/* SPDX-License-Identifier: MIT */
/* Four threads draw from one budget of blocks that knows nothing of threads; a lock makes it so. */
#include <pthread.h>
#include <stdio.h>

#include "cairn/locked.h"

/* A stack of equal blocks in a static array: the smallest source that is not thread-safe. */
enum { BLOCKS = 64, SIZE = 32 };
static _Alignas(16) char region[BLOCKS][SIZE];
static void *free_blocks[BLOCKS];
static size_t free_count;

static void *stack_alloc(void *self, cairn_layout layout)
{
    (void)self;
    return layout.size <= SIZE && layout.align <= 16 && free_count > 0 ? free_blocks[--free_count]
                                                                       : NULL;
}

static void stack_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)layout;
    free_blocks[free_count++] = ptr;
}

static const cairn_allocator_ops stack_ops = {
    .name = "stack", .alloc = stack_alloc, .dealloc = stack_dealloc};

static cairn_locked locked;

static void *work(void *unused)
{
    cairn_allocator allocator = cairn_locked_allocator(&locked);
    (void)unused;
    for (int i = 0; i < 10000; i++) {
        int *number = cairn_allocator_alloc(allocator, cairn_layout_of(int));
        if (number == NULL)
            return (void *)"out of blocks";
        *number = i;
        cairn_allocator_dealloc(allocator, number, cairn_layout_of(int));
    }
    return NULL;
}

int main(void)
{
    for (int i = 0; i < BLOCKS; i++)
        free_blocks[free_count++] = region[i];
    cairn_locked_init(&locked, (cairn_allocator){&stack_ops, NULL});

    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);

    /* What only the source can do is done under the lock, too. */
    cairn_locked_acquire(&locked);
    printf("%zu of %d blocks are free again\n", free_count, BLOCKS);
    cairn_locked_release(&locked);
    cairn_locked_fini(&locked);
    return 0;
}
