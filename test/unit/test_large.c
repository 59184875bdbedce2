/* SPDX-License-Identifier: MIT */
/* large.h: large and huge blocks, their sizes, alignments, resizing, double frees, and failures. */
#include "unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/huge.h"
#include "core/large.h"
#include "core/malloc.h"
#include "core/purge.h"
#include "core/recent.h"
#include "core/metadata.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"

static const size_t ends = 64; /* bytes looked at on either end */

static void fill_ends(char *block, size_t size, uint64_t key)
{
    unit_fill(block, ends, key);
    unit_fill(block + size - ends, ends, key + 1);
}

static bool ends_filled(const char *block, size_t size, uint64_t key)
{
    return unit_is_filled(block, ends, key) && unit_is_filled(block + size - ends, ends, key + 1);
}

TEST(large_sizes)
{
    cairn__process_start();
    for (size_t size = 1; size <= LARGE_MAX; size = size * 3 / 2 + 1) {
        bool zeroed;
        char *block = cairn__large_alloc(size, 1, &zeroed, NULL);
        assert_non_null(block);
        if (zeroed)
            assert_true(unit_is_zero(block, size_min(size, 256 * KIB)));
        struct page *page = page_of(block);
        assert_ptr_equal(page->start, block);
        assert_int_equal(page->units, (size + UNIT_SIZE - 1) / UNIT_SIZE);
        assert_int_equal(cairn__usable_size(block), page->units * UNIT_SIZE);
        memset(block, 1, size);
        assert_false(cairn__large_free(block + 16, page));
        assert_int_equal(audit_all(NULL).large, 1);
        assert_true(cairn__large_free(block, page));
        assert_false(cairn__large_free(block, page)); /* the second time */
        assert_int_equal(audit_all(NULL).units, 0);
    }
}

/* A large block grows into free units behind it, across chunks, and gives back what it does not need. */
TEST(large_resizing)
{
    cairn__free(cairn__malloc_slow(8 * MIB)); /* there is free memory */
    char *block = cairn__malloc_slow(MIB);
    unit_fill(block, MIB, 7);
    assert_ptr_equal(cairn__realloc(block, 5 * MIB / 2), block);
    assert_int_equal(cairn__usable_size(block), 5 * MIB / 2);
    assert_true(unit_is_filled(block, MIB, 7));
    assert_int_equal(audit_all(NULL).units, 40);
    char *behind = cairn__malloc_slow(MIB);
    assert_ptr_equal(behind, block + 5 * MIB / 2);
    assert_ptr_equal(cairn__realloc(block, 300 * KIB), block);
    assert_int_equal(cairn__usable_size(block), 320 * KIB);
    assert_true(unit_is_filled(block, 300 * KIB, 7));
    assert_int_equal(audit_all(NULL).units, 5 + 16);
    assert_ptr_equal(cairn__realloc(block, 2 * MIB), block); /* into the gap again */
    char *moved = cairn__realloc(block, 3 * MIB);            /* not over the one behind */
    assert_ptr_not_equal(moved, block);
    assert_true(unit_is_filled(moved, 300 * KIB, 7));
    cairn__recent_flush(cairn__heap);
    assert_int_equal(audit_all(NULL).units, 48 + 16);
    cairn__free(moved);
    cairn__free(behind);
    cairn__recent_flush(cairn__heap);
    assert_int_equal(audit_all(NULL).units, 0);
}

/* A block that grows little by little is copied a few times only, even between others. */
TEST(growth)
{
    void *other[40];
    for (size_t i = 0; i < 40; i++)
        other[i] = cairn__malloc_slow(600 * KIB);
    for (size_t i = 0; i < 40; i += 2)
        cairn__free(other[i]);
    size_t size = 150 * KIB, moves = 0;
    char *block = cairn__malloc_slow(size);
    fill_ends(block, size, 7);
    while (size < LARGE_MAX / 2) {
        size_t next = size + size / 32 + 4096;
        char *moved = cairn__realloc(block, next);
        assert_non_null(moved);
        assert_true(ends_filled(moved, size, 7));
        assert_int_equal(cairn__huge_figures().count, 0);
        moves += moved != block;
        block = moved;
        size = next;
        fill_ends(block, size, 7);
    }
    assert_true(moves <= 5); /* four times the size each */
    block = cairn__realloc(block, LARGE_MAX + 1);
    block = cairn__realloc(block, 3 * LARGE_MAX);
    assert_int_equal(cairn__huge_figures().count, 1);
    assert_true(unit_is_filled(block, ends, 7));
    block = cairn__realloc(block, HUGE_LEAST);
    assert_int_equal(cairn__huge_figures().count, 0);
    assert_true(unit_is_filled(block, ends, 7));
    cairn__free(block);
    for (size_t i = 1; i < 40; i += 2)
        cairn__free(other[i]);
    cairn__recent_flush(cairn__heap);
    assert_int_equal(audit_all(NULL).units, 0);
}

