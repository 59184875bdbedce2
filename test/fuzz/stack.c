/* SPDX-License-Identifier: MIT */
/*
 * The text of stacks (entry/stack_text.h), read for a few kinds that have options of every sort; the
 * real ones would open files and reserve memory. What is understood is a tree within the parser's
 * bounds; what is not is told, with a place in the text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry/stack_rows.h"

static const struct stack_option no_options[] = {STACK_END};
static const struct stack_option source_options[] = {
    {"best", STACK_WORD, 0, 1},      {"first", STACK_WORD, 0, 2},  {"deferred", STACK_WORD, 1, 1},
    {"region", STACK_SIZE, 2, 4096}, {"count", STACK_COUNT, 3, 1}, STACK_END};
static const struct stack_option pool_options[] = {
    {"", STACK_SIZE, 0, 1}, {"align", STACK_SIZE, 1, 1}, STACK_END};
static const struct stack_option traced_options[] = {
    {"out", STACK_NAME, 0, 0}, {"frees", STACK_WORD, 1, 1}, STACK_END};

static const struct stack_kind heap = {.name = "heap", .options = no_options};
static const struct stack_kind fit = {
    .name = "fit", .options = source_options, .most_children = 1, .takes_source = true};
static const struct stack_kind pool = {
    .name = "pool", .options = pool_options, .most_children = 1, .required_option = true};
static const struct stack_kind traced = {
    .name = "traced", .options = traced_options, .most_children = 1};
static const struct stack_kind fallback = {
    .name = "fallback", .options = no_options, .least_children = 2, .most_children = 2};

const struct stack_kind *const cairn__stack_kinds[] = {&heap,   &fit,      &pool,
                                                       &traced, &fallback, NULL};

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "wrong: %s\n", what);
    abort();
}

static void require_whole(const struct stack_tree *tree, size_t length)
{
    require(tree->count >= 1 && tree->count <= STACK_NODES, "the number of nodes");
    unsigned children = 0;
    for (unsigned i = 0; i < tree->count; i++) {
        const struct stack_node *node = &tree->nodes[i];
        require(node->at < length, "the place of a node");
        require(strlen(node->text) < STACK_TEXT_SIZE, "the text of a node");
        require(node->child_count >= node->kind->least_children &&
                    node->child_count <= node->kind->most_children,
                "the number of children");
        for (unsigned child = 0; child < node->child_count; child++)
            require(node->children[child] > node, "a child before its parent");
        children += node->child_count;
    }
    require(children == tree->count - 1, "a node that is nobody's child");
}

static void require_told(const cairn_stack_error *error, size_t length)
{
    require(error->at <= length, "the place of an error");
    size_t shown = strnlen(error->text, sizeof error->text);
    require(shown > 0 && shown < sizeof error->text, "the text of an error");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct stack_tree tree;
    cairn_stack_error error;
    memset(&error, 0x5a, sizeof error);
    char *text = malloc(size + 1);
    memcpy(text, bytes, size);
    text[size] = '\0';
    size_t length = strlen(text);
    if (cairn__stack_parse(&tree, text, &error) != NULL)
        require_whole(&tree, length);
    else
        require_told(&error, length);
    free(text);
    return 0;
}
