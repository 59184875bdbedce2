/* SPDX-License-Identifier: MIT */
/* slots.h: that a key finds its element and no other number does, whatever happened in between. */
#include "unit/unit.h"

#include "base/visible.h"
#include "cairn/slots.h"
#include "nth_source.h"

typedef cairn_slots_key key;

static const cairn_layout layouts[] = {{0, 1}, {1, 1},   {3, 1},  {4, 4},   {8, 8},      {24, 8},
                                       {7, 1}, {16, 16}, {40, 4}, {64, 64}, {4096, 4096}};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

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

static bool never_rekey(void *context, void *element, key old_key, key new_key)
{
    (void)context, (void)element, (void)old_key, (void)new_key;
    return false;
}

static bool keep_none(void *context, void *element, key of)
{
    (void)context, (void)element, (void)of;
    return false;
}

/* ---- bad input ---- */

static void holds_nothing(cairn_slots *slots)
{
    key of = 5;
    uint32_t cursor = 0;
    uint64_t number = 1;
    REQUIRE(cairn_slots_add(slots, &of) == NULL && of == 0);
    REQUIRE(cairn_slots_insert(slots, &number) == 0);
    of = 5;
    REQUIRE(cairn_slots_claim(slots, &of) == NULL && of == 0);
    for (key any = 0; any < 5; any++)
        for (key high = 0; high < 5; high++) {
            REQUIRE(cairn_slots_get(slots, high << 32 | any) == NULL);
            REQUIRE(!cairn_slots_remove(slots, high << 32 | any, &number));
            REQUIRE(!cairn_slots_fill(slots, high << 32 | any));
            REQUIRE(!cairn_slots_abandon(slots, high << 32 | any));
        }
    REQUIRE(cairn_slots_next(slots, &cursor, &of) == NULL);
    REQUIRE(cairn_slots_count(slots) == 0 && cairn_slots_capacity(slots) == 0);
    REQUIRE(!cairn_slots_reserve(slots, 1) && cairn_slots_reserve(slots, 0));
    cairn_slots_clear(slots);
    REQUIRE(cairn_slots_retain(slots, keep_none, NULL) == 0);
    REQUIRE(cairn_slots_compact(slots, never_rekey, NULL) == 0 && cairn_slots_shrink(slots));
    sound(slots);
    cairn_slots_fini(slots);
}

TEST(slots_that_cannot_be)
{
    static const cairn_layout bad[] = {{8, 0}, {8, 3}, {SIZE_MAX, 1}, {PTRDIFF_MAX, 1}, {0, 48}};
    cairn_slots slots;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REQUIRE(!cairn_slots_init(&slots, bad[i], NULL));
        holds_nothing(&slots);
    }
    begin(&slots, (cairn_layout){8, 8});
    REQUIRE(insert_number(&slots, 1) != 0);
    cairn_slots_fini(&slots);
    holds_nothing(&slots);
}

/* ---- keys ---- */

TEST(an_element_and_its_key)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    REQUIRE(cairn_slots_get(&slots, 0) == NULL && !cairn_slots_remove(&slots, 0, NULL));
    key a = insert_number(&slots, 10), b = insert_number(&slots, 20);
    REQUIRE(a != 0 && b != 0 && a != b);
    REQUIRE(holds(&slots, a, 10) && holds(&slots, b, 20) && cairn_slots_count(&slots) == 2);
    uint64_t out = 0;
    REQUIRE(cairn_slots_remove(&slots, a, &out) && out == 10);
    REQUIRE(!cairn_slots_remove(&slots, a, &out) && cairn_slots_get(&slots, a) == NULL);
    key c = insert_number(&slots, 30);
    REQUIRE((uint32_t)c == (uint32_t)a && c != a); /* the same slot */
    REQUIRE(cairn_slots_get(&slots, a) == NULL && holds(&slots, c, 30));
    REQUIRE(!cairn_slots_remove(&slots, a, NULL) && cairn_slots_remove(&slots, c, NULL));
    sound(&slots);
    cairn_slots_fini(&slots);
}

