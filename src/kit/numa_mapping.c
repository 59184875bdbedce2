/* SPDX-License-Identifier: MIT */
/*
 * What the numa allocator holds from the system: mappings with their policies, in a table sorted by
 * address, which is itself a mapping. The policy is set before anybody can touch the memory, so it
 * holds for each page of it. All under the memory lock, which the callers do not hold.
 */
#include "kit/numa_heap.h"

#include <errno.h>

bool cairn__numa_is_refused(int error)
{
    return error == EPERM || error == ENOSYS || error == EACCES;
}

/* ---- the table ---- */

/* How many mappings begin at or below this address. */
static size_t position_of(const cairn_numa *numa, const void *ptr)
{
    size_t low = 0, high = numa->mapping_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (numa->mappings[middle].base <= (const char *)ptr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct mapping *cairn__numa_mapping_of(const cairn_numa *numa, const void *ptr)
{
    size_t position = position_of(numa, ptr);
    if (position == 0)
        return NULL;
    struct mapping *mapping = &numa->mappings[position - 1];
    return (size_t)((const char *)ptr - mapping->base) < mapping->size ? mapping : NULL;
}

static bool make_room(cairn_numa *numa)
{
    if (numa->mapping_count < numa->mapping_capacity)
        return true;
    size_t old_size = numa->mapping_capacity * sizeof(struct mapping);
    size_t size = whole_pages(old_size * 2);
    struct mapping *mappings = cairn__os_map(size, cairn__os_page_size());
    if (mappings == NULL)
        return false;
    if (old_size != 0) {
        memcpy(mappings, numa->mappings, numa->mapping_count * sizeof *mappings);
        cairn__os_release(numa->mappings, whole_pages(old_size));
    }
    numa->mappings = mappings;
    numa->mapping_capacity = size / sizeof *mappings;
    return true;
}

static void insert(cairn_numa *numa, struct mapping mapping)
{
    size_t at = position_of(numa, mapping.base);
    memmove(&numa->mappings[at + 1], &numa->mappings[at],
            (numa->mapping_count - at) * sizeof mapping);
    numa->mappings[at] = mapping;
    numa->mapping_count++;
    numa->mapped += mapping.size;
    if (mapping.asked != SIZE_MAX) {
        numa->large++;
        numa->large_bytes += mapping.asked;
    }
}

static struct mapping take_out(cairn_numa *numa, const void *base)
{
    struct mapping *at = cairn__numa_mapping_of(numa, base), mapping = *at;
    numa->mapping_count--;
    memmove(at, at + 1, (size_t)(numa->mappings + numa->mapping_count - at) * sizeof mapping);
    numa->mapped -= mapping.size;
    if (mapping.asked != SIZE_MAX) {
        numa->large--;
        numa->large_bytes -= mapping.asked;
    }
    return mapping;
}

/* ---- policies ---- */

/* False: this memory would not be where it has to be. A node that is preferred is a wish. */
static bool set_policy(cairn_numa *numa, const struct shard *shard, void *base, size_t size)
{
    cairn_node_set nodes = numa->nodes;
    enum numa_mode mode = numa->policy == CAIRN_NUMA_BIND ? NUMA_BIND : NUMA_INTERLEAVE;
    if (numa->policy == CAIRN_NUMA_FIRST_TOUCH || !numa->is_effective)
        return true;
    if (numa->policy == CAIRN_NUMA_LOCAL) {
        mode = NUMA_PREFERRED;
        nodes = (cairn_node_set){{0}};
        cairn_node_set_add(&nodes, shard->node);
    }
    int error = cairn__os_numa_bind(base, size, mode, nodes.words, false);
    if (cairn__numa_is_refused(error))
        numa->is_effective = false;
    return error == 0 || !numa->is_effective || numa->policy == CAIRN_NUMA_LOCAL;
}

void *cairn__numa_map(cairn_numa *numa, const struct shard *shard, size_t size, size_t align,
                      size_t asked)
{
    lock_acquire(&numa->memory_lock);
    char *base = make_room(numa) ? cairn__os_map(size, align) : NULL;
    if (base != NULL && !set_policy(numa, shard, base, size)) {
        cairn__os_release(base, size);
        base = NULL;
    }
    if (base != NULL)
        insert(numa, (struct mapping){base, size, asked});
    lock_release(&numa->memory_lock);
    return base;
}

void cairn__numa_unmap(cairn_numa *numa, void *base)
{
    lock_acquire(&numa->memory_lock);
    struct mapping mapping = take_out(numa, base);
    lock_release(&numa->memory_lock);
    if (numa->is_watched)
        cairn__show_usable(base, mapping.size);
    cairn__os_release(base, mapping.size);
}

void *cairn__numa_remap(cairn_numa *numa, void *base, size_t align, size_t asked)
{
    size_t size = whole_pages(asked);
    char *target = NULL;
    lock_acquire(&numa->memory_lock);
    size_t old_size = cairn__numa_mapping_of(numa, base)->size;
    if (size == old_size || cairn__os_resize(base, old_size, size))
        target = base;
    else if (size > old_size)
        target = cairn__os_reserve(size, size_max(align, cairn__os_page_size()));
    if (target != NULL && target != base && !cairn__os_move(base, old_size, target, size))
        target = NULL;
    if (target != NULL) {
        take_out(numa, base);
        insert(numa, (struct mapping){target, size, asked});
    }
    lock_release(&numa->memory_lock);
    return target;
}
