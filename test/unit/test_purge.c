/* SPDX-License-Identifier: MIT */
/*
 * purge.h, on a clock that the test moves: what goes at once, what stays for how long, who does it,
 * and what happens where the system refuses.
 */
#include "unit/unit.h"

#include <unistd.h>

#include "base/option.h"
#include "core/purge.h"
#include "core/registry.h"
#include "fake_os/fake_os.h"

enum { UNITS = 4096, FLOOR = DIRTY_FLOOR >> UNIT_SHIFT };

static struct span span[UNITS];

static void take(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        span[i] = cairn__units_take(1, false);
        REQUIRE(span[i].region != NULL);
    }
}

static void give(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        cairn__units_give(span[i], 1);
}

static size_t dirty(void)
{
    return cairn__pool_figures().dirty;
}

static void start(void)
{
    assert_true(cairn__option_set(OPTION_DIRTY_MAX, "24M"));
    assert_true(cairn__option_set(OPTION_WINDOW, "1G"));
    cairn__window_start();
}

static void start_threaded(void)
{
    start();
    fake_allow_threads();
    assert_true(cairn__option_set(OPTION_BACKGROUND, "always"));
    cairn__purge_threads();
}

static size_t limit(void)
{
    return size_max(cairn__option(OPTION_DIRTY_MAX) / UNIT_SIZE,
                    cairn__pool_figures().used / DIRTY_SHARE);
}

/* Beyond the limit: at once, whatever the clock says; but not all, and not at each free. */
TEST(beyond_the_limit)
{
    start();
    take(0, UNITS);
    size_t calls = 0;
    for (size_t i = 0; i < UNITS; i++) {
        give(i, i + 1);
        size_t before = fake_count(FAKE_PURGE);
        cairn__purge_attend();
        calls += fake_count(FAKE_PURGE) != before;
        assert_true(dirty() <= limit());
        if (i > limit())
            assert_true(dirty() >= limit() / 4 * 3 - 2 * CHUNK_UNITS);
    }
    assert_true(calls < 60);
}

/* Also after everything went back while much was in use. */
TEST(beyond_the_limit_after_a_trim)
{
    start();
    take(0, UNITS);
    give(0, 10);
    assert_true(cairn__purge_all());
    for (size_t i = 10; i < UNITS; i++) {
        give(i, i + 1);
        cairn__purge_attend();
        assert_true(dirty() <= limit());
    }
}

/* What was in use a delay ago stays; later it goes, to the floor. */
TEST(recent_peak_stays)
{
    start();
    take(0, 1000);
    give(700, 1000);
    cairn__purge_attend();
    assert_int_equal(dirty(), 300);
    for (int i = 0; i < 10; i++)
        cairn__purge_attend(); /* the clock stands still */
    assert_int_equal(dirty(), 300);
    fake_pass_time(cairn__option(OPTION_PURGE_DELAY));
    cairn__purge_attend();
    assert_int_equal(dirty(), 300); /* the step before this one needed it */
    fake_pass_time(cairn__option(OPTION_PURGE_DELAY) - 1);
    cairn__purge_attend();
    assert_int_equal(dirty(), 300);
    fake_pass_time(1);
    cairn__purge_attend();
    assert_true(dirty() <= FLOOR);
    assert_int_equal(cairn__pool_figures().used, 700);
}

/* A load that comes and goes within the delay never pays for it. */
TEST(waves)
{
    start();
    take(0, 500);
    for (int i = 0; i < 50; i++) {
        take(500, 800);
        give(500, 800);
        cairn__purge_attend();
        fake_pass_time(cairn__option(OPTION_PURGE_DELAY) / 2);
    }
    assert_int_equal(fake_count(FAKE_PURGE), 0);
}

TEST(floor_stays)
{
    start();
    take(0, FLOOR);
    give(0, FLOOR);
    for (int i = 0; i < 10; i++) {
        cairn__purge_attend();
        fake_pass_time(10 * cairn__option(OPTION_PURGE_DELAY));
    }
    assert_int_equal(dirty(), FLOOR);
    assert_int_equal(fake_count(FAKE_PURGE), 0);
    assert_true(cairn__purge_all());
    assert_int_equal(dirty(), 0);
    assert_false(cairn__purge_all());
}

TEST(after_a_thread)
{
    start();
    take(0, 400); /* 25 MiB */
    give(0, 300);
    cairn__purge_attend();
    assert_int_equal(dirty(), 300);
    cairn__purge_after_thread();
    assert_true(dirty() <= cairn__option(OPTION_DIRTY_MAX) / DIRTY_AFTER_THREAD / UNIT_SIZE);
}

