/* SPDX-License-Identifier: MIT */
/*
 * slab_resource and slab_set_resource: one thread at a time; synchronized_slab_resource and
 * synchronized_slab_set_resource: any. A slab cache (slab.h) for containers of nodes: what fits into
 * an object comes from it, all else from its source. A slab_set (slab_set.h): all sizes. Both give
 * memory back as demand falls, if their options say so. C++17.
 */
#ifndef CAIRN_PMR_SLAB_HPP
#define CAIRN_PMR_SLAB_HPP

#include "cairn/pmr/pool.hpp"
#include "cairn/pmr/resource.hpp"
#include "cairn/slab.h"
#include "cairn/slab_set.h"

namespace cairn
{

class slab_resource final : public memory_resource
{
  public:
    /* As cairn_slab_create; containers expect no constructor. Throws std::bad_alloc. */
    explicit slab_resource(cairn_layout object, const cairn_slab_opts &opts = {})
        : object_(object), source_(detail::source_or_system(opts.source)),
          slab_(cairn_slab_create(object, &opts))
    {
        if (slab_ == nullptr)
            throw std::bad_alloc();
    }
    ~slab_resource() override { cairn_slab_destroy(slab_); }

    cairn_slab_stats stats() const /* of the cache; O(slabs) */
    {
        cairn_slab_stats stats;
        cairn_slab_stats_get(slab_, &stats);
        return stats;
    }

    /* For all else. */
    cairn_slab *get() const noexcept { return slab_; }

  private:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        return checked(detail::fits(bytes, align, object_)
                           ? cairn_slab_alloc(slab_)
                           : cairn_allocator_alloc(source_, {bytes, align}));
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t align) override
    {
        if (detail::fits(bytes, align, object_))
            cairn_slab_dealloc(slab_, block);
        else
            cairn_allocator_dealloc(source_, block, {bytes, align});
    }

    cairn_layout object_;
    cairn_allocator source_;
    cairn_slab *slab_;
};

/* Private. */
namespace detail
{

struct owned_slab_set {
    explicit owned_slab_set(const cairn_slab_set_opts &opts) : set(cairn_slab_set_create(&opts))
    {
        if (set == nullptr)
            throw std::bad_alloc();
    }
    ~owned_slab_set() { cairn_slab_set_destroy(set); }
    owned_slab_set(const owned_slab_set &) = delete;
    owned_slab_set &operator=(const owned_slab_set &) = delete;

    cairn_slab_set *set;
};

} // namespace detail

class slab_set_resource final : private detail::owned_slab_set, public memory_resource
{
  public:
    /* As cairn_slab_set_create. Throws std::bad_alloc. */
    explicit slab_set_resource(const cairn_slab_set_opts &opts = {})
        : owned_slab_set(opts), memory_resource(cairn_slab_set_allocator(set))
    {
    }

    /* Ends all blocks. O(slabs + large). */
    void reset() noexcept { cairn_slab_set_reset(set); }

    cairn_slab_set_stats stats() const /* O(slabs) */
    {
        cairn_slab_set_stats stats;
        cairn_slab_set_stats_get(set, &stats);
        return stats;
    }

    /* For all else. */
    cairn_slab_set *get() const noexcept { return set; }

  private:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        return checked(cairn_slab_set_alloc(set, {bytes, align}));
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t align) override
    {
        cairn_slab_set_dealloc(set, block, {bytes, align});
    }
};

using synchronized_slab_resource = synchronized<slab_resource>;
using synchronized_slab_set_resource = synchronized<slab_set_resource>;

} // namespace cairn

#endif
