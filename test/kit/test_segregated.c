/* SPDX-License-Identifier: MIT */
/* segregated.h: which source a layout belongs to, and what happens on the way across. */
#include "kit/probe.h"

#include <pthread.h>

#include "cairn/segregated.h"

static struct probe small, large;
static cairn_segregated segregated;
static cairn_allocator wrapped;

enum { THRESHOLD = 64 };

static void start_with(enum probe_form of_small, enum probe_form of_large, size_t threshold)
{
    probe_init(&small, of_small);
    probe_init(&large, of_large);
    cairn_segregated_init(&segregated, probe_allocator(&small), probe_allocator(&large), threshold);
    assert_null(cairn_segregated_audit(&segregated));
    wrapped = cairn_segregated_allocator(&segregated);
}

static void finish(void)
{
    probe_fini(&small);
    probe_fini(&large);
    cairn_segregated_fini(&segregated);
    assert_non_null(cairn_segregated_audit(&segregated));
}

/* Whether a block of the layout is the small source's; its whole life is. */
static bool is_small(size_t size, size_t align)
{
    cairn_layout layout = {size, align};
    size_t before = probe_live(&small);
    void *ptr = cairn_allocator_alloc(wrapped, layout);
    assert_non_null(ptr);
    bool is = probe_live(&small) > before;
    cairn_allocator_dealloc(wrapped, ptr, layout);
    ptr = cairn_allocator_alloc_zeroed(wrapped, layout);
    assert_int_equal(probe_live(&small) > before, is);
    cairn_allocator_dealloc(wrapped, ptr, layout);
    assert_int_equal(probe_live(&small), before);
    return is;
}

TEST(which_source)
{
    start_with(PROBE_FULL, PROBE_FULL, THRESHOLD);
    assert_true(is_small(0, 1));
    assert_true(is_small(64, 64));
    assert_true(is_small(1, 64));
    assert_false(is_small(65, 1));
    assert_false(is_small(1, 128));
    assert_false(is_small(0, 4096));
    finish();

    start_with(PROBE_FULL, PROBE_FULL, 0);
    assert_false(is_small(0, 1));
    finish();
    start_with(PROBE_FULL, PROBE_FULL, SIZE_MAX);
    assert_true(is_small(100000, 4096));
    finish();
}

TEST(hands_on_each_op)
{
    for (int form = 0; form < 4; form++) {
        start_with((enum probe_form)form, (enum probe_form)form, SIZE_MAX);
        small.surplus = form >= PROBE_FULL ? 8 : 0;
        probe_pass_through(&small, wrapped);
        finish();
        start_with((enum probe_form)form, (enum probe_form)form, 0);
        probe_pass_through(&large, wrapped);
        finish();
    }
}

TEST(what_it_can_tell)
{
    for (int form = 0; form < 4; form++) {
        start_with((enum probe_form)(form & 1), (enum probe_form)(form >> 1), THRESHOLD);
        assert_int_equal(cairn_allocator_can_tell(wrapped), form == 3);
        finish();
    }
    start_with(PROBE_TELLS, PROBE_TELLS, THRESHOLD);
    void *a = cairn_allocator_alloc(wrapped, (cairn_layout){64, 1});
    void *b = cairn_allocator_alloc(wrapped, (cairn_layout){65, 1});
    assert_true(cairn_allocator_owns(wrapped, a));
    assert_true(cairn_allocator_owns(wrapped, b));
    assert_false(cairn_allocator_owns(wrapped, &a));
    cairn_allocator_dealloc(wrapped, a, (cairn_layout){64, 1});
    cairn_allocator_dealloc(wrapped, b, (cairn_layout){65, 1});
    finish();
}

TEST(across_the_threshold)
{
    for (int form = 0; form < 4; form++) {
        start_with((enum probe_form)form, (enum probe_form)form, THRESHOLD);
        char *ptr = cairn_allocator_alloc(wrapped, (cairn_layout){50, 16});
        unit_fill(ptr, 50, 1);
        ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){50, 16}, 64);
        assert_int_equal(probe_live(&small), 1);
        ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){64, 16}, 65);
        assert_int_equal(probe_live(&small), 0);
        assert_int_equal(probe_live(&large), 1);
        assert_true(unit_is_filled(ptr, 50, 1));
        ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){65, 16}, 1000);
        assert_int_equal(probe_live(&large), 1);
        ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){1000, 16}, 20);
        assert_int_equal(probe_live(&small), 1);
        assert_int_equal(probe_live(&large), 0);
        assert_true(unit_is_filled(ptr, 20, 1));
        cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){20, 16});
        finish();
    }
}

TEST(failures_of_a_source)
{
    start_with(PROBE_FULL, PROBE_FULL, THRESHOLD);
    char *ptr = cairn_allocator_alloc(wrapped, (cairn_layout){50, 16});
    unit_fill(ptr, 50, 1);
    large.fail_at = 1;
    large.fail_after = true;
    assert_null(cairn_allocator_alloc(wrapped, (cairn_layout){100, 8}));
    assert_null(cairn_allocator_realloc(wrapped, ptr, (cairn_layout){50, 16}, 100));
    assert_true(unit_is_filled(ptr, 50, 1));
    assert_int_equal(probe_live(&small), 1);
    small.fail_at = 1;
    small.fail_after = true;
    assert_null(cairn_allocator_alloc(wrapped, (cairn_layout){10, 8}));
    assert_null(cairn_allocator_realloc(wrapped, ptr, (cairn_layout){50, 16}, 60));
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){50, 16});
    finish();
}

static void *use(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    for (size_t i = 0; i < unit_rounds(8000); i++) {
        size_t size = unit_below(&seed, 128), new_size = unit_below(&seed, 128);
        char *ptr = cairn_allocator_alloc(wrapped, (cairn_layout){size, 8});
        unit_fill(ptr, size, i);
        ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){size, 8}, new_size);
        REQUIRE(unit_is_filled(ptr, size < new_size ? size : new_size, i));
        cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){new_size, 8});
    }
    return NULL;
}

TEST(threads)
{
    start_with(PROBE_FULL, PROBE_BARE, THRESHOLD);
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, use, (void *)(i + 1)) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    finish();
}

TEST(without_sources_it_is_the_systems)
{
    cairn_allocator none = {NULL, NULL};
    cairn_segregated_init(&segregated, none, none, 10);
    wrapped = cairn_segregated_allocator(&segregated);
    void *ptr = cairn_allocator_alloc(wrapped, (cairn_layout){100, 1});
    assert_non_null(ptr);
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){100, 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_source),
        cmocka_unit_test(hands_on_each_op),
        cmocka_unit_test(what_it_can_tell),
        cmocka_unit_test(across_the_threshold),
        cmocka_unit_test(failures_of_a_source),
        cmocka_unit_test(threads),
        cmocka_unit_test(without_sources_it_is_the_systems),
    };
    return UNIT_MAIN(tests);
}
