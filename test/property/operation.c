/* SPDX-License-Identifier: MIT */
/*
 * The generator walks in phases of some thousand operations. Each phase has a density to which the
 * live slots drift (so heaps grow, thin out and empty) and an order in which slots are visited:
 * at random, or a sweep up or down (so that blocks die in the order, or against the order, in which
 * they were born). Sizes sit on class borders as often as in the middle of nowhere.
 */
#include "property/operation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verb_names[VERB_COUNT] = {"alloc", "calloc", "resize", "free", "give"};

static const struct profile profiles[] = {
    /* name     slots small border medium large huge */
    {"small", 8192, 8800, 1150, 45, 0, 0},
    {"mixed", 1024, 7000, 2100, 800, 75, 3},
    {"large", 64, 1000, 2000, 3000, 3300, 650},
};

const struct profile *profile_named(const char *name)
{
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

void generator_init(struct generator *generator, const struct profile *profile, uint64_t seed,
                    unsigned self, unsigned threads)
{
    *generator = (struct generator){
        .random = random_seeded(seed, self + 1),
        .profile = profile,
        .self = self,
        .threads = threads,
    };
}

/* A size at or beside a border of Cairn's classes: steps of 16 to 512, then 8 per doubling. */
static size_t class_border(struct random *random)
{
    if (random_percent(random, 50)) {
        return random_between(random, 1, 32) * 16;
    }
    size_t doubling = (size_t)512 << random_below(random, 8);

    return doubling + random_between(random, 0, 8) * (doubling / 8);
}

/* Where one mechanism ends and the next begins: units, chunks, own mappings. */
static size_t mechanism_border(struct random *random)
{
    static const size_t borders[] = {
        4096, 32768, 65536, 131072, 262144, 1u << 20, 2u << 20, 4u << 20, 16u << 20, 32u << 20,
    };
    size_t count = sizeof borders / sizeof borders[0];

    /* The big ones are rare: 1 MiB and more cost many page faults each. */
    if (random_percent(random, 97)) {
        count = 5;
    }
    return borders[random_below(random, count)];
}

static size_t border_size(struct random *random, const struct profile *profile)
{
    bool is_class = profile->large == 0 || random_percent(random, 92);
    size_t border = is_class ? class_border(random) : mechanism_border(random);

    switch (random_below(random, 4)) {
    case 0:
        return border - 1;
    case 1:
        return border + 1;
    case 2:
        return border - 8;
    default:
        return border;
    }
}

static size_t impossible_size(struct random *random)
{
    switch (random_below(random, 3)) {
    case 0:
        return SIZE_IMPOSSIBLE + random_below(random, 4096);
    case 1:
        return SIZE_MAX - random_below(random, 4096);
    default:
        return SIZE_IMPOSSIBLE | random_next(random);
    }
}

static size_t draw_size(struct random *random, const struct profile *profile)
{
    unsigned draw = (unsigned)random_below(random, SIZES_WHOLE);

    if (draw < profile->small) {
        return random_percent(random, 1) ? 0 : random_log_uniform(random, 0, 11);
    }
    draw -= profile->small;
    if (draw < profile->border) {
        return border_size(random, profile);
    }
    draw -= profile->border;
    if (draw < profile->medium) {
        return random_between(random, 2048, 131072);
    }
    draw -= profile->medium;
    if (draw < profile->large) {
        return random_log_uniform(random, 17, 21);
    }
    draw -= profile->large;
    if (draw < profile->huge) {
        return random_log_uniform(random, 21, 26);
    }
    return impossible_size(random);
}

/* Mostly none; else a power of two to 4 KiB, seldom to 64 KiB, very seldom to 4 MiB. */
static size_t draw_align(struct random *random)
{
    if (random_percent(random, 88)) {
        return 0;
    }
    if (random_percent(random, 5)) {
        return (size_t)1 << random_between(random, 13, random_percent(random, 10) ? 22 : 16);
    }
    return (size_t)1 << random_between(random, 0, 12);
}

static void begin_phase(struct generator *generator)
{
    static const unsigned char densities[] = {0, 10, 30, 50, 50, 70, 90, 100};
    static const int strides[] = {0, 0, 0, 1, -1};
    struct random *random = &generator->random;

    generator->phase_left = (unsigned)random_between(random, 500, 4000);
    generator->density = densities[random_below(random, sizeof densities)];
    generator->stride = strides[random_below(random, sizeof strides / sizeof strides[0])];
    generator->cursor = (unsigned)random_below(random, generator->profile->slots);
}

static unsigned next_slot(struct generator *generator)
{
    unsigned slots = generator->profile->slots;

    if (generator->stride == 0) {
        return (unsigned)random_below(&generator->random, slots);
    }
    generator->cursor = (unsigned)((int)(generator->cursor + slots) + generator->stride) % slots;
    return generator->cursor;
}

static struct operation birth(struct generator *generator, unsigned slot)
{
    struct random *random = &generator->random;
    size_t size = draw_size(random, generator->profile);

    if (random_percent(random, 20)) {
        return (struct operation){VERB_CALLOC, slot, size, 0};
    }
    return (struct operation){VERB_ALLOC, slot, size, draw_align(random)};
}

static struct operation death(struct generator *generator, unsigned slot)
{
    struct random *random = &generator->random;

    if (generator->threads > 1 && random_percent(random, 70)) {
        size_t other = generator->self + random_between(random, 1, generator->threads - 1);

        return (struct operation){VERB_GIVE, slot, other % generator->threads, 0};
    }
    return (struct operation){VERB_FREE, slot, 0, 0};
}

struct operation generator_next(struct generator *generator, const bool *live)
{
    struct random *random = &generator->random;

    if (generator->phase_left == 0) {
        begin_phase(generator);
    }
    generator->phase_left--;
    /* A visit changes a slot or not, so that the share of live slots drifts to the density. */
    for (int visit = 0; visit < 8; visit++) {
        unsigned slot = next_slot(generator);

        if (live[slot] && random_percent(random, 15)) {
            return (struct operation){VERB_RESIZE, slot, draw_size(random, generator->profile), 0};
        }
        if (live[slot] && !random_percent(random, generator->density)) {
            return death(generator, slot);
        }
        if (!live[slot] && random_percent(random, generator->density)) {
            return birth(generator, slot);
        }
    }
    unsigned slot = next_slot(generator);

    return live[slot] ? death(generator, slot) : birth(generator, slot);
}

size_t operation_print(const struct operation *operation, char text[OPERATION_TEXT_MAX])
{
    const char *name = verb_names[operation->verb];
    int length = 0;

    switch (operation->verb) {
    case VERB_ALLOC:
        length = snprintf(text, OPERATION_TEXT_MAX, "%s %u %zu %zu\n", name, operation->slot,
                          operation->size, operation->align);
        break;
    case VERB_FREE:
        length = snprintf(text, OPERATION_TEXT_MAX, "%s %u\n", name, operation->slot);
        break;
    default:
        length = snprintf(text, OPERATION_TEXT_MAX, "%s %u %zu\n", name, operation->slot,
                          operation->size);
        break;
    }
    return (size_t)length;
}

static bool parse_number(const char **text, size_t *number)
{
    char *end;

    while (**text == ' ') {
        (*text)++;
    }
    if (**text < '0' || **text > '9') {
        return false;
    }
    *number = strtoull(*text, &end, 10);
    *text = end;
    return true;
}

static size_t operand_count(enum verb verb)
{
    return verb == VERB_ALLOC ? 3 : verb == VERB_FREE ? 1 : 2;
}

bool operation_parse(const char *line, struct operation *operation)
{
    for (int verb = 0; verb < VERB_COUNT; verb++) {
        size_t length = strlen(verb_names[verb]);
        size_t operands[3] = {0};

        if (strncmp(line, verb_names[verb], length) != 0 || line[length] != ' ') {
            continue;
        }
        line += length;
        for (size_t i = 0; i < operand_count((enum verb)verb); i++) {
            if (!parse_number(&line, &operands[i])) {
                return false;
            }
        }
        bool align_is_power = (operands[2] & (operands[2] - 1)) == 0;

        *operation = (struct operation){(enum verb)verb, (unsigned)operands[0], operands[1],
                                        operands[2]};
        return operands[0] <= UINT32_MAX && align_is_power && (*line == '\n' || *line == '\0');
    }
    return false;
}
