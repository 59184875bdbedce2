/* SPDX-License-Identifier: MIT */
/* Counts words in a binary tree whose nodes come from a pool; then from one over a static buffer, as
 * on a machine without malloc, where the pool says when it is full. */
#include <stdio.h>
#include <string.h>

#include "cairn/pool.h"

struct node {
    struct node *left, *right;
    char word[16];
    int count;
};

static const char text[] = "the pool gives the block and takes the block back and the next "
                           "block is the block that the pool took back last";

/* False: no room for another word. */
static bool count_word(cairn_pool *pool, struct node **at, const char *word)
{
    while (*at != NULL) {
        int order = strcmp(word, (*at)->word);
        if (order == 0) {
            (*at)->count++;
            return true;
        }
        at = order < 0 ? &(*at)->left : &(*at)->right;
    }
    if ((*at = cairn_pool_alloc(pool)) == NULL)
        return false;
    **at = (struct node){.count = 1};
    strcpy((*at)->word, word);
    return true;
}

/* How many words were dropped. */
static int count_text(cairn_pool *pool, struct node **root)
{
    int dropped = 0, length;
    char word[16];
    for (const char *at = text; sscanf(at, "%15s%n", word, &length) == 1; at += length)
        dropped += !count_word(pool, root, word);
    return dropped;
}

static void print(const struct node *node)
{
    if (node == NULL)
        return;
    print(node->left);
    if (node->count > 1)
        printf(" %s %d", node->word, node->count);
    print(node->right);
}

int main(void)
{
    cairn_pool pool;
    struct node *root = NULL;
    if (!cairn_pool_init(&pool, cairn_layout_of(struct node), NULL))
        return 1;
    count_text(&pool, &root);
    printf("%zu words, more than once:", cairn_pool_live(&pool));
    print(root);
    cairn_pool_fini(&pool); /* all nodes at once */

    static char buffer[8 * sizeof(struct node)];
    root = NULL;
    if (!cairn_pool_init_fixed(&pool, cairn_layout_of(struct node), buffer, sizeof buffer, NULL))
        return 1;
    int dropped = count_text(&pool, &root);
    printf("\nroom for %zu words, %d dropped\n", cairn_pool_capacity(&pool), dropped);
    cairn_pool_fini(&pool);
    return 0;
}
