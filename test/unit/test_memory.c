/* SPDX-License-Identifier: MIT */
/*
 * Out of memory at every place that there is: a fixed workload is run once for each call that it
 * makes of the system, with that call failing, or it and all after it. A result is NULL or right,
 * no live block changes; and when the failures are over, everything works again and nothing is
 * lost.
 */
#include "unit/unit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/huge.h"
#include "core/malloc.h"
#include "core/registry.h"
#include "core/remote.h"
#include "core/shared.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"

enum { SLOTS = 80, OPERATIONS = 250 };

static struct slot {
    unsigned char *block;
    size_t size;
} slot[SLOTS];

static size_t nulls; /* results that were NULL */

static size_t pick_size(uint64_t *seed)
{
    static const size_t most[] = {100, 2000, 20000, 128 * KIB, MIB, 3 * MIB, 40 * MIB};
    size_t kind = unit_below(seed, 28);
    return 1 + unit_below(seed, most[kind < 20 ? kind % 4 : kind < 25 ? 4 : kind < 27 ? 5 : 6]);
}

/* Contents: some bytes at either end. */
static void mark(struct slot *it, size_t key)
{
    size_t ends = size_min(it->size, 100);
    unit_fill(it->block, ends, key);
    unit_fill(it->block + it->size - ends, ends, key);
}

static bool is_marked(const struct slot *it, size_t key)
{
    size_t ends = size_min(it->size, 100);
    return unit_is_filled(it->block + it->size - ends, ends, key) &&
           (it->size < 200 || unit_is_filled(it->block, ends, key));
}

static void *allocate(uint64_t *seed, size_t size)
{
    unsigned char *block;
    size_t align = (size_t)16 << unit_below(seed, 8);
    switch (unit_below(seed, 4)) {
    case 0:
        block = cairn__calloc(1, size);
        REQUIRE(block == NULL || unit_is_zero(block, size_min(size, 100)));
        REQUIRE(block == NULL ||
                unit_is_zero(block + size - size_min(size, 100), size_min(size, 100)));
        return block;
    case 1:
        block = cairn__aligned(align, size);
        REQUIRE((uintptr_t)block % align == 0);
        return block;
    default:
        block = cairn__malloc_fast(size);
        return block != NULL ? block : cairn__malloc_slow(size);
    }
}

static void one_operation(uint64_t *seed)
{
    size_t i = unit_below(seed, SLOTS);
    struct slot *it = &slot[i];
    size_t size = pick_size(seed);
    if (it->block == NULL) {
        it->block = allocate(seed, size);
        it->size = size;
    } else if (unit_below(seed, 3) == 0) {
        void *moved = cairn__realloc(it->block, size);
        REQUIRE(moved != NULL || size > cairn__usable_size(it->block)); /* shrinking works */
        if (moved != NULL) {
            size_t kept = size_min(size_min(it->size, size), 100);
            REQUIRE(it->size < 200 || unit_is_filled(moved, kept, i));
            it->block = moved;
            it->size = size;
        } else {
            nulls++;
            REQUIRE(is_marked(it, i));
        }
    } else {
        REQUIRE(is_marked(it, i));
        cairn__free(it->block);
        it->block = NULL;
        return;
    }
    if (it->block == NULL)
        nulls++;
    else
        mark(it, i);
}

static void *operations(void *seed_pointer)
{
    uint64_t seed = (uintptr_t)seed_pointer;
    for (int i = 0; i < OPERATIONS; i++)
        one_operation(&seed);
    for (size_t i = 0; i < SLOTS; i++)
        REQUIRE(slot[i].block == NULL || is_marked(&slot[i], i));
    return NULL;
}

/* A part in this thread, one in a thread that ends, and back: pages change hands. */
static void workload(void)
{
    pthread_t thread;
    operations((void *)(uintptr_t)1);
    REQUIRE(pthread_create(&thread, NULL, operations, (void *)(uintptr_t)2) == 0);
    pthread_join(thread, NULL);
    operations((void *)(uintptr_t)3);
    cairn__trim();
}

static void check_all_is_there(void)
{
    size_t small = 0, large = 0;
    audit_with_shared();
    for (size_t i = 0; i < SLOTS; i++)
        if (slot[i].block != NULL && cairn__huge_size(slot[i].block) == 0) {
            bool is_large = page_owner(page_of(slot[i].block)) == OWNER_LARGE;
            *(is_large ? &large : &small) += 1;
            audit_is_live(slot[i].block);
        }
    struct audit audit = audit_with_shared();
    REQUIRE(audit.live == small);
    REQUIRE(audit.large == large);
}

