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
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
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

/* Of the lanes, as many as the address space has room for. */
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
        void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (base == MAP_FAILED)
            continue;
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

void cairn__channel_off(void)
{
    atomic_store_explicit(&cairn__channel.process->state, CHANNEL_OFF, memory_order_relaxed);
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
    bool beats = now != *beat, there = kill(header->recorder, 0) == 0 || errno != ESRCH;
    *beat = now;
    *misses = beats || there ? 0 : *misses + 1;
    errno = saved;
    return *misses < PATIENCE;
}
