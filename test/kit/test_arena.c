/* SPDX-License-Identifier: MIT */
/* arena.h: blocks, chunks, limits, figures; and a random life against a model of it. */
#include "unit/unit.h"

#include "cairn/arena.h"
#include "cairn/arena_tree.h"
#include "kit/arena.h"
#include "kit/arena_source.h"

static struct arena_source source;

static void audit(const cairn_arena *arena)
{
    const char *wrong = cairn_arena_audit(arena);
    if (wrong != NULL)
        fail_msg("%s", wrong);
    cairn_arena_stats stats = cairn_arena_stats_get(arena);
    size_t in_use = 0;
    for (const arena_chunk *at = arena->chunk; at != NULL; at = at->older)
        in_use++;
    for (const arena_chunk *at = arena->large; at != NULL; at = at->older)
        in_use++;
    assert_int_equal(stats.reserved,
                     stats.used + stats.wasted + stats.room + stats.kept + in_use * CHUNK_EXTRA);
    assert_true(stats.peak >= stats.used);
}

static cairn_arena *make(cairn_arena_opts opts)
{
    opts.source = source_of(&source);
    cairn_arena *arena = cairn_arena_create(&opts);
    assert_non_null(arena);
    return arena;
}

static void end(cairn_arena *arena)
{
    audit(arena);
    cairn_arena_destroy(arena);
    assert_int_equal(source.live, 0);
    assert_int_equal(source.bytes, 0);
}

static bool is_watched(void)
{
    return cairn__is_watched();
}

static char *filled(cairn_arena *arena, size_t size, uint64_t key)
{
    char *block = cairn_arena_alloc(arena, size, 8);
    assert_non_null(block);
    unit_fill(block, size, key);
    return block;
}

/* ---- blocks ---- */

TEST(blocks_are_aligned_and_apart)
{
    cairn_arena *arena = make((cairn_arena_opts){.name = "test"});
    char *blocks[500];
    size_t sizes[500];
    uint64_t seed = 3;
    for (size_t i = 0; i < 500; i++) {
        size_t align = (size_t)1 << unit_below(&seed, i % 50 == 0 ? 15 : 8);
        sizes[i] = unit_below(&seed, 300);
        blocks[i] = cairn_arena_alloc(arena, sizes[i], align);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % align, 0);
        unit_fill(blocks[i], sizes[i], i);
        audit(arena);
    }
    for (size_t i = 0; i < 500; i++) {
        assert_true(unit_is_filled(blocks[i], sizes[i], i));
        assert_true(cairn_allocator_owns(cairn_arena_allocator(arena), blocks[i]));
    }
    assert_false(cairn_allocator_owns(cairn_arena_allocator(arena), &arena));
    assert_string_equal(cairn_arena_stats_get(arena).name, "test");
    end(arena);
}

TEST(bad_input)
{
    cairn_arena *arena = make((cairn_arena_opts){.limit = 1 << 20});
    char *block = filled(arena, 16, 1);
    size_t calls = source.calls;
    static const size_t aligns[] = {0, 3, 12, 24, SIZE_MAX, ((size_t)1 << 63) + 1};
    static const size_t sizes[] = {0, 1, 8, PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            assert_null(cairn_arena_alloc(arena, sizes[i], aligns[j]));
            assert_null(cairn_arena_alloc_zeroed(arena, sizes[i], aligns[j]));
            assert_null(cairn_arena_realloc(arena, NULL, cairn__layout(0, aligns[j]), sizes[i]));
            assert_false(cairn_arena_resize(arena, block, cairn__layout(16, aligns[j]), sizes[i]));
        }
    for (size_t align = 1; align != 0; align *= 2)
        for (int i = 3; i < 6; i++)
            assert_null(cairn_arena_alloc(arena, sizes[i], align));
    assert_null(cairn_arena_alloc(arena, 1, (size_t)1 << 63));
    assert_null(cairn_arena_realloc(arena, block, cairn__layout(16, 8), SIZE_MAX));
    assert_null(cairn_arena_realloc(arena, block, cairn__layout(16, 8), 2 << 20));
    assert_false(cairn_arena_resize(arena, block, cairn__layout(16, 8), PTRDIFF_MAX - 7));
    assert_false(cairn_arena_resize(arena, NULL, cairn__layout(16, 8), 8));
    assert_false(cairn_arena_reserve(arena, SIZE_MAX));
    assert_false(cairn_arena_reserve(arena, 1 << 20));
    cairn_arena_dealloc(arena, NULL, cairn__layout(16, 8));
    assert_int_equal(source.calls, calls);
    assert_true(unit_is_filled(block, 16, 1));
    assert_int_equal(cairn_arena_stats_get(arena).chunks, 1);
    end(arena);
    cairn_arena_destroy(NULL);
}

