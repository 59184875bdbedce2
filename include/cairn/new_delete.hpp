/* SPDX-License-Identifier: MIT */
/*
 * Include this in exactly one file of a program, and all its operators new and delete, those inside
 * the libraries that it uses too, take their blocks from Cairn's heap. malloc stays what it is: to
 * replace that as well, link or preload libcairn-malloc, which has these operators in it, and leave
 * this out. Included in two files, or together with others' operators, it does not link.
 *
 * As the standard has it: any thread; a size of 0 gives a block of its own; when there is no memory
 * the new_handler is called until there is some, or there is no handler: then std::bad_alloc, or
 * NULL from nothrow forms. Sized forms must be given the size that was asked for. Costs are those of
 * cairn_malloc and cairn_free. A block of new may also be given to cairn_free.
 */
#ifndef CAIRN_NEW_DELETE_HPP
#define CAIRN_NEW_DELETE_HPP

#include <cstddef>
#include <new>

#include "cairn.h"

/* Private. */
namespace cairn::detail
{

/* Alignments up to that of cairn_malloc come as 1. */
inline void *new_block(std::size_t size, std::size_t align)
{
    for (;;) {
        void *block = align <= 16 ? cairn_malloc(size) : cairn_aligned_alloc(align, size);
        if (__builtin_expect(block != nullptr, 1))
            return block;
        std::new_handler handler = std::get_new_handler();
        if (handler == nullptr)
            throw std::bad_alloc();
        handler();
    }
}

inline void *new_block_or_null(std::size_t size, std::size_t align) noexcept
{
    try {
        return new_block(size, align);
    } catch (...) {
        return nullptr;
    }
}

} // namespace cairn::detail

void *operator new(std::size_t size)
{
    return cairn::detail::new_block(size, 1);
}

void *operator new[](std::size_t size)
{
    return cairn::detail::new_block(size, 1);
}

void *operator new(std::size_t size, std::align_val_t align)
{
    return cairn::detail::new_block(size, static_cast<std::size_t>(align));
}

void *operator new[](std::size_t size, std::align_val_t align)
{
    return cairn::detail::new_block(size, static_cast<std::size_t>(align));
}

void *operator new(std::size_t size, const std::nothrow_t &) noexcept
{
    return cairn::detail::new_block_or_null(size, 1);
}

void *operator new[](std::size_t size, const std::nothrow_t &) noexcept
{
    return cairn::detail::new_block_or_null(size, 1);
}

void *operator new(std::size_t size, std::align_val_t align, const std::nothrow_t &) noexcept
{
    return cairn::detail::new_block_or_null(size, static_cast<std::size_t>(align));
}

void *operator new[](std::size_t size, std::align_val_t align, const std::nothrow_t &) noexcept
{
    return cairn::detail::new_block_or_null(size, static_cast<std::size_t>(align));
}

void operator delete(void *block) noexcept
{
    cairn_free(block);
}

void operator delete[](void *block) noexcept
{
    cairn_free(block);
}

void operator delete(void *block, std::size_t size) noexcept
{
    cairn_free_sized(block, size);
}

void operator delete[](void *block, std::size_t size) noexcept
{
    cairn_free_sized(block, size);
}

void operator delete(void *block, std::align_val_t) noexcept
{
    cairn_free(block);
}

void operator delete[](void *block, std::align_val_t) noexcept
{
    cairn_free(block);
}

void operator delete(void *block, std::size_t size, std::align_val_t) noexcept
{
    cairn_free_sized(block, size);
}

void operator delete[](void *block, std::size_t size, std::align_val_t) noexcept
{
    cairn_free_sized(block, size);
}

void operator delete(void *block, const std::nothrow_t &) noexcept
{
    cairn_free(block);
}

void operator delete[](void *block, const std::nothrow_t &) noexcept
{
    cairn_free(block);
}

void operator delete(void *block, std::align_val_t, const std::nothrow_t &) noexcept
{
    cairn_free(block);
}

void operator delete[](void *block, std::align_val_t, const std::nothrow_t &) noexcept
{
    cairn_free(block);
}

#endif
