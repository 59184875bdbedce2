/* SPDX-License-Identifier: MIT */
/*
 * Any thread. A heap of one's own (heap.h) as a std::pmr::memory_resource: blocks come and go one by
 * one in all sizes, and what is left ends with the resource. It has a lock; for the heaps of the
 * threads, which have none, take allocator_resource(cairn_heap_allocator(nullptr)). C++17.
 */
#ifndef CAIRN_PMR_HEAP_HPP
#define CAIRN_PMR_HEAP_HPP

#include "cairn/heap.h"
#include "cairn/pmr/resource.hpp"

namespace cairn
{

/* Private. */
namespace detail
{

struct owned_heap {
    explicit owned_heap(const char *name) : heap(cairn_heap_create(name))
    {
        if (heap == nullptr)
            throw std::bad_alloc();
    }
    ~owned_heap() { cairn_heap_destroy(heap); }
    owned_heap(const owned_heap &) = delete;
    owned_heap &operator=(const owned_heap &) = delete;

    cairn_heap *heap;
};

} // namespace detail

class synchronized_heap_resource final : private detail::owned_heap, public memory_resource
{
  public:
    /* name: what statistics call it, copied. Throws std::bad_alloc. O(1). */
    explicit synchronized_heap_resource(const char *name = nullptr)
        : owned_heap(name), memory_resource(cairn_heap_allocator(heap))
    {
    }

    cairn_heap_stats stats() const /* O(pages of the heap) */
    {
        cairn_heap_stats stats = {};
        stats.size = sizeof stats;
        cairn_heap_stats_get(heap, &stats);
        return stats;
    }

    /* For all else. */
    cairn_heap *get() const noexcept { return heap; }

  private:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        return checked(cairn_allocator_alloc(allocator(), {bytes, align}));
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t align) override
    {
        cairn_allocator_dealloc(allocator(), block, {bytes, align});
    }
};

} // namespace cairn

#endif
