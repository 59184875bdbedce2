/* SPDX-License-Identifier: MIT */
/* Lines parsed in an arena that goes back to a mark after each, and the same containers elsewhere. */
#include <cairn/pmr.hpp>

#include <algorithm>
#include <cstdio>
#include <list>
#include <string>
#include <string_view>
#include <vector>

using fields = std::pmr::vector<std::pmr::string>;

static fields split(std::string_view line, std::pmr::memory_resource *memory)
{
    fields list(memory);
    while (!line.empty()) {
        std::size_t end = std::min(line.find(','), line.size());
        list.emplace_back(line.substr(0, end)); /* in the same memory, as pmr does it */
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return list;
}

int main()
{
    cairn::arena_resource arena("lines", 64 << 10);
    std::size_t total = 0;
    for (int i = 0; i < 1000; i++) {
        auto scope = arena.scope(); /* at its end, all gone; the memory stays for the next one */
        fields list = split("one field that is long enough to need a block,two,three", &arena);
        total += list.size();
    }
    cairn_arena_stats stats = arena.stats();
    std::printf("%zu fields, arena %s: %zu bytes in use, %s than 2 KiB at peak\n", total,
                stats.name, stats.used, stats.peak < 2048 ? "less" : "more");

    /* More than the limit is an exception, and changes nothing. */
    try {
        std::pmr::string large(100000, 'x', &arena);
    } catch (const std::bad_alloc &) {
        std::printf("100,000 bytes: refused\n");
    }

    /* Nodes in a pool for any thread, any stack as text; both are resources like others. */
    cairn::synchronized_pool_resource pool({32, 8});
    std::pmr::list<long> list({1, 2, 3}, &pool);
    cairn_atomic_pool_stats blocks = pool.stats();
    std::printf("%zu nodes in the pool\n", blocks.blocks - blocks.free);
    cairn::stack_resource stack("fallback(bump:64K,heap)");
    fields copy(split("a,b,c", &arena), &stack);
    std::printf("%zu fields copied\n", copy.size());
    try {
        cairn::stack_resource wrong("counted(fitt)");
    } catch (const cairn::stack_error &error) {
        std::printf("at %zu: %.25s...\n", error.at(), error.what());
    }
    return 0;
}
