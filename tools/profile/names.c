/* SPDX-License-Identifier: MIT */
/* Each text once, in a hash table with linear probing: see names.h. */
#include "profile/names.h"

#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

enum { SLOTS_AT_FIRST = 256 };

static uint64_t hash(const char *text)
{
    uint64_t value = 0;

    for (; *text; text++)
        value = names_mix(value ^ (unsigned char)*text);
    return value;
}

static uint32_t *slot_of(const struct names *names, const char *text)
{
    for (size_t at = hash(text);; at++) {
        uint32_t *slot = &names->slots[at & (names->size - 1)];
        if (*slot == 0 || strcmp(names->texts[*slot - 1], text) == 0)
            return slot;
    }
}

static void grow(struct names *names)
{
    names->size = names->size ? names->size * 2 : SLOTS_AT_FIRST;
    free(names->slots);
    names->slots = memory_take(names->size, sizeof *names->slots);
    names->texts = memory_resize(names->texts, names->size / 2, sizeof *names->texts);
    for (size_t i = 0; i < names->count; i++)
        *slot_of(names, names->texts[i]) = (uint32_t)i + 1;
}

uint32_t names_number(struct names *names, const char *text)
{
    if (names->count * 2 >= names->size)
        grow(names);
    uint32_t *slot = slot_of(names, text);
    if (*slot == 0) {
        names->texts[names->count] = memory_copy(text);
        *slot = (uint32_t)++names->count;
    }
    return *slot - 1;
}

const char *names_text(struct names *names, const char *text)
{
    uint32_t number = names_number(names, text); /* may move the texts */

    return names->texts[number];
}

void names_fini(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->texts[i]);
    free(names->texts);
    free(names->slots);
    *names = (struct names){0};
}
