/* SPDX-License-Identifier: MIT */
/* timed.h on a clock that goes as the test wants: each figure is known beforehand. */
#include "kit/probe.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cairn/timed.h"
#include "kit/histogram.h"

/* ---- the clock: this program's own, one for each thread ---- */

static __thread uint64_t clock_now = 1000;
static __thread uint64_t clock_step; /* from one reading to the next; 0: the real clock */

int clock_gettime(clockid_t id, struct timespec *time)
{
    if (clock_step == 0)
        return (int)syscall(SYS_clock_gettime, id, time);
    clock_now += clock_step;
    time->tv_sec = (time_t)(clock_now / 1000000000u);
    time->tv_nsec = (long)(clock_now % 1000000000u);
    return 0;
}

static struct probe probe, records;
static cairn_timed timed;
static cairn_allocator wrapped;

static void start(enum probe_form form)
{
    probe_init(&probe, form);
    probe_init(&records, PROBE_BARE);
    cairn_timed_opts opts = {probe_allocator(&records)};
    assert_true(cairn_timed_init(&timed, probe_allocator(&probe), &opts));
    wrapped = cairn_timed_allocator(&timed);
}

static void finish(void)
{
    assert_null(cairn_timed_audit(&timed));
    cairn_timed_fini(&timed);
    assert_non_null(cairn_timed_audit(&timed));
    probe_fini(&records);
    probe_fini(&probe);
}

/* A pair of calls that take so many nanoseconds each. */
static void take(uint64_t nanoseconds)
{
    clock_step = nanoseconds;
    void *ptr = cairn_allocator_alloc(wrapped, (cairn_layout){8, 8});
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){8, 8});
}

static cairn_timed_stats stats_of(cairn_timed_op op)
{
    cairn_timed_stats stats;
    assert_null(cairn_timed_audit(&timed));
    cairn_timed_stats_get(&timed, op, &stats);
    return stats;
}

/* ---- buckets ---- */

TEST(buckets_join_and_are_narrow)
{
    assert_int_equal(histogram_from(0), 0);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t from = histogram_from(i), to = histogram_to(i);
        assert_int_equal(histogram_bucket(from), i);
        assert_int_equal(histogram_bucket(to), i);
        assert_true(from <= to);
        if (i + 1 < HISTOGRAM_BUCKETS) {
            assert_true(to + 1 == histogram_from(i + 1));
            assert_true((to - from) * HISTOGRAM_PARTS <= from);
        } else {
            assert_true(to == UINT64_MAX);
        }
    }
    for (uint64_t value = 0; value < 100000; value++) {
        unsigned i = histogram_bucket(value);
        assert_true(histogram_from(i) <= value && value <= histogram_to(i));
    }
}

/* ---- figures ---- */

TEST(hands_on_each_op)
{
    for (int form = 0; form < 4; form++) {
        start((enum probe_form)form);
        probe.surplus = form >= PROBE_FULL ? 24 : 0;
        probe_pass_through(&probe, wrapped);
        assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).calls, 4);
        assert_int_equal(stats_of(CAIRN_TIMED_ALLOC_ZEROED).calls, 1);
        assert_int_equal(stats_of(CAIRN_TIMED_REALLOC).calls, 3);
        assert_int_equal(stats_of(CAIRN_TIMED_DEALLOC).calls, 4);
        finish();
    }
}

TEST(percentiles)
{
    start(PROBE_FULL);
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).calls, 0);
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).max, 0);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, 50), 0);
    for (int i = 0; i < 9900; i++)
        take(10);
    for (int i = 0; i < 98; i++)
        take(20);
    take(5000);
    take(1000000);
    cairn_timed_stats stats = stats_of(CAIRN_TIMED_ALLOC);
    assert_int_equal(stats.calls, 10000);
    assert_int_equal(stats.p50, 10);
    assert_int_equal(stats.p90, 10);
    assert_int_equal(stats.p99, 10);
    assert_in_range(stats.p9999, 5000, 5000 + 5000 / 32);
    assert_int_equal(stats.max, 1000000);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, 99.001), 20);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, 99.98), 20);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, 0), 10);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, -5), 10);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, (double)__builtin_nanf("")),
                     10);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, 100), 1000000);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, 1e300), 1000000);
    assert_int_equal(stats_of(CAIRN_TIMED_DEALLOC).calls, 10000);

    cairn_timed_reset(&timed);
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).calls, 0);
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).max, 0);
    take(7);
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).max, 7);
    take((uint64_t)1 << 45); /* beyond the last bucket */
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).max, (uint64_t)1 << 45);
    finish();
}

