/* SPDX-License-Identifier: MIT */
/* slab.h and slab_set.h beyond the contract: constructors, refusals, colours, what goes back. */
#include "unit/unit.h"

#include "cairn/checked.h"
#include "cairn/slab.h"
#include "cairn/slab_set.h"
#include "cairn/system.h"

struct connection {
    uint64_t state;
    char rest[88];
};

static const cairn_layout LAYOUT = {sizeof(struct connection), 8};

static struct {
    size_t constructed, destructed, fail_at;
} calls;

static bool construct(void *context, void *object)
{
    assert_ptr_equal(context, &calls);
    if (calls.fail_at != 0 && calls.constructed + 1 == calls.fail_at)
        return false;
    calls.constructed++;
    ((struct connection *)object)->state = 0xC0;
    return true;
}

static void destruct(void *context, void *object)
{
    assert_ptr_equal(context, &calls);
    assert_int_equal(((struct connection *)object)->state, 0xC0);
    calls.destructed++;
}

static cairn_checked oracle;

static cairn_slab_opts with_constructor(void)
{
    cairn_checked_init(&oracle, cairn_system(), NULL);
    return (cairn_slab_opts){.source = cairn_checked_allocator(&oracle),
                             .construct = construct,
                             .destruct = destruct,
                             .context = &calls};
}

/* Once in an object's life: not at each use. */
TEST(constructors_run_once)
{
    cairn_slab_opts opts = with_constructor();
    cairn_slab *slab = cairn_slab_create(LAYOUT, &opts);
    struct connection *objects[1000];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            objects[i] = cairn_slab_alloc(slab);
            assert_int_equal(objects[i]->state, 0xC0);
            memset(objects[i]->rest, round, sizeof objects[i]->rest);
        }
        assert_null(cairn_slab_audit(slab));
        for (int i = 0; i < 1000; i++)
            assert_true(cairn_slab_dealloc(slab, objects[i * 7 % 1000]));
    }
    cairn_slab_stats stats;
    cairn_slab_stats_get(slab, &stats);
    assert_int_equal(calls.constructed, stats.objects);
    assert_int_equal(stats.live, 0);
    assert_int_equal(calls.destructed, 0);
    assert_true(cairn_slab_shrink(slab) > 0);
    assert_int_equal(calls.destructed, calls.constructed);
    assert_non_null(cairn_slab_alloc(slab));
    cairn_slab_destroy(slab);
    assert_int_equal(calls.destructed, calls.constructed);
    assert_int_equal(cairn_checked_fini(&oracle), 0);
}

/* Those that are done are undone, and the slab goes back. */
TEST(a_constructor_that_fails)
{
    cairn_slab_opts opts = with_constructor();
    cairn_slab *slab = cairn_slab_create(LAYOUT, &opts);
    size_t before = cairn_checked_live(&oracle);
    for (calls.fail_at = 1; calls.fail_at < 12; calls.fail_at++) {
        calls.constructed = calls.destructed = 0;
        assert_null(cairn_slab_alloc(slab));
        assert_int_equal(calls.constructed, calls.fail_at - 1);
        assert_int_equal(calls.destructed, calls.constructed);
        assert_null(cairn_slab_audit(slab));
    }
    cairn_checked_flush(&oracle);
    assert_true(cairn_checked_live(&oracle) <= before + 1);
    calls.fail_at = 0;
    calls.constructed = calls.destructed = 0;
    assert_non_null(cairn_slab_alloc(slab));
    cairn_slab_destroy(slab);
    assert_int_equal(cairn_checked_fini(&oracle), 0);
}

TEST(what_is_refused)
{
    cairn_slab *slab = cairn_slab_create(LAYOUT, NULL), *other = cairn_slab_create(LAYOUT, NULL);
    char *object = cairn_slab_alloc(slab), *foreign = cairn_slab_alloc(other);
    for (int i = 0; i < 500; i++)
        assert_non_null(cairn_slab_alloc(slab)); /* the first one's group is not open any more */
    char local[8];
    assert_false(cairn_slab_dealloc(slab, NULL));
    assert_false(cairn_slab_dealloc(slab, local));
    assert_false(cairn_slab_dealloc(slab, foreign));
    assert_false(cairn_slab_dealloc(slab, object + 1));
    assert_false(cairn_slab_dealloc(slab, object + 8));
    assert_true(cairn_slab_owns(slab, object + 8));
    assert_true(cairn_slab_dealloc(slab, object));
    assert_false(cairn_slab_dealloc(slab, object));
    assert_false(cairn_slab_owns(slab, object));
    cairn_slab_stats stats;
    cairn_slab_stats_get(slab, &stats);
    assert_int_equal(stats.refusals, 6);
    assert_int_equal(stats.live, 500);
    assert_null(cairn_slab_audit(slab));
    cairn_slab_destroy(slab);
    cairn_slab_destroy(other);
    cairn_slab_destroy(NULL);
    assert_null(cairn_slab_create((cairn_layout){8, 3}, NULL));
    assert_null(cairn_slab_create(LAYOUT, &(cairn_slab_opts){.slab_size = 100}));
    assert_null(cairn_slab_create(LAYOUT, &(cairn_slab_opts){.slab_size = 64}));
}

