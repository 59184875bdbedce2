/* SPDX-License-Identifier: MIT */
/*
 * arena_resource: one thread at a time; synchronized_arena_resource: any. An arena (arena.h) as a
 * std::pmr::memory_resource, with its marks and its statistics:
 *
 *     cairn::arena_resource memory("parse", 1 << 20);
 *     {
 *         auto scope = memory.scope();                    // ends with all that was allocated in it
 *         std::pmr::vector<std::pmr::string> words(&memory);
 *     }
 *
 * Blocks end by a rewind, a reset, or with the resource. One that is given back is used again at once
 * if it is the latest. C++17.
 */
#ifndef CAIRN_PMR_ARENA_HPP
#define CAIRN_PMR_ARENA_HPP

#include "cairn/arena.h"
#include "cairn/pmr/resource.hpp"

namespace cairn
{

/* Private. */
namespace detail
{

struct owned_arena {
    explicit owned_arena(const cairn_arena_opts &opts)
    {
        if (!cairn_arena_init(&arena, &opts))
            throw std::bad_alloc();
    }
    ~owned_arena() { cairn_arena_fini(&arena); }
    owned_arena(const owned_arena &) = delete;
    owned_arena &operator=(const owned_arena &) = delete;

    cairn_arena arena;
};

inline cairn_arena_opts arena_opts(const char *name, std::size_t limit) noexcept
{
    cairn_arena_opts opts = {};
    opts.name = name;
    opts.limit = limit;
    return opts;
}

} // namespace detail

class arena_resource final : private detail::owned_arena, public memory_resource
{
  public:
    /* What ends the blocks allocated since it began, when it ends; containers must end before. */
    class scope_guard
    {
      public:
        explicit scope_guard(arena_resource &resource) : resource_(resource), mark_(resource.mark())
        {
        }
        ~scope_guard() { resource_.rewind(mark_); }
        scope_guard(const scope_guard &) = delete;
        scope_guard &operator=(const scope_guard &) = delete;

      private:
        arena_resource &resource_;
        cairn_mark mark_;
    };

    /* Throws std::bad_alloc where cairn_arena_init fails. O(1). */
    explicit arena_resource(const cairn_arena_opts &opts)
        : owned_arena(opts), memory_resource(cairn_arena_allocator(&arena))
    {
    }

    /* The name is of figures, and must outlive it; limit: bytes held in chunks, 0: any number. */
    explicit arena_resource(const char *name = nullptr, std::size_t limit = 0)
        : arena_resource(detail::arena_opts(name, limit))
    {
    }

    /* As cairn_arena_mark, _rewind, _reset and _trim. */
    [[nodiscard]] cairn_mark mark() noexcept { return cairn_arena_mark(&arena); }
    bool rewind(cairn_mark mark) noexcept { return cairn_arena_rewind(&arena, mark); }
    void reset() noexcept { cairn_arena_reset(&arena); }
    std::size_t trim(std::size_t keep) noexcept { return cairn_arena_trim(&arena, keep); }

    [[nodiscard]] scope_guard scope() { return scope_guard(*this); }

    cairn_arena_stats stats() const noexcept { return cairn_arena_stats_get(&arena); } /* O(1) */

    /* For all else. */
    cairn_arena *get() noexcept { return &arena; }

  private:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        return checked(cairn_arena_alloc(&arena, bytes, align));
    }
    /* Nearly always there is nothing to be done: only the latest block, or the latest of those with
     * a chunk of their own, is used again; but without the inline path every block counts. */
    void do_deallocate(void *block, std::size_t bytes, std::size_t align) override
    {
        if (__builtin_expect(bytes - 1 >= own_chunk - 1 || arena.end == nullptr ||
                                 static_cast<char *>(block) + bytes == arena.next,
                             0))
            cairn_arena_dealloc(&arena, block, {bytes, align});
    }

    /* Blocks of so many bytes or more may have a chunk of their own. */
    static constexpr std::size_t own_chunk = 1024;
};

using synchronized_arena_resource = synchronized<arena_resource>;

} // namespace cairn

#endif
