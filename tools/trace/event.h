/* SPDX-License-Identifier: MIT */
/*
 * What a trace is made of, whatever form its file has: events in the order in which they happened,
 * and the tables that they refer to (processes, threads, modules, call stacks), which grow while it
 * is read. docs/trace-format.md describes the files.
 *
 * A call stack is a node of a tree: its innermost call, and the node of the stack of who called.
 * Node 0 is the root, the end of every stack; as the stack of an event it means: not known.
 */
#ifndef CAIRN_TOOLS_TRACE_EVENT_H
#define CAIRN_TOOLS_TRACE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_op {
    TRACE_ALLOC,        /* malloc and its like; align 0, or what was asked for (memalign) */
    TRACE_ALLOC_ZEROED, /* calloc */
    TRACE_REALLOC,      /* old 0: as ALLOC. ptr 0: it failed, old stays */
    TRACE_FREE,         /* also realloc to size 0 that freed; never of NULL */
    TRACE_PROCESS,      /* a process is seen for the first time: it started, or was forked */
    TRACE_EXEC,         /* a process executes another program: all its blocks are gone */
    TRACE_EXIT,         /* a process is gone, in whatever way; size: its status as of wait(2) */
    TRACE_THREAD,       /* a thread is seen for the first time */
    TRACE_THREAD_END,
    TRACE_OPS
};

/*
 * A realloc that moves is one event, when it returned. Another thread may have been given the old
 * address before that, and its event may come first: live.h knows how to read it.
 * Frees of blocks that are not known in the process occur: a forked child ends what its parent
 * made, and a process may have had blocks before the recording began.
 */
struct trace_event {
    enum trace_op op;
    uint32_t process; /* index into the processes */
    uint32_t thread;  /* index into the threads */
    uint32_t stack;   /* node; of FREE: who frees, if recorded; 0: not known */
    uint64_t number;  /* strictly growing in a file; with gaps */
    uint64_t time;    /* nanoseconds since the recording began */
    uint64_t ptr;     /* the block afterwards (FREE: that ended); ALLOC: 0 if it failed */
    uint64_t old;     /* REALLOC: the block before */
    uint64_t size;    /* bytes asked for */
    uint64_t align;   /* bytes; 0: what malloc gives */
};

struct trace_module {
    const char *path;     /* as the process saw it; "" for code in no file */
    const char *build_id; /* hexadecimal; "" if it has none */
};

struct trace_node {
    uint32_t parent; /* a smaller number */
    uint32_t module;
    uint64_t offset; /* the address of the call (return address - 1) as the file of the module
                        counts them: less the load bias. In no module: the address itself */
};

struct trace_process {
    uint32_t parent; /* index, or its own if it is the first */
    int pid;
    const char *command; /* its words with spaces between, "" if not known */
};

struct trace_thread {
    uint32_t process;
    int tid;
    const char *name; /* "" if not known */
};

struct trace_info {
    const char *command; /* as typed: what was recorded, quoted for the shell */
    const char *machine; /* of uname(2): "x86_64" */
    uint64_t began;      /* wall clock, seconds since 1970 */
    uint32_t page_size;
};

#endif
