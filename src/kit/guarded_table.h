/* SPDX-License-Identifier: MIT */
/*
 * The notes of a guarded: its records, found by the address of their block in a hash table with
 * linear probing (D. Knuth, TAOCP 3, 6.4), and the quarantine, a ring of records. All of it is
 * memory of opts.records, and all calls are made under the lock of the guarded.
 *
 * used < slot_count, so a search ends. A slot's record is found from the hash of its address on
 * without meeting an empty slot. The ring holds stats.kept records, those in state GUARDED_KEPT.
 */
#ifndef CAIRN_KIT_GUARDED_TABLE_H
#define CAIRN_KIT_GUARDED_TABLE_H

#include "kit/guarded_block.h"
#include "os/lock.h"

static inline void guarded_lock(const cairn_guarded *guarded)
{
    lock_acquire((struct lock *)&((cairn_guarded *)guarded)->lock);
}

static inline void guarded_unlock(const cairn_guarded *guarded)
{
    lock_release((struct lock *)&((cairn_guarded *)guarded)->lock);
}

/* A record, and a slot that will be free for it; NULL when there is no memory for them. O(1)
 * amortised. */
struct cairn_guarded_record *cairn__guarded_take_record(cairn_guarded *guarded);

/* Gives back one that is not in the table. */
void cairn__guarded_give_record(cairn_guarded *guarded, struct cairn_guarded_record *record);

/* Puts a taken record in. False: there is one of that address, and it is not in. */
bool cairn__guarded_put(cairn_guarded *guarded, struct cairn_guarded_record *record);

/* Takes out one that is in, and gives it back. */
void cairn__guarded_remove(cairn_guarded *guarded, struct cairn_guarded_record *record);

/* The record of the block that begins at ptr; NULL if there is none. */
struct cairn_guarded_record *cairn__guarded_find(const cairn_guarded *guarded, const void *ptr);

/* The record whose block has the address in it, or with `whole` whose span has; NULL. O(n). */
struct cairn_guarded_record *cairn__guarded_around(const cairn_guarded *guarded,
                                                   const void *address, bool whole);

/*
 * The record in slot *index or the next one that is not empty, whose index goes to *index; NULL when
 * there are no more. A record that is removed may make others move to lower slots, down to its own.
 */
struct cairn_guarded_record *cairn__guarded_from(const cairn_guarded *guarded, size_t *index);

/*
 * Puts a record into quarantine. Returns the one that must leave for it, in state BUSY: it may be the
 * record itself; NULL: none.
 */
struct cairn_guarded_record *cairn__guarded_keep(cairn_guarded *guarded,
                                                 struct cairn_guarded_record *record);

/* The next one that must leave because there are too many bytes, or with `all` just the next one, in
 * state BUSY; NULL: none. */
struct cairn_guarded_record *cairn__guarded_take_kept(cairn_guarded *guarded, bool all);

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t cairn__guarded_random(cairn_guarded *guarded);

/* Gives all memory of the notes back. */
void cairn__guarded_end_notes(cairn_guarded *guarded);

/* NULL, or what is wrong. */
const char *cairn__guarded_audit_notes(const cairn_guarded *guarded);

#endif
