/* SPDX-License-Identifier: MIT */
/* fallback.h: who serves a request, and that each block ends where it came from. */
#include "kit/probe.h"

#include <pthread.h>

#include "cairn/fallback.h"

static struct probe first, second;
static cairn_fallback fallback;
static cairn_allocator wrapped;

static const cairn_layout LAYOUT = {100, 16};

static void start(enum probe_form of_first, enum probe_form of_second)
{
    probe_init(&first, of_first | PROBE_TELLS);
    probe_init(&second, of_second);
    assert_true(cairn_fallback_init(&fallback, probe_allocator(&first), probe_allocator(&second)));
    assert_null(cairn_fallback_audit(&fallback));
    wrapped = cairn_fallback_allocator(&fallback);
}

static void finish(void)
{
    probe_fini(&first);
    probe_fini(&second);
    cairn_fallback_fini(&fallback);
    assert_non_null(cairn_fallback_audit(&fallback));
}

static void fill_first(void)
{
    first.fail_at = 1;
    first.fail_after = true;
}

TEST(the_first_must_be_able_to_tell)
{
    probe_init(&first, PROBE_FULL);
    probe_init(&second, PROBE_FULL | PROBE_TELLS);
    assert_false(cairn_fallback_init(&fallback, probe_allocator(&first), probe_allocator(&second)));
    assert_false(
        cairn_fallback_init(&fallback, (cairn_allocator){NULL, NULL}, probe_allocator(&second)));
    assert_non_null(cairn_fallback_audit(&fallback));
    probe_fini(&first);
    probe_fini(&second);
}

TEST(hands_on_each_op)
{
    for (int form = 0; form < 4; form++) {
        /* What the pair can tell is what the second can. */
        start(PROBE_FULL, (enum probe_form)form);
        struct probe *serving = (form & PROBE_TELLS) != 0 ? &first : &second;
        if (serving == &second)
            fill_first();
        probe_pass_through(serving, wrapped);
        finish();
    }
}

TEST(second_by_default_the_systems)
{
    probe_init(&first, PROBE_TELLS);
    assert_true(
        cairn_fallback_init(&fallback, probe_allocator(&first), (cairn_allocator){NULL, NULL}));
    fill_first();
    wrapped = cairn_fallback_allocator(&fallback);
    void *ptr = cairn_allocator_alloc(wrapped, LAYOUT);
    assert_non_null(ptr);
    cairn_allocator_dealloc(wrapped, ptr, LAYOUT);
    probe_fini(&first);
}

TEST(the_first_as_long_as_it_can)
{
    start(PROBE_FULL, PROBE_FULL | PROBE_TELLS);
    second.surplus = 50;
    void *a = cairn_allocator_alloc(wrapped, LAYOUT);
    assert_int_equal(probe_live(&first), 1);
    assert_int_equal(second.requests, 0);
    fill_first();
    void *b = cairn_allocator_alloc(wrapped, LAYOUT);
    void *c = cairn_allocator_alloc_zeroed(wrapped, LAYOUT);
    assert_true(unit_is_zero(c, 100));
    assert_int_equal(probe_live(&second), 2);
    assert_true(cairn_allocator_owns(wrapped, a));
    assert_true(cairn_allocator_owns(wrapped, b));
    assert_false(cairn_allocator_owns(wrapped, &a));
    assert_int_equal(cairn_allocator_usable_size(wrapped, a, LAYOUT), 100);
    assert_int_equal(cairn_allocator_usable_size(wrapped, b, LAYOUT), 150);
    cairn_allocator_dealloc(wrapped, b, LAYOUT);
    assert_int_equal(probe_live(&second), 1);
    cairn_allocator_dealloc(wrapped, a, LAYOUT);
    assert_int_equal(probe_live(&first), 0);
    cairn_allocator_dealloc(wrapped, c, LAYOUT);
    finish();
}

