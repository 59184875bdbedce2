/* SPDX-License-Identifier: MIT */
/*
 * libcairn-stack.so's malloc: the stack of allocators named in CAIRN_STACK (cairn/stack.h), as the
 * malloc of a program that knows nothing of it. The stack is built when the library is started.
 *
 * free() brings no layout, so a header of 16 bytes right before each block keeps the block's size,
 * and a tag: the binary logarithm of its alignment, and the rest a hash of address, size and a secret
 * of this process. A pointer whose tag is wrong is not ours (or was freed): it is left alone, as no
 * layout is known that the stack could be given; but where the stack has a part that stops programs
 * for that (guarded, checked), this does in its place. The layout asked of the stack begins
 * max(16, alignment) bytes before the block.
 *
 * A stack that is not thread-safe, or could not stand a fork in another thread, is used under one
 * lock, which fork takes, too. Whoever calls before the stack is built, or comes back here while the
 * same thread builds or uses it (the loader, called by `foreign`), is served by the C library's own
 * malloc, which this library does not export; such blocks have a header, too, and a bit in their tag.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/option.h"
#include "base/print.h"
#include "cairn/heap.h"
#include "core/thread.h"
#include "entry/stack.h"
#include "os/fatal.h"
#include "os/lock.h"
#include "os/os.h"
#include "os/place.h"

#define NATURAL_ALIGN 16
#define OS_PAGE_LEAST 4096 /* whatever the system's is, a multiple of this */

#pragma weak cairn_stack_default
extern const char *cairn_stack_default;

enum { NOT_BUILT, READY };

static struct {
    struct lock lock;         /* around building, and around each call if `locked` */
    _Atomic uintptr_t holder; /* the thread that has it: its mark; only it sees its own */
    _Atomic unsigned state;
    bool locked;
    cairn_allocator allocator;
    cairn_stack *stack;
    _Atomic uint64_t secret; /* 0: not asked for yet */
    bool stops_crimes;
    _Atomic bool reporting; /* the end has come */
    bool silent; /* a child that forked off then: what the reporter held is never let go */
} process;

/* ---- the C library's own malloc, which `system` is here ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *ptr);

static void *libc_alloc(void *self, cairn_layout layout)
{
    (void)self;
    size_t size = layout.size != 0 ? layout.size : 1;
    return layout.align <= NATURAL_ALIGN ? __libc_malloc(size)
                                         : __libc_memalign(layout.align, size);
}

static void *libc_alloc_zeroed(void *self, cairn_layout layout)
{
    if (layout.align <= NATURAL_ALIGN)
        return __libc_calloc(1, layout.size != 0 ? layout.size : 1);
    void *ptr = libc_alloc(self, layout);
    if (ptr != NULL)
        memset(ptr, 0, layout.size);
    return ptr;
}

static void libc_dealloc(void *self, void *ptr, cairn_layout layout)
{
    (void)self, (void)layout;
    __libc_free(ptr);
}

static void *libc_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    if (layout.align <= NATURAL_ALIGN)
        return __libc_realloc(ptr, new_size != 0 ? new_size : 1);
    void *moved = libc_alloc(self, (cairn_layout){new_size, layout.align});
    if (moved != NULL) {
        memcpy(moved, ptr, size_min(layout.size, new_size));
        __libc_free(ptr);
    }
    return moved;
}

static cairn_allocator libc(void)
{
    static const cairn_allocator_ops ops = {
        .name = "system",
        .alloc = libc_alloc,
        .dealloc = libc_dealloc,
        .alloc_zeroed = libc_alloc_zeroed,
        .realloc = libc_realloc,
    };
    return (cairn_allocator){&ops, NULL};
}

/* ---- the stack ---- */

static void say(const char *where, const char *what, const char *after)
{
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: ");
    cairn__text_put(&line, where);
    cairn__text_put(&line, what);
    cairn__text_put(&line, after);
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
}

static void say_error(const cairn_stack_error *error)
{
    char where[64];
    struct text text = {where, sizeof where - 1, 0};
    cairn__text_put(&text, "CAIRN_STACK, character ");
    cairn__text_uint(&text, error->at + 1);
    cairn__text_put(&text, ": ");
    where[text.length] = '\0';
    say(where, error->text, "; the program runs on heap");
}

