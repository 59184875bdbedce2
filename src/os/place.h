/* SPDX-License-Identifier: MIT */
/*
 * Where a call comes from: the thread and the processor; and a word of an allocator's own in each
 * thread. For the kit; the core has its own word (os.h). Any thread, nothing allocates but where it
 * says so.
 */
#ifndef CAIRN_OS_PLACE_H
#define CAIRN_OS_PLACE_H

#include "base/config.h"

/* The kernel's number of this thread. A system call. */
int cairn__os_thread_id(void);

/* A number that no other live thread has; the next thread may have it again. Two instructions. */
static inline uintptr_t cairn__os_thread_mark(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
    uintptr_t mark;
    __asm__("movq %%fs:0, %0" : "=r"(mark));
    return mark;
#else
    return (uintptr_t)__builtin_thread_pointer();
#endif
}

/* The processor that runs this thread, at this moment; 0 if it cannot be told. */
unsigned cairn__os_processor(void);
/* Processors that this machine may have, 1 or more; their numbers lie below. May allocate. */
unsigned cairn__os_processor_count(void);

/* Whether these bytes can be read: false if there is no memory, or it is closed. True also if the
 * system does not tell. A system call. */
bool cairn__os_is_readable(const void *ptr, size_t size);

/* A number that another process does not know; the same in each call. */
uint64_t cairn__os_secret(void);

/*
 * A word in each thread, NULL until it is set. A process has about a thousand of them in all.
 * hook(word) runs when a thread ends whose word is not NULL, once, the word being NULL by then.
 * When a slot ends, no hook runs for it any more; who made it sees to the words that threads had.
 * Setting a slot may allocate, by calloc, if the process made 32 slots before it.
 */
struct slot {
    unsigned key;
};

bool cairn__os_slot_init(struct slot *slot, void (*hook)(void *word));
void cairn__os_slot_fini(struct slot *slot);
void *cairn__os_slot_get(const struct slot *slot);
bool cairn__os_slot_set(const struct slot *slot, void *word);

#endif
