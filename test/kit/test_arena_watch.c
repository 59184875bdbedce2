/* SPDX-License-Identifier: MIT */
/* That AddressSanitizer and memcheck know what is in use in bumps and arenas, and what is not. */
#include "unit/unit.h"

#include "cairn/arena.h"
#include "cairn/arena_tree.h"
#include "cairn/atomic_bump.h"
#include "cairn/bump.h"
#include "cairn/frame_arena.h"
#include "kit/watched.h"

static cairn_arena *make(void)
{
    cairn_arena *arena = cairn_arena_create(&(cairn_arena_opts){.first_chunk = 1024});
    assert_non_null(arena);
    return arena;
}

TEST(arena_blocks_and_their_neighbours)
{
    cairn_arena *arena = make();
    for (size_t size = 1; size < 3000; size = size * 3 / 2 + 1) {
        char *block = cairn_arena_alloc(arena, size, 1);
        expect(block, size, true);
        expect(block - 8, 8, false);
        expect(block + size, 1, false);
        expect(block + (size + 7) / 8 * 8, 8, false);
        memset(block, 1, size);
    }
    char *zeroed = cairn_arena_alloc_zeroed(arena, 40, 8);
    expect(zeroed, 40, true);
    assert_null(cairn_arena_audit(arena));
    cairn_arena_destroy(arena);
}

TEST(arena_blocks_that_ended)
{
    cairn_arena *arena = make();
    char *first = cairn_arena_alloc(arena, 24, 8), *second = cairn_arena_alloc(arena, 24, 8);
    cairn_arena_dealloc(arena, first, cairn__layout(24, 8));
    expect(first, 24, false);
    expect(second, 24, true);
    cairn_mark mark = cairn_arena_mark(arena);
    char *third = cairn_arena_alloc(arena, 100, 8), *large = cairn_arena_alloc(arena, 100000, 8);
    char *next_chunk = cairn_arena_alloc(arena, 800, 8);
    assert_true(cairn_arena_rewind(arena, mark));
    expect(third, 100, false);
    expect(large, 1000, false);
    expect(next_chunk, 800, false);
    expect(second, 24, true);
    assert_ptr_equal(cairn_arena_alloc(arena, 50, 8), third);
    expect(third, 50, true);
    expect(third + 56, 44, false);
    cairn_arena_dealloc(arena, third, cairn__layout(50, 8));
    expect(third, 100, false);
    cairn_arena_reset(arena);
    expect(second, 24, false);
    cairn_arena_trim(arena, 0);
    assert_null(cairn_arena_audit(arena));
    cairn_arena_destroy(arena);
}

TEST(arena_blocks_that_change_their_size)
{
    cairn_arena *arena = make();
    char *first = cairn_arena_alloc(arena, 24, 8), *last = cairn_arena_alloc(arena, 24, 8);
    memset(first, 1, 24);
    memset(last, 2, 24);
    assert_ptr_equal(cairn_arena_realloc(arena, last, cairn__layout(24, 8), 100), last);
    expect(last, 100, true);
    assert_int_equal(last[23], 2);
    assert_ptr_equal(cairn_arena_realloc(arena, last, cairn__layout(100, 8), 32), last);
    expect(last + 32, 68, false);
    assert_ptr_equal(cairn_arena_realloc(arena, first, cairn__layout(24, 8), 16), first);
    expect(first, 16, true);
    expect(first + 16, 8, false);
    char *moved = cairn_arena_realloc(arena, first, cairn__layout(16, 8), 64);
    expect(first, 16, false);
    expect(moved, 64, true);
    assert_int_equal(moved[15], 1);
    char *large = cairn_arena_alloc(arena, 100000, 8);
    char *larger = cairn_arena_realloc(arena, large, cairn__layout(100000, 8), 200000);
    expect(larger + 199000, 1000, true);
    expect(larger + 200000, 8, false);
    assert_null(cairn_arena_audit(arena));
    cairn_arena_destroy(arena);
}

