/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time. Elements of one size, each known by a key that is never used again: once its
 * element is removed, a key finds nothing, whatever has taken the place since.
 *
 * The slots are one array. A key is the slot's index and, above it, the slot's generation, which
 * grows with each removal. An occupied slot begins with its key, a vacant one with its generation and
 * the index of the next vacant one, which is never its own: a look-up is one bounds check and one
 * comparison, exact for all 2^64 numbers. insert, get and remove are O(1), insert amortised: the
 * array doubles. An element costs 8 bytes beside its own. After Bilas, A Generic Handle-Based
 * Resource Manager (Game Programming Gems, 2000), and the slab and slotmap crates of Rust.
 *
 *   - 0 is never a key.
 *   - A stale key is never accepted. A slot whose generation is exhausted, after 2^30 uses or more,
 *     is retired, and shrinking remembers the generations of what it cuts.
 *   - A key of other cairn_slots is refused for certain as long as both are among the first n that
 *     the process began and no slot of either was used more than 800,000,000 / n times: each begins
 *     its generations elsewhere, as far from all others as the golden ratio can place it. Beyond
 *     that, the slot may be in the same generation by chance, as if drawn from 2^31.
 *   - It is no secret: who makes up numbers can hit one.
 *
 * Elements are moved bytewise when the array grows or shrinks, which ends all pointers to them; it
 * does not grow before it holds what was reserved. Callbacks must not change the slots: to them add
 * is NULL, remove false. Freestanding: yes, with a source.
 */
#ifndef CAIRN_SLOTS_H
#define CAIRN_SLOTS_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t cairn_slots_key;

typedef struct cairn_slots_opts {
    cairn_allocator source; /* {NULL, NULL}: cairn_system(); freestanding: one must be given */
    uint32_t max_slots;     /* 0, or more than 2^32 - 16: that */
    uint32_t number; /* the n of the promise above; 0: counted. The same gives the same keys */
} cairn_slots_opts;

/* In the caller's storage, from which it may be moved bytewise; all fields are private. */
typedef struct cairn_slots {
    char *slots;
    size_t stride;             /* bytes of a slot */
    size_t offset;             /* of the element in it */
    uint32_t used;             /* slots that ever had an element: [0, used) */
    uint32_t holes;            /* those that have none now */
    uint32_t vacant;           /* first of the list that add takes from; closed: none */
    uint32_t addable;          /* capacity; closed: 0 */
    cairn_slots_key slow_from; /* the last generation; closed: 0 */
    cairn_slots_key first;     /* the generation of slots from used on, as in a key of index 0 */
    uint32_t capacity, max_slots;
    uint32_t lost;          /* holes that are not on the list: claimed and retired */
    uint32_t closed_vacant; /* the list, while closed */
    bool is_watched, is_busy;
    cairn_layout element;
    cairn_allocator source;
} cairn_slots;

/* Takes no memory yet; opts NULL: the defaults. False, and slots to which nothing can be added:
 * element is not valid, or above an eighth of the address space, or there is no source. */
bool cairn_slots_init(cairn_slots *slots, cairn_layout element, const cairn_slots_opts *opts);

/* Gives all memory back; nothing is found then, and nothing can be added. */
void cairn_slots_fini(cairn_slots *slots);

/* The element, until the array grows or shrinks. NULL: there is none of that key, any number. */
static inline void *cairn_slots_get(const cairn_slots *slots, cairn_slots_key key);

/* A new element, its contents unspecified, and its key in *key. NULL, and *key 0: max_slots, or the
 * source has no more, or a callback of these slots is running. */
static inline void *cairn_slots_add(cairn_slots *slots, cairn_slots_key *key);

/* A new element, copied from *element. Its key; 0 when add gives NULL. O(size). */
static inline cairn_slots_key cairn_slots_insert(cairn_slots *slots, const void *element);

/* Ends an element, copied to *element first unless that is NULL. False: there is none of that key,
 * or a callback of these slots is running; nothing has changed (but, then, *element). */
static inline bool cairn_slots_remove(cairn_slots *slots, cairn_slots_key key, void *element);

/* The next element by index, and its key in *key unless that is NULL; *cursor, 0 at first, is where to
 * look on. NULL: there are no more. Elements may be removed and added on the way. O(slots) for all. */
static inline void *cairn_slots_next(const cairn_slots *slots, uint32_t *cursor,
                                     cairn_slots_key *key);

/*
 * CAIRN_SLOTS_OF(T, name) defines these five for elements of type T: T *name_get(slots, key), T
 * *name_add, name_insert(slots, T), name_remove(slots, key, T *), T *name_next; and bool
 * name_init(slots, opts). Faster, for the compiler knows the size. Slots must come from name_init.
 */

/* An entry whose key is known before its element: claim gives the place and the key, by which nothing
 * is found yet; then fill makes it an element, or abandon ends it, and the key with it. claim fails
 * as add does. False, and nothing has changed: not the key of a claimed entry, or a callback runs. */
void *cairn_slots_claim(cairn_slots *slots, cairn_slots_key *key);
bool cairn_slots_fill(cairn_slots *slots, cairn_slots_key key);
bool cairn_slots_abandon(cairn_slots *slots, cairn_slots_key key);

size_t cairn_slots_count(const cairn_slots *slots);    /* elements */
size_t cairn_slots_capacity(const cairn_slots *slots); /* slots */

/* Room for `more` elements. False: above max_slots, out of memory, or a callback runs. */
bool cairn_slots_reserve(cairn_slots *slots, size_t more);

/* Ends all elements and claimed entries; nothing if a callback runs. O(slots). */
void cairn_slots_clear(cairn_slots *slots);

/* Removes the elements for which keep is false. Returns how many. O(slots). */
typedef bool cairn_slots_keep(void *context, void *element, cairn_slots_key key);
size_t cairn_slots_retain(cairn_slots *slots, cairn_slots_keep *keep, void *context);

/* Moves the last elements into vacant slots, then shrinks. Each is copied, then rekey called with the
 * copy; true: from now on new_key is the key; false: it stays where and as it was. rekey NULL: none
 * moves. Returns how many were moved. O(slots). */
typedef bool cairn_slots_rekey(void *context, void *element, cairn_slots_key old_key,
                               cairn_slots_key new_key);
size_t cairn_slots_compact(cairn_slots *slots, cairn_slots_rekey *rekey, void *context);

/* Cuts off what is vacant at the end. False: the source did not take it, or a callback runs. */
bool cairn_slots_shrink(cairn_slots *slots);

/* Elements, and what is vacant, by index. False: visitor stopped it. */
bool cairn_slots_visit(const cairn_slots *slots, cairn_visitor *visitor, void *context);

/* NULL, or what is wrong: counts, the list of vacant slots. O(slots). */
const char *cairn_slots_audit(const cairn_slots *slots);

#ifdef __cplusplus
}
#endif

#include "cairn/slots_inline.h"

#endif
