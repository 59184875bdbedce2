/* SPDX-License-Identifier: MIT */
/*
 * A line for accesses that the processor refuses, in the hardened build: beyond a page or a large block,
 * into memory that was freed, or into a block of no bytes. It is a handler of SIGSEGV and SIGBUS, set
 * at the start where nobody has set another; a program that sets its own has that. It writes one line,
 * puts the default action back and returns, so that the access is made again and ends the process as
 * it would have ended: same signal, same core file. Nothing else is done in it, and no lock taken.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/print.h"
#include "core/fence.h"
#include "core/hardened.h"
#include "core/page.h"
#include "os/os.h"

#if CAIRN_HARDENED

/* What the address is to the blocks around it; NULL: it is not in memory of ours. */
static const char *describe(const void *address, struct text *line)
{
    struct page *page = page_near(address);
    if (page == NULL)
        return NULL;
    if (page_owner(page) == OWNER_INTERIOR)
        page -= page->offset;
    if (page_owner(page) == NULL)
        return ", where no block is (freed before?)";
    if (page_owner(page) == OWNER_KEPT)
        return ", in a large block that was freed";
    if (page->class == CLASS_ZERO)
        return ", a block of 0 bytes";
    if (page->size != 0) {
        cairn__text_put(line, ", behind the last block of the page ");
        cairn__text_pointer(line, page->start);
        return "";
    }
    bool before = (const char *)address < page->start;
    cairn__text_put(line, before ? ", before the " : ", behind the ");
    cairn__text_uint(line, fence_size(page));
    cairn__text_put(line, "-byte block at ");
    cairn__text_pointer(line, page->start);
    return "";
}

static void report(const void *address)
{
    TEXT_LINE(where);
    TEXT_LINE(line);
    const char *what = describe(address, &where);
    if (what == NULL)
        return;
    cairn__text_put(&line, "cairn: access to ");
    cairn__text_pointer(&line, address);
    cairn__text_bytes(&line, where.data, where.length);
    cairn__text_put(&line, what);
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    int saved = errno;
    if (info->si_code > 0) /* by the processor, not sent by somebody */
        report(info->si_addr);
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

__attribute__((destructor)) static void at_end(void)
{
    cairn__hardened_sweep();
}

__attribute__((constructor)) static void start(void)
{
    handle(SIGSEGV);
    handle(SIGBUS);
}

#endif