/* Where there is no room to grow into, there may still be a place. */
TEST(growth_without_room)
{
    cairn__free(cairn__malloc_slow(16 * MIB));
    char *block = cairn__malloc_slow(MIB);
    char *behind = cairn__malloc_slow(MIB);
    fill_ends(block, MIB, 7);
    fake_set_memory_limit(fake_figures().committed + fake_figures().mapped);
    char *moved = cairn__realloc(block, 6 * MIB);
    assert_non_null(moved);
    assert_true(unit_is_filled(moved, ends, 7));
    assert_null(cairn__realloc(moved, 30 * MIB));
    assert_true(unit_is_filled(moved, ends, 7));
    fake_set_memory_limit(SIZE_MAX);
    cairn__free(moved);
    cairn__free(behind);
    cairn__recent_flush(cairn__heap);
    assert_int_equal(audit_all(NULL).units, 0);
}

/* A long row is cleared by the system, if that is willing; it reads as zero either way. */
TEST(zeroed_rows)
{
    for (int i = 0; i < 4; i++) {
        char *block = cairn__malloc_slow(CLEAR_BY_SYSTEM);
        memset(block, 1, CLEAR_BY_SYSTEM);
        cairn__free(block);
        size_t purges = fake_count(FAKE_PURGE);
        if (i % 2 == 1)
            fake_fail_nth(FAKE_PURGE, 1);
        block = cairn__calloc(1, CLEAR_BY_SYSTEM - 100);
        assert_int_equal(fake_count(FAKE_PURGE), purges + 1);
        fake_fail_never();
        assert_true(unit_is_zero(block, CLEAR_BY_SYSTEM - 100));
        cairn__free(block);
    }
    /* What is to stay in memory stays there. */
    cairn__purge_reserve(1000);
    memset(cairn__malloc_slow(CLEAR_BY_SYSTEM), 1, CLEAR_BY_SYSTEM);
    cairn__free(cairn__malloc_slow(CLEAR_BY_SYSTEM));
    size_t purges = fake_count(FAKE_PURGE);
    char *block = cairn__calloc(1, CLEAR_BY_SYSTEM);
    assert_int_equal(fake_count(FAKE_PURGE), purges);
    assert_true(unit_is_zero(block, CLEAR_BY_SYSTEM));
}

/* A block of a large one's size that is huge for its alignment. */
TEST(resizing_what_is_huge_by_alignment)
{
    char *block = cairn__aligned(4 * MIB, 150000);
    unit_fill(block, 150000, 3);
    size_t usable = cairn__usable_size(block);
    block = cairn__realloc(block, usable + 1);
    assert_true(cairn__usable_size(block) > usable);
    assert_true(unit_is_filled(block, 150000, 3));
    block = cairn__realloc(block, 30 * MIB);
    assert_true(unit_is_filled(block, 150000, 3));
    cairn__free(block);
    assert_int_equal(cairn__huge_figures().count, 0);
}

TEST(alignments)
{
    cairn__process_start();
    for (size_t align = 1; align <= 64 * MIB; align *= 2)
        for (size_t size = 1; size <= 20 * MIB; size = size * 11 + 7) {
            bool zeroed;
            char *block = cairn__large_alloc(size, align, &zeroed, NULL);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % align, 0);
            assert_true(cairn__usable_size(block) >= size);
            fill_ends(block, size_max(size, 2 * ends), 1);
            bool is_huge = cairn__huge_figures().count == 1;
            assert_int_equal(is_huge, size > LARGE_MAX || align > CHUNK_SIZE);
            cairn__free(block);
        }
    assert_int_equal(cairn__huge_figures().count, 0);
    assert_int_equal(cairn__pool_figures().used, 0);
}

TEST(impossible_sizes)
{
    cairn__process_start();
    static const size_t sizes[] = {
        SIZE_MAX,       SIZE_MAX - 4096, SIZE_LIMIT, SIZE_LIMIT + 1, SIZE_LIMIT - CHUNK_SIZE + 1,
        (size_t)1 << 60};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bool zeroed;
        assert_null(cairn__large_alloc(sizes[i], 1, &zeroed, NULL));
        assert_null(cairn__large_alloc(1, (size_t)1 << 63, &zeroed, NULL));
        assert_null(cairn__large_alloc(1, (size_t)1 << 62, &zeroed, NULL));
    }
    assert_int_equal(cairn__huge_figures().bytes, 0);
}

