/* SPDX-License-Identifier: MIT */
/* compact.h: handles, blocks, locks and pins, and what others see of it. */
#include "kit/compact_test.h"

/* ---- handles ---- */

TEST(a_handle_is_live_until_its_block_is_freed)
{
    cairn_compact *heap = cairn_compact_create(NULL);
    cairn_handle none = {0, 0}, a = alloc(heap, 100), b = alloc(heap, 0);
    assert_true(cairn_handle_is_none(none));
    assert_false(cairn_handle_is_equal(a, b));
    assert_int_equal(cairn_compact_state_of(heap, none), CAIRN_HANDLE_NONE);
    assert_int_equal(cairn_compact_state_of(heap, a), CAIRN_HANDLE_LIVE);
    assert_int_equal(cairn_compact_size(heap, a), 100);
    assert_int_equal(cairn_compact_size(heap, b), 0);
    void *pa = cairn_compact_lock(heap, a), *pb = cairn_compact_lock(heap, b);
    assert_non_null(pb);
    assert_ptr_not_equal(pa, pb);
    assert_true(cairn_compact_unlock(heap, a));
    assert_true(cairn_compact_unlock(heap, b));
    assert_true(cairn_compact_dealloc(heap, a));
    assert_int_equal(cairn_compact_state_of(heap, a), CAIRN_HANDLE_STALE);
    cairn_handle c = alloc(heap, 100); /* the same place */
    assert_int_equal(c.index, a.index);
    assert_int_equal(cairn_compact_state_of(heap, a), CAIRN_HANDLE_STALE);
    assert_int_equal(cairn_compact_state_of(heap, c), CAIRN_HANDLE_LIVE);
    cairn_handle bad[] = {a,
                          none,
                          {0, 1},
                          {1000000, 5},
                          {UINT32_MAX, UINT32_MAX},
                          {c.index, c.generation + 1},
                          {INDEX_LIMIT, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(cairn_compact_lock(heap, bad[i]));
        assert_false(cairn_compact_unlock(heap, bad[i]));
        assert_null(cairn_compact_pin(heap, bad[i]));
        assert_false(cairn_compact_unpin(heap, bad[i]));
        assert_false(cairn_compact_resize(heap, bad[i], 10));
        assert_false(cairn_compact_dealloc(heap, bad[i]));
        assert_int_equal(cairn_compact_size(heap, bad[i]), 0);
        if (i > 1)
            assert_int_equal(cairn_compact_state_of(heap, bad[i]), CAIRN_HANDLE_FOREIGN);
        sound(heap);
    }
    assert_int_equal(stats_of(heap).blocks, 2);
    cairn_compact_destroy(heap);
}

TEST(a_handle_of_another_heap)
{
    enum { HEAPS = 50, BLOCKS = 20 };
    cairn_compact *heaps[HEAPS];
    cairn_handle handles[HEAPS][BLOCKS];
    for (int i = 0; i < HEAPS; i++) {
        heaps[i] = cairn_compact_create(NULL);
        for (int round = 0; round < 100; round++)
            for (int j = 0; j < BLOCKS; j++) {
                if (round != 0)
                    assert_true(cairn_compact_dealloc(heaps[i], handles[i][j]));
                handles[i][j] = alloc(heaps[i], 16);
            }
    }
    for (int i = 0; i < HEAPS; i++)
        for (int k = 0; k < HEAPS; k++)
            for (int j = 0; j < BLOCKS; j++) {
                cairn_handle_state state = cairn_compact_state_of(heaps[k], handles[i][j]);
                assert_int_equal(state == CAIRN_HANDLE_LIVE, i == k);
                assert_int_equal(cairn_compact_lock(heaps[k], handles[i][j]) != NULL, i == k);
            }
    for (int i = 0; i < HEAPS; i++)
        cairn_compact_destroy(heaps[i]);
    /* Not even if a heap is made where another one was. */
    cairn_compact *heap = fixed(4096);
    cairn_handle old = alloc(heap, 16);
    cairn_compact_destroy(heap);
    heap = fixed(4096);
    alloc(heap, 16);
    assert_int_equal(cairn_compact_state_of(heap, old), CAIRN_HANDLE_FOREIGN);
    cairn_compact_destroy(heap);
}

TEST(a_place_is_used_for_each_generation_once)
{
    cairn_compact *heap = cairn_compact_create(NULL);
    cairn_handle first = alloc(heap, 16), handle = first;
    struct place *place = place_at(heap, first.index);
    handle.generation = place->generation = heap->first_generation - 2; /* 2^32 - 2 frees later */
    assert_true(cairn_compact_dealloc(heap, handle));
    handle = alloc(heap, 16);
    assert_int_equal(handle.index, first.index);
    assert_int_equal(cairn_compact_state_of(heap, first), CAIRN_HANDLE_STALE);
    assert_true(cairn_compact_dealloc(heap, handle));
    sound(heap);
    cairn_handle next = alloc(heap, 16);
    assert_int_not_equal(next.index, first.index);
    assert_int_equal(cairn_compact_state_of(heap, first), CAIRN_HANDLE_STALE);
    assert_int_equal(cairn_compact_state_of(heap, handle), CAIRN_HANDLE_STALE);
    assert_false(cairn_compact_dealloc(heap, first));
    sound(heap);
    cairn_compact_destroy(heap);
}

/* ---- blocks ---- */

TEST(sizes_and_alignments)
{
    cairn_compact *heap = cairn_compact_create(NULL);
    for (size_t align = 1; align <= CAIRN_COMPACT_ALIGN_MAX; align *= 2)
        for (size_t size = 0; size < 300; size += 1 + size / 7) {
            cairn_handle handle = cairn_compact_alloc(heap, size, align);
            char *block = cairn_compact_lock(heap, handle);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % (align > 16 ? align : 16), 0);
            assert_int_equal(cairn_compact_size(heap, handle), size);
            memset(block, 0xee, size);
            cairn_compact_unlock(heap, handle);
            sound(heap);
        }
    static const size_t bad[][2] = {{1, 0},
                                    {1, 3},
                                    {1, CAIRN_COMPACT_ALIGN_MAX * 2},
                                    {1, SIZE_MAX},
                                    {SIZE_MAX, 1},
                                    {SIZE_MAX - 7, 16},
                                    {PTRDIFF_MAX, 8},
                                    {SIZE_LIMIT + 1, 8}};
    size_t before = stats_of(heap).blocks;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(cairn_handle_is_none(cairn_compact_alloc(heap, bad[i][0], bad[i][1])));
    cairn_handle handle = alloc(heap, 10);
    assert_false(cairn_compact_resize(heap, handle, SIZE_LIMIT + 1));
    assert_false(cairn_compact_resize(heap, handle, SIZE_MAX));
    assert_int_equal(stats_of(heap).blocks, before + 1);
    sound(heap);
    cairn_compact_destroy(heap);
}

