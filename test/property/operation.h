/* SPDX-License-Identifier: MIT */
/*
 * The op language: one line, one operation on a numbered slot.
 *
 *     alloc i n a     slot i gets n bytes, aligned to a (0: plain malloc)
 *     calloc i n      slot i gets n zeroed bytes
 *     resize i n      slot i is reallocated to n bytes
 *     free i
 *     give i t        slot i's block is handed to thread t, which will free it
 *
 * Any text of such lines is a valid program: an operation on a slot in the wrong state is passed
 * over. So lines can be deleted freely, which is what shrinking does, and a fuzzer may write them.
 *
 * The generator is a pure function of (seed, stream, profile) and of which slots are live.
 */
#ifndef TEST_PROPERTY_OPERATION_H
#define TEST_PROPERTY_OPERATION_H

#include "property/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verb {
    VERB_ALLOC,
    VERB_CALLOC,
    VERB_RESIZE,
    VERB_FREE,
    VERB_GIVE,
    VERB_COUNT,
};

struct operation {
    enum verb verb;
    unsigned slot;
    size_t size;  /* alloc, calloc, resize: bytes; give: the thread */
    size_t align; /* alloc only */
};

/* How many slots, and how often (of 10,000) a size comes from which distribution. */
struct profile {
    const char *name;
    unsigned slots;
    unsigned small, border, medium, large, huge; /* the rest: impossible sizes */
};

enum { SIZES_WHOLE = 10000 };

struct generator {
    struct random random;
    const struct profile *profile;
    unsigned threads;
    unsigned self;
    /* The phase: how full the slots shall become, and in which order they are walked. */
    unsigned phase_left;
    unsigned density;
    int stride;
    unsigned cursor;
};

enum { OPERATION_TEXT_MAX = 96 };

/* More than any allocator may give: the test expects NULL, and an old block that stays. */
#define SIZE_IMPOSSIBLE ((size_t)PTRDIFF_MAX + 1)

const struct profile *profile_named(const char *name);

void generator_init(struct generator *generator, const struct profile *profile, uint64_t seed,
                    unsigned self, unsigned threads);

/* live[i] says whether slot i holds a block. */
struct operation generator_next(struct generator *generator, const bool *live);

/* Both work without allocating. print returns the length of the text, which ends with a newline. */
size_t operation_print(const struct operation *operation, char text[OPERATION_TEXT_MAX]);
bool operation_parse(const char *line, struct operation *operation);

#endif
