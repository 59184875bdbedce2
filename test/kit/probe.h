/* SPDX-License-Identifier: MIT */
/*
 * A source for the tests of wrappers: it counts the calls of each op, fails on request, leaves ops
 * out, grants more than was asked for, and notices two threads inside it at the same time. Behind
 * it stands the oracle (checked.h): a wrapper that returns a block with another layout, twice, or
 * not at all ends the test.
 */
#ifndef TEST_KIT_PROBE_H
#define TEST_KIT_PROBE_H

#include "unit/unit.h"

#include "cairn/checked.h"
#include "cairn/system.h"

enum probe_op {
    PROBE_ALLOC,
    PROBE_DEALLOC,
    PROBE_ALLOC_ZEROED,
    PROBE_REALLOC,
    PROBE_OWNS,
    PROBE_USABLE_SIZE,
    PROBE_OPS
};

enum probe_form { PROBE_BARE = 0, PROBE_TELLS = 1, PROBE_FULL = 2 };

struct probe {
    cairn_checked oracle;
    enum probe_form form;
    size_t surplus;  /* granted beyond what was asked for */
    size_t fail_at;  /* the request that fails, 1 the first; 0: none */
    bool fail_after; /* and all later ones */
    bool single;     /* one thread at a time: else REQUIRE and ThreadSanitizer complain */
    size_t inside;   /* plain, on purpose */
    size_t requests; /* alloc, alloc_zeroed, realloc */
    size_t calls[PROBE_OPS];
};

static inline void probe_init(struct probe *probe, enum probe_form form)
{
    memset(probe, 0, sizeof *probe);
    probe->form = form;
    cairn_checked_init(&probe->oracle, cairn_system(), NULL);
}

/* All blocks must have come back. */
static inline void probe_fini(struct probe *probe)
{
    REQUIRE(cairn_checked_audit(&probe->oracle) == NULL);
    REQUIRE(cairn_checked_fini(&probe->oracle) == 0);
}

static inline size_t probe_live(const struct probe *probe)
{
    return cairn_checked_live(&probe->oracle);
}

static inline void probe_enter(struct probe *probe, enum probe_op op)
{
    __atomic_fetch_add(&probe->calls[op], 1, __ATOMIC_RELAXED);
    if (probe->single) {
        probe->inside++;
        REQUIRE(probe->inside == 1);
    }
}

static inline void probe_leave(struct probe *probe)
{
    if (probe->single)
        probe->inside--;
}

/* More than a GiB it never has: sanitizers take an attempt at that for a fault. */
static inline bool probe_fails(struct probe *probe, size_t size)
{
    size_t n = __atomic_add_fetch(&probe->requests, 1, __ATOMIC_RELAXED);
    if (size > GIB)
        return true;
    return probe->fail_at != 0 && (probe->fail_after ? n >= probe->fail_at : n == probe->fail_at);
}

static inline cairn_layout probe_granted(const struct probe *probe, cairn_layout layout)
{
    return (cairn_layout){layout.size + probe->surplus, layout.align};
}

static inline void *probe_alloc(void *self, cairn_layout layout)
{
    struct probe *probe = self;
    void *ptr = NULL;
    probe_enter(probe, PROBE_ALLOC);
    if (!probe_fails(probe, layout.size))
        ptr = cairn_allocator_alloc(cairn_checked_allocator(&probe->oracle),
                                    probe_granted(probe, layout));
    if (ptr != NULL)
        memset(ptr, 0xa5, layout.size + probe->surplus);
    probe_leave(probe);
    return ptr;
}

static inline void *probe_alloc_zeroed(void *self, cairn_layout layout)
{
    struct probe *probe = self;
    void *ptr = NULL;
    probe_enter(probe, PROBE_ALLOC_ZEROED);
    if (!probe_fails(probe, layout.size))
        ptr = cairn_allocator_alloc_zeroed(cairn_checked_allocator(&probe->oracle),
                                           probe_granted(probe, layout));
    probe_leave(probe);
    return ptr;
}

static inline void probe_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct probe *probe = self;
    probe_enter(probe, PROBE_DEALLOC);
    cairn_allocator_dealloc(cairn_checked_allocator(&probe->oracle), ptr,
                            probe_granted(probe, layout));
    probe_leave(probe);
}