TEST(an_ended_one_serves_nothing)
{
    cairn_arena arena = {.name = NULL};
    for (int i = 0; i < 2; i++) {
        cairn_arena_fini(&arena);
        assert_null(cairn_arena_alloc(&arena, 1, 1));
        assert_null(cairn_arena_alloc(&arena, 0, 4096));
        assert_false(cairn_arena_reserve(&arena, 0));
        assert_false(cairn_arena_rewind(&arena, cairn_arena_mark(&arena)));
        assert_false(cairn_arena_rewind(&arena, (cairn_mark){&arena, 0}));
        assert_int_equal(cairn_arena_trim(&arena, 0), 0);
        cairn_arena_reset(&arena);
        assert_null(cairn_arena_audit(&arena));
        if (i == 0) {
            assert_true(
                cairn_arena_init(&arena, &(cairn_arena_opts){.source = source_of(&source)}));
            cairn_arena_destroy(&arena);
            filled(&arena, 1000, 1);
            cairn_arena_fini(&arena);
            assert_int_equal(source.live, 0);
        }
    }
    cairn_arena *made = make((cairn_arena_opts){.name = NULL});
    filled(made, 8, 1);
    cairn_arena_fini(made);
    end(made);
}

TEST(defaults)
{
    cairn_arena *arena = cairn_arena_create(NULL);
    assert_string_equal(cairn_arena_stats_get(arena).name, "arena");
    assert_int_equal(cairn_arena_stats_get(arena).reserved, 0);
    filled(arena, 8, 1);
    assert_int_equal(cairn_arena_stats_get(arena).reserved, 4096);
    audit(arena);
    cairn_arena_destroy(arena);
    cairn_arena in_place;
    assert_true(cairn_arena_init(&in_place, NULL));
    assert_non_null(cairn_arena_alloc(&in_place, 8, 8));
    cairn_arena_fini(&in_place);
}

TEST(size_0)
{
    cairn_arena *arena = make((cairn_arena_opts){.name = NULL});
    char *first = cairn_arena_alloc(arena, 0, 1), *second = cairn_arena_alloc(arena, 0, 1);
    assert_true(first != NULL && second != NULL && first != second);
    char *same = cairn_arena_realloc(arena, second, cairn__layout(0, 1), 0);
    assert_ptr_equal(same, second);
    cairn_arena_dealloc(arena, second, cairn__layout(0, 1));
    assert_ptr_equal(cairn_arena_alloc_zeroed(arena, 0, 1), second);
    end(arena);
}

TEST(the_last_block_grows_in_place_and_is_given_back)
{
    cairn_arena *arena = make((cairn_arena_opts){.first_chunk = 1024});
    char *first = filled(arena, 24, 1), *second = filled(arena, 24, 2);
    size_t used = cairn_arena_stats_get(arena).used;
    char *grown = cairn_arena_realloc(arena, second, cairn__layout(24, 8), 240);
    assert_ptr_equal(grown, second);
    assert_true(unit_is_filled(second, 24, 2));
    assert_true(cairn_arena_resize(arena, second, cairn__layout(240, 8), 24));
    assert_int_equal(cairn_arena_stats_get(arena).used, used);
    assert_true(cairn_arena_resize(arena, first, cairn__layout(24, 8), 16));
    assert_false(cairn_arena_resize(arena, first, cairn__layout(16, 8), 24));
    assert_ptr_equal(cairn_arena_realloc(arena, first, cairn__layout(16, 8), 8), first);
    cairn_arena_dealloc(arena, first, cairn__layout(8, 8));
    assert_int_equal(cairn_arena_stats_get(arena).used, used);
    cairn_arena_dealloc(arena, second, cairn__layout(24, 8));
    assert_true(cairn_arena_stats_get(arena).used < used);
    assert_ptr_equal(cairn_arena_alloc(arena, 24, 8), second);
    /* Not past a mark, in either direction. */
    cairn_mark mark = cairn_arena_mark(arena);
    used = cairn_arena_stats_get(arena).used;
    cairn_arena_dealloc(arena, second, cairn__layout(24, 8));
    assert_int_equal(cairn_arena_stats_get(arena).used, used);
    assert_true(cairn_arena_rewind(arena, mark));
    assert_int_equal(cairn_arena_stats_get(arena).used, used);
    end(arena);
}

