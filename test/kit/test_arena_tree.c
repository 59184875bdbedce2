/* SPDX-License-Identifier: MIT */
/* arena.h's marks, and arena_tree.h: what ends when, in which order, and what is refused meanwhile. */
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
}

static cairn_arena *make(cairn_arena *parent)
{
    cairn_arena *arena = cairn_arena_create(
        &(cairn_arena_opts){.source = source_of(&source), .parent = parent, .first_chunk = 512});
    assert_non_null(arena);
    return arena;
}

static void end(cairn_arena *arena)
{
    audit(arena);
    cairn_arena_destroy(arena);
    assert_int_equal(source.live, 0);
}

static char *filled(cairn_arena *arena, size_t size)
{
    char *block = cairn_arena_alloc(arena, size, 8);
    assert_non_null(block);
    unit_fill(block, size, size);
    return block;
}

/* ---- marks ---- */

TEST(marks_nest)
{
    cairn_arena *arena = make(NULL);
    cairn_mark start = cairn_arena_mark(arena);
    char *first = filled(arena, 100);
    cairn_mark outer = cairn_arena_mark(arena);
    size_t used = cairn_arena_stats_get(arena).used;
    filled(arena, 1000);
    cairn_mark inner = cairn_arena_mark(arena);
    filled(arena, 3000);
    assert_true(cairn_arena_rewind(arena, inner));
    assert_true(cairn_arena_rewind(arena, inner));
    filled(arena, 1);
    assert_true(cairn_arena_rewind(arena, outer));
    assert_int_equal(cairn_arena_stats_get(arena).used, used);
    assert_false(cairn_arena_rewind(arena, inner));
    filled(arena, 2000);
    assert_false(cairn_arena_rewind(arena, inner));
    assert_true(unit_is_filled(first, 100, 100));
    audit(arena);
    assert_true(cairn_arena_rewind(arena, start));
    assert_false(cairn_arena_rewind(arena, outer));
    assert_int_equal(cairn_arena_stats_get(arena).used, 0);
    end(arena);
}

TEST(marks_that_are_gone)
{
    cairn_arena *arena = make(NULL), *other = make(NULL);
    cairn_mark empty = cairn_arena_mark(arena);
    filled(arena, 10);
    cairn_mark mark = cairn_arena_mark(arena);
    assert_false(cairn_arena_rewind(other, mark));
    assert_false(cairn_arena_rewind(other, empty));
    assert_false(cairn_arena_rewind(arena, (cairn_mark){NULL, 0}));
    assert_false(cairn_arena_rewind(arena, (cairn_mark){arena, 0}));
    assert_false(cairn_arena_rewind(arena, (cairn_mark){arena, UINT64_MAX}));
    cairn_arena_reset(arena);
    assert_false(cairn_arena_rewind(arena, mark));
    assert_false(cairn_arena_rewind(arena, empty));
    filled(arena, 10);
    assert_false(cairn_arena_rewind(arena, mark));
    cairn_mark again = cairn_arena_mark(arena);
    assert_false(cairn_arena_rewind(arena, mark));
    assert_true(cairn_arena_rewind(arena, again));
    cairn_arena_destroy(other);
    end(arena);
}

/* A loop that marks and rewinds takes no more memory each time. */
TEST(a_mark_again_and_again)
{
    cairn_arena *arena = make(NULL);
    filled(arena, 10);
    size_t used = 0;
    for (int i = 0; i < 1000; i++) {
        cairn_mark mark = cairn_arena_mark(arena);
        if (i == 0)
            used = cairn_arena_stats_get(arena).used;
        assert_int_equal(cairn_arena_mark(arena).serial, mark.serial);
        filled(arena, 100);
        cairn_arena_mark(arena);
        assert_true(cairn_arena_rewind(arena, mark));
        assert_int_equal(cairn_arena_stats_get(arena).used, used);
        audit(arena);
    }
    end(arena);
}

