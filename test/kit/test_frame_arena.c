/* SPDX-License-Identifier: MIT */
/* frame_arena.h: what stays valid for how long, when the source is called, budgets and figures. */
#include "unit/unit.h"

#include "base/visible.h"
#include "cairn/arena_string.h"
#include "cairn/arena_tree.h"
#include "cairn/frame_arena.h"
#include "kit/arena_source.h"

static struct arena_source source;

static void audit(const cairn_frame_arena *frames)
{
    const char *wrong = cairn_frame_arena_audit(frames);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static cairn_frame_arena *make(cairn_frame_arena_opts opts)
{
    opts.source = source_of(&source);
    cairn_frame_arena *frames = cairn_frame_arena_create(&opts);
    assert_non_null(frames);
    return frames;
}

static void end(cairn_frame_arena *frames)
{
    audit(frames);
    cairn_frame_arena_destroy(frames);
    assert_int_equal(source.live, 0);
}

static char *filled(cairn_frame_arena *frames, size_t size, uint64_t key)
{
    char *block = cairn_frame_arena_alloc(frames, size, 8);
    assert_non_null(block);
    unit_fill(block, size, key);
    return block;
}

enum { BLOCKS = 200 };

struct frame {
    char *blocks[BLOCKS];
    size_t sizes[BLOCKS];
};

/* Sizes differ from frame to frame, and so does their order; the sum is at most `bytes`. */
static void draw(cairn_frame_arena *frames, struct frame *frame, uint64_t key, size_t bytes)
{
    uint64_t seed = key;
    for (int i = 0; i < BLOCKS; i++) {
        size_t part = bytes / BLOCKS * 2;
        frame->sizes[i] = unit_below(&seed, i == (int)(key % BLOCKS) ? bytes / 4 : part / 2);
        frame->blocks[i] = filled(frames, frame->sizes[i], key * BLOCKS + (size_t)i);
    }
}

static void check(const struct frame *frame, uint64_t key)
{
    for (int i = 0; i < BLOCKS; i++)
        assert_true(unit_is_filled(frame->blocks[i], frame->sizes[i], key * BLOCKS + (size_t)i));
}

/* The last frame's blocks are there until this one's end; and once the largest frame has been, no
 * call of the source is made any more. */
TEST(frames)
{
    cairn_frame_arena *frames = make((cairn_frame_arena_opts){.name = "frames"});
    static struct frame drawn[2];
    size_t calls = 0, given = 0;
    for (uint64_t i = 1; i < 300; i++) {
        draw(frames, &drawn[i % 2], i, i == 20 ? 900000 : 700000);
        if (i > 1)
            check(&drawn[(i - 1) % 2], i - 1);
        audit(frames);
        cairn_frame_arena_flip(frames);
        audit(frames);
        check(&drawn[i % 2], i);
        if (i == 21) {
            calls = source.calls;
            given = source.given;
        }
    }
    assert_int_equal(source.calls, calls);
    assert_int_equal(source.given, given);
    cairn_frame_arena_stats stats = cairn_frame_arena_stats_get(frames);
    assert_string_equal(stats.name, "frames");
    assert_int_equal(stats.frames, 299);
    assert_int_equal(stats.refused, 0);
    assert_int_equal(stats.used, 0);
    assert_true(stats.used_last > 100000 && stats.high_water > stats.used_last);
    assert_true(stats.reserved >= 2 * stats.high_water);
    assert_true(stats.reserved <= 2 * (stats.high_water + stats.high_water / 4) + 1024);
    end(frames);
}

TEST(a_first_size_spares_the_warm_up)
{
    cairn_frame_arena *frames = make((cairn_frame_arena_opts){.first = 4 << 20});
    size_t calls = source.calls;
    static struct frame drawn;
    for (uint64_t i = 1; i < 20; i++) {
        draw(frames, &drawn, i, 700000);
        cairn_frame_arena_flip(frames);
    }
    assert_int_equal(source.calls, calls);
    end(frames);
}

/* Exactly so many bytes, in each frame, without a call of the source. */
TEST(a_budget)
{
    cairn_frame_arena *frames = make((cairn_frame_arena_opts){.budget = 9990});
    assert_int_equal(cairn_frame_arena_stats_get(frames).budget, 10000 - 10000 % 16);
    size_t calls = source.calls;
    for (int i = 0; i < 10 && !cairn__is_watched(); i++) {
        filled(frames, 9992, 1);
        assert_null(cairn_frame_arena_alloc(frames, 16, 8));
        assert_non_null(cairn_frame_arena_alloc(frames, 8, 8));
        assert_null(cairn_frame_arena_alloc(frames, 0, 1));
        assert_null(cairn_frame_arena_alloc(frames, 100000, 1));
        cairn_frame_arena_stats stats = cairn_frame_arena_stats_get(frames);
        assert_int_equal(stats.used, 10000);
        assert_int_equal(stats.high_water, 10000);
        assert_int_equal(stats.refused, (i + 1) * 3);
        assert_int_equal(source.calls, calls);
        audit(frames);
        cairn_frame_arena_flip(frames);
    }
    end(frames);
}

static int cleaned;

static void clean(void *frames)
{
    cleaned++;
    cairn_frame_arena_flip(frames);
}

/* A cleanup is run two flips later; a flip within it does nothing. */
TEST(what_arenas_can_do)
{
    cairn_frame_arena *frames = make((cairn_frame_arena_opts){.name = NULL});
    char *text = cairn_arena_printf(cairn_frame_arena_now(frames), "frame %d", 1);
    assert_true(cairn_arena_add_cleanup(cairn_frame_arena_now(frames), clean, frames));
    cairn_frame_arena_flip(frames);
    assert_int_equal(cleaned, 0);
    assert_string_equal(text, "frame 1");
    cairn_frame_arena_flip(frames);
    assert_int_equal(cleaned, 1);
    assert_int_equal(cairn_frame_arena_stats_get(frames).frames, 2);
    end(frames);
}

TEST(as_an_allocator)
{
    cairn_frame_arena *frames = make((cairn_frame_arena_opts){.name = NULL});
    cairn_allocator allocator = cairn_frame_arena_allocator(frames);
    cairn_layout layout = {100, 8};
    char *block = cairn_allocator_alloc(allocator, layout);
    unit_fill(block, 100, 1);
    assert_ptr_equal(cairn_allocator_realloc(allocator, block, layout, 90), block);
    layout.size = 90;
    cairn_frame_arena_flip(frames);
    char *moved = cairn_allocator_realloc(allocator, block, layout, 80);
    assert_ptr_not_equal(moved, block);
    assert_true(cairn_allocator_owns(allocator, moved));
    cairn_frame_arena_flip(frames);
    assert_true(unit_is_filled(moved, 80, 1));
    assert_true(cairn_allocator_owns(allocator, moved));
    cairn_allocator_dealloc(allocator, moved, cairn__layout(80, 8));
    assert_false(cairn_allocator_owns(allocator, &frames));
    char *zeroed = cairn_allocator_alloc_zeroed(allocator, layout);
    assert_true(unit_is_zero(zeroed, 90));
    end(frames);
}

TEST(bad_input)
{
    cairn_frame_arena frames = {.now = NULL};
    cairn_frame_arena_fini(&frames);
    cairn_frame_arena_destroy(NULL);
    assert_false(cairn_frame_arena_init(&frames, &(cairn_frame_arena_opts){.budget = SIZE_MAX}));
    assert_null(cairn_frame_arena_alloc(&frames, 1, 1));
    assert_false(cairn_frame_arena_init(
        &frames, &(cairn_frame_arena_opts){.first = SIZE_MAX, .source = source_of(&source)}));
    assert_null(cairn_frame_arena_create(&(cairn_frame_arena_opts){.budget = PTRDIFF_MAX}));
    cairn_frame_arena_fini(&frames);
    cairn_frame_arena_flip(&frames);
    assert_true(cairn_frame_arena_init(&frames, NULL));
    assert_null(cairn_frame_arena_alloc(&frames, 8, 3));
    assert_null(cairn_frame_arena_alloc(&frames, SIZE_MAX, 1));
    assert_int_equal(cairn_frame_arena_stats_get(&frames).refused, 2);
    cairn_frame_arena_destroy(&frames);
    assert_non_null(cairn_frame_arena_alloc(&frames, 8, 8));
    audit(&frames);
    cairn_frame_arena_fini(&frames);
    cairn_frame_arena_fini(&frames);
    assert_int_equal(source.live, 0);
}

TEST(nothing_is_lost_when_the_source_fails)
{
    for (size_t budget = 0; budget < 2000; budget += 1000)
        for (size_t n = 1; n < 30; n++) {
            memset(&source, 0, sizeof source);
            source.fail_at = n;
            cairn_frame_arena *frames = cairn_frame_arena_create(
                &(cairn_frame_arena_opts){.source = source_of(&source), .budget = budget});
            if (frames == NULL) {
                assert_int_equal(source.live, 0);
                continue;
            }
            char *last = NULL;
            for (uint64_t i = 0; i < 12; i++) {
                for (int j = 0; j < 100; j++)
                    cairn_frame_arena_alloc(frames, 300 * i, 8);
                char *block = cairn_frame_arena_alloc(frames, 8, 8);
                if (block != NULL)
                    unit_fill(block, 8, i);
                if (last != NULL)
                    assert_true(unit_is_filled(last, 8, i - 1));
                last = block;
                audit(frames);
                cairn_frame_arena_flip(frames);
                audit(frames);
            }
            end(frames);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),
        cmocka_unit_test(a_first_size_spares_the_warm_up),
        cmocka_unit_test(a_budget),
        cmocka_unit_test(what_arenas_can_do),
        cmocka_unit_test(as_an_allocator),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(nothing_is_lost_when_the_source_fails),
    };
    return UNIT_MAIN(tests);
}
