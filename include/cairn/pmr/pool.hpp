/* SPDX-License-Identifier: MIT */
/*
 * pool_resource: one thread at a time, a pool (pool.h); synchronized_pool_resource: any thread, a
 * lock-free one (atomic_pool.h). Blocks of one size, for containers of nodes: what fits into a block
 * comes from the pool, all else, such as the table of an unordered_map, from the pool's source. C++17.
 */
#ifndef CAIRN_PMR_POOL_HPP
#define CAIRN_PMR_POOL_HPP

#include "cairn/atomic_pool.h"
#include "cairn/pmr/resource.hpp"
#include "cairn/pool.h"
#include "cairn/system.h"

namespace cairn
{

/* Private. */
namespace detail
{

inline cairn_allocator source_or_system(cairn_allocator source) noexcept
{
    return source.ops != nullptr ? source : cairn_system();
}

inline bool fits(std::size_t bytes, std::size_t align, cairn_layout block) noexcept
{
    return bytes <= block.size && align <= block.align;
}

} // namespace detail

class pool_resource final : public memory_resource
{
  public:
    /* As cairn_pool_init; no memory is taken yet. Throws std::bad_alloc where that is false. */
    explicit pool_resource(cairn_layout block, const cairn_pool_opts &opts = {})
        : block_(block), source_(detail::source_or_system(opts.source))
    {
        if (!cairn_pool_init(&pool_, block, &opts))
            throw std::bad_alloc();
    }
    ~pool_resource() override { cairn_pool_fini(&pool_); }

    /* Of the pool: blocks in all chunks, O(1); in use, O(free ones). */
    std::size_t capacity() const noexcept { return cairn_pool_capacity(&pool_); }
    std::size_t live() const noexcept { return cairn_pool_live(&pool_); }

    /* Gives chunks without blocks in use to the source; bytes given. O(f log f) for f free blocks. */
    std::size_t trim() noexcept { return cairn_pool_trim(&pool_); }

    /* For all else. */
    cairn_pool *get() noexcept { return &pool_; }

  private:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        return checked(detail::fits(bytes, align, block_)
                           ? cairn_pool_alloc(&pool_)
                           : cairn_allocator_alloc(source_, {bytes, align}));
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t align) override
    {
        if (detail::fits(bytes, align, block_))
            cairn_pool_dealloc(&pool_, block);
        else
            cairn_allocator_dealloc(source_, block, {bytes, align});
    }

    cairn_layout block_;
    cairn_allocator source_;
    cairn_pool pool_;
};

/* The source must be one for any thread, as cairn_system() is, which serves if there is none. */
class synchronized_pool_resource final : public memory_resource
{
  public:
    /* As cairn_atomic_pool_create. Throws std::bad_alloc where that is NULL. */
    explicit synchronized_pool_resource(cairn_layout block, const cairn_atomic_pool_opts &opts = {})
        : block_(block), source_(detail::source_or_system(opts.source)),
          pool_(cairn_atomic_pool_create(block, &opts))
    {
        if (pool_ == nullptr)
            throw std::bad_alloc();
    }
    ~synchronized_pool_resource() override { cairn_atomic_pool_destroy(pool_); }

    cairn_atomic_pool_stats stats() const /* of the pool; O(blocks / 64) */
    {
        return cairn_atomic_pool_stats_get(pool_);
    }

    /* For all else. */
    cairn_atomic_pool *get() const noexcept { return pool_; }

  private:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        return checked(detail::fits(bytes, align, block_)
                           ? cairn_atomic_pool_alloc(pool_)
                           : cairn_allocator_alloc(source_, {bytes, align}));
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t align) override
    {
        if (detail::fits(bytes, align, block_))
            cairn_atomic_pool_dealloc(pool_, block);
        else
            cairn_allocator_dealloc(source_, block, {bytes, align});
    }

    cairn_layout block_;
    cairn_allocator source_;
    cairn_atomic_pool *pool_;
};

} // namespace cairn

#endif
