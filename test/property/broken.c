/* SPDX-License-Identifier: MIT */
/*
 * An allocator with planted faults: the proof that the property test can fail.
 *
 * The honest part is as simple as can be: one mutex, powers of two, a free list per power, a header
 * of 16 bytes before each block, memory from one reserved range. CAIRN_BROKEN names the fault; with
 * "none" the property test must pass, so that a failure is due to the fault alone. Each fault is
 * rare or needs a certain path, as real ones do.
 */
#include "property/target.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { POWER_MIN = 5, POWER_MAX = 48, HEADER = 16 };

#define REGION_SIZE ((size_t)64 << 30)

enum fault {
    NONE,
    OVERLAP,        /* a block inside another one */
    TWICE,          /* a block handed out a second time */
    MISALIGNED,     /* a block at 8 modulo 16 */
    ALIGN_IGNORED,  /* aligned_alloc gives what malloc gives, above 1024 */
    CALLOC_DIRTY,   /* reused memory is not zeroed to its last byte */
    REALLOC_SHORT,  /* a block that moves loses its last byte */
    REALLOC_SHRUNK, /* a block that shrinks far is cleared at its new end */
    REALLOC_LOST,   /* the old block does not survive a realloc that fails */
    USABLE_LONG,    /* the usable size covers the next block's first bytes */
    USABLE_CHANGES, /* the usable size is that of the last realloc, then of the block */
    FREE_WRITES,    /* free clears one word behind the block */
    IMPOSSIBLE,     /* the size wraps around and a small block comes back */
    OUT_OF_MEMORY,  /* NULL, though there is memory */
    LEAK,           /* the free of another thread's block is forgotten now and then */
    REMOTE_FREE,    /* a block freed by another thread enters the free list twice */
    FAULT_COUNT,
};

static const char *const fault_names[FAULT_COUNT] = {
    "none",          "overlap",       "twice",          "misaligned",
    "align-ignored", "calloc-dirty",  "realloc-short",  "realloc-shrunk",
    "realloc-lost",  "usable-long",   "usable-changes", "free-writes",
    "impossible",    "out-of-memory", "leak",           "remote-free",
};

/* Lies right before the block. */
struct header {
    uint8_t power;
    uint8_t is_resized;
    uint16_t thread;
    uint32_t offset; /* from the start of the power-of-two piece to the block */
    uint64_t unused;
};

_Static_assert(sizeof(struct header) == HEADER, "the block must stay aligned to 16");

struct piece {
    struct piece *next;
};

static struct {
    pthread_mutex_t mutex;
    unsigned char *region;
    size_t used;
    struct piece *pieces[POWER_MAX];
    enum fault fault;
    unsigned long calls;
    size_t in_use;
    unsigned char *large; /* a live block of at least 512 bytes, for OVERLAP */
    unsigned char *small; /* a live block of at least 48 bytes, for TWICE */
} broken = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local uint16_t thread_number;
static uint16_t thread_count;

static void start(void)
{
    const char *name = getenv("CAIRN_BROKEN");

    broken.region = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (broken.region == MAP_FAILED) {
        abort();
    }
    while (name != NULL && strcmp(fault_names[broken.fault], name) != 0) {
        if (++broken.fault == FAULT_COUNT) {
            abort();
        }
    }
}

static void enter(void)
{
    pthread_mutex_lock(&broken.mutex);
    if (broken.region == NULL) {
        start();
    }
    if (thread_number == 0) {
        thread_number = ++thread_count;
    }
}

static void leave(void)
{
    pthread_mutex_unlock(&broken.mutex);
}

/* Every count-th call with that fault planted. */
static bool strikes(enum fault fault, unsigned long count)
{
    return broken.fault == fault && ++broken.calls % count == 0;
}

static struct header *header_of(void *ptr)
{
    return (struct header *)((unsigned char *)ptr - HEADER);
}

static size_t capacity(void *ptr)
{
    const struct header *header = header_of(ptr);

    return ((size_t)1 << header->power) - header->offset;
}

static unsigned char *take_piece(unsigned power)
{
    struct piece *piece = broken.pieces[power];

    if (piece != NULL) {
        broken.pieces[power] = piece->next;
        return (unsigned char *)piece;
    }
    if (REGION_SIZE - broken.used < (size_t)1 << power) {
        return NULL;
    }
    broken.used += (size_t)1 << power;
    return broken.region + broken.used - ((size_t)1 << power);
}