TEST(an_op_that_is_none)
{
    start(PROBE_FULL);
    take(10);
    for (int op = -1; op < 100; op += 50) {
        cairn_timed_stats stats = {1, 1, 1, 1, 1, 1};
        if (op >= 0 && op < CAIRN_TIMED_OPS)
            continue;
        cairn_timed_stats_get(&timed, (cairn_timed_op)op, &stats);
        assert_int_equal(stats.calls, 0);
        assert_int_equal(cairn_timed_percentile(&timed, (cairn_timed_op)op, 50), 0);
        assert_true(cairn_timed_buckets(&timed, (cairn_timed_op)op, NULL, NULL));
    }
    finish();
}

TEST(the_cost_of_the_clock)
{
    clock_step = 17;
    start(PROBE_FULL);
    assert_int_equal(cairn_timed_clock_cost(&timed), 17);
    finish();
    clock_step = 0; /* the real one */
    start(PROBE_FULL);
    assert_in_range(cairn_timed_clock_cost(&timed), 0, 1000000);
    finish();
}

struct seen {
    uint64_t calls, last;
    int buckets, stop_after;
};

static bool see(void *context, uint64_t from, uint64_t to, uint64_t calls)
{
    struct seen *seen = context;
    assert_true(from <= to && (seen->buckets == 0 || from > seen->last) && calls > 0);
    seen->last = to;
    seen->calls += calls;
    return ++seen->buckets != seen->stop_after;
}

TEST(all_buckets)
{
    start(PROBE_FULL);
    for (uint64_t i = 1; i < 200; i++)
        take(i);
    struct seen seen = {0, 0, 0, 0};
    assert_true(cairn_timed_buckets(&timed, CAIRN_TIMED_DEALLOC, see, &seen));
    assert_int_equal(seen.calls, 199);
    seen = (struct seen){0, 0, 0, 3};
    assert_false(cairn_timed_buckets(&timed, CAIRN_TIMED_DEALLOC, see, &seen));
    assert_int_equal(seen.buckets, 3);
    finish();
}

static char said[2000];

static void hear(void *context, const char *bytes, size_t count)
{
    assert_ptr_equal(context, said);
    strncat(said, bytes, count);
}

TEST(a_report)
{
    start(PROBE_FULL);
    for (int i = 0; i < 100; i++)
        take(25);
    take(31);
    cairn_timed_report(&timed, hear, said);
    assert_string_equal(
        said, "alloc: 101 calls, p50 25 ns, p90 25 ns, p99 25 ns, p99.99 31 ns, max 31 ns\n"
              "dealloc: 101 calls, p50 25 ns, p90 25 ns, p99 25 ns, p99.99 31 ns, max 31 ns\n");
    cairn_timed_report(&timed, NULL, NULL);
    finish();
}

/* ---- memory and threads ---- */

static void *take_some(void *argument)
{
    uint64_t nanoseconds = (uintptr_t)argument;
    for (size_t i = 0; i < 2000; i++)
        take(nanoseconds);
    return NULL;
}

static void run_threads(void)
{
    pthread_t threads[8];
    for (uintptr_t i = 0; i < 8; i++)
        REQUIRE(pthread_create(&threads[i], NULL, take_some, (void *)(i + 1)) == 0);
    cairn_timed_percentile(&timed, CAIRN_TIMED_ALLOC, 50);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).calls, 16000);
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).max, 8);
    assert_int_equal(stats_of(CAIRN_TIMED_ALLOC).p50, 4);
    assert_int_equal(cairn_timed_percentile(&timed, CAIRN_TIMED_DEALLOC, 12.5), 1);
}

TEST(threads)
{
    start(PROBE_FULL);
    run_threads();
    finish();
}

/* The first set serves all if there is no memory for another. */
TEST(without_memory)
{
    probe_init(&probe, PROBE_FULL);
    probe_init(&records, PROBE_BARE);
    cairn_timed_opts opts = {probe_allocator(&records)};
    records.fail_at = 1;
    assert_false(cairn_timed_init(&timed, probe_allocator(&probe), &opts));
    probe_fini(&records);

    start(PROBE_FULL);
    records.fail_at = 1;
    records.fail_after = true;
    run_threads();
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_join_and_are_narrow),
        cmocka_unit_test(hands_on_each_op),
        cmocka_unit_test(percentiles),
        cmocka_unit_test(an_op_that_is_none),
        cmocka_unit_test(the_cost_of_the_clock),
        cmocka_unit_test(all_buckets),
        cmocka_unit_test(a_report),
        cmocka_unit_test(threads),
        cmocka_unit_test(without_memory),
    };
    return UNIT_MAIN(tests);
}
