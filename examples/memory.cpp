/* SPDX-License-Identifier: MIT */
/* An expression as a tree of nodes in a heap of its own, and values with several owners in a pool. */
#include <cairn/memory.hpp>

#include <cairn/heap.h>
#include <cairn/pool.h>

#include <cstdio>
#include <vector>

struct node {
    virtual ~node() = default;
    virtual long value() const = 0;
};

struct number : node {
    explicit number(long n) : is(n) {}
    long value() const override { return is; }
    long is;
};

struct product : node {
    product(cairn::unique_ptr<node> a, cairn::unique_ptr<node> b)
        : left(std::move(a)), right(std::move(b))
    {
    }
    long value() const override { return left->value() * right->value(); }
    cairn::unique_ptr<node> left, right;
};

int main()
{
    cairn_heap *heap = cairn_heap_create("expression");
    if (heap == nullptr)
        return 1;
    cairn_allocator allocator = cairn_heap_allocator(heap);
    cairn_heap_stats stats = {};
    stats.size = sizeof stats;
    {
        cairn::unique_ptr<node> tree = cairn::make_unique<product>(
            allocator, cairn::make_unique<number>(allocator, 6),
            cairn::make_unique<number>(allocator, 7));
        cairn_heap_stats_get(heap, &stats);
        std::printf("%ld, in %zu blocks\n", tree->value(), stats.blocks);
    }
    cairn_heap_stats_get(heap, &stats);
    std::printf("afterwards in %zu\n", stats.blocks);
    cairn_heap_destroy(heap);

    /* Object and counts in one block, which is as large as the library says. */
    cairn_pool pool;
    if (!cairn_pool_init(&pool, cairn::shared_layout<number>(), nullptr))
        return 1;
    {
        std::vector<std::shared_ptr<number>> owners;
        for (int i = 0; i < 3; i++)
            owners.push_back(cairn::make_shared<number>(cairn_pool_allocator(&pool), i));
        owners[0] = owners[1];
        std::printf("%zu owners of %zu objects\n", owners.size(), cairn_pool_live(&pool));
    }
    std::printf("and of %zu\n", cairn_pool_live(&pool));
    cairn_pool_fini(&pool);
    return 0;
}