/* The first objects of slabs lie at several offsets. */
TEST(slabs_have_colours)
{
    cairn_slab *slab = cairn_slab_create((cairn_layout){96, 32}, NULL);
    cairn_slab_stats stats;
    cairn_slab_stats_get(slab, &stats);
    assert_true(stats.colours > 1);
    uint64_t seen = 0;
    for (size_t i = 0; i < 8 * stats.slab_objects; i++) {
        uintptr_t object = (uintptr_t)cairn_slab_alloc(slab);
        uintptr_t offset = object % stats.slab_size;
        if (offset < stats.object_size)
            seen |= (uint64_t)1 << (offset / 32 % 64);
    }
    assert_true(__builtin_popcountll(seen) > 1 || stats.colours == 1);
    cairn_slab_destroy(slab);
}

TEST(empty_slabs_go_back)
{
    cairn_checked_init(&oracle, cairn_system(), NULL);
    cairn_slab_opts opts = {.source = cairn_checked_allocator(&oracle), .max_empty = 2};
    cairn_slab *slab = cairn_slab_create(LAYOUT, &opts);
    enum { COUNT = 5000 };
    static void *objects[COUNT];
    for (int i = 0; i < COUNT; i++)
        objects[i] = cairn_slab_alloc(slab);
    for (int i = 0; i < COUNT; i++)
        assert_true(cairn_slab_dealloc(slab, objects[i]));
    cairn_slab_stats stats;
    cairn_slab_stats_get(slab, &stats);
    assert_true(stats.slabs_empty <= 3);
    assert_true(stats.slabs_given > 0);
    assert_int_equal(stats.slabs_taken - stats.slabs_given,
                     stats.slabs_full + stats.slabs_partial + stats.slabs_empty);
    assert_true(cairn_slab_prefill(slab, 1000));
    cairn_slab_stats_get(slab, &stats);
    assert_true(stats.objects - stats.live >= 1000);
    cairn_slab_shrink(slab);
    cairn_slab_stats_get(slab, &stats);
    assert_int_equal(stats.slabs_empty, 0);
    cairn_slab_destroy(slab);
    assert_int_equal(cairn_checked_fini(&oracle), 0);
}

/* ---- the set ---- */

TEST(a_set_refuses_what_is_not_its_own)
{
    cairn_slab_set *set = cairn_slab_set_create(NULL);
    cairn_layout small = {100, 8}, large = {100000, 64};
    char *a = cairn_slab_set_alloc(set, small), *b = cairn_slab_set_alloc(set, large);
    char local[100];
    assert_false(cairn_slab_set_dealloc(set, local, small));
    assert_false(cairn_slab_set_dealloc(set, a + 1, small));
    assert_true(cairn_slab_set_owns(set, a) && cairn_slab_set_owns(set, b));
    assert_true(cairn_slab_set_dealloc(set, a, small));
    assert_false(cairn_slab_set_dealloc(set, a, small));
    assert_true(cairn_slab_set_dealloc(set, b, large));
    assert_false(cairn_slab_set_dealloc(set, b, large));
    assert_null(cairn_slab_set_audit(set));
    cairn_slab_set_stats stats;
    cairn_slab_set_stats_get(set, &stats);
    assert_int_equal(stats.live + stats.large, 0);
    assert_int_equal(stats.refusals, 4);
    cairn_slab_set_destroy(set);
}

/* Each size has a class that wastes little, and classes grow. */
TEST(classes)
{
    cairn_slab_set *set = cairn_slab_set_create(NULL);
    cairn_slab_set_class_stats class;
    size_t last = 0, index = 0;
    for (; cairn_slab_set_class_stats_get(set, index, &class); index++) {
        assert_true(class.size > last);
        last = class.size;
    }
    assert_int_equal(index, CAIRN_SLAB_SET_CLASSES);
    assert_int_equal(last, CAIRN_SLAB_SET_MAX);
    for (size_t size = 1; size <= CAIRN_SLAB_SET_MAX; size++) {
        cairn_layout layout = {size, 1};
        void *ptr = cairn_slab_set_alloc(set, layout);
        cairn_allocator allocator = cairn_slab_set_allocator(set);
        size_t usable = cairn_allocator_usable_size(allocator, ptr, layout);
        assert_true(usable >= size && usable <= size + size / 4 + 16);
        assert_true(cairn_slab_set_dealloc(set, ptr, layout));
    }
    assert_true(cairn_slab_set_trim(set) > 0);
    cairn_slab_set_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructors_run_once),
        cmocka_unit_test(a_constructor_that_fails),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(slabs_have_colours),
        cmocka_unit_test(empty_slabs_go_back),
        cmocka_unit_test(a_set_refuses_what_is_not_its_own),
        cmocka_unit_test(classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
