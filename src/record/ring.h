/* SPDX-License-Identifier: MIT */
/*
 * What a recorded program and the recorder share: one file in memory, made by the recorder, mapped by
 * each process that it records.
 *
 *     header | lanes × struct ring_lane | lanes × ring of words
 *
 * A thread claims a lane, writes records into its ring, and publishes them by moving `head`; the
 * recorder reads them and moves `tail`. head - tail words are in the ring; both only grow. What is
 * published is in memory that outlives the process, so it is read even if the process is killed.
 *
 * Each record but TIME takes a number from the counter in the header, right before it is written:
 * numbers are dense, and their order is the order of what happened (of a block that ends: before the
 * allocator is told; of one that begins: after the allocator has returned). `taking` says that the
 * lane's owner may hold a number that it has not published; a number that nobody may hold any more
 * belonged to a thread that was killed, and is passed over.
 *
 * A record is 8-byte words; the first:
 *     kind (5 bits) | the number's low bits (27) | clock since the lane's last record (32)
 * In the lane's next words, by kind:
 *     ALLOC, ZEROED   ptr · size (32), stack (32)
 *     ALLOC_WIDE      ptr · size · align · stack (32), zeroed (1)     what does not fit above
 *     REALLOC         ptr · old · size (32), stack (32)
 *     REALLOC_WIDE    ptr · old · size · stack
 *     FREE            ptr
 *     TIME            the clock itself; no number, its bits are 0
 *     others          words in all (32), more (32) · payload
 *         STACK       more: its stack number, or RING_STACK_NEXT; return addresses, innermost first
 *         MODULE      load bias · start · end of its code · path 0 build id 0
 *         PROCESS     serial (32), serial of who forked it (32; 0: none) · pid, parent's pid ·
 *                     namespace of these (0: the recorder's own) · command 0
 *         THREAD      more: 1 if the lane is its own; serial of its process · tid · name 0
 *         THREAD_END  nothing
 * Until the next THREAD, all that is in a lane is of that thread. A stack number is the process's own.
 */
#ifndef CAIRN_RECORD_RING_H
#define CAIRN_RECORD_RING_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#define RING_MAGIC   UINT64_C(0x676e69526e726143)
#define RING_SETTING "RECORDED_BY_CAIRN" /* environment: "PID:DESCRIPTOR" of the recorder */
#define RING_ALIGNED __attribute__((aligned(128)))

enum {
    RING_VERSION = 2,
    RING_LANES = 512,
    RING_COMMON_LANES = 128, /* of these, the first: one a process, for threads without their own */
    RING_BLOB_WORDS = 1024,  /* the longest record */
    RING_LEAST_WORDS = 1 << 13,
    RING_MOST_WORDS = 1 << 18,
    RING_DEPTH_MOST = 1000,
    RING_PAGE = 1 << 16, /* rings begin at a multiple of it: pages of the system are no larger */
};

enum ring_kind {
    RING_NONE,
    RING_ALLOC,
    RING_ZEROED,
    RING_ALLOC_WIDE,
    RING_REALLOC,
    RING_REALLOC_WIDE,
    RING_FREE,
    RING_TIME,
    RING_STACK,
    RING_MODULE,
    RING_PROCESS,
    RING_THREAD,
    RING_THREAD_END,
    RING_KINDS
};

#define RING_KIND_BITS    5
#define RING_NUMBER_BITS  27
#define RING_NUMBER_MASK  ((UINT64_C(1) << RING_NUMBER_BITS) - 1)
#define RING_STACK_NEXT   UINT32_C(0xffffffff) /* of the event that follows in the lane */
#define RING_STACK_NUMBER UINT32_C(0x00ffffff) /* numbered ones are at most this, from 1 */

#define RING_ELSEWHERE UINT32_C(0x80000000) /* in an owner's pid: of another namespace */

enum ring_clock { RING_CLOCK_SYSTEM, RING_CLOCK_COUNTER };

struct ring_lane {
    /* Claimed by a compare-and-swap from 0; given up by the recorder only. */
    RING_ALIGNED _Atomic uint64_t owner; /* pid (32), tid (32); 0: free */
    _Atomic uint32_t left;               /* its owner is done with it */

    /* The owner's. */
    RING_ALIGNED _Atomic uint64_t head;
    _Atomic uint32_t taking;
    _Atomic uint32_t waiting; /* 1: it sleeps on this word until there is room */

    RING_ALIGNED _Atomic uint64_t tail; /* the recorder's */
};

struct ring_header {
    /* Set before the first process sees it. */
    uint64_t magic;
    uint32_t version, words; /* in a ring, a power of two */
    uint32_t clock, clock_shift;
    uint32_t depth; /* of call stacks; 0: none */
    uint32_t only_first;
    int32_t recorder; /* its pid */
    uint64_t space;   /* its namespace of process numbers; 0: not known */

    RING_ALIGNED _Atomic uint64_t counter; /* of records; the next one's number */

    RING_ALIGNED _Atomic uint32_t ended; /* nothing more is recorded */
    _Atomic uint32_t sleeping;           /* 1: the recorder sleeps on this word */
    _Atomic uint32_t beat;               /* grows as long as the recorder is at work */
    _Atomic uint32_t serials;            /* processes so far */
    _Atomic int32_t first;               /* pid of the first */
    _Atomic uint32_t lanes_used[2];      /* the first that never was claimed: common, own */
    _Atomic uint64_t lost;               /* events that could not be recorded */
};

static inline uint64_t ring_lane_offset(unsigned lane)
{
    return (sizeof(struct ring_header) + 127) / 128 * 128 + lane * sizeof(struct ring_lane);
}

static inline uint64_t ring_words_offset(unsigned lane, uint32_t words)
{
    uint64_t start = (ring_lane_offset(RING_LANES) + RING_PAGE - 1) / RING_PAGE * RING_PAGE;
    return start + (uint64_t)lane * words * sizeof(uint64_t);
}

/* The namespace of process numbers that the caller is in; 0: not known. errno may change. */
static inline uint64_t ring_space(void)
{
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino : 0;
}

/* What events are stamped with: cycles of the processor's counter, or nanoseconds; then shifted. */
static inline uint64_t ring_now(enum ring_clock clock)
{
#if defined(__x86_64__)
    if (clock == RING_CLOCK_COUNTER)
        return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    if (clock == RING_CLOCK_COUNTER) {
        uint64_t count;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
        return count;
    }
#endif
    struct timespec time = {0, 0};
    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

#endif
