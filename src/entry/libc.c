/* SPDX-License-Identifier: MIT */
/*
 * malloc and everything the C library offers around it, under the names by which programs, and the
 * C library itself, call them. All of them are exported, also the rare and the old: were one
 * missing, the C library's own would answer with a block of another allocator, and our free get it.
 *
 * malloc and free are the core's inline paths and nothing else; what these do not decide is a tail
 * call into a slow path. The core knows no errno: it is set here, on the slow side of each call, to
 * ENOMEM or EINVAL, and free leaves it alone (POSIX.1-2024). Where the standards leave a choice
 * (size 0, odd alignments) the answer is glibc's. None of it needs a constructor, calls dlsym or
 * allocates; only malloc_info uses stdio, on the caller's stream.
 *
 * The names carry no version. The dynamic linker passes over a malloc of a version other than the
 * one that a program asks for, but takes one that has none (cairn.map).
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/print.h"
#include "core/figures.h"
#include "core/malloc.h"
#include "os/os.h"

/* A second name for the same code. gcc wants the attributes of <stdlib.h> on both. */
#if __has_attribute(copy)
#define ALIAS_OF(target) CAIRN_EXPORT __attribute__((alias(#target), copy(target)))
#else
#define ALIAS_OF(target) CAIRN_EXPORT __attribute__((alias(#target)))
#endif

/* What this machine's headers do not declare. */
void cfree(void *ptr);
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

static inline void *or_no_memory(void *ptr)
{
    if (UNLIKELY(ptr == NULL))
        errno = ENOMEM;
    return ptr;
}

static inline void *invalid(void)
{
    errno = EINVAL;
    return NULL;
}

/* ---- malloc and free ---- */

static NOINLINE void *slow(size_t size)
{
    return or_no_memory(cairn__malloc_slow(size));
}

static inline void *allocated(size_t size)
{
    void *ptr = cairn__malloc_fast(size);
    if (LIKELY(ptr != NULL))
        return ptr;
    return slow(size);
}

CAIRN_EXPORT void *malloc(size_t size)
{
    return allocated(size);
}

CAIRN_EXPORT void free(void *ptr)
{
    cairn__free(ptr);
}

CAIRN_EXPORT void *calloc(size_t count, size_t size)
{
    return or_no_memory(cairn__calloc(count, size));
}

static inline void *resized(void *ptr, size_t size)
{
    if (UNLIKELY(ptr == NULL))
        return allocated(size);
    if (UNLIKELY(size == 0)) {
        cairn__free(ptr);
        return NULL;
    }
    return or_no_memory(cairn__realloc(ptr, size));
}

CAIRN_EXPORT void *realloc(void *ptr, size_t size)
{
    return resized(ptr, size);
}

CAIRN_EXPORT void *reallocarray(void *ptr, size_t count, size_t size)
{
    size_t total;
    if (UNLIKELY(__builtin_mul_overflow(count, size, &total)))
        return or_no_memory(NULL);
    return resized(ptr, total);
}

CAIRN_EXPORT size_t malloc_usable_size(void *ptr)
{
#if CAIRN_HARDENED
    return cairn__hardened_size(ptr);
#elif CHECKED
    return cairn__checked_size(ptr);
#else
    return cairn__usable_size(ptr);
#endif
}

/* C23. The caller's size tells the ordinary core nothing that the pointer does not. */
CAIRN_EXPORT void free_sized(void *ptr, size_t size)
{
    cairn__free_by(FAMILY_MALLOC, ptr, size);
}

CAIRN_EXPORT void free_aligned_sized(void *ptr, size_t align, size_t size)
{
    (void)align;
    cairn__free_by(FAMILY_MALLOC, ptr, size);
}

/* ---- aligned blocks ---- */

/* Tells by its return value alone: errno stays, and on failure *block too. */
CAIRN_EXPORT int posix_memalign(void **block, size_t align, size_t size)
{
    if (UNLIKELY(!is_power_of_two(align) || align < sizeof(void *)))
        return EINVAL;
    void *ptr = cairn__aligned(align, size);
    if (UNLIKELY(ptr == NULL))
        return ENOMEM;
    *block = ptr;
    return 0;
}

/* Any size: that it be a multiple of the alignment is not asked for since C17. */
CAIRN_EXPORT void *aligned_alloc(size_t align, size_t size)
{
    if (UNLIKELY(!is_power_of_two(align)))
        return invalid();
    return or_no_memory(cairn__aligned(align, size));
}

/* Takes any alignment, and means the next power of two, where a size_t can hold that. */
CAIRN_EXPORT void *memalign(size_t align, size_t size)
{
    if (UNLIKELY(align > SIZE_MAX / 2 + 1))
        return invalid();
    if (align == 0)
        align = 1;
    if (UNLIKELY(!is_power_of_two(align)))
        align = power_of_two_below(align) << 1;
    return or_no_memory(cairn__aligned(align, size));
}

CAIRN_EXPORT void *valloc(size_t size)
{
    return or_no_memory(cairn__aligned(cairn__os_page_size(), size));
}

/* Whole OS pages, at least one. */
CAIRN_EXPORT void *pvalloc(size_t size)
{
    if (UNLIKELY(size > PTRDIFF_MAX))
        return or_no_memory(NULL);
    size_t page_size = cairn__os_page_size();
    return or_no_memory(cairn__aligned(page_size, round_up(size_max(size, 1), page_size)));
}

/* ---- the names behind the names: libraries that wrap malloc call the C library's by these ---- */