/* Whatever a slot's word is, only the key of an element finds it. */
TEST(no_other_number_is_a_key)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    key keys[40], claimed;
    for (uint64_t i = 0; i < 40; i++)
        keys[i] = insert_number(&slots, i);
    for (int i = 0; i < 40; i += 2)
        cairn_slots_remove(&slots, keys[i], NULL);
    REQUIRE(cairn_slots_claim(&slots, &claimed) != NULL);
    size_t found = 0;
    for (uint32_t index = 0; index < 60; index++)
        for (uint32_t of = 0; of < 40; of++)
            for (int64_t step = -2; step <= 2; step++) {
                key word = *(key *)(void *)(slots.slots + of * slots.stride);
                key tried = (word & ~(key)UINT32_MAX) + ((key)step << 32);
                found += cairn_slots_get(&slots, tried | index) != NULL;
                REQUIRE(cairn_slots_get(&slots, word) == NULL || (of & 1) != 0);
            }
    REQUIRE(found > 0);
    found = 0;
    uint64_t seed = 3;
    for (int i = 0; i < 1000000; i++)
        found += cairn_slots_get(&slots, unit_random(&seed)) != NULL;
    for (int i = 0; i < 1000000; i++)
        found += cairn_slots_get(&slots, unit_random(&seed) << 32 | unit_below(&seed, 50)) != NULL;
    for (uint64_t i = 0; i < 1000; i++)
        found += cairn_slots_get(&slots, i) != NULL || cairn_slots_get(&slots, 0 - i) != NULL;
    REQUIRE(found == 0);
    cairn_slots_fini(&slots);
}

/* ---- against a model ---- */

enum { ELEMENT, CLAIM };

struct model {
    key keys[400];
    uint64_t tokens[400];
    int kinds[400];
    size_t count;
    key stale[2000];
    size_t stales;
};

static void forget(struct model *model, size_t i)
{
    model->stale[model->stales++ % 2000] = model->keys[i];
    model->count--;
    model->keys[i] = model->keys[model->count];
    model->tokens[i] = model->tokens[model->count];
    model->kinds[i] = model->kinds[model->count];
}

static void look_at_all(const cairn_slots *slots, const struct model *model)
{
    size_t elements = 0, size = slots->element.size;
    for (size_t i = 0; i < model->count; i++) {
        const unsigned char *element = cairn_slots_get(slots, model->keys[i]);
        REQUIRE((element != NULL) == (model->kinds[i] == ELEMENT));
        if (element == NULL)
            continue;
        elements++;
        REQUIRE(((uintptr_t)element & (slots->element.align - 1)) == 0);
        REQUIRE(unit_is_filled(element, size, model->tokens[i]));
    }
    REQUIRE(cairn_slots_count(slots) == elements);
    for (size_t i = 0; i < (model->stales < 2000 ? model->stales : 2000); i++)
        REQUIRE(cairn_slots_get(slots, model->stale[i]) == NULL);
    uint32_t cursor = 0;
    key of = 0;
    int64_t index = -1;
    while (cairn_slots_next(slots, &cursor, &of) != NULL) {
        REQUIRE((int64_t)(uint32_t)of > index);
        index = (uint32_t)of;
        elements--;
    }
    REQUIRE(elements == 0);
}

static bool model_rekey(void *context, void *element, key old_key, key new_key)
{
    struct model *model = context;
    (void)element;
    for (size_t i = 0; i < model->count; i++)
        if (model->keys[i] == old_key) {
            REQUIRE(model->kinds[i] == ELEMENT);
            if (model->tokens[i] % 3 == 0)
                return false;
            model->stale[model->stales++ % 2000] = old_key;
            model->keys[i] = new_key;
            return true;
        }
    unit_fail("rekey of an element that is not there", __FILE__, __LINE__);
}

static bool model_keep(void *context, void *element, key of)
{
    struct model *model = context;
    (void)element;
    for (size_t i = 0; i < model->count; i++)
        if (model->keys[i] == of) {
            if (model->tokens[i] % 2 == 0)
                return true;
            forget(model, i);
            return false;
        }
    unit_fail("asked to keep an element that is not there", __FILE__, __LINE__);
}

