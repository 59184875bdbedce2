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

static uint64_t ahead(const struct order *order, uint64_t low_bits)
{
    return (low_bits - order->next) & RING_NUMBER_MASK;
}

enum order_place order_place(const struct order *order, uint64_t low_bits)
{
    uint64_t distance = ahead(order, low_bits);

    if (distance == 0 || distance > RING_NUMBER_MASK / 2)
        return ORDER_NOW;
    return distance < ORDER_WINDOW ? ORDER_LATER : ORDER_BEYOND;
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

void order_put(struct order *order, uint64_t low_bits, struct record *record)
{
    uint64_t distance = ahead(order, low_bits);

    if (distance != 0 && distance < ORDER_WINDOW) {
        struct record *place = &order->window[(order->next + distance) % ORDER_WINDOW];
        free(place->payload); /* two of one number: the memory was written to by others */
        order->reserved += place->kind == 0;
        *place = *record;
        return;
    }
    order->next += distance == 0;
    order->deliver(order->context, record);
    follow(order);
}

void order_skip(struct order *order)
{
    order->next++;
    follow(order);
}