TEST(what_outgrows_the_first_moves)
{
    for (int form = 0; form < 4; form++) {
        start((enum probe_form)form, (enum probe_form)form);
        char *ptr = cairn_allocator_alloc(wrapped, LAYOUT);
        unit_fill(ptr, 100, 1);
        ptr = cairn_allocator_realloc(wrapped, ptr, LAYOUT, 200);
        assert_int_equal(probe_live(&first), 1);
        assert_int_equal(probe_live(&second), 0);
        fill_first();
        ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){200, 16}, 1000);
        assert_non_null(ptr);
        assert_true(unit_is_filled(ptr, 100, 1));
        assert_int_equal(probe_live(&first), 0);
        assert_int_equal(probe_live(&second), 1);
        first.fail_at = 0;
        ptr = cairn_allocator_realloc(wrapped, ptr, (cairn_layout){1000, 16}, 50);
        assert_true(unit_is_filled(ptr, 50, 1));
        assert_int_equal(probe_live(&second), 1);
        cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){50, 16});
        finish();
    }
}

/* What cannot shrink where it is moves, too. */
TEST(a_smaller_block_may_move)
{
    start(PROBE_FULL, PROBE_FULL);
    char *ptr = cairn_allocator_alloc(wrapped, LAYOUT);
    unit_fill(ptr, 100, 1);
    fill_first();
    ptr = cairn_allocator_realloc(wrapped, ptr, LAYOUT, 10);
    assert_true(unit_is_filled(ptr, 10, 1));
    assert_int_equal(probe_live(&second), 1);
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){10, 16});
    finish();
}

TEST(when_both_are_full)
{
    start(PROBE_FULL, PROBE_FULL);
    char *ptr = cairn_allocator_alloc(wrapped, LAYOUT);
    unit_fill(ptr, 100, 1);
    fill_first();
    second.fail_at = 1;
    second.fail_after = true;
    assert_null(cairn_allocator_alloc(wrapped, LAYOUT));
    assert_null(cairn_allocator_alloc_zeroed(wrapped, LAYOUT));
    assert_null(cairn_allocator_realloc(wrapped, ptr, LAYOUT, 101));
    assert_true(unit_is_filled(ptr, 100, 1));
    assert_true(cairn_allocator_owns(probe_allocator(&first), ptr));
    cairn_allocator_dealloc(wrapped, ptr, LAYOUT);
    finish();
}

static void *use(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    char *blocks[16] = {NULL};
    cairn_layout layouts[16];
    for (size_t i = 0; i < unit_rounds(8000); i++) {
        size_t at = unit_below(&seed, 16);
        if (blocks[at] == NULL) {
            layouts[at] = (cairn_layout){unit_below(&seed, 100), 8};
            blocks[at] = cairn_allocator_alloc(wrapped, layouts[at]);
            unit_fill(blocks[at], layouts[at].size, at);
            continue;
        }
        REQUIRE(unit_is_filled(blocks[at], layouts[at].size, at));
        if (i % 3 != 0) {
            cairn_allocator_dealloc(wrapped, blocks[at], layouts[at]);
            blocks[at] = NULL;
            continue;
        }
        size_t size = unit_below(&seed, 100);
        blocks[at] = cairn_allocator_realloc(wrapped, blocks[at], layouts[at], size);
        layouts[at].size = size;
        unit_fill(blocks[at], size, at);
    }
    for (int i = 0; i < 16; i++)
        cairn_allocator_dealloc(wrapped, blocks[i], layouts[i]);
    return NULL;
}

/* The first fails from time to time, so blocks of both are about in all threads. */
TEST(threads)
{
    start(PROBE_FULL, PROBE_FULL);
    pthread_t threads[4];
    first.fail_at = 500;
    first.fail_after = true;
    for (uintptr_t i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, use, (void *)(i + 1)) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(second.requests, 1, SIZE_MAX);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_must_be_able_to_tell),
        cmocka_unit_test(hands_on_each_op),
        cmocka_unit_test(second_by_default_the_systems),
        cmocka_unit_test(the_first_as_long_as_it_can),
        cmocka_unit_test(what_outgrows_the_first_moves),
        cmocka_unit_test(a_smaller_block_may_move),
        cmocka_unit_test(when_both_are_full),
        cmocka_unit_test(threads),
    };
    return UNIT_MAIN(tests);
}