/* ---- chunks ---- */

TEST(chunks_double)
{
    cairn_arena *arena = make((cairn_arena_opts){.first_chunk = 1000, .max_chunk = 5000});
    static const size_t sizes[] = {992, 1984, 3968, 4992, 4992};
    size_t reserved = 0;
    for (int i = 0; i < 5; i++) {
        reserved += sizes[i];
        while (cairn_arena_stats_get(arena).reserved < reserved)
            filled(arena, 16, 1);
        assert_int_equal(cairn_arena_stats_get(arena).reserved, reserved);
    }
    assert_int_equal(cairn_arena_stats_get(arena).chunks, 5);
    end(arena);
}

TEST(chunks_of_one_size)
{
    cairn_arena *arena = make((cairn_arena_opts){.first_chunk = 512, .max_chunk = 1});
    for (int i = 0; i < 200; i++)
        filled(arena, 40, 1);
    cairn_arena_stats stats = cairn_arena_stats_get(arena);
    assert_int_equal(stats.reserved, stats.chunks * 512);
    end(arena);
}

TEST(a_large_block_leaves_the_chunk_as_it_is)
{
    cairn_arena *arena = make((cairn_arena_opts){.name = NULL});
    char *before = filled(arena, 100, 1);
    char *large = filled(arena, 100000, 2);
    char *after = filled(arena, 100, 3);
    assert_true(after > before && after < before + 200);
    assert_int_equal(cairn_arena_stats_get(arena).chunks, 2);
    assert_true(unit_is_filled(large, 100000, 2));
    char *aligned = cairn_arena_alloc(arena, 10000, 1 << 16);
    assert_int_equal((uintptr_t)aligned % (1 << 16), 0);
    unit_fill(aligned, 10000, 4);
    assert_true(unit_is_filled(before, 100, 1) && unit_is_filled(after, 100, 3));
    end(arena);
}

/* By the source's realloc, which here always moves; in place where there is room; never if a mark
 * came since. */
TEST(a_large_block_grows)
{
    cairn_arena *arena = make((cairn_arena_opts){.name = NULL});
    char *small = filled(arena, 16, 1);
    char *large = filled(arena, 100000, 2);
    large = cairn_arena_realloc(arena, large, cairn__layout(100000, 8), 300000);
    assert_true(unit_is_filled(large, 100000, 2));
    memset(large, 7, 300000);
    unit_fill(large, 300000, 3);
    audit(arena);
    if (!is_watched())
        assert_int_equal(cairn_arena_stats_get(arena).chunks, 2);
    assert_ptr_equal(cairn_arena_realloc(arena, large, cairn__layout(300000, 8), 1000), large);
    audit(arena);
    assert_ptr_equal(cairn_arena_realloc(arena, large, cairn__layout(1000, 8), 290000), large);
    source.fail_at = source.calls + 1;
    source.fail_on = true;
    assert_null(cairn_arena_realloc(arena, large, cairn__layout(290000, 8), 1 << 20));
    source.fail_at = 0;
    audit(arena);
    assert_true(unit_is_filled(large, 1000, 3));
    cairn_mark mark = cairn_arena_mark(arena);
    char *moved = cairn_arena_realloc(arena, large, cairn__layout(290000, 8), 400000);
    assert_ptr_not_equal(moved, large);
    assert_true(cairn_arena_rewind(arena, mark));
    if (!is_watched())
        assert_true(unit_is_filled(large, 1000, 3));
    assert_true(unit_is_filled(small, 16, 1));
    end(arena);
}