/* Large blocks leave the cursor where it is, and are told apart by marks all the same. */
TEST(marks_between_large_blocks)
{
    for (int with_small = 0; with_small < 2; with_small++) {
        cairn_arena *arena = make(NULL);
        if (with_small)
            filled(arena, 8);
        cairn_mark marks[5];
        char *blocks[5];
        for (size_t i = 0; i < 5; i++) {
            size_t calls = source.calls;
            marks[i] = cairn_arena_mark(arena);
            assert_int_equal(source.calls, calls);
            blocks[i] = filled(arena, 10000 + i);
            audit(arena);
        }
        size_t used = cairn_arena_stats_get(arena).used;
        assert_true(cairn_arena_rewind(arena, marks[3]));
        assert_true(cairn_arena_stats_get(arena).used <= used - 20007);
        for (size_t i = 0; i < 3; i++)
            assert_true(unit_is_filled(blocks[i], 10000 + i, 10000 + i));
        assert_false(cairn_arena_rewind(arena, marks[4]));
        assert_true(cairn_arena_rewind(arena, marks[1]));
        filled(arena, 10000);
        cairn_arena_mark(arena);
        assert_false(cairn_arena_rewind(arena, marks[2]));
        assert_false(cairn_arena_rewind(arena, marks[3]));
        assert_true(unit_is_filled(blocks[0], 10000, 10000));
        audit(arena);
        end(arena);
    }
}

/* A mark after a large block protects the small ones before it, too. */
TEST(a_mark_after_a_large_block)
{
    cairn_arena *arena = make(NULL);
    char *small = filled(arena, 24);
    filled(arena, 10000);
    cairn_mark mark = cairn_arena_mark(arena);
    size_t used = cairn_arena_stats_get(arena).used;
    assert_false(cairn_arena_resize(arena, small, cairn__layout(24, 8), 32));
    cairn_arena_dealloc(arena, small, cairn__layout(24, 8));
    assert_int_equal(cairn_arena_stats_get(arena).used, used);
    assert_ptr_not_equal(filled(arena, 24), small);
    assert_true(cairn_arena_rewind(arena, mark));
    assert_int_equal(cairn_arena_stats_get(arena).used, used);
    end(arena);
}

/* Places that are one behind the other without a byte between them: at the end of a full chunk, of a
 * large one, and wherever there is room after a child. */
TEST(marks_at_a_full_chunk)
{
    for (int out_of_memory = 0; out_of_memory < 2; out_of_memory++) {
        cairn_arena *arena = make(NULL);
        filled(arena, 8);
        while (cairn_arena_stats_get(arena).room > 24)
            assert_non_null(cairn_arena_alloc(arena, 1, 1));
        cairn_mark marks[7];
        cairn_arena *children[7] = {NULL};
        for (int i = 0; i < 7; i++) {
            source.fail_at = out_of_memory ? 1 : 0;
            source.fail_on = true;
            marks[i] = cairn_arena_mark(arena);
            source.fail_at = 0;
            audit(arena);
            if (i % 2 == 0)
                filled(arena, 10000);
            else
                children[i] = make(arena);
            audit(arena);
        }
        for (int i = 6; i >= 0; i--) {
            if (i % 2 == 1)
                assert_ptr_equal(arena->child, children[i]);
            assert_true(cairn_arena_rewind(arena, marks[i]));
            assert_true(cairn_arena_rewind(arena, marks[i]));
            audit(arena);
            for (int later = i + 1; later < 7; later++)
                assert_false(cairn_arena_rewind(arena, marks[later]));
        }
        end(arena);
    }
}