static inline void *probe_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    struct probe *probe = self;
    void *moved = NULL;
    probe_enter(probe, PROBE_REALLOC);
    if (!probe_fails(probe, new_size))
        moved = cairn_allocator_realloc(cairn_checked_allocator(&probe->oracle), ptr,
                                        probe_granted(probe, layout), new_size + probe->surplus);
    probe_leave(probe);
    return moved;
}

static inline bool probe_owns(void *self, const void *ptr)
{
    struct probe *probe = self;
    probe_enter(probe, PROBE_OWNS);
    bool owns = cairn_allocator_owns(cairn_checked_allocator(&probe->oracle), ptr);
    probe_leave(probe);
    return owns;
}

static inline size_t probe_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    struct probe *probe = self;
    (void)ptr;
    probe_enter(probe, PROBE_USABLE_SIZE);
    probe_leave(probe);
    return layout.size + probe->surplus;
}

#define PROBE_LEAST .name = "probe", .alloc = probe_alloc, .dealloc = probe_dealloc
#define PROBE_MOST                                                                                 \
    PROBE_LEAST, .alloc_zeroed = probe_alloc_zeroed, .realloc = probe_realloc,                     \
                 .usable_size = probe_usable_size

static inline cairn_allocator probe_allocator(struct probe *probe)
{
    static const cairn_allocator_ops ops[4] = {
        {PROBE_LEAST},
        {PROBE_LEAST, .owns = probe_owns},
        {PROBE_MOST},
        {PROBE_MOST, .owns = probe_owns},
    };
    return (cairn_allocator){&ops[probe->form], probe};
}

/* What a wrapper of one source must do whatever it is: hand on each op, tell what the source can
 * tell, keep contents, and leave nothing. `wrapped` draws from `probe`. */
static inline void probe_pass_through(struct probe *probe, cairn_allocator wrapped)
{
    cairn_layout layout = {100, 32};
    REQUIRE(cairn_allocator_can_tell(wrapped) == ((probe->form & PROBE_TELLS) != 0));
    size_t live = probe_live(probe);

    char *ptr = cairn_allocator_alloc(wrapped, layout);
    REQUIRE(ptr != NULL && (uintptr_t)ptr % 32 == 0 && probe_live(probe) == live + 1);
    REQUIRE(cairn_allocator_owns(wrapped, ptr) == ((probe->form & PROBE_TELLS) != 0));
    REQUIRE(!cairn_allocator_owns(wrapped, &layout));
    size_t more = (probe->form & PROBE_FULL) != 0 ? probe->surplus : 0;
    REQUIRE(cairn_allocator_usable_size(wrapped, ptr, layout) == 100 + more);

    unit_fill(ptr, 100, 7);
    ptr = cairn_allocator_realloc(wrapped, ptr, layout, 5000);
    REQUIRE(ptr != NULL && (uintptr_t)ptr % 32 == 0 && unit_is_filled(ptr, 100, 7));
    ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){5000, 32}, 10);
    REQUIRE(ptr != NULL && unit_is_filled(ptr, 10, 7));
    ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){10, 32}, 0);
    REQUIRE(ptr != NULL);
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){0, 32});

    ptr = cairn_allocator_alloc_zeroed(wrapped, layout);
    REQUIRE(ptr != NULL && unit_is_zero(ptr, 100));
    cairn_allocator_dealloc(wrapped, ptr, layout);
    char *none = cairn_allocator_alloc(wrapped, (cairn_layout){0, 1});
    char *other = cairn_allocator_alloc(wrapped, (cairn_layout){0, 1});
    REQUIRE(none != NULL && other != NULL && none != other);
    cairn_allocator_dealloc(wrapped, none, (cairn_layout){0, 1});
    cairn_allocator_dealloc(wrapped, other, (cairn_layout){0, 1});
    cairn_allocator_dealloc(wrapped, NULL, layout);

    REQUIRE(cairn_allocator_alloc(wrapped, (cairn_layout){8, 3}) == NULL);
    REQUIRE(cairn_allocator_alloc(wrapped, (cairn_layout){SIZE_MAX, 8}) == NULL);
    REQUIRE(cairn_allocator_alloc(wrapped, (cairn_layout){PTRDIFF_MAX / 2, 1}) == NULL);
    REQUIRE(probe_live(probe) == live);
}

#endif