/* The arena's own notes are not taken for anybody's crime. */
TEST(arena_notes)
{
    cairn_arena *arena = make();
    cairn_arena *child = cairn_arena_create(&(cairn_arena_opts){.parent = arena});
    cairn_mark marks[100];
    for (int i = 0; i < 100; i++) {
        memset(cairn_arena_alloc(arena, (size_t)i * 7, 1), 1, (size_t)i * 7);
        marks[i] = cairn_arena_mark(arena);
        memset(cairn_arena_alloc(child, 100, 8), 1, 100);
    }
    for (int i = 99; i >= 0; i -= 3) {
        const char *latest = (const char *)arena->mark;
        expect(latest, sizeof *arena->mark, true);
        assert_true(cairn_arena_rewind(arena, marks[i]));
        if (i < 99)
            expect(latest, sizeof *arena->mark, false);
        assert_null(cairn_arena_audit(arena));
    }
    cairn_arena_destroy(arena);
}

TEST(frames)
{
    cairn_frame_arena *frames = cairn_frame_arena_create(NULL);
    char *first = cairn_frame_arena_alloc(frames, 32, 8);
    cairn_frame_arena_flip(frames);
    expect(first, 32, true);
    char *second = cairn_frame_arena_alloc(frames, 32, 8);
    cairn_frame_arena_flip(frames);
    expect(first, 32, false);
    expect(second, 32, true);
    cairn_frame_arena_destroy(frames);
}

TEST(bumps)
{
    static _Alignas(16) char region[1024];
    cairn_bump bump;
    cairn_bump_init(&bump, region, sizeof region);
    expect(region, sizeof region, false);
    char *first = cairn_bump_alloc(&bump, 24, 8), *second = cairn_bump_alloc(&bump, 20, 8);
    expect(first, 44, true);
    expect(region + 44, 980, false);
    assert_ptr_equal(cairn_bump_realloc(&bump, second, cairn__layout(20, 8), 40), second);
    expect(second, 40, true);
    assert_ptr_equal(cairn_bump_realloc(&bump, second, cairn__layout(40, 8), 16), second);
    expect(second + 16, 24, false);
    cairn_bump_dealloc(&bump, first, cairn__layout(24, 8));
    expect(first, 24, false);
    assert_true(cairn_bump_rewind(&bump, 24));
    expect(second, 16, false);
    cairn_bump_fini(&bump);
    expect(region, sizeof region, true);

    cairn_atomic_bump atomic;
    cairn_atomic_bump_init(&atomic, region, sizeof region);
    first = cairn_atomic_bump_alloc(&atomic, 24, 8);
    second = cairn_atomic_bump_alloc(&atomic, 20, 8);
    expect(first, 44, true);
    expect(region + 44, 980, false);
    cairn_atomic_bump_dealloc(&atomic, first, cairn__layout(24, 8));
    expect(first, 24, false);
    assert_ptr_equal(cairn_atomic_bump_realloc(&atomic, second, cairn__layout(20, 8), 8), second);
    expect(second + 8, 12, false);
    cairn_atomic_bump_reset(&atomic);
    expect(second, 8, false);
    cairn_atomic_bump_fini(&atomic);
    expect(region, sizeof region, true);
}

static int tests_of_watched(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_blocks_and_their_neighbours),
        cmocka_unit_test(arena_blocks_that_ended),
        cmocka_unit_test(arena_blocks_that_change_their_size),
        cmocka_unit_test(arena_notes),
        cmocka_unit_test(frames),
        cmocka_unit_test(bumps),
    };
    return UNIT_MAIN(tests);
}

/* ---- under memcheck ---- */

/* A read after a rewind. */
static void commit_crime(void)
{
    cairn_arena *arena = make();
    cairn_mark mark = cairn_arena_mark(arena);
    volatile char *block = cairn_arena_alloc(arena, 24, 8);
    *block = 1;
    cairn_arena_rewind(arena, mark);
    char read = *block;
    (void)read;
    cairn_arena_destroy(arena);
}

int main(int argc, char **argv)
{
    return watched_main(argc, argv,
                        &(struct watched){
                            .tests_of_watched = tests_of_watched,
                            .commit_crime = commit_crime,
                            .said = {"Invalid read of size 1", "commit_crime"},
                        });
}
