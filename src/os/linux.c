/* SPDX-License-Identifier: MIT */
/*
 * os.h on Linux with glibc or musl. System calls go through the C library's wrappers; each function
 * restores errno, because free() must not change it and malloc's only error is set by its caller.
 *
 * Purging is MADV_DONTNEED, never MADV_FREE: pages that the kernel takes back some day still count
 * as the process's, and look like a leak to whoever reads its size.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/system.h"

/* Older headers lack them; older kernels answer EINVAL. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

extern char **environ;

static void *map(void *hint, size_t size, int protection, int flags)
{
    void *ptr = mmap(hint, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return ptr == MAP_FAILED ? NULL : ptr;
}

/* An aligned mapping: by luck (the kernel aligns large mappings itself), else by cutting one out. */
static void *map_aligned(size_t size, size_t align, int protection, int flags)
{
    int saved = errno;
    char *ptr = map(NULL, size, protection, flags);
    if (ptr != NULL && !is_aligned((uintptr_t)ptr, align)) {
        munmap(ptr, size);
        size_t span = size + align;
        ptr = span < size ? NULL : map(NULL, span, protection, flags);
        if (ptr != NULL) {
            char *start = (char *)round_up((uintptr_t)ptr, align);
            if (start > ptr)
                munmap(ptr, (size_t)(start - ptr));
            if (ptr + span > start + size)
                munmap(start + size, (size_t)(ptr + span - (start + size)));
            ptr = start;
        }
    }
    errno = saved;
    return ptr;
}

void *cairn__os_reserve(size_t size, size_t align)
{
    return map_aligned(size, align, PROT_NONE, MAP_NORESERVE);
}

bool cairn__os_can_reserve(size_t size)
{
    int saved = errno;
    void *probe = map(NULL, size, PROT_NONE, MAP_NORESERVE);
    bool can = probe != NULL || errno != ENOMEM;
    if (probe != NULL)
        munmap(probe, size);
    errno = saved;
    return can;
}

bool cairn__os_commit(void *ptr, size_t size)
{
    int saved = errno;
    bool done = mprotect(ptr, size, PROT_READ | PROT_WRITE) == 0;
    errno = saved;
    return done;
}

bool cairn__os_restrict(void *ptr, size_t size, bool readable)
{
    int saved = errno;
    bool done = mprotect(ptr, size, readable ? PROT_READ : PROT_NONE) == 0;
    errno = saved;
    return done;
}

