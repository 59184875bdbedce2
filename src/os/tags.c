/* SPDX-License-Identifier: MIT */
/* See tags.h. On Linux (Documentation/arch/arm64/memory-tagging-extension.rst). */
#define _GNU_SOURCE
#include "os/tags.h"

SEALED uint64_t cairn__tag_bits;

#if TAGS_BUILT

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* Older headers lack them. */
enum {
    HWCAP2_MTE_ = 1 << 18,
    PROT_MTE_ = 0x20,
    SET_TAGGED_ADDRESSES = 55,
    TAGGED_ADDRESSES = 1 << 0,
    FAULTS_AT_ONCE = 1 << 1,
    DRAWN_SHIFT = 3,
    DRAWN = 0xfffe, /* tag 0 never is */
};

/* The assembler is told that there are such instructions; the compiler is not, and does not use them. */
#define TAG_INSTRUCTION(text) ".arch armv8.5-a+memtag\n\t" text

unsigned cairn__tag_random(uint64_t excluded)
{
    uint64_t drawn;
    __asm__ volatile(TAG_INSTRUCTION("irg %0, %1, %2")
                     : "=r"(drawn)
                     : "r"((uint64_t)0), "r"(excluded));
    return (unsigned)(drawn >> TAG_SHIFT);
}

void cairn__tag_set(void *ptr, size_t size, unsigned tag)
{
    uintptr_t at = (uintptr_t)tag_put(ptr, tag), end = at + size;
    for (; end - at >= 2 * TAG_BYTES; at += 2 * TAG_BYTES)
        __asm__ volatile(TAG_INSTRUCTION("st2g %0, [%0]") : : "r"(at) : "memory");
    if (at != end)
        __asm__ volatile(TAG_INSTRUCTION("stg %0, [%0]") : : "r"(at) : "memory");
}

void cairn__tag_wipe(void *ptr, size_t size)
{
    uintptr_t at = (uintptr_t)ptr, end = at + size;
    for (; end - at >= 2 * TAG_BYTES; at += 2 * TAG_BYTES)
        __asm__ volatile(TAG_INSTRUCTION("stz2g %0, [%0]") : : "r"(at) : "memory");
    if (at != end)
        __asm__ volatile(TAG_INSTRUCTION("stzg %0, [%0]") : : "r"(at) : "memory");
}

/* The processor's bit says that they are overridden. */
void cairn__tag_checks(bool on)
{
    if (on)
        __asm__ volatile(TAG_INSTRUCTION("msr tco, #0") : : : "memory");
    else
        __asm__ volatile(TAG_INSTRUCTION("msr tco, #1") : : : "memory");
}

bool cairn__tags_start(void)
{
    if ((getauxval(AT_HWCAP2) & HWCAP2_MTE_) == 0)
        return false;
    unsigned long how = TAGGED_ADDRESSES | FAULTS_AT_ONCE | (unsigned long)DRAWN << DRAWN_SHIFT;
    int saved = errno;
    bool done = prctl(SET_TAGGED_ADDRESSES, how, 0, 0, 0) == 0;
    errno = saved;
    if (done)
        cairn__tag_bits = (uint64_t)0xf << TAG_SHIFT;
    return done;
}

bool cairn__tags_commit(void *ptr, size_t size)
{
    int saved = errno;
    bool done = mprotect(ptr, size, PROT_READ | PROT_WRITE | PROT_MTE_) == 0;
    errno = saved;
    return done;
}

#endif
