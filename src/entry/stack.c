/* SPDX-License-Identifier: MIT */
/*
 * A stack from its text: parse (stack_text.c), then make each kind (stack_kinds.c), the innermost
 * first. In the tree a node stands before its children, so making goes from the last to the first,
 * and ending from the first to the last.
 */
#include "entry/stack.h"

#include <string.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/print.h"
#include "cairn/heap.h"
#include "cairn/system.h"
#include "entry/stack_text.h"

struct cairn_stack {
    cairn_allocator memory; /* of this record */
    struct stack_tree tree;
    struct stack_node *root;
};

static const cairn_layout STACK = {sizeof(cairn_stack), _Alignof(cairn_stack)};

static void end_made(cairn_stack *stack)
{
    for (unsigned i = 0; i < stack->tree.count; i++) {
        struct stack_node *node = &stack->tree.nodes[i];
        if (node->made && node->kind->end != NULL)
            node->kind->end(node);
        node->made = false;
    }
}

/* Who is asked whose a block is: the first child of a fallback, and those that it passes it to. */
static void find_asked(struct stack_tree *tree)
{
    for (unsigned i = 0; i < tree->count; i++) {
        struct stack_node *node = &tree->nodes[i];
        for (unsigned k = 0; k < node->child_count; k++)
            node->children[k]->must_tell = !node->kind->takes_source &&
                                           (node->must_tell || (k == 0 && node->kind->asks_first));
    }
}

static bool make_all(cairn_stack *stack, cairn_allocator system, cairn_stack_error *error)
{
    find_asked(&stack->tree);
    for (unsigned i = stack->tree.count; i-- > 0;) {
        struct stack_node *node = &stack->tree.nodes[i];
        node->memory = stack->memory;
        node->system = system;
        error->at = node->at;
        error->text[0] = '\0';
        node->error = error;
        node->made = node->kind->make(node);
        if (!node->made) {
            if (error->text[0] == '\0') {
                struct text line = {error->text, sizeof error->text - 1, 0};
                cairn__text_put(&line, "cannot be made: ");
                cairn__text_put(&line, node->kind->name);
                line.data[line.length] = '\0';
            }
            return false;
        }
    }
    return true;
}

/* One line: what is quoted of the text may have others in it. */
static void make_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            *text = '?';
}

cairn_stack *cairn__stack_create(const char *text, cairn_allocator memory, cairn_allocator system,
                                 cairn_stack_error *error)
{
    *error = (cairn_stack_error){0, ""};
    cairn_stack *stack = cairn_allocator_alloc(memory, STACK);
    if (stack == NULL) {
        strcpy(error->text, "out of memory");
        return NULL;
    }
    stack->memory = memory;
    stack->root = cairn__stack_parse(&stack->tree, text, error);
    if (stack->root != NULL) {
        if (make_all(stack, system, error))
            return stack;
        end_made(stack);
    }
    make_line(error->text);
    cairn_allocator_dealloc(memory, stack, STACK);
    return NULL;
}

CAIRN_EXPORT cairn_stack *cairn_stack_create(const char *text, cairn_allocator memory,
                                             cairn_stack_error *error)
{
    cairn_stack_error unread;
    if (memory.ops == NULL)
        memory = cairn_heap_allocator(NULL);
    return cairn__stack_create(text, memory, cairn_system(), error != NULL ? error : &unread);
}

CAIRN_EXPORT void cairn_stack_destroy(cairn_stack *stack)
{
    if (stack == NULL)
        return;
    cairn_stack_report(stack);
    end_made(stack);
    cairn_allocator_dealloc(stack->memory, stack, STACK);
}

CAIRN_EXPORT cairn_allocator cairn_stack_allocator(cairn_stack *stack)
{
    return stack->root->allocator;
}

static bool all_are(const cairn_stack *stack, bool (*is)(const struct stack_kind *kind))
{
    for (unsigned i = 0; i < stack->tree.count; i++)
        if (!is(stack->tree.nodes[i].kind))
            return false;
    return true;
}

static bool is_thread_safe(const struct stack_kind *kind)
{
    return kind->thread_safe;
}

static bool is_fork_safe(const struct stack_kind *kind)
{
    return kind->fork_safe;
}

/* What stands under `locked` is as safe as if it were the program's only thread that uses it. */
static bool is_safe_below(const struct stack_node *node)
{
    if (node->kind->locks)
        return true;
    if (!node->kind->thread_safe)
        return false;
    for (unsigned i = 0; i < node->child_count; i++)
        if (!is_safe_below(node->children[i]))
            return false;
    return true;
}

CAIRN_EXPORT bool cairn_stack_is_thread_safe(const cairn_stack *stack)
{
    return is_safe_below(stack->root);
}

bool cairn__stack_is_fork_safe(const cairn_stack *stack)
{
    return all_are(stack, is_thread_safe) && all_are(stack, is_fork_safe);
}

bool cairn__stack_stops_crimes(const cairn_stack *stack)
{
    for (unsigned i = 0; i < stack->tree.count; i++)
        if (stack->tree.nodes[i].kind->stops_crimes)
            return true;
    return false;
}

/* Whether it serves every size and every alignment that is not above `most`. The last child decides,
 * being what `fallback` turns to when the first does not fit; of `segregated` both do. */
static bool serves(const struct stack_node *node, size_t most)
{
    while (node->child_count > 0 && !node->kind->takes_source && !node->kind->fixed_size) {
        bool splits = node->kind->splits;
        if (splits && !serves(node->children[0], size_min(most, node->values[0])))
            return false;
        if (splits && most <= node->values[0])
            return true;
        node = node->children[node->child_count - 1];
    }
    return !node->kind->fixed_size ||
           (most <= node->one_size.size && most < 2 * node->one_size.align);
}

CAIRN_EXPORT bool cairn_stack_is_general(const cairn_stack *stack)
{
    return serves(stack->root, SIZE_MAX);
}

CAIRN_EXPORT const char *cairn_stack_audit(const cairn_stack *stack)
{
    for (unsigned i = 0; i < stack->tree.count; i++) {
        const struct stack_node *node = &stack->tree.nodes[i];
        const char *wrong = node->kind->audit != NULL ? node->kind->audit(node) : NULL;
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

CAIRN_EXPORT void cairn_stack_report(cairn_stack *stack)
{
    cairn_stack_flush(stack);
    for (unsigned i = 0; i < stack->tree.count; i++) {
        struct stack_node *node = &stack->tree.nodes[i];
        if (node->kind->report != NULL)
            node->kind->report(node);
    }
}

CAIRN_EXPORT void cairn_stack_flush(cairn_stack *stack)
{
    for (unsigned i = 0; i < stack->tree.count; i++) {
        struct stack_node *node = &stack->tree.nodes[i];
        if (node->kind->flush != NULL)
            node->kind->flush(node);
    }
}
