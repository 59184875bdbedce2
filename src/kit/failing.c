/* SPDX-License-Identifier: MIT */
/*
 * See cairn/failing.h. Fields are read and written atomically and order nothing: there is no lock,
 * so that a test does not find threads ordered that are not so in the program under test.
 *     failures <= requests
 */
#include "cairn/failing.h"

#include "base/config.h"
#include "cairn/system.h"

#define CERTAIN ((uint32_t)1 << 31)

#define LOAD(field)         __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

static uint32_t chance_of(double probability)
{
    if (!(probability > 0))
        return 0;
    return probability >= 1 ? CERTAIN : (uint32_t)(probability * CERTAIN);
}

/* 31 bits that depend on seed and number alone. */
static uint32_t draw(size_t seed, size_t number)
{
    uint64_t z = seed + (uint64_t)number * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) >> 33);
}

/* Counts a request; whether it fails. */
static bool fails(cairn_failing *failing, size_t size)
{
    size_t number = __atomic_add_fetch(&failing->requests, 1, __ATOMIC_RELAXED);
    size_t every = LOAD(failing->every);
    size_t from = LOAD(failing->from);
    size_t larger_than = LOAD(failing->larger_than);
    uint32_t chance = LOAD(failing->chance);
    bool yes = number == LOAD(failing->at) || (every != 0 && number % every == 0) ||
               (from != 0 && number >= from) || (larger_than != 0 && size > larger_than) ||
               (chance != 0 && draw(LOAD(failing->seed), number) < chance);
    if (UNLIKELY(yes))
        __atomic_fetch_add(&failing->failures, 1, __ATOMIC_RELAXED);
    return yes;
}

static void *failing_alloc(void *self, cairn_layout layout)
{
    cairn_failing *failing = self;
    return fails(failing, layout.size) ? NULL : cairn_allocator_alloc(failing->source, layout);
}

static void *failing_alloc_zeroed(void *self, cairn_layout layout)
{
    cairn_failing *failing = self;
    return fails(failing, layout.size) ? NULL
                                       : cairn_allocator_alloc_zeroed(failing->source, layout);
}

static void *failing_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_failing *failing = self;
    bool is_request = new_size > layout.size || LOAD(failing->shrinks) != 0;
    if (is_request && fails(failing, new_size))
        return NULL;
    return cairn_allocator_realloc(failing->source, ptr, layout, new_size);
}

static void failing_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_allocator_dealloc(((cairn_failing *)self)->source, ptr, layout);
}

static bool failing_owns(void *self, const void *ptr)
{
    return cairn_allocator_owns(((cairn_failing *)self)->source, ptr);
}

static size_t failing_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    return cairn_allocator_usable_size(((cairn_failing *)self)->source, ptr, layout);
}

#define OPS                                                                                        \
    .name = "failing", .alloc = failing_alloc, .dealloc = failing_dealloc,                         \
    .alloc_zeroed = failing_alloc_zeroed, .realloc = failing_realloc,                              \
    .usable_size = failing_usable_size

CAIRN_EXPORT cairn_allocator cairn_failing_allocator(cairn_failing *failing)
{
    static const cairn_allocator_ops ops[2] = {{OPS}, {OPS, .owns = failing_owns}};
    return (cairn_allocator){&ops[cairn_allocator_can_tell(failing->source)], failing};
}

CAIRN_EXPORT void cairn_failing_arm(cairn_failing *failing, const cairn_failing_opts *opts)
{
    static const cairn_failing_opts none;
    if (opts == NULL)
        opts = &none;
    STORE(failing->at, opts->at);
    STORE(failing->every, opts->every);
    STORE(failing->from, opts->from);
    STORE(failing->larger_than, opts->larger_than);
    STORE(failing->seed, opts->seed);
    STORE(failing->chance, chance_of(opts->probability));
    STORE(failing->shrinks, opts->shrinks);
    STORE(failing->failures, 0);
    STORE(failing->requests, 0);
}

CAIRN_EXPORT void cairn_failing_init(cairn_failing *failing, cairn_allocator source,
                                     const cairn_failing_opts *opts)
{
    failing->source = source.ops != NULL ? source : cairn_system();
    cairn_failing_arm(failing, opts);
}

CAIRN_EXPORT void cairn_failing_fini(cairn_failing *failing)
{
    *failing = (cairn_failing){.source = {NULL, NULL}};
}

CAIRN_EXPORT size_t cairn_failing_requests(const cairn_failing *failing)
{
    return LOAD(failing->requests);
}

CAIRN_EXPORT size_t cairn_failing_failures(const cairn_failing *failing)
{
    return LOAD(failing->failures);
}

CAIRN_EXPORT const char *cairn_failing_audit(const cairn_failing *failing)
{
    if (failing->source.ops == NULL)
        return "failing has no source";
    if (LOAD(failing->failures) > LOAD(failing->requests))
        return "more requests failed than there were";
    if (LOAD(failing->chance) > CERTAIN)
        return "more than certain to fail";
    return NULL;
}