void cairn__os_advise_huge(void *ptr, size_t size, bool huge)
{
    int saved = errno;
    madvise(ptr, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    errno = saved;
}

void *cairn__os_map(size_t size, size_t align)
{
    return map_aligned(size, align, PROT_READ | PROT_WRITE, 0);
}

/* Read anew at each call: a compiler that knew the function would make it a memset. */
#ifdef __GLIBC__
void *__memset_chk(void *ptr, int byte, size_t count, size_t room);
static __typeof__(&__memset_chk) const volatile set_by_libc = __memset_chk;
#else
#define set_by_libc(ptr, byte, count, room) memset(ptr, byte, count)
#endif

void cairn__os_clear(void *ptr, size_t size)
{
    set_by_libc(ptr, 0, size, SIZE_MAX);
}

/* madvise, without errno. */
static bool advise(void *ptr, size_t size, int advice)
{
    int saved = errno;
    bool done = madvise(ptr, size, advice) == 0;
    errno = saved;
    return done;
}

/* An emulator may say that it has done what it does not know. */
static bool can_be_read(const void *ptr)
{
    const struct timespec none = {0, 0};
    int saved = errno;
    long result = syscall(SYS_futex, ptr, FUTEX_WAIT_PRIVATE, 1, &none, NULL, 0);
    bool readable = result == 0 || errno != EFAULT;
    errno = saved;
    return readable;
}

bool cairn__os_guard(void *ptr, size_t size)
{
    enum { UNKNOWN, HAS_GUARDS, HAS_NONE };
    static _Atomic int system = UNKNOWN;
    int known = atomic_load_explicit(&system, memory_order_relaxed);
    if (known == HAS_NONE)
        return false;
    if (!advise(ptr, size, MADV_GUARD_INSTALL)) {
        advise(ptr, size, MADV_GUARD_REMOVE); /* a part may have been done */
        return false;
    }
    if (UNLIKELY(known == UNKNOWN)) {
        known = can_be_read(ptr) ? HAS_NONE : HAS_GUARDS;
        atomic_store_explicit(&system, known, memory_order_relaxed);
    }
    return known == HAS_GUARDS;
}

/* Where the process may not call it any more, new memory in that place has no marks either. */
bool cairn__os_unguard(void *ptr, size_t size)
{
    if (advise(ptr, size, MADV_GUARD_REMOVE))
        return true;
    int saved = errno;
    bool done = map(ptr, size, PROT_READ | PROT_WRITE, MAP_NORESERVE | MAP_FIXED) != NULL;
    errno = saved;
    return done;
}

bool cairn__os_purge(void *ptr, size_t size)
{
    int saved = errno;
    bool done = madvise(ptr, size, MADV_DONTNEED) == 0;
    errno = saved;
    return done;
}

bool cairn__os_release(void *ptr, size_t size)
{
    int saved = errno;
    bool done = munmap(ptr, size) == 0;
    if (!done) /* cutting a mapping in two can exceed the limit on their number */
        madvise(ptr, size, MADV_DONTNEED);
    errno = saved;
    return done;
}

bool cairn__os_resize(void *ptr, size_t old_size, size_t new_size)
{
    int saved = errno;
    bool done = mremap(ptr, old_size, new_size, 0) != MAP_FAILED;
    errno = saved;
    return done;
}

bool cairn__os_move(void *ptr, size_t old_size, void *target, size_t new_size)
{
    int saved = errno;
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    bool done = mremap(ptr, old_size, new_size, flags, target) != MAP_FAILED;
    if (!done && (errno == EPERM || errno == ENOSYS)) {
        munmap(target, new_size); /* a sandbox has refused the call: nothing was begun */
    } else if (!done) {
        /* Where nothing is mapped any more this succeeds, and can be undone. Else somebody is there,
         * perhaps still the reservation itself: it stays, as address space and nothing more. */
        void *again = map(target, new_size, PROT_NONE, MAP_NORESERVE | MAP_FIXED_NOREPLACE);
        if (again != NULL)
            munmap(again, new_size);
    }
    errno = saved;
    return done;
}

size_t cairn__os_page_size(void)
{
    return (size_t)getauxval(AT_PAGESZ);
}

size_t cairn__os_mappings_max(void)
{
    enum { USUAL = 65530 };
    char text[32];
    size_t most = 0;
    cairn__system_read("/proc/sys/vm/max_map_count", text, sizeof text);
    for (const char *at = text; *at >= '0' && *at <= '9'; at++)
        most = most * 10 + (size_t)(*at - '0');
    return most == 0 ? USUAL : most;
}

size_t cairn__os_address_limit(void)
{
    struct rlimit limit;
    int saved = errno;
    bool known = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    errno = saved;
    return known ? (size_t)limit.rlim_cur : SIZE_MAX;
}

/* getenv takes no lock either, but a program may replace it; environ may be NULL very early. */
const char *cairn__os_environment(const char *name)
{
    if (environ == NULL || getauxval(AT_SECURE) != 0)
        return NULL;
    size_t length = strlen(name);
    for (char **entry = environ; *entry != NULL; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return NULL;
}

const char *const *cairn__os_environment_all(void)
{
    return getauxval(AT_SECURE) != 0 ? NULL : (const char *const *)environ;
}

/* By the system call: the C library's function may be a cancellation point. */
void cairn__os_random(void *bytes, size_t size)
{
    enum { GRND_NONBLOCK_ = 1 };
    int saved = errno;
    long got = syscall(SYS_getrandom, bytes, size, GRND_NONBLOCK_);
    if (got != (long)size) {
        /* What the kernel gave the process at its start, and what differs from call to call. */
        const uint8_t *given = (const uint8_t *)getauxval(AT_RANDOM);
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        uint64_t mix = (uint64_t)now.tv_nsec * 0x9E3779B97F4A7C15u ^ (uintptr_t)bytes;
        for (size_t i = 0; i < size; i++)
            ((uint8_t *)bytes)[i] = (uint8_t)((given == NULL ? 0 : given[i % 16]) +
                                              (mix >> i % 8 * 8));
    }
    errno = saved;
}

int cairn__os_process_id(void)
{
    return (int)getpid();
}

size_t cairn__os_program(char *name, size_t size)
{
    int saved = errno;
    ssize_t length = readlink("/proc/self/exe", name, size);
    errno = saved;
    return length < 0 ? 0 : (size_t)length;
}

void cairn__os_wait(uint32_t *word, uint32_t expected)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
    errno = saved;
}

void cairn__os_wake_one(uint32_t *word)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}

