/* SPDX-License-Identifier: MIT */
/* compact.h: what is moved and what is not, how far a step goes, which regions go back. */
#include "kit/compact_test.h"

/* ---- compaction ---- */

TEST(it_slides_in_order)
{
    enum { N = 40 };
    cairn_handle handles[N];
    cairn_compact *heap = fixed(sizeof memory);
    comb(heap, handles, N, 500);
    assert_int_equal(stats_of(heap).gaps, N / 2 + 1);
    assert_true(cairn_compact_fragmentation(&(cairn_compact_stats){0}) == 0);
    cairn_compact_stats before = stats_of(heap);
    assert_true(cairn_compact_fragmentation(&before) > 10);
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    sound(heap);
    cairn_compact_stats after = stats_of(heap);
    assert_int_equal(cairn_compact_fragmentation(&after), 0);
    assert_int_equal(after.gaps, 1);
    assert_int_equal(after.free_bytes, before.free_bytes);
    assert_int_equal(after.largest_gap, after.free_bytes);
    assert_int_equal(after.moved_blocks, N / 2);
    char *last = NULL;
    for (size_t i = 1; i < N; i += 2) {
        char *block = cairn_compact_lock(heap, handles[i]);
        assert_true(block > last);
        assert_true(unit_is_filled(block, 500, i));
        last = block;
    }
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    assert_int_equal(stats_of(heap).moved_blocks, N / 2);
    cairn_compact_destroy(heap);
}

TEST(a_step_is_bounded)
{
    enum { N = 100 };
    cairn_handle handles[N];
    cairn_compact *heap = fixed(sizeof memory);
    comb(heap, handles, N, 300);
    assert_true(cairn_compact_step(heap, 0));
    assert_int_equal(stats_of(heap).moved_bytes, 0);
    size_t steps = 0;
    bool more;
    do {
        size_t before = stats_of(heap).moved_bytes;
        more = cairn_compact_step(heap, 1000);
        assert_in_range(stats_of(heap).moved_bytes - before, 0, 1000);
        sound(heap);
    } while (more && ++steps < 1000);
    assert_in_range(steps, N / 2 * 304 / 1000, N);
    assert_int_equal(stats_of(heap).gaps, 1);
    cairn_compact_destroy(heap);

    /* No block but the first is moved beyond the budget. */
    heap = fixed(sizeof memory);
    comb(heap, handles, 12, 3000);
    do {
        size_t before = stats_of(heap).moved_bytes;
        more = cairn_compact_step(heap, 5000);
        assert_in_range(stats_of(heap).moved_bytes - before, 0, 5000);
    } while (more);
    cairn_compact_destroy(heap);

    /* A block larger than the budget is moved all the same, alone. */
    heap = fixed(sizeof memory);
    comb(heap, handles, 10, 3000);
    for (steps = 1; cairn_compact_step(heap, 1); steps++)
        assert_true(stats_of(heap).moved_blocks <= steps);
    assert_int_equal(stats_of(heap).moved_blocks, 5);
    assert_int_equal(stats_of(heap).gaps, 1);
    cairn_compact_destroy(heap);
}

TEST(locked_blocks_stay_and_others_pass_them)
{
    enum { N = 60 };
    cairn_handle handles[N];
    char *held[N] = {NULL};
    cairn_compact *heap = fixed(sizeof memory);
    comb(heap, handles, N, 500);
    for (size_t i = 1; i < N; i += 6)
        held[i] = cairn_compact_lock(heap, handles[i]);
    while (cairn_compact_step(heap, 700))
        sound(heap);
    for (size_t i = 1; i < N; i += 2)
        assert_true(is_filled(heap, handles[i], 500, i));
    for (size_t i = 1; i < N; i += 6)
        assert_ptr_equal(cairn_compact_lock(heap, handles[i]), held[i]);
    /* The others are all at the begin, as many as fit between, in order. */
    char *last = NULL;
    for (size_t i = 1; i < N; i += 2)
        if (held[i] == NULL) {
            char *block = cairn_compact_lock(heap, handles[i]);
            assert_true(block > last);
            last = block;
            cairn_compact_unlock(heap, handles[i]);
        }
    assert_in_range(last - memory, 0, N / 2 * 520 + 1024);
    for (size_t i = 1; i < N; i += 6) {
        assert_true(cairn_compact_unlock(heap, handles[i]));
        assert_true(cairn_compact_unlock(heap, handles[i]));
        sound(heap);
    }
    while (cairn_compact_step(heap, 700))
        sound(heap);
    assert_int_equal(stats_of(heap).gaps, 1);
    for (size_t i = 1; i < N; i += 2)
        assert_true(is_filled(heap, handles[i], 500, i));
    cairn_compact_destroy(heap);
}

