/* SPDX-License-Identifier: MIT */
/*
 * Smart pointers to objects in the memory of any cairn_allocator; C++17. The pointer knows where its
 * object came from. As thread-safe as the allocator, which must outlive what came from it: where a
 * shared_ptr may end in another thread, it must be one for any thread.
 *
 *     auto node = cairn::make_unique<Node>(cairn_pool_allocator(&pool), arguments...);
 *     auto line = cairn::make_unique<Counter, cairn::cache_line>(cairn_heap_allocator(nullptr));
 *
 * The resources of pmr.hpp may stand where a cairn_allocator is asked for. Align, if it is given, is
 * the least alignment of the block, and its size is a multiple of it: with cairn::cache_line the
 * block shares no line of a processor's cache with another one.
 *
 * Errors: std::bad_alloc, and what constructors throw; no memory is held then, and no object left.
 */
#ifndef CAIRN_MEMORY_HPP
#define CAIRN_MEMORY_HPP

#include <climits>
#include <memory>
#include <utility>

#include "cairn/stl.hpp"

namespace cairn
{

/* Private. */
namespace detail
{

/* A valid layout in one word, for nothing has so many bytes. */
class packed_layout
{
  public:
    constexpr packed_layout() noexcept : size_(0), shift_(0) {}
    explicit packed_layout(cairn_layout layout) noexcept
        : size_(layout.size & (SIZE_MAX >> 6)),
          shift_(static_cast<std::size_t>(__builtin_ctzll(layout.align)) & 63)
    {
    }
    cairn_layout get() const noexcept { return {size_, std::size_t(1) << shift_}; }

  private:
    std::size_t size_ : sizeof(std::size_t) * CHAR_BIT - 6;
    std::size_t shift_ : 6;
};

/* A block that goes back unless it is released. */
class held_block
{
  public:
    held_block(cairn_allocator allocator, cairn_layout layout)
        : block(alloc(allocator, layout)), allocator_(allocator), layout_(layout)
    {
    }
    ~held_block() { cairn_allocator_dealloc(allocator_, block, layout_); }
    held_block(const held_block &) = delete;
    held_block &operator=(const held_block &) = delete;

    void *block;

