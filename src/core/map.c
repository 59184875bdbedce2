/* SPDX-License-Identifier: MIT */
/* See map.h. Leaves are added under way by compare-and-swap and stay for good. */
#include "core/map.h"

#include <stdatomic.h>

#include "base/bits.h"
#include "core/policy.h"
#include "os/os.h"

enum { ADDRESS_BITS = 48, LEAF_BITS = 13, ROOT_BITS = ADDRESS_BITS - CHUNK_SHIFT - LEAF_BITS };

struct leaf {
    _Atomic uintptr_t entry[1 << LEAF_BITS]; /* record | kind; records are aligned to 128 */
};

static _Atomic(struct leaf *) root[1 << ROOT_BITS];

static _Atomic uintptr_t *slot_of(const void *ptr, bool create)
{
    size_t granule = (uintptr_t)ptr >> CHUNK_SHIFT;
    if (granule >> (ROOT_BITS + LEAF_BITS) != 0)
        return NULL;
    _Atomic(struct leaf *) *top = &root[granule >> LEAF_BITS];
    struct leaf *leaf = atomic_load_explicit(top, memory_order_acquire);
    if (leaf == NULL && create) {
        struct leaf *fresh = cairn__os_map(sizeof *fresh, cairn__os_page_size());
        if (fresh == NULL)
            return NULL;
        if (atomic_compare_exchange_strong(top, &leaf, fresh))
            leaf = fresh;
        else
            cairn__os_release(fresh, sizeof *fresh);
    }
    return leaf == NULL ? NULL : &leaf->entry[granule & mask32(0, LEAF_BITS)];
}

struct map_entry cairn__map_find(const void *ptr)
{
    struct map_entry found = {MAP_NOTHING, NULL};
    _Atomic uintptr_t *slot = slot_of(ptr, false);
    if (slot != NULL) {
        uintptr_t entry = atomic_load_explicit(slot, memory_order_acquire);
        found.kind = (enum map_kind)(entry & 3);
        found.record = (void *)(entry & ~(uintptr_t)3);
    }
    return found;
}

bool cairn__map_set(const void *granule, enum map_kind kind, void *record)
{
    _Atomic uintptr_t *slot = slot_of(granule, true);
    if (slot == NULL)
        return false;
    atomic_store_explicit(slot, (uintptr_t)record | (uintptr_t)kind, memory_order_release);
    return true;
}

bool cairn__map_clear(const void *granule, void *record)
{
    _Atomic uintptr_t *slot = slot_of(granule, false);
    uintptr_t expected = (uintptr_t)record | (uintptr_t)MAP_HUGE;
    return slot != NULL && atomic_compare_exchange_strong(slot, &expected, (uintptr_t)0);
}
