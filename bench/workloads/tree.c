/* SPDX-License-Identifier: MIT */
/*
 * Trees built and destroyed: binary trees of many depths, each node an allocation with a payload of
 * a size of its own; one large tree lives all the while.
 */
#include "workload.h"

#include <stdio.h>

enum { DEPTH, TREES, PARAMETERS };
static struct parameter parameters[] = {
    [DEPTH] = {"depth", 17, 15, 8},
    [TREES] = {"trees", 1000, 400, 4},
};

struct node {
    struct node *left, *right;
    uint64_t number;
};

static uint64_t next_number;

static struct node *build(struct random *random, unsigned long depth)
{
    struct node *node = block_take(sizeof *node + 8 * random_below(random, 5));

    node->number = next_number++;
    node->left = depth > 1 ? build(random, depth - 1) : NULL;
    node->right = depth > 1 ? build(random, depth - 1) : NULL;
    return node;
}

/* The sum of the tree's numbers. */
static uint64_t destroy(struct node *node)
{
    if (!node)
        return 0;
    uint64_t sum = node->number + destroy(node->left) + destroy(node->right);
    free(node);
    return sum;
}

static void build_and_destroy(struct random *random, unsigned long depth)
{
    uint64_t first = next_number;
    struct node *root = build(random, depth);
    uint64_t last = next_number - 1, count = last - first + 1;

    if (destroy(root) != (first + last) * count / 2)
        workload_fail("a tree does not hold what was written to it");
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "binary trees, built and destroyed", parameters, PARAMETERS);
    struct random random = random_from(19);
    unsigned long depth = parameters[DEPTH].value;
    if (depth > 30)
        workload_fail("too deep");
    struct node *lasting = build(&random, depth);

    for (unsigned long i = 0; i < parameters[TREES].value; i++)
        build_and_destroy(&random, depth - i % (depth > 8 ? 8 : 1));
    destroy(lasting);
    return 0;
}
