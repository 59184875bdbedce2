/* SPDX-License-Identifier: MIT */
/*
 * thread.h: heaps come with the first call and go with the thread's last destructor; what is asked
 * for after that, without hooks, or without memory for a heap; options at start; forks.
 */
#include "unit/unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/option.h"
#include "core/malloc.h"
#include "core/registry.h"
#include "core/remote.h"
#include "core/shared.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

static void *get(size_t size)
{
    void *block = cairn__malloc_fast(size);
    return block != NULL ? block : cairn__malloc_slow(size);
}

/* ---- the beginning ---- */

TEST(first_call)
{
    assert_ptr_equal(cairn__heap, &cairn__heap_none);
    cairn__free(NULL);
    assert_ptr_equal(cairn__heap, &cairn__heap_none);
    void *block = get(100);
    assert_non_null(block);
    struct heap *heap = cairn__heap;
    assert_true(heap_is_real(heap));
    assert_ptr_equal(page_owner(page_of(block)), heap);
    assert_ptr_equal(cairn__thread_heap(), heap);
    assert_int_equal(fake_count(FAKE_SET_EXIT_VALUE), 1);
    assert_int_equal(fake_count(FAKE_ON_FORK), 1);
    assert_int_equal(fake_count(FAKE_ON_THREAD_EXIT), 1);
    cairn__process_start();
    assert_int_equal(fake_count(FAKE_ON_FORK), 1);
    assert_int_equal(audit_with_shared().live, 1);
}

TEST(options)
{
    fake_set_environment("CAIRN_WINDOW", "32M");
    fake_set_environment("CAIRN_VERBOSE", "maybe");
    cairn__process_start();
    assert_int_equal(cairn__option(OPTION_WINDOW), 32 * MIB);
    assert_int_equal(cairn__region_first()->size, 32 * MIB);
    assert_int_equal(cairn__option(OPTION_VERBOSE), 0);
    assert_string_equal(fake_errors(), "cairn: CAIRN_VERBOSE: 'maybe' is not 0 or 1; using 0\n");
}

static void *start_process(void *unused)
{
    cairn__process_start();
    REQUIRE(cairn__region_first()->size != 0);
    return unused;
}

TEST(racing_starts)
{
    pthread_t thread[8];
    for (int i = 0; i < 8; i++)
        REQUIRE(pthread_create(&thread[i], NULL, start_process, NULL) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(fake_count(FAKE_ON_THREAD_EXIT), 1);
    assert_int_equal(fake_count(FAKE_ON_FORK), 1);
    assert_int_equal(fake_figures().ranges, 2);
}

/* ---- the end of a thread ---- */

static void *kept[64];

static void work(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < 64; i++)
        REQUIRE((kept[i] = get(16 + i * 100)) != NULL);
    for (size_t i = 0; i < 64; i += 2) {
        cairn__free(kept[i]);
        kept[i] = NULL;
    }
}

static void free_kept_task(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < 64; i++) {
        cairn__free(kept[i]);
        kept[i] = NULL;
    }
}

static void free_kept(void)
{
    free_kept_task(NULL);
}

/* One heap serves any number of threads, one after the other; the memory is used again. */
TEST(heaps_are_reused)
{
    for (int i = 0; i < 50; i++) {
        struct worker worker;
        worker_start(&worker);
        worker_do(&worker, work, NULL);
        worker_end(&worker);
        assert_int_equal(audit_heaps_known(), 1);
        struct audit audit = audit_with_shared();
        assert_int_equal(audit.live, 32);
        assert_true(audit.owned > 0);
        if (i % 2 == 0) {
            assert_true(cairn__registry_unpark(true));
            audit = audit_with_shared();
            assert_int_equal(audit.owned, 0); /* handed on, each page */
        }
        struct heap *shared = cairn__shared_acquire();
        for (int j = 0; j < 64; j++)
            if (kept[j] != NULL)
                audit_is_live(kept[j]);
        cairn__shared_release(shared);
        worker_start(&worker);
        worker_do(&worker, free_kept_task, NULL);
        worker_end(&worker);
        assert_int_equal(audit_heaps_known(), 1);
        assert_int_equal(audit_with_shared().live, 0);
    }
    cairn__registry_unpark(true);
    assert_int_equal(audit_with_shared().pages, 0);
    assert_int_equal(cairn__pool_figures().used, 0);
}