/* The first chunk may be given back while it is empty, and another may take its place. */
TEST(a_mark_while_the_first_chunk_is_empty)
{
    for (int with_new_chunk = 0; with_new_chunk < 2; with_new_chunk++) {
        cairn_arena *arena = make(NULL);
        filled(arena, 8);
        cairn_arena_reset(arena);
        char *large = filled(arena, 10000);
        cairn_mark mark = cairn_arena_mark(arena);
        assert_int_not_equal(cairn_arena_trim(arena, 0), 0);
        audit(arena);
        if (with_new_chunk)
            filled(arena, 400);
        assert_true(cairn_arena_rewind(arena, mark));
        audit(arena);
        filled(arena, 400);
        assert_true(cairn_arena_rewind(arena, mark));
        audit(arena);
        assert_true(unit_is_filled(large, 10000, 10000));
        end(arena);
    }
}

/* Filled to the last byte, and the source has nothing more. */
TEST(a_mark_needs_no_memory)
{
    for (size_t left = 0; left < 80; left++) {
        cairn_arena *arena = make(NULL);
        filled(arena, 8);
        while (cairn_arena_stats_get(arena).room > left)
            if (cairn_arena_alloc(arena, 1, 1) == NULL || cairn_arena_stats_get(arena).chunks != 1)
                break;
        source.fail_at = 1;
        source.fail_on = true;
        cairn_mark mark = cairn_arena_mark(arena);
        audit(arena);
        size_t used = cairn_arena_stats_get(arena).used;
        cairn_arena_alloc(arena, 1, 1);
        source.fail_at = 0;
        cairn_arena *child = make(arena);
        source.fail_at = 1;
        cairn_mark later = cairn_arena_mark(arena);
        audit(arena);
        assert_int_not_equal(later.serial, mark.serial);
        source.fail_at = 0;
        filled(arena, 5000);
        assert_true(cairn_arena_rewind(arena, later));
        assert_ptr_equal(arena->child, child);
        audit(arena);
        assert_true(cairn_arena_rewind(arena, mark));
        assert_int_equal(cairn_arena_stats_get(arena).used, used);
        assert_null(arena->child);
        assert_false(cairn_arena_rewind(arena, later));
        end(arena);
    }
}

/* ---- cleanups ---- */

static char said[200];
static size_t said_length;

static void say(void *word)
{
    said_length += (size_t)snprintf(said + said_length, sizeof said - said_length, "%s",
                                    (const char *)word);
}

static void expect(const char *words)
{
    assert_string_equal(said, words);
    said_length = 0;
    said[0] = '\0';
}

static char words[][2] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void add(cairn_arena *arena, int word)
{
    assert_true(cairn_arena_add_cleanup(arena, say, words[word]));
}

TEST(cleanups_run_in_reverse)
{
    cairn_arena *arena = make(NULL);
    assert_false(cairn_arena_add_cleanup(arena, NULL, NULL));
    add(arena, 0);
    add(arena, 1);
    cairn_mark mark = cairn_arena_mark(arena);
    add(arena, 2);
    for (int i = 0; i < 50; i++)
        filled(arena, 100);
    add(arena, 3);
    assert_true(cairn_arena_rewind(arena, mark));
    expect("dc");
    add(arena, 4);
    assert_true(cairn_arena_remove_cleanup(arena, say, words[0]));
    assert_false(cairn_arena_remove_cleanup(arena, say, words[0]));
    assert_false(cairn_arena_remove_cleanup(arena, NULL, NULL));
    audit(arena);
    cairn_arena_reset(arena);
    expect("eb");
    cairn_arena_reset(arena);
    expect("");
    add(arena, 5);
    add(arena, 6);
    end(arena);
    expect("gf");
}

TEST(a_cleanup_that_finds_no_memory)
{
    cairn_arena *arena = make(NULL);
    source.fail_at = source.calls + 1;
    source.fail_on = true;
    assert_false(cairn_arena_add_cleanup(arena, say, words[0]));
    source.fail_at = 0;
    end(arena);
    expect("");
}

struct meddler {
    cairn_arena *arena, *other;
    char *block;
    cairn_mark mark;
    int calls;
};

