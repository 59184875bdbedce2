/* SPDX-License-Identifier: MIT */
/* bump.h and atomic_bump.h: what fits, what is given back, what bad input is answered. */
#include "unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

#include "base/visible.h"
#include "cairn/atomic_bump.h"
#include "cairn/bump.h"

static _Alignas(64) char region[4096];

static void audit(const cairn_bump *bump)
{
    const char *wrong = cairn_bump_audit(bump);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

/* From any start to any end, every byte of the region can be had, and not one more. */
TEST(all_bytes_of_any_region)
{
    for (size_t start = 0; start < 40; start++)
        for (size_t size = 0; size < 80; size++) {
            cairn_bump bump;
            cairn_bump_init(&bump, region + start, size);
            assert_int_equal(cairn_bump_room(&bump), size);
            for (size_t i = 0; i < size; i++) {
                assert_ptr_equal(cairn_bump_alloc(&bump, 1, 1), region + start + i);
                audit(&bump);
            }
            assert_null(cairn_bump_alloc(&bump, 1, 1));
            assert_null(cairn_bump_alloc(&bump, 0, 1));
            assert_int_equal(cairn_bump_used(&bump), size);
            cairn_bump_reset(&bump);
            assert_int_equal(cairn_bump_used(&bump), 0);
            assert_int_equal(cairn_bump_peak(&bump), size);
            char *all = cairn_bump_alloc(&bump, size, 1);
            assert_true(size == 0 ? all == NULL : all == region + start);
            assert_null(cairn_bump_alloc(&bump, 1, 1));
            cairn_bump_fini(&bump);
        }
}

/* Blocks of all sizes and alignments lie where a search byte by byte would put them. */
TEST(as_a_search_would_place_them)
{
    uint64_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        size_t start = unit_below(&seed, 64), size = unit_below(&seed, 2000), at = 0;
        cairn_bump bump;
        cairn_bump_init(&bump, region + start, size);
        for (int i = 0; i < 60; i++) {
            size_t want = unit_below(&seed, 80), align = (size_t)1 << unit_below(&seed, 9);
            size_t place = at;
            while (((uintptr_t)(region + start) + place) % align != 0)
                place++;
            size_t end = place + (want != 0 ? want : 1);
            char *block = cairn_bump_alloc(&bump, want, align);
            audit(&bump);
            if (end > size) {
                assert_null(block);
                continue;
            }
            assert_ptr_equal(block, region + start + place);
            memset(block, i, want);
            at = end;
            assert_int_equal(cairn_bump_used(&bump), at);
        }
        cairn_bump_fini(&bump);
    }
}

TEST(bad_input)
{
    cairn_bump bump;
    cairn_bump_init(&bump, region, sizeof region);
    static const size_t sizes[] = {0, 1, 8, PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX};
    static const size_t bad_aligns[] = {0, 3, 12, 24, SIZE_MAX, ((size_t)1 << 63) + 1};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            assert_null(cairn_bump_alloc(&bump, sizes[i], bad_aligns[j]));
            assert_null(cairn_bump_alloc_zeroed(&bump, sizes[i], bad_aligns[j]));
        }
    for (int i = 3; i < 6; i++)
        for (size_t align = 1; align != 0; align *= 2)
            assert_null(cairn_bump_alloc(&bump, sizes[i], align));
    assert_null(cairn_bump_alloc(&bump, 1, (size_t)1 << 63));
    assert_null(cairn_bump_alloc(&bump, 1, (size_t)1 << 62));
    assert_null(cairn_bump_realloc(&bump, NULL, cairn__layout(0, 3), 8));
    assert_int_equal(cairn_bump_used(&bump), 0);
    void *block = cairn_bump_alloc(&bump, 16, 16);
    assert_null(cairn_bump_realloc(&bump, block, cairn__layout(16, 16), SIZE_MAX - 20));
    assert_null(cairn_bump_realloc(&bump, block, cairn__layout(16, 16), sizeof region + 1));
    cairn_bump_dealloc(&bump, NULL, cairn__layout(1, 1));
    assert_int_equal(cairn_bump_used(&bump), 16);
    assert_false(cairn_bump_rewind(&bump, 17));
    assert_false(cairn_bump_rewind(&bump, SIZE_MAX));
    assert_true(cairn_bump_rewind(&bump, 16));
    audit(&bump);
    cairn_bump_fini(&bump);
    cairn_bump_fini(&bump);
    assert_null(cairn_bump_alloc(&bump, 1, 1));
    assert_true(cairn_bump_rewind(&bump, 0));
    cairn_bump_reset(&bump);
    audit(&bump);
    cairn_bump_init(&bump, NULL, 100);
    assert_null(cairn_bump_alloc(&bump, 1, 1));
    assert_int_equal(cairn_bump_room(&bump), 0);
    cairn_bump_fini(&bump);
    cairn_bump_init(&bump, region, SIZE_MAX);
    assert_int_equal(cairn_bump_room(&bump), 0);
    cairn_bump_init(&bump, region, (size_t)PTRDIFF_MAX + 1);
    assert_null(cairn_bump_alloc(&bump, 0, 1));
}

