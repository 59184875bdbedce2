/* SPDX-License-Identifier: MIT */
/* Blocks of one size: pools and slabs. */
#include <cairn/arena.h>
#include <cairn/pool.h>
#include <cairn/slab.h>

#include "bench.hpp"
#include "peers.hpp"

namespace
{

/* `count` blocks are taken and a word in each cache line written, then all are given back. */
template <typename Take, typename Give>
void round_trip(std::vector<void *> &blocks, std::size_t size, Take take, Give give)
{
    for (void *&ptr : blocks) {
        ptr = take();
        bench::touch(ptr, size);
    }
    for (void *ptr : blocks)
        give(ptr);
}

/*
 * 10,000 of 64 bytes, 5,000 of 1 KiB, 1,000 of 8 KiB: figures that are quoted for arenas and slabs
 * against malloc. Every subject has run before: what it keeps, it has. Of large blocks most of the
 * time goes into touching them; so the limits are for small ones.
 */
int take_touch_release(std::size_t size, std::size_t count)
{
    std::vector<void *> blocks(count);
    cairn_layout layout = cairn_layout_from_size_align(size, 16);
    cairn_arena_opts opts = {};
    opts.first_chunk = size * count + 4096;
    cairn_arena *arena = cairn_arena_create(&opts);
    cairn_pool pool;
    cairn_pool_init(&pool, layout, nullptr);
    cairn_slab *slab = cairn_slab_create(layout, nullptr);
    std::pmr::unsynchronized_pool_resource pmr;

    bool is_small = size <= 64;
    char name[100];
    std::snprintf(name, sizeof name, "%zu of %zu bytes: take, touch, give back; per block", count,
                  size);
    bench::contest contest(name, static_cast<double>(count));
    contest.add("cairn_pool", [&] {
        round_trip(
            blocks, size, [&] { return cairn_pool_alloc(&pool); },
            [&](void *ptr) { cairn_pool_dealloc(&pool, ptr); });
    });
    contest.add("cairn_slab", [&] {
        round_trip(
            blocks, size, [&] { return cairn_slab_alloc(slab); },
            [&](void *ptr) { cairn_slab_dealloc(slab, ptr); });
    });
    contest.add("cairn_arena, reset", [&] {
        round_trip(
            blocks, size, [&] { return cairn_arena_alloc(arena, size, 16); }, [](void *) {});
        cairn_arena_reset(arena);
    });
#if BENCH_BOOST
    boost::pool<> boost_pool(size);
    contest.add(
        "boost::pool",
        [&] {
            round_trip(
                blocks, size, [&] { return boost_pool.malloc(); },
                [&](void *ptr) { boost_pool.free(ptr); });
        },
        is_small ? 1.0 : 0);
#endif
    contest.add(
        "std::pmr::unsynchronized_pool_resource",
        [&] {
            round_trip(
                blocks, size, [&] { return pmr.allocate(size, 16); },
                [&](void *ptr) { pmr.deallocate(ptr, size, 16); });
        },
        is_small ? 1.0 : 0);
#if BENCH_GLIB
    contest.add("g_slice_alloc", [&] {
        round_trip(
            blocks, size, [&] { return g_slice_alloc(size); },
            [&](void *ptr) { g_slice_free1(size, ptr); });
    });
#endif
    contest.add(
        "malloc and free",
        [&] {
            round_trip(
                blocks, size, [&] { return std::malloc(size); }, [](void *ptr) { std::free(ptr); });
        },
        is_small ? 1 / 3.3 : 0);
    int missed = contest.run();
    cairn_slab_destroy(slab);
    cairn_pool_fini(&pool);
    cairn_arena_destroy(arena);
    return missed;
}

/* One block at random of many is given back, and another taken. */
int churn(std::size_t size, std::size_t live)
{
    constexpr std::size_t STEPS = 20000;
    std::vector<std::uint32_t> order(STEPS);
    std::mt19937 random(3);
    for (std::uint32_t &i : order)
        i = random() % live;
    cairn_layout layout = cairn_layout_from_size_align(size, 16);
    cairn_pool pool;
    cairn_pool_init(&pool, layout, nullptr);
    cairn_slab *slab = cairn_slab_create(layout, nullptr);
    std::pmr::unsynchronized_pool_resource pmr;

    auto replace = [&](std::vector<void *> &blocks, auto take, auto give) {
        for (std::uint32_t i : order) {
            give(blocks[i]);
            blocks[i] = take();
            *static_cast<volatile char *>(blocks[i]) = 1;
        }
    };
    auto filled = [&](auto take) {
        std::vector<void *> blocks(live);
        for (void *&ptr : blocks)
            ptr = take();
        return blocks;
    };
    char name[100];
    std::snprintf(name, sizeof name, "one of %zu blocks of %zu bytes replaced; per replacement",
                  live, size);
    bench::contest contest(name, STEPS);
    auto pool_blocks = filled([&] { return cairn_pool_alloc(&pool); });
    contest.add("cairn_pool", [&] {
        replace(
            pool_blocks, [&] { return cairn_pool_alloc(&pool); },
            [&](void *ptr) { cairn_pool_dealloc(&pool, ptr); });
    });
    auto slab_blocks = filled([&] { return cairn_slab_alloc(slab); });
    contest.add("cairn_slab", [&] {
        replace(
            slab_blocks, [&] { return cairn_slab_alloc(slab); },
            [&](void *ptr) { cairn_slab_dealloc(slab, ptr); });
    });
#if BENCH_BOOST
    boost::pool<> boost_pool(size);
    auto boost_blocks = filled([&] { return boost_pool.malloc(); });
    contest.add(
        "boost::pool",
        [&] {
            replace(
                boost_blocks, [&] { return boost_pool.malloc(); },
                [&](void *ptr) { boost_pool.free(ptr); });
        },
        1.0);
#endif
    auto pmr_blocks = filled([&] { return pmr.allocate(size, 16); });
    contest.add(
        "std::pmr::unsynchronized_pool_resource",
        [&] {
            replace(
                pmr_blocks, [&] { return pmr.allocate(size, 16); },
                [&](void *ptr) { pmr.deallocate(ptr, size, 16); });
        },
        1.0);
    auto malloc_blocks = filled([&] { return std::malloc(size); });
    contest.add("malloc and free", [&] {
        replace(
            malloc_blocks, [&] { return std::malloc(size); }, [](void *ptr) { std::free(ptr); });
    });
    int missed = contest.run();
    for (void *ptr : malloc_blocks)
        std::free(ptr);
    for (void *ptr : pmr_blocks)
        pmr.deallocate(ptr, size, 16);
    cairn_slab_destroy(slab);
    cairn_pool_fini(&pool);
    return missed;
}

} // namespace

int main()
{
    int missed = take_touch_release(64, 10000);
    missed += take_touch_release(1024, 5000);
    missed += take_touch_release(8192, 1000);
    missed += churn(64, 10000);
    return missed != 0;
}
