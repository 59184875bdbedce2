/* SPDX-License-Identifier: MIT */
/*
 * Growth by realloc, as vectors and string builders do it: by half again, by fixed steps, several at
 * a time, with other allocations in between; to 200 MB, and down again. Every page keeps its word.
 */
#include "stress/stress.h"

enum { VECTORS = 8 };

#define TOP       ((size_t)200 << 20)
#define STEP      ((size_t)4 << 20)
#define PAGE_SIZE ((size_t)4096)

struct vector {
    uint64_t *words;
    size_t size;
};

/* One word per page says where it belongs. */
static void write_words(struct vector *vector, size_t from)
{
    for (size_t at = (from + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE; at + 8 <= vector->size;
         at += PAGE_SIZE) {
        vector->words[at / 8] = at ^ 0x5555;
    }
}

static void check_words(const struct vector *vector)
{
    for (size_t at = 0; at + 8 <= vector->size; at += PAGE_SIZE) {
        expect(vector->words[at / 8] == (at ^ 0x5555), "%zu bytes: the word at %zu changed",
               vector->size, at);
    }
}

static void resize(struct vector *vector, size_t size)
{
    size_t was = vector->size;

    vector->words = realloc(vector->words, size);
    expect(vector->words != NULL, "no memory for %zu bytes", size);
    vector->size = size;
    if (size > was) {
        write_words(vector, was);
    }
}

static void release(struct vector *vector)
{
    check_words(vector);
    free(vector->words);
    *vector = (struct vector){0};
}

static void by_half_again(void)
{
    struct vector vector = {0};

    for (size_t size = 64; size < TOP; size += size / 2) {
        resize(&vector, size);
        check_words(&vector);
    }
    resize(&vector, TOP);
    for (size_t size = TOP; size > 64; size -= size / 3) {
        resize(&vector, size);
        check_words(&vector);
    }
    release(&vector);
}

static void by_steps(void)
{
    struct vector vector = {0};

    for (size_t size = STEP; size <= TOP; size += STEP) {
        resize(&vector, size);
    }
    check_words(&vector);
    for (size_t size = TOP - STEP; size > 0; size -= STEP) {
        resize(&vector, size);
    }
    release(&vector);
}

static void several_at_a_time(void)
{
    struct vector vectors[VECTORS] = {0};
    void *between[VECTORS] = {0};

    for (size_t size = 100; size < TOP / VECTORS; size += size / 2) {
        for (size_t i = 0; i < VECTORS; i++) {
            resize(&vectors[i], size + i * 100);
            free(between[i]);
            between[i] = malloc(size / 10 + 1);
            expect(between[i] != NULL, "no memory");
        }
    }
    for (size_t i = 0; i < VECTORS; i++) {
        release(&vectors[i]);
        free(between[i]);
    }
}

static void string_builder(void)
{
    char *text = NULL;
    size_t length = 0;

    for (int i = 0; i < 100000; i++) {
        char piece[64];
        int size = snprintf(piece, sizeof piece, "%d,", i);

        text = realloc(text, length + (size_t)size + 1);
        expect(text != NULL, "no memory for %zu bytes", length);
        memcpy(text + length, piece, (size_t)size + 1);
        length += (size_t)size;
    }
    const char *at = text;

    for (int i = 0; i < 100000; i++) {
        char *end;

        expect(strtol(at, &end, 10) == i && *end == ',', "piece %d changed", i);
        at = end + 1;
    }
    free(text);
}

/* In a thread: when it ends, its caches do, and nothing of all that may be left. */
static void *grow_all(void *argument)
{
    by_half_again();
    by_steps();
    several_at_a_time();
    string_builder();
    return argument;
}

int main(void)
{
    require_cairn_if_expected();
    struct idle before = idle_now();

    for (size_t i = 0; i < test_scaled(2); i++) {
        thread_join(thread_start(grow_all, NULL));
    }
    expect_idle(before);
    return 0;
}