  private:
    cairn_allocator allocator_;
    cairn_layout layout_;
};

} // namespace detail

/*
 * Destructs an object and gives its block back. Three words. That of a derived class becomes that of
 * a base if the base has a virtual destructor. T may be incomplete until it is called.
 */
template <typename T> class deleter
{
  public:
    /* Of an empty pointer. */
    constexpr deleter() noexcept : allocator_{nullptr, nullptr} {}

    /* Of an object in a block that the allocator gave for this layout. */
    deleter(cairn_allocator allocator, cairn_layout layout) noexcept
        : allocator_(allocator), layout_(layout)
    {
    }

    template <typename U,
              typename = std::enable_if_t<
                  std::is_convertible_v<U *, T *> &&
                  std::disjunction_v<std::is_same<std::remove_cv_t<U>, std::remove_cv_t<T>>,
                                     std::has_virtual_destructor<T>>>>
    deleter(const deleter<U> &other) noexcept
        : allocator_(other.get_allocator()), layout_(other.get_layout())
    {
    }

    void operator()(T *object) const noexcept
    {
        void *block;
        if constexpr (std::is_polymorphic_v<T>)
            block = dynamic_cast<void *>(const_cast<std::remove_cv_t<T> *>(object));
        else
            block = const_cast<std::remove_cv_t<T> *>(object);
        object->~T();
        cairn_allocator_dealloc(allocator_, block, layout_.get());
    }

    cairn_allocator get_allocator() const noexcept { return allocator_; }
    cairn_layout get_layout() const noexcept { return layout_.get(); }

  private:
    cairn_allocator allocator_;
    detail::packed_layout layout_;
};

/* The same for the objects of an array, the last one first. O(objects). */
template <typename T> class deleter<T[]>
{
  public:
    constexpr deleter() noexcept : allocator_{nullptr, nullptr} {}
    deleter(cairn_allocator allocator, cairn_layout layout, std::size_t count) noexcept
        : allocator_(allocator), layout_(layout), count_(count)
    {
    }

    void operator()(T *objects) const noexcept
    {
        for (std::size_t i = count_; i > 0; i--)
            objects[i - 1].~T();
        cairn_allocator_dealloc(allocator_, const_cast<std::remove_cv_t<T> *>(objects),
                                layout_.get());
    }

    cairn_allocator get_allocator() const noexcept { return allocator_; }
    cairn_layout get_layout() const noexcept { return layout_.get(); }
    std::size_t size() const noexcept { return count_; }

  private:
    cairn_allocator allocator_;
    detail::packed_layout layout_;
    std::size_t count_ = 0;
};

template <typename T> using unique_ptr = std::unique_ptr<T, deleter<T>>;

/* A T(arguments...) in a block of its own. */
template <typename T, std::size_t Align = 0, typename... Arguments>
[[nodiscard]] std::enable_if_t<!std::is_array_v<T>, unique_ptr<T>> make_unique(
    cairn_allocator allocator, Arguments &&...arguments)
{
    constexpr cairn_layout layout = detail::layout_of<T, Align>(1);
    detail::held_block held(allocator, layout);
    T *object = ::new (held.block) T(std::forward<Arguments>(arguments)...);
    held.block = nullptr;
    return unique_ptr<T>(object, deleter<T>(allocator, layout));
}

/* An array of `count` objects, T(), in one block: make_unique<T[]>(allocator, count). Also throws
 * std::bad_array_new_length. O(count). */
template <typename T, std::size_t Align = 0>
[[nodiscard]] std::enable_if_t<std::is_array_v<T> && std::extent_v<T> == 0, unique_ptr<T>>
make_unique(cairn_allocator allocator, std::size_t count)
{
    using element = std::remove_extent_t<T>;
    cairn_layout layout = detail::checked_layout_of<element, Align>(count);
    detail::held_block held(allocator, layout);
    auto *objects = static_cast<std::remove_cv_t<element> *>(held.block);
    std::uninitialized_value_construct_n(objects, count);
    held.block = nullptr;
    return unique_ptr<T>(objects, deleter<T>(allocator, layout, count));
}

/* A T(arguments...) and the counts of its owners in one block, of shared_layout<T>(). */
template <typename T, std::size_t Align = 0, typename... Arguments>
[[nodiscard]] std::shared_ptr<T> make_shared(cairn_allocator allocator, Arguments &&...arguments)
{
    return std::allocate_shared<T>(allocator_ref<T, Align>(allocator),
                                   std::forward<Arguments>(arguments)...);
}

/* Private. */
namespace detail
{

struct layout_seen {
    cairn_layout layout;
};

template <typename T> struct alignas(T) stand_in {
    unsigned char bytes[sizeof(T)];
};

/* Of the size of an allocator_ref; throws what it was asked for. */
template <typename T, std::size_t Align> class layout_probe
{
  public:
    using value_type = T;
    template <typename U> struct rebind {
        using other = layout_probe<U, Align>;
    };

    layout_probe() noexcept = default;
    template <typename U> layout_probe(const layout_probe<U, Align> &) noexcept {}
    [[noreturn]] T *allocate(std::size_t n) { throw layout_seen{checked_layout_of<T, Align>(n)}; }
    void deallocate(T *, std::size_t) noexcept {}
    template <typename U> bool operator==(const layout_probe<U, Align> &) const { return true; }
    template <typename U> bool operator!=(const layout_probe<U, Align> &) const { return false; }

  private:
    cairn_allocator allocator_ = {nullptr, nullptr};
};

} // namespace detail

/* What make_shared<T, Align> asks its allocator for: the blocks of a pool for it. Asked of the
 * standard library by an exception that is caught here, so not for every call. */
template <typename T, std::size_t Align = 0> [[nodiscard]] cairn_layout shared_layout()
{
    try {
        using object = detail::stand_in<T>;
        std::allocate_shared<object>(detail::layout_probe<object, Align>());
    } catch (const detail::layout_seen &seen) {
        return seen.layout;
    }
    return CAIRN_LAYOUT_NONE;
}

} // namespace cairn

#endif
