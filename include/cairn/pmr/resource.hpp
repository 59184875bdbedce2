/* SPDX-License-Identifier: MIT */
/*
 * What all resources have in common, a resource over any cairn_allocator, a lock around any
 * resource, and the way back: a std::pmr::memory_resource as a cairn_allocator. C++17.
 *
 * allocate(bytes, align) is a virtual call and what the allocator does; std::bad_alloc where that
 * has no memory or does not serve such blocks. Two resources are equal if blocks of one may be given
 * back to the other: if both are over the same cairn_allocator. (Without RTTI each is equal to
 * itself alone.) Containers must end before the resource that they have.
 */
#ifndef CAIRN_PMR_RESOURCE_HPP
#define CAIRN_PMR_RESOURCE_HPP

#if !__has_include(<memory_resource>)
#error "this standard library has no std::pmr (libc++ has it from version 16 on)"
#endif

#include <cstddef>
#include <memory_resource>
#include <new>
#include <utility>

#include "cairn/allocator.h"
#include "cairn/locked.h"

namespace cairn
{

/* Private. */
namespace detail
{

inline const cairn_allocator_ops *pmr_ops() noexcept
{
    static constexpr cairn_allocator_ops ops = {
        "pmr",
        [](void *self, cairn_layout layout) noexcept -> void * {
            try {
                return static_cast<std::pmr::memory_resource *>(self)->allocate(layout.size,
                                                                                layout.align);
            } catch (...) {
                return nullptr;
            }
        },
        [](void *self, void *block, cairn_layout layout) {
            static_cast<std::pmr::memory_resource *>(self)->deallocate(block, layout.size,
                                                                       layout.align);
        },
        nullptr,
        nullptr,
        nullptr,
        nullptr,
    };
    return &ops;
}

} // namespace detail

/*
 * Any resource as the source of an allocator of the kit. It must outlive that, and be as thread-safe
 * as that needs. An exception of the resource is out of memory. Cannot tell what it owns.
 */
inline cairn_allocator allocator_over(std::pmr::memory_resource &resource) noexcept
{
    return {detail::pmr_ops(), &resource};
}

/* The base of all. Neither copied nor moved: containers hold its address. */
class memory_resource : public std::pmr::memory_resource
{
  public:
    memory_resource(const memory_resource &) = delete;
    memory_resource &operator=(const memory_resource &) = delete;

    /* The same blocks by the C interface, as for make_unique of memory.hpp; as thread-safe as the
     * resource, and valid as long as it is. */
    cairn_allocator allocator() const noexcept { return allocator_; }
    operator cairn_allocator() const noexcept { return allocator_; }

  protected:
    explicit memory_resource(cairn_allocator allocator) noexcept : allocator_(allocator) {}

    /* Over what do_allocate and do_deallocate of the derived class are. */
    memory_resource() noexcept : allocator_(allocator_over(*this)) {}

    static void *checked(void *block)
    {
        if (__builtin_expect(block == nullptr, 0))
            throw std::bad_alloc();
        return block;
    }

  private:
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        if (this == &other)
            return true;
#ifdef __cpp_rtti
        const auto *ours = dynamic_cast<const memory_resource *>(&other);
        return ours != nullptr && ours->allocator_.ops == allocator_.ops &&
               ours->allocator_.self == allocator_.self;
#else
        return false;
#endif
    }

    cairn_allocator allocator_;
};

/* Any cairn_allocator, which must outlive it: as thread-safe as that one. */
class allocator_resource final : public memory_resource
{
  public:
    explicit allocator_resource(cairn_allocator allocator) noexcept : memory_resource(allocator) {}

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

/* Private. */
namespace detail
{

template <typename Resource> struct lock_around {
    template <typename... Arguments>
    explicit lock_around(Arguments &&...arguments) : inner(std::forward<Arguments>(arguments)...)
    {
        cairn_locked_init(&locked, inner.allocator());
    }
    ~lock_around() { cairn_locked_fini(&locked); }

    Resource inner;
    cairn_locked locked;
};

} // namespace detail

/*
 * A resource of another kind, made from the same arguments, under a lock (locked.h): any thread. An
 * uncontended call costs two atomic operations more.
 */
template <typename Resource>
class synchronized final : private detail::lock_around<Resource>, public memory_resource
{
    using around = detail::lock_around<Resource>;

  public:
    template <typename... Arguments>
    explicit synchronized(Arguments &&...arguments)
        : around(std::forward<Arguments>(arguments)...),
          memory_resource(cairn_locked_allocator(&this->locked))
    {
    }

    /* What function(resource) returns, called under the lock: for marks, figures, a reset. It must
     * not use this object, which would wait for itself. */
    template <typename Function> decltype(auto) with(Function &&function)
    {
        struct guard {
            explicit guard(cairn_locked &lock) : held(lock) { cairn_locked_acquire(&held); }
            ~guard() { cairn_locked_release(&held); }
            guard(const guard &) = delete;
            guard &operator=(const guard &) = delete;
            cairn_locked &held;
        } held(this->locked);
        return std::forward<Function>(function)(this->inner);
    }

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

using synchronized_allocator_resource = synchronized<allocator_resource>;

} // namespace cairn

#endif