static char *huge(size_t size)
{
    bool zeroed;
    char *block = cairn__large_alloc(size, 1, &zeroed, NULL);
    REQUIRE(block != NULL && zeroed);
    fill_ends(block, size, 7);
    return block;
}

TEST(huge_blocks)
{
    cairn__process_start();
    size_t ranges = fake_figures().ranges;
    char *block = huge(LARGE_MAX + 1);
    assert_int_equal((uintptr_t)block % CHUNK_SIZE, 0);
    assert_int_equal(cairn__huge_size(block), LARGE_MAX + cairn__os_page_size());
    assert_int_equal(cairn__huge_figures().bytes, LARGE_MAX + cairn__os_page_size());
    assert_int_equal(cairn__huge_figures().count, 1);
    assert_int_equal(cairn__huge_size(block + 1), 0);
    assert_false(cairn__huge_free(block + 4096));
    assert_int_equal(cairn__huge_size(&ranges), 0);
    assert_false(cairn__huge_free(&ranges));
    size_t mapped = fake_figures().mapped;
    assert_true(cairn__huge_free(block));
    assert_int_equal(fake_figures().mapped, mapped - LARGE_MAX - cairn__os_page_size());
    assert_false(cairn__huge_free(block)); /* the second time */
    assert_int_equal(cairn__huge_size(block), 0);
    assert_int_equal(cairn__huge_figures().bytes, 0);
    assert_int_equal(cairn__huge_figures().count, 0);
}

/* Records are used again: a hundred blocks one after the other cost no more than one. */
TEST(records_are_kept)
{
    cairn__process_start();
    cairn__huge_free(huge(80 * MIB));
    size_t metadata = cairn__metadata_mapped();
    for (int i = 0; i < 5000; i++)
        assert_true(cairn__huge_free(huge(70 * MIB)));
    assert_int_equal(cairn__metadata_mapped(), metadata);
}

TEST(resizing)
{
    cairn__process_start();
    size_t size = 80 * MIB;
    char *block = huge(size);
    uint64_t seed = 9;
    for (int i = 0; i < 200; i++) {
        size_t next = HUGE_LEAST + 1 + unit_below(&seed, 100 * MIB);
        if (i % 3 == 0)
            fake_fail_nth(FAKE_RESIZE, 1); /* so it moves */
        char *moved = cairn__huge_resize(block, next);
        fake_fail_never();
        assert_non_null(moved);
        assert_true(unit_is_filled(moved, ends, 7));
        if (next > size)
            assert_true(unit_is_filled(moved + size - ends, ends, 8));
        if (next > round_up(size, cairn__os_page_size()) + ends)
            assert_true(unit_is_zero(moved + next - ends, ends));
        if (moved != block) {
            assert_int_equal(cairn__huge_size(block), 0);
            assert_int_equal(cairn__map_find(block).kind, MAP_NOTHING);
        }
        /* What cairn_good_size says of it, too. */
        size_t unit = next <= LARGE_MAX ? UNIT_SIZE : cairn__os_page_size();
        assert_int_equal(cairn__huge_size(moved), round_up(next, unit));
        assert_int_equal(cairn__huge_figures().bytes, round_up(next, unit));
        assert_int_equal(cairn__huge_figures().count, 1);
        assert_int_equal((uintptr_t)moved % CHUNK_SIZE, 0);
        block = moved;
        size = next;
        memset(block, 0, ends);
        fill_ends(block, size, 7);
    }
    assert_true(cairn__huge_free(block));
    assert_int_equal(cairn__huge_figures().bytes, 0);
    assert_int_equal(fake_figures().lost, 0);
}

