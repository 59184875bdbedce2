/* SPDX-License-Identifier: MIT */
/* What a writer has defined: see defined.h. */
#include "trace/defined.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

enum { FIRST_ROOM = 1024 };

/* Room for one more after `count`; grows by doubling at powers of two. */
static void *with_room(void *array, uint32_t count, size_t size)
{
    if (count & (count - 1))
        return array;
    return memory_resize(array, count ? (size_t)count * 2 : 1, size);
}

void defined_init(struct defined *defined)
{
    *defined = (struct defined){.room = FIRST_ROOM, .node_count = 1};
    defined->slots = memory_take(FIRST_ROOM, sizeof *defined->slots);
    defined->nodes = memory_take(2, sizeof *defined->nodes);
}

void defined_fini(struct defined *defined)
{
    for (uint32_t i = 0; i < defined->module_count; i++) {
        free((char *)defined->modules[i].path);
        free((char *)defined->modules[i].build_id);
    }
    free(defined->modules);
    free(defined->threads);
    free(defined->nodes);
    free(defined->slots);
}

uint32_t defined_thread(struct defined *defined, uint32_t process)
{
    defined->threads = with_room(defined->threads, defined->thread_count, sizeof process);
    defined->threads[defined->thread_count] = process;
    return defined->thread_count++;
}

uint32_t defined_module(struct defined *defined, const struct trace_module *module, bool *is_new)
{
    const char *build_id = module->build_id ? module->build_id : "";

    *is_new = false;
    for (uint32_t i = 0; i < defined->module_count; i++)
        if (strcmp(defined->modules[i].path, module->path) == 0 &&
            strcmp(defined->modules[i].build_id, build_id) == 0)
            return i;
    *is_new = true;
    defined->modules = with_room(defined->modules, defined->module_count, sizeof *defined->modules);
    defined->modules[defined->module_count].path = memory_copy(module->path);
    defined->modules[defined->module_count].build_id = memory_copy(build_id);
    return defined->module_count++;
}

static size_t home(const struct defined *defined, const struct trace_node *node)
{
    uint64_t mixed = (node->offset ^ (uint64_t)node->module << 48 ^ (uint64_t)node->parent << 24) *
                     UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(mixed >> 32) & (defined->room - 1);
}

static void grow(struct defined *defined)
{
    free(defined->slots);
    defined->room *= 2;
    defined->slots = memory_take(defined->room, sizeof *defined->slots);
    for (uint32_t i = 1; i < defined->node_count; i++) {
        size_t at = home(defined, &defined->nodes[i]);
        while (defined->slots[at])
            at = (at + 1) & (defined->room - 1);
        defined->slots[at] = i;
    }
}

uint32_t defined_node(struct defined *defined, const struct trace_node *node, bool *is_new)
{
    size_t at = home(defined, node);

    *is_new = false;
    for (; defined->slots[at]; at = (at + 1) & (defined->room - 1)) {
        const struct trace_node *there = &defined->nodes[defined->slots[at]];
        if (there->offset == node->offset && there->parent == node->parent &&
            there->module == node->module)
            return defined->slots[at];
    }
    if (defined->node_count == TABLE_NODES_MAX)
        return 0; /* not known: better than no trace */
    *is_new = true;
    defined->slots[at] = defined->node_count;
    defined->nodes = with_room(defined->nodes, defined->node_count, sizeof *defined->nodes);
    defined->nodes[defined->node_count] = *node;
    uint32_t index = defined->node_count++;
    if (index + index / 2 >= defined->room)
        grow(defined);
    return index;
}