TEST(a_large_block_is_given_back)
{
    cairn_arena *arena = make((cairn_arena_opts){.name = NULL});
    char *large = filled(arena, 100000, 2);
    cairn_arena_dealloc(arena, large, cairn__layout(100000, 8));
    cairn_arena_stats stats = cairn_arena_stats_get(arena);
    assert_int_equal(stats.kept, stats.reserved);
    size_t calls = source.calls;
    assert_ptr_equal(cairn_arena_alloc(arena, 100000, 8), large);
    assert_int_equal(source.calls, calls);
    cairn_mark mark = cairn_arena_mark(arena);
    cairn_arena_dealloc(arena, large, cairn__layout(100000, 8));
    assert_int_equal(cairn_arena_stats_get(arena).kept, 0);
    assert_true(cairn_arena_rewind(arena, mark));
    end(arena);
}

TEST(reserving)
{
    cairn_arena *arena = make((cairn_arena_opts){.name = NULL});
    assert_true(cairn_arena_reserve(arena, 100000));
    size_t calls = source.calls;
    assert_true(cairn_arena_reserve(arena, 100000));
    assert_true(cairn_arena_reserve(arena, 0));
    if (!is_watched()) {
        char *first = filled(arena, 50000, 1);
        for (int i = 0; i < 400; i++)
            filled(arena, 100, 2);
        assert_ptr_equal(arena->next, first + 50000 + 400 * 104 - 4);
        assert_int_equal(source.calls, calls);
    }
    end(arena);
}

/* It has a chunk of its own too if much would be lost else. */
TEST(a_block_that_would_waste_the_rest)
{
    cairn_arena *arena = make((cairn_arena_opts){.name = NULL});
    char *before = filled(arena, 1000, 1);
    filled(arena, 3200, 2);
    char *after = filled(arena, 100, 3);
    assert_true(after > before && after < before + 1100);
    filled(arena, 1600, 4);
    filled(arena, 1500, 4);
    assert_true(cairn_arena_stats_get(arena).wasted < 2048);
    end(arena);
}

/* Smaller ones than usual, if the source has no others. */
TEST(a_source_of_small_blocks)
{
    cairn_arena *arena = make((cairn_arena_opts){.first_chunk = 512});
    source.max = 700;
    for (int i = 0; i < 200; i++)
        filled(arena, 40, 1);
    filled(arena, 580, 1);
    assert_null(cairn_arena_alloc(arena, 700, 8));
    end(arena);
}

TEST(the_peak)
{
    cairn_arena *arena = make((cairn_arena_opts){.first_chunk = 8192});
    size_t peak = 0;
    for (int i = 0; i < 5; i++) {
        size_t size = 1000 + 500 * (size_t)i;
        cairn_mark mark = cairn_arena_mark(arena);
        char *block = filled(arena, size, 1);
        assert_true(cairn_arena_stats_get(arena).peak >= size);
        assert_true(cairn_arena_stats_get(arena).peak > peak);
        peak = cairn_arena_stats_get(arena).used;
        if (i == 0)
            cairn_arena_resize(arena, block, cairn__layout(size, 8), 10);
        else if (i == 1)
            cairn_arena_dealloc(arena, block, cairn__layout(size, 8));
        else if (i == 2)
            cairn_arena_rewind(arena, mark);
        else
            cairn_arena_reset(arena);
        assert_true(cairn_arena_stats_get(arena).used < peak);
        assert_int_equal(cairn_arena_stats_get(arena).peak, peak);
    }
    end(arena);
}

/* ---- limits ---- */

TEST(the_limit_holds)
{
    for (size_t limit = 1; limit < 9000; limit += 97) {
        cairn_arena *arena = make((cairn_arena_opts){.limit = limit, .first_chunk = 512});
        uint64_t seed = limit;
        size_t granted = 0;
        for (int i = 0; i < 300; i++) {
            size_t size = unit_below(&seed, 200);
            char *block = cairn_arena_alloc(arena, size, 1);
            granted += block != NULL ? size : 0;
            assert_true(cairn_arena_stats_get(arena).reserved <= limit);
        }
        audit(arena);
        if (!is_watched() && limit > 1024)
            assert_true(granted > limit / 2);
        end(arena);
    }
}

