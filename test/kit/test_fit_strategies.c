/* SPDX-License-Identifier: MIT */
/* fit.h: which free block each strategy takes. */
#include "kit/fit_test.h"

/* Leaves gaps for blocks of the sizes, one behind the other, and nothing else. */
static void make_gaps(cairn_fit *fit, const size_t *sizes, size_t count, void **gaps)
{
    cairn_layout wall = layout(1, 1);
    for (size_t i = 0; i < count; i++) {
        gaps[i] = cairn_fit_alloc(fit, layout(sizes[i], 16));
        assert_non_null(cairn_fit_alloc(fit, wall));
    }
    while (cairn_fit_alloc(fit, layout(10000, 1)) != NULL)
        ;
    while (cairn_fit_alloc(fit, wall) != NULL)
        ;
    for (size_t i = 0; i < count; i++)
        assert_true(cairn_fit_dealloc(fit, gaps[i], layout(sizes[i], 16)));
    sound(fit);
    assert_int_equal(stats_of(fit).free_blocks, count);
}

static void *take_one(cairn_fit *fit, size_t size)
{
    void *ptr = cairn_fit_alloc(fit, layout(size, 1));
    sound(fit);
    return ptr;
}

static const size_t gap_sizes[] = {3000, 1000, 200, 1040, 100, 2040, 1000, 5000};
enum { GAPS = sizeof gap_sizes / sizeof *gap_sizes };

static void begin_with_gaps(cairn_fit *fit, enum cairn_fit_strategy strategy, void **gaps)
{
    cairn_fit_opts opts = {.strategy = strategy};
    assert_true(cairn_fit_init(fit, memory, 64 * KIB, &opts));
    make_gaps(fit, gap_sizes, GAPS, gaps);
}

TEST(first_is_the_lowest_that_fits)
{
    cairn_fit fit;
    void *gap[GAPS];
    begin_with_gaps(&fit, CAIRN_FIT_FIRST, gap);
    assert_ptr_equal(take_one(&fit, 4000), gap[7]);
    assert_ptr_equal(take_one(&fit, 2000), gap[0]);
    assert_ptr_equal(take_one(&fit, 1010), gap[3]);
    assert_ptr_equal(take_one(&fit, 900), (char *)gap[0] + 2016);
    assert_ptr_equal(take_one(&fit, 900), gap[1]);
    assert_ptr_equal(take_one(&fit, 150), gap[2]);
    assert_ptr_equal(take_one(&fit, 2040), gap[5]);
    assert_null(take_one(&fit, 1001));
}

QUIET static unsigned depth_of(const cairn_fit *fit, const struct cairn__fit_block *b)
{
    unsigned depth = 0;
    for (const struct cairn__fit_block *at = fit->lists[0]; at != b; depth++)
        at = b < at ? at->left : at->right;
    return depth;
}

/* They would, if ties were broken by address. */
TEST(blocks_of_one_size_make_no_chain)
{
    enum { COUNT = 2000 };
    cairn_fit fit;
    cairn_fit_opts opts = {.strategy = CAIRN_FIT_FIRST};
    assert_true(cairn_fit_init(&fit, memory, sizeof memory, &opts));
    void *ptr[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++)
        ptr[i] = cairn_fit_alloc(&fit, layout(100, 1));
    for (int i = 0; i < COUNT; i++)
        assert_true(cairn_fit_dealloc(&fit, ptr[2 * i], layout(100, 1)));
    sound(&fit);
    if (fit.is_watched)
        cairn__quiet_begin();
    for (int i = 0; i < COUNT; i++)
        assert_true(depth_of(&fit, block_of(ptr[2 * i])) < 60);
    if (fit.is_watched)
        cairn__quiet_end();
}

TEST(next_goes_on_where_it_was)
{
    cairn_fit fit;
    void *gap[GAPS];
    begin_with_gaps(&fit, CAIRN_FIT_NEXT, gap);
    fit.rover = 0;
    assert_ptr_equal(take_one(&fit, 100), gap[0]);
    assert_ptr_equal(take_one(&fit, 100), (char *)gap[0] + 112);
    assert_ptr_equal(take_one(&fit, 3000), gap[7]);
    assert_ptr_equal(take_one(&fit, 1000), (char *)gap[7] + 3008);
    assert_ptr_equal(take_one(&fit, 1000), (char *)gap[0] + 224);
    assert_ptr_equal(take_one(&fit, 1040), (char *)gap[0] + 224 + 1008);
    assert_ptr_equal(take_one(&fit, 1000), gap[1]);
    assert_ptr_equal(take_one(&fit, 1000), gap[3]);
}