static void thread_with(size_t units)
{
    take(0, units);
    give(0, units);
    cairn__purge_after_thread();
}

/* Short threads, one after the other, do not make each other fetch everything anew. */
TEST(after_short_threads)
{
    start();
    take(0, 400);
    give(0, 300);
    cairn__purge_after_thread();
    for (int i = 0; i < 5; i++)
        thread_with(300); /* no time has passed; the credit is used up */
    size_t before = dirty();
    for (int i = 0; i < 5; i++)
        thread_with(300);
    assert_int_equal(dirty(), before);
    fake_pass_time(THREAD_END_MOMENT + 10);
    cairn__purge_after_thread();
    assert_in_range(before - dirty(), 1, 10 * (THREAD_END_RATE / UNIT_SIZE) + CHUNK_UNITS);
    fake_pass_time(200);
    cairn__purge_after_thread();
    assert_true(dirty() <= cairn__option(OPTION_DIRTY_MAX) / DIRTY_AFTER_THREAD / UNIT_SIZE);
}

/* Of several that end together, the last one gives back what they all left. */
TEST(after_threads_together)
{
    start();
    thread_with(200); /* gives back for the time that has passed until now */
    thread_with(200); /* at the same moment */
    assert_true(dirty() <= cairn__option(OPTION_DIRTY_MAX) / DIRTY_AFTER_THREAD / UNIT_SIZE);
}

/* ---- heaps that wait with their pages ---- */

static void park_one(void)
{
    struct heap *heap = cairn__registry_take();
    REQUIRE(heap != NULL && cairn__heap_next_page(heap, 1) != NULL);
    cairn__registry_park(heap);
}

/* They are looked at in the same steps, and for them alone: there is no other free memory. */
TEST(parked_heaps)
{
    start();
    park_one();
    assert_int_equal(cairn__pool_figures().used, 1);
    cairn__pool_tick(false);
    assert_false(cairn__purge_due);
    for (int i = 0; i < 5; i++) {
        cairn__pool_tick(true);
        purge_attend();
        assert_true(cairn__registry_has_parked()); /* the clock stands still */
    }
    fake_pass_time(cairn__option(OPTION_PURGE_DELAY) - 1);
    cairn__pool_tick(true);
    assert_false(cairn__purge_due);
    fake_pass_time(1);
    cairn__pool_tick(true);
    purge_attend();
    assert_false(cairn__registry_has_parked());
    assert_int_equal(cairn__pool_figures().used, 0);
}

TEST(parked_heaps_when_asked_for)
{
    start();
    park_one();
    assert_true(cairn__purge_all());
    assert_int_equal(cairn__pool_figures().used, 0);
    park_one();
    assert_true(cairn__purge_collect());
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_false(cairn__purge_collect());
}

/* The helper needs no call. */
TEST(parked_heaps_and_the_helper)
{
    start_threaded();
    usleep(20000); /* it sleeps */
    for (int round = 0; round < 2; round++) {
        park_one();
        cairn__purge_after_thread();
        for (int i = 0; i < 10000 && cairn__registry_has_parked(); i++)
            usleep(1000);
        assert_false(cairn__registry_has_parked());
    }
}

/* ---- the helper thread ---- */

static bool comes_down(void)
{
    for (int i = 0; i < 10000 && dirty() > FLOOR; i++)
        usleep(1000);
    return dirty() <= FLOOR;
}

/* In a process with threads memory comes back without a call, by one helper that stays. */
TEST(helper)
{
    start_threaded();
    cairn__purge_threads();
    assert_int_equal(fake_count(FAKE_START_THREAD), 1);
    for (size_t round = 1; round <= 3; round++) {
        take(0, 300);
        give(0, 300);
        for (int i = 0; i < 100; i++)
            cairn__purge_attend();
        assert_true(comes_down());
        usleep(20000); /* it goes to sleep, and is woken again */
    }
    assert_int_equal(fake_count(FAKE_START_THREAD), 1);
    assert_int_equal(fake_threads(), 1);
}

TEST(no_helper_where_it_has_no_work)
{
    start();
    fake_allow_threads();
    cairn__purge_threads(); /* the default */
    assert_true(cairn__option_set(OPTION_BACKGROUND, "always"));
    assert_true(cairn__option_set(OPTION_PURGE_DELAY, "-1"));
    cairn__purge_threads();
    assert_int_equal(fake_count(FAKE_START_THREAD), 0);
}

