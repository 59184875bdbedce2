/* SPDX-License-Identifier: MIT */
/* A document's nodes and strings in an allocator of its own: what they take is told apart from the
 * rest of the program, and goes in one call. */
#include <stdio.h>
#include <string.h>

#include "cairn/slab_set.h"

struct node {
    struct node *next;
    char *text;
};

/* One node for each word; strings of all sizes. */
static struct node *read_words(cairn_allocator allocator, const char *text)
{
    struct node *first = NULL, **last = &first;
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        struct node *node = cairn_allocator_alloc(allocator, cairn_layout_of(struct node));
        char *word = cairn_allocator_alloc(allocator, cairn_layout_array(char, length + 1));
        if (node == NULL || word == NULL)
            break; /* what came so far goes with the set */
        memcpy(word, text, length);
        word[length] = '\0';
        *node = (struct node){NULL, word};
        *last = node;
        last = &node->next;
        text += length + (text[length] == ' ');
    }
    return first;
}

/* A word grows: in place, or not. */
static void repeat(cairn_allocator allocator, struct node *node, size_t times)
{
    size_t length = strlen(node->text);
    char *text = cairn_allocator_realloc_array(allocator, node->text, cairn_layout_of(char),
                                               length + 1, length * times + 1);
    if (text == NULL)
        return;
    for (size_t i = 1; i < times; i++)
        memcpy(text + i * length, text, length);
    text[length * times] = '\0';
    node->text = text;
}

int main(void)
{
    cairn_slab_set *set = cairn_slab_set_create(NULL);
    if (set == NULL)
        return 1;
    cairn_allocator allocator = cairn_slab_set_allocator(set);
    struct node *words = read_words(allocator, "heap of stones built by many hands as a landmark");
    size_t times = 1;
    for (struct node *node = words; node != NULL; node = node->next)
        repeat(allocator, node, times *= 3);

    cairn_slab_set_stats stats;
    cairn_slab_set_stats_get(set, &stats);
    printf("%zu blocks of %zu bytes, %zu large ones\n", stats.live, stats.live_bytes, stats.large);
    for (size_t i = 0; i < CAIRN_SLAB_SET_CLASSES; i++) {
        cairn_slab_set_class_stats class;
        if (cairn_slab_set_class_stats_get(set, i, &class) && class.live != 0)
            printf("  %4zu bytes: %zu\n", class.size, class.live);
    }
    printf("a pointer into a word: %s\n",
           cairn_slab_set_dealloc(set, words->text + 1, cairn_layout_array(char, 4)) ? "oh"
                                                                                     : "refused");
    cairn_slab_set_destroy(set);
    return 0;
}
