/* SPDX-License-Identifier: MIT */
/* See carried.h. The counters are one section, whose ends the linker names. */
#include "fuzz/carried.h"

#include <stdlib.h>
#include <sys/mman.h>

extern volatile char counters[] __asm__("__start___sancov_cntrs") __attribute__((weak));
extern volatile char counters_end[] __asm__("__stop___sancov_cntrs") __attribute__((weak));

static volatile char *shared;

static size_t count(void)
{
    return counters == NULL ? 0 : (size_t)(counters_end - counters);
}

void carried_start(void)
{
    if (count() == 0)
        return;
    shared = mmap(NULL, count(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
}

/* Not by memcpy: it is one of the functions that are tested. */
void carried_leave(void)
{
    for (size_t i = 0; shared != NULL && i < count(); i++)
        shared[i] = counters[i];
}

void carried_take(void)
{
    for (size_t i = 0; shared != NULL && i < count(); i++)
        counters[i] = shared[i];
}
