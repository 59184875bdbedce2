/* SPDX-License-Identifier: MIT */
/* slab.h: objects that stay what they are, slabs that come and go, and all that is refused. */
#include "unit/unit.h"

#include "base/visible.h"
#include "cairn/slab.h"
#include "kit/nth_source.h"

enum { MANY = 3000 };

static void *object[MANY];

static cairn_slab_stats stats_of(const cairn_slab *slab)
{
    cairn_slab_stats stats;
    cairn_slab_stats_get(slab, &stats);
    return stats;
}

static void sound(const cairn_slab *slab)
{
    const char *wrong = cairn_slab_audit(slab);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static cairn_slab *make(size_t size, size_t align, const cairn_slab_opts *opts)
{
    cairn_slab *slab = cairn_slab_create(cairn__layout(size, align), opts);
    assert_non_null(slab);
    sound(slab);
    return slab;
}

static void take(cairn_slab *slab, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        object[i] = cairn_slab_alloc(slab);
        assert_non_null(object[i]);
    }
}

static void give(cairn_slab *slab, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        assert_true(cairn_slab_dealloc(slab, object[i]));
}

/* ---- what can be made ---- */

TEST(layouts_that_cannot_be)
{
    assert_null(cairn_slab_create(CAIRN_LAYOUT_NONE, NULL));
    assert_null(cairn_slab_create(cairn__layout(8, 3), NULL));
    assert_null(cairn_slab_create(cairn__layout(8, 0), NULL));
    assert_null(cairn_slab_create(cairn__layout(PTRDIFF_MAX, 1), NULL));
    assert_null(cairn_slab_create(cairn__layout(1, (size_t)1 << 62), NULL));
    assert_null(cairn_slab_create(cairn__layout(((size_t)1 << 40) + 1, 1), NULL));
    static const size_t sizes[] = {1, 3, 1000, 32, 4097, SIZE_MAX, (size_t)1 << 63};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cairn_slab *slab = cairn_slab_create(cairn__layout(64, 8),
                                             &(cairn_slab_opts){.slab_size = sizes[i]});
        assert_true(sizes[i] >> 63 != 0 || slab == NULL);
        if (slab != NULL)
            assert_null(cairn_slab_alloc(slab));
        cairn_slab_destroy(slab);
    }
    cairn_slab_destroy(NULL);
}

static void check_objects(cairn_slab *slab, size_t size, size_t align, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        object[i] = cairn_slab_alloc(slab);
        assert_non_null(object[i]);
        assert_true((uintptr_t)object[i] % align == 0);
        unit_fill(object[i], size, i);
        assert_true(cairn_slab_owns(slab, object[i]));
    }
    sound(slab);
    for (size_t i = 0; i < count; i++) {
        assert_true(unit_is_filled(object[i], size, i));
        assert_true(cairn_slab_dealloc(slab, object[i]));
        assert_false(cairn_slab_owns(slab, object[i]));
        assert_false(cairn_slab_dealloc(slab, object[i]));
        if (i % 16 == 0)
            sound(slab);
    }
    assert_int_equal(stats_of(slab).live, 0);
    assert_int_equal(stats_of(slab).refusals, count);
}

TEST(objects_of_all_layouts)
{
    static const size_t sizes[] = {0,    1,    2,    3,    7,    8,     9,      16,     24,
                                   40,   63,   64,   65,   100,  128,   255,    500,    1024,
                                   1025, 2000, 4096, 8192, 9000, 65536, 100000, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t align = 1; align <= 8192; align *= align < 64 ? 4 : 128) {
            cairn_slab *slab = make(sizes[i], align, NULL);
            check_objects(slab, sizes[i], align, sizes[i] < 10000 ? 300 : 5);
            cairn_slab_stats stats = stats_of(slab);
            assert_true(stats.objects * stats.object_size + stats.waste == stats.bytes);
            assert_true(sizes[i] > 5000 || align > 64 || stats.waste < stats.bytes / 4);
            cairn_slab_destroy(slab);
        }
}

