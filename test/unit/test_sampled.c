/* SPDX-License-Identifier: MIT */
/*
 * sampled.h on the real system: that each allocation is as likely as the others, what blocks hold and
 * where they lie, what is found when they are freed, and what is done where there is no room.
 */
#include "unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/figures.h"
#include "core/malloc.h"
#include "core/sampled.h"
#include "os/os.h"
#include "core/thread.h"

static void start(uint32_t rate)
{
    cairn__process_start();
    cairn__sampled_start(rate);
}

static char *get(size_t size)
{
    char *block = cairn__malloc_fast(size);
    if (block == NULL)
        block = cairn__malloc_slow(size);
    assert_non_null(block);
    return block;
}

/* Between five and six standard deviations: a fair draw fails once in a million runs or less. */
static void assert_near(size_t seen, size_t expected)
{
    size_t deviation = 1;
    while (deviation * deviation < expected)
        deviation++;
    assert_in_range(seen, expected - 6 * deviation, expected + 6 * deviation);
}

/* In a child, which the system must end. */
static void assert_fault(volatile char *address)
{
    if (UNIT_ASAN)
        return; /* it has a handler of its own */
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        (void)*address;
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* ---- which ---- */

static void count_at_rate(uint32_t rate, size_t rounds)
{
    start(rate);
    uint64_t seed = rate;
    size_t sampled = 0;
    static char *block[64];
    for (size_t i = 0; i < rounds; i++) {
        char **slot = &block[unit_below(&seed, 64)];
        if (*slot != NULL)
            cairn__free(*slot);
        *slot = get(1 + unit_below(&seed, 1000));
        sampled += sampled_holds(*slot);
    }
    assert_near(sampled, rounds / rate);
}

TEST(rate_of_10)
{
    count_at_rate(10, 60000);
}

TEST(rate_of_1000)
{
    count_at_rate(1000, 2000000);
}

/* In rows of allocations that are freed together no place is chosen more often than another. */
TEST(places_in_a_row)
{
    enum { ROW = 256, ROUNDS = 4000, PARTS = 16, RATE = 64 };
    start(RATE);
    static char *block[ROW];
    size_t seen[PARTS] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ROW; i++) {
            block[i] = get(24);
            seen[i / (ROW / PARTS)] += sampled_holds(block[i]);
        }
        for (int i = 0; i < ROW; i++)
            cairn__free(block[i]);
    }
    for (int i = 0; i < PARTS; i++)
        assert_near(seen[i], (size_t)ROUNDS * ROW / PARTS / RATE);
}

/* A thread's first allocation of a size, too. */
static void *first_of_a_thread(void *sampled)
{
    char *block = get(40);
    *(size_t *)sampled += sampled_holds(block);
    cairn__free(block);
    return NULL;
}

TEST(first_allocations)
{
    enum { THREADS = 2000, RATE = 5 };
    start(RATE);
    size_t sampled = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, first_of_a_thread, &sampled), 0);
        pthread_join(thread, NULL);
    }
    assert_near(sampled, THREADS / RATE);
}

static size_t sampled_of(int allocations)
{
    size_t sampled = 0;
    for (int i = 0; i < allocations; i++) {
        char *block = get(24);
        sampled += sampled_holds(block);
        cairn__free(block);
    }
    return sampled;
}

/* So many at once and so many a second, however many were chosen; but where most are wanted, all. */
TEST(rare_ones_have_a_limit)
{
    start(SAMPLED_LIMITED_FROM);
    uint64_t before = cairn__os_now();
    size_t sampled = sampled_of(300 * SAMPLED_LIMITED_FROM);
    uint64_t passed = cairn__os_now() - before;
    assert_in_range(sampled, SAMPLED_AT_ONCE,
                    SAMPLED_AT_ONCE + 2 + passed * SAMPLED_PER_SECOND / 1000);
    start(SAMPLED_LIMITED_FROM - 1);
    assert_near(sampled_of(300 * SAMPLED_LIMITED_FROM), 300);
}

/* One in a billion of those that are drawn is so far away (20 times the mean), but not of those that follow
 * one which was refused: the program is not to look for what it may not take. */
TEST(refused_ones_make_the_next_rarer)
{
    enum { FAR = 20 * SAMPLED_LIMITED_FROM };
    start(SAMPLED_LIMITED_FROM);
    uint64_t farthest = 0;
    for (int i = 0; i < 3000; i++) {
        sampled_of(SAMPLED_LIMITED_FROM);
        if (farthest < cairn__heap->sample_skip)
            farthest = cairn__heap->sample_skip;
    }
    assert_in_range(farthest, FAR, UINT64_MAX);
}