TEST(zeroed)
{
    cairn_compact *heap = fixed(16384);
    for (size_t size = 0; size < 1000; size += 111) {
        cairn_handle dirty = alloc(heap, size);
        fill(heap, dirty, 1);
        cairn_compact_dealloc(heap, dirty);
        cairn_handle handle = cairn_compact_alloc_zeroed(heap, size, 16);
        assert_true(unit_is_zero(cairn_compact_lock(heap, handle), size));
    }
    assert_true(cairn_handle_is_none(cairn_compact_alloc_zeroed(heap, 1 << 20, 16)));
    cairn_compact_destroy(heap);
}

TEST(bad_options)
{
    assert_null(cairn_compact_create(&(cairn_compact_opts){.memory = memory}));
    assert_null(cairn_compact_create(&(cairn_compact_opts){.memory = memory, .memory_size = 1023}));
    assert_null(
        cairn_compact_create(&(cairn_compact_opts){.memory = memory, .memory_size = 64 * GIB + 1}));
    assert_null(cairn_compact_create(&(cairn_compact_opts){.region_size = SIZE_MAX}));
    for (size_t shift = 0; shift < 32; shift++) {
        cairn_compact *heap = cairn_compact_create(
            &(cairn_compact_opts){.memory = memory + shift, .memory_size = 1024});
        assert_non_null(heap);
        sound(heap);
        size_t count = 0;
        while (!cairn_handle_is_none(cairn_compact_alloc(heap, 24, 8)))
            count++;
        assert_in_range(count, 28, 30);
        sound(heap);
        cairn_compact_destroy(heap);
    }
    cairn_compact *heap = cairn_compact_create(&(cairn_compact_opts){.region_size = 1});
    for (size_t i = 0; i < 10; i++) {
        alloc(heap, i * 100);
        sound(heap);
    }
    assert_int_equal(stats_of(heap).regions, 10);
    cairn_compact_destroy(heap);
    cairn_compact_destroy(NULL);
}

