/* SPDX-License-Identifier: MIT */
/*
 * The kit as std::pmr::memory_resource, for containers that keep their memory whatever is moved into
 * them. A type whose name begins with synchronized may be used by any thread; all others by one
 * thread at a time, unless they say otherwise.
 *
 *   allocator_resource, synchronized<R>                    any cairn_allocator, a lock around R
 *   arena_resource, synchronized_arena_resource            pmr/arena.hpp: marks
 *   pool_resource, synchronized_pool_resource              pmr/pool.hpp: nodes of one size
 *   slab_resource, slab_set_resource, synchronized_...     pmr/slab.hpp: one size, all sizes
 *   synchronized_heap_resource                             pmr/heap.hpp
 *   stack_resource, synchronized_stack_resource            pmr/stack.hpp: any stack, as text
 */
#ifndef CAIRN_PMR_HPP
#define CAIRN_PMR_HPP

#include "cairn/pmr/arena.hpp"
#include "cairn/pmr/heap.hpp"
#include "cairn/pmr/pool.hpp"
#include "cairn/pmr/resource.hpp"
#include "cairn/pmr/slab.hpp"
#include "cairn/pmr/stack.hpp"

#endif