static void meddle(void *context)
{
    struct meddler *meddler = context;
    cairn_arena *arena = meddler->arena;
    meddler->calls++;
    assert_true(unit_is_filled(meddler->block, 24, 24));
    assert_null(cairn_arena_alloc(arena, 1, 1));
    assert_null(cairn_arena_alloc(arena, 100000, 1));
    assert_null(cairn_arena_realloc(arena, meddler->block, cairn__layout(24, 8), 25));
    assert_false(cairn_arena_resize(arena, meddler->block, cairn__layout(24, 8), 25));
    assert_ptr_equal(cairn_arena_realloc(arena, meddler->block, cairn__layout(24, 8), 24),
                     meddler->block);
    cairn_arena_dealloc(arena, meddler->block, cairn__layout(24, 8));
    assert_false(cairn_arena_reserve(arena, 8));
    assert_false(cairn_arena_add_cleanup(arena, say, words[0]));
    assert_false(cairn_arena_rewind(arena, meddler->mark));
    assert_false(cairn_arena_rewind(arena, cairn_arena_mark(arena)));
    assert_int_equal(cairn_arena_trim(arena, 0), 0);
    cairn_arena_reset(arena);
    cairn_arena_destroy(arena);
    cairn_arena_fini(arena);
    assert_false(cairn_arena_set_parent(arena, meddler->other));
    assert_false(cairn_arena_set_parent(meddler->other, arena));
    assert_null(cairn_arena_create(&(cairn_arena_opts){.parent = arena}));
    cairn_arena child;
    assert_false(cairn_arena_init(&child, &(cairn_arena_opts){.parent = arena}));
    assert_null(cairn_arena_alloc(&child, 1, 1));
    assert_null(cairn_arena_audit(arena));
}

TEST(what_a_cleanup_is_refused)
{
    cairn_arena *arena = make(NULL), *other = make(NULL);
    struct meddler meddler = {.arena = arena, .other = other};
    filled(arena, 8);
    meddler.mark = cairn_arena_mark(arena);
    for (int i = 0; i < 3; i++) {
        meddler.block = filled(arena, 24);
        assert_true(cairn_arena_add_cleanup(arena, meddle, &meddler));
        if (i == 0)
            assert_true(cairn_arena_rewind(arena, meddler.mark));
        else if (i == 1)
            cairn_arena_reset(arena);
        else
            cairn_arena_destroy(arena);
        assert_int_equal(meddler.calls, i + 1);
    }
    end(other);
}

/* ---- children ---- */

TEST(children_end_before_their_parent)
{
    cairn_arena *root = make(NULL);
    add(root, 0);
    cairn_arena *first = make(root), *second = make(root);
    add(first, 1);
    add(second, 2);
    cairn_arena *grandchild = make(first);
    add(grandchild, 3);
    assert_ptr_equal(cairn_arena_parent(grandchild), first);
    assert_null(cairn_arena_parent(root));
    audit(root);
    cairn_arena_reset(root);
    expect("cdba");
    filled(grandchild, 8);
    add(grandchild, 4);
    assert_int_equal(cairn_arena_stats_get(grandchild).resets, 1);
    cairn_arena_destroy(first);
    expect("e");
    audit(root);
    add(second, 5);
    end(root);
    expect("f");
}

TEST(a_rewind_ends_children_since)
{
    cairn_arena *root = make(NULL);
    cairn_arena *before = make(root);
    add(before, 0);
    add(root, 1);
    cairn_mark mark = cairn_arena_mark(root);
    cairn_arena *after = make(root), *later = make(root);
    add(after, 2);
    add(later, 3);
    add(root, 4);
    assert_true(cairn_arena_rewind(root, mark));
    expect("dce");
    filled(before, 8);
    assert_ptr_equal(root->child, before);
    /* One that is handed over counts as made now. */
    cairn_arena *moved = make(NULL);
    add(moved, 5);
    assert_true(cairn_arena_set_parent(moved, root));
    assert_true(cairn_arena_rewind(root, mark));
    expect("f");
    end(root);
    expect("ab");
}

