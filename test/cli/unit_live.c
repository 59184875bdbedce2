/* SPDX-License-Identifier: MIT */
/*
 * Live blocks, worked out by hand: the odd cases that a trace of several threads and processes has;
 * and a long random trace beside a plain array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "trace/live.h"

static struct live live;
static uint64_t number;

static struct live_change apply(enum trace_op op, uint32_t process, uint64_t old, uint64_t ptr,
                                uint64_t size)
{
    number++;
    struct trace_event event = {.op = op,
                                .process = process,
                                .number = number,
                                .time = number * 10,
                                .old = old,
                                .ptr = ptr,
                                .size = size};
    return live_apply(&live, &event, NULL, NULL);
}

static struct live_change alloc(uint64_t ptr, uint64_t size)
{
    return apply(TRACE_ALLOC, 0, 0, ptr, size);
}

static struct live_change resize(uint64_t old, uint64_t ptr, uint64_t size)
{
    return apply(TRACE_REALLOC, 0, old, ptr, size);
}

static struct live_change release(uint64_t ptr)
{
    return apply(TRACE_FREE, 0, 0, ptr, 0);
}

static int begin(void **state)
{
    (void)state;
    live_init(&live);
    number = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    live_fini(&live);
    return 0;
}

static void assert_live(uint64_t blocks, uint64_t bytes)
{
    assert_int_equal(live.blocks, blocks);
    assert_int_equal(live.bytes, bytes);
}

static void blocks_come_and_go(void **state)
{
    (void)state;
    struct live_change change = alloc(0x1000, 24);
    assert_true(change.made);
    assert_false(change.ended);
    assert_int_equal(change.block->ptr, 0x1000);
    assert_int_equal(change.block->number, 1);
    change.block->tag = 7;
    alloc(0x2000, 100);
    assert_live(2, 124);
    change = resize(0x1000, 0x3000, 30);
    assert_true(change.made && change.ended);
    assert_int_equal(change.before.tag, 7);
    assert_int_equal(change.block->tag, 7);
    assert_int_equal(change.block->number, 3);
    assert_live(2, 130);
    change = release(0x3000);
    assert_true(change.ended && !change.made);
    assert_int_equal(change.before.size, 30);
    assert_int_equal(change.before.time, 30);
    assert_int_equal(change.before.tag, 7);
    assert_live(1, 100);
}

static void what_fails_changes_nothing(void **state)
{
    (void)state;
    alloc(0x1000, 24);
    assert_false(alloc(0, 1 << 20).made);
    struct live_change change = resize(0x1000, 0, 1 << 20);
    assert_false(change.made || change.ended || change.unknown);
    assert_live(1, 24);
    change = resize(0, 0x2000, 5);
    assert_true(change.made && !change.ended && !change.unknown);
    assert_live(2, 29);
}

static void realloc_in_place(void **state)
{
    (void)state;
    alloc(0x1000, 24);
    struct live_change change = resize(0x1000, 0x1000, 48);
    assert_true(change.made && change.ended);
    assert_int_equal(change.before.size, 24);
    assert_live(1, 48);
    assert_int_equal(live.strange, 0);
}

/* A thread moves 0x1000; another is given 0x1000 and even frees it before the first one returns. */
static void moved_realloc_seen_late(void **state)
{
    (void)state;
    alloc(0x1000, 10);
    alloc(0x1000, 3);
    assert_live(2, 13);
    assert_int_equal(live.strange, 1);
    struct live_change change = resize(0x1000, 0x2000, 20);
    assert_int_equal(change.before.size, 10);
    assert_live(2, 23);
    assert_int_equal(live.strange, 0);
    assert_int_equal(release(0x1000).before.size, 3);

    alloc(0x1000, 4);
    alloc(0x1000, 5);
    assert_int_equal(release(0x1000).before.size, 5);
    assert_int_equal(resize(0x1000, 0x3000, 6).before.size, 4);
    assert_live(2, 26);
    assert_int_equal(live.unknown, 0);
    assert_int_equal(live.strange, 0);
}

static void an_address_live_twice_for_good(void **state)
{
    (void)state;
    alloc(0x1000, 1);
    alloc(0x1000, 2);
    assert_int_equal(live.strange, 1);
    assert_live(2, 3);
}

