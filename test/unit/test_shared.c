/* SPDX-License-Identifier: MIT */
/* shared.h: who borrows from the shared heap, how much, and that all of it comes back. */
#include "unit/unit.h"

#include "core/malloc.h"
#include "core/registry.h"
#include "core/shared.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

enum { SIZE = 256, AT_ONCE = BORROW_BYTES / SIZE, IN_ALL = BORROW_MAX / SIZE, MANY = 100 };

static struct heap *crowd[BORROW_HEAPS];

/* So many heaps are in use that the next ones borrow. */
static void make_a_crowd(void)
{
    cairn__process_start();
    for (size_t i = 0; i < BORROW_HEAPS; i++) {
        crowd[i] = cairn__registry_take();
        assert_false(crowd[i]->borrows);
    }
}

static bool is_shared(const void *block)
{
    struct heap *owner = page_owner(page_of(block));
    return owner_is_heap(owner) && owner->shared != NULL;
}

TEST(the_first_do_not_borrow)
{
    void *block = cairn__malloc_slow(SIZE);
    assert_false(cairn__heap->borrows);
    assert_false(is_shared(block));
}

/* A few blocks at a time, then a page of its own. */
TEST(so_much_and_no_more)
{
    make_a_crowd();
    void *block[MANY];
    block[0] = cairn__malloc_slow(SIZE);
    assert_true(cairn__heap->borrows);
    assert_true(is_shared(block[0]));
    assert_int_equal(cairn__heap->borrowed[class_of(SIZE)], AT_ONCE);
    for (int i = 1; i < MANY; i++) {
        block[i] = cairn__malloc_slow(SIZE);
        assert_int_equal(is_shared(block[i]), i < IN_ALL);
    }
    assert_int_equal(audit_with_shared().live, MANY);
    for (int i = 0; i < MANY; i++)
        cairn__free(block[i]);
    assert_int_equal(cairn__heap->borrowed[class_of(SIZE)], IN_ALL);
}

/* Four blocks at the least; none of medium size. */
TEST(large_sizes)
{
    make_a_crowd();
    for (int i = 0; i < 6; i++)
        assert_int_equal(is_shared(cairn__malloc_slow(SMALL_MAX)), i < 4);
    assert_false(is_shared(cairn__malloc_slow(SMALL_MAX + 1)));
}

static void *kept[MANY];

static void borrow_some(void *argument)
{
    (void)argument;
    for (int i = 0; i < MANY; i++)
        kept[i] = cairn__malloc_slow(16 + (size_t)i * 16);
    REQUIRE(is_shared(kept[0]));
}

/* A borrower ends: what lay in its bins goes back, what it had handed out is freed by others. */
TEST(borrowers_end)
{
    make_a_crowd();
    struct worker worker;
    worker_start(&worker);
    worker_do(&worker, borrow_some, NULL);
    worker_end(&worker);
    assert_int_equal(audit_with_shared().live, MANY);
    for (int i = 0; i < MANY; i++)
        cairn__free(kept[i]);
    unit_abandon(cairn__heap);
    unit_abandon_shared();
    struct audit sum = audit_with_shared();
    assert_int_equal(sum.live + sum.in_bins + sum.in_transit, 0);
    assert_int_equal(sum.units, 0);
}

/* Out of memory while borrowing: NULL, and as before once there is some. */
TEST(nothing_to_borrow)
{
    make_a_crowd();
    assert_non_null(cairn__malloc_slow(64)); /* the thread has its heap */
    fake_set_memory_limit(0);
    size_t got = 0;
    while (cairn__malloc_slow(2000) != NULL)
        got++;
    assert_null(cairn__malloc_slow(2000));
    fake_set_memory_limit(SIZE_MAX);
    assert_non_null(cairn__malloc_slow(2000));
    assert_int_equal(audit_with_shared().live, got + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_do_not_borrow),
        cmocka_unit_test(so_much_and_no_more),
        cmocka_unit_test(large_sizes),
        cmocka_unit_test(borrowers_end),
        cmocka_unit_test(nothing_to_borrow),
    };
    return UNIT_MAIN(tests);
}