void cairn__os_sleep(uint64_t milliseconds)
{
    struct timespec time = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
    uint32_t word = 0; /* nobody wakes it; a call that sandboxes know */
    int saved = errno;
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &time, NULL, 0);
    errno = saved;
}

uint64_t cairn__os_now(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/*
 * Without a system call (the kernel's vDSO has it), or not at all: a process that is confined to few
 * calls could be killed for one. So on other processors than these, there is one node.
 */
unsigned cairn__os_node(void)
{
    unsigned node = 0;
#if defined(__x86_64__) && defined(__GLIBC__)
    unsigned processor;
    int saved = errno;
    if (getcpu(&processor, &node) != 0)
        node = 0;
    errno = saved;
#endif
    return node;
}

static void *run_thread(void *run)
{
    ((void (*)(void))run)();
    return NULL;
}

bool cairn__os_start_thread(void (*run)(void))
{
    int saved = errno;
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    bool done = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, size_max(PTHREAD_STACK_MIN, 64 * KIB));
        done = pthread_create(&thread, &attributes, run_thread, (void *)run) == 0;
        pthread_attr_destroy(&attributes);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return done;
}

static pthread_key_t exit_key; /* set once, before the first thread can arm it */

bool cairn__os_on_thread_exit(void (*hook)(void *value))
{
    return pthread_key_create(&exit_key, hook) == 0;
}

bool cairn__os_set_exit_value(void *value)
{
    return pthread_setspecific(exit_key, value) == 0;
}

/* glibc exports these for this purpose; other C libraries have no such list. */
#pragma weak _IO_list_lock
#pragma weak _IO_list_unlock
#pragma weak _IO_list_resetlock
extern void _IO_list_lock(void);
extern void _IO_list_unlock(void);
extern void _IO_list_resetlock(void);

void cairn__os_lock_streams(void)
{
    if (_IO_list_lock != NULL)
        _IO_list_lock();
}

void cairn__os_unlock_streams(bool in_child)
{
    if (in_child && _IO_list_resetlock != NULL)
        _IO_list_resetlock();
    else if (!in_child && _IO_list_unlock != NULL)
        _IO_list_unlock();
}

bool cairn__os_on_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(prepare, parent, child) == 0;
}

void cairn__os_print_error(const char *bytes, size_t count)
{
    cairn__system_write(STDERR_FILENO, bytes, count);
}

void cairn__os_append(const char *path, const char *bytes, size_t count)
{
    int saved = errno;
    int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    if (file >= 0) {
        ssize_t written;
        do
            written = write(file, bytes, count);
        while (written < 0 && errno == EINTR);
        close(file);
    }
    errno = saved;
}

void cairn__os_abort(void)
{
    abort();
}
