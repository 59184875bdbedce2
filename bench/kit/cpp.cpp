/* SPDX-License-Identifier: MIT */
/* Containers by Cairn's allocators and resources, beside those of the standard library and Boost. */
#include <cairn/pmr.hpp>
#include <cairn/stl.hpp>

#include <list>
#include <map>
#include <string>
#include <unordered_map>

#include "bench.hpp"
#include "peers.hpp"

#ifndef BENCH_BOOST_CONTAINER
#define BENCH_BOOST_CONTAINER 0
#endif
#if BENCH_BOOST_CONTAINER
#include <boost/container/pmr/monotonic_buffer_resource.hpp>
#include <boost/container/pmr/unsynchronized_pool_resource.hpp>
#endif

namespace
{

#if BENCH_BOOST_CONTAINER
/* A resource of Boost's as one of the standard library's. */
template <typename Resource> class boost_resource final : public std::pmr::memory_resource
{
  public:
    template <typename... Arguments>
    explicit boost_resource(Arguments... arguments) : inner(arguments...)
    {
    }
    Resource inner;

  private:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        return inner.allocate(bytes, align);
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t align) override
    {
        inner.deallocate(block, bytes, align);
    }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        return this == &other;
    }
};
#endif

constexpr int ELEMENTS = 4000;

using any = std::pmr::polymorphic_allocator<char>;

const std::vector<std::uint32_t> keys = [] {
    std::mt19937 random(11);
    std::vector<std::uint32_t> list(ELEMENTS);
    for (std::uint32_t &key : list)
        key = static_cast<std::uint32_t>(random());
    return list;
}();

/* Each makes its container with an allocator, fills it, and lets it go. Figures are for an element. */
struct vector_of_strings {
    static constexpr const char *name = "a vector of strings of 40 characters";
    template <typename Allocator> static void work(const Allocator &allocator)
    {
        using traits = std::allocator_traits<Allocator>;
        using string = std::basic_string<char, std::char_traits<char>,
                                         typename traits::template rebind_alloc<char>>;
        std::vector<string, typename traits::template rebind_alloc<string>> list(allocator);
        for (std::uint32_t key : keys)
            list.emplace_back(40, static_cast<char>(key), allocator);
        bench::escape(list.data());
    }
    /* Those of std::pmr hand their memory on by themselves. */
    template <typename T> static void work(const std::pmr::polymorphic_allocator<T> &allocator)
    {
        std::pmr::vector<std::pmr::string> list(allocator);
        for (std::uint32_t key : keys)
            list.emplace_back(40, static_cast<char>(key));
        bench::escape(list.data());
    }
};

struct list_of_numbers {
    static constexpr const char *name = "a list of numbers";
    template <typename Allocator> static void work(const Allocator &allocator)
    {
        std::list<std::uint32_t,
                  typename std::allocator_traits<Allocator>::template rebind_alloc<std::uint32_t>>
            list(keys.begin(), keys.end(), allocator);
        bench::escape(&list.front());
    }
};

struct table_of_numbers {
    static constexpr const char *name = "an unordered_map of numbers";
    template <typename Allocator> static void work(const Allocator &allocator)
    {
        using entry = std::pair<const std::uint32_t, std::uint32_t>;
        std::unordered_map<std::uint32_t, std::uint32_t, std::hash<std::uint32_t>, std::equal_to<>,
                           typename std::allocator_traits<Allocator>::template rebind_alloc<entry>>
            table(allocator);
        for (std::uint32_t key : keys)
            table.emplace(key, key);
        bench::escape(&table);
    }
};

struct map_that_changes {
    static constexpr const char *name = "a map, one number out for each that comes in";
    template <typename Allocator> static void work(const Allocator &allocator)
    {
        using entry = std::pair<const std::uint32_t, std::uint32_t>;
        std::map<std::uint32_t, std::uint32_t, std::less<>,
                 typename std::allocator_traits<Allocator>::template rebind_alloc<entry>>
            map(allocator);
        constexpr int HALF = ELEMENTS / 2;
        for (int i = 0; i < ELEMENTS; i++) {
            map.emplace(keys[i], i);
            if (i >= HALF)
                map.erase(keys[i - HALF]);
        }
        bench::escape(&map);
    }
};

/* All blocks end together: nothing is used again before. */
template <typename Work> int together(double limit = 0)
{
    static std::vector<char> buffers[2] = {std::vector<char>(1 << 20), std::vector<char>(1 << 20)};
    bench::contest contest(std::string(Work::name) + ", nothing freed before the end", ELEMENTS);
    cairn_arena_opts opts = {};
    opts.first_chunk = 1 << 20;
    cairn::arena_resource arena(opts);
    contest.add("cairn::arena_resource", [&] {
        Work::work(any(&arena));
        arena.reset();
    });
    std::pmr::monotonic_buffer_resource monotonic(buffers[0].data(), buffers[0].size());
    contest.add(
        "std::pmr::monotonic_buffer_resource",
        [&] {
            Work::work(any(&monotonic));
            monotonic.release();
        },
        limit);
#if BENCH_BOOST_CONTAINER
    boost_resource<boost::container::pmr::monotonic_buffer_resource> boost(buffers[1].data(),
                                                                           buffers[1].size());
    contest.add("boost, monotonic_buffer_resource", [&] {
        Work::work(any(&boost));
        boost.inner.release();
    });
#endif
    return contest.run();
}

/* Blocks come and go one by one, in one thread. */
template <typename Work> int one_by_one(double limit = 0)
{
    bench::contest contest(std::string(Work::name) + ", in one thread", ELEMENTS);
    cairn::pool_resource pool({48, 8});
    contest.add("cairn::pool_resource", [&] { Work::work(any(&pool)); });
    cairn::slab_set_resource set;
    contest.add("cairn::slab_set_resource", [&] { Work::work(any(&set)); });
    std::pmr::unsynchronized_pool_resource pools;
    contest.add(
        "std::pmr::unsynchronized_pool_resource", [&] { Work::work(any(&pools)); }, limit);
#if BENCH_BOOST_CONTAINER
    boost_resource<boost::container::pmr::unsynchronized_pool_resource> boost;
    contest.add("boost, unsynchronized_pool_resource", [&] { Work::work(any(&boost)); });
#endif
    return contest.run();
}

/* The same, and any thread may. */
template <typename Work> int from_any_thread()
{
    bench::contest contest(std::string(Work::name) + ", for any thread", ELEMENTS);
    contest.add("cairn::allocator", [] { Work::work(cairn::allocator<char>()); });
    cairn::allocator_ref<char> ref(cairn_heap_allocator(nullptr));
    contest.add("cairn::allocator_ref, the same heap", [=] { Work::work(ref); });
    cairn::synchronized_pool_resource pool({48, 8});
    contest.add("cairn::synchronized_pool_resource", [&] { Work::work(any(&pool)); });
    cairn::synchronized_heap_resource heap;
    contest.add("cairn::synchronized_heap_resource", [&] { Work::work(any(&heap)); });
    contest.add("std::allocator, glibc's malloc", [] { Work::work(std::allocator<char>()); });
    std::pmr::synchronized_pool_resource pools;
    contest.add("std::pmr::synchronized_pool_resource", [&] { Work::work(any(&pools)); });
    return contest.run();
}

} // namespace

int main()
{
    int missed = together<vector_of_strings>();
    missed += together<list_of_numbers>(1.0);
    missed += one_by_one<table_of_numbers>(1.0);
    missed += one_by_one<map_that_changes>();
    missed += from_any_thread<vector_of_strings>();
    missed += from_any_thread<map_that_changes>();
    return missed != 0;
}
