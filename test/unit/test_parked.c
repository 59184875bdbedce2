/* SPDX-License-Identifier: MIT */
/*
 * Parked heaps, from a thread's end to the next one's beginning: who has their pages, how many wait and
 * for how long, frees and forks meanwhile, and what happens when memory is out.
 */
#include "unit/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/option.h"
#include "core/malloc.h"
#include "core/registry.h"
#include "core/remote.h"
#include "core/separate.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

static void *get(size_t size)
{
    void *block = cairn__malloc_fast(size);
    return block != NULL ? block : cairn__malloc_slow(size);
}

/* ---- the next thread ---- */

enum { WAITING_SIZES = 8 };

static void take_some(void *blocks)
{
    void **block = blocks;
    for (size_t i = 0; i < WAITING_SIZES; i++)
        REQUIRE((block[i] = get(16 * (i + 1))) != NULL);
}

static void free_some(void *blocks)
{
    void **block = blocks;
    for (size_t i = 0; i < WAITING_SIZES; i++)
        cairn__free(block[i]);
}

/* A thread begins and ends; its blocks stay, or not. */
static void pass_by(void **block, bool leaves)
{
    struct worker worker;
    worker_start(&worker);
    worker_do(&worker, take_some, block);
    if (!leaves)
        worker_do(&worker, free_some, block);
    worker_end(&worker);
    REQUIRE(cairn__registry_has_parked());
}

/* In the pages of the last one the next one goes on; nothing is taken anew. */
TEST(next_thread_has_the_pages)
{
    void *first[WAITING_SIZES], *next[WAITING_SIZES];
    cairn__free(get(1)); /* this thread has a heap */
    for (int leaves = 0; leaves < 2; leaves++) {
        pass_by(first, leaves);
        size_t used = cairn__pool_figures().used;
        assert_true(used >= WAITING_SIZES);
        pass_by(next, true);
        for (size_t i = 0; i < WAITING_SIZES; i++)
            assert_ptr_equal(page_of(next[i]), page_of(first[i]));
        assert_int_equal(cairn__pool_figures().used, used);
        assert_int_equal(audit_heaps_known(), 2);
        free_some(next);
        if (leaves)
            free_some(first);
        cairn__remote_flush(cairn__heap);
        assert_int_equal(audit_with_shared().live, 0);
        assert_true(cairn__trim());
        assert_int_equal(cairn__pool_figures().used, 0); /* not even what this thread has */
        assert_int_equal(cairn__pool_figures().dirty, 0);
    }
}

/* Of many that end, few heaps wait with pages; those of the others are for all. */
TEST(many_end)
{
    enum { MANY = PARKED_HEAPS + 3 };
    static struct worker worker[MANY];
    static void *block[MANY][WAITING_SIZES];
    for (int i = 0; i < MANY; i++) {
        worker_start(&worker[i]);
        worker_do(&worker[i], take_some, block[i]);
    }
    for (int i = 0; i < MANY; i++)
        worker_end(&worker[i]);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.owned, PARKED_HEAPS * WAITING_SIZES);
    assert_int_equal(audit.shelved, (MANY - PARKED_HEAPS) * WAITING_SIZES);
    assert_int_equal(audit.live, MANY * WAITING_SIZES);
    for (int i = 0; i < MANY; i++)
        free_some(block[i]);
    cairn__remote_flush(cairn__heap);
    audit = audit_with_shared();
    assert_int_equal(audit.live + audit.in_transit, 0);
    assert_int_equal(audit.pages, PARKED_HEAPS * WAITING_SIZES); /* the active ones that wait */
}

/* A thread that goes on sees to it that nothing waits for ever, however little is free. */
TEST(waited_long_enough)
{
    void *block[WAITING_SIZES];
    cairn__free(get(1));
    pass_by(block, true);
    size_t steps = 0;
    for (; cairn__registry_has_parked() && steps < 10; steps++) {
        for (int i = 0; i < REMOTE_FLUSH_REFILLS; i++)
            get(EXTEND_BYTES); /* a refill each */
        fake_pass_time(cairn__option(OPTION_PURGE_DELAY));
    }
    assert_in_range(steps, 2, 3);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.shelved, WAITING_SIZES);
    free_some(block);
    assert_int_equal(fake_count(FAKE_PURGE), 0);
}

enum { EXCHANGED = 512, STARTERS = 4 };

static _Atomic(void *) exchanged[EXCHANGED];
static _Atomic int starters;

/* Puts blocks where others find them, and frees theirs. */
static void *live_shortly(void *seed_pointer)
{
    uint64_t seed = (uintptr_t)seed_pointer;
    for (int i = 0; i < 200; i++) {
        size_t size = 16 + unit_below(&seed, 1500);
        void *block = get(size);
        REQUIRE(block != NULL);
        memset(block, 1, size);
        cairn__free(atomic_exchange(&exchanged[unit_below(&seed, EXCHANGED)], block));
    }
    return NULL;
}