/* A heap a thread, no more than there are at a time. */
TEST(heaps_at_a_time)
{
    struct worker worker[8];
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 8; i++) {
            worker_start(&worker[i]);
            worker_do(&worker[i], work, NULL);
            free_kept(); /* through this thread's heap */
        }
        for (int i = 0; i < 8; i++)
            worker_end(&worker[i]);
    }
    assert_int_equal(audit_heaps_known(), 9);
    cairn__remote_flush(cairn__heap);
    assert_int_equal(audit_with_shared().live, 0);
}

/* ---- crowds ---- */

enum { CROWD = BORROW_HEAPS + 8 };

static void *crowd_block[CROWD][200];

static void join_crowd(void *blocks)
{
    void **block = blocks;
    for (size_t i = 0; i < 200; i++) {
        size_t size = 16 + i % 5 * 400;
        REQUIRE((block[i] = get(size)) != NULL);
        unit_fill(block[i], size, i);
    }
}

static void leave_crowd(void *blocks)
{
    void **block = blocks;
    for (size_t i = 0; i < 200; i++) {
        REQUIRE(unit_is_filled(block[i], 16 + i % 5 * 400, i));
        cairn__free(block[i]);
    }
}

/* Threads beyond the first BORROW_HEAPS borrow their first blocks; all come home. */
TEST(crowd)
{
    static struct worker worker[CROWD];
    for (int i = 0; i < CROWD; i++) {
        worker_start(&worker[i]);
        worker_do(&worker[i], join_crowd, crowd_block[i]);
        assert_int_equal(audit_with_shared().live, (size_t)(i + 1) * 200);
    }
    size_t borrowers = 0;
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known) {
        borrowers += heap->borrows;
        for (unsigned class = 1; class < CLASS_COUNT; class ++)
            assert_true(heap->borrows || heap->borrowed[class] == 0);
    }
    assert_int_equal(borrowers, CROWD - BORROW_HEAPS);
    for (int i = 0; i < CROWD; i++) /* each frees what its neighbour has */
        worker_do(&worker[i], leave_crowd, crowd_block[(i + 1) % CROWD]);
    for (int i = 0; i < CROWD; i++)
        worker_end(&worker[i]);
    unit_abandon_shared();
    cairn__registry_unpark(true);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live + audit.in_bins + audit.in_transit, 0);
    assert_int_equal(audit.pages, 0);
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_int_equal(audit_heaps_known(), CROWD);
}

/* ---- destructors that allocate ---- */

enum { DESTRUCTOR_KEYS = 3 };

static pthread_key_t key[DESTRUCTOR_KEYS];
static _Atomic int destroyed;

/* Allocates and frees in each round that there is, as destructors of other libraries do. */
static void destructor(void *block)
{
    REQUIRE(unit_is_filled(block, 500, 3));
    cairn__free(block);
    void *other = get(500);
    REQUIRE(other != NULL);
    unit_fill(other, 500, 3);
    void *passing = get(3000);
    memset(passing, 1, 3000);
    cairn__free(passing);
    if (++destroyed % 4 != 0)
        pthread_setspecific(key[destroyed % DESTRUCTOR_KEYS], other);
    else
        cairn__free(other);
}

static void leave_blocks(void *unused)
{
    (void)unused;
    for (int i = 0; i < DESTRUCTOR_KEYS; i++) {
        void *block = get(500);
        unit_fill(block, 500, 3);
        pthread_setspecific(key[i], block);
    }
}

TEST(destructors_allocate)
{
    cairn__process_start(); /* our key is before and after */
    pthread_key_create(&key[0], destructor);
    for (int i = 1; i < DESTRUCTOR_KEYS; i++)
        pthread_key_create(&key[i], destructor);
    for (int round = 0; round < 20; round++) {
        struct worker worker;
        worker_start(&worker);
        worker_do(&worker, leave_blocks, NULL);
        worker_end(&worker);
        audit_with_shared();
    }
    assert_true(destroyed >= 20 * DESTRUCTOR_KEYS);
    assert_int_equal(audit_heaps_known(), 1);
}

static pthread_key_t freeing_key;

static void free_first(void *block)
{
    cairn__free(block);
}