TEST(slabs_of_all_sizes)
{
    for (size_t size = 256; size <= MIB; size *= 2)
        for (size_t bytes = 1; bytes <= 256; bytes = bytes * 3 + 1) {
            struct nth_source source;
            cairn_slab_opts opts = {.source = nth_begin(&source), .slab_size = size};
            cairn_slab *slab = make(bytes, 1, &opts);
            check_objects(slab, bytes, 1, 300);
            cairn_slab_stats stats = stats_of(slab);
            assert_true(stats.slab_size <= size && stats.slab_objects <= 4096);
            assert_true(stats.slab_objects * stats.object_size <= stats.slab_size);
            cairn_slab_destroy(slab);
            nth_end(&source);
        }
}

/* Each slab begins at another colour than the one before, and objects keep their alignment. */
TEST(colours)
{
    struct nth_source source;
    cairn_slab_opts opts = {.source = nth_begin(&source), .slab_size = 32 * KIB};
    cairn_slab *slab = make(1024, 32, &opts);
    size_t colours = stats_of(slab).colours;
    assert_true(cairn__is_watched() || (colours >= 8 && stats_of(slab).slab_objects == 31));
    size_t count = stats_of(slab).slab_objects, before = 0;
    for (size_t i = 0; i < colours * count; i++) {
        object[i] = cairn_slab_alloc(slab);
        if (i % count != 0)
            continue;
        size_t colour = (uintptr_t)object[i] % (32 * KIB);
        assert_int_equal(colour % 64, 0);
        if (i != 0)
            assert_int_equal(colour, before + 64);
        before = colour;
    }
    object[0] = cairn_slab_alloc(slab);
    assert_int_equal((uintptr_t)object[0] % (32 * KIB), 0);
    cairn_slab_destroy(slab);
    nth_end(&source);
}

static bool leave(void *context, void *ptr)
{
    (void)context, (void)ptr;
    return true;
}

/* Nothing is written into an object that is free. */
TEST(objects_stay_what_they_are)
{
    cairn_slab *slab = make(48, 8, &(cairn_slab_opts){.construct = leave});
    size_t count = stats_of(slab).slab_objects * 3;
    take(slab, count);
    for (size_t i = 0; i < count; i++)
        unit_fill(object[i], 48, (uintptr_t)object[i]);
    give(slab, 0, count);
    take(slab, count);
    for (size_t i = 0; i < count; i++)
        assert_true(unit_is_filled(object[i], 48, (uintptr_t)object[i]));
    cairn_slab_destroy(slab);
}

/* ---- constructors ---- */

struct made {
    size_t constructed, destructed; /* calls */
    size_t fail_at;                 /* the call that fails */
    int *magic;                     /* where the objects' field points */
};

struct thing {
    int *magic;
    size_t uses;
};

static bool construct(void *context, void *ptr)
{
    struct made *made = context;
    if (++made->constructed == made->fail_at)
        return false;
    *(struct thing *)ptr = (struct thing){made->magic, 0};
    return true;
}

static void destruct(void *context, void *ptr)
{
    struct made *made = context;
    struct thing *thing = ptr;
    REQUIRE(thing->magic == made->magic);
    thing->magic = NULL;
    made->destructed++;
}

static int magic;

