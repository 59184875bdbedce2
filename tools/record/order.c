/* SPDX-License-Identifier: MIT */
/* See order.h. The common case, that the next record comes, does not touch the window. */
#include "record/order.h"

#include <stdlib.h>

#include "own_memory.h"

void order_init(struct order *order, void (*deliver)(void *context, struct record *record),
                void *context)
{
    *order = (struct order){.window = memory_take(ORDER_WINDOW, sizeof *order->window),
                            .deliver = deliver,
                            .context = context};
}

void order_fini(struct order *order)
{
    for (unsigned i = 0; i < ORDER_WINDOW; i++)
        free(order->window[i].payload);
    free(order->window);
    order->window = NULL;
}

uint64_t order_number(const struct order *order, uint64_t low_bits)
{
    uint64_t ahead = (low_bits - order->next) & RING_NUMBER_MASK;

    return ahead <= RING_NUMBER_MASK / 2 ? order->next + ahead
                                         : order->next + ahead - RING_NUMBER_MASK - 1;
}

enum order_place order_place(const struct order *order, uint64_t number)
{
    if (number <= order->next)
        return ORDER_NOW;
    return number - order->next < ORDER_WINDOW ? ORDER_LATER : ORDER_BEYOND;
}

static struct record *slot(const struct order *order)
{
    return &order->window[order->next % ORDER_WINDOW];
}

/* What waited for the number before it. */
static void follow(struct order *order)
{
    while (order->reserved > 0 && slot(order)->kind) {
        struct record record = *slot(order);
        *slot(order) = (struct record){.kind = 0};
        order->reserved--;
        order->next++;
        order->deliver(order->context, &record);
    }
}

void order_put(struct order *order, uint64_t number, struct record *record)
{
    if (order_place(order, number) == ORDER_LATER) {
        struct record *place = &order->window[number % ORDER_WINDOW];
        free(place->payload); /* two of one number: the memory was written to by others */
        order->reserved += place->kind == 0;
        *place = *record;
        return;
    }
    order->next += number == order->next;
    order->deliver(order->context, record);
    follow(order);
}

void order_skip(struct order *order)
{
    order->next++;
    follow(order);
}
