/* SPDX-License-Identifier: MIT */
/*
 * See faults.h. The handler writes what it knows, puts the default action back and returns, so that
 * the access is made again and ends the process as it would have ended: same signal, same core file.
 * Nothing else is done in it, and no lock taken.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* REG_RIP */
#endif
#include "entry/faults.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "base/option.h"
#include "base/print.h"
#include "core/calls.h"
#include "core/fence.h"
#include "core/hardened.h"
#include "core/huge.h"
#include "core/page.h"
#include "core/sampled.h"
#include "core/slot.h"
#include "os/os.h"
#include "os/tags.h"

#if CAIRN_HARDENED

enum { NEAR = 4096 }; /* so far before our memory an address may be meant for it */

static const char *beside(const char *address, const char *start, size_t size, struct text *line)
{
    cairn__text_put(line, address < start ? ", before the " : ", behind the ");
    cairn__text_uint(line, size);
    cairn__text_put(line, "-byte block at ");
    cairn__text_pointer(line, start);
    return "";
}

static const char *describe_outside(const char *address, struct text *line)
{
    struct huge_block block;
    if (cairn__huge_find(address, &block))
        return block.freed ? ", in a large block that was freed"
                           : beside(address, block.start, block.size, line);
    return page_near(address + NEAR) != NULL ? ", right before the first of our blocks" : NULL;
}

/* The page's memory can be accessed there, but not by the pointer that was used. */
static const char *describe_tag(const struct page *page, const char *address, struct text *line)
{
    cairn__text_put(line, ", by a pointer with a wrong tag");
    size_t at = (size_t)(address - page->start) * page->factor >> SLOT_FACTOR_SHIFT;
    if (address < page->start || at >= page->capacity)
        return ", where no block is";
    uint16_t slot = slot_load(page, at);
    const char *block = page->start + at * page->size;
    bool in_use = !slot_is_zero(slot);
    size_t size = in_use ? slot_size(page, slot) : page->size;
    bool behind = (size_t)(address - block) >= size;
    cairn__text_put(line, behind ? ": behind the end of the " : ": in the ");
    cairn__text_uint(line, size);
    cairn__text_put(line, "-byte block ");
    cairn__text_pointer(line, block);
    return behind ? "" : in_use ? ", which is not the pointer's" : ", which was freed";
}

/*
 * What the address is to the blocks around it; NULL: it is not in memory of ours. by_tag: it was stopped
 * for that.
 */
static const char *describe(const void *address, bool by_tag, struct text *line)
{
    struct page *page = page_near(address);
    if (page == NULL)
        return describe_outside(address, line);
    if (page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    if (page_owner(page) == NULL)
        return ", where no block is (freed before?)";
    if (page_owner(page) == OWNER_KEPT)
        return ", in a large block that was freed";
    if (page->class == CLASS_ZERO)
        return ", a block of 0 bytes";
    if (TAGS_BUILT && page->size != 0 && by_tag)
        return describe_tag(page, address, line);
    if (page->size != 0) {
        cairn__text_put(line, ", behind the last block of the page ");
        cairn__text_pointer(line, page->start);
        return "";
    }
    return beside(address, page->start, fence_size(page), line);
}

#else

/* Any memory can be accessed there. */
static const char *describe(const void *address, bool by_tag, struct text *line)
{
    (void)address, (void)by_tag, (void)line;
    return NULL;
}

#endif

/* Where the thread was; 0: not told. */
static uintptr_t interrupted_at(const void *context)
{
#if defined(__x86_64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

enum { WRONG_TAG = 9 }; /* SEGV_MTESERR, which older headers lack */

static void report(const void *address, bool by_tag, const void *context)
{
    if (sampled_holds(address)) {
        cairn__sampled_explain(address, interrupted_at(context));
        return;
    }
    TEXT_LINE(where);
    TEXT_LINE(line);
    const char *what = describe(address, by_tag, &where);
    if (what == NULL)
        return;
    cairn__text_put(&line, "cairn: access to ");
    cairn__text_pointer(&line, address);
    cairn__text_bytes(&line, where.data, where.length);
    cairn__text_put(&line, what);
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
    if (cairn__option(OPTION_REPORT) == REPORT_STACK) {
        static struct calls calls; /* a handler's stack is small */
        cairn__calls_take(&calls, interrupted_at(context));
        cairn__calls_print("accessed by", &calls);
    }
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    int saved = errno;
    if (info->si_code > 0) /* by the processor, not sent by somebody */
        report(tag_strip(info->si_addr), signal == SIGSEGV && info->si_code == WRONG_TAG, context);
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(signal, &standard, NULL);
    if (info->si_code <= 0)
        raise(signal);
    errno = saved;
}

static void handle(int signal)
{
    struct sigaction now;
    if (sigaction(signal, NULL, &now) != 0 || now.sa_handler != SIG_DFL ||
        (now.sa_flags & SA_SIGINFO) != 0)
        return;
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    sigaction(signal, &ours, NULL);
}

void cairn__faults_start(void)
{
    bool calls = cairn__sample_rate != 0 || cairn__option(OPTION_REPORT) == REPORT_STACK;
    if (calls)
        cairn__calls_prepare();
    if (CAIRN_HARDENED || calls) {
        handle(SIGSEGV);
        handle(SIGBUS);
    }
}

#if CAIRN_HARDENED
__attribute__((destructor)) static void at_end(void)
{
    cairn__hardened_sweep();
}
#endif