static void step(cairn_slots *slots, struct model *model, uint64_t *seed, bool may_fail)
{
    static unsigned char bytes[4096];
    size_t size = slots->element.size, i = model->count;
    uint64_t token = unit_random(seed);
    size_t draw = unit_below(seed, 1000);
    if (draw < 450 && model->count < 390) {
        bool claims = draw < 60;
        void *place = claims     ? cairn_slots_claim(slots, &model->keys[i])
                      : draw % 2 ? cairn_slots_add(slots, &model->keys[i])
                                 : NULL;
        if (place != NULL) {
            unit_fill(place, size, token);
        } else if (!claims && draw % 2 == 0) {
            unit_fill(bytes, size, token);
            model->keys[i] = cairn_slots_insert(slots, bytes);
        }
        REQUIRE(may_fail || model->keys[i] != 0);
        model->tokens[i] = token;
        model->kinds[i] = claims ? CLAIM : ELEMENT;
        model->count += model->keys[i] != 0;
    } else if (draw < 960 && model->count > 0) {
        i = unit_below(seed, model->count);
        key of = model->keys[i];
        if (model->kinds[i] == CLAIM) {
            REQUIRE(!cairn_slots_remove(slots, of, NULL));
            if (draw % 2 == 0) {
                REQUIRE(cairn_slots_fill(slots, of) && !cairn_slots_fill(slots, of));
                model->kinds[i] = ELEMENT;
            } else {
                REQUIRE(cairn_slots_abandon(slots, of) && !cairn_slots_abandon(slots, of));
                forget(model, i);
            }
        } else {
            REQUIRE(!cairn_slots_fill(slots, of) && !cairn_slots_abandon(slots, of));
            REQUIRE(cairn_slots_remove(slots, of, draw % 2 ? bytes : NULL));
            REQUIRE(draw % 2 == 0 || unit_is_filled(bytes, size, model->tokens[i]));
            REQUIRE(!cairn_slots_remove(slots, of, NULL));
            forget(model, i);
        }
    } else if (draw < 970) {
        cairn_slots_retain(slots, model_keep, model);
    } else if (draw < 980) {
        cairn_slots_compact(slots, model_rekey, model);
    } else if (draw < 990) {
        REQUIRE(cairn_slots_shrink(slots) || may_fail);
    } else if (draw < 995) {
        REQUIRE(cairn_slots_reserve(slots, unit_below(seed, 100)) || may_fail);
    } else if (draw < 997) {
        cairn_slots_clear(slots);
        while (model->count > 0)
            forget(model, 0);
    }
}

TEST(at_random)
{
    for (int l = 0; l < LAYOUTS; l++) {
        struct nth_source source;
        cairn_slots slots;
        static struct model model;
        memset(&model, 0, sizeof model);
        uint64_t seed = (uint64_t)l;
        REQUIRE(cairn_slots_init(&slots, layouts[l],
                                 &(cairn_slots_opts){.source = nth_begin(&source)}));
        for (size_t i = 0; i < unit_rounds(4000); i++) {
            step(&slots, &model, &seed, false);
            sound(&slots);
            if (i % 16 == 0)
                look_at_all(&slots, &model);
        }
        cairn_slots_fini(&slots);
        nth_end(&source);
    }
}

TEST(exhaustion_at_each_call)
{
    for (int after = 0; after < 2; after++) {
        bool reached = true;
        for (size_t at = 1; reached && at < 80; at++) {
            struct nth_source source;
            cairn_slots slots;
            static struct model model;
            memset(&model, 0, sizeof model);
            uint64_t seed = at;
            REQUIRE(cairn_slots_init(&slots, (cairn_layout){24, 8},
                                     &(cairn_slots_opts){.source = nth_begin(&source)}));
            source.fail_at = at;
            source.fail_after = after != 0;
            for (size_t i = 0; i < 600; i++) {
                step(&slots, &model, &seed, true);
                sound(&slots);
            }
            look_at_all(&slots, &model);
            reached = source.calls >= at;
            cairn_slots_fini(&slots);
            nth_end(&source);
        }
    }
}

/* ---- bounds and memory ---- */