TEST(resizing)
{
    cairn_compact *heap = fixed(16384);
    cairn_handle a = alloc(heap, 1000), b = alloc(heap, 1000), c = alloc(heap, 1000);
    fill(heap, a, 1);
    fill(heap, b, 2);
    fill(heap, c, 3);
    char *before = cairn_compact_lock(heap, a);
    assert_true(cairn_compact_resize(heap, a, 100)); /* in place, though locked */
    assert_true(unit_is_filled(before, 100, 1));
    sound(heap);
    assert_true(cairn_compact_resize(heap, a, 900)); /* into what it has left */
    assert_int_equal(cairn_compact_size(heap, a), 900);
    assert_true(unit_is_filled(before, 100, 1));
    sound(heap);
    assert_false(cairn_compact_resize(heap, a, 1100)); /* no room, and locked */
    assert_int_equal(cairn_compact_size(heap, a), 900);
    assert_true(cairn_compact_unlock(heap, a));
    assert_true(cairn_compact_resize(heap, a, 1100));
    assert_true(is_filled(heap, a, 100, 1));
    assert_ptr_not_equal(cairn_compact_lock(heap, a), before);
    assert_true(cairn_compact_unlock(heap, a));
    sound(heap);
    assert_false(cairn_compact_resize(heap, b, 20000));
    assert_true(is_filled(heap, b, 1000, 2));
    assert_true(cairn_compact_resize(heap, b, 0));
    assert_int_equal(cairn_compact_size(heap, b), 0);
    assert_true(is_filled(heap, c, 1000, 3));
    assert_non_null(cairn_compact_pin(heap, c));
    assert_false(cairn_compact_resize(heap, c, 14000));
    assert_true(cairn_compact_resize(heap, c, 10));
    sound(heap);
    cairn_compact_destroy(heap);
}

/* ---- locks and pins ---- */

TEST(locks_nest)
{
    cairn_compact *heap = cairn_compact_create(NULL);
    cairn_handle handle = alloc(heap, 10);
    assert_false(cairn_compact_unlock(heap, handle));
    assert_false(cairn_compact_unpin(heap, handle));
    char *block = cairn_compact_lock(heap, handle);
    for (int i = 1; i < CAIRN_COMPACT_LOCKS_MAX; i++)
        assert_ptr_equal(cairn_compact_lock(heap, handle), block);
    assert_null(cairn_compact_lock(heap, handle));
    for (int i = 0; i < CAIRN_COMPACT_PINS_MAX; i++)
        assert_ptr_equal(cairn_compact_pin(heap, handle), block);
    assert_null(cairn_compact_pin(heap, handle));
    for (int i = 0; i < CAIRN_COMPACT_LOCKS_MAX; i++) {
        assert_false(cairn_compact_dealloc(heap, handle));
        assert_true(cairn_compact_unlock(heap, handle));
    }
    assert_false(cairn_compact_unlock(heap, handle));
    for (int i = 0; i < CAIRN_COMPACT_PINS_MAX; i++) {
        assert_false(cairn_compact_dealloc(heap, handle));
        assert_true(cairn_compact_unpin(heap, handle));
    }
    assert_false(cairn_compact_unpin(heap, handle));
    assert_true(cairn_compact_dealloc(heap, handle));
    sound(heap);
    cairn_compact_destroy(heap);
}

TEST(pinned_blocks_gather_at_the_end)
{
    enum { N = 20 };
    cairn_handle handles[N];
    cairn_compact *heap = fixed(16384);
    comb(heap, handles, N, 300);
    char *last = NULL;
    for (size_t i = 1; i < N; i += 4) {
        char *block = cairn_compact_pin(heap, handles[i]);
        assert_true(unit_is_filled(block, 300, i));
        assert_true(last == NULL || block < last);
        assert_true(block > memory + 16384 - (i / 4 + 1) * 400);
        last = block;
        sound(heap);
    }
    while (cairn_compact_step(heap, 1000))
        sound(heap);
    assert_int_equal(stats_of(heap).gaps, 1);
    /* When they are free again they come back. */
    for (size_t i = 1; i < N; i += 4) {
        assert_true(unit_is_filled(cairn_compact_lock(heap, handles[i]), 300, i));
        assert_true(cairn_compact_unpin(heap, handles[i]));
        sound(heap);
        assert_true(cairn_compact_unlock(heap, handles[i]));
        sound(heap);
    }
    cairn_compact_step(heap, SIZE_MAX);
    sound(heap);
    assert_int_equal(stats_of(heap).gaps, 1);
    assert_true((char *)cairn_compact_lock(heap, handles[1]) < memory + N / 2 * 400 + 1024);
    cairn_compact_destroy(heap);
}

