/* SPDX-License-Identifier: MIT */
/* slots.h: what it promises of keys: those of others, and what happens when generations end. */
#include "unit/unit.h"

#include "cairn/slots.h"

typedef cairn_slots_key key;

static void sound(const cairn_slots *slots)
{
    const char *wrong = cairn_slots_audit(slots);
    if (wrong != NULL)
        unit_fail(wrong, __FILE__, __LINE__);
}

static void begin(cairn_slots *slots, cairn_layout element)
{
    REQUIRE(cairn_slots_init(slots, element, NULL));
}

/* Slots of numbers, each with its own as element. */
static key insert_number(cairn_slots *slots, uint64_t number)
{
    return cairn_slots_insert(slots, &number);
}

static bool holds(const cairn_slots *slots, key of, uint64_t number)
{
    const uint64_t *element = cairn_slots_get(slots, of);
    return element != NULL && *element == number;
}

static bool keep_none(void *context, void *element, key of)
{
    (void)context, (void)element, (void)of;
    return false;
}

TEST(others_keys_are_refused)
{
    enum { OTHERS = 500, EACH = 50, USES = 20 };
    static cairn_slots slots[OTHERS];
    static key keys[OTHERS][EACH];
    for (uint64_t s = 0; s < OTHERS; s++) {
        begin(&slots[s], (cairn_layout){8, 8});
        for (uint64_t use = 0; use < s % USES; use++)
            for (uint64_t i = 0; i < EACH; i++)
                cairn_slots_remove(&slots[s], insert_number(&slots[s], i), NULL);
        for (uint64_t i = 0; i < EACH; i++)
            keys[s][i] = insert_number(&slots[s], s * EACH + i);
    }
    for (uint64_t s = 0; s < OTHERS; s++)
        for (uint64_t o = 0; o < OTHERS; o++)
            for (uint64_t i = 0; i < EACH; i++)
                if (s == o)
                    REQUIRE(holds(&slots[s], keys[s][i], s * EACH + i));
                else
                    REQUIRE(cairn_slots_get(&slots[s], keys[o][i]) == NULL);
    for (int s = 0; s < OTHERS; s++)
        cairn_slots_fini(&slots[s]);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

TEST(generations_begin_far_from_each_other)
{
    enum { COUNT = 20000 };
    static uint64_t first[COUNT], sorted[COUNT];
    for (uint32_t n = 0; n < COUNT; n++) {
        cairn_slots slots;
        REQUIRE(
            cairn_slots_init(&slots, (cairn_layout){8, 8}, &(cairn_slots_opts){.number = n + 1}));
        first[n] = slots.first >> 32;
        REQUIRE(first[n] != 0 && first[n] < (uint64_t)1 << 31);
        cairn_slots_fini(&slots);
    }
    for (size_t n = 2; n <= COUNT; n += n < 100 ? 1 : n / 7) {
        memcpy(sorted, first, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, compare);
        for (size_t i = 1; i < n; i++)
            REQUIRE((sorted[i] - sorted[i - 1]) * n >= 800000000);
    }
}

TEST(the_same_number_gives_the_same_keys)
{
    cairn_slots a, b;
    cairn_slots_opts opts = {.number = 77};
    REQUIRE(cairn_slots_init(&a, (cairn_layout){8, 8}, &opts));
    REQUIRE(cairn_slots_init(&b, (cairn_layout){8, 8}, &opts));
    for (uint64_t i = 0; i < 100; i++)
        REQUIRE(insert_number(&a, i) == insert_number(&b, i));
    cairn_slots_fini(&a);
    cairn_slots_fini(&b);
}

/* ---- generations end ---- */

/* As if the slot of an element had been used so often that its generation is this. */
static key set_generation(cairn_slots *slots, key of, uint32_t generation)
{
    key *word = (key *)(void *)(slots->slots + (uint32_t)of * slots->stride);
    REQUIRE(*word == of);
    return *word = (key)generation << 32 | (uint32_t)of;
}

TEST(an_exhausted_slot_is_retired)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    key keys[10];
    for (uint64_t i = 0; i < 10; i++)
        keys[i] = insert_number(&slots, i);
    key last = set_generation(&slots, keys[9], UINT32_MAX - 1);
    REQUIRE(cairn_slots_remove(&slots, last, NULL));
    last = insert_number(&slots, 5);
    REQUIRE(last >> 32 == UINT32_MAX && (uint32_t)last == 9);
    uint64_t out = 0;
    REQUIRE(cairn_slots_remove(&slots, last, &out) && out == 5);
    sound(&slots);
    REQUIRE(!cairn_slots_remove(&slots, last, NULL) && cairn_slots_get(&slots, last) == NULL);
    REQUIRE(cairn_slots_count(&slots) == 9);
    REQUIRE(cairn_slots_get(&slots, UINT32_MAX) == NULL && cairn_slots_get(&slots, 9) == NULL);
    for (uint64_t i = 0; i < 100; i++)
        REQUIRE((uint32_t)insert_number(&slots, i) != 9);
    sound(&slots);
    cairn_slots_clear(&slots);
    REQUIRE(cairn_slots_shrink(&slots) && cairn_slots_capacity(&slots) == 10);
    sound(&slots);
    REQUIRE(cairn_slots_reserve(&slots, 10) && cairn_slots_capacity(&slots) == 11);
    for (uint64_t i = 0; i < 10; i++)
        REQUIRE((uint32_t)insert_number(&slots, i) != 9);
    cairn_slots_fini(&slots);
}