static void *first_free_at_the_end(void *block)
{
    pthread_setspecific(freeing_key, block);
    return NULL;
}

/* A thread whose first call is in a destructor gets a heap, and gives it back. */
TEST(first_call_in_a_destructor)
{
    cairn__process_start();
    pthread_key_create(&freeing_key, free_first);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, first_free_at_the_end, get(100)) == 0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(audit_heaps_known(), 2);
    assert_int_equal(audit_with_shared().live, 0);
}

/* As in the last round of destructors: the heap is gone, and malloc works. */
static void live_on_after_the_end(void *unused)
{
    (void)unused;
    struct heap *heap = cairn__heap;
    static void *block[2000];
    cairn__heap = &cairn__heap_gone;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 2000; i++) {
            size_t size = 1 + i * 37 % 5000;
            REQUIRE((block[i] = get(size)) != NULL);
            unit_fill(block[i], size, i);
        }
        REQUIRE(cairn__heap == &cairn__heap_gone);
        for (size_t i = 0; i < 2000; i++) {
            REQUIRE(unit_is_filled(block[i], 1 + i * 37 % 5000, i));
            cairn__free(block[i]);
        }
    }
    void *grown = get(10);
    grown = cairn__realloc(grown, 10000);
    REQUIRE(grown != NULL);
    cairn__free(grown);
    REQUIRE(unit_is_zero(grown = cairn__calloc(10, 1000), 10000));
    cairn__free(grown);
    cairn__free(cairn__aligned(4096, 100));
    cairn__heap = heap;
}

TEST(after_the_end)
{
    struct worker worker;
    worker_start(&worker);
    worker_do(&worker, work, NULL);
    worker_do(&worker, live_on_after_the_end, NULL);
    worker_end(&worker);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live, 32);
    assert_int_equal(audit.in_transit, 0);
    free_kept();
}

/* Blocks of a live thread, freed by one that has ended: they arrive at once. */
static void free_after_the_end(void *block)
{
    struct heap *heap = cairn__heap;
    cairn__heap = &cairn__heap_gone;
    for (size_t i = 0; i < 64; i++)
        cairn__free(((void **)block)[i]);
    cairn__heap = heap;
}

TEST(frees_after_the_end)
{
    struct worker worker;
    worker_start(&worker);
    static void *block[64];
    for (size_t i = 0; i < 64; i++)
        block[i] = get(100);
    worker_do(&worker, free_after_the_end, block);
    while (remote_has_mail(cairn__heap))
        cairn__remote_drain(cairn__heap);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live + audit.in_transit, 0);
    worker_end(&worker);
}

/* ---- what fails at the beginning ---- */

/* The thread's end will not be told: no heap, but the shared one. */
TEST(no_exit_value)
{
    fake_fail_from(FAKE_SET_EXIT_VALUE, 1);
    work(NULL);
    assert_ptr_equal(cairn__heap, &cairn__heap_gone);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live, 32);
    free_kept();
    assert_int_equal(audit_with_shared().live, 0);
    fake_fail_never();
    struct worker worker;
    worker_start(&worker);
    worker_do(&worker, work, NULL);
    worker_end(&worker);
    assert_int_equal(audit_heaps_known(), 1); /* the heap that could not be kept */
    free_kept();
}

TEST(no_exit_hook)
{
    fake_fail_from(FAKE_ON_THREAD_EXIT, 1);
    work(NULL);
    assert_int_equal(fake_count(FAKE_SET_EXIT_VALUE), 0);
    assert_true(heap_is_real(cairn__heap));
    free_kept();
    assert_int_equal(audit_with_shared().live, 0);
}

TEST(no_fork_hook)
{
    fake_fail_from(FAKE_ON_FORK, 1);
    work(NULL);
    free_kept();
    assert_int_equal(audit_with_shared().live, 0);
}

static bool refuse_heaps(enum fake_call call, size_t size)
{
    (void)size;
    return call == FAKE_MAP;
}

/* No memory for a heap: the shared heap serves, until there is. */
TEST(no_heap)
{
    fake_fail_if(refuse_heaps);
    work(NULL);
    assert_ptr_equal(cairn__heap, &cairn__heap_none);
    assert_int_equal(audit_with_shared().live, 32);
    fake_fail_never();
    void *block = get(100000);
    assert_true(heap_is_real(cairn__heap));
    free_kept();
    cairn__free(block);
    cairn__remote_flush(cairn__heap);
    assert_int_equal(audit_with_shared().live, 0);
}