TEST(best_is_the_smallest_that_fits)
{
    cairn_fit fit;
    void *gap[GAPS];
    begin_with_gaps(&fit, CAIRN_FIT_BEST, gap);
    assert_ptr_equal(take_one(&fit, 1020), gap[3]);
    void *either = take_one(&fit, 1000), *other = take_one(&fit, 500);
    assert_true((either == gap[1] && other == gap[6]) || (either == gap[6] && other == gap[1]));
    assert_ptr_equal(take_one(&fit, 101), gap[4]); /* it fits to the byte */
    assert_ptr_equal(take_one(&fit, 150), gap[2]);
    assert_ptr_equal(take_one(&fit, 2900), gap[0]);
    assert_ptr_equal(take_one(&fit, 2041), gap[7]);
    assert_ptr_equal(take_one(&fit, 1024), gap[5]);
}

/* Against a search through all gaps, for sizes over all rows. */
TEST(best_of_many)
{
    enum { COUNT = 200 };
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint64_t random = seed;
        cairn_fit fit;
        cairn_fit_opts opts = {.strategy = CAIRN_FIT_BEST};
        assert_true(cairn_fit_init(&fit, memory, sizeof memory, &opts));
        size_t sizes[COUNT];
        void *gap[COUNT];
        for (int i = 0; i < COUNT; i++)
            sizes[i] = 24 + 16 * unit_below(&random, (size_t)1 << unit_below(&random, 9));
        make_gaps(&fit, sizes, COUNT, gap);
        for (int i = 0; i < COUNT; i++) {
            size_t want = 24 + 16 * unit_below(&random, (size_t)1 << unit_below(&random, 9));
            size_t least = SIZE_MAX;
            for (int j = 0; j < COUNT; j++)
                if (sizes[j] >= want && sizes[j] < least)
                    least = sizes[j];
            if (least == SIZE_MAX) {
                assert_null(cairn_fit_alloc(&fit, layout(want, 1)));
                continue;
            }
            /* All of the gap, so that no new one comes up. */
            void *ptr = cairn_fit_alloc(&fit, layout(want, 1));
            int at = 0;
            while (at < COUNT && gap[at] != ptr)
                at++;
            assert_true(at < COUNT && sizes[at] == least);
            assert_true(cairn_fit_dealloc(&fit, ptr, layout(want, 1)));
            ptr = cairn_fit_alloc(&fit, layout(least, 1));
            for (at = 0; gap[at] != ptr; at++)
                assert_true(at < COUNT - 1);
            assert_int_equal(sizes[at], least);
            sizes[at] = 0;
            if (i % 10 == 0)
                sound(&fit);
        }
        cairn_fit_fini(&fit);
    }
}

/* The list whose blocks all fit comes first; one where only some do comes last. */
TEST(segregated_takes_a_block_that_surely_fits)
{
    static const size_t sizes[] = {1064, 1100}; /* 67 and 70 granules; two sizes a list */
    cairn_fit fit;
    void *gap[2];
    assert_true(cairn_fit_init(&fit, memory, 64 * KIB, NULL));
    make_gaps(&fit, sizes, 2, gap);
    assert_ptr_equal(take_one(&fit, 1050), gap[1]);
    assert_ptr_equal(take_one(&fit, 1050), gap[0]);
    assert_null(take_one(&fit, 1050));
}

TEST(classes_hold_what_they_promise)
{
    for (size_t size = BLOCK_MIN; size < SIZE_MAX / 4;
         size += GRANULE + size / 97 / GRANULE * GRANULE) {
        unsigned list = list_for(size), enough = list_of_at_least(size);
        assert_true(enough == list || enough == list + 1);
        assert_int_equal(list_for(size - GRANULE) == list, enough != list || size < GRANULE);
        if (enough == list)
            assert_int_equal(list_for(size - GRANULE), list - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_is_the_lowest_that_fits),
        cmocka_unit_test(blocks_of_one_size_make_no_chain),
        cmocka_unit_test(next_goes_on_where_it_was),
        cmocka_unit_test(best_is_the_smallest_that_fits),
        cmocka_unit_test(best_of_many),
        cmocka_unit_test(segregated_takes_a_block_that_surely_fits),
        cmocka_unit_test(classes_hold_what_they_promise),
    };
    return UNIT_MAIN(tests);
}
