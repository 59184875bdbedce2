/* SPDX-License-Identifier: MIT */
/* The mallocs of other libraries, those that are installed here. Without any there is nothing to do;
 * then a row that answers to the name is the system's malloc by way of a table. */
#include "cairn/foreign.h"
#include "cairn/system.h"

#include "contract/contract.h"

static const char *const LIBRARIES[] = {"libmimalloc.so.2", "libtcmalloc_minimal.so.4",
                                        "libtbbmalloc.so.2", "libjemalloc.so.2"};
enum { COUNT = sizeof LIBRARIES / sizeof *LIBRARIES };

static void *make(const char *library, cairn_allocator source)
{
    return cairn_foreign_create(library, &(cairn_foreign_opts){.source = source}, NULL, 0);
}

/* make() is told no more than the source. */
#define MAKE(i)                                                                                    \
    static void *make_##i(cairn_allocator source)                                                  \
    {                                                                                              \
        return make(LIBRARIES[i], source);                                                         \
    }
MAKE(0)
MAKE(1)
MAKE(2)
MAKE(3)

static cairn_allocator allocator(void *state)
{
    return cairn_foreign_allocator(state);
}

static void end(void *state)
{
    cairn_foreign_destroy(state);
}

static void *make_none(cairn_allocator source)
{
    static char state;
    (void)source;
    return &state;
}

static cairn_allocator allocator_of_none(void *state)
{
    (void)state;
    return cairn_system();
}

static void end_none(void *state)
{
    (void)state;
}

__attribute__((constructor)) static void add_what_is_installed(void)
{
    static struct contract_kind kinds[COUNT + 1];
    static void *(*const makes[COUNT])(cairn_allocator) = {make_0, make_1, make_2, make_3};
    size_t added = 0;
    for (size_t i = 0; i < COUNT; i++) {
        cairn_foreign *foreign = cairn_foreign_create(LIBRARIES[i], NULL, NULL, 0);
        if (foreign == NULL)
            continue;
        cairn_foreign_destroy(foreign);
        kinds[added] = (struct contract_kind){.name = LIBRARIES[i],
                                              .reuses = true,
                                              .make = makes[i],
                                              .allocator = allocator,
                                              .end = end,
                                              .file = __FILE__};
        contract_add_kind(&kinds[added++]);
    }
    if (added == 0) {
        kinds[0] = (struct contract_kind){.name = "no foreign library",
                                          .reuses = true,
                                          .make = make_none,
                                          .allocator = allocator_of_none,
                                          .end = end_none,
                                          .file = __FILE__};
        contract_add_kind(&kinds[0]);
    }
}