/* All blocks freed, the heaps' last pages handed on: the pool has everything. */
static void check_nothing_is_lost(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        cairn__free(slot[i].block);
        slot[i].block = NULL;
    }
    /* Where the exit hook failed, heaps of threads that ended were not left. */
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        cairn__remote_flush(heap);
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known) {
        while (remote_has_mail(heap))
            cairn__remote_drain(heap);
        cairn__remote_flush(heap);
        unit_abandon(heap);
    }
    unit_abandon_shared();
    struct audit audit = audit_with_shared();
    REQUIRE(audit.live == 0 && audit.in_transit == 0 && audit.pages == 0 && audit.large == 0);
    REQUIRE(cairn__pool_figures().used == 0);
    REQUIRE(cairn__huge_figures().count == 0 && cairn__huge_figures().bytes == 0);
    REQUIRE(cairn__foreign_frees() == 0);
}

/* One run. Exit code 0: all was right, and something failed; 1: nothing failed, it is over. */
static int run_failing(size_t nth, bool on)
{
    alarm(60);
    (on ? fake_fail_from : fake_fail_nth)(FAKE_ANY, nth);
    workload();
    size_t failures = fake_failures();
    fake_fail_never();
    check_all_is_there();
    check_nothing_is_lost();
    nulls = 0;
    workload();
    REQUIRE(nulls == 0);
    check_all_is_there();
    check_nothing_is_lost();
    /* Nothing but the metadata and the regions is left. */
    REQUIRE(fake_figures().mapped <= 2 * MIB + fake_figures().lost);
    return failures == 0 ? 1 : 0;
}

static void at_every(size_t first, size_t step, bool on)
{
    for (size_t nth = first;; nth += step) {
        pid_t child = fork();
        if (child == 0)
            _exit(run_failing(nth, on));
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status))
            fail_msg("call %zu %s failing: killed by signal %d", nth,
                     on ? "and all after" : "alone", WTERMSIG(status));
        if (WEXITSTATUS(status) == 1) {
            assert_true(nth > 20); /* it did make calls */
            return;
        }
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

/* The sanitizers are slower by far, and do not add much: they look at a few. */
enum { STEP = CAIRN_TSAN ? 29 : UNIT_ASAN ? 5 : 1 };

TEST(each_call_alone)
{
    at_every(1, STEP, false);
}

TEST(each_call_and_all_after)
{
    at_every(1, STEP, true);
}

#if !CAIRN_TSAN /* one thread */

/* ---- limits on memory and on addresses, reached from below ---- */

static void fill_to_the_limit(size_t size)
{
    static void *block[1 << 16];
    size_t count = 0;
    while (count < sizeof block / sizeof block[0] && (block[count] = cairn__malloc_slow(size)))
        *(size_t *)block[count] = count, count++;
    size_t in_use = count * size;
    for (size_t i = 0; i < count; i++)
        REQUIRE(*(size_t *)block[i] == i);
    for (size_t i = 0; i < count; i++)
        cairn__free(block[i]);
    if (in_use < 64 * MIB / 100 * 85)
        fail_msg("%zu blocks of %zu bytes are all", count, size);
}

/* Nearly all of what there is can be had, in every kind of block, again and again. */
TEST(memory_limit)
{
    fake_set_memory_limit(64 * MIB);
    static const size_t sizes[] = {1024, 4096, 64 * KIB, MIB, 6 * MIB, 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        fill_to_the_limit(sizes[i]);
    check_nothing_is_lost();
}

/* A limit that is set when the window is there already: regions come where it ends. */
TEST(hidden_address_limit)
{
    fake_set_environment("CAIRN_WINDOW", "4M");
    fake_set_hidden_address_limit(76 * MIB);
    static const size_t sizes[] = {1024, 64 * KIB, MIB, 1024};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        fill_to_the_limit(sizes[i]);
    check_nothing_is_lost();
}

/* A program that asks on when there is nothing: it may not make things worse each time. */
TEST(asking_on)
{
    fake_set_environment("CAIRN_WINDOW", "64M");
    fake_set_memory_limit(32 * MIB);
    while (cairn__malloc_slow(MIB) != NULL)
        ;
    struct fake_figures before = fake_figures();
    for (int i = 0; i < 3000; i++)
        assert_null(cairn__malloc_slow(MIB));
    struct fake_figures after = fake_figures();
    assert_true(after.reserved <= before.reserved + 2 * REGION_SIZE);
    assert_true(after.mapped <= before.mapped);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_alone),
        cmocka_unit_test(each_call_and_all_after),
#if !CAIRN_TSAN
        cmocka_unit_test(memory_limit),
        cmocka_unit_test(hidden_address_limit),
        cmocka_unit_test(asking_on),
#endif
    };
    return UNIT_MAIN(tests);
}
