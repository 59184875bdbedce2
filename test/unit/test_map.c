/* SPDX-License-Identifier: MIT */
/* map.h: borders of granules, leaves and the address space; clearing; racing makers of a leaf. */
#include "unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/bits.h"
#include "core/map.h"
#include "core/policy.h"
#include "fake_os/fake_os.h"

static char record_a[256] ALIGNED(CACHE_LINES);
static char record_b[256] ALIGNED(CACHE_LINES);

static const void *at(uintptr_t address)
{
    return (const void *)address;
}

static void expect_entry(uintptr_t address, enum map_kind kind, const void *record)
{
    struct map_entry entry = cairn__map_find(at(address));
    assert_int_equal(entry.kind, kind);
    assert_ptr_equal(entry.record, record);
}

TEST(nothing_at_first)
{
    expect_entry(0, MAP_NOTHING, NULL);
    expect_entry(1, MAP_NOTHING, NULL);
    expect_entry(UINTPTR_MAX, MAP_NOTHING, NULL);
    expect_entry((uintptr_t)1 << 48, MAP_NOTHING, NULL);
    assert_int_equal(fake_count(FAKE_ANY), 0); /* looking makes no leaves */
}

TEST(granules)
{
    static const uintptr_t places[] = {
        0,        CHUNK_SIZE,         16 * GIB - CHUNK_SIZE,
        16 * GIB, (uintptr_t)1 << 47, ((uintptr_t)1 << 48) - CHUNK_SIZE,
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uintptr_t place = places[i];
        assert_true(cairn__map_set(at(place), MAP_REGION, record_a));
        expect_entry(place, MAP_REGION, record_a);
        expect_entry(place + 1, MAP_REGION, record_a);
        expect_entry(place + CHUNK_SIZE - 1, MAP_REGION, record_a);
        if (place + CHUNK_SIZE != places[i + 1 < 6 ? i + 1 : 5])
            expect_entry(place + CHUNK_SIZE, MAP_NOTHING, NULL);
        assert_true(cairn__map_set(at(place), MAP_HUGE, record_b));
        expect_entry(place, MAP_HUGE, record_b);
    }
    assert_false(cairn__map_set(at((uintptr_t)1 << 48), MAP_HUGE, record_a));
    assert_false(cairn__map_set(at(round_down(UINTPTR_MAX, CHUNK_SIZE)), MAP_HUGE, record_a));
}

TEST(clearing)
{
    uintptr_t place = 5 * GIB;
    assert_false(cairn__map_clear(at(place), record_a));
    assert_true(cairn__map_set(at(place), MAP_HUGE, record_a));
    assert_false(cairn__map_clear(at(place), record_b));
    expect_entry(place, MAP_HUGE, record_a);
    assert_true(cairn__map_clear(at(place), record_a));
    assert_false(cairn__map_clear(at(place), record_a));
    expect_entry(place, MAP_NOTHING, NULL);
    assert_true(cairn__map_set(at(place), MAP_REGION, record_a));
    assert_false(cairn__map_clear(at(place), record_a)); /* regions stay */
    expect_entry(place, MAP_REGION, record_a);
}

TEST(no_memory)
{
    fake_fail_nth(FAKE_MAP, 1);
    assert_false(cairn__map_set(at(GIB), MAP_HUGE, record_a));
    expect_entry(GIB, MAP_NOTHING, NULL);
    assert_true(cairn__map_set(at(GIB), MAP_HUGE, record_a));
    expect_entry(GIB, MAP_HUGE, record_a);
}

static pthread_barrier_t barrier;

static void *set_many(void *record)
{
    for (uintptr_t leaf = 0; leaf < 32; leaf++) {
        pthread_barrier_wait(&barrier);
        uintptr_t granule = leaf * 16 * GIB + (record == record_a ? 0 : CHUNK_SIZE);
        REQUIRE(cairn__map_set(at(granule), MAP_HUGE, record));
    }
    return NULL;
}

/* Two threads need the same leaf at once: one wins, the other's goes back, no entry is lost. */
TEST(racing_leaves)
{
    pthread_t other;
    pthread_barrier_init(&barrier, NULL, 2);
    REQUIRE(pthread_create(&other, NULL, set_many, record_b) == 0);
    set_many(record_a);
    pthread_join(other, NULL);
    for (uintptr_t leaf = 0; leaf < 32; leaf++) {
        expect_entry(leaf * 16 * GIB, MAP_HUGE, record_a);
        expect_entry(leaf * 16 * GIB + CHUNK_SIZE, MAP_HUGE, record_b);
    }
    assert_int_equal(fake_figures().ranges, 32);
    assert_int_equal(fake_count(FAKE_MAP) - fake_count(FAKE_RELEASE), 32);
}

static _Atomic int cleared;

static void *clear_many(void *unused)
{
    for (uintptr_t i = 0; i < 1000; i++) {
        pthread_barrier_wait(&barrier);
        atomic_fetch_add(&cleared, cairn__map_clear(at(i * CHUNK_SIZE), record_a));
    }
    return unused;
}

/* Two threads free the same: one of them is told. */
TEST(racing_clears)
{
    pthread_t other;
    for (uintptr_t i = 0; i < 1000; i++)
        assert_true(cairn__map_set(at(i * CHUNK_SIZE), MAP_HUGE, record_a));
    pthread_barrier_init(&barrier, NULL, 2);
    REQUIRE(pthread_create(&other, NULL, clear_many, NULL) == 0);
    clear_many(NULL);
    pthread_join(other, NULL);
    assert_int_equal(cleared, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_at_first), cmocka_unit_test(granules),
        cmocka_unit_test(clearing),         cmocka_unit_test(no_memory),
        cmocka_unit_test(racing_leaves),    cmocka_unit_test(racing_clears),
    };
    return UNIT_MAIN(tests);
}
