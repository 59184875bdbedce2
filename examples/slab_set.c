/* SPDX-License-Identifier: MIT */
/* A list of words of all lengths, in slabs: an allocator of its own for one data structure. */
#include <stdio.h>
#include <string.h>

#include <cairn/slab_set.h>

struct word {
    struct word *next;
    size_t length;
    char text[];
};

static cairn_layout layout_of(size_t length)
{
    return cairn_layout_from_size_align(sizeof(struct word) + length + 1, _Alignof(struct word));
}

int main(void)
{
    static const char text[] = "a heap of stones, built by hand, that marks the way";
    cairn_slab_set *set = cairn_slab_set_create(NULL);
    if (set == NULL)
        return 1;

    struct word *words = NULL;
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, " ,");
        struct word *word = cairn_slab_set_alloc(set, layout_of(length));
        if (word == NULL)
            return 1;
        word->next = words;
        word->length = length;
        memcpy(word->text, at, length);
        word->text[length] = '\0';
        words = word;
        at += length + strspn(at + length, " ,");
    }
    for (struct word *word = words; word != NULL; word = word->next)
        printf("%s%s", word->text, word->next != NULL ? " " : "\n");

    while (words != NULL) {
        struct word *next = words->next;
        cairn_slab_set_dealloc(set, words, layout_of(words->length));
        words = next;
    }
    cairn_slab_set_stats stats;
    cairn_slab_set_stats_get(set, &stats);
    printf("blocks left: %zu\n", stats.live);
    cairn_slab_set_destroy(set);
    return 0;
}
