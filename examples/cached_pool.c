/* SPDX-License-Identifier: MIT */
/*
 * Two threads build and drop binary trees, all nodes from one pool. Nearly all calls are answered
 * from the thread's own cache; the pool tells how many, and gives memory back when asked to.
 */
#include <pthread.h>
#include <stdio.h>

#include <cairn/cached_pool.h>

enum { TREES = 50, DEPTH = 10, THREADS = 2 };

struct node {
    struct node *left, *right;
};

static cairn_cached_pool *pool;

static struct node *grow(int depth)
{
    if (depth == 0)
        return NULL;
    struct node *node = cairn_cached_pool_alloc(pool);
    if (node != NULL) {
        node->left = grow(depth - 1);
        node->right = grow(depth - 1);
    }
    return node;
}

static size_t drop(struct node *node)
{
    if (node == NULL)
        return 0;
    size_t count = 1 + drop(node->left) + drop(node->right);
    cairn_cached_pool_dealloc(pool, node);
    return count;
}

static void *work(void *nodes)
{
    for (int i = 0; i < TREES; i++)
        *(size_t *)nodes += drop(grow(DEPTH));
    return NULL;
}

int main(void)
{
    pool = cairn_cached_pool_create(cairn_layout_of(struct node), NULL);
    if (pool == NULL)
        return 1;
    pthread_t threads[THREADS];
    size_t nodes[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, &nodes[i]) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    cairn_cached_pool_stats stats = cairn_cached_pool_stats_get(pool);
    uint64_t all = stats.allocs[0] + stats.allocs[1] + stats.allocs[2];
    printf("%zu nodes, %llu allocs, %s 98 %% of them from the thread's own cache\n",
           nodes[0] + nodes[1], (unsigned long long)all,
           stats.allocs[0] * 100 >= all * 98 ? "over" : "not");
    printf("threads with a cache: %zu\n", stats.threads);
    cairn_cached_pool_trim(pool);
    stats = cairn_cached_pool_stats_get(pool);
    printf("after trim: %zu chunks, %zu blocks\n", stats.chunks, stats.blocks);
    cairn_cached_pool_destroy(pool);
    return 0;
}