/* All of it can be had in one block, whatever was kept before. */
TEST(what_is_kept_is_not_in_the_way_of_the_limit)
{
    cairn_arena *arena = make((cairn_arena_opts){.limit = 1 << 20, .first_chunk = 512});
    while (cairn_arena_alloc(arena, 100, 8) != NULL)
        continue;
    assert_true(cairn_arena_stats_get(arena).reserved > (1 << 20) - 512);
    cairn_arena_reset(arena);
    char *all = filled(arena, (1 << 20) - CHUNK_EXTRA - 64, 1);
    assert_non_null(all);
    assert_null(cairn_arena_alloc(arena, 200, 8));
    cairn_arena_reset(arena);
    cairn_arena_trim(arena, 0);
    for (int i = 0; i < 8000; i++)
        filled(arena, 64, 1);
    cairn_arena_reset(arena);
    char *grows = filled(arena, 200000, 2);
    if (!is_watched()) {
        grows = cairn_arena_realloc(arena, grows, cairn__layout(200000, 8), 1000000);
        assert_true(grows != NULL && unit_is_filled(grows, 200000, 2));
    }
    end(arena);
}

TEST(what_is_kept_is_given_to_a_source_that_has_nothing_left)
{
    cairn_arena *arena = make((cairn_arena_opts){.first_chunk = 512});
    for (int i = 0; i < 100; i++)
        filled(arena, 100, 1);
    cairn_arena_reset(arena);
    source.fail_at = source.calls + 1;
    size_t given = source.given;
    assert_non_null(cairn_arena_alloc(arena, 1 << 20, 8));
    assert_true(source.given > given);
    assert_int_equal(cairn_arena_stats_get(arena).kept, 0);
    end(arena);
}

/* ---- rounds ---- */

/* As the header has it. */
TEST(requests_make_no_calls_of_the_source)
{
    cairn_arena *arena = make((cairn_arena_opts){.name = "req", .limit = 8 << 20});
    size_t calls = 0, first_used = 0;
    for (int round = 0; round < 50; round++) {
        if (round == 2)
            calls = source.calls;
        cairn_mark mark = cairn_arena_mark(arena);
        uint64_t seed = 5;
        for (int i = 0; i < 1000; i++)
            filled(arena, unit_below(&seed, i % 100 == 0 ? 20000 : 200), 1);
        size_t used = cairn_arena_stats_get(arena).used;
        if (round == 2)
            first_used = used;
        if (round > 2)
            assert_int_equal(used, first_used);
        assert_true(cairn_arena_rewind(arena, mark));
        assert_int_equal(cairn_arena_stats_get(arena).used, 0);
        audit(arena);
    }
    assert_int_equal(source.calls, calls);
    assert_int_equal(source.given, 0);
    assert_int_equal(cairn_arena_stats_get(arena).rewinds, 50);
    end(arena);
}

static void fill_chunks(cairn_arena *arena)
{
    for (int i = 0; i < 300; i++)
        filled(arena, 100, 1);
    filled(arena, 50000, 1);
}

TEST(what_a_reset_keeps)
{
    static const size_t keeps[] = {0, 1, 8000, 40000, SIZE_MAX};
    for (int i = 0; i < 5; i++)
        for (int by_mark = 0; by_mark < 2; by_mark++) {
            cairn_arena *arena = make((cairn_arena_opts){.keep = keeps[i], .first_chunk = 512});
            cairn_mark mark = cairn_arena_mark(arena);
            for (int round = 0; round < 3; round++) {
                fill_chunks(arena);
                size_t before = cairn_arena_stats_get(arena).reserved;
                if (by_mark)
                    assert_true(cairn_arena_rewind(arena, mark));
                else
                    cairn_arena_reset(arena);
                audit(arena);
                size_t after = cairn_arena_stats_get(arena).reserved;
                if (keeps[i] == 0)
                    assert_int_equal(after, before);
                else
                    assert_true(after <= keeps[i]);
                if (keeps[i] == 8000)
                    assert_true(after > 2000);
            }
            assert_int_equal(cairn_arena_stats_get(arena).resets, by_mark ? 0 : 3);
            end(arena);
        }
}

