/* SPDX-License-Identifier: MIT */
/*
 * A program outside the project: it allocates by the kit and by malloc, and says whose the blocks
 * are. `program active` expects malloc to be Cairn's, `program beside` another one's.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairn.h>
#include <cairn/arena.h>

enum { WORDS = 10000 };

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "program: not so: %s\n", #condition);                                  \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

int main(int count, char **arguments)
{
    bool active = count == 2 && strcmp(arguments[1], "active") == 0;
    cairn_arena_opts opts = {.source = cairn_heap_allocator(NULL), .name = "words"};
    cairn_arena *arena = cairn_arena_create(&opts);
    cairn_layout layout = {100, 16};
    void *block = cairn_allocator_alloc(opts.source, layout);
    char **words = NULL;
    size_t length = 0;

    EXPECT(active || (count == 2 && strcmp(arguments[1], "beside") == 0));
    EXPECT(arena != NULL);
    for (size_t i = 0; i < WORDS; i++) { /* the table by malloc, the words in the arena */
        char **larger = realloc(words, (i + 1) * sizeof *words);
        EXPECT(larger != NULL);
        words = larger;
        words[i] = cairn_arena_alloc(arena, 16, 1);
        EXPECT(words[i] != NULL);
        snprintf(words[i], 16, "word %zu", i);
    }
    for (size_t i = 0; i < WORDS; i++)
        length += strlen(words[i]);

    EXPECT(length == 88890);
    EXPECT(cairn_is_active() == active);
    EXPECT(cairn_owns(words) == active);
    EXPECT(cairn_owns(block)); /* the heap that serves the kit is the one that is asked */
    cairn_allocator_dealloc(opts.source, block, layout);
    free(words);
    cairn_arena_destroy(arena);
    printf("%zu bytes of words, malloc is %s\n", length, active ? "Cairn's" : "another one's");
    return 0;
}
