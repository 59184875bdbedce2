/* SPDX-License-Identifier: MIT */
/*
 * See cairn/limited.h. Where there is a limit, a request first claims what it asks for, then calls
 * the source, then claims what was granted beyond; what fails gives its claims back. So, when no
 * thread is inside a call,
 *     bytes  = granted bytes of live blocks <= peak_bytes
 *     blocks = live blocks <= peak_blocks
 * and a claim never brings bytes or blocks above the limit. All fields are read and written
 * atomically, none orders another: each figure stands for itself, and the blocks that they count
 * are handed over by the source and the caller.
 */
#include "cairn/limited.h"

#include "base/bits.h"
#include "cairn/system.h"

static size_t load(const size_t *figure)
{
    return __atomic_load_n(figure, __ATOMIC_RELAXED);
}

static void store(size_t *figure, size_t value)
{
    __atomic_store_n(figure, value, __ATOMIC_RELAXED);
}

static void add(size_t *figure, size_t amount)
{
    __atomic_fetch_add(figure, amount, __ATOMIC_RELAXED);
}

static void subtract(size_t *figure, size_t amount)
{
    __atomic_fetch_sub(figure, amount, __ATOMIC_RELAXED);
}

/* Adds to a figure what is about to be asked for, unless that would bring it above its limit. Where
 * there is no limit nothing is claimed: it counts when it is there. */
static bool claim(size_t *figure, size_t amount, const size_t *max, size_t *claimed)
{
    size_t limit = load(max);
    *claimed = limit != 0 ? amount : 0;
    if (*claimed == 0)
        return limit == 0 || load(figure) <= limit;
    size_t now = load(figure);
    do {
        if (now > limit || amount > limit - now)
            return false;
    } while (!__atomic_compare_exchange_n(figure, &now, now + amount, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

static void raise_peak(size_t *peak, size_t value)
{
    size_t now = load(peak);
    while (value > now && !__atomic_compare_exchange_n(peak, &now, value, true, __ATOMIC_RELAXED,
                                                       __ATOMIC_RELAXED))
        ;
}

static void raise_peaks(cairn_limited *limited)
{
    raise_peak(&limited->now.peak_bytes, load(&limited->now.bytes));
    raise_peak(&limited->now.peak_blocks, load(&limited->now.blocks));
}

static size_t granted(const cairn_limited *limited, const void *ptr, cairn_layout layout)
{
    return cairn_allocator_usable_size(limited->source, ptr, layout);
}

static COLD void *refuse(cairn_limited *limited)
{
    add(&limited->now.refusals, 1);
    return NULL;
}

/* A block that was granted, `blocks` and `bytes` of it claimed already. False: beyond the budget. */
static bool count(cairn_limited *limited, size_t size, size_t held, size_t blocks, size_t bytes)
{
    size_t more = 0;
    if (held > size && !claim(&limited->now.bytes, held - size, &limited->limit.max_bytes, &more))
        return false;
    if (held != bytes + more)
        add(&limited->now.bytes, held - bytes - more);
    if (blocks == 0)
        add(&limited->now.blocks, 1);
    raise_peaks(limited);
    return true;
}

static void *get(cairn_limited *limited, cairn_layout layout, bool zeroed)
{
    cairn_limited_stats *now = &limited->now;
    size_t blocks, bytes;
    if (UNLIKELY(!claim(&now->blocks, 1, &limited->limit.max_blocks, &blocks)))
        return refuse(limited);
    if (UNLIKELY(!claim(&now->bytes, layout.size, &limited->limit.max_bytes, &bytes))) {
        subtract(&now->blocks, blocks);
        return refuse(limited);
    }
    void *ptr = zeroed ? cairn_allocator_alloc_zeroed(limited->source, layout)
                       : cairn_allocator_alloc(limited->source, layout);
    bool refused = false;
    if (LIKELY(ptr != NULL)) {
        size_t held = granted(limited, ptr, layout);
        if (LIKELY(count(limited, layout.size, held, blocks, bytes)))
            return ptr;
        cairn_allocator_dealloc(limited->source, ptr, layout);
        refused = true;
    }
    subtract(&now->bytes, bytes);
    subtract(&now->blocks, blocks);
    return refused ? refuse(limited) : NULL;
}

static void *limited_alloc(void *self, cairn_layout layout)
{
    return get(self, layout, false);
}

static void *limited_alloc_zeroed(void *self, cairn_layout layout)
{
    return get(self, layout, true);
}

static void limited_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_limited *limited = self;
    size_t size = granted(limited, ptr, layout);
    cairn_allocator_dealloc(limited->source, ptr, layout);
    subtract(&limited->now.bytes, size);
    subtract(&limited->now.blocks, 1);
}

static void *limited_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_limited *limited = self;
    size_t *bytes = &limited->now.bytes;
    size_t held = granted(limited, ptr, layout);
    size_t claimed = 0;
    if (new_size > held &&
        UNLIKELY(!claim(bytes, new_size - held, &limited->limit.max_bytes, &claimed)))
        return refuse(limited);
    void *moved = cairn_allocator_realloc(limited->source, ptr, layout, new_size);
    if (UNLIKELY(moved == NULL)) {
        subtract(bytes, claimed);
        return NULL;
    }
    size_t now_held = granted(limited, moved, cairn__layout(new_size, layout.align));
    add(bytes, now_held - held - claimed);
    raise_peaks(limited);
    return moved;
}

static bool limited_owns(void *self, const void *ptr)
{
    return cairn_allocator_owns(((cairn_limited *)self)->source, ptr);
}

static size_t limited_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    return granted(self, ptr, layout);
}