ALIAS_OF(free) void cfree(void *ptr);
ALIAS_OF(malloc) void *__libc_malloc(size_t size);
ALIAS_OF(free) void __libc_free(void *ptr);
ALIAS_OF(calloc) void *__libc_calloc(size_t count, size_t size);
ALIAS_OF(realloc) void *__libc_realloc(void *ptr, size_t size);
ALIAS_OF(reallocarray) void *__libc_reallocarray(void *ptr, size_t count, size_t size);
ALIAS_OF(memalign) void *__libc_memalign(size_t align, size_t size);
ALIAS_OF(valloc) void *__libc_valloc(size_t size);
ALIAS_OF(pvalloc) void *__libc_pvalloc(size_t size);
ALIAS_OF(posix_memalign) int __posix_memalign(void **block, size_t align, size_t size);

/* ---- glibc's knobs and reports ---- */

#ifdef __GLIBC__

/* Gives all that can be given; `pad`, how much to keep of a heap's end, has no meaning here. */
CAIRN_EXPORT int malloc_trim(size_t pad)
{
    (void)pad;
    return cairn__trim();
}

/* Has no effect: the constants tune mechanisms that Cairn does not have. 1: a known constant. */
CAIRN_EXPORT int mallopt(int option, int value)
{
    (void)value;
    switch (option) {
    case M_MXFAST:
    case M_NLBLKS:
    case M_GRAIN:
    case M_KEEP:
    case M_TRIM_THRESHOLD:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_CHECK_ACTION:
    case M_PERTURB:
    case M_ARENA_TEST:
    case M_ARENA_MAX:
        return 1;
    default:
        return 0;
    }
}

#if !__GLIBC_PREREQ(2, 33)
struct mallinfo2 {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
struct mallinfo2 mallinfo2(void);
#endif

/*
 * As glibc fills it: arena = uordblks + fordblks, without the hblks own mappings of hblkhd bytes.
 * What glibc counts block by block (ordblks, smblks, fsmblks, keepcost) is 0: not known here.
 */
CAIRN_EXPORT struct mallinfo2 mallinfo2(void)
{
    struct cairn__figures figures;
    cairn__figures_get(&figures);
    /* The figures are read while other threads allocate, so `huge` may be ahead of `live`. */
    size_t shared = figures.live - size_min(figures.live, figures.huge);
    return (struct mallinfo2){
        .arena = shared + figures.free,
        .hblks = figures.huge_count,
        .hblkhd = figures.huge,
        .uordblks = shared,
        .fordblks = figures.free,
    };
}

static int clamped(size_t value)
{
    return value > INT_MAX ? INT_MAX : (int)value;
}

CAIRN_EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 info = mallinfo2();
    return (struct mallinfo){
        .arena = clamped(info.arena),
        .hblks = clamped(info.hblks),
        .hblkhd = clamped(info.hblkhd),
        .uordblks = clamped(info.uordblks),
        .fordblks = clamped(info.fordblks),
    };
}

static void put_row(struct text *text, const char *name, size_t value)
{
    cairn__text_put(text, name);
    cairn__text_put(text, " = ");
    cairn__text_uint(text, value);
    cairn__text_put(text, "\n");
}

CAIRN_EXPORT void malloc_stats(void)
{
    struct cairn__figures figures;
    cairn__figures_get(&figures);
    char data[768];
    struct text text = {data, sizeof data, 0};
    cairn__text_put(&text, "Cairn " CAIRN_VERSION_TEXT ":\n");
    put_row(&text, "reserved bytes      ", figures.reserved);
    put_row(&text, "committed bytes     ", figures.committed);
    put_row(&text, "most ever committed ", figures.peak_committed);
    put_row(&text, "metadata bytes      ", figures.metadata);
    put_row(&text, "in use bytes        ", figures.live);
    put_row(&text, "  in own mappings   ", figures.huge);
    put_row(&text, "own mappings        ", figures.huge_count);
    put_row(&text, "free bytes held     ", figures.free);
    put_row(&text, "pages               ", figures.pages);
    put_row(&text, "heaps               ", figures.heaps);
    cairn__os_print_error(text.data, text.length);
}

/* glibc's elements and attributes, in its order, so that what reads those reads these. */
CAIRN_EXPORT int malloc_info(int options, FILE *stream)
{
    if (options != 0)
        return EINVAL; /* as glibc: not -1, although its manual says so */
    struct cairn__figures figures;
    cairn__figures_get(&figures);
    int written = fprintf(stream,
                          "<malloc version=\"cairn-1\">\n"
                          "<total type=\"fast\" count=\"0\" size=\"0\"/>\n"
                          "<total type=\"rest\" count=\"0\" size=\"%zu\"/>\n"
                          "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n"
                          "<system type=\"current\" size=\"%zu\"/>\n"
                          "<system type=\"max\" size=\"%zu\"/>\n"
                          "<aspace type=\"total\" size=\"%zu\"/>\n"
                          "<aspace type=\"mprotect\" size=\"%zu\"/>\n"
                          "<live size=\"%zu\"/>\n"
                          "<metadata size=\"%zu\"/>\n"
                          "<pages count=\"%zu\"/>\n"
                          "<heaps count=\"%zu\"/>\n"
                          "</malloc>\n",
                          figures.free, figures.huge_count, figures.huge, figures.committed,
                          figures.peak_committed, figures.reserved, figures.mapped, figures.live,
                          figures.metadata, figures.pages, figures.heaps);
    return written < 0 ? -1 : 0;
}

#endif