/* The stack that is asked for; NULL: none, or one that cannot be. */
static cairn_stack *build(const char *text)
{
    cairn_stack_error error;
    cairn_stack *stack = cairn__stack_create(text, cairn_heap_allocator(NULL), libc(), &error);
    if (stack == NULL) {
        say_error(&error);
        return NULL;
    }
    if (cairn_stack_is_general(stack))
        return stack;
    say("CAIRN_STACK: ", text,
        " does not serve all sizes and alignments; put its pool under segregated of the same size, "
        "a power of two, or under fallback; the program runs on heap");
    cairn_stack_destroy(stack);
    return NULL;
}

static void before_fork(void)
{
    lock_acquire(&process.lock);
    atomic_store_explicit(&process.holder, cairn__os_thread_mark(), memory_order_relaxed);
    if (process.stack != NULL)
        cairn_stack_flush(process.stack);
}

static void after_fork(void)
{
    atomic_store_explicit(&process.holder, 0, memory_order_relaxed);
    lock_release(&process.lock);
}

static void after_fork_in_child(void)
{
    atomic_store_explicit(&process.holder, 0, memory_order_relaxed);
    lock_reset(&process.lock);
    process.silent |= atomic_load_explicit(&process.reporting, memory_order_relaxed);
}

static void start(void)
{
    cairn__process_start();
    const char *text = cairn__os_environment("CAIRN_STACK");
    if ((text == NULL || text[0] == '\0') && &cairn_stack_default != NULL)
        text = cairn_stack_default;
    process.allocator = cairn_heap_allocator(NULL);
    if (text != NULL && text[0] != '\0')
        process.stack = build(text);
    if (process.stack != NULL) {
        process.allocator = cairn_stack_allocator(process.stack);
        process.stops_crimes = cairn__stack_stops_crimes(process.stack);
        process.locked = !cairn_stack_is_thread_safe(process.stack) ||
                         !cairn__stack_is_fork_safe(process.stack);
        if (cairn__option(OPTION_VERBOSE))
            say("runs on ", text, process.locked ? ", under one lock" : "");
    }
    if (process.locked)
        cairn__os_on_fork(before_fork, after_fork, after_fork_in_child);
}

static bool is_inside(void)
{
    return atomic_load_explicit(&process.holder, memory_order_relaxed) == cairn__os_thread_mark();
}

static void enter(void)
{
    lock_acquire(&process.lock);
    atomic_store_explicit(&process.holder, cairn__os_thread_mark(), memory_order_relaxed);
}

static void leave(void)
{
    atomic_store_explicit(&process.holder, 0, memory_order_relaxed);
    lock_release(&process.lock);
}

/* Not at the first call: that may come from within the C library or the loader, which hold locks then
 * that a stack needs (foreign opens a library). */
__attribute__((constructor)) static void at_start(void)
{
    enter();
    start();
    atomic_store_explicit(&process.state, READY, memory_order_release);
    leave();
}

/* The allocator for one call of this thread; `leave_call` when it is done. */
static cairn_allocator enter_call(bool *boot)
{
    /* Pairs with the release in at_start. */
    *boot = atomic_load_explicit(&process.state, memory_order_acquire) != READY || is_inside();
    if (UNLIKELY(*boot))
        return libc();
    if (process.locked)
        enter();
    return process.allocator;
}

static void leave_call(bool boot)
{
    if (process.locked && !boot)
        leave();
}

/* ---- headers ---- */

struct header {
    size_t size;
    uint64_t tag;
};

#define TAG_ALIGN 63 /* the low six bits: log2 of the alignment */
#define TAG_BOOT  64
#define TAG_BITS  127

/* Whoever asks first stores it; all get the same. */
static uint64_t secret(void)
{
    uint64_t value = atomic_load_explicit(&process.secret, memory_order_relaxed);
    if (UNLIKELY(value == 0)) {
        value = cairn__os_secret() | 1;
        atomic_store_explicit(&process.secret, value, memory_order_relaxed);
    }
    return value;
}

static uint64_t hash_of(const void *block, size_t size)
{
    uint64_t z = ((uintptr_t)block ^ secret()) + size * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) & ~(uint64_t)TAG_BITS;
}