/* A gap that was left for want of a block is filled when one further on is unlocked. */
TEST(what_was_left_is_met_again)
{
    cairn_handle handles[4];
    cairn_compact *heap = fixed(4096);
    for (size_t i = 0; i < 4; i++) {
        handles[i] = alloc(heap, 200);
        fill(heap, handles[i], i);
    }
    char *first = cairn_compact_lock(heap, handles[0]);
    for (size_t i = 1; i < 4; i++)
        cairn_compact_lock(heap, handles[i]);
    cairn_compact_unlock(heap, handles[0]);
    cairn_compact_dealloc(heap, handles[0]);
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    cairn_compact_unlock(heap, handles[3]);
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    assert_ptr_equal(cairn_compact_lock(heap, handles[3]), first);
    assert_true(unit_is_filled(first, 200, 3));
    sound(heap);
    cairn_compact_destroy(heap);
}

TEST(alignment_is_kept)
{
    enum { N = 60 };
    cairn_handle handles[N];
    size_t aligns[N];
    uint64_t seed = 7;
    cairn_compact *heap = fixed(sizeof memory);
    for (size_t i = 0; i < N; i++) {
        aligns[i] = (size_t)1 << unit_below(&seed, 10);
        handles[i] = cairn_compact_alloc(heap, unit_below(&seed, 400), aligns[i]);
        fill(heap, handles[i], i);
    }
    for (size_t i = 0; i < N; i += 3)
        cairn_compact_dealloc(heap, handles[i]);
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    sound(heap);
    for (size_t i = 0; i < N; i++)
        if (i % 3 != 0) {
            char *block = cairn_compact_lock(heap, handles[i]);
            assert_int_equal((uintptr_t)block % aligns[i], 0);
            assert_true(unit_is_filled(block, cairn_compact_size(heap, handles[i]), i));
            cairn_compact_unlock(heap, handles[i]);
        }
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    cairn_compact_destroy(heap);
}

TEST(an_allocation_may_compact)
{
    enum { N = 60 };
    cairn_handle handles[N], large;
    static const size_t budgets[] = {0, 1000, SIZE_MAX};
    for (int i = 0; i < 3; i++) {
        cairn_compact *heap = cairn_compact_create(&(cairn_compact_opts){
            .memory = memory, .memory_size = sizeof memory, .alloc_budget = budgets[i]});
        comb(heap, handles, N, 1000);
        large = cairn_compact_alloc(heap, 20000, 16);
        assert_int_equal(cairn_handle_is_none(large), i < 2);
        if (i == 1)
            assert_in_range(stats_of(heap).moved_bytes, 1, 1008);
        assert_true(cairn_handle_is_none(cairn_compact_alloc(heap, 40000, 16)));
        for (size_t j = 1; j < N; j += 2)
            assert_true(is_filled(heap, handles[j], 1000, j));
        sound(heap);
        /* So may a resize. */
        if (i == 2) {
            assert_true(cairn_compact_dealloc(heap, handles[1]));
            assert_true(cairn_compact_dealloc(heap, handles[31]));
            assert_true(cairn_compact_resize(heap, handles[3], 9000) ||
                        stats_of(heap).free_bytes < 9016);
            assert_true(is_filled(heap, handles[3], 1000, 3));
            sound(heap);
        }
        cairn_compact_destroy(heap);
    }
}

/* ---- regions ---- */

TEST(emptied_regions_go_back)
{
    enum { N = 1000 };
    static cairn_handle handles[N];
    struct source source = {0};
    cairn_compact *heap = cairn_compact_create(
        &(cairn_compact_opts){.source = allocator_of(&source), .region_size = 16384});
    comb(heap, handles, N, 500);
    size_t regions = stats_of(heap).regions;
    assert_in_range(regions, 32, 33);
    while (cairn_compact_step(heap, 3000))
        sound(heap);
    assert_in_range(stats_of(heap).regions, regions / 2, regions / 2 + 2);
    assert_true(stats_of(heap).returned_regions > 10);
    /* In the order in which they were allocated, over all regions. */
    uint32_t last = 0;
    for (const struct region *region = heap->first; region != NULL; region = region->after)
        for (char *at = region->first; at != region->end;) {
            uint64_t head = word_get(heap, at);
            if (!head_is_gap(head)) {
                assert_true(head_index(head) > last);
                last = head_index(head);
            }
            at += head_units(head) * UNIT;
        }
    for (size_t i = 1; i < N; i += 2) {
        assert_true(is_filled(heap, handles[i], 500, i));
        assert_true(cairn_compact_dealloc(heap, handles[i]));
        sound(heap);
    }
    assert_int_equal(stats_of(heap).regions, 1);
    assert_int_equal(cairn_compact_trim(heap), 16384);
    assert_int_equal(cairn_compact_trim(heap), 0);
    assert_int_equal(stats_of(heap).region_bytes, 0);
    sound(heap);
    alloc(heap, 100000); /* larger than a region */
    sound(heap);
    cairn_compact_destroy(heap);
    assert_int_equal(source.blocks, 0);
}