TEST(clear_and_retain_and_compact_retire_too)
{
    for (int how = 0; how < 3; how++) {
        cairn_slots slots;
        begin(&slots, (cairn_layout){8, 8});
        key keys[4];
        for (uint64_t i = 0; i < 4; i++)
            keys[i] = insert_number(&slots, i);
        set_generation(&slots, keys[3], UINT32_MAX);
        if (how == 0)
            cairn_slots_clear(&slots);
        else if (how == 1)
            cairn_slots_retain(&slots, keep_none, NULL);
        else
            REQUIRE(cairn_slots_remove(&slots, (key)UINT32_MAX << 32 | 3, NULL));
        sound(&slots);
        for (uint64_t i = 0; i < 20; i++)
            REQUIRE((uint32_t)insert_number(&slots, i) != 3);
        cairn_slots_fini(&slots);
    }
}

TEST(shrinking_remembers_generations)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    key old[200], many[50];
    size_t olds = 0;
    for (int round = 0; round < 8; round++) {
        for (uint64_t i = 0; i < 25; i++)
            many[i] = insert_number(&slots, i);
        for (size_t i = 0; i < olds; i++)
            REQUIRE(cairn_slots_get(&slots, old[i]) == NULL);
        for (int i = 24; i >= round % 3; i--) {
            REQUIRE(cairn_slots_remove(&slots, many[i], NULL));
            old[olds++] = many[i];
        }
        for (int i = 0; i < round % 3; i++) {
            REQUIRE(cairn_slots_shrink(&slots));
            old[olds++] = many[i];
            REQUIRE(cairn_slots_remove(&slots, many[i], NULL));
        }
        REQUIRE(cairn_slots_shrink(&slots) && cairn_slots_capacity(&slots) == 0);
        sound(&slots);
    }
    /* A slot that has been used too often is not cut off: those after it would begin where it is. */
    key a = insert_number(&slots, 1), b = insert_number(&slots, 2), c = insert_number(&slots, 3);
    REQUIRE(cairn_slots_remove(&slots, set_generation(&slots, b, 0xC0000000u), NULL));
    cairn_slots_remove(&slots, c, NULL);
    REQUIRE(cairn_slots_shrink(&slots) && cairn_slots_capacity(&slots) == 2);
    sound(&slots);
    REQUIRE(holds(&slots, a, 1));
    cairn_slots_fini(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_keys_are_refused),
        cmocka_unit_test(generations_begin_far_from_each_other),
        cmocka_unit_test(the_same_number_gives_the_same_keys),
        cmocka_unit_test(an_exhausted_slot_is_retired),
        cmocka_unit_test(clear_and_retain_and_compact_retire_too),
        cmocka_unit_test(shrinking_remembers_generations),
    };
    return UNIT_MAIN(tests);
}