/* Never: beyond all limits, however long. At once: nothing stays. */
TEST(delay_never_and_none)
{
    start();
    assert_true(cairn__option_set(OPTION_PURGE_DELAY, "-1"));
    take(0, UNITS);
    give(0, UNITS);
    for (int i = 0; i < 5; i++) {
        cairn__purge_attend();
        fake_pass_time(100000);
    }
    assert_int_equal(dirty(), UNITS);
    assert_true(cairn__option_set(OPTION_PURGE_DELAY, "0"));
    cairn__purge_attend();
    assert_int_equal(dirty(), 0);
}

TEST(no_helper_with_one_thread)
{
    start();
    fake_allow_threads();
    take(0, 300);
    give(0, 300);
    cairn__purge_attend();
    assert_int_equal(fake_count(FAKE_START_THREAD), 0);
}

/* No thread can be had: whoever frees does it. */
TEST(no_helper_to_be_had)
{
    start();
    assert_true(cairn__option_set(OPTION_BACKGROUND, "always"));
    cairn__purge_threads();
    take(0, 300);
    give(0, 300);
    for (int i = 0; i < 4; i++) {
        cairn__purge_attend();
        fake_pass_time(cairn__option(OPTION_PURGE_DELAY));
    }
    assert_true(dirty() <= FLOOR);
    assert_true(fake_count(FAKE_START_THREAD) >= 1);
}

/* A child of fork has no helper, until it has threads. */
TEST(in_a_child)
{
    start();
    assert_true(cairn__option_set(OPTION_BACKGROUND, "always"));
    cairn__purge_threads();
    cairn__purge_in_child();
    fake_allow_threads();
    take(0, 300);
    give(0, 300);
    cairn__purge_attend();
    assert_int_equal(fake_threads(), 0);
    cairn__purge_threads();
    assert_int_equal(fake_threads(), 1);
    cairn__purge_attend();
    assert_true(comes_down());
}

/* ---- where the system refuses ---- */

TEST(refused)
{
    start();
    fake_fail_from(FAKE_PURGE, 1);
    take(0, UNITS);
    for (size_t i = 0; i < UNITS; i++) {
        give(i, i + 1);
        cairn__purge_attend();
    }
    assert_int_equal(dirty(), UNITS);
    assert_in_range(fake_count(FAKE_PURGE), 1, 10); /* not at each free */
    fake_fail_never();
    fake_pass_time(2 * cairn__option(OPTION_PURGE_DELAY)); /* later it is asked again */
    cairn__purge_attend();
    assert_true(dirty() <= limit());
}

/* A helper whom the system refuses everything does not ask for ever. */
TEST(refused_helper)
{
    start_threaded();
    fake_fail_from(FAKE_PURGE, 1);
    take(0, 300);
    give(0, 300);
    cairn__purge_attend();
    for (int i = 0; i < 3000 && fake_count(FAKE_PURGE) == 0; i++)
        usleep(1000);
    usleep(100000); /* a hundred of its naps */
    assert_in_range(fake_count(FAKE_PURGE), 1, 5);
    assert_int_equal(dirty(), 300);
}

/* No more than so much in a step; beyond the limit, at once. */
TEST(no_faster_than_asked)
{
    start();
    assert_true(cairn__option_set(OPTION_PURGE_RATE, "4M"));
    take(0, 1000);
    give(700, 1000);
    cairn__purge_attend();
    size_t before = dirty();
    for (int i = 0; i < 5; i++) {
        fake_pass_time(cairn__option(OPTION_PURGE_DELAY));
        cairn__purge_attend();
        assert_true(before - dirty() <= 64 + CHUNK_UNITS);
        before = dirty();
    }
    assert_true(dirty() <= 300 - 3 * 64);
}

/* Beyond the limit, through steps and a thread's end; until everything is asked for. */
TEST(what_is_reserved_stays)
{
    start();
    take(0, UNITS);
    cairn__purge_reserve(1000);
    give(0, UNITS);
    for (int i = 0; i < 10; i++) {
        cairn__purge_attend();
        cairn__purge_after_thread();
        assert_in_range(dirty(), 1000, size_max(limit(), 1000 + CHUNK_UNITS));
        fake_pass_time(cairn__option(OPTION_PURGE_DELAY));
    }
    assert_in_range(dirty(), 1000, 1000 + CHUNK_UNITS);
    assert_true(cairn__purge_all());
    take(0, 1000);
    give(0, 1000);
    for (int i = 0; i < 3; i++) {
        fake_pass_time(cairn__option(OPTION_PURGE_DELAY));
        cairn__purge_attend();
    }
    assert_true(dirty() <= FLOOR);
}

