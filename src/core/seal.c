/* SPDX-License-Identifier: MIT */
/* See seal.h. The range is the segment PT_GNU_RELRO of our own file (ELF; as the linker rounds it). */
#include "core/seal.h"

#include "core/policy.h"

#if CAIRN_HARDENED || CHECKED

#include <link.h>

#include "base/bits.h"
#include "os/os.h"

extern HIDDEN const ElfW(Ehdr) __ehdr_start;

struct range {
    char *start;
    size_t size;
};

static struct range sealed(void)
{
    const char *base = (const char *)&__ehdr_start;
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)(base + __ehdr_start.e_phoff);
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++, header++)
        if (header->p_type == PT_GNU_RELRO) {
            uintptr_t start = (uintptr_t)base + header->p_vaddr, end = start + header->p_memsz;
            start = round_down(start, cairn__os_page_size());
            return (struct range){(char *)start, round_down(end, cairn__os_page_size()) - start};
        }
    return (struct range){NULL, 0};
}

bool cairn__seal_break(void)
{
    struct range range = sealed();
    return range.size == 0 || cairn__os_commit(range.start, range.size);
}

void cairn__seal(void)
{
    struct range range = sealed();
    if (range.size != 0)
        cairn__os_restrict(range.start, range.size, true);
}

#else

bool cairn__seal_break(void)
{
    return true;
}

void cairn__seal(void) {}

#endif
