/* SPDX-License-Identifier: MIT */
/* A test that holds a parser to a budget of memory, and the leak report that finds what it forgot. */
#include <stdio.h>
#include <string.h>

#include "cairn/counted.h"
#include "cairn/system.h"

enum { MAX_WORDS = 16 };

/* Cuts a line into words, and forgets about the empty ones. */
static size_t split(cairn_allocator allocator, const char *line, char **words)
{
    size_t count = 0;
    for (const char *end; count < MAX_WORDS; line = end + 1) {
        end = strchr(line, ',');
        if (end == NULL)
            end = line + strlen(line);
        cairn_layout layout = {(size_t)(end - line) + 1, 1};
        char *word = cairn_allocator_alloc(allocator, layout);
        if (word == NULL)
            break;
        memcpy(word, line, layout.size - 1);
        word[layout.size - 1] = '\0';
        if (word[0] != '\0')
            words[count++] = word;
        if (*end == '\0')
            break;
    }
    return count;
}

/* The places are addresses, other ones in each program: shown is what stands before them. */
static void show(void *context, const char *bytes, size_t count)
{
    const char *colon = memchr(bytes, ':', count);
    (void)context;
    printf("%.*s", (int)(colon != NULL ? colon - bytes : (ptrdiff_t)count), bytes);
    printf(colon != NULL ? " at one place\n" : "");
}

int main(void)
{
    cairn_counted counted;
    if (!cairn_counted_init(&counted, cairn_system(), NULL))
        return 1;
    cairn_allocator allocator = cairn_counted_allocator(&counted);

    char *words[MAX_WORDS], line[128];
    cairn_counted_section section;
    cairn_counted_begin(&counted, &section);
    size_t count = split(allocator, "one,two,,three,,four", words);
    for (size_t i = 0; i < count; i++)
        cairn_allocator_dealloc(allocator, words[i], (cairn_layout){strlen(words[i]) + 1, 1});
    cairn_counted_end(&counted, &section);

    bool met = cairn_counted_expect(&section, 5, 1000, line, sizeof line);
    printf("%s: %s\n", met ? "met" : "not met", line);
    cairn_counted_report(&counted, show, NULL);
    printf("%zu blocks leaked\n", cairn_counted_fini(&counted));
    return 0;
}