static unsigned char *take(size_t size, size_t align)
{
    unsigned power = POWER_MIN;

    if (broken.fault == IMPOSSIBLE && size > (size_t)PTRDIFF_MAX) {
        size &= 0xffff;
    }
    if (size > (size_t)1 << 40 || align > (size_t)1 << 40 || strikes(OUT_OF_MEMORY, 5000)) {
        return NULL;
    }
    while ((size_t)1 << power < size + align + HEADER) {
        power++;
    }
    unsigned char *piece = take_piece(power);

    if (piece == NULL) {
        return NULL;
    }
    uintptr_t block = ((uintptr_t)piece + HEADER + align - 1) & ~(uintptr_t)(align - 1);
    unsigned char *ptr = piece + (block - (uintptr_t)piece);

    broken.in_use += (size_t)1 << power;
    *header_of(ptr) = (struct header){
        .power = (uint8_t)power,
        .thread = thread_number,
        .offset = (uint32_t)(ptr - piece),
    };
    return ptr;
}

static unsigned char *take_faulty(size_t size, size_t align)
{
    if (broken.fault == ALIGN_IGNORED && align > 1024) {
        align = 16;
    }
    if (size <= 48 && align == 16 && broken.small != NULL && strikes(TWICE, 1000)) {
        return broken.small;
    }
    if (size <= 200 && align == 16 && broken.large != NULL && strikes(OVERLAP, 1000)) {
        *header_of(broken.large + 256) = (struct header){.power = 9, .offset = 272};
        return broken.large + 256;
    }
    unsigned char *ptr = take(size, align);

    if (ptr != NULL && strikes(MISALIGNED, 1000)) {
        memmove(ptr + 8 - HEADER, ptr - HEADER, HEADER);
        return ptr + 8;
    }
    if (ptr != NULL && size >= 48) {
        *(size >= 512 ? &broken.large : &broken.small) = ptr;
    }
    return ptr;
}

static void give_back(unsigned char *ptr)
{
    struct header header = *header_of(ptr);
    struct piece *piece = (struct piece *)(ptr - header.offset);

    bool is_remote = header.thread != thread_number;

    if (is_remote && strikes(LEAK, 10)) {
        return;
    }
    broken.in_use -= (size_t)1 << header.power;
    broken.large = ptr == broken.large ? NULL : broken.large;
    broken.small = ptr == broken.small ? NULL : broken.small;
    if (broken.fault == FREE_WRITES && header.power < 8) {
        memset(ptr - header.offset + ((size_t)1 << header.power) + HEADER, 0, 8);
    }
    piece->next = broken.pieces[header.power];
    broken.pieces[header.power] = piece;
    if (is_remote && piece->next != NULL && strikes(REMOTE_FREE, 500)) {
        /* The piece comes twice in the list: before and after its successor. */
        piece->next->next = piece;
    }
}

static void *broken_aligned_alloc(size_t align, size_t size)
{
    enter();
    void *ptr = take_faulty(size, align < 16 ? 16 : align);
    leave();
    return ptr;
}

static void *broken_alloc(size_t size)
{
    return broken_aligned_alloc(16, size);
}

static void *broken_calloc(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    size_t whole = count * size;
    unsigned char *ptr = broken_alloc(whole);

    if (ptr != NULL && whole <= capacity(ptr)) {
        memset(ptr, 0, whole - (broken.fault == CALLOC_DIRTY && whole > 300));
    }
    return ptr;
}

static void broken_free(void *ptr)
{
    if (ptr != NULL) {
        enter();
        give_back(ptr);
        leave();
    }
}

static size_t broken_in_use(void)
{
    enter();
    size_t in_use = broken.in_use;
    leave();
    return in_use;
}

static size_t broken_usable_size(void *ptr)
{
    size_t usable = ptr == NULL ? 0 : capacity(ptr);

    if (broken.fault == USABLE_LONG && usable != 0 && usable < 200) {
        return usable + 32;
    }
    if (broken.fault == USABLE_CHANGES && usable != 0 && header_of(ptr)->is_resized) {
        header_of(ptr)->is_resized = 0;
        return usable - 1;
    }
    return usable;
}

static void *resize_in_place(unsigned char *ptr, size_t size)
{
    if (broken.fault == REALLOC_SHRUNK && size > 64 && size < capacity(ptr) / 2) {
        ptr[size - 1] = 0;
    }
    header_of(ptr)->is_resized = 1;
    return ptr;
}

static void *broken_realloc(void *old, size_t size)
{
    if (old == NULL) {
        return broken_alloc(size);
    }
    size_t kept = capacity(old);

    if (size <= kept) {
        return resize_in_place(old, size);
    }
    unsigned char *ptr = broken_alloc(size);

    if (ptr == NULL) {
        if (broken.fault == REALLOC_LOST) {
            memset(old, 0, 8);
        }
        return NULL;
    }
    memcpy(ptr, old, broken.fault == REALLOC_SHORT ? kept - 1 : kept);
    broken_free(old);
    return ptr;
}

const struct target target = {
    .name = "broken",
    .alloc = broken_alloc,
    .calloc = broken_calloc,
    .realloc = broken_realloc,
    .free = broken_free,
    .aligned_alloc = broken_aligned_alloc,
    .usable_size = broken_usable_size,
    .in_use = broken_in_use,
};