static void what_is_not_known(void **state)
{
    (void)state;
    struct live_change change = release(0x1000);
    assert_true(change.unknown && !change.ended);
    change = resize(0x1000, 0x2000, 8);
    assert_true(change.unknown && change.made && !change.ended);
    assert_int_equal(live.unknown, 2);
    assert_live(1, 8);
}

/* A child has what it allocates itself; what its parent made is unknown to it. */
static void fork_is_another_process(void **state)
{
    (void)state;
    alloc(0x1000, 10);
    apply(TRACE_PROCESS, 3, 0, 0, 0);
    assert_true(apply(TRACE_FREE, 3, 0, 0x1000, 0).unknown);
    apply(TRACE_ALLOC, 3, 0, 0x1000, 7);
    assert_live(2, 17);
    assert_int_equal(release(0x1000).before.size, 10);
    assert_int_equal(apply(TRACE_FREE, 3, 0, 0x1000, 0).before.size, 7);
    assert_live(0, 0);
}

static void count_leaving(void *context, const struct live_block *block)
{
    uint64_t *sum = context;
    *sum += block->size * 1000 + block->tag;
}

static void exec_and_exit_end_all(void **state)
{
    (void)state;
    for (enum trace_op op = TRACE_EXEC; op <= TRACE_EXIT; op++) {
        uint64_t sum = 0;
        alloc(0x1000, 1);
        alloc(0x2000, 2).block->tag = 5;
        apply(TRACE_ALLOC, 1, 0, 0x1000, 100);
        struct trace_event event = {.op = op, .number = ++number};
        struct live_change change = live_apply(&live, &event, count_leaving, &sum);
        assert_false(change.made || change.ended);
        assert_int_equal(sum, 3005);
        assert_live(1, 100);
        assert_true(release(0x1000).unknown);
        apply(TRACE_EXIT, 1, 0, 0, 0);
        assert_live(0, 0);
    }
}

enum { ADDRESSES = 3000 };
static uint64_t sizes[ADDRESSES]; /* + 1; 0: free */
static uint32_t tags[ADDRESSES];

static void check_visited(void *context, const struct live_block *block)
{
    size_t *count = context;
    size_t at = (size_t)(block->ptr / 16 - 1);
    assert_int_equal(block->size + 1, sizes[at]);
    assert_int_equal(block->tag, tags[at]);
    ++*count;
}

static void as_an_array_says(void **state)
{
    (void)state;
    uint64_t blocks = 0, bytes = 0;

    srandom(5);
    for (uint32_t i = 0; i < 400000; i++) {
        size_t at = (size_t)random() % ADDRESSES, size = (size_t)random() % 100;
        uint64_t ptr = (at + 1) * 16;
        if (sizes[at] && i % 3) {
            struct live_change change = release(ptr);
            assert_true(change.ended);
            assert_int_equal(change.before.size + 1, sizes[at]);
            assert_int_equal(change.before.tag, tags[at]);
            bytes -= sizes[at] - 1;
            blocks--;
            sizes[at] = 0;
        } else if (sizes[at]) {
            struct live_change change = resize(ptr, ptr, size);
            assert_int_equal(change.block->tag, tags[at]);
            bytes += size + 1 - sizes[at];
            sizes[at] = size + 1;
        } else {
            alloc(ptr, size).block->tag = tags[at] = i;
            sizes[at] = size + 1;
            bytes += size;
            blocks++;
        }
        assert_live(blocks, bytes);
    }
    size_t count = 0;
    live_visit(&live, check_visited, &count);
    assert_int_equal(count, blocks);
    assert_int_equal(live.unknown, 0);
    assert_int_equal(live.strange, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_come_and_go, begin, end),
        cmocka_unit_test_setup_teardown(what_fails_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(realloc_in_place, begin, end),
        cmocka_unit_test_setup_teardown(moved_realloc_seen_late, begin, end),
        cmocka_unit_test_setup_teardown(an_address_live_twice_for_good, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_known, begin, end),
        cmocka_unit_test_setup_teardown(fork_is_another_process, begin, end),
        cmocka_unit_test_setup_teardown(exec_and_exit_end_all, begin, end),
        cmocka_unit_test_setup_teardown(as_an_array_says, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
