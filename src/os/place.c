/* SPDX-License-Identifier: MIT */
/* See place.h. Linux and the C library's thread keys. */
#define _GNU_SOURCE
#include "os/place.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int cairn__os_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

unsigned cairn__os_processor(void)
{
    int processor = sched_getcpu();
    return processor < 0 ? 0 : (unsigned)processor;
}

unsigned cairn__os_processor_count(void)
{
    int saved = errno;
    long count = sysconf(_SC_NPROCESSORS_CONF);
    errno = saved;
    return count < 1 ? 1 : (unsigned)count;
}

bool cairn__os_is_readable(const void *ptr, size_t size)
{
    char bytes[64];
    int saved = errno;
    struct iovec here = {bytes, size < sizeof bytes ? size : sizeof bytes};
    struct iovec there = {(void *)(uintptr_t)ptr, here.iov_len};
    bool readable = process_vm_readv(getpid(), &here, 1, &there, 1, 0) >= 0 || errno != EFAULT;
    errno = saved;
    return readable;
}

/* The kernel's gift to each program at its start: 16 random bytes, of which the C library uses the
 * first eight and part of the others. */
uint64_t cairn__os_secret(void)
{
    const char *bytes = (const char *)getauxval(AT_RANDOM);
    uint64_t words[2] = {0, 0};
    if (bytes != NULL)
        memcpy(words, bytes, sizeof words);
    return words[0] * 0x9E3779B97F4A7C15u ^ words[1];
}

bool cairn__os_slot_init(struct slot *slot, void (*hook)(void *word))
{
    pthread_key_t key;
    if (pthread_key_create(&key, hook) != 0)
        return false;
    slot->key = key;
    return true;
}

void cairn__os_slot_fini(struct slot *slot)
{
    pthread_key_delete(slot->key);
}

void *cairn__os_slot_get(const struct slot *slot)
{
    return pthread_getspecific(slot->key);
}

bool cairn__os_slot_set(const struct slot *slot, void *word)
{
    return pthread_setspecific(slot->key, word) == 0;
}