/* The only chunk counts, too. */
TEST(a_reset_that_keeps_nothing)
{
    cairn_arena *arena = make((cairn_arena_opts){.keep = 1});
    for (int i = 0; i < 3; i++) {
        cairn_mark mark = cairn_arena_mark(arena);
        filled(arena, 8, 1);
        assert_true(cairn_arena_rewind(arena, mark));
        assert_int_equal(cairn_arena_stats_get(arena).reserved, 0);
        filled(arena, 8, 1);
        cairn_arena_reset(arena);
        assert_int_equal(cairn_arena_stats_get(arena).reserved, 0);
        audit(arena);
    }
    end(arena);
}

TEST(trimming)
{
    cairn_arena *arena = make((cairn_arena_opts){.first_chunk = 512});
    assert_int_equal(cairn_arena_trim(arena, 0), 0);
    fill_chunks(arena);
    assert_int_equal(cairn_arena_trim(arena, 0), 0);
    size_t reserved = cairn_arena_stats_get(arena).reserved;
    assert_int_equal(reserved, source.bytes - sizeof(cairn_arena));
    cairn_arena_reset(arena);
    assert_int_equal(cairn_arena_stats_get(arena).peak >= 80000, 1);
    size_t given = cairn_arena_trim(arena, 4000);
    assert_true(given >= reserved - 4000);
    audit(arena);
    assert_int_equal(source.bytes - sizeof(cairn_arena), reserved - given);
    assert_int_equal(cairn_arena_trim(arena, 4000), 0);
    cairn_arena_trim(arena, 0);
    assert_int_equal(cairn_arena_stats_get(arena).reserved, 0);
    /* As at the beginning. */
    filled(arena, 8, 1);
    assert_int_equal(cairn_arena_stats_get(arena).reserved, 512);
    fill_chunks(arena);
    end(arena);
}

/* ---- walks ---- */

struct walk {
    size_t used, gaps, ranges, most;
};

static bool on_range(void *context, void *ptr, size_t size, bool in_use)
{
    struct walk *walk = context;
    assert_true(ptr != NULL && size != 0);
    *(in_use ? &walk->used : &walk->gaps) += size;
    return ++walk->ranges < walk->most;
}

TEST(visiting)
{
    cairn_arena *arena = make((cairn_arena_opts){.first_chunk = 512});
    for (int i = 0; i < 2; i++) {
        fill_chunks(arena);
        cairn_arena_stats stats = cairn_arena_stats_get(arena);
        struct walk walk = {.most = SIZE_MAX};
        assert_true(cairn_arena_visit(arena, on_range, &walk));
        assert_int_equal(walk.used, stats.used);
        assert_int_equal(walk.used + walk.gaps, stats.reserved - stats.chunks * CHUNK_EXTRA);
        for (size_t most = 1; most < walk.ranges; most++) {
            struct walk part = {.most = most};
            assert_false(cairn_arena_visit(arena, on_range, &part));
            assert_int_equal(part.ranges, most);
        }
        cairn_arena_reset(arena);
    }
    end(arena);
}

/* ---- a random life ---- */

enum { LIVE = 64, MARKS = 64, ENDINGS = 16 };

struct life {
    cairn_arena *arena;
    size_t large_in; /* one block of so many is large */
    uint64_t seed;
    size_t time;
    struct {
        char *ptr; /* NULL: none */
        cairn_layout layout;
        uint64_t key;
        size_t since;
    } blocks[LIVE];
    struct {
        cairn_mark mark;
        size_t since;
        bool live;
    } marks[MARKS];
    struct ending { /* a cleanup, or a child with one */
        cairn_arena *child;
        size_t since;
        bool live;
    } endings[ENDINGS];
};

static void note_end(void *context)
{
    struct ending *ending = context;
    REQUIRE(ending->live);
    ending->live = false;
}