TEST(the_last_block_is_given_back_and_grows_in_place)
{
    cairn_bump bump;
    cairn_bump_init(&bump, region, 256);
    char *first = cairn_bump_alloc(&bump, 10, 1), *second = cairn_bump_alloc(&bump, 10, 1);
    unit_fill(second, 10, 1);
    cairn_bump_dealloc(&bump, first, cairn__layout(10, 1));
    assert_int_equal(cairn_bump_used(&bump), 20);
    assert_ptr_equal(cairn_bump_realloc(&bump, second, cairn__layout(10, 1), 246), second);
    assert_int_equal(cairn_bump_room(&bump), 0);
    assert_null(cairn_bump_realloc(&bump, second, cairn__layout(246, 1), 247));
    assert_ptr_equal(cairn_bump_realloc(&bump, second, cairn__layout(246, 1), 30), second);
    assert_int_equal(cairn_bump_used(&bump), 40);
    assert_true(unit_is_filled(second, 10, 1));
    char *third = cairn_bump_alloc(&bump, 0, 1);
    assert_ptr_equal(third, second + 30);
    char *moved = cairn_bump_realloc(&bump, second, cairn__layout(30, 1), 31);
    assert_ptr_equal(moved, third + 1);
    assert_true(unit_is_filled(moved, 10, 1));
    assert_ptr_equal(cairn_bump_realloc(&bump, third, cairn__layout(0, 1), 0), third);
    cairn_bump_dealloc(&bump, moved, cairn__layout(31, 1));
    cairn_bump_dealloc(&bump, third, cairn__layout(0, 1));
    assert_int_equal(cairn_bump_used(&bump), 40);
    assert_int_equal(cairn_bump_peak(&bump), 256);
    audit(&bump);
    cairn_bump_fini(&bump);
}

TEST(marks)
{
    cairn_bump bump;
    cairn_bump_init(&bump, region, 256);
    cairn_bump_alloc(&bump, 10, 1);
    size_t mark = cairn_bump_mark(&bump);
    char *block = cairn_bump_alloc(&bump, 10, 8);
    size_t later = cairn_bump_mark(&bump);
    assert_true(cairn_bump_rewind(&bump, mark));
    assert_true(cairn_bump_rewind(&bump, mark));
    assert_false(cairn_bump_rewind(&bump, later));
    assert_int_equal(cairn_bump_used(&bump), 10);
    assert_ptr_equal(cairn_bump_alloc(&bump, 10, 8), block);
    memset(block, 1, 10);
    assert_true(cairn_bump_rewind(&bump, mark));
    char *zeroed = cairn_bump_alloc_zeroed(&bump, 10, 8);
    assert_ptr_equal(zeroed, block);
    assert_true(unit_is_zero(zeroed, 10));
    cairn_bump_fini(&bump);
}

struct seen {
    size_t used, room, calls, most;
};

static bool see(void *context, void *ptr, size_t size, bool in_use)
{
    struct seen *seen = context;
    (void)ptr;
    *(in_use ? &seen->used : &seen->room) += size;
    return ++seen->calls < seen->most;
}

TEST(visiting)
{
    cairn_bump bump;
    cairn_bump_init(&bump, region, 256);
    cairn_bump_alloc(&bump, 56, 8);
    struct seen all = {.most = 9};
    assert_true(cairn_bump_visit(&bump, see, &all));
    assert_int_equal(all.used, 56);
    assert_int_equal(all.room, 200);
    struct seen one = {.most = 1};
    assert_false(cairn_bump_visit(&bump, see, &one));
    assert_int_equal(one.calls, 1);
    cairn_allocator allocator = cairn_bump_allocator(&bump);
    assert_true(cairn_allocator_owns(allocator, region + 55));
    assert_false(cairn_allocator_owns(allocator, region + 56));
    assert_false(cairn_allocator_owns(allocator, &bump));
    cairn_bump_fini(&bump);
}

/* ---- the atomic bump ---- */