TEST(a_bound_on_slots)
{
    for (uint32_t max = 1; max < 200; max = max * 2 + 1) {
        cairn_slots slots;
        key last = 0;
        REQUIRE(
            cairn_slots_init(&slots, (cairn_layout){8, 8}, &(cairn_slots_opts){.max_slots = max}));
        REQUIRE(!cairn_slots_reserve(&slots, max + 1) && !cairn_slots_reserve(&slots, SIZE_MAX));
        for (uint32_t i = 0; i < max; i++)
            REQUIRE((last = insert_number(&slots, i)) != 0);
        REQUIRE(insert_number(&slots, 1) == 0 && cairn_slots_capacity(&slots) == max);
        REQUIRE(!cairn_slots_reserve(&slots, 1) && cairn_slots_reserve(&slots, 0));
        REQUIRE(cairn_slots_remove(&slots, last, NULL) && cairn_slots_reserve(&slots, 1));
        REQUIRE(insert_number(&slots, 1) != 0 && insert_number(&slots, 1) == 0);
        sound(&slots);
        cairn_slots_fini(&slots);
    }
}

TEST(elements_too_large_for_memory)
{
    cairn_slots slots;
    key of;
    struct nth_source source;
    REQUIRE(cairn_slots_init(&slots, (cairn_layout){PTRDIFF_MAX / 4, 1},
                             &(cairn_slots_opts){.source = nth_begin(&source)}));
    source.max_size = (size_t)1 << 28;
    REQUIRE(cairn_slots_add(&slots, &of) == NULL && of == 0);
    REQUIRE(!cairn_slots_reserve(&slots, 5));
    sound(&slots);
    cairn_slots_fini(&slots);
    nth_end(&source);
}

TEST(what_is_reserved_is_there)
{
    struct nth_source source;
    cairn_slots slots;
    key keys[30];
    REQUIRE(cairn_slots_init(&slots, (cairn_layout){8, 8},
                             &(cairn_slots_opts){.source = nth_begin(&source)}));
    for (uint64_t i = 0; i < 30; i++)
        keys[i] = insert_number(&slots, i);
    for (int i = 0; i < 30; i += 3)
        cairn_slots_remove(&slots, keys[i], NULL);
    REQUIRE(cairn_slots_reserve(&slots, 1000));
    const uint64_t *element = cairn_slots_get(&slots, keys[1]);
    source.fail_at = 1;
    source.fail_after = true;
    for (uint64_t i = 0; i < 1000; i++)
        REQUIRE(insert_number(&slots, i) != 0);
    REQUIRE(cairn_slots_get(&slots, keys[1]) == element); /* nothing has moved */
    REQUIRE(insert_number(&slots, 1) == 0);
    sound(&slots);
    cairn_slots_fini(&slots);
    nth_end(&source);
}

TEST(where_memory_is_short_it_grows_by_less)
{
    struct nth_source source;
    cairn_slots slots;
    REQUIRE(cairn_slots_init(&slots, (cairn_layout){8, 8},
                             &(cairn_slots_opts){.source = nth_begin(&source)}));
    source.max_size = 16 * 50;
    for (uint64_t i = 0; i < 50; i++)
        REQUIRE(insert_number(&slots, i) != 0);
    REQUIRE(insert_number(&slots, 50) == 0 && cairn_slots_count(&slots) == 50);
    sound(&slots);
    cairn_slots_fini(&slots);
    nth_end(&source);
}

/* ---- entries, walks, compaction ---- */

TEST(the_key_is_known_before_the_element)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    key a, b;
    uint64_t *place = cairn_slots_claim(&slots, &a);
    REQUIRE(cairn_slots_claim(&slots, &b) != NULL && a != b);
    REQUIRE(cairn_slots_get(&slots, a) == NULL && cairn_slots_count(&slots) == 0);
    *place = a;
    REQUIRE(cairn_slots_fill(&slots, a) && holds(&slots, a, a));
    REQUIRE(cairn_slots_abandon(&slots, b) && !cairn_slots_fill(&slots, b));
    REQUIRE(insert_number(&slots, 1) != b && cairn_slots_get(&slots, b) == NULL);
    REQUIRE(!cairn_slots_fill(&slots, 0) && !cairn_slots_abandon(&slots, 0));
    REQUIRE(cairn_slots_claim(&slots, &b) != NULL);
    cairn_slots_clear(&slots);
    REQUIRE(!cairn_slots_fill(&slots, b) && cairn_slots_count(&slots) == 0);
    sound(&slots);
    cairn_slots_fini(&slots);
}

