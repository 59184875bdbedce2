/* SPDX-License-Identifier: MIT */
/* limited.h: what is refused, what is counted, and that nothing is lost from the budget. */
#include "kit/probe.h"

#include <pthread.h>

#include "cairn/limited.h"

static struct probe probe;
static cairn_limited limited;
static cairn_allocator wrapped;

static void start(enum probe_form form, size_t surplus, size_t max_bytes, size_t max_blocks)
{
    probe_init(&probe, form);
    probe.surplus = surplus;
    cairn_limited_init(&limited, probe_allocator(&probe),
                       &(cairn_limited_opts){max_bytes, max_blocks});
    wrapped = cairn_limited_allocator(&limited);
}

static cairn_limited_stats now(void)
{
    cairn_limited_stats stats;
    assert_null(cairn_limited_audit(&limited));
    cairn_limited_stats_get(&limited, &stats);
    return stats;
}

static void *get(size_t size)
{
    return cairn_allocator_alloc(wrapped, (cairn_layout){size, 8});
}

static void end(void *ptr, size_t size)
{
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){size, 8});
}

static void *resize(void *ptr, size_t size, size_t new_size)
{
    return cairn_allocator_realloc(wrapped, ptr, (cairn_layout){size, 8}, new_size);
}

TEST(hands_on_each_op)
{
    for (int form = 0; form < 4; form++) {
        start((enum probe_form)form, form >= PROBE_FULL ? 24 : 0, 0, 0);
        probe_pass_through(&probe, wrapped);
        cairn_limited_stats stats = now();
        assert_int_equal(stats.bytes, 0);
        assert_int_equal(stats.blocks, 0);
        assert_int_equal(stats.peak_bytes, 5000 + probe.surplus);
        assert_int_equal(stats.peak_blocks, 2);
        assert_int_equal(stats.refusals, 0);
        assert_int_equal(cairn_limited_fini(&limited), 0);
        assert_non_null(cairn_limited_audit(&limited));
        probe_fini(&probe);
    }
}

TEST(bytes)
{
    start(PROBE_BARE, 0, 100, 0);
    void *a = get(60);
    assert_non_null(a);
    assert_null(get(41));
    void *b = get(40);
    assert_non_null(b);
    assert_null(get(1));
    assert_null(cairn_allocator_alloc_zeroed(wrapped, (cairn_layout){1, 1}));
    void *c = get(0); /* takes no bytes */
    assert_non_null(c);
    cairn_limited_stats stats = now();
    assert_int_equal(stats.bytes, 100);
    assert_int_equal(stats.blocks, 3);
    assert_int_equal(stats.refusals, 3);
    assert_int_equal(probe.calls[PROBE_ALLOC], 3); /* the source was not asked */
    end(a, 60);
    a = get(60);
    assert_non_null(a);
    end(a, 60);
    end(b, 40);
    end(c, 0);
    stats = now();
    assert_int_equal(stats.bytes, 0);
    assert_int_equal(stats.peak_bytes, 100);
    assert_int_equal(stats.peak_blocks, 3);
    assert_null(get(PTRDIFF_MAX - 7));
    probe_fini(&probe);
}

TEST(blocks)
{
    start(PROBE_BARE, 0, 0, 2);
    void *a = get(1000), *b = get(1000);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(get(0));
    a = resize(a, 1000, 100000); /* no further block */
    assert_non_null(a);
    end(a, 100000);
    assert_int_equal(cairn_limited_fini(&limited), 1);
    cairn_allocator_dealloc(probe_allocator(&probe), b, (cairn_layout){1000, 8});
    probe_fini(&probe);
}

/* What is granted beyond the request counts; what does not fit then goes back. */
TEST(what_the_source_grants)
{
    start(PROBE_FULL, 24, 200, 0);
    void *a = get(76);
    assert_non_null(a);
    assert_int_equal(now().bytes, 100);
    assert_null(get(77));
    assert_int_equal(probe_live(&probe), 1);
    assert_int_equal(now().bytes, 100);
    assert_int_equal(now().peak_bytes, 100);
    assert_int_equal(now().refusals, 1);
    void *b = get(76);
    assert_non_null(b);
    assert_int_equal(now().bytes, 200);
    end(b, 76);

    a = resize(a, 76, 100); /* within what it was granted; the new surplus counts */
    assert_non_null(a);
    assert_int_equal(now().bytes, 124);
    assert_null(resize(a, 100, 201));
    a = resize(a, 100, 200); /* beyond the budget by the surplus, as documented */
    assert_non_null(a);
    assert_int_equal(now().bytes, 224);
    assert_int_equal(now().peak_bytes, 224);
    assert_null(get(0));
    a = resize(a, 200, 10);
    assert_int_equal(now().bytes, 34);
    end(a, 10);
    assert_int_equal(now().bytes, 0);
    probe_fini(&probe);
}

