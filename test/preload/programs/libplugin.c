/* SPDX-License-Identifier: MIT */
/*
 * A plugin for dlopen_plugin: its constructor allocates, its destructor frees, it has a variable
 * for each thread, and a block that it hands out outlives it.
 */

#include "pattern.h"

enum { BLOCKS = 50 };

static void *block[BLOCKS];
static _Thread_local char of_thread[3000];

__attribute__((constructor)) static void load(void)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        block[i] = filled(i * 50, i);
}

__attribute__((destructor)) static void unload(void)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        check_and_free(block[i], i * 50, i);
}

void *plugin_block(unsigned seed)
{
    memset(of_thread, (int)seed, sizeof of_thread);
    return filled(2000, seed);
}
