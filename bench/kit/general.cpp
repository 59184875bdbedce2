/* SPDX-License-Identifier: MIT */
/* General allocators: all sizes, any order. Blocks at random are given back and others taken. */
#include <cairn/buddy.h>
#include <cairn/fit.h>
#include <cairn/heap.h>
#include <cairn/slab_set.h>
#include <cairn/system.h>

#include <memory>

#include "bench.hpp"
#include "peers.hpp"

namespace
{

constexpr std::size_t LIVE = 10000, STEPS = 20000;

struct request {
    std::uint32_t block;
    cairn_layout layout;
};

std::vector<request> requests(std::size_t least, std::size_t most, unsigned seed)
{
    std::mt19937 random(seed);
    std::vector<request> list(STEPS);
    for (request &r : list)
        r = {static_cast<std::uint32_t>(random() % LIVE),
             cairn_layout_from_size_align(least + random() % (most - least + 1), 16)};
    return list;
}

/* Blocks in use, and what they were asked for as. */
struct load {
    std::vector<void *> blocks;
    std::vector<cairn_layout> layouts;
};

int replace(std::size_t least, std::size_t most)
{
    std::vector<request> list = requests(least, most, 5);
    char name[100];
    std::snprintf(name, sizeof name,
                  "one of %zu blocks of %zu to %zu bytes replaced; per replacement", LIVE, least,
                  most);
    bench::contest contest(name, STEPS);
    std::vector<std::unique_ptr<load>> loads;
    std::vector<char> regions[3];
    for (auto &region : regions)
        region.resize(64 << 20);

    auto add = [&](const char *who, auto take, auto give, double limit = 0) {
        loads.push_back(std::make_unique<load>());
        load *mine = loads.back().get();
        std::mt19937 random(9);
        for (std::size_t i = 0; i < LIVE; i++) {
            mine->layouts.push_back(list[random() % STEPS].layout);
            mine->blocks.push_back(take(mine->layouts[i]));
        }
        contest.add(
            who,
            [=, &list] {
                for (const request &r : list) {
                    give(mine->blocks[r.block], mine->layouts[r.block]);
                    mine->layouts[r.block] = r.layout;
                    mine->blocks[r.block] = take(r.layout);
                    *static_cast<volatile char *>(mine->blocks[r.block]) = 1;
                }
            },
            limit);
    };
    auto add_allocator = [&](const char *who, cairn_allocator allocator) {
        add(
            who, [=](cairn_layout layout) { return cairn_allocator_alloc(allocator, layout); },
            [=](void *ptr, cairn_layout layout) {
                cairn_allocator_dealloc(allocator, ptr, layout);
            });
    };

    cairn_slab_set *slabs = cairn_slab_set_create(nullptr);
    add_allocator("cairn_slab_set", cairn_slab_set_allocator(slabs));
    cairn_fit fit[4];
    const char *names[] = {"cairn_fit, segregated", "cairn_fit, best"};
    for (int i = 0; i < 2; i++) {
        cairn_fit_opts opts = {};
        opts.strategy = i == 0 ? CAIRN_FIT_SEGREGATED : CAIRN_FIT_BEST;
        cairn_fit_init(&fit[i], regions[i].data(), regions[i].size(), &opts);
        add_allocator(names[i], cairn_fit_allocator(&fit[i]));
    }
    cairn_buddy buddy;
    cairn_buddy_init(&buddy, regions[2].data(), regions[2].size(), nullptr);
    add_allocator("cairn_buddy", cairn_buddy_allocator(&buddy));
    add_allocator("cairn_heap, the malloc of this library", cairn_heap_allocator(nullptr));
    std::pmr::unsynchronized_pool_resource pmr;
    add(
        "std::pmr::unsynchronized_pool_resource",
        [&](cairn_layout layout) { return pmr.allocate(layout.size, layout.align); },
        [&](void *ptr, cairn_layout layout) { pmr.deallocate(ptr, layout.size, layout.align); });
    add(
        "malloc and free", [](cairn_layout layout) { return std::malloc(layout.size); },
        [](void *ptr, cairn_layout) { std::free(ptr); });
    return contest.run();
}

} // namespace

int main()
{
    int missed = replace(16, 1024);
    missed += replace(16, 2048);
    return missed != 0;
}
