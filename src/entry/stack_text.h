/* SPDX-License-Identifier: MIT */
/*
 * The text of a stack (cairn/stack.h) read into a tree: which kinds, with which options, in which
 * order. What kinds there are and how they are made stands in stack_kinds.c. Pure; no allocation.
 */
#ifndef CAIRN_ENTRY_STACK_TEXT_H
#define CAIRN_ENTRY_STACK_TEXT_H

#include "base/near.h"
#include "cairn/stack.h"

enum {
    STACK_NODES = 24,     /* kinds in one stack */
    STACK_CHILDREN = 2,   /* of one kind */
    STACK_VALUES = 8,     /* options of one kind */
    STACK_TEXT_SIZE = 256 /* of a path, with its end */
};

enum stack_value {
    STACK_WORD,  /* a word alone: sets its slot to `value` */
    STACK_COUNT, /* name=12; a name of "" stands alone: 12 */
    STACK_SIZE,  /* name=64K */
    STACK_NAME,  /* name=text, one of them in a kind */
};

/* An option of a kind. */
struct stack_option {
    const char *name;
    enum stack_value type;
    unsigned slot;
    size_t value; /* of a word; else the least that is allowed */
};

struct stack_node;

/* A kind, as stacks name it. */
struct stack_kind {
    const char *name;
    const struct stack_option *options; /* ended by a NULL name */
    unsigned least_children, most_children;
    bool required_option; /* it cannot be without one: the size of a pool */
    bool thread_safe;     /* if its children are */
    bool fork_safe;       /* no lock of its own that a fork in another thread could leave locked */
    bool fixed_size;      /* serves one size */
    bool takes_source; /* its child is where it takes memory from, and serves none of its sizes */
    bool stops_crimes; /* ends a program that frees what is no block */
    bool locks;        /* thread-safe whatever its child is */
    bool asks_first;   /* asks its first child whose a block is */
    bool splits; /* its first child has what is up to the size in slot 0, the other the rest */
    bool (*make)(struct stack_node *node);
    void (*end)(struct stack_node *node);
    const char *(*audit)(const struct stack_node *node);
    void (*flush)(struct stack_node *node);  /* writes out what it holds back */
    void (*report)(struct stack_node *node); /* what its options ask it to say at the end */
};

struct stack_node {
    const struct stack_kind *kind;
    size_t at; /* in the text */
    size_t values[STACK_VALUES];
    bool is_set[STACK_VALUES];
    char text[STACK_TEXT_SIZE]; /* of the one STACK_NAME, "" if none */
    unsigned child_count;
    struct stack_node *children[STACK_CHILDREN];

    /* For stack.c, and for the kind's functions. */
    cairn_allocator memory;   /* for the kind's own state, and its source if it has no child */
    cairn_allocator system;   /* what the kind `system` is */
    cairn_stack_error *error; /* while it is made: may say why it cannot be */
    bool must_tell;           /* its `owns` is asked: true of no block but its own */
    void *state;
    cairn_allocator allocator;
    cairn_layout one_size; /* of a kind of fixed_size: what it has blocks for */
    bool made;
};

struct stack_tree {
    struct stack_node nodes[STACK_NODES];
    unsigned count;
};

/* All kinds, ended by NULL. */
extern const struct stack_kind *const cairn__stack_kinds[];

/* The root, in the tree's first node; NULL: *error says why. */
struct stack_node *cairn__stack_parse(struct stack_tree *tree, const char *text,
                                      cairn_stack_error *error);

#endif
