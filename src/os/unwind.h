/* SPDX-License-Identifier: MIT */
/*
 * The calls under way in this thread, fast enough to be asked at every allocation. The tables that
 * exceptions need (.eh_frame, found by .eh_frame_hdr) say for each instruction where the caller's
 * frame is; nearly always that is a register plus a number, which is kept in a table by address, so
 * that a frame costs a look-up and two loads. Frames are read only within the thread's stack. What
 * has no entry ends the list, as it does for exceptions: code that was generated at run time, and
 * assembly without unwind directives.
 *
 * On x86-64 and aarch64; elsewhere there are no calls.
 */
#ifndef CAIRN_OS_UNWIND_H
#define CAIRN_OS_UNWIND_H

#include "base/config.h"

/*
 * Return addresses, innermost first, beginning with this call's own, which lies in the caller: what
 * backtrace() gives there. At most max. How many: 0 or more. Goes through signal handlers, to what
 * they interrupted, whose address is then where it stopped and no return address. Async-signal-safe
 * once cairn__unwind_prepare has been called in the process; does not allocate, takes no lock that
 * the dynamic linker has, and leaves errno. Any thread, any stack; uses up to 4 KiB of it.
 */
unsigned cairn__unwind(uintptr_t *frames, unsigned max);

/* Before the first; finds the loaded files. Again after dlopen: until then, lists end where they come
 * to a file that was loaded since, if they ended at that place before. Takes the dynamic linker's lock
 * where glibc is older than 2.35, or is another C library. */
void cairn__unwind_prepare(void);

/* What was remembered may be wrong: after dlclose, or before if no more is run in the file. The same
 * locks. */
void cairn__unwind_forget(void);

#endif
