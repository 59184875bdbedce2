/* SPDX-License-Identifier: MIT */
/*
 * An independent count of what a program allocates: a malloc that hands everything on to the next
 * one and keeps, under one lock, which blocks live and how large they were asked for. It shares
 * nothing with the code that it is to judge. Preloaded after the recording library, it sees the
 * calls that a recording must have.
 *
 * Writes "calls allocations frees blocks bytes" to the file that COUNT_FILE names (with the process
 * id appended): one line each COUNT_EVERY calls, one whenever the program calls count_now(), and one
 * at exit. A child of fork counts from nothing, as its blocks are its parent's; frees of what is not
 * known count as calls and frees only.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void count_now(void);
void *memalign(size_t align, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);

enum { ENTRIES = 1 << 22 };

struct entry {
    uintptr_t ptr; /* 0: never used; 1: removed */
    size_t size;
};

static struct {
    unsigned long calls, allocations, frees, blocks, bytes;
    struct entry *entries;
    unsigned long every;
    int file, pid;
} count = {.file = -1};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *why)
{
    if (write(STDERR_FILENO, why, strlen(why)) < 0)
        _exit(99);
    _exit(98);
}

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function)
        fail("record_count: no such function\n");
    return function;
}

static void write_line(void)
{
    char line[160];
    int length = snprintf(line, sizeof line, "%lu %lu %lu %lu %lu\n", count.calls,
                          count.allocations, count.frees, count.blocks, count.bytes);

    if (count.file >= 0 && write(count.file, line, (size_t)length) != length)
        fail("record_count: cannot write\n");
}

static void begin(void)
{
    char path[512];
    const char *file = getenv("COUNT_FILE"), *every = getenv("COUNT_EVERY");

    count.pid = (int)getpid();
    count.calls = count.allocations = count.frees = count.blocks = count.bytes = 0;
    if (count.entries)
        munmap(count.entries, ENTRIES * sizeof *count.entries);
    count.entries = mmap(NULL, ENTRIES * sizeof *count.entries, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (count.entries == MAP_FAILED)
        fail("record_count: no memory\n");
    count.file = -1;
    count.every = every ? strtoul(every, NULL, 10) : 0;
    if (file) {
        snprintf(path, sizeof path, "%s.%d", file, count.pid);
        count.file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    }
}

static struct entry *find(uintptr_t ptr)
{
    size_t at = (ptr >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 40;

    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *entry = &count.entries[(at + i) % ENTRIES];
        if (entry->ptr == ptr || entry->ptr == 0)
            return entry;
    }
    fail("record_count: too many blocks\n");
    return NULL;
}

static void begun(void *ptr, size_t size)
{
    count.allocations++;
    if (!ptr)
        return;
    struct entry *entry = find((uintptr_t)ptr);
    *entry = (struct entry){(uintptr_t)ptr, size};
    count.blocks++;
    count.bytes += size;
}

static void ended(void *ptr)
{
    struct entry *entry = find((uintptr_t)ptr);

    if (entry->ptr == 0)
        return;
    count.blocks--;
    count.bytes -= entry->size;
    entry->ptr = 1;
}

static void enter(void)
{
    pthread_mutex_lock(&lock);
    if (count.pid == 0 || (count.calls % 64 == 0 && count.pid != (int)getpid()))
        begin();
}

static void leave(void)
{
    count.calls++;
    if (count.every && count.calls % count.every == 0)
        write_line();
    pthread_mutex_unlock(&lock);
}

/* In a child of fork the lock may be another thread's, and the counts are the parent's. */
static void in_child(void)
{
    pthread_mutex_init(&lock, NULL);
    begin();
}

__attribute__((constructor)) static void at_start(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

__attribute__((destructor)) static void at_exit(void)
{
    count_now();
}

__attribute__((visibility("default"))) void count_now(void)
{
    enter();
    write_line();
    pthread_mutex_unlock(&lock);
}

#define NEXT(name, type)                                                                           \
    static type inner;                                                                             \
    if (!inner)                                                                                    \
    inner = (type)(uintptr_t)next(name)

typedef void *(*of_size)(size_t);
typedef void *(*of_two)(size_t, size_t);
typedef void *(*of_block)(void *, size_t);
typedef void (*of_end)(void *);
typedef int (*of_place)(void **, size_t, size_t);

void *malloc(size_t size)
{
    NEXT("malloc", of_size);
    enter();
    void *ptr = inner(size);
    begun(ptr, size);
    leave();
    return ptr;
}

void *calloc(size_t number, size_t size)
{
    NEXT("calloc", of_two);
    enter();
    void *ptr = inner(number, size);
    begun(ptr, number * size);
    leave();
    return ptr;
}

void free(void *ptr)
{
    NEXT("free", of_end);
    if (!ptr)
        return;
    enter();
    count.frees++;
    ended(ptr);
    inner(ptr);
    leave();
}

void *realloc(void *ptr, size_t size)
{
    NEXT("realloc", of_block);
    enter();
    if (ptr && size == 0) {
        count.frees++;
        ended(ptr);
        inner(ptr, 0);
        leave();
        return NULL;
    }
    uintptr_t old = (uintptr_t)ptr;
    void *moved = inner(ptr, size);
    if (moved && old) {
        struct entry *entry = find(old);
        if (entry->ptr != 0) {
            count.blocks--;
            count.bytes -= entry->size;
            entry->ptr = 1;
        }
    }
    begun(moved, size);
    leave();
    return moved;
}

void *reallocarray(void *ptr, size_t number, size_t size)
{
    return realloc(ptr, number * size);
}

void *memalign(size_t align, size_t size)
{
    NEXT("memalign", of_two);
    enter();
    void *ptr = inner(align, size);
    begun(ptr, size);
    leave();
    return ptr;
}

void *aligned_alloc(size_t align, size_t size)
{
    NEXT("aligned_alloc", of_two);
    enter();
    void *ptr = inner(align, size);
    begun(ptr, size);
    leave();
    return ptr;
}

int posix_memalign(void **place, size_t align, size_t size)
{
    NEXT("posix_memalign", of_place);
    void *ptr = NULL;
    enter();
    int error = inner(&ptr, align, size);
    begun(ptr, size);
    leave();
    if (!error)
        *place = ptr;
    return error;
}

void *valloc(size_t size)
{
    NEXT("valloc", of_size);
    enter();
    void *ptr = inner(size);
    begun(ptr, size);
    leave();
    return ptr;
}

void *pvalloc(size_t size)
{
    NEXT("pvalloc", of_size);
    enter();
    void *ptr = inner(size);
    begun(ptr, size);
    leave();
    return ptr;
}
