/* SPDX-License-Identifier: MIT */
/* One part of a program on another malloc: the first of those that are installed here, or the system's.
 * What it is goes to stderr; the work is the same with each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/foreign.h"
#include "cairn/system.h"

static const char *const CHOICE[] = {"libmimalloc.so.2", "libjemalloc.so.2",
                                     "libtcmalloc_minimal.so.4", "libtbbmalloc.so.2"};

static cairn_foreign *first_installed(void)
{
    char why[200];
    for (size_t i = 0; i < sizeof CHOICE / sizeof *CHOICE; i++) {
        cairn_foreign *foreign = cairn_foreign_create(CHOICE[i], NULL, why, sizeof why);
        if (foreign != NULL)
            return foreign;
        fprintf(stderr, "passed over: %s\n", why);
    }
    return NULL;
}

struct node {
    struct node *left, *right;
    char *word;
    int count;
};

static void *sure(void *ptr)
{
    if (ptr == NULL)
        exit(1);
    return ptr;
}

static void add(cairn_allocator allocator, struct node **link, const char *word)
{
    while (*link != NULL && strcmp((*link)->word, word) != 0)
        link = strcmp(word, (*link)->word) < 0 ? &(*link)->left : &(*link)->right;
    if (*link == NULL)
        *link = sure(cairn_allocator_alloc_zeroed(allocator, cairn_layout_of(struct node)));
    if ((*link)->word == NULL)
        (*link)->word = sure(cairn_allocator_duplicate_string(allocator, word));
    (*link)->count++;
}

static void print_and_end(cairn_allocator allocator, struct node *node)
{
    if (node == NULL)
        return;
    print_and_end(allocator, node->left);
    printf("%d %s\n", node->count, node->word);
    print_and_end(allocator, node->right);
    cairn_allocator_dealloc(allocator, node->word,
                            cairn_layout_array(char, strlen(node->word) + 1));
    cairn_allocator_dealloc(allocator, node, cairn_layout_of(struct node));
}

int main(void)
{
    char why[200], text[] = "a block is a block and a page is a row of blocks";
    cairn_foreign *foreign = first_installed();
    cairn_allocator allocator = foreign != NULL ? cairn_foreign_allocator(foreign) : cairn_system();
    fprintf(stderr, "on %s\n", foreign != NULL ? cairn_foreign_path(foreign) : "the system's");

    struct node *words = NULL;
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        add(allocator, &words, word);
    print_and_end(allocator, words);
    cairn_foreign_destroy(foreign);

    if (cairn_foreign_create("/nowhere/libmalloc.so", NULL, why, sizeof why) == NULL)
        printf("%s\n", why);
    return 0;
}