TEST(a_pin_without_room_stays_where_it_is)
{
    cairn_compact *heap = fixed(4096);
    cairn_handle a = alloc(heap, 2500), b = alloc(heap, 100);
    fill(heap, a, 1);
    char *block = cairn_compact_lock(heap, a);
    cairn_compact_unlock(heap, a);
    assert_ptr_equal(cairn_compact_pin(heap, a), block);
    cairn_compact_dealloc(heap, b);
    assert_false(cairn_compact_step(heap, SIZE_MAX));
    assert_true(unit_is_filled(block, 2500, 1));
    sound(heap);
    cairn_compact_destroy(heap);
}

/* ---- what others see of it ---- */

struct seen {
    size_t blocks, block_bytes, gaps, gap_bytes, left;
};

static bool see(void *context, void *ptr, size_t size, bool in_use)
{
    struct seen *seen = context;
    REQUIRE(ptr != NULL);
    *(in_use ? &seen->blocks : &seen->gaps) += 1;
    *(in_use ? &seen->block_bytes : &seen->gap_bytes) += size;
    return --seen->left > 0;
}

TEST(visiting)
{
    enum { N = 40 };
    cairn_handle handles[N];
    cairn_compact *heap = cairn_compact_create(&(cairn_compact_opts){.region_size = 5000});
    comb(heap, handles, N, 500);
    cairn_compact_stats stats = stats_of(heap);
    struct seen seen = {.left = SIZE_MAX};
    assert_true(cairn_compact_visit(heap, see, &seen));
    assert_int_equal(seen.blocks, stats.blocks);
    assert_int_equal(seen.block_bytes, stats.bytes);
    assert_int_equal(seen.gaps, stats.gaps);
    assert_int_equal(seen.gap_bytes, stats.free_bytes);
    seen = (struct seen){.left = 3};
    assert_false(cairn_compact_visit(heap, see, &seen));
    assert_int_equal(seen.blocks + seen.gaps, 3);
    cairn_compact_destroy(heap);
}

#if UNIT_ASAN
DEATH_TEST(asan_sees_a_use_after_free, "use-after-poison")
{
    cairn_compact *heap = cairn_compact_create(NULL);
    cairn_handle handle = alloc(heap, 100);
    volatile char *block = cairn_compact_lock(heap, handle);
    block[0] = 1;
    cairn_compact_unlock(heap, handle);
    cairn_compact_dealloc(heap, handle);
    block[50] = 2;
}

DEATH_TEST(asan_sees_a_use_after_unlock, "use-after-poison")
{
    cairn_compact *heap = cairn_compact_create(NULL);
    cairn_handle handle = alloc(heap, 100);
    volatile char *block = cairn_compact_lock(heap, handle);
    cairn_compact_unlock(heap, handle);
    block[99] = 2;
}

DEATH_TEST(asan_sees_an_overrun, "use-after-poison")
{
    cairn_compact *heap = cairn_compact_create(NULL);
    volatile char *block = cairn_compact_lock(heap, alloc(heap, 100));
    block[100] = 2;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handle_is_live_until_its_block_is_freed),
        cmocka_unit_test(a_handle_of_another_heap),
        cmocka_unit_test(a_place_is_used_for_each_generation_once),
        cmocka_unit_test(sizes_and_alignments),
        cmocka_unit_test(zeroed),
        cmocka_unit_test(bad_options),
        cmocka_unit_test(resizing),
        cmocka_unit_test(locks_nest),
        cmocka_unit_test(pinned_blocks_gather_at_the_end),
        cmocka_unit_test(a_pin_without_room_stays_where_it_is),
        cmocka_unit_test(visiting),
#if UNIT_ASAN
        cmocka_unit_test(asan_sees_a_use_after_free),
        cmocka_unit_test(asan_sees_a_use_after_unlock),
        cmocka_unit_test(asan_sees_an_overrun),
#endif
    };
    return UNIT_MAIN(tests);
}