static void audit_atomic(const cairn_atomic_bump *bump)
{
    const char *wrong = cairn_atomic_bump_audit(bump);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

TEST(atomic_alone)
{
    cairn_atomic_bump bump;
    for (size_t start = 0; start < 20; start++)
        for (size_t size = 0; size < 100; size++) {
            cairn_atomic_bump_init(&bump, region + start, size);
            size_t room = cairn_atomic_bump_room(&bump);
            assert_true(room <= size && room + 14 >= size && room % 8 == 0);
            char *last = region;
            for (size_t i = 0; i < room / 8; i++) {
                char *block = cairn_atomic_bump_alloc(&bump, i % 9, 8);
                assert_true(block >= last && block + 8 <= region + start + size);
                last = block + 8;
            }
            assert_null(cairn_atomic_bump_alloc(&bump, 0, 1));
            assert_null(cairn_atomic_bump_alloc(&bump, 1, 16));
            audit_atomic(&bump);
            cairn_atomic_bump_fini(&bump);
        }
    cairn_atomic_bump_init(&bump, region, sizeof region);
    assert_null(cairn_atomic_bump_alloc(&bump, sizeof region + 1, 1));
    assert_null(cairn_atomic_bump_alloc(&bump, SIZE_MAX, 1));
    assert_null(cairn_atomic_bump_alloc(&bump, SIZE_MAX - 6, 8));
    assert_null(cairn_atomic_bump_alloc(&bump, PTRDIFF_MAX, 1));
    assert_null(cairn_atomic_bump_alloc(&bump, 8, 3));
    assert_null(cairn_atomic_bump_alloc(&bump, 8, 0));
    assert_null(cairn_atomic_bump_alloc(&bump, 8, (size_t)1 << 63));
    char *first = cairn_atomic_bump_alloc(&bump, 1, 1);
    char *aligned = cairn_atomic_bump_alloc_zeroed(&bump, 5, 64);
    assert_ptr_equal(first, region);
    assert_ptr_equal(aligned, region + 64);
    assert_true(unit_is_zero(aligned, 5));
    unit_fill(aligned, 5, 2);
    assert_ptr_equal(cairn_atomic_bump_realloc(&bump, aligned, cairn__layout(5, 64), 4032),
                     aligned);
    assert_int_equal(cairn_atomic_bump_room(&bump), 0);
    assert_null(cairn_atomic_bump_realloc(&bump, aligned, cairn__layout(4032, 64), 4033));
    assert_ptr_equal(cairn_atomic_bump_realloc(&bump, aligned, cairn__layout(4032, 64), 6),
                     aligned);
    char *moved = cairn_atomic_bump_realloc(&bump, first, cairn__layout(1, 1), 9);
    assert_ptr_equal(moved, aligned + 8);
    cairn_atomic_bump_dealloc(&bump, aligned, cairn__layout(6, 64));
    assert_int_equal(cairn_atomic_bump_used(&bump), 64 + 8 + 16);
    cairn_atomic_bump_dealloc(&bump, moved, cairn__layout(9, 1));
    cairn_atomic_bump_dealloc(&bump, NULL, cairn__layout(9, 1));
    assert_int_equal(cairn_atomic_bump_used(&bump), 64 + 8);
    cairn_atomic_bump_reset(&bump);
    assert_int_equal(cairn_atomic_bump_used(&bump), 0);
    cairn_atomic_bump_fini(&bump);
    assert_null(cairn_atomic_bump_alloc(&bump, 1, 1));
    cairn_atomic_bump_init(&bump, NULL, 64);
    assert_null(cairn_atomic_bump_alloc(&bump, 1, 1));
    audit_atomic(&bump);
    cairn_atomic_bump_init(&bump, region, SIZE_MAX);
    assert_null(cairn_atomic_bump_alloc(&bump, 1, 1));
}

/* However often a request fails, the cursor does not wander off. */
TEST(atomic_exhaustion_stays_where_it_is)
{
    cairn_atomic_bump bump;
    cairn_atomic_bump_init(&bump, region, 4096);
    while (cairn_atomic_bump_alloc(&bump, 48, 8) != NULL)
        continue;
    size_t used = bump.used;
    assert_int_equal(used, 4096 / 48 * 48);
    for (int i = 0; i < 100000; i++) {
        assert_null(cairn_atomic_bump_alloc(&bump, 48, 8));
        assert_null(cairn_atomic_bump_alloc(&bump, 4096, 8));
        assert_null(cairn_atomic_bump_alloc(&bump, 5000, 8));
    }
    assert_int_equal(bump.used, used);
    assert_non_null(cairn_atomic_bump_alloc(&bump, 16, 8));
    assert_int_equal(cairn_atomic_bump_room(&bump), 0);
    cairn_atomic_bump_fini(&bump);
}

enum { THREADS = 4, PER_THREAD = 20000 };

static char shared_region[(size_t)THREADS * PER_THREAD * 8];
static cairn_atomic_bump shared;
static void *volatile blocks[THREADS][PER_THREAD];
static unsigned char owners[sizeof shared_region / 8];

/* Writes its number into each block, and gives every third one back at once if it still can. */
static void *work(void *number)
{
    uint64_t seed = (uintptr_t)number;
    for (int i = 0; i < PER_THREAD; i++) {
        size_t size = 1 + unit_below(&seed, 24);
        size_t align = unit_below(&seed, 16) == 0 ? 32 : 8;
        char *block = cairn_atomic_bump_alloc(&shared, size, align);
        if (block == NULL)
            continue;
        REQUIRE((uintptr_t)block % align == 0);
        memset(block, (int)(uintptr_t)number, size);
        if (i % 3 == 0) {
            cairn_atomic_bump_dealloc(&shared, block, cairn__layout(size, align));
            continue;
        }
        blocks[(uintptr_t)number - 1][i] = block;
    }
    return NULL;
}

TEST(atomic_blocks_of_many_threads_are_apart)
{
    cairn_atomic_bump_init(&shared, shared_region, sizeof shared_region);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, work, (void *)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    audit_atomic(&shared);
    /* It was exhausted, and each thread added to the cursor once too often at most. */
    assert_int_equal(cairn_atomic_bump_room(&shared) / 64, 0);
    assert_true(shared.used <= shared.size + (size_t)THREADS * 4096);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < PER_THREAD; j++) {
            char *block = blocks[i][j];
            if (block == NULL)
                continue;
            assert_int_equal(*block, i + 1);
            size_t step = (size_t)(block - shared.start) / 8;
            assert_int_equal(owners[step], 0);
            owners[step] = 1;
        }
}

