/* SPDX-License-Identifier: MIT */
/*
 * The contract suite: what every allocator is put through (allocator.h has the contract). A kind is
 * a row, in a file kind_NAME.c of its own that ends in CONTRACT_KIND(...); the program finds it by
 * itself. Each row is run bare and under every wrapper, over random lists of operations, on a
 * source that fails at every n-th call, with an audit after each step.
 */
#ifndef TEST_CONTRACT_CONTRACT_H
#define TEST_CONTRACT_CONTRACT_H

#include "cairn/allocator.h"

struct contract_kind {
    const char *name; /* as in a stack: "fit:best,immediate" */

    /* What it serves: larger sizes and alignments must give NULL. 0: no bound but memory. */
    size_t max_size;
    size_t max_align;

    /*
     * Bytes in live blocks that it must be able to hold at any one time when it works in a fixed
     * region; 0: it grows from its source.
     */
    size_t capacity;

    /* dealloc makes room for later blocks; a bump or an arena does not until it is reset. */
    bool reuses;

    /* All its own memory comes from source, too. NULL: source had none; then nothing is left of it. */
    void *(*make)(cairn_allocator source);
    cairn_allocator (*allocator)(void *state);
    void (*reset)(void *state);        /* ends all blocks; NULL if it cannot. */
    const char *(*audit)(void *state); /* NULL if it has none; what is wrong, or NULL */
    bool (*visit)(void *state, cairn_visitor *visitor, void *context); /* NULL if it has none */
    void (*end)(void *state);   /* everything goes back to source, live blocks too */
    bool ends_with_live_blocks; /* end() may be called while blocks are live */

    const char *file; /* set by CONTRACT_KIND */
    struct contract_kind *next;
};

struct contract_wrapper {
    const char *name;
    /* On an allocator; its own memory from source. NULL: source had none. */
    void *(*make)(cairn_allocator wrapped, cairn_allocator source);
    cairn_allocator (*allocator)(void *state);
    const char *(*audit)(void *state);
    void (*end)(void *state);

    struct contract_wrapper *next;
};

void contract_add_kind(struct contract_kind *kind);
void contract_add_wrapper(struct contract_wrapper *wrapper);

/* CONTRACT_KIND(identifier, .name = "...", .make = ..., ...): a row. */
#define CONTRACT_KIND(id, ...)                                                                     \
    static struct contract_kind kind_##id = {.file = __FILE__, __VA_ARGS__};                       \
    __attribute__((constructor)) static void add_kind_##id(void)                                   \
    {                                                                                              \
        contract_add_kind(&kind_##id);                                                             \
    }                                                                                              \
    struct contract_kind

#define CONTRACT_WRAPPER(id, ...)                                                                  \
    static struct contract_wrapper wrapper_##id = {__VA_ARGS__};                                   \
    __attribute__((constructor)) static void add_wrapper_##id(void)                                \
    {                                                                                              \
        contract_add_wrapper(&wrapper_##id);                                                       \
    }                                                                                              \
    struct contract_wrapper

#endif
