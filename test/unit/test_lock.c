/* SPDX-License-Identifier: MIT */
/* lock.h: mutual exclusion, sleeping and waking, trying, and the ranks' order. */
#include "unit/unit.h"

#include <pthread.h>
#include <unistd.h>

#include "os/lock.h"

enum { THREADS = 4, ROUNDS = 20000 };

static struct lock lock;
static size_t counter; /* under the lock */

static void *count_up(void *dwell)
{
    for (size_t i = 0; i < unit_rounds(ROUNDS); i++) {
        lock_acquire(&lock);
        size_t seen = counter;
        if (dwell != NULL && i % 512 == 0)
            usleep(50); /* long enough for the others to fall asleep */
        counter = seen + 1;
        lock_release(&lock);
    }
    return NULL;
}

static void count_in_threads(void *dwell)
{
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&thread[i], NULL, count_up, dwell) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(counter, THREADS * unit_rounds(ROUNDS));
    assert_int_equal(atomic_load(&lock.word), 0);
}

TEST(excludes)
{
    count_in_threads(NULL);
}

TEST(sleeps_and_wakes)
{
    static int dwell;
    count_in_threads(&dwell);
}

TEST(tries)
{
    assert_true(lock_try(&lock));
    assert_false(lock_try(&lock));
    assert_int_equal(atomic_load(&lock.word), 1);
    lock_release(&lock);
    assert_int_equal(atomic_load(&lock.word), 0);
    lock_acquire(&lock);
    assert_false(lock_try(&lock));
    lock_reset(&lock);
    assert_true(lock_try(&lock));
    lock_release(&lock);
}

static void *take_once(void *taken)
{
    lock_acquire(&lock);
    atomic_store((_Atomic int *)taken, 1);
    lock_release(&lock);
    return NULL;
}

/* Who waits says so in the word, so that the holder knows to wake. */
TEST(waiter_shows)
{
    static _Atomic int taken;
    pthread_t thread;
    lock_acquire(&lock);
    REQUIRE(pthread_create(&thread, NULL, take_once, &taken) == 0);
    while (atomic_load(&lock.word) != 2)
        usleep(100);
    usleep(1000);
    assert_int_equal(atomic_load(&taken), 0);
    lock_release(&lock);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&taken), 1);
}

TEST(ranks)
{
    assert_true(RANK_START < RANK_SHARED && RANK_SHARED < RANK_REGISTRY);
    assert_true(RANK_REGISTRY < RANK_DEPOT && RANK_DEPOT < RANK_GROW);
    assert_true(RANK_GROW < RANK_POOL && RANK_POOL < RANK_MAP && RANK_MAP < RANK_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(excludes), cmocka_unit_test(sleeps_and_wakes),
        cmocka_unit_test(tries),    cmocka_unit_test(waiter_shows),
        cmocka_unit_test(ranks),
    };
    return UNIT_MAIN(tests);
}