TEST(a_refused_resize_leaves_the_block)
{
    start(PROBE_FULL, 0, 100, 0);
    char *a = get(60);
    unit_fill(a, 60, 3);
    assert_null(resize(a, 60, 101));
    assert_true(unit_is_filled(a, 60, 3));
    assert_int_equal(now().bytes, 60);
    a = resize(a, 60, 100);
    assert_true(unit_is_filled(a, 60, 3));
    assert_int_equal(now().bytes, 100);
    end(a, 100);
    probe_fini(&probe);
}

TEST(another_budget_meanwhile)
{
    start(PROBE_FULL, 0, 0, 0);
    void *a = get(1000);
    cairn_limited_change(&limited, &(cairn_limited_opts){500, 5});
    assert_null(get(1));
    assert_null(get(0));
    a = resize(a, 1000, 900); /* to less: never refused */
    assert_non_null(a);
    assert_null(resize(a, 900, 901));
    a = resize(a, 900, 500);
    assert_null(resize(a, 500, 501));
    cairn_limited_change(&limited, &(cairn_limited_opts){501, 1});
    a = resize(a, 500, 501);
    assert_non_null(a);
    assert_null(get(0)); /* the second block */
    cairn_limited_change(&limited, NULL);
    void *b = get(10000);
    assert_non_null(b);
    end(a, 501);
    end(b, 10000);
    probe_fini(&probe);
}

/* Whichever request fails in the source, the budget is what it was. */
TEST(failures_of_the_source)
{
    for (size_t n = 1; n <= 4; n++) {
        start(PROBE_FULL, 8, 0, 0);
        probe.fail_at = n;
        char *a = get(50);
        char *b = cairn_allocator_alloc_zeroed(wrapped, (cairn_layout){60, 8});
        size_t of_a = 50, of_b = 60;
        char *moved = cairn_allocator_realloc(wrapped, b, (cairn_layout){60, 8}, 600);
        if (moved != NULL) {
            b = moved;
            of_b = 600;
        }
        moved = cairn_allocator_realloc(wrapped, a, (cairn_layout){50, 8}, 20);
        if (moved != NULL) {
            a = moved;
            of_a = 20;
        }
        cairn_limited_stats stats = now();
        assert_int_equal(stats.blocks, (a != NULL) + (b != NULL));
        assert_int_equal(stats.bytes, (a != NULL ? of_a + 8 : 0) + (b != NULL ? of_b + 8 : 0));
        assert_int_equal(stats.refusals, 0);
        end(a, of_a);
        end(b, of_b);
        assert_int_equal(now().bytes, 0);
        assert_int_equal(now().blocks, 0);
        probe_fini(&probe);
    }
}

enum { BUDGET = 10000, MAX_BLOCKS = 40 };
static size_t served;

static void *use(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    for (size_t i = 0; i < unit_rounds(8000); i++) {
        size_t size = unit_below(&seed, 4000);
        char *ptr = get(size);
        if (ptr == NULL)
            continue;
        __atomic_fetch_add(&served, 1, __ATOMIC_RELAXED);
        unit_fill(ptr, size, seed);
        char *moved = resize(ptr, size, size + 100);
        REQUIRE(unit_is_filled(moved != NULL ? moved : ptr, size, seed));
        cairn_limited_stats stats;
        cairn_limited_stats_get(&limited, &stats);
        REQUIRE(stats.bytes <= BUDGET && stats.blocks <= MAX_BLOCKS);
        if (moved != NULL)
            end(moved, size + 100);
        else
            end(ptr, size);
        if (i % 100 == 0)
            cairn_limited_change(&limited, &(cairn_limited_opts){BUDGET - i % 2, MAX_BLOCKS});
    }
    return NULL;
}

TEST(never_more_than_the_budget)
{
    start(PROBE_FULL, 0, BUDGET, MAX_BLOCKS);
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, use, (void *)(i + 1)) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cairn_limited_stats stats = now();
    assert_int_equal(stats.bytes, 0);
    assert_int_equal(stats.blocks, 0);
    assert_in_range(stats.peak_bytes, 1, BUDGET);
    assert_in_range(served, 1, SIZE_MAX);
    probe_fini(&probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_each_op),
        cmocka_unit_test(bytes),
        cmocka_unit_test(blocks),
        cmocka_unit_test(what_the_source_grants),
        cmocka_unit_test(a_refused_resize_leaves_the_block),
        cmocka_unit_test(another_budget_meanwhile),
        cmocka_unit_test(failures_of_the_source),
        cmocka_unit_test(never_more_than_the_budget),
    };
    return UNIT_MAIN(tests);
}