TEST(removed_while_walked)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    for (uint64_t i = 0; i < 100; i++)
        insert_number(&slots, i);
    uint32_t cursor = 0;
    key of;
    uint64_t *element, expected = 0;
    while ((element = cairn_slots_next(&slots, &cursor, &of)) != NULL) {
        REQUIRE(*element == expected++);
        if (*element % 2 == 0)
            REQUIRE(cairn_slots_remove(&slots, of, NULL));
    }
    REQUIRE(expected == 100 && cairn_slots_count(&slots) == 50);
    REQUIRE(cairn_slots_next(&slots, &cursor, NULL) == NULL);
    for (cursor = 0; cairn_slots_next(&slots, &cursor, NULL) != NULL;)
        expected--;
    REQUIRE(expected == 50);
    cairn_slots_fini(&slots);
}

struct meddler {
    cairn_slots *slots;
    key victim, claimed;
    size_t calls;
};

static void meddle(struct meddler *meddler)
{
    cairn_slots *slots = meddler->slots;
    key of = 1;
    meddler->calls++;
    REQUIRE(cairn_slots_add(slots, &of) == NULL && of == 0);
    REQUIRE(cairn_slots_claim(slots, &of) == NULL && of == 0);
    REQUIRE(!cairn_slots_remove(slots, meddler->victim, NULL));
    REQUIRE(cairn_slots_get(slots, meddler->victim) != NULL);
    REQUIRE(!cairn_slots_reserve(slots, 1000) && !cairn_slots_shrink(slots));
    REQUIRE(!cairn_slots_fill(slots, meddler->claimed));
    REQUIRE(!cairn_slots_abandon(slots, meddler->claimed));
    cairn_slots_clear(slots);
    REQUIRE(cairn_slots_retain(slots, keep_none, NULL) == 0);
    REQUIRE(cairn_slots_compact(slots, never_rekey, NULL) == 0);
}

static bool keep_and_meddle(void *context, void *element, key of)
{
    (void)of;
    meddle(context);
    return *(uint64_t *)element % 2 == 0;
}

static bool rekey_and_meddle(void *context, void *element, key old_key, key new_key)
{
    (void)element, (void)old_key, (void)new_key;
    meddle(context);
    return true;
}

TEST(callbacks_change_nothing)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    struct meddler meddler = {.slots = &slots};
    meddler.victim = insert_number(&slots, 0);
    for (uint64_t i = 1; i < 20; i++)
        insert_number(&slots, i);
    REQUIRE(cairn_slots_claim(&slots, &meddler.claimed) != NULL);
    REQUIRE(cairn_slots_retain(&slots, keep_and_meddle, &meddler) == 10 && meddler.calls == 20);
    sound(&slots);
    REQUIRE(cairn_slots_compact(&slots, rekey_and_meddle, &meddler) == 5);
    sound(&slots);
    REQUIRE(cairn_slots_count(&slots) == 10 && cairn_slots_capacity(&slots) == 21);
    REQUIRE(cairn_slots_abandon(&slots, meddler.claimed) && cairn_slots_shrink(&slots));
    REQUIRE(cairn_slots_capacity(&slots) == 10);
    REQUIRE(insert_number(&slots, 1) != 0 && cairn_slots_remove(&slots, meddler.victim, NULL));
    cairn_slots_fini(&slots);
}

static bool rekey_number(void *context, void *element, key old_key, key new_key)
{
    key *keys = context;
    uint64_t number = *(uint64_t *)element;
    REQUIRE(keys[number] == old_key && (uint32_t)new_key < (uint32_t)old_key);
    if (number == 90)
        return false;
    keys[number] = new_key;
    return true;
}

