/* SPDX-License-Identifier: MIT */
/* failing.h: which requests fail, which count, and that a schedule can be repeated. */
#include "kit/probe.h"

#include <math.h>
#include <pthread.h>

#include "cairn/failing.h"

static struct probe probe;
static cairn_failing failing;
static cairn_allocator wrapped;

static void start(const cairn_failing_opts *opts)
{
    probe_init(&probe, PROBE_FULL);
    cairn_failing_init(&failing, probe_allocator(&probe), opts);
    wrapped = cairn_failing_allocator(&failing);
}

/* Whether a request of that size fails. */
static bool fails(size_t size)
{
    cairn_layout layout = {size, 8};
    void *ptr = cairn_allocator_alloc(wrapped, layout);
    cairn_allocator_dealloc(wrapped, ptr, layout);
    assert_null(cairn_failing_audit(&failing));
    return ptr == NULL;
}

/* Which of the first 32 requests fail: bit n - 1 for request n. */
static uint32_t pattern(void)
{
    uint32_t bits = 0;
    for (int i = 0; i < 32; i++)
        bits |= (uint32_t)fails(8) << i;
    assert_int_equal(cairn_failing_requests(&failing), 32);
    assert_int_equal(cairn_failing_failures(&failing), __builtin_popcount(bits));
    return bits;
}

static uint32_t pattern_of(cairn_failing_opts opts)
{
    cairn_failing_arm(&failing, &opts);
    return pattern();
}

TEST(hands_on_each_op)
{
    for (int form = 0; form < 4; form++) {
        probe_init(&probe, (enum probe_form)form);
        probe.surplus = form >= PROBE_FULL ? 24 : 0;
        cairn_failing_init(&failing, probe_allocator(&probe), NULL);
        probe_pass_through(&probe, cairn_failing_allocator(&failing));
        assert_int_equal(cairn_failing_failures(&failing), 0);
        cairn_failing_fini(&failing);
        assert_non_null(cairn_failing_audit(&failing));
        probe_fini(&probe);
    }
}

TEST(schedules)
{
    start(NULL);
    assert_int_equal(pattern(), 0);
    cairn_failing_arm(&failing, &(cairn_failing_opts){.at = 1});
    assert_int_equal(pattern_of((cairn_failing_opts){.at = 1}), 1);
    assert_int_equal(pattern_of((cairn_failing_opts){.at = 5}), 1u << 4);
    assert_int_equal(pattern_of((cairn_failing_opts){.every = 4}), 0x88888888u);
    assert_int_equal(pattern_of((cairn_failing_opts){.every = 1}), UINT32_MAX);
    assert_int_equal(pattern_of((cairn_failing_opts){.from = 31}), 0xC0000000u);
    assert_int_equal(pattern_of((cairn_failing_opts){.from = 1}), UINT32_MAX);
    assert_int_equal(pattern_of((cairn_failing_opts){.at = 1, .every = 16, .from = 32}),
                     0x80008001u);
    cairn_failing_arm(&failing, NULL);
    assert_int_equal(pattern(), 0);
    probe_fini(&probe);
}

TEST(by_size)
{
    start(&(cairn_failing_opts){.larger_than = 100});
    assert_false(fails(100));
    assert_true(fails(101));
    void *ptr = cairn_allocator_alloc(wrapped, (cairn_layout){50, 8});
    assert_null(cairn_allocator_realloc(wrapped, ptr, (cairn_layout){50, 8}, 101));
    ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){50, 8}, 100);
    assert_non_null(ptr);
    assert_null(cairn_allocator_alloc_zeroed(wrapped, (cairn_layout){200, 1}));
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){100, 8});
    probe_fini(&probe);
}

TEST(by_chance)
{
    start(NULL);
    assert_int_equal(pattern_of((cairn_failing_opts){.probability = 0}), 0);
    assert_int_equal(pattern_of((cairn_failing_opts){.probability = -1}), 0);
    assert_int_equal(pattern_of((cairn_failing_opts){.probability = NAN}), 0);
    assert_int_equal(pattern_of((cairn_failing_opts){.probability = 1}), UINT32_MAX);
    assert_int_equal(pattern_of((cairn_failing_opts){.probability = INFINITY}), UINT32_MAX);
    cairn_failing_opts half = {.probability = 0.5, .seed = 1};
    uint32_t first = pattern_of(half);
    assert_int_equal(pattern_of(half), first);
    half.seed = 2;
    assert_int_not_equal(pattern_of(half), first);

    cairn_failing_arm(&failing, &(cairn_failing_opts){.probability = 0.1, .seed = 42});
    for (int i = 0; i < 20000; i++)
        fails(1);
    assert_in_range(cairn_failing_failures(&failing), 1800, 2200);
    probe_fini(&probe);
}

