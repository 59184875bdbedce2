/* SPDX-License-Identifier: MIT */
/*
 * Allocators for the containers of the standard library and those that ask for the same; C++17.
 *
 *   cairn::allocator<T>       Cairn's heap (cairn.h). Any thread. All are equal, and empty.
 *   cairn::allocator_ref<T>   a cairn_allocator of the kit (allocator.h), which must outlive every
 *                             container that has it; as thread-safe as that one. Two words.
 *
 * Both take a second argument, an alignment, and give every block that alignment and a size that is
 * a multiple of it: so with cairn::cache_line no two blocks share a line of a processor's cache, and
 * threads that write to different blocks do not slow each other. For containers of nodes that is a
 * line or more for each element.
 *
 * Errors: std::bad_array_new_length for a number of elements that no memory could hold,
 * std::bad_alloc where there is none now; nothing has changed then.
 */
#ifndef CAIRN_STL_HPP
#define CAIRN_STL_HPP

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "cairn.h"
#include "cairn/allocator.h"

namespace cairn
{

/* Bytes of a line of a processor's cache, on most machines. */
inline constexpr std::size_t cache_line = 64;

/* Private. */
namespace detail
{

template <typename T, std::size_t Align> constexpr std::size_t align_of() noexcept
{
    static_assert((Align & (Align - 1)) == 0, "an alignment is a power of two");
    return Align > alignof(T) ? Align : alignof(T);
}

/* Of n objects in a row that are known to fit into memory. */
template <typename T, std::size_t Align> constexpr cairn_layout layout_of(std::size_t n) noexcept
{
    constexpr std::size_t align = align_of<T, Align>();
    return {(n * sizeof(T) + (align - 1)) & ~(align - 1), align};
}

template <typename T, std::size_t Align> constexpr cairn_layout checked_layout_of(std::size_t n)
{
    constexpr std::size_t most = std::size_t(PTRDIFF_MAX) - (align_of<T, Align>() - 1);
    if (n > most / sizeof(T))
        throw std::bad_array_new_length();
    return layout_of<T, Align>(n);
}

[[nodiscard]] inline void *alloc(cairn_allocator allocator, cairn_layout layout)
{
    void *block = cairn_allocator_alloc(allocator, layout);
    if (block == nullptr)
        throw std::bad_alloc();
    return block;
}

} // namespace detail

/* Blocks of Cairn's heap, those of the thread that asks; any thread may give them back. */
template <typename T, std::size_t Align = 0> class allocator
{
  public:
    using value_type = T;
    using is_always_equal = std::true_type;
    using propagate_on_container_move_assignment = std::true_type;
    template <typename U> struct rebind {
        using other = allocator<U, Align>;
    };

    constexpr allocator() noexcept = default;
    template <typename U> constexpr allocator(const allocator<U, Align> &) noexcept {}

    /* Memory for n objects, 0 included; cost as of cairn_malloc. Throws as said above. */
    [[nodiscard]] T *allocate(std::size_t n)
    {
        cairn_layout layout = detail::checked_layout_of<T, Align>(n);
        void *block = nullptr;
        if constexpr (detail::align_of<T, Align>() <= 16)
            block = cairn_malloc(layout.size);
        else
            block = cairn_aligned_alloc(layout.align, layout.size);
        if (block == nullptr)
            throw std::bad_alloc();
        return static_cast<T *>(block);
    }

    /* Ends what allocate(n) gave. */
    void deallocate(T *objects, std::size_t n) noexcept
    {
        cairn_free_sized(objects, detail::layout_of<T, Align>(n).size);
    }
};

template <typename T, typename U, std::size_t Align>
constexpr bool operator==(const allocator<T, Align> &, const allocator<U, Align> &) noexcept
{
    return true;
}

template <typename T, typename U, std::size_t Align>
constexpr bool operator!=(const allocator<T, Align> &, const allocator<U, Align> &) noexcept
{
    return false;
}

/*
 * Blocks of a cairn_allocator. Equal are those of the same one. A container that is moved or swapped
 * takes its allocator along, so that neither ever copies an element; one that is copied into keeps
 * its own; a new copy has that of the original. (So a container that was moved out of a function
 * still lives in the memory it was filled in: mind which arena that is. Where containers shall keep
 * their memory whatever is moved into them, use the resources of pmr.hpp.)
 */
template <typename T, std::size_t Align = 0> class allocator_ref
{
  public:
    using value_type = T;
    using is_always_equal = std::false_type;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    template <typename U> struct rebind {
        using other = allocator_ref<U, Align>;
    };

    allocator_ref(cairn_allocator allocator) noexcept : allocator_(allocator) {}
    template <typename U>
    allocator_ref(const allocator_ref<U, Align> &other) noexcept : allocator_(other.get())
    {
    }

    /* Memory for n objects, 0 included; cost as of the allocator. Throws as said above. */
    [[nodiscard]] T *allocate(std::size_t n)
    {
        return static_cast<T *>(detail::alloc(allocator_, detail::checked_layout_of<T, Align>(n)));
    }

    /* Ends what allocate(n) of an equal one gave. */
    void deallocate(T *objects, std::size_t n) noexcept
    {
        cairn_allocator_dealloc(allocator_, objects, detail::layout_of<T, Align>(n));
    }

    cairn_allocator get() const noexcept { return allocator_; }

  private:
    cairn_allocator allocator_;
};

template <typename T, typename U, std::size_t Align>
bool operator==(const allocator_ref<T, Align> &a, const allocator_ref<U, Align> &b) noexcept
{
    return a.get().ops == b.get().ops && a.get().self == b.get().self;
}

template <typename T, typename U, std::size_t Align>
bool operator!=(const allocator_ref<T, Align> &a, const allocator_ref<U, Align> &b) noexcept
{
    return !(a == b);
}

} // namespace cairn

#endif
