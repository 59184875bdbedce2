/* SPDX-License-Identifier: MIT */
/* Questions to what is experimented on: see subject.h. */
#define _GNU_SOURCE
#include "lab/subject.h"

#include <malloc.h>
#include <string.h>

bool subject_has_region(const struct subject *subject)
{
    return subject->choice.kind != SUBJECT_HEAP && subject->choice.kind != SUBJECT_SYSTEM &&
           (subject->choice.kind != SUBJECT_STACK || subject_can_be_saved(subject));
}

bool subject_sees_free(const struct subject *subject)
{
    switch (subject->choice.kind) {
    case SUBJECT_HEAP:
    case SUBJECT_SYSTEM:
    case SUBJECT_STACK:
        return false;
    default:
        return true;
    }
}

void subject_visit(const struct subject *subject, cairn_visitor *visitor, void *context)
{
    switch (subject->choice.kind) {
    case SUBJECT_FIT:
        cairn_fit_visit(&subject->as.fit, visitor, context);
        break;
    case SUBJECT_BUDDY:
        cairn_buddy_visit(&subject->as.buddy, visitor, context);
        break;
    case SUBJECT_SLAB_SET:
        cairn_slab_set_visit(subject->as.slab_set, visitor, context);
        break;
    case SUBJECT_ARENA:
        cairn_arena_visit(&subject->as.arena, visitor, context);
        break;
    case SUBJECT_BUMP:
        cairn_bump_visit(&subject->as.bump, visitor, context);
        break;
    case SUBJECT_POOL:
        cairn_pool_visit(&subject->as.pool, visitor, context);
        break;
    case SUBJECT_SLAB:
        cairn_slab_visit(subject->as.slab, visitor, context);
        break;
    default:
        break;
    }
}

const char *subject_audit(const struct subject *subject)
{
    switch (subject->choice.kind) {
    case SUBJECT_FIT:
        return cairn_fit_audit(&subject->as.fit);
    case SUBJECT_BUDDY:
        return cairn_buddy_audit(&subject->as.buddy);
    case SUBJECT_SLAB_SET:
        return cairn_slab_set_audit(subject->as.slab_set);
    case SUBJECT_ARENA:
        return cairn_arena_audit(&subject->as.arena);
    case SUBJECT_BUMP:
        return cairn_bump_audit(&subject->as.bump);
    case SUBJECT_POOL:
        return cairn_pool_audit(&subject->as.pool);
    case SUBJECT_SLAB:
        return cairn_slab_audit(subject->as.slab);
    case SUBJECT_STACK:
        return cairn_stack_audit(subject->as.stack);
    default:
        return NULL;
    }
}

size_t subject_held(const struct subject *subject)
{
    struct cairn_heap_stats stats = {.size = sizeof stats};

    switch (subject->choice.kind) {
    case SUBJECT_SYSTEM:
        return SIZE_MAX;
    case SUBJECT_HEAP:
        cairn_heap_stats_get(subject->as.heap, &stats);
        return stats.committed;
    case SUBJECT_BUMP:
        return subject->region ? subject->region : cairn_bump_used(&subject->as.bump);
    case SUBJECT_FIT:
    case SUBJECT_BUDDY:
        return subject->region ? subject->region : subject->span.held;
    case SUBJECT_STACK:
        return subject_can_be_saved(subject) ? subject->span.held : SIZE_MAX;
    default:
        return subject->span.held;
    }
}

size_t subject_granted(const struct subject *subject, const void *ptr, cairn_layout layout)
{
    if (subject->choice.kind ==
        SUBJECT_SYSTEM) /* the kit's `system` cannot tell, the C library can */
        return malloc_usable_size((void *)(uintptr_t)ptr);
    return cairn_allocator_usable_size(subject->allocator, ptr, layout);
}

bool subject_is_bounded(const struct subject *subject)
{
    return subject->region != 0 && subject_has_region(subject);
}

/* Words of a stack's text that name what keeps state elsewhere: in the system's memory, in files,
 * in threads. */
static bool stays_inside(const char *text)
{
    static const char *const outside[] = {"heap",        "system", "foreign", "numa",
                                          "guarded",     "traced", "timed",   "cached_pool",
                                          "atomic_pool", NULL};

    for (size_t i = 0; outside[i]; i++)
        if (strstr(text, outside[i]))
            return false;
    return true;
}

bool subject_can_be_saved(const struct subject *subject)
{
    switch (subject->choice.kind) {
    case SUBJECT_HEAP:
    case SUBJECT_SYSTEM:
        return false;
    case SUBJECT_STACK:
        return stays_inside(subject->choice.text);
    default:
        return true;
    }
}