/* alloc, alloc_zeroed and growth count; the rest only when asked for. */
TEST(what_counts)
{
    start(NULL);
    cairn_layout layout = {100, 8};
    char *ptr = cairn_allocator_alloc_zeroed(wrapped, layout);
    assert_int_equal(cairn_failing_requests(&failing), 1);
    ptr = cairn_allocator_realloc(wrapped, ptr, layout, 200);
    assert_int_equal(cairn_failing_requests(&failing), 2);
    layout.size = 200;
    ptr = cairn_allocator_realloc(wrapped, ptr, layout, 200);
    ptr = cairn_allocator_realloc(wrapped, ptr, layout, 100);
    layout.size = 100;
    assert_int_equal(cairn_failing_requests(&failing), 2);
    cairn_failing_arm(&failing, &(cairn_failing_opts){.every = 1, .shrinks = true});
    unit_fill(ptr, 100, 1);
    assert_null(cairn_allocator_realloc(wrapped, ptr, layout, 100));
    assert_null(cairn_allocator_realloc(wrapped, ptr, layout, 10));
    assert_int_equal(cairn_failing_requests(&failing), 2);
    assert_true(unit_is_filled(ptr, 100, 1));
    cairn_allocator_dealloc(wrapped, ptr, layout);
    assert_int_equal(cairn_failing_requests(&failing), 2);

    /* What the source refuses is a request, not a failure of ours; ours does not reach it. */
    cairn_failing_arm(&failing, &(cairn_failing_opts){.at = 2});
    size_t calls = probe.requests;
    probe.fail_at = calls + 1;
    assert_true(fails(8));
    assert_int_equal(cairn_failing_failures(&failing), 0);
    assert_true(fails(8));
    assert_int_equal(cairn_failing_failures(&failing), 1);
    assert_int_equal(cairn_failing_requests(&failing), 2);
    assert_int_equal(probe.requests, calls + 1);
    probe_fini(&probe);
}

static bool build(cairn_allocator allocator)
{
    cairn_layout layout = {10, 1};
    char *a = cairn_allocator_alloc(allocator, layout);
    char *b = a != NULL ? cairn_allocator_alloc(allocator, layout) : NULL;
    char *c = b != NULL ? cairn_allocator_realloc(allocator, b, layout, 20) : NULL;
    if (c != NULL)
        cairn_allocator_dealloc(allocator, c, (cairn_layout){20, 1});
    else
        cairn_allocator_dealloc(allocator, b, layout);
    cairn_allocator_dealloc(allocator, a, layout);
    return c != NULL;
}

/* The loop of the header. */
TEST(every_failure_in_turn)
{
    start(NULL);
    size_t n = 0;
    bool built;
    do {
        cairn_failing_arm(&failing, &(cairn_failing_opts){.at = ++n});
        built = build(wrapped);
        assert_int_equal(built, cairn_failing_failures(&failing) == 0);
    } while (cairn_failing_failures(&failing) > 0);
    assert_int_equal(n, 4);
    probe_fini(&probe);
}

static void *use(void *argument)
{
    (void)argument;
    size_t failed = 0;
    for (size_t i = 0; i < 5000; i++) {
        void *ptr = cairn_allocator_alloc(wrapped, (cairn_layout){8, 8});
        failed += ptr == NULL;
        cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){8, 8});
    }
    return (void *)failed;
}

/* Each n-th fails, whoever asks; and arming in between does no harm. */
TEST(threads)
{
    start(&(cairn_failing_opts){.every = 10});
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, use, NULL) == 0);
    size_t failed = 0;
    for (int i = 0; i < 4; i++) {
        void *part;
        pthread_join(threads[i], &part);
        failed += (size_t)part;
    }
    assert_int_equal(cairn_failing_requests(&failing), 20000);
    assert_int_equal(failed, 2000);
    assert_int_equal(cairn_failing_failures(&failing), 2000);

    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, use, NULL) == 0);
    for (size_t i = 0; i < 2000; i++)
        cairn_failing_arm(&failing, &(cairn_failing_opts){.at = i, .probability = 0.5, .seed = i});
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    probe_fini(&probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_each_op), cmocka_unit_test(schedules),
        cmocka_unit_test(by_size),          cmocka_unit_test(by_chance),
        cmocka_unit_test(what_counts),      cmocka_unit_test(every_failure_in_turn),
        cmocka_unit_test(threads),
    };
    return UNIT_MAIN(tests);
}