/* ---- forks ---- */

/* Other threads hold the locks of a sanitizer's own malloc, which the emulated kernel uses, when the
 * process forks; and ThreadSanitizer does not follow a process with threads through a fork. */
#if !CAIRN_TSAN && !UNIT_ASAN

static _Atomic bool stop;

static void *churn(void *seed_pointer)
{
    uint64_t seed = (uintptr_t)seed_pointer;
    void *block[64] = {0};
    while (!stop) {
        size_t i = unit_below(&seed, 64);
        cairn__free(block[i]);
        size_t size = 1 + unit_below(&seed, i % 8 == 0 ? 300000 : 3000);
        REQUIRE((block[i] = get(size)) != NULL);
        memset(block[i], 1, size_min(size, 64));
    }
    for (size_t i = 0; i < 64; i++)
        cairn__free(block[i]);
    return NULL;
}

static void *churn_a_while(void *seed_pointer)
{
    uint64_t seed = (uintptr_t)seed_pointer;
    for (int i = 0; i < 2000; i++) {
        size_t size = 1 + unit_below(&seed, 20000);
        void *block = get(size);
        REQUIRE(block != NULL);
        memset(block, 1, size);
        cairn__free(block);
    }
    return NULL;
}

/* In the child: everything works, in old threads and new, and no live block has changed. */
static void use_in_child(void)
{
    for (size_t i = 0; i < 64; i++)
        if (kept[i] != NULL)
            REQUIRE(unit_is_filled(kept[i], 16 + i * 100, i));
    churn_a_while((void *)(uintptr_t)7);
    pthread_t thread[3];
    for (uintptr_t i = 0; i < 3; i++)
        REQUIRE(pthread_create(&thread[i], NULL, churn_a_while, (void *)i) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    free_kept();
    cairn__trim();
}

TEST(forks)
{
    work(NULL);
    for (size_t i = 0; i < 64; i++)
        if (kept[i] != NULL)
            unit_fill(kept[i], 16 + i * 100, i);
    pthread_t thread[3];
    for (uintptr_t i = 0; i < 3; i++)
        REQUIRE(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)) == 0);
    for (size_t round = 0; round < unit_rounds(40); round++) {
        usleep(500);
        pid_t child = fork();
        if (child == 0) {
            alarm(120); /* a lock that nobody will release */
            use_in_child();
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(audit_with_shared().live + audit_with_shared().in_transit, 32);
}

#endif

#if !CAIRN_TSAN

/* A fork in a calm moment loses nothing: the child audits everything and empties it. */
TEST(calm_fork)
{
    struct worker worker;
    worker_start(&worker);
    worker_do(&worker, work, NULL);
    get(1);
    pid_t child = fork();
    if (child == 0) {
        struct audit audit = audit_with_shared();
        REQUIRE(audit.live == 33);
        free_kept();
        cairn__remote_flush(cairn__heap);
        audit = audit_with_shared();
        REQUIRE(audit.live == 1 && audit.in_transit == 0);
        REQUIRE(cairn__registry_take() != cairn__heap);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    worker_end(&worker);
    assert_int_equal(audit_with_shared().live, 33);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_call),
        cmocka_unit_test(options),
        cmocka_unit_test(racing_starts),
        cmocka_unit_test(heaps_are_reused),
        cmocka_unit_test(heaps_at_a_time),
        cmocka_unit_test(crowd),
        cmocka_unit_test(destructors_allocate),
        cmocka_unit_test(first_call_in_a_destructor),
        cmocka_unit_test(after_the_end),
        cmocka_unit_test(frees_after_the_end),
        cmocka_unit_test(no_exit_value),
        cmocka_unit_test(no_exit_hook),
        cmocka_unit_test(no_fork_hook),
        cmocka_unit_test(no_heap),
#if !CAIRN_TSAN && !UNIT_ASAN
        cmocka_unit_test(forks),
#endif
#if !CAIRN_TSAN
        cmocka_unit_test(calm_fork),
#endif
    };
    return UNIT_MAIN(tests);
}
