/* SPDX-License-Identifier: MIT */
/* See secret.h. */
#include "core/secret.h"

#include "os/lock.h"
#include "os/os.h"

static struct {
    struct lock lock; /* RANK_MAP */
    bool started;
    struct random random;
} secret;

/* Under the lock. */
static struct random *started(void)
{
    if (UNLIKELY(!secret.started)) {
        uint32_t key[8];
        cairn__os_random(key, sizeof key);
        cairn__random_start(&secret.random, key);
        secret.started = true;
    }
    return &secret.random;
}

uint64_t cairn__secret(void)
{
    lock_acquire(&secret.lock);
    uint64_t value = random_64(started());
    lock_release(&secret.lock);
    return value;
}

void cairn__secret_start(struct random *random)
{
    uint32_t key[8];
    lock_acquire(&secret.lock);
    for (int i = 0; i < 8; i += 2) {
        uint64_t value = random_64(started());
        key[i] = (uint32_t)value;
        key[i + 1] = (uint32_t)(value >> 32);
    }
    lock_release(&secret.lock);
    cairn__random_start(random, key);
}

void cairn__secret_before_fork(void)
{
    lock_acquire(&secret.lock);
}

void cairn__secret_after_fork(bool child)
{
    if (child)
        secret.started = false;
    lock_after_fork(&secret.lock, child);
}
