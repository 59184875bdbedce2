/* SPDX-License-Identifier: MIT */
/* Records of all lanes in the order of their numbers (tools/record/order.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "record/order.h"

enum { MOST = 100000 };

static uint64_t delivered[MOST];
static unsigned count;

static void deliver(void *context, struct record *record)
{
    assert_ptr_equal(context, delivered);
    assert_true(count < MOST);
    delivered[count++] = record->ptr;
    free(record->payload);
}

static void begin(struct order *order)
{
    count = 0;
    order_init(order, deliver, delivered);
}

static void put(struct order *order, uint64_t number)
{
    struct record record = {.kind = RING_ALLOC, .ptr = number};
    order_put(order, order_number(order, number & RING_NUMBER_MASK), &record);
}

static void in_order(void **state)
{
    struct order order;

    (void)state;
    begin(&order);
    for (uint64_t i = 0; i < 50000; i++)
        put(&order, i);
    assert_int_equal(count, 50000);
    assert_int_equal(order.next, 50000);
    assert_int_equal(order.reserved, 0);
    order_fini(&order);
}

/* Blocks of numbers, each backwards: nothing comes before its turn, everything in the end. */
static void backwards(void **state)
{
    enum { BLOCK = 1000 };
    struct order order;

    (void)state;
    begin(&order);
    for (uint64_t block = 0; block < 60; block++) {
        for (uint64_t i = BLOCK; i-- > 0;) {
            assert_int_equal(count, block * BLOCK);
            put(&order, block * BLOCK + i);
        }
        assert_int_equal(count, (block + 1) * BLOCK);
    }
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(delivered[i], i);
    order_fini(&order);
}

static void window(void **state)
{
    struct order order;

    (void)state;
    begin(&order);
    assert_int_equal(order_place(&order, 0), ORDER_NOW);
    assert_int_equal(order_place(&order, 1), ORDER_LATER);
    assert_int_equal(order_place(&order, ORDER_WINDOW - 1), ORDER_LATER);
    assert_int_equal(order_place(&order, ORDER_WINDOW), ORDER_BEYOND);
    for (uint64_t i = 1; i < ORDER_WINDOW; i++)
        put(&order, i);
    assert_int_equal(count, 0);
    assert_int_equal(order.reserved, ORDER_WINDOW - 1);
    put(&order, 0);
    assert_int_equal(count, ORDER_WINDOW);
    order_fini(&order);
}

/* Only the low bits are in a record: they come round. */
static void round_and_round(void **state)
{
    const uint64_t end = RING_NUMBER_MASK + 1;
    struct order order;

    (void)state;
    begin(&order);
    order.next = end - 5;
    put(&order, end + 1);
    put(&order, end - 4);
    for (uint64_t i = end - 3; i <= end; i++)
        put(&order, i);
    assert_int_equal(count, 0);
    put(&order, end - 5);
    assert_int_equal(count, 7);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(delivered[i], end - 5 + i);
    assert_int_equal(order_number(&order, 3), end + 3);
    assert_int_equal(order_number(&order, RING_NUMBER_MASK), end - 1);
    order_fini(&order);
}

static void given_up(void **state)
{
    struct order order;

    (void)state;
    begin(&order);
    put(&order, 1);
    put(&order, 2);
    put(&order, 4);
    order_skip(&order);
    assert_int_equal(count, 2);
    assert_int_equal(order.next, 3);
    put(&order, 0); /* after all: at once, and nothing else moves */
    assert_int_equal(count, 3);
    assert_int_equal(delivered[2], 0);
    assert_int_equal(order.next, 3);
    put(&order, 3);
    assert_int_equal(count, 5);
    assert_int_equal(delivered[4], 4);
    order_fini(&order);
}

/* What was never delivered is freed. */
static void left_over(void **state)
{
    struct order order;

    (void)state;
    begin(&order);
    struct record record = {.kind = RING_STACK, .payload = calloc(4, 8), .size = 4};
    order_put(&order, 7, &record);
    record.payload = calloc(4, 8); /* twice the same number: the memory was overwritten */
    order_put(&order, 7, &record);
    assert_int_equal(order.reserved, 1);
    order_fini(&order);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),        cmocka_unit_test(backwards), cmocka_unit_test(window),
        cmocka_unit_test(round_and_round), cmocka_unit_test(given_up),  cmocka_unit_test(left_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