TEST(compaction)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    static key keys[100], old[100];
    for (uint64_t i = 0; i < 100; i++)
        old[i] = keys[i] = insert_number(&slots, i);
    for (int i = 0; i < 100; i++)
        if (i % 10 != 0)
            cairn_slots_remove(&slots, keys[i], NULL);
    REQUIRE(cairn_slots_compact(&slots, NULL, NULL) == 0 && cairn_slots_capacity(&slots) == 91);
    REQUIRE(cairn_slots_compact(&slots, rekey_number, keys) == 8); /* 0 is in place, 90 stays */
    sound(&slots);
    REQUIRE(cairn_slots_capacity(&slots) == 91 && cairn_slots_count(&slots) == 10);
    for (uint64_t i = 0; i < 100; i += 10) {
        REQUIRE(holds(&slots, keys[i], i));
        REQUIRE(i == 90 || (uint32_t)keys[i] < 9);
        REQUIRE(keys[i] == old[i] || cairn_slots_get(&slots, old[i]) == NULL);
    }
    cairn_slots_remove(&slots, keys[90], NULL);
    REQUIRE(cairn_slots_shrink(&slots) && cairn_slots_capacity(&slots) == 9);
    cairn_slots_fini(&slots);
}

struct walk {
    size_t in_use, calls, stop_at;
};

static bool on_slot(void *context, void *ptr, size_t size, bool in_use)
{
    struct walk *walk = context;
    (void)ptr;
    REQUIRE(size > 0);
    walk->in_use += in_use;
    return ++walk->calls != walk->stop_at;
}

TEST(a_visit)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    struct walk walk = {0};
    REQUIRE(cairn_slots_visit(&slots, on_slot, &walk) && walk.calls == 0);
    key keys[10];
    for (uint64_t i = 0; i < 10; i++)
        keys[i] = insert_number(&slots, i);
    cairn_slots_remove(&slots, keys[4], NULL);
    REQUIRE(cairn_slots_visit(&slots, on_slot, &walk) && walk.in_use == 9 && walk.calls == 11);
    for (size_t stop = 1; stop <= 11; stop++) {
        struct walk short_walk = {.stop_at = stop};
        REQUIRE(!cairn_slots_visit(&slots, on_slot, &short_walk) && short_walk.calls == stop);
    }
    cairn_slots_fini(&slots);
}

TEST(the_audit_finds_what_is_wrong)
{
    cairn_slots slots;
    begin(&slots, (cairn_layout){8, 8});
    key keys[10];
    for (uint64_t i = 0; i < 10; i++)
        keys[i] = insert_number(&slots, i);
    cairn_slots_remove(&slots, keys[3], NULL);
    cairn_slots_remove(&slots, keys[5], NULL);
    key *word = (key *)(void *)(slots.slots + 3 * slots.stride), was = *word;
    *word = (was & ~(key)UINT32_MAX) | 5; /* the list bites its tail */
    REQUIRE(cairn_slots_audit(&slots) != NULL);
    *word = (was & ~(key)UINT32_MAX) | 3; /* comes back to life */
    REQUIRE(cairn_slots_audit(&slots) != NULL);
    *word = was;
    sound(&slots);
    slots.holes++;
    REQUIRE(cairn_slots_audit(&slots) != NULL);
    slots.holes--;
    slots.used = slots.capacity + 1;
    REQUIRE(cairn_slots_audit(&slots) != NULL);
    slots.used = 10;
    sound(&slots);
    cairn_slots_fini(&slots);
}

/* ---- by type, and for those who watch ---- */

struct wide {
    _Alignas(32) char bytes[96];
};
struct odd {
    char bytes[13];
};
CAIRN_SLOTS_OF(struct wide, wides)
CAIRN_SLOTS_OF(struct odd, odds)
CAIRN_SLOTS_OF(uint16_t, shorts)

