/* SPDX-License-Identifier: MIT */
/*
 * Pools of objects (object_pool.h) whose acquire returns a smart pointer, by which the object finds
 * its way back; C++17.
 *
 *   cairn::object_pool<T>               one thread at a time, together with the pointers it gave
 *   cairn::synchronized_object_pool<T>  any thread; a lock around each call. A pointer may end in
 *                                       another thread than it came from.
 *
 *     cairn::object_pool<Parser> parsers([] { return Parser(4096); },
 *                                        [](Parser &parser) { return parser.rewind(); });
 *     auto parser = parsers.acquire();   // made, or one that was used before
 *
 * Both take a second argument, an alignment, which each object then has, and a size that is a
 * multiple of it: with cairn::cache_line no two objects share a line of a processor's cache.
 *
 * The pool must outlive its pointers. What it is given to call may acquire and give back other
 * objects of the same pool. Costs are those of object_pool.h.
 */
#ifndef CAIRN_OBJECT_POOL_HPP
#define CAIRN_OBJECT_POOL_HPP

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "cairn/object_pool.h"
#include "cairn/stl.hpp"

namespace cairn
{

/* As the fields of cairn_object_pool_opts. */
struct object_pool_opts {
    cairn_allocator source = {nullptr, nullptr};
    std::size_t max_objects = 0;
    std::size_t max_idle = 0;
};

/* Private. */
namespace detail
{

struct no_mutex {
    void lock() noexcept {}
    void unlock() noexcept {}
};

} // namespace detail

template <typename T, typename Mutex, std::size_t Align> class basic_object_pool
{
  public:
    /* Of a unique_ptr: gives the object back. */
    class releaser
    {
      public:
        constexpr releaser() noexcept = default;
        explicit releaser(basic_object_pool &pool) noexcept : pool_(&pool) {}
        void operator()(T *object) const noexcept { pool_->release(object); }

      private:
        basic_object_pool *pool_ = nullptr;
    };

    using pointer = std::unique_ptr<T, releaser>;

    /* Of objects T(), used again as their last user left them. Throws std::bad_alloc. */
    explicit basic_object_pool(const object_pool_opts &opts = {})
        : basic_object_pool([] { return T(); }, nullptr, opts)
    {
    }

    /*
     * make() returns a new object. reset(object), if there is one, returns whether it is fit for the
     * next user; if not, or if it throws, the object is destructed. Throws std::bad_alloc.
     */
    template <typename Make>
    explicit basic_object_pool(Make make, std::function<bool(T &)> reset = nullptr,
                               const object_pool_opts &opts = {})
        : make_([made = std::move(make)](void *place) mutable { ::new (place) T(made()); }),
          reset_(std::move(reset))
    {
        cairn_object_pool_opts inner = {};
        inner.source = opts.source;
        inner.max_objects = opts.max_objects;
        inner.max_idle = opts.max_idle;
        inner.construct = construct_object;
        inner.destruct = [](void *, void *object) { static_cast<T *>(object)->~T(); };
        inner.reset = reset_ ? reset_object : nullptr;
        inner.context = this;
        pool_ = cairn_object_pool_create(detail::layout_of<T, Align>(1), &inner);
        if (pool_ == nullptr)
            throw std::bad_alloc();
    }

    /* Destructs all objects, those in use too. O(objects). */
    ~basic_object_pool() { cairn_object_pool_destroy(pool_); }
    basic_object_pool(const basic_object_pool &) = delete;
    basic_object_pool &operator=(const basic_object_pool &) = delete;

    /* An object. Throws what make() throws, and std::bad_alloc: max_objects are in use, or out of
     * memory. O(1) beside make(). */
    [[nodiscard]] pointer acquire()
    {
        pointer object = try_acquire();
        if (object == nullptr)
            throw std::bad_alloc();
        return object;
    }

    /* The same; empty where acquire would throw std::bad_alloc. */
    [[nodiscard]] pointer try_acquire()
    {
        std::lock_guard<Mutex> guard(mutex_);
        failure_ = nullptr;
        auto *object = static_cast<T *>(cairn_object_pool_acquire(pool_));
        if (object == nullptr)
            rethrow();
        return pointer(object, releaser(*this));
    }

    /* An object as acquire gives it, for several owners; their counts are a block of Cairn's heap. */
    [[nodiscard]] std::shared_ptr<T> acquire_shared()
    {
        pointer object = acquire();
        releaser release = object.get_deleter();
        return std::shared_ptr<T>(object.release(), release, cairn::allocator<T>());
    }

    /* Gives back an object that was let go from its pointer by release(). False, and nothing has
     * changed: it is not one of this pool, or not in use. O(log objects) beside reset. */
    bool release(T *object) noexcept
    {
        std::lock_guard<Mutex> guard(mutex_);
        return cairn_object_pool_release(pool_, const_cast<std::remove_cv_t<T> *>(object));
    }

    /* Makes objects until `count` are idle. False: a bound is in the way, or out of memory; what was
     * made stays, also when make() throws. */
    bool prefill(std::size_t count)
    {
        std::lock_guard<Mutex> guard(mutex_);
        failure_ = nullptr;
        bool done = cairn_object_pool_prefill(pool_, count);
        if (!done)
            rethrow();
        return done;
    }

    /* Destructs the idle objects but the `keep` released last, and gives chunks without objects to
     * the source. Returns bytes given. O(idle objects). */
    std::size_t trim(std::size_t keep)
    {
        std::lock_guard<Mutex> guard(mutex_);
        return cairn_object_pool_trim(pool_, keep);
    }

    std::size_t in_use() const
    {
        std::lock_guard<Mutex> guard(mutex_);
        return cairn_object_pool_in_use(pool_);
    }

    std::size_t idle() const
    {
        std::lock_guard<Mutex> guard(mutex_);
        return cairn_object_pool_idle(pool_);
    }

    /* For all else; not under the lock. */
    cairn_object_pool *get() const noexcept { return pool_; }

  private:
    /* No exception may pass through the pool, which is C: it waits in failure_. */
    static bool construct_object(void *context, void *place) noexcept
    {
        auto *self = static_cast<basic_object_pool *>(context);
        try {
            self->make_(place);
            return true;
        } catch (...) {
            self->failure_ = std::current_exception();
            return false;
        }
    }

    static bool reset_object(void *context, void *object) noexcept
    {
        try {
            return static_cast<basic_object_pool *>(context)->reset_(*static_cast<T *>(object));
        } catch (...) {
            return false;
        }
    }

    void rethrow()
    {
        if (failure_ != nullptr)
            std::rethrow_exception(std::exchange(failure_, nullptr));
    }

    std::function<void(void *)> make_;
    std::function<bool(T &)> reset_;
    std::exception_ptr failure_; /* of the latest call */
    cairn_object_pool *pool_ = nullptr;
    mutable Mutex mutex_;
};

template <typename T, std::size_t Align = 0>
using object_pool = basic_object_pool<T, detail::no_mutex, Align>;

template <typename T, std::size_t Align = 0>
using synchronized_object_pool = basic_object_pool<T, std::recursive_mutex, Align>;

} // namespace cairn

#endif
