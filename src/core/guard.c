/* SPDX-License-Identifier: MIT */
/* See guard.h. */
#include "core/guard.h"

#include <stdatomic.h>

#include "base/bits.h"
#include "base/option.h"
#include "base/scan.h"
#include "core/degraded.h"
#include "os/os.h"

#if SLOTTED

enum way { UNKNOWN, MARKS, MAPPINGS, NONE };

static struct {
    _Atomic int way;       /* enum way */
    _Atomic size_t most;   /* pages that may have guards by mappings; */
    _Atomic size_t count;  /* that have some, */
    _Atomic size_t wishes; /* and that wanted some */
    _Atomic bool doubt;    /* there may be closed memory in the pool */
} guards;

static enum way way(void)
{
    return (enum way)atomic_load_explicit(&guards.way, memory_order_relaxed);
}

static void set_way(enum way way)
{
    atomic_store_explicit(&guards.way, way, memory_order_relaxed);
}

static void choose_way(void *ptr, size_t size)
{
    size_t wanted = cairn__option(OPTION_GUARDS);
    if (wanted == GUARDS_AUTO && cairn__os_guard(ptr, size)) {
        set_way(MARKS);
        return;
    }
    atomic_store_explicit(&guards.most, cairn__os_mappings_max() / GUARD_SHARE / GUARD_MAPPINGS,
                          memory_order_relaxed);
    set_way(wanted == GUARDS_NONE ? NONE : MAPPINGS);
}

void cairn__guard_fresh(void *ptr, size_t size)
{
    if (way() == UNKNOWN)
        choose_way(ptr, size);
    else if (way() == MARKS)
        cairn__os_guard(ptr, size);
}

/* ---- by mappings ---- */

/* While half of the budget is left every page has a part, then one page of two, four, eight. */
static bool may_have(void)
{
    enum { STAGES = 3 };
    size_t most = atomic_load_explicit(&guards.most, memory_order_relaxed);
    size_t count = atomic_load_explicit(&guards.count, memory_order_relaxed);
    if (count >= most)
        return false;
    size_t wish = atomic_fetch_add_explicit(&guards.wishes, 1, memory_order_relaxed);
    size_t stage = size_min(highest_bit(most / (most - count)), STAGES);
    if (UNLIKELY(stage != 0))
        cairn__degraded(DEGRADED_GUARDS);
    return wish % ((size_t)1 << stage) == 0;
}

static bool take_part(bool *guarded)
{
    if (!*guarded && may_have()) {
        atomic_fetch_add_explicit(&guards.count, 1, memory_order_relaxed);
        *guarded = true;
    }
    return *guarded;
}

bool cairn__guard_close(bool *guarded, void *ptr, size_t size)
{
    switch (way()) {
    case MARKS:
        return cairn__os_guard(ptr, size);
    case MAPPINGS:
        return cairn__os_purge(ptr, size) && take_part(guarded) &&
               cairn__os_restrict(ptr, size, false);
    default:
        return false;
    }
}

void cairn__guard_rest(bool *guarded, void *ptr, size_t size)
{
    if (way() == MAPPINGS && size != 0 && take_part(guarded))
        cairn__os_restrict(ptr, size, false);
}

bool cairn__guard_open(bool guarded, void *ptr, size_t size)
{
    if (way() == MARKS)
        return cairn__os_unguard(ptr, size);
    bool doubt = atomic_load_explicit(&guards.doubt, memory_order_relaxed);
    return (!guarded && !doubt) || cairn__os_commit(ptr, size);
}

bool cairn__guard_give_up(void *ptr, size_t size)
{
    if (way() == MARKS || !cairn__os_commit(ptr, size))
        return false;
    set_way(NONE);
    cairn__degraded(DEGRADED_NO_GUARDS);
    return true;
}

void cairn__guard_end(bool *guarded, bool open)
{
    if (!*guarded)
        return;
    if (!open)
        atomic_store_explicit(&guards.doubt, true, memory_order_relaxed);
    atomic_fetch_sub_explicit(&guards.count, 1, memory_order_relaxed);
    *guarded = false;
}

#endif