/* Both ways to the same slots. */
#define BOTH_WAYS(T, name)                                                                         \
    do {                                                                                           \
        cairn_slots slots;                                                                         \
        REQUIRE(name##_init(&slots, NULL));                                                        \
        key keys[50];                                                                              \
        for (size_t i = 0; i < 50; i++) {                                                          \
            T element;                                                                             \
            unit_fill(&element, sizeof element, i);                                                \
            T *place = i % 3 == 0 ? name##_add(&slots, &keys[i]) : NULL;                           \
            if (place != NULL)                                                                     \
                *place = element;                                                                  \
            else                                                                                   \
                keys[i] = i % 3 == 1 ? name##_insert(&slots, element)                              \
                                     : cairn_slots_insert(&slots, &element);                       \
            sound(&slots);                                                                         \
        }                                                                                          \
        uint32_t at = 0;                                                                           \
        for (size_t i = 0; i < 50; i++) {                                                          \
            key of = 0;                                                                            \
            REQUIRE(unit_is_filled(name##_get(&slots, keys[i]), sizeof(T), i));                    \
            REQUIRE(name##_get(&slots, keys[i]) == cairn_slots_get(&slots, keys[i]));              \
            REQUIRE(name##_next(&slots, &at, &of) == name##_get(&slots, keys[i]));                 \
            REQUIRE(of == keys[i]);                                                                \
        }                                                                                          \
        for (size_t i = 0; i < 50; i++) {                                                          \
            T element;                                                                             \
            REQUIRE(i % 2 == 0 ? name##_remove(&slots, keys[i], &element)                          \
                               : cairn_slots_remove(&slots, keys[i], &element));                   \
            REQUIRE(unit_is_filled(&element, sizeof element, i));                                  \
            REQUIRE(!name##_remove(&slots, keys[i], NULL));                                        \
            sound(&slots);                                                                         \
        }                                                                                          \
        cairn_slots_fini(&slots);                                                                  \
    } while (0)

TEST(by_type)
{
    BOTH_WAYS(struct wide, wides);
    BOTH_WAYS(struct odd, odds);
    BOTH_WAYS(uint16_t, shorts);
}

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void *ptr);

TEST(what_was_removed_is_hidden)
{
    if (!cairn__is_watched() || __asan_address_is_poisoned == NULL)
        return;
    cairn_slots slots;
    begin(&slots, (cairn_layout){16, 8});
    key keys[100], of;
    for (int i = 0; i < 100; i++) {
        char *element = cairn_slots_add(&slots, &keys[i]);
        memset(element, i, 16);
    }
    char *element = cairn_slots_get(&slots, keys[40]);
    REQUIRE(!__asan_address_is_poisoned(element) && !__asan_address_is_poisoned(element + 15));
    cairn_slots_remove(&slots, keys[40], NULL);
    REQUIRE(__asan_address_is_poisoned(element) && __asan_address_is_poisoned(element + 15));
    REQUIRE(__asan_address_is_poisoned(slots.slots + 100 * slots.stride + 8));
    REQUIRE(cairn_slots_reserve(&slots, 1000)); /* moves */
    for (int i = 0; i < 100; i++) {
        element = cairn_slots_get(&slots, keys[i]);
        REQUIRE((i == 40) == (element == NULL));
        REQUIRE(element == NULL || element[15] == i);
    }
    REQUIRE(__asan_address_is_poisoned(slots.slots + 40 * slots.stride + 8));
    element = cairn_slots_add(&slots, &of);
    REQUIRE((uint32_t)of == 40 && !__asan_address_is_poisoned(element));
    sound(&slots);
    cairn_slots_fini(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_that_cannot_be),
        cmocka_unit_test(an_element_and_its_key),
        cmocka_unit_test(no_other_number_is_a_key),
        cmocka_unit_test(at_random),
        cmocka_unit_test(exhaustion_at_each_call),
        cmocka_unit_test(a_bound_on_slots),
        cmocka_unit_test(elements_too_large_for_memory),
        cmocka_unit_test(what_is_reserved_is_there),
        cmocka_unit_test(where_memory_is_short_it_grows_by_less),
        cmocka_unit_test(the_key_is_known_before_the_element),
        cmocka_unit_test(removed_while_walked),
        cmocka_unit_test(callbacks_change_nothing),
        cmocka_unit_test(compaction),
        cmocka_unit_test(a_visit),
        cmocka_unit_test(the_audit_finds_what_is_wrong),
        cmocka_unit_test(by_type),
        cmocka_unit_test(what_was_removed_is_hidden),
    };
    return UNIT_MAIN(tests);
}