static void live_ending(struct life *life, size_t i)
{
    struct ending *ending = &life->endings[i];
    if (ending->live && ending->child != NULL) {
        cairn_arena_destroy(ending->child);
        REQUIRE(!ending->live);
    } else if (ending->live) {
        REQUIRE(cairn_arena_remove_cleanup(life->arena, note_end, ending));
        ending->live = false;
    } else if (i % 2 == 0) {
        ending->child = NULL;
        ending->since = life->time;
        ending->live = cairn_arena_add_cleanup(life->arena, note_end, ending);
    } else {
        ending->child = cairn_arena_create(&(cairn_arena_opts){.parent = life->arena});
        ending->since = life->time;
        ending->live = ending->child != NULL &&
                       cairn_arena_add_cleanup(ending->child, note_end, ending);
        if (ending->child != NULL && !ending->live)
            cairn_arena_destroy(ending->child);
    }
}

static size_t draw_size(struct life *life)
{
    size_t bound = unit_below(&life->seed, life->large_in) != 0 ? 200 : 9000;
    return unit_below(&life->seed, bound);
}

static void live_alloc(struct life *life, size_t i)
{
    cairn_layout layout = {draw_size(life), (size_t)1 << unit_below(&life->seed, 8)};
    char *ptr = cairn_arena_alloc(life->arena, layout.size, layout.align);
    if (ptr == NULL) {
        REQUIRE(source.fail_at != 0);
        return;
    }
    REQUIRE((uintptr_t)ptr % layout.align == 0);
    life->blocks[i].ptr = ptr;
    life->blocks[i].layout = layout;
    life->blocks[i].key = life->time;
    life->blocks[i].since = life->time;
    unit_fill(ptr, layout.size, life->time);
}

static void live_realloc(struct life *life, size_t i)
{
    char *ptr = life->blocks[i].ptr;
    cairn_layout layout = life->blocks[i].layout;
    size_t new_size = draw_size(life);
    char *moved = cairn_arena_realloc(life->arena, ptr, layout, new_size);
    if (moved == NULL) {
        REQUIRE(new_size > layout.size && source.fail_at != 0);
        REQUIRE(unit_is_filled(ptr, layout.size, life->blocks[i].key));
        return;
    }
    REQUIRE(unit_is_filled(moved, size_min(layout.size, new_size), life->blocks[i].key));
    unit_fill(moved, new_size, life->blocks[i].key);
    life->blocks[i].ptr = moved;
    life->blocks[i].layout.size = new_size;
    if (moved != ptr || new_size > layout.size)
        life->blocks[i].since = life->time;
}

static void check_contents(const struct life *life)
{
    for (int i = 0; i < LIVE; i++)
        if (life->blocks[i].ptr != NULL)
            REQUIRE(unit_is_filled(life->blocks[i].ptr, life->blocks[i].layout.size,
                                   life->blocks[i].key));
}

static void live_mark(struct life *life, size_t i)
{
    cairn_mark mark = cairn_arena_mark(life->arena);
    life->marks[i].mark = mark;
    life->marks[i].since = life->time;
    life->marks[i].live = true;
    /* The same one again: it stands for the time it was first made. */
    for (size_t j = 0; j < MARKS; j++)
        if (j != i && life->marks[j].live && life->marks[j].mark.serial == mark.serial)
            life->marks[i].since = life->marks[j].since;
}

static void forget_since(struct life *life, size_t time, uint64_t serial)
{
    for (int i = 0; i < LIVE; i++)
        if (life->blocks[i].since > time)
            life->blocks[i].ptr = NULL;
    for (int i = 0; i < MARKS; i++)
        if (life->marks[i].mark.serial > serial)
            life->marks[i].live = false;
    for (int i = 0; i < ENDINGS; i++)
        REQUIRE(!(life->endings[i].live && life->endings[i].since > time));
}

static void live_rewind(struct life *life, size_t i)
{
    bool lived[ENDINGS];
    for (int j = 0; j < ENDINGS; j++)
        lived[j] = life->endings[j].live;
    bool done = cairn_arena_rewind(life->arena, life->marks[i].mark);
    REQUIRE(done == life->marks[i].live);
    if (done)
        forget_since(life, life->marks[i].since, life->marks[i].mark.serial);
    check_contents(life);
    for (int j = 0; j < ENDINGS; j++)
        REQUIRE(life->endings[j].live ==
                (lived[j] && (!done || life->endings[j].since <= life->marks[i].since)));
}

