/* SPDX-License-Identifier: MIT */
/*
 * The sums that the recorder keeps, beside those of the table that readers of a trace use: the same
 * events, with blocks that move, addresses given out while they live, failures and ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "record/held.h"
#include "trace/live.h"

static struct live live;
static struct held held;
static uint64_t number, unknown, peak_bytes, peak_time;

static void apply(enum trace_op op, uint32_t process, uint64_t old, uint64_t ptr, uint64_t size)
{
    number++;
    struct trace_event event = {.op = op,
                                .process = process,
                                .number = number,
                                .time = number * 10,
                                .old = old,
                                .ptr = ptr,
                                .size = size};

    unknown += live_apply(&live, &event, NULL, NULL).unknown;
    if (live.bytes > peak_bytes) {
        peak_bytes = live.bytes;
        peak_time = event.time;
    }
    held_apply(&held, &event);
}

static void check(void)
{
    held_settle(&held);
    assert_int_equal(held.blocks, live.blocks);
    assert_int_equal(held.bytes, live.bytes);
    assert_int_equal(held.unknown, unknown);
    assert_int_equal(held.peak_bytes, peak_bytes);
    assert_int_equal(held.peak_time, peak_time);
}

static int begin(void **state)
{
    (void)state;
    live_init(&live);
    held_init(&held);
    number = unknown = peak_bytes = peak_time = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    live_fini(&live);
    held_fini(&held);
    return 0;
}

/* The address is given out again before the realloc that left it is told of. */
static void moved(void **state)
{
    (void)state;
    apply(TRACE_ALLOC, 0, 0, 0x100, 10);
    apply(TRACE_ALLOC, 0, 0, 0x100, 30);
    apply(TRACE_REALLOC, 0, 0x100, 0x200, 20);
    apply(TRACE_FREE, 0, 0, 0x100, 0);
    check();
    assert_int_equal(held.bytes, 20);
    assert_int_equal(held.peak_bytes, 50);
}

static void failed_and_unknown(void **state)
{
    (void)state;
    apply(TRACE_ALLOC, 0, 0, 0x100, 10);
    apply(TRACE_REALLOC, 0, 0x100, 0, 1000);
    apply(TRACE_ALLOC_ZEROED, 0, 0, 0, UINT64_MAX);
    apply(TRACE_FREE, 0, 0, 0x300, 0);
    apply(TRACE_FREE, 1, 0, 0x100, 0);
    apply(TRACE_REALLOC, 0, 0x400, 0x400, 5);
    check();
    assert_int_equal(held.unknown, 3);
    assert_int_equal(held.bytes, 15);
}

/* Few addresses, so that they are often live already, and many, so that the tables grow. */
static void random_events(void **state)
{
    static const uint64_t addresses[] = {16, 300, 50000};
    uint64_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < 400000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t many = addresses[i / 1000 % 3];
        uint64_t ptr = (seed >> 20) % many * 16 + 16, old = (seed >> 40) % many * 16 + 16;
        uint32_t process = seed >> 17 & 3;
        switch (seed >> 60) {
        case 0:
        case 1:
        case 2:
            apply(TRACE_REALLOC, process, old, ptr, seed >> 50);
            break;
        case 3:
            apply(TRACE_REALLOC, process, old, seed >> 30 & 1 ? old : 0, seed >> 50);
            break;
        case 4:
        case 5:
        case 6:
        case 7:
        case 8:
            apply(TRACE_FREE, process, 0, ptr, 0);
            break;
        case 9:
            apply((seed >> 40 & 1023) == 0 ? TRACE_EXIT : TRACE_THREAD, process, 0, 0, 0);
            break;
        default:
            apply(TRACE_ALLOC, process, 0, ptr, seed >> 50);
        }
        if (i % 777 == 0)
            check();
    }
    check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(moved, begin, end),
        cmocka_unit_test_setup_teardown(failed_and_unknown, begin, end),
        cmocka_unit_test_setup_teardown(random_events, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
