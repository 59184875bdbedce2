/* SPDX-License-Identifier: MIT */
/* The bumps, each over a region of 64 KiB at an odd address. */
#include "cairn/atomic_bump.h"
#include "cairn/bump.h"

#include "contract/contract.h"

enum { SIZE = 64 * 1024, ODD = 5 };

struct plain {
    cairn_bump bump;
    cairn_allocator source;
    char region[ODD + SIZE];
};

static const cairn_layout PLAIN = {sizeof(struct plain), _Alignof(struct plain)};

static void *plain_make(cairn_allocator source)
{
    struct plain *plain = cairn_allocator_alloc(source, PLAIN);
    if (plain == NULL)
        return NULL;
    plain->source = source;
    cairn_bump_init(&plain->bump, plain->region + ODD, SIZE);
    return plain;
}

static cairn_allocator plain_allocator(void *state)
{
    return cairn_bump_allocator(&((struct plain *)state)->bump);
}

static void plain_reset(void *state)
{
    cairn_bump_reset(&((struct plain *)state)->bump);
}

static const char *plain_audit(void *state)
{
    return cairn_bump_audit(&((struct plain *)state)->bump);
}

static bool plain_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_bump_visit(&((struct plain *)state)->bump, visitor, context);
}

static void plain_end(void *state)
{
    struct plain *plain = state;
    cairn_bump_fini(&plain->bump);
    cairn_allocator_dealloc(plain->source, plain, PLAIN);
}

CONTRACT_KIND(bump, .name = "bump", .max_size = SIZE, .capacity = SIZE, .make = plain_make,
              .allocator = plain_allocator, .reset = plain_reset, .audit = plain_audit,
              .visit = plain_visit, .end = plain_end, .ends_with_live_blocks = true);

struct atomic {
    cairn_atomic_bump bump;
    cairn_allocator source;
    char region[ODD + SIZE];
};

static const cairn_layout ATOMIC = {sizeof(struct atomic), _Alignof(struct atomic)};

static void *atomic_make(cairn_allocator source)
{
    struct atomic *atomic = cairn_allocator_alloc(source, ATOMIC);
    if (atomic == NULL)
        return NULL;
    atomic->source = source;
    cairn_atomic_bump_init(&atomic->bump, atomic->region + ODD, SIZE);
    return atomic;
}

static cairn_allocator atomic_allocator(void *state)
{
    return cairn_atomic_bump_allocator(&((struct atomic *)state)->bump);
}

static void atomic_reset(void *state)
{
    cairn_atomic_bump_reset(&((struct atomic *)state)->bump);
}

static const char *atomic_audit(void *state)
{
    return cairn_atomic_bump_audit(&((struct atomic *)state)->bump);
}

static bool atomic_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_atomic_bump_visit(&((struct atomic *)state)->bump, visitor, context);
}

static void atomic_end(void *state)
{
    struct atomic *atomic = state;
    cairn_atomic_bump_fini(&atomic->bump);
    cairn_allocator_dealloc(atomic->source, atomic, ATOMIC);
}

CONTRACT_KIND(atomic_bump, .name = "atomic_bump", .max_size = SIZE, .capacity = SIZE,
              .make = atomic_make, .allocator = atomic_allocator, .reset = atomic_reset,
              .audit = atomic_audit, .visit = atomic_visit, .end = atomic_end,
              .ends_with_live_blocks = true);
