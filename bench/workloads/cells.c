/* SPDX-License-Identifier: MIT */
/*
 * Small objects with short lives, as programs for algebra and logic have them: numbers of arbitrary
 * size as lists of digits. It computes factorials and Fibonacci numbers and adds them up; every
 * operation makes new lists and drops old ones, a list cell (16 to 32 bytes) at a time. The result is
 * compared with one computed by remainders.
 */
#include "workload.h"

#include <stdio.h>

enum { FACTORIAL, FIBONACCI, REPEAT, PARAMETERS };
static struct parameter parameters[] = {
    [FACTORIAL] = {"factorial", 400, 250, 30},
    [FIBONACCI] = {"fibonacci", 1500, 800, 100},
    [REPEAT] = {"repeat", 600, 150, 1},
};

enum { BASE = 10000 };
static const uint64_t prime = 1000000007;

/* A digit, the lowest first. */
struct cell {
    struct cell *next;
    uint32_t digit;
};

static struct cell *cell(uint32_t digit)
{
    struct cell *made = block_take(sizeof *made);
    *made = (struct cell){NULL, digit};
    return made;
}

static void drop(struct cell *number)
{
    while (number) {
        struct cell *next = number->next;
        free(number);
        number = next;
    }
}

static struct cell *add(const struct cell *a, const struct cell *b)
{
    struct cell *sum = NULL, **end = &sum;
    uint32_t carry = 0;

    for (; a || b || carry; end = &(*end)->next) {
        uint32_t digit = carry + (a ? a->digit : 0) + (b ? b->digit : 0);
        *end = cell(digit % BASE);
        carry = digit / BASE;
        a = a ? a->next : NULL;
        b = b ? b->next : NULL;
    }
    return sum;
}

static struct cell *multiply(const struct cell *a, uint32_t factor)
{
    struct cell *product = NULL, **end = &product;
    uint64_t carry = 0;

    for (; a || carry; end = &(*end)->next) {
        carry += a ? (uint64_t)a->digit * factor : 0;
        *end = cell((uint32_t)(carry % BASE));
        carry /= BASE;
        a = a ? a->next : NULL;
    }
    return product;
}

static uint64_t remainder_of(const struct cell *number)
{
    uint64_t rest = 0, weight = 1;

    for (; number; number = number->next) {
        rest = (rest + number->digit * weight) % prime;
        weight = weight * BASE % prime;
    }
    return rest;
}

static void verify(const struct cell *number, uint64_t expected)
{
    if (remainder_of(number) != expected)
        workload_fail("a number does not hold what was written to it");
}

static struct cell *factorial(unsigned long n)
{
    struct cell *product = cell(1);
    uint64_t expected = 1;

    for (uint32_t i = 2; i <= n; i++) {
        struct cell *next = multiply(product, i);
        drop(product);
        product = next;
        expected = expected * i % prime;
    }
    verify(product, expected);
    return product;
}

static struct cell *fibonacci(unsigned long n)
{
    struct cell *a = cell(0), *b = cell(1);
    uint64_t rest_a = 0, rest_b = 1;

    for (unsigned long i = 0; i < n; i++) {
        struct cell *next = add(a, b);
        uint64_t rest = (rest_a + rest_b) % prime;
        drop(a);
        a = b;
        b = next;
        rest_a = rest_b;
        rest_b = rest;
    }
    drop(b);
    verify(a, rest_a);
    return a;
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "long numbers as lists of small cells", parameters, PARAMETERS);
    struct cell *total = cell(0);
    uint64_t expected = 0;

    for (unsigned long i = 0; i < parameters[REPEAT].value; i++) {
        struct cell *product = factorial(parameters[FACTORIAL].value + i);
        struct cell *number = fibonacci(parameters[FIBONACCI].value + i);
        struct cell *both = add(product, number), *sum = add(total, both);
        expected = (expected + remainder_of(both)) % prime;
        drop(product);
        drop(number);
        drop(both);
        drop(total);
        total = sum;
    }
    verify(total, expected);
    drop(total);
    return 0;
}