TEST(none_unless_asked_for)
{
    start(0);
    for (int i = 0; i < 20000; i++) {
        char *block = get((size_t)i % 3000);
        assert_false(sampled_holds(block));
        cairn__free(block);
    }
    assert_int_equal(cairn__sampled_range.size, 0);
}

/* ---- what ---- */

TEST(sizes_and_contents)
{
    start(1);
    for (size_t size = 1; size <= SAMPLED_MAX; size += 1 + size / 50) {
        char *block = get(size);
        assert_true(sampled_holds(block));
        assert_int_equal((uintptr_t)block % 16, 0);
        assert_int_equal(cairn__usable_size(block), size);
        memset(block, 0x5a, size);
        char *zeroed = cairn__calloc(1, size);
        for (size_t i = 0; i < size; i++)
            REQUIRE(zeroed[i] == 0);
        size_t other = size * 3 % 5000 + 1;
        block = cairn__realloc(block, other);
        for (size_t i = 0; i < size && i < other; i++)
            REQUIRE(block[i] == 0x5a);
        cairn__free(block);
        cairn__free(zeroed);
    }
    assert_int_equal(cairn__sampled_figures().blocks, 0);
    assert_int_equal(cairn__sampled_figures().bytes, 0);
    assert_int_equal(cairn__sampled_figures().held, 0);
}

TEST(figures)
{
    start(1);
    struct cairn__figures before, after;
    cairn__figures_get(&before);
    char *block = get(5000);
    cairn__figures_get(&after);
    assert_true(sampled_holds(block));
    assert_int_equal(after.asked - before.asked, 5000);
    assert_int_equal(after.live - before.live, 8192);
    assert_int_equal(after.mapped - before.mapped, 8192);
    assert_true(cairn__sampled_owns(block));
    assert_false(cairn__sampled_owns(block + 16));
    cairn__free(block);
    assert_false(cairn__sampled_owns(block));
    cairn__figures_get(&after);
    assert_int_equal(after.live, before.live);
}

TEST(alignment)
{
    start(1);
    for (size_t align = 16; align <= 65536; align *= 2) {
        char *block = cairn__aligned(align, 100);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % align, 0);
        assert_int_equal(sampled_holds(block), align <= 4096);
        memset(block, 1, 100);
        cairn__free(block);
    }
}

TEST(larger_ones_are_not)
{
    start(1);
    char *block = get(SAMPLED_MAX + 1);
    assert_false(sampled_holds(block));
    cairn__free(block);
}

/* When there is no room they are blocks like others, until there is again. */
TEST(no_room)
{
    start(1);
    static char *block[SAMPLED_SLOTS + 100];
    size_t count = sizeof block / sizeof block[0], sampled = 0;
    for (size_t i = 0; i < count; i++) {
        block[i] = get(200);
        memset(block[i], (int)i, 200);
        sampled += sampled_holds(block[i]);
    }
    assert_in_range(sampled, SAMPLED_SLOTS / 4, SAMPLED_SLOTS);
    assert_int_equal(cairn__sampled_figures().blocks, sampled);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(block[i][0] == (char)i && block[i][199] == (char)i);
        cairn__free(block[i]);
    }
    assert_int_equal(cairn__sampled_figures().blocks, 0);
    char *again = get(17);
    assert_true(sampled_holds(again));
    cairn__free(again);
}

static size_t slot_of_block(const char *block)
{
    size_t os_page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (SAMPLED_MAX + os_page - 1) / os_page * os_page;
    return ((uintptr_t)block - cairn__sampled_range.start - os_page) / (room + os_page);
}

/* Whoever waits longest comes first: a slot is not used again before all others were. */
TEST(slots_wait)
{
    start(1);
    char *first = get(50), *at = NULL;
    size_t slot = slot_of_block(first), others = 0;
    cairn__free(first);
    for (; (at == NULL || slot_of_block(at) != slot) && others < 3 * SAMPLED_SLOTS; others++) {
        at = get(50);
        cairn__free(at);
    }
    assert_in_range(others, SAMPLED_SLOTS / 2, SAMPLED_SLOTS + 1);
}