#define OPS                                                                                        \
    .name = "limited", .alloc = limited_alloc, .dealloc = limited_dealloc,                         \
    .alloc_zeroed = limited_alloc_zeroed, .realloc = limited_realloc,                              \
    .usable_size = limited_usable_size

CAIRN_EXPORT cairn_allocator cairn_limited_allocator(cairn_limited *limited)
{
    static const cairn_allocator_ops ops[2] = {{OPS}, {OPS, .owns = limited_owns}};
    return (cairn_allocator){&ops[cairn_allocator_can_tell(limited->source)], limited};
}

CAIRN_EXPORT void cairn_limited_init(cairn_limited *limited, cairn_allocator source,
                                     const cairn_limited_opts *opts)
{
    *limited = (cairn_limited){.source = source.ops != NULL ? source : cairn_system()};
    if (opts != NULL)
        limited->limit = *opts;
}

CAIRN_EXPORT size_t cairn_limited_fini(cairn_limited *limited)
{
    size_t left = limited->now.blocks;
    *limited = (cairn_limited){{NULL, NULL}, {0, 0}, {0, 0, 0, 0, 0}};
    return left;
}

CAIRN_EXPORT void cairn_limited_change(cairn_limited *limited, const cairn_limited_opts *opts)
{
    store(&limited->limit.max_bytes, opts != NULL ? opts->max_bytes : 0);
    store(&limited->limit.max_blocks, opts != NULL ? opts->max_blocks : 0);
}

CAIRN_EXPORT void cairn_limited_stats_get(const cairn_limited *limited, cairn_limited_stats *stats)
{
    stats->bytes = load(&limited->now.bytes);
    stats->blocks = load(&limited->now.blocks);
    stats->peak_bytes = load(&limited->now.peak_bytes);
    stats->peak_blocks = load(&limited->now.peak_blocks);
    stats->refusals = load(&limited->now.refusals);
}

/* bytes <= peak_bytes, blocks <= peak_blocks, blocks == 0 => bytes == 0 */
CAIRN_EXPORT const char *cairn_limited_audit(const cairn_limited *limited)
{
    cairn_limited_stats now;
    cairn_limited_stats_get(limited, &now);
    if (limited->source.ops == NULL)
        return "limited has no source";
    if (now.bytes > now.peak_bytes || now.blocks > now.peak_blocks)
        return "more is live than ever was";
    if (now.blocks == 0 && now.bytes != 0)
        return "bytes are live in no blocks";
    return NULL;
}