static struct header *header_of(const void *block)
{
    return (struct header *)block - 1;
}

/* What the block's header says, if it is ours. */
static bool read_header(const void *block, cairn_layout *layout, bool *boot)
{
    if (!is_aligned((uintptr_t)block, NATURAL_ALIGN))
        return false;
    const struct header *header = header_of(block);
    /* Before a foreign block at the start of an OS page there may be nothing; of ours that lie so,
     * few as they are, the header is in the page before. */
    if (UNLIKELY(is_aligned((uintptr_t)block, OS_PAGE_LEAST)) &&
        !cairn__os_is_readable(header, sizeof *header))
        return false;
    uint64_t tag = header->tag;
    if (UNLIKELY((tag & ~(uint64_t)TAG_BITS) != hash_of(block, header->size)))
        return false;
    *layout = (cairn_layout){header->size, (size_t)1 << (tag & TAG_ALIGN)};
    *boot = (tag & TAG_BOOT) != 0;
    return true;
}

/* The layout asked of the stack for a block, and how far before the block it begins. */
static cairn_layout outer(cairn_layout layout, size_t *front)
{
    *front = size_max(layout.align, sizeof(struct header));
    if (layout.size > (size_t)PTRDIFF_MAX - *front)
        return CAIRN_LAYOUT_NONE;
    return cairn_layout_from_size_align(layout.size + *front, layout.align);
}

static void *put_header(char *base, size_t front, cairn_layout layout, bool boot)
{
    char *block = base + front;
    struct header *header = header_of(block);
    header->size = layout.size;
    header->tag = hash_of(block, layout.size) | log2_floor(layout.align) | (boot ? TAG_BOOT : 0);
    return block;
}

/* ---- blocks ---- */

static void *get(size_t size, size_t align, bool zeroed)
{
    cairn_layout layout = {size, size_max(align, NATURAL_ALIGN)};
    size_t front;
    cairn_layout whole = outer(layout, &front);
    bool boot;
    cairn_allocator allocator = enter_call(&boot);
    char *base = zeroed ? cairn_allocator_alloc_zeroed(allocator, whole)
                        : cairn_allocator_alloc(allocator, whole);
    leave_call(boot);
    if (UNLIKELY(base == NULL)) {
        errno = ENOMEM;
        return NULL;
    }
    return put_header(base, front, layout, boot);
}

/* Freed or resized, and not ours. */
static COLD void pass_over(const void *block)
{
    if (process.stops_crimes)
        cairn__fatal("free of a pointer that is no block in use:", block);
    if (cairn__option(OPTION_VERBOSE))
        cairn__report("ignored: free of a pointer that is no block:", block);
}

static void give(void *block)
{
    cairn_layout layout;
    bool boot;
    if (!read_header(block, &layout, &boot)) {
        pass_over(block);
        return;
    }
    header_of(block)->tag = 0; /* a second free is not ours any more */
    size_t front;
    cairn_layout whole = outer(layout, &front);
    char *base = (char *)block - front;
    if (boot) {
        __libc_free(base);
        return;
    }
    bool inside;
    enter_call(&inside);
    /* From inside, a block of the stack is lost rather than the stack damaged. */
    if (!inside) {
        cairn_allocator_dealloc(process.allocator, base, whole);
        leave_call(false);
    }
}

static void *copied(void *block, cairn_layout layout, size_t size)
{
    void *moved = get(size, layout.align, false);
    if (moved != NULL) {
        memcpy(moved, block, size_min(layout.size, size));
        give(block);
    }
    return moved;
}