TEST(children_in_the_callers_storage)
{
    cairn_arena *root = make(NULL);
    cairn_arena child;
    assert_true(cairn_arena_init(&child, &(cairn_arena_opts){.parent = root}));
    filled(&child, 1000);
    cairn_arena_fini(&child);
    assert_null(root->child);
    assert_true(cairn_arena_init(&child, &(cairn_arena_opts){.parent = root}));
    filled(&child, 1000);
    end(root);
    assert_null(cairn_arena_alloc(&child, 8, 8));
    cairn_arena_fini(&child);
}

TEST(other_parents)
{
    cairn_arena *a = make(NULL), *b = make(a), *c = make(b), *d = make(NULL);
    assert_false(cairn_arena_set_parent(a, a));
    assert_false(cairn_arena_set_parent(a, b));
    assert_false(cairn_arena_set_parent(a, c));
    assert_true(cairn_arena_set_parent(c, a));
    assert_true(cairn_arena_set_parent(b, c));
    assert_true(cairn_arena_set_parent(b, d));
    assert_true(cairn_arena_set_parent(b, d));
    audit(a);
    audit(d);
    assert_ptr_equal(cairn_arena_tree_next(a, a), c);
    assert_null(cairn_arena_tree_next(a, c));
    assert_true(cairn_arena_set_parent(b, NULL));
    assert_null(cairn_arena_parent(b));
    cairn_arena_destroy(a);
    cairn_arena_destroy(d);
    end(b);
}

/* Far deeper than a stack would bear. */
TEST(a_deep_tree)
{
    enum { DEPTH = 200000 };
    cairn_arena *root = cairn_arena_create(NULL), *at = root;
    for (int i = 0; i < DEPTH; i++) {
        cairn_arena *child = cairn_arena_create(&(cairn_arena_opts){.parent = at});
        assert_non_null(child);
        if (i % 3 == 0)
            assert_non_null(cairn_arena_create(&(cairn_arena_opts){.parent = at}));
        at = child;
    }
    add(at, 0);
    size_t count = 0;
    for (at = root; at != NULL; at = cairn_arena_tree_next(root, at))
        count++;
    assert_int_equal(count, 1 + DEPTH + (DEPTH + 2) / 3);
    audit(root);
    cairn_arena_reset(root);
    expect("a");
    cairn_arena_destroy(root);
}

static cairn_arena *victims[3];

static void destroy_victims(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        cairn_arena_destroy(victims[i]);
        victims[i] = NULL;
    }
}

/* Cleanups may end arenas that are not being ended: here the brothers of the child at hand. */
TEST(cleanups_that_end_other_arenas)
{
    for (int by_reset = 0; by_reset < 2; by_reset++) {
        cairn_arena *root = make(NULL);
        for (int i = 0; i < 3; i++) {
            victims[i] = make(root);
            add(victims[i], i);
            add(make(victims[i]), 3 + i);
        }
        cairn_arena *last = make(root);
        assert_true(cairn_arena_add_cleanup(last, destroy_victims, NULL));
        if (by_reset) {
            cairn_arena_reset(root);
            assert_ptr_equal(root->child, last);
            assert_null(last->older);
        }
        end(root);
        expect("daebfc");
    }
}

/* A random forest, against the order of names that a recursive walk gives. */
enum { FOREST = 40 };

