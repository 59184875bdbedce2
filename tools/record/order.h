/* SPDX-License-Identifier: MIT */
/*
 * The records of all lanes in the order of their numbers. Numbers are dense, so a window over the
 * next of them is an array; what lies beyond it stays in its lane, and its thread waits in the end.
 */
#ifndef CAIRN_TOOLS_RECORD_ORDER_H
#define CAIRN_TOOLS_RECORD_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "record/ring.h"

enum { ORDER_WINDOW = 1 << 14 };

/* A record as it was in its lane; what it has not, is 0. */
struct record {
    uint8_t kind; /* 0: not there yet */
    bool zeroed;
    uint16_t lane;
    uint32_t stack; /* of others: `more` */
    uint64_t time;  /* clock */
    uint64_t ptr, old, size, align;
    uint64_t *payload; /* `size` words, freed by whoever delivers it */
};

struct order {
    struct record *window;
    uint64_t next;     /* number of what is delivered next */
    uint64_t reserved; /* those in the window beyond it */
    void (*deliver)(void *context, struct record *record);
    void *context;
};

void order_init(struct order *order, void (*deliver)(void *context, struct record *record),
                void *context);
void order_fini(struct order *order);

enum order_place { ORDER_NOW, ORDER_LATER, ORDER_BEYOND };

/* The whole of a number of which the low bits are known; smaller than `next` if it was given up. */
uint64_t order_number(const struct order *order, uint64_t low_bits);

/* Where a record with this number belongs. One that was given up comes now. */
enum order_place order_place(const struct order *order, uint64_t number);

/* Takes a record that is not BEYOND, and delivers what can be. */
void order_put(struct order *order, uint64_t number, struct record *record);

/* The next number will never come. */
void order_skip(struct order *order);

#endif
