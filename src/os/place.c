/* SPDX-License-Identifier: MIT */
/* See place.h. Linux and the C library's thread keys. */
#define _GNU_SOURCE
#include "os/place.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
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