TEST(a_random_forest)
{
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        cairn_arena *arenas[FOREST] = {make(NULL)};
        for (int i = 1; i < FOREST; i++)
            arenas[i] = make(arenas[unit_below(&seed, (size_t)i)]);
        for (int i = 0; i < 20; i++) {
            size_t child = 1 + unit_below(&seed, FOREST - 1), parent = unit_below(&seed, FOREST);
            bool is_below = false;
            for (cairn_arena *at = arenas[parent]; at != NULL; at = cairn_arena_parent(at))
                is_below |= at == arenas[child];
            assert_int_equal(cairn_arena_set_parent(arenas[child], arenas[parent]), !is_below);
            audit(arenas[0]);
        }
        for (int i = 0; i < FOREST; i++)
            filled(arenas[i], unit_below(&seed, 2000));
        size_t count = 0;
        for (cairn_arena *at = arenas[0]; at != NULL; at = cairn_arena_tree_next(arenas[0], at))
            count++;
        assert_int_equal(count, FOREST);
        cairn_arena_reset(arenas[0]);
        for (int i = 0; i < FOREST; i++)
            assert_int_equal(cairn_arena_stats_get(arenas[i]).used, 0);
        end(arenas[0]);
    }
}

TEST(nothing_is_lost_when_the_source_fails)
{
    for (size_t n = 1; n < 12; n++) {
        memset(&source, 0, sizeof source);
        source.fail_at = n;
        cairn_arena_opts opts = {.source = source_of(&source), .first_chunk = 512};
        cairn_arena *root = cairn_arena_create(&opts);
        if (root == NULL) {
            assert_int_equal(source.live, 0);
            continue;
        }
        opts.parent = root;
        cairn_arena *child = cairn_arena_create(&opts);
        cairn_mark mark = cairn_arena_mark(root);
        cairn_arena_add_cleanup(root, say, words[0]);
        cairn_arena_alloc(root, 5000, 8);
        if (child != NULL)
            cairn_arena_add_cleanup(child, say, words[1]);
        audit(root);
        assert_true(cairn_arena_rewind(root, mark));
        end(root);
    }
}

/* A block up to the very end of the chunk, so that the mark's place is in the chunk's tail. */
TEST(not_past_a_mark_behind_a_full_chunk)
{
    for (size_t size = 900; size < 1024; size++) {
        cairn_arena *arena = cairn_arena_create(&(cairn_arena_opts){.first_chunk = 1024});
        char *last = cairn_arena_alloc(arena, size, 8);
        size_t used = cairn_arena_stats_get(arena).used;
        if (cairn_arena_stats_get(arena).room == 0) {
            cairn_mark mark = cairn_arena_mark(arena);
            assert_true(cairn_arena_resize(arena, last, cairn__layout(size, 8), 8));
            cairn_arena_dealloc(arena, last, cairn__layout(8, 8));
            assert_int_equal(cairn_arena_stats_get(arena).used, used);
            cairn_mark later = cairn_arena_mark(arena);
            assert_true(cairn_arena_rewind(arena, later));
            assert_true(cairn_arena_rewind(arena, mark));
            assert_int_equal(cairn_arena_stats_get(arena).used, used);
        }
        cairn_arena_destroy(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_nest),
        cmocka_unit_test(marks_that_are_gone),
        cmocka_unit_test(a_mark_again_and_again),
        cmocka_unit_test(marks_between_large_blocks),
        cmocka_unit_test(a_mark_after_a_large_block),
        cmocka_unit_test(marks_at_a_full_chunk),
        cmocka_unit_test(a_mark_while_the_first_chunk_is_empty),
        cmocka_unit_test(a_mark_needs_no_memory),
        cmocka_unit_test(cleanups_run_in_reverse),
        cmocka_unit_test(a_cleanup_that_finds_no_memory),
        cmocka_unit_test(what_a_cleanup_is_refused),
        cmocka_unit_test(children_end_before_their_parent),
        cmocka_unit_test(a_rewind_ends_children_since),
        cmocka_unit_test(children_in_the_callers_storage),
        cmocka_unit_test(other_parents),
        cmocka_unit_test(a_deep_tree),
        cmocka_unit_test(cleanups_that_end_other_arenas),
        cmocka_unit_test(a_random_forest),
        cmocka_unit_test(nothing_is_lost_when_the_source_fails),
        cmocka_unit_test(not_past_a_mark_behind_a_full_chunk),
    };
    return UNIT_MAIN(tests);
}