static void *start_many(void *seed_pointer)
{
    for (uintptr_t i = 0; i < unit_rounds(400); i++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, live_shortly,
                               (void *)(i * STARTERS + (uintptr_t)seed_pointer)) == 0);
        pthread_join(thread, NULL);
    }
    starters--;
    return NULL;
}

/* Heaps are parked, taken, freed into and made to give their pages away, all at the same time. */
TEST(coming_and_going)
{
    pthread_t thread[STARTERS];
    get(1);
    starters = STARTERS;
    for (uintptr_t i = 0; i < STARTERS; i++)
        REQUIRE(pthread_create(&thread[i], NULL, start_many, (void *)i) == 0);
    for (size_t i = 0; starters > 0; i++) {
        cairn__registry_unpark(i % 4 == 0);
        cairn__free(atomic_exchange(&exchanged[i % EXCHANGED], NULL));
        usleep(50);
    }
    for (int i = 0; i < STARTERS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < EXCHANGED; i++)
        cairn__free(exchanged[i]);
    do { /* pages that this thread has adopted have been freed into */
        cairn__remote_drain(cairn__heap);
        cairn__remote_flush(cairn__heap);
    } while (remote_has_mail(cairn__heap));
    assert_in_range(audit_heaps_known(), 2, STARTERS + 2);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live, 1);
    assert_int_equal(audit.in_transit, 0);
    cairn__registry_unpark(true);
    unit_abandon(cairn__heap);
    unit_abandon_shared();
    audit = audit_with_shared();
    assert_int_equal(audit.pages, 1);
}

/* ---- where memory is out ---- */

static void *take_small(void)
{
    return get(40);
}

static void *take_large(void)
{
    return get(3 * UNIT_SIZE);
}

static void *take_huge(void)
{
    return get((UINT16_MAX + (size_t)1) * UNIT_SIZE); /* no row is so long */
}

static void *take_without_a_heap(void)
{
    struct heap *heap = cairn__heap;
    cairn__heap = &cairn__heap_gone;
    void *block = get(40);
    cairn__heap = heap;
    return block;
}

static struct heap *separate;

static void *take_separate(void)
{
    return cairn__separate_alloc(separate, 40, 1, NULL);
}

static void *take_large_separate(void)
{
    return cairn__separate_alloc(separate, 3 * UNIT_SIZE, 1, NULL);
}

/* Whoever finds none has what waits with heaps, whatever locks it holds. */
TEST(waiting_when_memory_is_out)
{
    static void *(*const take[])(void) = {take_small,          take_large,    take_huge,
                                          take_without_a_heap, take_separate, take_large_separate};
    cairn__free(get(1));
    assert_non_null(separate = cairn__separate_create(NULL));
    for (size_t i = 0; i < sizeof take / sizeof take[0]; i++) {
        void *block[WAITING_SIZES];
        pass_by(block, false);
        size_t waits = cairn__pool_figures().used;
        fake_set_memory_limit(fake_figures().committed + fake_figures().mapped);
        while (take[i]() != NULL) {
        }
        assert_false(cairn__registry_has_parked());
        assert_null(take[i]()); /* what waited has served */
        assert_true(take[i] == take_huge || cairn__pool_figures().used >= waits);
        fake_set_memory_limit(SIZE_MAX);
        audit_with_shared();
    }
}

/* ---- forks ---- */

#if !CAIRN_TSAN /* it does not follow a process with threads through a fork */

/* In the child too the next thread has the pages, and what is freed comes back. */
TEST(waiting_across_a_fork)
{
    void *block[WAITING_SIZES], *next[WAITING_SIZES];
    get(1);
    pass_by(block, true);
    pid_t child = fork();
    if (child == 0) {
        REQUIRE(cairn__registry_has_parked());
        pass_by(next, true);
        for (size_t i = 0; i < WAITING_SIZES; i++)
            REQUIRE(page_of(next[i]) == page_of(block[i]));
        free_some(next);
        free_some(block);
        cairn__remote_flush(cairn__heap);
        REQUIRE(audit_with_shared().live == 1);
        REQUIRE(cairn__trim());
        REQUIRE(audit_with_shared().pages == 1);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(audit_with_shared().owned, WAITING_SIZES + 1);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_thread_has_the_pages),
        cmocka_unit_test(many_end),
        cmocka_unit_test(waited_long_enough),
        cmocka_unit_test(coming_and_going),
        cmocka_unit_test(waiting_when_memory_is_out),
#if !CAIRN_TSAN
        cmocka_unit_test(waiting_across_a_fork),
#endif
    };
    return UNIT_MAIN(tests);
}