TEST(constructed_once)
{
    struct nth_source source;
    struct made made = {.magic = &magic};
    cairn_slab_opts opts = {.source = nth_begin(&source),
                            .construct = construct,
                            .destruct = destruct,
                            .context = &made};
    cairn_slab *slab = make(sizeof(struct thing), _Alignof(struct thing), &opts);
    assert_int_equal(made.constructed, 0);
    for (size_t round = 1; round <= 5; round++) {
        take(slab, MANY);
        for (size_t i = 0; i < MANY; i++) {
            struct thing *thing = object[i];
            assert_ptr_equal(thing->magic, &magic);
            assert_in_range(thing->uses, 0, round - 1);
            thing->uses++;
        }
        sound(slab);
        give(slab, 0, MANY);
        assert_int_equal(made.constructed, stats_of(slab).objects);
        assert_int_equal(made.destructed, 0);
    }
    cairn_allocator allocator = cairn_slab_allocator(slab);
    assert_null(cairn_allocator_alloc_zeroed(allocator, cairn_layout_of(struct thing)));

    size_t slabs = stats_of(slab).slabs_empty;
    take(slab, 1);
    assert_int_equal(cairn_slab_shrink(slab), slabs - 1);
    assert_int_equal(made.destructed, made.constructed - stats_of(slab).objects);
    cairn_slab_destroy(slab); /* with one in use */
    assert_int_equal(made.destructed, made.constructed);
    nth_end(&source);
}

TEST(constructors_that_fail)
{
    for (size_t fail_at = 1; fail_at < 300; fail_at++) {
        struct nth_source source;
        struct made made = {.magic = &magic, .fail_at = fail_at};
        cairn_slab_opts opts = {.source = nth_begin(&source),
                                .slab_size = 4096,
                                .construct = construct,
                                .destruct = destruct,
                                .context = &made};
        cairn_slab *slab = make(40, 8, &opts);
        size_t count = stats_of(slab).slab_objects;
        size_t got = 0;
        while ((object[got] = cairn_slab_alloc(slab)) != NULL && got < 400)
            got++;
        assert_int_equal(got, (fail_at - 1) / count * count);
        assert_int_equal(made.destructed, (fail_at - 1) % count);
        sound(slab);
        assert_non_null(cairn_slab_alloc(slab)); /* it failed once */
        assert_false(cairn_slab_prefill(slab, 0) && stats_of(slab).slabs_taken == 0);
        cairn_slab_destroy(slab);
        assert_int_equal(made.destructed, made.constructed - 1);
        nth_end(&source);
    }
}

/* ---- what is refused ---- */

TEST(refused)
{
    static char elsewhere[64];
    cairn_slab *slab = make(48, 16, &(cairn_slab_opts){.slab_size = 8192});
    cairn_slab *other = make(48, 16, &(cairn_slab_opts){.slab_size = 8192});
    size_t refusals = 0;
#define REFUSED(ptr)                                                                               \
    do {                                                                                           \
        assert_false(cairn_slab_dealloc(slab, ptr));                                               \
        assert_int_equal(stats_of(slab).refusals, ++refusals);                                     \
        sound(slab);                                                                               \
    } while (0)

    REFUSED(NULL);
    REFUSED(elsewhere);
    take(slab, 500);
    size_t live = 500, count = stats_of(slab).slab_objects;
    char *first = object[0];
    REFUSED(first + 1);
    REFUSED(first + 16);
    REFUSED(first + 47);
    REFUSED(first - 48);
    REFUSED((char *)object[499] + stats_of(slab).object_size); /* not handed out yet */
    REFUSED(first + count * stats_of(slab).object_size);       /* beyond the last */
    for (size_t at = 0; at < 8192; at += 8)                    /* notes and colours, too */
        if ((uintptr_t)first + at < (uintptr_t)first / 8192 * 8192 + 8192 &&
            (at % stats_of(slab).object_size != 0 || at / stats_of(slab).object_size >= count))
            REFUSED(first + at);
    REFUSED(&live);
    REFUSED((void *)8);
    REFUSED((void *)UINTPTR_MAX);
    void *foreign = cairn_slab_alloc(other);
    REFUSED(foreign);
    void *block = malloc(48);
    REFUSED(block);
    free(block);

    static const size_t twice[] = {0, 499, 250, 251, 252, 1, 2, 3, 130};
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++) {
        assert_true(cairn_slab_dealloc(slab, object[twice[i]]));
        REFUSED(object[twice[i]]);
        REFUSED(object[twice[0]]);
        assert_int_equal(stats_of(slab).live, --live);
    }
    /* Those that ended come again, each once. */
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        REFUSED(object[twice[i]]);
    cairn_slab_destroy(other);
    cairn_slab_destroy(slab);
}

