/* SPDX-License-Identifier: MIT */
/*
 * A library for LD_AUDIT: ld.so loads it, with a libc of its own, before all else, and calls it
 * for every object it loads. It allocates in each of these calls.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <link.h>

unsigned la_version(unsigned version)
{
    churn(1, 200, 2000);
    return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t list, uintptr_t *cookie)
{
    (void)list;
    char *name = got(strdup(map->l_name));
    churn((unsigned)strlen(name), 200, 2000);
    free(name);
    *cookie = 0;
    return 0;
}
