/* SPDX-License-Identifier: MIT */
/*
 * See channel.h. The environment names the recorder and its descriptor. The file is opened by way of
 * /proc, which works after a program has closed what it inherited; else (another user, no /proc) by
 * the descriptor, which is inherited under the same number.
 *
 * Nothing here uses what the C library prepares before main: the first allocation comes earlier. The
 * program's arguments and environment are taken from where the kernel put them.
 */
#define _GNU_SOURCE
#include "record/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/print.h"

struct channel cairn__channel;

/* The loader's: where the kernel put the number of arguments, right before them. */
#pragma weak __libc_stack_end
extern void *__libc_stack_end;

char *const *cairn__channel_arguments(void)
{
    enum { MANY = 1 << 20 };
    if (&__libc_stack_end == NULL || __libc_stack_end == NULL)
        return NULL;
    uintptr_t count;
    memcpy(&count, __libc_stack_end, sizeof count);
    char *const *arguments = (char *const *)__libc_stack_end + 1;
    return count < MANY && arguments[count] == NULL ? arguments : NULL;
}

static const char *setting(const char *name)
{
    char *const *entry = cairn__channel_arguments();
    size_t length = strlen(name);

    if (getauxval(AT_SECURE) != 0)
        return NULL;
    if (entry != NULL) {
        while (*entry != NULL)
            entry++;
        entry++;
    } else {
        entry = environ;
    }
    for (; entry != NULL && *entry != NULL; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return NULL;
}

static const char *read_number(const char *at, unsigned *number)
{
    *number = 0;
    while (*at >= '0' && *at <= '9')
        *number = *number * 10 + (unsigned)(*at++ - '0');
    return at;
}

/* A program with limited address space is to be left most of it. */
static size_t most_to_map(void)
{
    enum { SHARE = 8 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return (size_t)limit.rlim_cur / SHARE;
}

/* Of the lanes, as many as the address space has room for. Rings can be used only once they are
 * claimed: mlockall would get memory for all of them. */
static bool map(int file)
{
    struct ring_header head;
    struct stat status;

    if (pread(file, &head, sizeof head, 0) != sizeof head || head.magic != RING_MAGIC ||
        head.version != RING_VERSION || fstat(file, &status) < 0 ||
        (uint64_t)status.st_size < ring_words_offset(RING_LANES, head.words))
        return false;
    for (unsigned lanes = RING_LANES; lanes > 0; lanes /= 2) {
        size_t size = ring_words_offset(lanes, head.words);
        if (lanes > 1 && size > most_to_map())
            continue;
        void *base = mmap(NULL, size, PROT_NONE, MAP_SHARED, file, 0);
        if (base == MAP_FAILED)
            continue;
        if (mprotect(base, ring_words_offset(0, head.words), PROT_READ | PROT_WRITE) < 0) {
            munmap(base, size);
            continue;
        }
        madvise(base, size, MADV_DONTDUMP);
        cairn__channel.header = base;
        cairn__channel.lanes = lanes;
        return true;
    }
    return false;
}

static bool map_process(void)
{
    size_t size = sizeof(struct process);
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return false;
    if (madvise(base, size, MADV_WIPEONFORK) < 0) {
        munmap(base, size);
        return false;
    }
    madvise(base, size, MADV_DONTDUMP);
    cairn__channel.process = base;
    return true;
}

bool cairn__channel_open(void)
{
    const char *where = setting(RING_SETTING);
    unsigned recorder, descriptor;
    char path[64];
    struct text text = {path, sizeof path - 1, 0};

    if (where == NULL)
        return false;
    where = read_number(where, &recorder);
    if (*where != ':' || *read_number(where + 1, &descriptor) != '\0')
        return false;
    cairn__text_put(&text, "/proc/");
    cairn__text_uint(&text, recorder);
    cairn__text_put(&text, "/fd/");
    cairn__text_uint(&text, descriptor);
    path[text.length] = '\0';

    int saved = errno;
    int file = open(path, O_RDWR | O_CLOEXEC);
    bool done = file >= 0 && map(file);
    if (file >= 0)
        close(file);
    if (!done)
        done = map((int)descriptor);
    done = done && map_process();
    errno = saved;
    return done;
}

void cairn__channel_wait(_Atomic uint32_t *word, uint32_t expected, unsigned milliseconds)
{
    int saved = errno;
    struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    syscall(SYS_futex, (uint32_t *)word, FUTEX_WAIT, expected, &time, NULL, 0);
    errno = saved;
}

void cairn__channel_wake(_Atomic uint32_t *word)
{
    int saved = errno;
    syscall(SYS_futex, (uint32_t *)word, FUTEX_WAKE, 1, NULL, NULL, 0);
    errno = saved;
}

bool cairn__channel_open_ring(unsigned lane)
{
    int saved = errno;
    size_t size = cairn__channel.header->words * sizeof(uint64_t);
    bool done = mprotect(channel_ring(lane), size, PROT_READ | PROT_WRITE) == 0;
    errno = saved;
    return done;
}

uint64_t cairn__channel_block_signals(void)
{
    int saved = errno;
    uint64_t all = ~UINT64_C(0), before = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof before);
    errno = saved;
    return before;
}

void cairn__channel_restore_signals(uint64_t signals)
{
    int saved = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &signals, NULL, sizeof signals);
    errno = saved;
}

void cairn__channel_off(void)
{
    atomic_store_explicit(&cairn__channel.process->state, CHANNEL_OFF, memory_order_relaxed);
}

/* A process that has ended but was not waited for can still be sent signals, but not to its pidfd. */
static bool is_there(int pid)
{
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    if (handle < 0)
        return kill(pid, 0) == 0 || errno != ESRCH;
    struct pollfd state = {.fd = handle, .events = POLLIN};
    struct timespec at_once = {0, 0};
    bool ended = syscall(SYS_ppoll, &state, 1, &at_once, NULL, 0) == 1;
    syscall(SYS_close, handle);
    return !ended;
}

bool cairn__channel_recorder_lives(uint32_t *beat, unsigned *misses)
{
    enum { PATIENCE = 20 };
    const struct ring_header *header = cairn__channel.header;
    int saved = errno;

    if (atomic_load_explicit(&header->ended, memory_order_acquire))
        return false;
    /* In another process namespace its number says nothing; then its heart decides. */
    uint32_t now = atomic_load_explicit(&header->beat, memory_order_relaxed);
    bool lives = now != *beat || is_there(header->recorder);
    *beat = now;
    *misses = lives ? 0 : *misses + 1;
    errno = saved;
    return *misses < PATIENCE;
}