TEST(owned)
{
    cairn_slab *slab = make(40, 8, NULL);
    assert_false(cairn_slab_owns(slab, NULL));
    assert_false(cairn_slab_owns(slab, slab));
    take(slab, 100);
    for (size_t i = 0; i < 40; i++)
        assert_true(cairn_slab_owns(slab, (char *)object[7] + i));
    assert_true(cairn_slab_dealloc(slab, object[7]));
    assert_false(cairn_slab_owns(slab, object[7]));
    assert_false(cairn_slab_owns(slab, (char *)object[7] + 39));
    assert_true(cairn_slab_owns(slab, object[8]));
    assert_false(cairn_slab_owns(slab, (char *)object[99] + stats_of(slab).object_size));
    cairn_slab_destroy(slab);
}

/* ---- slabs that are empty ---- */

TEST(kept_within_a_bound)
{
    struct nth_source source;
    cairn_slab_opts opts = {.source = nth_begin(&source), .slab_size = 4096, .max_empty = 3};
    cairn_slab *slab = make(64, 8, &opts);
    take(slab, 1000);
    size_t slabs = stats_of(slab).slabs_full + stats_of(slab).slabs_partial;
    assert_true(slabs > 10);
    for (size_t i = 0; i < 1000; i++) {
        give(slab, i, i + 1);
        assert_in_range(stats_of(slab).slabs_empty, 0, 4); /* and that of the open group */
        sound(slab);
    }
    assert_true(cairn_slab_prefill(slab, 500)); /* more than the bound */
    assert_true(stats_of(slab).slabs_empty > 4);
    take(slab, 400);
    cairn_slab_reset(slab);
    assert_int_equal(stats_of(slab).slabs_empty, 3);
    assert_int_equal(stats_of(slab).live, 0);
    cairn_slab_destroy(slab);
    nth_end(&source);
}

TEST(reaped)
{
    cairn_slab *slab = make(64, 8, &(cairn_slab_opts){.slab_size = 4096});
    size_t count = stats_of(slab).slab_objects;
    take(slab, 20 * count);
    assert_int_equal(stats_of(slab).slabs_full, 20);
    give(slab, 0, 20 * count);
    assert_int_equal(cairn_slab_reap(slab), 0); /* all were needed since it was made */
    take(slab, 5 * count);
    give(slab, 0, 5 * count);
    size_t reaped = cairn_slab_reap(slab);
    assert_in_range(reaped, 14, 15);
    sound(slab);
    assert_int_equal(stats_of(slab).slabs_given, reaped);
    take(slab, 5 * count);
    assert_int_equal(stats_of(slab).slabs_taken, 20);
    give(slab, 0, 5 * count);
    assert_in_range(cairn_slab_reap(slab), 0, 1);
    assert_in_range(cairn_slab_reap(slab), 4, 6);
    cairn_slab_shrink(slab);
    assert_int_equal(stats_of(slab).objects, 0);
    assert_int_equal(cairn_slab_shrink(slab), 0);
    sound(slab);
    assert_non_null(cairn_slab_alloc(slab));
    cairn_slab_destroy(slab);
}

TEST(prefilled)
{
    cairn_slab *slab = make(64, 8, NULL);
    size_t count = stats_of(slab).slab_objects;
    assert_true(cairn_slab_prefill(slab, 0));
    assert_int_equal(stats_of(slab).slabs_taken, 0);
    assert_true(cairn_slab_prefill(slab, 3 * count));
    assert_int_equal(stats_of(slab).slabs_taken, 3);
    take(slab, 3 * count);
    assert_int_equal(stats_of(slab).slabs_taken, 3);
    assert_true(cairn_slab_prefill(slab, 1));
    assert_int_equal(stats_of(slab).slabs_taken, 4);
    sound(slab);
    cairn_slab_destroy(slab);
}

