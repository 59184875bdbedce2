/* SPDX-License-Identifier: MIT */
/* The process's malloc; and the oracle around the source, which must pass its own suite. */
#include <stdlib.h>

#include "cairn/checked.h"
#include "cairn/system.h"

#include "contract/contract.h"

static void *system_make(cairn_allocator source)
{
    (void)source;
    static char state;
    return &state;
}

static cairn_allocator system_allocator(void *state)
{
    (void)state;
    return cairn_system();
}

static void system_end(void *state)
{
    (void)state;
}

CONTRACT_KIND(system, .name = "system", .reuses = true, .make = system_make,
              .allocator = system_allocator, .end = system_end);

struct checking {
    cairn_checked checked;
    cairn_allocator source;
};

static void *checked_make(cairn_allocator wrapped, cairn_allocator source)
{
    struct checking *checking = cairn_allocator_alloc(
        source, (cairn_layout){sizeof *checking, _Alignof(struct checking)});
    if (checking == NULL)
        return NULL;
    checking->source = source;
    cairn_checked_init(&checking->checked, wrapped, &(cairn_checked_opts){.records = source});
    return checking;
}

static void *checked_make_kind(cairn_allocator source)
{
    return checked_make(source, source);
}

static cairn_allocator checked_allocator(void *state)
{
    return cairn_checked_allocator(&((struct checking *)state)->checked);
}

static const char *checked_audit(void *state)
{
    return cairn_checked_audit(&((struct checking *)state)->checked);
}

static bool checked_visit(void *state, cairn_visitor *visitor, void *context)
{
    return cairn_checked_visit(&((struct checking *)state)->checked, visitor, context);
}

static void checked_end(void *state)
{
    struct checking *checking = state;
    cairn_checked_fini(&checking->checked);
    cairn_allocator_dealloc(checking->source, checking,
                            (cairn_layout){sizeof *checking, _Alignof(struct checking)});
}

CONTRACT_KIND(checked, .name = "checked", .reuses = true, .make = checked_make_kind,
              .allocator = checked_allocator, .audit = checked_audit, .visit = checked_visit,
              .end = checked_end, .ends_with_live_blocks = true);

CONTRACT_WRAPPER(checked, .name = "checked", .make = checked_make, .allocator = checked_allocator,
                 .audit = checked_audit, .end = checked_end);