/* The system refuses to take the memory of a locked page: it is closed all the same, and comes back empty. */
TEST(locked_pages)
{
    start(1);
    enum { LOCKED = 3 };
    size_t slot[LOCKED], seen = 0;
    for (int i = 0; i < LOCKED; i++) {
        char *block = get(100);
        slot[i] = slot_of_block(block);
        if (mlock(block, 100) != 0)
            return; /* none may be locked here */
        memset(block, 0x55, 100);
        cairn__free(block);
        assert_fault(block);
    }
    for (int i = 0; i < 3 * SAMPLED_SLOTS; i++) {
        char *block = cairn__calloc(1, 3000);
        for (size_t at = 0; at < 3000; at++)
            REQUIRE(block[at] == 0);
        for (int l = 0; l < LOCKED; l++)
            seen += sampled_holds(block) && slot_of_block(block) == slot[l];
        memset(block, 1, 3000);
        cairn__free(block);
    }
    assert_true(seen >= LOCKED);
}

static void *free_it(void *block)
{
    cairn__free(block);
    return NULL;
}

TEST(freed_by_another_thread)
{
    start(1);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        char *block = get(300);
        assert_true(sampled_holds(block));
        assert_int_equal(pthread_create(&thread, NULL, free_it, block), 0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(cairn__sampled_figures().blocks, 0);
}

/* ---- crimes ---- */

TEST(freed_is_out_of_reach)
{
    start(1);
    char *block = get(100);
    block[0] = 1;
    cairn__free(block);
    assert_fault(block);
    assert_fault(block + 99);
}

/* Nothing lies between the end of the block, or its beginning, and the end of what can be accessed. */
TEST(ends_are_out_of_reach)
{
    start(1);
    size_t at_the_end = 0, at_the_beginning = 0;
    for (int i = 0; i < 60; i++) {
        char *block = get(64);
        if (((uintptr_t)block + 64) % 4096 == 0 && at_the_end++ < 3)
            assert_fault(block + 64);
        if ((uintptr_t)block % 4096 == 0 && at_the_beginning++ < 3)
            assert_fault(block - 1);
        cairn__free(block);
    }
    assert_true(at_the_end != 0 && at_the_beginning != 0);
}

/* One that does not begin where its room does, so that there is something before it. */
static char *get_at_the_end(size_t size)
{
    start(1);
    char *block = get(size);
    while ((uintptr_t)block % 4096 == 0) {
        cairn__free(block);
        block = get(size);
    }
    assert_true(sampled_holds(block));
    return block;
}

DEATH_TEST(double_free, "cairn: double free of")
{
    char *block = get_at_the_end(40);
    cairn__free(block);
    cairn__free(block);
}

DEATH_TEST(interior_free, "which is inside a block, at byte 16 (40-byte block, sampled)")
{
    cairn__free(get_at_the_end(40) + 16);
}

DEATH_TEST(overflow, "byte 2 behind it (41-byte block, sampled)")
{
    char *block = get_at_the_end(41);
    ((volatile char *)block)[42] ^= 1;
    cairn__free(block);
}

DEATH_TEST(underflow, "byte 3 before it (41-byte block, sampled)")
{
    char *block = get_at_the_end(41);
    ((volatile char *)block)[-3] ^= 1;
    cairn__free(block);
}

DEATH_TEST(realloc_of_freed, "cairn: late realloc of")
{
    char *block = get_at_the_end(41);
    cairn__free(block);
    cairn__realloc(block, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_of_10),
        cmocka_unit_test(rate_of_1000),
        cmocka_unit_test(places_in_a_row),
        cmocka_unit_test(first_allocations),
        cmocka_unit_test(rare_ones_have_a_limit),
        cmocka_unit_test(refused_ones_make_the_next_rarer),
        cmocka_unit_test(none_unless_asked_for),
        cmocka_unit_test(sizes_and_contents),
        cmocka_unit_test(figures),
        cmocka_unit_test(alignment),
        cmocka_unit_test(larger_ones_are_not),
        cmocka_unit_test(no_room),
        cmocka_unit_test(slots_wait),
        cmocka_unit_test(locked_pages),
        cmocka_unit_test(freed_by_another_thread),
        cmocka_unit_test(freed_is_out_of_reach),
        cmocka_unit_test(ends_are_out_of_reach),
        cmocka_unit_test(double_free),
        cmocka_unit_test(interior_free),
        cmocka_unit_test(overflow),
        cmocka_unit_test(underflow),
        cmocka_unit_test(realloc_of_freed),
    };
    return UNIT_MAIN(tests);
}