TEST(reset)
{
    cairn_slab *slab = make(100, 4, NULL);
    for (size_t n = 1; n < 2000; n = n * 2 + 1) {
        take(slab, n);
        give(slab, n / 3, n / 2);
        cairn_slab_reset(slab);
        sound(slab);
        assert_int_equal(stats_of(slab).live, 0);
        assert_false(cairn_slab_owns(slab, object[0]));
        assert_false(cairn_slab_dealloc(slab, object[0]));
    }
    cairn_slab_destroy(slab);
}

/* ---- against a model ---- */

struct count {
    size_t live, bytes_live, bytes_free, calls, stop_at;
};

static bool count_range(void *context, void *ptr, size_t size, bool in_use)
{
    struct count *count = context;
    (void)ptr;
    count->live += in_use;
    *(in_use ? &count->bytes_live : &count->bytes_free) += size;
    return ++count->calls != count->stop_at;
}

static void check_visit(const cairn_slab *slab, size_t live)
{
    struct count count = {0};
    cairn_slab_stats stats = stats_of(slab);
    assert_true(cairn_slab_visit(slab, count_range, &count));
    assert_int_equal(count.live, live);
    assert_int_equal(count.bytes_live + count.bytes_free, stats.objects * stats.object_size);
    for (size_t stop = 1; stop < 4 && stop <= count.calls; stop++) {
        struct count stopped = {.stop_at = stop};
        assert_false(cairn_slab_visit(slab, count_range, &stopped));
        assert_int_equal(stopped.calls, stop);
    }
}

static void random_work(size_t size, const cairn_slab_opts *opts, uint64_t seed)
{
    cairn_slab *slab = make(size, 8, opts);
    size_t live = 0;
    for (size_t step = 0; step < unit_rounds(40000); step++) {
        /* Now more come, now more go; at random places, or in rows. */
        bool grows = unit_below(&seed, 100) < (step / 4000 % 2 == 0 ? 60u : 40u);
        if (grows && live < MANY) {
            object[live] = cairn_slab_alloc(slab);
            assert_non_null(object[live]);
            unit_fill(object[live], size, (uintptr_t)object[live]);
            live++;
        } else if (live > 0) {
            size_t i = step / 1000 % 2 == 0 ? unit_below(&seed, live) : live - 1;
            assert_true(unit_is_filled(object[i], size, (uintptr_t)object[i]));
            assert_true(cairn_slab_dealloc(slab, object[i]));
            if (step % 7 == 0)
                assert_false(cairn_slab_dealloc(slab, object[i]));
            object[i] = object[--live];
        }
        if (step % 1999 == 0)
            cairn_slab_shrink(slab);
        if (step % 701 == 0)
            cairn_slab_reap(slab);
        if (step % 64 == 0) {
            sound(slab);
            assert_int_equal(stats_of(slab).live, live);
        }
        if (step % 1024 == 0)
            check_visit(slab, live);
    }
    cairn_slab_destroy(slab);
}

TEST(random_work_of_all_kinds)
{
    random_work(8, NULL, 1);
    random_work(64, NULL, 2);
    random_work(100, &(cairn_slab_opts){.slab_size = 1024}, 3);
    random_work(24, &(cairn_slab_opts){.slab_size = 4096, .max_empty = 1}, 4);
    random_work(200, &(cairn_slab_opts){.slab_size = 256}, 5);
    random_work(1024, &(cairn_slab_opts){.max_empty = 2}, 6);
}

/* ---- memory runs out ---- */

