/* SPDX-License-Identifier: MIT */
/*
 * The recorder's file in this process, and what the process knows about itself.
 *
 * The latter lies in memory that a child finds wiped (MADV_WIPEONFORK), however it was forked; so a
 * child begins anew, with lanes and a table of stacks of its own, and no fork handler is needed. A
 * child of vfork shares this memory and its thread's lane, as it shares the heap. The mapping of the
 * file is inherited: programs that close all descriptors or give up privileges stay recorded.
 */
#ifndef CAIRN_RECORD_CHANNEL_H
#define CAIRN_RECORD_CHANNEL_H

#include "base/config.h"
#include "os/lock.h"
#include "record/ring.h"

struct event {
    enum ring_kind kind; /* ALLOC, ZEROED, REALLOC or FREE */
    uint32_t stack;
    uint64_t ptr, old, size, align;
};

/* WRITING: a record; a signal handler that comes meanwhile writes to the common lane. */
enum busy { NOT_BUSY, WRITING, HANDING_ON };

/* What a thread knows about its lane; only it uses it. */
struct self {
    struct ring_lane *lane; /* NULL: none, or forked since */
    uint64_t *ring;
    uint64_t head;  /* ahead of what is published while a record is written */
    uint64_t limit; /* head may grow to this: the tail as last seen, and the ring's size */
    uint64_t mask;
    uint64_t time; /* of the last record */
    int tid;       /* whose records they are */
    unsigned rounds;
    volatile int busy; /* of enum busy */
};

/* A record of a few words and text, as it is put together: stacks may be too small for it. */
enum { TEXT_HEAD_WORDS = 3, TEXT_BYTES = 4096 };
struct text_record {
    uint64_t words[TEXT_HEAD_WORDS + TEXT_BYTES / 8];
    size_t length; /* of the text after the head */
    char buffer[TEXT_BYTES];
};

enum { STACK_TABLE = 1 << 20, MODULES_SENT = 1 << 12 };
enum channel_state { CHANNEL_NOT_READY, CHANNEL_READY, CHANNEL_OFF };

struct process {
    _Atomic uint32_t state;
    struct lock starting;
    uint32_t serial;
    int pid;
    uint32_t owner; /* the same, as it stands in lanes */
    uint64_t space; /* as in a PROCESS record */

    struct lock common_lock; /* around `common`; its holder's signals are blocked */
    uint64_t common_signals; /* that were before */
    struct self common;

    struct text_record text;
    _Atomic bool text_used;
    _Atomic uint32_t listing, forking; /* threads that list the loaded files, and that fork */
    _Atomic uint64_t adds, subs;       /* of loaded files, as last sent */
    _Atomic uint64_t sent[MODULES_SENT];
    _Atomic uint32_t stacks; /* numbers given */
    struct self selves[RING_LANES];
    _Atomic uint64_t table[STACK_TABLE];
};

struct channel {
    struct ring_header *header;
    unsigned lanes;          /* that are mapped with their rings */
    struct process *process; /* NULL as long as nothing is recorded */
    uint32_t parent;         /* serial before the last fork */
    _Atomic bool looked;     /* for a recorder */
};
extern struct channel cairn__channel HIDDEN;

/* Arguments and environment of the program, from its first instruction on; NULL if not known. */
char *const *cairn__channel_arguments(void);

/* Maps what the environment names. False: there is no recorder. */
bool cairn__channel_open(void);

static inline struct ring_lane *channel_lane(unsigned lane)
{
    return (struct ring_lane *)((char *)cairn__channel.header + ring_lane_offset(lane));
}

static inline uint64_t *channel_ring(unsigned lane)
{
    const struct ring_header *header = cairn__channel.header;
    return (uint64_t *)((char *)header + ring_words_offset(lane, header->words));
}

/* The ring can be used from now on. False: there is no memory for that. errno is kept. */
bool cairn__channel_open_ring(unsigned lane);

/* Sleeps while *word == expected, for so long at most. Any process; errno is kept. */
void cairn__channel_wait(_Atomic uint32_t *word, uint32_t expected, unsigned milliseconds);
void cairn__channel_wake(_Atomic uint32_t *word);

/* The signals that were blocked before; the same again. errno is kept. */
uint64_t cairn__channel_block_signals(void);
void cairn__channel_restore_signals(uint64_t signals);

/* Nothing more is recorded in this process, and not in those that it forks. */
void cairn__channel_off(void);

/* Asked by who waits for it. */
bool cairn__channel_recorder_lives(uint32_t *beat, unsigned *misses);

#endif
