/* SPDX-License-Identifier: MIT */
/* What a user would take instead of the kit, as far as this machine has it: each a small class. */
#ifndef BENCH_KIT_PEERS_HPP
#define BENCH_KIT_PEERS_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory_resource>
#include <mutex>

#include <obstack.h>

#if __has_include(<boost/pool/pool.hpp>)
#include <boost/pool/pool.hpp>
#define BENCH_BOOST 1
#else
#define BENCH_BOOST 0
#endif

#ifndef BENCH_APR
#define BENCH_APR 0
#endif
#if BENCH_APR
#include <apr_general.h>
#include <apr_pools.h>
#endif

#ifndef BENCH_TALLOC
#define BENCH_TALLOC 0
#endif
#if BENCH_TALLOC
#include <talloc.h>
#endif

#ifndef BENCH_GLIB
#define BENCH_GLIB 0
#endif
#if BENCH_GLIB
#include <glib.h>
#endif

#define obstack_chunk_alloc std::malloc
#define obstack_chunk_free  std::free

namespace bench
{

/* The loop that one writes by hand when there is nothing to be had. */
class hand_bump
{
  public:
    hand_bump(void *buffer, std::size_t size)
        : start_(reinterpret_cast<std::uintptr_t>(buffer)), next_(start_), end_(start_ + size)
    {
    }
    void *take(std::size_t size, std::size_t align)
    {
        std::uintptr_t at = (next_ + align - 1) & ~(align - 1);
        if (size > end_ - at)
            return nullptr;
        next_ = at + size;
        return reinterpret_cast<void *>(at);
    }
    void reset() { next_ = start_; }

  private:
    std::uintptr_t start_, next_, end_;
};

/* A list of free blocks under a mutex: the pool that threads share when nobody has thought long. */
class mutex_pool
{
  public:
    mutex_pool(std::size_t size, std::size_t count) : memory_(std::malloc(size * count))
    {
        for (std::size_t i = 0; i < count; i++)
            give(static_cast<char *>(memory_) + i * size);
    }
    ~mutex_pool() { std::free(memory_); }
    mutex_pool(const mutex_pool &) = delete;
    mutex_pool &operator=(const mutex_pool &) = delete;

    void *take()
    {
        std::lock_guard<std::mutex> guard(mutex_);
        link *first = first_;
        if (first != nullptr)
            first_ = first->next;
        return first;
    }
    void give(void *block)
    {
        std::lock_guard<std::mutex> guard(mutex_);
        link *first = static_cast<link *>(block);
        first->next = first_;
        first_ = first;
    }

  private:
    struct link {
        link *next;
    };
    void *memory_;
    link *first_ = nullptr;
    std::mutex mutex_;
};

} // namespace bench

#endif
