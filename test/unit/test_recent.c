/* SPDX-License-Identifier: MIT */
/* recent.h: which rows are kept, for whom, how many, and when they go back to the pool. */
#include "unit/unit.h"

#include "base/option.h"
#include "core/malloc.h"
#include "core/purge.h"
#include "core/recent.h"
#include "core/registry.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

static void *rows(size_t units)
{
    return cairn__malloc_slow(units << UNIT_SHIFT);
}

static size_t kept(void)
{
    return audit_with_shared().kept;
}

/* There is free memory, and the first step of purging is behind us. */
static void start(void)
{
    cairn__free(rows(200));
    cairn__free(rows(200));
}

TEST(the_next_block_is_the_last_one)
{
    char *block = rows(5);
    size_t before = fake_count(FAKE_ANY);
    unit_fill(block, 5 << UNIT_SHIFT, 1);
    for (int i = 0; i < 100; i++) {
        cairn__free(block);
        assert_int_equal(kept(), 5);
        assert_ptr_equal(rows(5), block);
        assert_int_equal(kept(), 0);
    }
    assert_int_equal(fake_count(FAKE_ANY), before);
    assert_true(unit_is_filled(block, 5 << UNIT_SHIFT, 1));
}

/* It is not fresh memory. */
TEST(calloc_clears_it)
{
    char *block = rows(5);
    memset(block, 0xa5, 5 << UNIT_SHIFT);
    cairn__free(block);
    char *again = cairn__calloc(5, UNIT_SIZE);
    assert_ptr_equal(again, block);
    assert_true(unit_is_zero(again, 5 << UNIT_SHIFT));
}

/* The one that fits best; none that is too small, or larger than it need be by more than a part. */
TEST(the_best_fit)
{
    start();
    char *eight = rows(8), *ten = rows(10), *nine = rows(9), *apart = rows(3);
    cairn__free(eight);
    cairn__free(ten);
    cairn__free(nine);
    char *block = rows(9);
    assert_ptr_equal(block, nine);
    cairn__free(block);
    assert_ptr_not_equal(rows(11), ten);
    block = cairn__malloc_slow(9 * UNIT_SIZE + 1);
    assert_ptr_equal(block, ten);
    assert_int_equal(cairn__usable_size(block), 10 * UNIT_SIZE);
    assert_int_equal(kept(), 8 + 9);
    assert_ptr_equal(rows(7), eight); /* 7 + 7 / 4 */
    assert_int_equal(kept(), 9);
    block = rows(6);
    assert_int_equal(cairn__usable_size(block), 6 * UNIT_SIZE);
    assert_int_equal(kept(), 9);
    cairn__free(apart);
}

TEST(so_much_and_no_more)
{
    start();
    size_t most = cairn__option(OPTION_LARGE_CACHE) / UNIT_SIZE;
    enum { COUNT = 40 };
    void *block[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        block[i] = rows(3 + i % 20);
    for (size_t i = 0; i < COUNT; i++) {
        cairn__free(block[i]);
        assert_in_range(kept(), 3 + i % 20, most);
    }
    block[0] = rows(3);
    cairn__free(block[0]);
    for (size_t i = 0; i < RECENT_ROWS; i++) /* the latest stay */
        block[i] = rows(3);
    for (size_t i = 0; i < RECENT_ROWS; i++)
        cairn__free(block[i]);
    assert_int_equal(kept(), RECENT_ROWS * 3);
    void *long_row = rows(most + 1);
    cairn__free(long_row);
    assert_int_equal(kept(), RECENT_ROWS * 3);
}

static void free_it(void *block)
{
    void *own = cairn__malloc_slow(16); /* a thread that has a heap */
    cairn__free(block);
    cairn__free(own);
}

/* Who frees it keeps it; at his end it goes. */
TEST(another_thread)
{
    struct worker worker;
    char *block = rows(5);
    worker_start(&worker);
    worker_do(&worker, free_it, block);
    assert_int_equal(kept(), 5);
    assert_ptr_not_equal(rows(5), block);
    assert_int_equal(kept(), 5);
    worker_end(&worker);
    assert_int_equal(kept(), 0);
}

TEST(noticed_when_freed_twice)
{
    char *block = rows(5);
    cairn__free(block);
    assert_int_equal(cairn__usable_size(block), 0);
    cairn__free(block);
    assert_int_equal(cairn__foreign_frees(), 1);
    assert_int_equal(kept(), 5);
    assert_ptr_equal(rows(5), block);
    assert_ptr_not_equal(rows(5), block);
}

/* A step of purging, a call for all memory, a thread without any: they go back to the pool. */
TEST(when_they_go)
{
    cairn__free(rows(5));
    assert_true(cairn__purge_all());
    assert_int_equal(kept(), 0);

    void *block = rows(64); /* more than the floor, so that there is something to look at */
    cairn__free(rows(5));
    fake_pass_time(1000 * 1000);
    cairn__free(block);
    assert_int_equal(kept(), 0);

    assert_true(cairn__option_set(OPTION_PURGE_DELAY, "0"));
    cairn__free(rows(5));
    assert_int_equal(kept(), 0);
}

#if !CAIRN_TSAN
static void hold_some(void *unused)
{
    (void)unused;
    void *own = cairn__malloc_slow(16);
    void *block[4];
    for (int i = 0; i < 4; i++)
        block[i] = rows(10);
    for (int i = 0; i < 4; i++)
        cairn__free(block[i]);
    (void)own;
}

/* Where memory ends, what others keep counts as memory. */
TEST(when_memory_is_short)
{
    struct worker worker;
    worker_start(&worker);
    worker_do(&worker, hold_some, NULL);
    size_t others = kept();
    assert_true(others > 0);
    fake_set_memory_limit(fake_figures().committed + fake_figures().mapped + 64 * KIB);
    size_t got = 0;
    while (rows(10) != NULL)
        got += 10;
    assert_true(got >= others / 10 * 10);
    assert_int_equal(kept(), 0);
    worker_end(&worker);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_block_is_the_last_one),
        cmocka_unit_test(calloc_clears_it),
        cmocka_unit_test(the_best_fit),
        cmocka_unit_test(so_much_and_no_more),
        cmocka_unit_test(another_thread),
        cmocka_unit_test(noticed_when_freed_twice),
        cmocka_unit_test(when_they_go),
#if !CAIRN_TSAN
        cmocka_unit_test(when_memory_is_short),
#endif
    };
    return UNIT_MAIN(tests);
}
