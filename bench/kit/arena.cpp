/* SPDX-License-Identifier: MIT */
/* Arenas: small blocks that all end together. */
#include <cairn/arena.h>
#include <cairn/bump.h>

#include "bench.hpp"
#include "peers.hpp"

namespace
{

constexpr std::size_t BLOCKS = 4000;

/* 8 to 64 bytes, a multiple of 8, the same sequence for all. */
std::vector<std::size_t> sizes()
{
    std::mt19937 random(7);
    std::vector<std::size_t> list(BLOCKS);
    for (std::size_t &size : list)
        size = 8 * (1 + random() % 8);
    return list;
}

const std::vector<std::size_t> list = sizes();

template <typename Take> void fill(Take take)
{
    for (std::size_t size : list) {
        void *ptr = take(size);
        *static_cast<volatile char *>(ptr) = 1;
        bench::escape(ptr);
    }
}

int small_blocks()
{
    static std::vector<char> buffer(1 << 20);
    cairn_arena_opts opts = {};
    opts.first_chunk = 1 << 20;
    cairn_arena *arena = cairn_arena_create(&opts);
    static cairn_bump bump;
    cairn_bump_init(&bump, buffer.data(), buffer.size());
    bench::hand_bump hand(buffer.data(), buffer.size());
    std::pmr::monotonic_buffer_resource monotonic(buffer.data(), buffer.size());
    std::vector<void *> blocks(BLOCKS);

    bench::contest contest("8 to 64 bytes, then all released; per block", BLOCKS);
    contest.add("cairn_arena", [=] {
        fill([=](std::size_t size) { return cairn_arena_alloc(arena, size, 8); });
        cairn_arena_reset(arena);
    });
    contest.add("cairn_bump", [&] {
        fill([&](std::size_t size) { return cairn_bump_alloc(&bump, size, 8); });
        cairn_bump_reset(&bump);
    });
    contest.add(
        "std::pmr::monotonic_buffer_resource",
        [&] {
            fill([&](std::size_t size) { return monotonic.allocate(size, 8); });
            monotonic.release();
        },
        1.0);
    contest.add(
        "a bump written by hand, inlined",
        [&] {
            fill([&](std::size_t size) { return hand.take(size, 8); });
            hand.reset();
        },
        1.1);
    struct obstack stack;
    obstack_begin(&stack, 1 << 20);
    void *base = obstack_alloc(&stack, 1);
    contest.add("obstack", [&] {
        fill([&](std::size_t size) { return obstack_alloc(&stack, static_cast<int>(size)); });
        obstack_free(&stack, base);
        base = obstack_alloc(&stack, 1);
    });
#if BENCH_APR
    apr_initialize();
    apr_pool_t *apr;
    apr_pool_create(&apr, nullptr);
    contest.add("apr_palloc", [=] {
        fill([=](std::size_t size) { return apr_palloc(apr, size); });
        apr_pool_clear(apr);
    });
#endif
#if BENCH_TALLOC
    contest.add("talloc_size in a talloc_pool", [] {
        void *pool = talloc_pool(nullptr, 1 << 20);
        fill([=](std::size_t size) { return talloc_size(pool, size); });
        talloc_free(pool);
    });
#endif
    contest.add("malloc and free", [&] {
        std::size_t n = 0;
        fill([&](std::size_t size) { return blocks[n++] = std::malloc(size); });
        for (void *ptr : blocks)
            std::free(ptr);
    });
    int missed = contest.run();
    cairn_arena_destroy(arena);
    obstack_free(&stack, nullptr);
    return missed;
}

} // namespace

int main()
{
    return small_blocks() != 0;
}