static void *resize(void *block, size_t size)
{
    cairn_layout layout;
    bool boot, inside;
    if (!read_header(block, &layout, &boot)) {
        pass_over(block);
        errno = EINVAL;
        return NULL;
    }
    cairn_layout new_layout = {size, layout.align};
    size_t front;
    cairn_layout whole = outer(layout, &front), new_whole = outer(new_layout, &front);
    if (!cairn_layout_is_valid(new_whole)) {
        errno = ENOMEM;
        return NULL;
    }
    if (boot || is_inside())
        return copied(block, layout, size);
    /* Before the block may be another thread's: where it was is not ours any more if it moves. */
    uint64_t tag = header_of(block)->tag;
    header_of(block)->tag = 0;
    cairn_allocator allocator = enter_call(&inside);
    char *base = cairn_allocator_realloc(allocator, (char *)block - front, whole, new_whole.size);
    leave_call(inside);
    if (UNLIKELY(base == NULL)) {
        header_of(block)->tag = tag;
        if (size <= layout.size)
            return block; /* programs do not expect that shrinking fails: it stays as large */
        errno = ENOMEM;
        return NULL;
    }
    return put_header(base, front, new_layout, false);
}

/* For process.c: whether malloc is this one. */
bool cairn__stack_owns(const void *block)
{
    cairn_layout layout;
    bool boot;
    return block != NULL && read_header(block, &layout, &boot);
}

/* ---- the names ---- */

/* What this machine's headers do not declare. */
void *pvalloc(size_t size);
void *valloc(size_t size);
void *memalign(size_t align, size_t size);
size_t malloc_usable_size(void *ptr);
void cfree(void *ptr);
void free_sized(void *ptr, size_t size);
void free_aligned_sized(void *ptr, size_t align, size_t size);

CAIRN_EXPORT void *malloc(size_t size)
{
    return get(size, NATURAL_ALIGN, false);
}

CAIRN_EXPORT void free(void *ptr)
{
    if (ptr == NULL)
        return;
    int saved = errno;
    give(ptr);
    errno = saved;
}

CAIRN_EXPORT void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX;
    return get(bytes, NATURAL_ALIGN, true);
}

CAIRN_EXPORT void *realloc(void *ptr, size_t size)
{
    if (ptr == NULL)
        return malloc(size);
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return resize(ptr, size);
}

CAIRN_EXPORT void *reallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(ptr, bytes);
}

CAIRN_EXPORT int posix_memalign(void **block, size_t align, size_t size)
{
    if (!is_power_of_two(align) || align < sizeof(void *))
        return EINVAL;
    int saved = errno;
    void *ptr = get(size, align, false);
    errno = saved;
    if (ptr == NULL)
        return ENOMEM;
    *block = ptr;
    return 0;
}

CAIRN_EXPORT void *aligned_alloc(size_t align, size_t size)
{
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return get(size, align, false);
}

/* Any alignment; the next power of two is meant. */
CAIRN_EXPORT void *memalign(size_t align, size_t size)
{
    if (align > (size_t)1 << 62) {
        errno = EINVAL;
        return NULL;
    }
    size_t power = 1;
    while (power < align)
        power *= 2;
    return get(size, power, false);
}

CAIRN_EXPORT void *valloc(size_t size)
{
    return get(size, cairn__os_page_size(), false);
}

CAIRN_EXPORT void *pvalloc(size_t size)
{
    size_t os_page = cairn__os_page_size();
    if (size > (size_t)PTRDIFF_MAX - os_page)
        size = SIZE_MAX;
    else
        size = round_up(size, os_page);
    return get(size, os_page, false);
}

CAIRN_EXPORT size_t malloc_usable_size(void *ptr)
{
    cairn_layout layout = {0, 1};
    bool boot;
    return ptr != NULL && read_header(ptr, &layout, &boot) ? layout.size : 0;
}

CAIRN_EXPORT void cfree(void *ptr)
{
    free(ptr);
}

/* C23. The header knows better. */
CAIRN_EXPORT void free_sized(void *ptr, size_t size)
{
    (void)size;
    free(ptr);
}

CAIRN_EXPORT void free_aligned_sized(void *ptr, size_t align, size_t size)
{
    (void)align, (void)size;
    free(ptr);
}

/*
 * Reports and buffers go out; what is freed later is no longer told. Without our lock: naming a
 * function takes the loader's, and a thread that is in dlopen has that one and waits for ours. Parts
 * that report have locks of their own.
 */
__attribute__((destructor)) static void at_end(void)
{
    if (atomic_load_explicit(&process.state, memory_order_acquire) != READY ||
        process.stack == NULL || process.silent || is_inside())
        return;
    atomic_store_explicit(&process.reporting, true, memory_order_relaxed);
    cairn_stack_report(process.stack);
}
