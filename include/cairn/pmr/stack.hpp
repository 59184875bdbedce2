/* SPDX-License-Identifier: MIT */
/*
 * stack_resource: one thread at a time, unless all its parts are for any;
 * synchronized_stack_resource: any thread, with a lock where a part needs it. Any stack of the kit's
 * allocators, written as text (stack.h), as a std::pmr::memory_resource. C++17.
 *
 *     cairn::stack_resource memory("counted(fit:best,deferred)");
 */
#ifndef CAIRN_PMR_STACK_HPP
#define CAIRN_PMR_STACK_HPP

#include "cairn/pmr/resource.hpp"
#include "cairn/stack.h"

namespace cairn
{

/* The text is wrong, or there was no memory: what() says, in one line; at(): which character. */
class stack_error : public std::bad_alloc
{
  public:
    explicit stack_error(const cairn_stack_error &error) noexcept : error_(error) {}
    const char *what() const noexcept override { return error_.text; }
    std::size_t at() const noexcept { return error_.at; }

  private:
    cairn_stack_error error_;
};

/* Private. */
namespace detail
{

struct owned_stack {
    owned_stack(const char *text, cairn_allocator memory, bool is_shared)
    {
        cairn_stack_error error = {};
        stack = cairn_stack_create(text, memory, &error);
        if (stack == nullptr)
            throw stack_error(error);
        outside = cairn_stack_allocator(stack);
        if (is_shared && !cairn_stack_is_thread_safe(stack)) {
            cairn_locked_init(&locked, outside);
            outside = cairn_locked_allocator(&locked);
        }
    }
    ~owned_stack() { cairn_stack_destroy(stack); }
    owned_stack(const owned_stack &) = delete;
    owned_stack &operator=(const owned_stack &) = delete;

    cairn_stack *stack;
    cairn_locked locked; /* if it is needed */
    cairn_allocator outside;
};

template <bool IsShared>
class basic_stack_resource final : private owned_stack, public memory_resource
{
  public:
    /*
     * As cairn_stack_create; memory: where its records come from, and what parts take that have no
     * source in brackets, {nullptr, nullptr} for the heaps of the threads. Throws stack_error, which
     * is a std::bad_alloc. A stack that does not serve all sizes throws for those that it does not.
     */
    explicit basic_stack_resource(const char *text, cairn_allocator memory = {nullptr, nullptr})
        : owned_stack(text, memory, IsShared), memory_resource(outside)
    {
    }

    /* Whether it serves all sizes and alignments. */
    bool is_general() const noexcept { return cairn_stack_is_general(stack); }

    /* Has the parts that were asked to (counted:report) say on stderr what they have seen. */
    void report() { cairn_stack_report(stack); }

    /* For all else; not under the lock. */
    cairn_stack *get() const noexcept { return stack; }

  private:
    void *do_allocate(std::size_t bytes, std::size_t align) override
    {
        return checked(cairn_allocator_alloc(outside, {bytes, align}));
    }
    void do_deallocate(void *block, std::size_t bytes, std::size_t align) override
    {
        cairn_allocator_dealloc(outside, block, {bytes, align});
    }
};

} // namespace detail

using stack_resource = detail::basic_stack_resource<false>;
using synchronized_stack_resource = detail::basic_stack_resource<true>;

} // namespace cairn

#endif