static void live_step(struct life *life)
{
    life->time++;
    size_t i = unit_below(&life->seed, LIVE), choice = unit_below(&life->seed, 1000);
    if (choice < 30) {
        live_mark(life, unit_below(&life->seed, MARKS));
    } else if (choice < 60) {
        live_rewind(life, unit_below(&life->seed, MARKS));
    } else if (choice < 65) {
        cairn_arena_reset(life->arena);
        memset(life->blocks, 0, sizeof life->blocks);
        for (int j = 0; j < MARKS; j++)
            life->marks[j].live = false;
        /* Children live on, without their cleanups. */
        for (int j = 0; j < ENDINGS; j++)
            REQUIRE(!life->endings[j].live);
    } else if (choice < 80) {
        cairn_arena_trim(life->arena, unit_below(&life->seed, 20000));
    } else if (choice < 110) {
        live_ending(life, unit_below(&life->seed, ENDINGS));
    } else if (life->blocks[i].ptr == NULL) {
        live_alloc(life, i);
    } else if (choice < 600) {
        live_realloc(life, i);
    } else {
        cairn_arena_dealloc(life->arena, life->blocks[i].ptr, life->blocks[i].layout);
        life->blocks[i].ptr = NULL;
    }
    audit(life->arena);
}

static void live(uint64_t seed, cairn_arena_opts opts, size_t steps, size_t fail_at)
{
    static struct life life;
    memset(&life, 0, sizeof life);
    life.seed = seed;
    life.large_in = seed % 3 == 0 ? 1 : 20;
    life.arena = make(opts);
    source.fail_at = fail_at != 0 ? source.calls + fail_at : 0;
    source.fail_on = seed % 2 == 0;
    for (size_t i = 0; i < steps; i++) {
        live_step(&life);
        /* Short of memory for a while only. */
        if (source.fail_on && source.calls > source.fail_at + 20)
            source.fail_at = source.calls + 20;
    }
    check_contents(&life);
    source.fail_at = 0;
    end(life.arena);
}

TEST(a_random_life)
{
    size_t steps = unit_rounds(6000);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        live(seed, (cairn_arena_opts){.first_chunk = 256}, steps, 0);
        live(seed, (cairn_arena_opts){.first_chunk = 1024, .max_chunk = 1, .keep = 9000}, steps, 0);
    }
}

TEST(a_random_life_short_of_memory)
{
    for (size_t fail_at = 1; fail_at <= 80; fail_at++)
        live(fail_at, (cairn_arena_opts){.first_chunk = 256, .max_chunk = 2048}, unit_rounds(1000),
             fail_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(an_ended_one_serves_nothing),
        cmocka_unit_test(defaults),
        cmocka_unit_test(size_0),
        cmocka_unit_test(the_last_block_grows_in_place_and_is_given_back),
        cmocka_unit_test(chunks_double),
        cmocka_unit_test(chunks_of_one_size),
        cmocka_unit_test(a_large_block_leaves_the_chunk_as_it_is),
        cmocka_unit_test(a_large_block_grows),
        cmocka_unit_test(a_large_block_is_given_back),
        cmocka_unit_test(reserving),
        cmocka_unit_test(a_block_that_would_waste_the_rest),
        cmocka_unit_test(a_source_of_small_blocks),
        cmocka_unit_test(the_peak),
        cmocka_unit_test(the_limit_holds),
        cmocka_unit_test(what_is_kept_is_not_in_the_way_of_the_limit),
        cmocka_unit_test(what_is_kept_is_given_to_a_source_that_has_nothing_left),
        cmocka_unit_test(requests_make_no_calls_of_the_source),
        cmocka_unit_test(what_a_reset_keeps),
        cmocka_unit_test(a_reset_that_keeps_nothing),
        cmocka_unit_test(trimming),
        cmocka_unit_test(visiting),
        cmocka_unit_test(a_random_life),
        cmocka_unit_test(a_random_life_short_of_memory),
    };
    return UNIT_MAIN(tests);
}
