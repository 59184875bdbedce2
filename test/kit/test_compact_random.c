/* SPDX-License-Identifier: MIT */
/* compact.h: everything at random, against a model, with a source that fails. */
#include "kit/compact_test.h"

/* ---- everything at random, against a model ---- */

enum { LIVE = 200 };

struct model {
    cairn_handle handle;
    size_t size, align;
    uint64_t key;
    unsigned locks, pins;
    const void *block;
};

static void check(cairn_compact *heap, struct model *m)
{
    REQUIRE(cairn_compact_state_of(heap, m->handle) == CAIRN_HANDLE_LIVE);
    REQUIRE(cairn_compact_size(heap, m->handle) == m->size);
    const void *block = cairn_compact_lock(heap, m->handle);
    REQUIRE(block != NULL && (uintptr_t)block % m->align == 0);
    REQUIRE(m->block == NULL || m->block == block);
    REQUIRE(unit_is_filled(block, m->size, m->key));
    REQUIRE(cairn_compact_unlock(heap, m->handle));
}

static void random_act(cairn_compact *heap, struct model *m, uint64_t *seed, size_t largest)
{
    size_t size = unit_below(seed, unit_below(seed, 8) == 0 ? largest : 200);
    switch (unit_below(seed, 10)) {
    case 0:
    case 1:
        REQUIRE(cairn_compact_dealloc(heap, m->handle) == (m->locks + m->pins == 0));
        if (m->locks + m->pins == 0)
            m->key = 0;
        break;
    case 2:
    case 3:
        if (cairn_compact_resize(heap, m->handle, size)) {
            const void *block = cairn_compact_lock(heap, m->handle);
            REQUIRE(unit_is_filled(block, size_min(size, m->size), m->key));
            m->size = size;
            unit_fill((void *)block, size, m->key);
            cairn_compact_unlock(heap, m->handle);
        }
        break;
    case 4:
        m->block = cairn_compact_lock(heap, m->handle);
        m->locks++;
        break;
    case 5:
    case 6:
        REQUIRE(cairn_compact_unlock(heap, m->handle) == (m->locks > 0));
        m->locks -= m->locks > 0;
        break;
    case 7:
        if (unit_below(seed, 3) == 0) {
            m->block = cairn_compact_pin(heap, m->handle);
            m->pins++;
        }
        break;
    default:
        REQUIRE(cairn_compact_unpin(heap, m->handle) == (m->pins > 0));
        m->pins -= m->pins > 0;
    }
    if (m->locks + m->pins == 0)
        m->block = NULL;
}

static void random_work(cairn_compact *heap, uint64_t seed, size_t rounds, size_t largest)
{
    struct model models[LIVE] = {0};
    for (size_t round = 1; round <= rounds; round++) {
        struct model *m = &models[unit_below(&seed, LIVE)];
        if (m->key != 0) {
            check(heap, m);
            random_act(heap, m, &seed, largest);
        } else {
            m->align = (size_t)1 << unit_below(&seed, unit_below(&seed, 4) == 0 ? 12 : 5);
            m->size = unit_below(&seed, unit_below(&seed, 8) == 0 ? largest : 200);
            m->handle = cairn_compact_alloc(heap, m->size, m->align);
            if (!cairn_handle_is_none(m->handle)) {
                m->key = round;
                fill(heap, m->handle, m->key);
            }
        }
        if (unit_below(&seed, 4) == 0)
            cairn_compact_step(heap, unit_below(&seed, 3000));
        if (unit_below(&seed, 100) == 0)
            cairn_compact_trim(heap);
        if (unit_below(&seed, 300) == 0) {
            REQUIRE(!cairn_compact_step(heap, SIZE_MAX));
            size_t moved = stats_of(heap).moved_bytes;
            REQUIRE(!cairn_compact_step(heap, SIZE_MAX));
            REQUIRE(stats_of(heap).moved_bytes == moved);
        }
        sound(heap);
    }
    for (size_t i = 0; i < LIVE; i++)
        if (models[i].key != 0) {
            check(heap, &models[i]);
            while (models[i].locks-- > 0)
                cairn_compact_unlock(heap, models[i].handle);
            while (models[i].pins-- > 0)
                cairn_compact_unpin(heap, models[i].handle);
        }
    REQUIRE(!cairn_compact_step(heap, SIZE_MAX));
    sound(heap);
    for (size_t i = 0; i < LIVE; i++)
        if (models[i].key != 0) {
            REQUIRE(is_filled(heap, models[i].handle, models[i].size, models[i].key));
            REQUIRE(cairn_compact_dealloc(heap, models[i].handle));
            sound(heap);
        }
    REQUIRE(stats_of(heap).blocks == 0 && stats_of(heap).bytes == 0);
}

TEST(at_random_in_one_region)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        cairn_compact *heap = cairn_compact_create(
            &(cairn_compact_opts){.memory = memory,
                                  .memory_size = seed % 2 == 0 ? 20000 : sizeof memory,
                                  .alloc_budget = seed % 3 * 2000});
        random_work(heap, seed, unit_rounds(12000), 3000);
        cairn_compact_destroy(heap);
    }
}

TEST(at_random_in_many_regions)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct source source = {0};
        cairn_compact *heap = cairn_compact_create(
            &(cairn_compact_opts){.source = allocator_of(&source),
                                  .region_size = seed % 2 == 0 ? 2000 : 9000,
                                  .alloc_budget = seed % 3 * 2000});
        random_work(heap, seed, unit_rounds(12000), 3000);
        assert_in_range(stats_of(heap).regions, 0, 1);
        cairn_compact_destroy(heap);
        assert_int_equal(source.blocks, 0);
    }
}

TEST(the_source_fails_at_every_call)
{
    for (size_t nth = 1; nth < 60; nth++)
        for (int once = 0; once < 2; once++) {
            struct source source = {.fail_at = once ? nth : 0, .fail_from = once ? 0 : nth};
            cairn_compact *heap = cairn_compact_create(
                &(cairn_compact_opts){.source = allocator_of(&source), .region_size = 4000});
            if (heap == NULL) {
                assert_int_equal(source.blocks, 0);
                continue;
            }
            random_work(heap, nth, 300, 1000);
            static cairn_handle roots[100];
            for (int i = 0; i < 100; i++)
                if (!cairn_compact_add_root(heap, &roots[i]))
                    assert_true(source.calls >= nth);
            sound(heap);
            cairn_compact_destroy(heap);
            assert_int_equal(source.blocks, 0);
        }
    struct source source = {.fail_from = 2};
    assert_null(cairn_compact_create(&(cairn_compact_opts){
        .source = allocator_of(&source), .memory = memory, .memory_size = 2000}));
    assert_int_equal(source.blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_random_in_one_region),
        cmocka_unit_test(at_random_in_many_regions),
        cmocka_unit_test(the_source_fails_at_every_call),
    };
    return UNIT_MAIN(tests);
}
