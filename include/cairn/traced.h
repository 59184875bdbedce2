/* SPDX-License-Identifier: MIT */
/*
 * As thread-safe as its source. Logs every call of a source to a file, as lines of text or in a
 * compact binary form. It can be a process's malloc and log to standard output: what it does for
 * the log neither allocates nor uses stdio, locale or the C library's buffers. A call that is made
 * while this thread writes to the log (in a signal handler) is served and not logged; so is what
 * cannot be written, because the disk is full, the reader gone, or the descriptor closed, or now
 * another file's. Such events are counted as lost; nothing of it reaches the program.
 *
 * Threads have a buffer each, or share one if there are more threads than buffers. A buffer is
 * written, in whole events, when it is full, by cairn_traced_flush, before fork (of this process:
 * the child's buffers are empty then, and both log on), at exit and by fini. At exit means: when
 * the library's destructors run; from then on each event is written at once. What dies by a signal
 * or _exit loses what is in its buffers; `unbuffered` is for that.
 *
 * Events are not in order in the file; `number` is the order in which things happened: a block's
 * alloc has a higher number than the dealloc that made its address free, in whatever threads. (That
 * of a dealloc is taken before the call, of an alloc after it; a realloc has both.) sort -n sorts a
 * text. Costs a reading of the clock, a number, and 50 to 200 ns to write it down.
 */
#ifndef CAIRN_TRACED_H
#define CAIRN_TRACED_H

#include "cairn/allocator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cairn_traced_op {
    CAIRN_TRACED_ALLOC,
    CAIRN_TRACED_ALLOC_ZEROED,
    CAIRN_TRACED_REALLOC,
    CAIRN_TRACED_DEALLOC,
    CAIRN_TRACED_OWNS,
    CAIRN_TRACED_USABLE_SIZE,
    CAIRN_TRACED_THREAD /* a thread logs for the first time; no call */
} cairn_traced_op;

/*
 * An event. As text, a line of fields with a space between:
 *     NUMBER TIME THREAD alloc SIZE ALIGN PTR            also: alloc_zeroed; PTR 0x0: it failed
 *     NUMBER TIME THREAD dealloc PTR SIZE ALIGN
 *     NUMBER TIME THREAD realloc PTR SIZE ALIGN NEW_SIZE RESULT BEGAN    RESULT 0x0: it failed
 *     NUMBER TIME THREAD owns PTR RESULT                 0 or 1
 *     NUMBER TIME THREAD usable_size PTR SIZE ALIGN RESULT
 *     NUMBER TIME THREAD thread PROCESS
 * Pointers are hexadecimal with 0x, all else is decimal.
 */
typedef struct cairn_traced_event {
    cairn_traced_op op;
    uint64_t number; /* from 1; a number that is missing was lost, or is a realloc's `began` */
    uint64_t time;   /* nanoseconds since init */
    uint64_t thread; /* the kernel's number; see CAIRN_TRACED_THREAD for its process */
    uint64_t ptr;    /* the block: made, ended, resized, asked about */
    uint64_t size;   /* of its layout; of a THREAD: the process id */
    uint64_t align;
    uint64_t new_size; /* of a REALLOC */
    uint64_t result;   /* REALLOC: the block afterwards; OWNS, USABLE_SIZE: the answer */
    uint64_t began;    /* REALLOC: from this number on ptr was no block, if it did not fail */
} cairn_traced_event;

typedef struct cairn_traced_opts {
    const char
        *path;   /* a file to make, or to empty; %p in it becomes the process id. NULL: `file` */
    int file;    /* a descriptor, which stays the caller's. 0: standard error */
    bool binary; /* batches for cairn_traced_read instead of lines */
    bool unbuffered;    /* write each event at once */
    bool questions;     /* log owns and usable_size, too */
    size_t buffer_size; /* bytes of a buffer; 0: 32 KiB; less than 1 KiB: 1 KiB; at most 1 GiB */
    unsigned buffers;   /* how many; 0: 16; at most 1024 */
    /* For the buffers, at init; no call asks it for any. {NULL, NULL}: cairn_system(). */
    cairn_allocator records;
} cairn_traced_opts;

typedef struct cairn_traced {
    cairn_allocator source;
    struct cairn__log *log; /* private, as the other */
} cairn_traced;

/*
 * source {NULL, NULL}: cairn_system(). opts NULL: the defaults. False, and nothing is held: the
 * file cannot be opened or is not open, the path is longer than 4095 bytes, or there is no memory.
 * It must stay where it is until it ends; a process that forks has handlers for that from now on.
 */
bool cairn_traced_init(cairn_traced *traced, cairn_allocator source, const cairn_traced_opts *opts);

/* Writes what is buffered, closes the file if it was opened by path. Blocks stay with the source.
 * Returns the number of events lost. No thread may be inside a call, or begin one. */
size_t cairn_traced_fini(cairn_traced *traced);

/* All ops; owns if the source can tell. Never fails where the source does not. */
cairn_allocator cairn_traced_allocator(cairn_traced *traced);

/*
 * Writes all buffers. Any thread. A write waits as long as the file makes it wait; for one that is
 * set not to block (O_NONBLOCK), up to a second, once until it has taken something again.
 */
void cairn_traced_flush(cairn_traced *traced);

/* Events that were written so far, and that were lost. */
size_t cairn_traced_written(const cairn_traced *traced);
size_t cairn_traced_lost(const cairn_traced *traced);

/* NULL, or what is wrong with the buffers. No other thread may be inside a call. */
const char *cairn_traced_audit(const cairn_traced *traced);

/* ---- reading ---- */

/*
 * Calls visit for each event in a binary trace, in the order of the file, until it returns false.
 * Whatever the bytes are: only batches with a right checksum are read. Returns the bytes that were
 * in none: of batches cut short, or of other output in between. O(size) for a trace.
 *
 * A batch: "CTR1"; three little-endian 32-bit numbers: bytes of events, how many events, checksum
 * (FNV-1a, 32 bits, of those bytes). An event: a byte, op + 8 if the thread is another + 16 times
 * log2 of the alignment, 15 meaning that a byte with that follows; then number, time, [thread], ptr,
 * size, as far as the op has them new_size, result, began. Each is a LEB128; number, time, ptr and
 * the result of a realloc (against ptr) as zigzag differences to the event before, the first
 * against 0; began as number - began.
 */
size_t cairn_traced_read(const void *bytes, size_t size,
                         bool (*visit)(void *context, const cairn_traced_event *event),
                         void *context);

/* The line of an event, without newline, terminated, cut to size bytes, 0 for none. Its length, when
 * not cut. */
size_t cairn_traced_print(const cairn_traced_event *event, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