/* Two threads take the last bytes at once, again and again: one of them is refused, and nothing lies
 * beyond the end. */
enum { ROUNDS = 5000, SMALL_REGION = 64 };

static int rounds_begun, threads_done; /* atomic */
static size_t granted[2];

static void wait_for(const int *counter, int value)
{
    for (int spins = 0; __atomic_load_n(counter, __ATOMIC_ACQUIRE) < value; spins++)
        if (spins > 1000)
            sched_yield();
}

static void *race(void *number)
{
    uintptr_t me = (uintptr_t)number;
    for (int round = 1; round <= ROUNDS; round++) {
        wait_for(&rounds_begun, round);
        granted[me] = 0;
        for (char *block; (block = cairn_atomic_bump_alloc(&shared, 16, 8)) != NULL;) {
            REQUIRE(block >= shared_region && block + 16 <= shared_region + SMALL_REGION);
            granted[me]++;
        }
        __atomic_add_fetch(&threads_done, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

TEST(atomic_races_for_the_last_bytes)
{
    cairn_atomic_bump_init(&shared, shared_region, SMALL_REGION);
    pthread_t threads[2];
    for (uintptr_t i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, race, (void *)i) == 0);
    for (int round = 1; round <= ROUNDS; round++) {
        __atomic_store_n(&rounds_begun, round, __ATOMIC_RELEASE);
        wait_for(&threads_done, 2 * round);
        assert_int_equal(granted[0] + granted[1], SMALL_REGION / 16);
        assert_true(shared.used <= SMALL_REGION + 32);
        cairn_atomic_bump_reset(&shared);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* The same between a thread and its own signal handler, which comes at any instruction, also
 * between the test and the addition. */
enum { INTERRUPTS = 3000 };

static volatile sig_atomic_t interrupts;

static void take_some(void)
{
    char *block = cairn_atomic_bump_alloc(&shared, 16, 8);
    REQUIRE(block == NULL ||
            (block >= shared_region && block + 16 <= shared_region + SMALL_REGION));
}

static void interrupt(int signal)
{
    (void)signal;
    take_some();
    interrupts++;
}

TEST(atomic_interrupted)
{
    cairn_atomic_bump_init(&shared, shared_region, SMALL_REGION);
    signal(SIGALRM, interrupt);
    struct itimerval often = {{0, 50}, {0, 50}};
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (interrupts < INTERRUPTS) {
        cairn_atomic_bump_reset(&shared);
        cairn_atomic_bump_alloc(&shared, 48, 8);
        take_some();
        take_some();
        REQUIRE(shared.used <= SMALL_REGION + 16);
    }
    static const struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bytes_of_any_region),
        cmocka_unit_test(as_a_search_would_place_them),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(the_last_block_is_given_back_and_grows_in_place),
        cmocka_unit_test(marks),
        cmocka_unit_test(visiting),
        cmocka_unit_test(atomic_alone),
        cmocka_unit_test(atomic_exhaustion_stays_where_it_is),
        cmocka_unit_test(atomic_blocks_of_many_threads_are_apart),
        cmocka_unit_test(atomic_races_for_the_last_bytes),
        cmocka_unit_test(atomic_interrupted),
    };
    return UNIT_MAIN(tests);
}
