/* SPDX-License-Identifier: MIT */
/*
 * String-heavy: a text of made-up words is split into lines and words, each a string of its own; words
 * are counted in a hash table, joined, turned to capitals and replaced, all by strings that are
 * allocated anew, as scripts do.
 */
#define _GNU_SOURCE
#include "workload.h"

#include <stdio.h>

enum { LINES, REPEAT, PARAMETERS };
static struct parameter parameters[] = {
    [LINES] = {"lines", 20000, 10000, 200},
    [REPEAT] = {"repeat", 35, 7, 1},
};

enum { BUCKETS = 1 << 12, WORDS = 12, KINDS = 5000 };

struct entry {
    struct entry *next;
    char *word;
    size_t count;
};

static struct entry *buckets[BUCKETS];

static char *copy(const char *text, size_t length)
{
    char *made = block_take(length + 1);
    memcpy(made, text, length);
    made[length] = '\0';
    return made;
}

/* The word of that number: 2 to 12 letters, always the same. */
static size_t spell(char word[16], size_t number)
{
    size_t length = 2 + number % 11;

    for (size_t i = 0; i < length; i++) {
        word[i] = (char)('a' + (number * 7 + i * i + number / 26) % 26);
        number = number * 31 + 11;
    }
    word[length] = '\0';
    return length;
}

/* A line grows word by word, as by a + " " + b. */
static char *write_line(struct random *random)
{
    char *line = copy("", 0), word[16];
    size_t length = 0;

    for (size_t i = 0; i < WORDS; i++) {
        size_t rare = random_below(random, KINDS), more = spell(word, rare * rare / KINDS);
        char *longer = block_take(length + more + 2);
        memcpy(longer, line, length);
        memcpy(longer + length, word, more);
        longer[length + more] = ' ';
        length += more + 1;
        longer[length] = '\0';
        free(line);
        line = longer;
    }
    return line;
}

static struct entry **find(const char *word)
{
    uint32_t hash = 2166136261u;

    for (const char *at = word; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    struct entry **place = &buckets[hash % BUCKETS];
    while (*place && strcmp((*place)->word, word) != 0)
        place = &(*place)->next;
    return place;
}

static void count_word(char *word)
{
    struct entry **place = find(word);

    if (*place) {
        (*place)->count++;
        free(word);
        return;
    }
    *place = block_take(sizeof **place);
    **place = (struct entry){NULL, word, 1};
}

static char *capitals(const char *text)
{
    char *made = copy(text, strlen(text));
    for (char *at = made; *at; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    return made;
}

static void split(const char *line)
{
    while (*line) {
        size_t length = strcspn(line, " ");
        if (length > 0)
            count_word(copy(line, length));
        line += length + (line[length] != '\0');
    }
}

static size_t clear(void)
{
    size_t words = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        while (buckets[i]) {
            struct entry *entry = buckets[i];
            buckets[i] = entry->next;
            words += entry->count;
            free(entry->word);
            free(entry);
        }
    }
    return words;
}

static void pass(struct random *random, size_t lines)
{
    char **text = block_take(lines * sizeof *text);

    for (size_t i = 0; i < lines; i++)
        text[i] = write_line(random);
    for (size_t i = 0; i < lines; i++) {
        char *shout = capitals(text[i]);
        split(text[i]);
        free(text[i]);
        text[i] = shout;
    }
    for (size_t i = 0; i < lines; i++) {
        if (text[i][strcspn(text[i], "abcdefghijklmnopqrstuvwxyz")] != '\0')
            workload_damaged(text[i], strlen(text[i]) + 1);
        free(text[i]);
    }
    free(text);
    if (clear() != lines * WORDS)
        workload_fail("words were lost");
}

int main(int argc, char **argv)
{
    workload_start(argc, argv, "strings split, joined, counted and replaced", parameters,
                   PARAMETERS);
    struct random random = random_from(23);

    for (unsigned long i = 0; i < parameters[REPEAT].value; i++)
        pass(&random, parameters[LINES].value);
    return 0;
}
