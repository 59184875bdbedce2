/* SPDX-License-Identifier: MIT */
/* All kinds that a stack can be made of. */
#include "entry/stack_rows.h"

const struct stack_kind *const cairn__stack_kinds[] = {
    &cairn__stack_arena,    &cairn__stack_atomic_pool, &cairn__stack_cached_pool,
    &cairn__stack_buddy,    &cairn__stack_bump,        &cairn__stack_checked,
    &cairn__stack_counted,  &cairn__stack_failing,     &cairn__stack_fit,
    &cairn__stack_foreign,  &cairn__stack_fallback,    &cairn__stack_guarded,
    &cairn__stack_heap,     &cairn__stack_limited,     &cairn__stack_locked,
    &cairn__stack_numa,     &cairn__stack_pool,        &cairn__stack_slab,
    &cairn__stack_slab_set, &cairn__stack_segregated,  &cairn__stack_system,
    &cairn__stack_timed,    &cairn__stack_traced,      NULL,
};
