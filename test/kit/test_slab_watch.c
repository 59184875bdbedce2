/* SPDX-License-Identifier: MIT */
/* That AddressSanitizer and memcheck know what is in use in caches and sets of slabs, and what is not. */
#include "unit/unit.h"

#include "cairn/slab.h"
#include "cairn/slab_set.h"
#include "kit/nth_source.h"
#include "kit/watched.h"

enum { MANY = 300 };

static char *block[MANY];

TEST(objects)
{
    for (size_t size = 8; size < 3000; size = size * 2 + 8) {
        cairn_slab *slab = cairn_slab_create(cairn__layout(size, 8), NULL);
        for (int i = 0; i < MANY; i++) {
            block[i] = cairn_slab_alloc(slab);
            expect(block[i], size, true);
            expect(block[i] + size, 8, false);
            memset(block[i], i, size);
        }
        for (int i = 0; i < MANY; i += 2) {
            assert_true(cairn_slab_dealloc(slab, block[i]));
            assert_false(cairn_slab_dealloc(slab, block[i]));
            expect(block[i], size, false);
            expect(block[i + 1], size, true);
        }
        assert_null(cairn_slab_audit(slab));
        cairn_slab_reset(slab);
        for (int i = 0; i < MANY; i++)
            expect(block[i], size, false);
        cairn_slab_shrink(slab);
        assert_non_null(cairn_slab_alloc(slab));
        cairn_slab_destroy(slab);
    }
}

/* An exact fit, where there is no room for a red zone. */
TEST(objects_of_a_whole_slab)
{
    cairn_slab *slab = cairn_slab_create(cairn__layout(4096, 8),
                                         &(cairn_slab_opts){.slab_size = 4096});
    block[0] = cairn_slab_alloc(slab);
    expect(block[0], 4096, true);
    cairn_slab_dealloc(slab, block[0]);
    expect(block[0], 4096, false);
    cairn_slab_destroy(slab);
}

static bool construct(void *context, void *object)
{
    memcpy(object, context, 8);
    return true;
}

static void destruct(void *context, void *object)
{
    REQUIRE(memcmp(object, context, 8) == 0);
}

/* What a constructor has written counts as written. */
TEST(constructed_objects)
{
    char mark[] = "a mark!";
    cairn_slab_opts opts = {.construct = construct, .destruct = destruct, .context = mark};
    cairn_slab *slab = cairn_slab_create(cairn__layout(24, 8), &opts);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            block[i] = cairn_slab_alloc(slab);
            if (memcmp(block[i], mark, 8) != 0)
                fail_msg("not constructed");
        }
        for (int i = 0; i < MANY; i++)
            cairn_slab_dealloc(slab, block[i]);
        expect(block[round], 24, false);
        cairn_slab_shrink(slab);
    }
    cairn_slab_destroy(slab);
}

TEST(blocks)
{
    cairn_slab_set *set = cairn_slab_set_create(NULL);
    for (size_t size = 1; size < 5000; size = size * 3 / 2 + 1) {
        cairn_layout layout = {size, 8};
        for (int i = 0; i < 50; i++) {
            block[i] = cairn_slab_set_alloc(set, layout);
            expect(block[i], size, true);
            expect(block[i] + (size + 7) / 8 * 8, 8, false);
            memset(block[i], i, size);
        }
        for (int i = 0; i < 50; i += 2) {
            assert_true(cairn_slab_set_dealloc(set, block[i], layout));
            expect(block[i], size, false);
            expect(block[i + 1], size, true);
        }
        char *moved = cairn_slab_set_realloc(set, block[1], layout, size + 1);
        assert_ptr_not_equal(moved, block[1]);
        expect(block[1], size, false);
        expect(moved, size + 1, true);
        assert_int_equal(moved[size - 1], 1);
        assert_null(cairn_slab_set_audit(set));
    }
    cairn_slab_set_reset(set);
    expect(block[3], 100, false);
    cairn_slab_set_trim(set);
    assert_non_null(cairn_slab_set_alloc(set, cairn__layout(100, 8)));
    assert_non_null(cairn_slab_set_alloc(set, cairn__layout(10000, 8)));
    cairn_slab_set_destroy(set);
}

/* Their memory goes back to the source fit for use: the oracle reads it once more. */
TEST(live_at_the_end)
{
    struct nth_source source;
    cairn_allocator allocator = nth_begin(&source);
    cairn_slab *slab = cairn_slab_create(cairn__layout(24, 8),
                                         &(cairn_slab_opts){.source = allocator});
    cairn_slab_set *set = cairn_slab_set_create(&(cairn_slab_set_opts){.source = allocator});
    for (int i = 0; i < MANY; i++) {
        assert_non_null(cairn_slab_alloc(slab));
        assert_non_null(cairn_slab_set_alloc(set, cairn__layout((size_t)i * 10, 8)));
    }
    cairn_slab_destroy(slab);
    cairn_slab_set_destroy(set);
    nth_end(&source);
}

static int tests_of_watched(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects),
        cmocka_unit_test(objects_of_a_whole_slab),
        cmocka_unit_test(constructed_objects),
        cmocka_unit_test(blocks),
        cmocka_unit_test(live_at_the_end),
    };
    return UNIT_MAIN(tests);
}

/* ---- under memcheck ---- */

/* Reads after the end, in both kinds. */
static void commit_crimes(void)
{
    cairn_slab *slab = cairn_slab_create(cairn__layout(24, 8), NULL);
    volatile char *object = cairn_slab_alloc(slab);
    *object = 1;
    cairn_slab_dealloc(slab, (void *)object);
    char read = *object;
    cairn_slab_destroy(slab);

    cairn_slab_set *set = cairn_slab_set_create(NULL);
    volatile short *pair = cairn_slab_set_alloc(set, cairn__layout(24, 8));
    *pair = 1;
    cairn_slab_set_dealloc(set, (void *)pair, cairn__layout(24, 8));
    read = (char)*pair;
    (void)read;
    cairn_slab_set_destroy(set);
}

int main(int argc, char **argv)
{
    return watched_main(
        argc, argv,
        &(struct watched){
            .tests_of_watched = tests_of_watched,
            .commit_crime = commit_crimes,
            .said = {"Invalid read of size 1", "Invalid read of size 2", "commit_crimes"},
        });
}