TEST(a_source_that_fails)
{
    for (int after = 0; after < 2; after++)
        for (size_t n = 1; n < 60; n++) {
            struct nth_source source;
            cairn_slab_opts opts = {.source = nth_begin(&source), .slab_size = 1024};
            source.fail_at = n;
            source.fail_after = after;
            cairn_slab *slab = cairn_slab_create(cairn__layout(200, 8), &opts);
            assert_int_equal(slab == NULL, n == 1);
            if (slab == NULL) {
                nth_end(&source);
                continue;
            }
            size_t got = 0;
            for (size_t i = 0; i < 100; i++) {
                object[got] = cairn_slab_alloc(slab);
                got += object[got] != NULL;
                sound(slab);
            }
            assert_int_equal(got < 100, source.calls >= n);
            source.fail_at = 0;
            assert_int_equal(stats_of(slab).live, got);
            give(slab, 0, got);
            assert_true(cairn_slab_prefill(slab, 50));
            sound(slab);
            cairn_slab_destroy(slab);
            nth_end(&source);
        }
}

/* Where notes are apart from objects. */
TEST(notes_that_cannot_be_had)
{
    struct nth_source source;
    cairn_slab_opts opts = {.source = nth_begin(&source), .slab_size = 4096};
    cairn_slab *slab = make(4096, 1, &opts);
    source.max_size = 4096;
    take(slab, 40);
    source.fail_after = true;
    for (size_t n = 1; n <= 3; n++) {
        size_t live = nth_live(&source);
        source.fail_at = source.calls + n;
        if (n < 3)
            assert_null(cairn_slab_alloc(slab));
        assert_int_equal(nth_live(&source), live);
        sound(slab);
    }
    cairn_slab_destroy(slab);
    nth_end(&source);
}

/* ---- as an allocator ---- */

TEST(as_an_allocator)
{
    cairn_slab *slab = make(100, 32, NULL);
    cairn_allocator allocator = cairn_slab_allocator(slab);
    assert_null(cairn_allocator_alloc(allocator, cairn__layout(101, 1)));
    assert_null(cairn_allocator_alloc(allocator, cairn__layout(1, 64)));
    char *block = cairn_allocator_alloc(allocator, cairn__layout(10, 1));
    assert_non_null(block);
    size_t usable = cairn_allocator_usable_size(allocator, block, cairn__layout(10, 1));
    assert_int_equal(usable, 100);
    unit_fill(block, usable, 1);
    assert_ptr_equal(cairn_allocator_realloc(allocator, block, cairn__layout(10, 1), 100), block);
    assert_null(cairn_allocator_realloc(allocator, block, cairn__layout(100, 1), 101));
    assert_true(unit_is_filled(block, 100, 1));
    assert_true(cairn_allocator_owns(allocator, block));
    cairn_allocator_dealloc(allocator, block, cairn__layout(100, 1));
    cairn_allocator_dealloc(allocator, block, cairn__layout(100, 1));
    assert_int_equal(stats_of(slab).refusals, 1);
    char *zeroed = cairn_allocator_alloc_zeroed(allocator, cairn__layout(100, 32));
    assert_true(unit_is_zero(zeroed, 100));
    cairn_slab_destroy(slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_that_cannot_be),
        cmocka_unit_test(objects_of_all_layouts),
        cmocka_unit_test(slabs_of_all_sizes),
        cmocka_unit_test(colours),
        cmocka_unit_test(objects_stay_what_they_are),
        cmocka_unit_test(constructed_once),
        cmocka_unit_test(constructors_that_fail),
        cmocka_unit_test(refused),
        cmocka_unit_test(owned),
        cmocka_unit_test(kept_within_a_bound),
        cmocka_unit_test(reaped),
        cmocka_unit_test(prefilled),
        cmocka_unit_test(reset),
        cmocka_unit_test(random_work_of_all_kinds),
        cmocka_unit_test(a_source_that_fails),
        cmocka_unit_test(notes_that_cannot_be_had),
        cmocka_unit_test(as_an_allocator),
    };
    return UNIT_MAIN(tests);
}