/*
 * A program that takes again at once what went back at once is not made to pay for it for ever; when
 * it stops doing so, all goes back in the end. What is kept for it is no more than it uses.
 */
TEST(given_back_too_early)
{
    enum { MOST = 2000, ALWAYS = 2000 };
    start();
    take(MOST, MOST + ALWAYS);
    size_t calls = 0;
    for (int round = 0; round < 20; round++) {
        take(0, MOST);
        size_t before = fake_count(FAKE_PURGE);
        for (size_t i = 0; i < MOST; i++) {
            give(i, i + 1);
            cairn__purge_attend();
        }
        calls = fake_count(FAKE_PURGE) - before;
        assert_true(cairn__pool_figures().regret <= MOST);
        assert_true(dirty() <= MOST + CHUNK_UNITS);
    }
    assert_int_equal(calls, 0);
    assert_true(dirty() >= MOST);
    give(MOST + 400, MOST + ALWAYS); /* much less is in use now */
    cairn__purge_attend();
    assert_true(dirty() <= limit() + 400);
    for (int i = 0; i < 16; i++) {
        fake_pass_time(cairn__option(OPTION_PURGE_DELAY));
        cairn__purge_attend();
        cairn__pool_tick(false);
    }
    assert_true(dirty() <= FLOOR);
    assert_int_equal(cairn__pool_figures().regret, 0);
}

/* Memory beyond what was ever used, taken while nothing is owed, is no regret; nor is what was asked for. */
TEST(nothing_to_regret)
{
    start();
    take(0, 2000);
    assert_int_equal(cairn__pool_figures().regret, 0);
    give(0, 2000);
    assert_true(cairn__purge_all());
    take(0, 2000);
    assert_int_equal(cairn__pool_figures().regret, 0);
}

/* ---- regions ---- */

static size_t regions(void)
{
    size_t count = 0;
    struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region))
        count++;
    return count;
}

/* Memory in a window and several regions, all of it given back. */
static void fill_regions(void)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "2M"));
    cairn__window_start();
    take(0, UNITS);
    assert_true(regions() > 2 + REGIONS_KEPT);
    give(0, UNITS);
    cairn__purge_attend();
}

/* What is reserved stays, in whatever region it lies; after that they go. */
TEST(reserved_in_regions)
{
    cairn__purge_reserve(UNITS);
    fill_regions();
    assert_int_equal(dirty(), UNITS);
    cairn__purge_reserve(0);
    purge_attend();
    assert_int_equal(regions(), 1 + REGIONS_KEPT);
    assert_true(dirty() < UNITS);
}

TEST(regions_never_go)
{
    assert_true(cairn__option_set(OPTION_PURGE_DELAY, "-1"));
    fill_regions();
    assert_int_equal(dirty(), UNITS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beyond_the_limit),
        cmocka_unit_test(beyond_the_limit_after_a_trim),
        cmocka_unit_test(recent_peak_stays),
        cmocka_unit_test(what_is_reserved_stays),
        cmocka_unit_test(given_back_too_early),
        cmocka_unit_test(nothing_to_regret),
        cmocka_unit_test(no_faster_than_asked),
        cmocka_unit_test(waves),
        cmocka_unit_test(floor_stays),
        cmocka_unit_test(after_a_thread),
        cmocka_unit_test(after_short_threads),
        cmocka_unit_test(after_threads_together),
        cmocka_unit_test(parked_heaps),
        cmocka_unit_test(parked_heaps_when_asked_for),
        cmocka_unit_test(parked_heaps_and_the_helper),
        cmocka_unit_test(helper),
        cmocka_unit_test(no_helper_where_it_has_no_work),
        cmocka_unit_test(delay_never_and_none),
        cmocka_unit_test(no_helper_with_one_thread),
        cmocka_unit_test(no_helper_to_be_had),
        cmocka_unit_test(in_a_child),
        cmocka_unit_test(refused),
        cmocka_unit_test(refused_helper),
        cmocka_unit_test(reserved_in_regions),
        cmocka_unit_test(regions_never_go),
    };
    return UNIT_MAIN(tests);
}