/* Wherever it fails, the block is as it was, and nothing is left over. */
TEST(failed_resizing)
{
    cairn__process_start();
    char *block = huge(80 * MIB);
    for (size_t nth = 1; nth < 5; nth++) {
        struct fake_figures before = fake_figures();
        size_t count = fake_count(FAKE_ANY);
        fake_fail_nth(FAKE_RESIZE, 1);
        fake_fail_nth(FAKE_ANY, nth + 1);
        char *moved = cairn__huge_resize(block, 150 * MIB);
        fake_fail_never();
        if (moved != NULL) {
            assert_true(fake_count(FAKE_ANY) <= count + nth);
            block = moved;
            assert_ptr_equal(cairn__huge_resize(block, 80 * MIB), block);
            continue;
        }
        assert_int_equal(cairn__huge_size(block), 80 * MIB);
        assert_int_equal(cairn__huge_figures().bytes, 80 * MIB);
        assert_true(ends_filled(block, 80 * MIB, 7));
        struct fake_figures after = fake_figures();
        assert_int_equal(after.reserved, before.reserved);
        /* A leaf of the map may have been made for where it was to go, and stays. */
        assert_int_equal(after.ranges, before.ranges + (after.mapped != before.mapped));
    }
    assert_null(cairn__huge_resize(block, SIZE_MAX));
    assert_null(cairn__huge_resize(block, SIZE_LIMIT));
    assert_null(cairn__huge_resize(block + 4096, 90 * MIB));
    assert_true(ends_filled(block, 80 * MIB, 7));
    assert_true(cairn__huge_free(block));
}

TEST(failed_making)
{
    cairn__process_start();
    for (size_t nth = 1; nth < 5; nth++) {
        struct fake_figures before = fake_figures();
        bool zeroed;
        fake_fail_nth(FAKE_ANY, nth);
        char *block = cairn__large_alloc(80 * MIB, 1, &zeroed, NULL);
        fake_fail_never();
        if (block != NULL)
            assert_true(cairn__huge_free(block));
        assert_true(fake_figures().mapped <= before.mapped + 256 * KIB + 64 * KIB);
        assert_int_equal(cairn__huge_figures().count, 0);
        assert_int_equal(cairn__huge_figures().bytes, 0);
    }
}

/* The range stays where the system will not take it; it is empty, and never freed again. */
TEST(failed_release)
{
    cairn__process_start();
    char *block = huge(80 * MIB);
    fake_fail_nth(FAKE_RELEASE, 1);
    assert_true(cairn__huge_free(block));
    assert_false(cairn__huge_free(block));
    assert_int_equal(fake_figures().lost, 80 * MIB);
}

TEST(large_os_pages)
{
    fake_set_page_size(64 * KIB);
    cairn__process_start();
    char *block = huge(LARGE_MAX + 1);
    assert_int_equal(cairn__huge_size(block), LARGE_MAX + 64 * KIB);
    block = cairn__huge_resize(block, 90 * MIB + 1);
    assert_int_equal(cairn__huge_size(block), 90 * MIB + 64 * KIB);
    assert_true(cairn__huge_free(block));
}

/* ---- two threads free the same ---- */

static char *_Atomic victim;
static struct page *victim_page;
static _Atomic int told;
static pthread_barrier_t barrier;

static void *free_victim(void *is_huge)
{
    pthread_barrier_wait(&barrier);
    bool first = is_huge != NULL ? cairn__huge_free(victim)
                                 : cairn__large_free(victim, victim_page);
    atomic_fetch_add(&told, first);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void race(bool is_huge)
{
    cairn__process_start();
    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < 50; i++) {
        bool zeroed;
        victim = cairn__large_alloc(is_huge ? 70 * MIB : 300 * KIB, 1, &zeroed, NULL);
        victim_page = is_huge ? NULL : page_of(victim);
        told = 0;
        pthread_t other;
        REQUIRE(pthread_create(&other, NULL, free_victim, is_huge ? &barrier : NULL) == 0);
        free_victim(is_huge ? &barrier : NULL);
        pthread_join(other, NULL);
        assert_int_equal(told, 1);
    }
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_int_equal(cairn__huge_figures().count, 0);
}

TEST(racing_large_frees)
{
    race(false);
}

TEST(racing_huge_frees)
{
    race(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growth),
        cmocka_unit_test(growth_without_room),
        cmocka_unit_test(zeroed_rows),
        cmocka_unit_test(large_resizing),
        cmocka_unit_test(resizing_what_is_huge_by_alignment),
        cmocka_unit_test(large_sizes),
        cmocka_unit_test(alignments),
        cmocka_unit_test(impossible_sizes),
        cmocka_unit_test(huge_blocks),
        cmocka_unit_test(records_are_kept),
        cmocka_unit_test(resizing),
        cmocka_unit_test(failed_resizing),
        cmocka_unit_test(failed_making),
        cmocka_unit_test(failed_release),
        cmocka_unit_test(large_os_pages),
        cmocka_unit_test(racing_large_frees),
        cmocka_unit_test(racing_huge_frees),
    };
    return UNIT_MAIN(tests);
}