/* Regions of seven blocks each; a change in one of them reaches the others. */
TEST(a_region_takes_from_the_next)
{
    enum { EACH = 7, N = 5 * EACH };
    static cairn_handle handles[N];
    cairn_compact *heap = cairn_compact_create(&(cairn_compact_opts){.region_size = 4096});
    for (size_t i = 0; i < N; i++) {
        handles[i] = alloc(heap, 500);
        fill(heap, handles[i], i);
    }
    assert_int_equal(stats_of(heap).regions, 5);
    for (size_t i = 1; i < EACH; i++)
        assert_true(cairn_compact_dealloc(heap, handles[i]));
    assert_true(cairn_compact_dealloc(heap, handles[EACH + 1]));
    assert_true(cairn_compact_dealloc(heap, handles[EACH + 2]));
    /* The blocks at the begin of the second region are in use. */
    cairn_compact_lock(heap, handles[EACH]);
    for (size_t i = EACH + 3; i < 2 * EACH; i++)
        cairn_compact_lock(heap, handles[i]);
    while (cairn_compact_step(heap, 1000))
        sound(heap);
    assert_int_equal(stats_of(heap).regions, 5);
    for (size_t i = EACH + 3; i < 2 * EACH; i++)
        cairn_compact_unlock(heap, handles[i]);
    while (cairn_compact_step(heap, 1000))
        sound(heap);
    assert_true((char *)cairn_compact_lock(heap, handles[EACH + 3]) < heap->first->end);
    cairn_compact_unlock(heap, handles[EACH + 3]);
    cairn_compact_unlock(heap, handles[EACH]);
    while (cairn_compact_step(heap, 1000))
        sound(heap);
    cairn_compact_trim(heap);
    assert_int_equal(stats_of(heap).regions, 4);
    assert_true(is_filled(heap, handles[N - 1], 500, N - 1));
    cairn_compact_destroy(heap);
}

TEST(a_change_at_the_begin_reaches_the_end)
{
    enum { EACH = 7, N = 5 * EACH };
    static cairn_handle handles[N];
    cairn_compact *heap = cairn_compact_create(&(cairn_compact_opts){.region_size = 4096});
    for (size_t i = 0; i < N; i++)
        handles[i] = alloc(heap, 500);
    for (size_t i = 1; i < EACH; i++)
        assert_true(cairn_compact_dealloc(heap, handles[i]));
    for (size_t i = N - 5; i < N; i++)
        assert_true(cairn_compact_dealloc(heap, handles[i]));
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    cairn_compact_trim(heap);
    assert_int_equal(stats_of(heap).regions, 4);
    sound(heap);
    cairn_compact_destroy(heap);
}

TEST(pins_and_regions_that_go)
{
    struct source source = {0};
    cairn_compact *heap = cairn_compact_create(
        &(cairn_compact_opts){.source = allocator_of(&source), .region_size = 1});
    cairn_handle a = alloc(heap, 500), b = alloc(heap, 500), c = alloc(heap, 100);
    cairn_compact_resize(heap, a, 100);
    assert_non_null(cairn_compact_pin(heap, a));
    cairn_compact_unpin(heap, a);
    cairn_compact_dealloc(heap, b);
    cairn_compact_dealloc(heap, a);
    cairn_compact_trim(heap);
    assert_int_equal(stats_of(heap).regions, 1);
    assert_non_null(cairn_compact_pin(heap, c));
    sound(heap);
    cairn_compact_destroy(heap);
    assert_int_equal(source.blocks, 0);
}

/* A gap in one region is not worth moving all the others. */
TEST(no_crossing_for_nothing)
{
    enum { N = 300 };
    static cairn_handle handles[N];
    cairn_compact *heap = cairn_compact_create(&(cairn_compact_opts){.region_size = 16384});
    for (size_t i = 0; i < N; i++)
        handles[i] = alloc(heap, 500);
    cairn_compact_dealloc(heap, handles[0]);
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    assert_in_range(stats_of(heap).moved_bytes, 1, 16384);
    sound(heap);
    cairn_compact_destroy(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_slides_in_order),
        cmocka_unit_test(a_step_is_bounded),
        cmocka_unit_test(locked_blocks_stay_and_others_pass_them),
        cmocka_unit_test(what_was_left_is_met_again),
        cmocka_unit_test(alignment_is_kept),
        cmocka_unit_test(an_allocation_may_compact),
        cmocka_unit_test(emptied_regions_go_back),
        cmocka_unit_test(a_region_takes_from_the_next),
        cmocka_unit_test(a_change_at_the_begin_reaches_the_end),
        cmocka_unit_test(pins_and_regions_that_go),
        cmocka_unit_test(no_crossing_for_nothing),
    };
    return UNIT_MAIN(tests);
}
