/* SPDX-License-Identifier: MIT */
/* slab_set.h: which class serves what, what is refused, and that memory goes where it is needed. */
#include "unit/unit.h"

#include "base/visible.h"
#include "cairn/slab_set.h"
#include "kit/nth_source.h"

enum { MANY = 4000 };

struct block {
    void *ptr;
    cairn_layout layout;
};

static struct block block[MANY];

static cairn_slab_set_stats stats_of(const cairn_slab_set *set)
{
    cairn_slab_set_stats stats;
    cairn_slab_set_stats_get(set, &stats);
    return stats;
}

static cairn_slab_set_class_stats class_of(const cairn_slab_set *set, size_t index)
{
    cairn_slab_set_class_stats stats;
    assert_true(cairn_slab_set_class_stats_get(set, index, &stats));
    return stats;
}

static void sound(const cairn_slab_set *set)
{
    const char *wrong = cairn_slab_set_audit(set);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static cairn_slab_set *make(const cairn_slab_set_opts *opts)
{
    cairn_slab_set *set = cairn_slab_set_create(opts);
    assert_non_null(set);
    sound(set);
    return set;
}

static struct block alloc(cairn_slab_set *set, size_t size, size_t align)
{
    struct block got = {NULL, {size, align}};
    got.ptr = cairn_slab_set_alloc(set, got.layout);
    assert_non_null(got.ptr);
    assert_true((uintptr_t)got.ptr % align == 0);
    unit_fill(got.ptr, size, (uintptr_t)got.ptr);
    return got;
}

static void end(cairn_slab_set *set, struct block ended)
{
    assert_true(unit_is_filled(ended.ptr, ended.layout.size, (uintptr_t)ended.ptr));
    assert_true(cairn_slab_set_dealloc(set, ended.ptr, ended.layout));
}

/* ---- classes ---- */

TEST(classes)
{
    cairn_slab_set *set = make(NULL);
    size_t before = 0;
    for (size_t i = 0; i < CAIRN_SLAB_SET_CLASSES; i++) {
        cairn_slab_set_class_stats class = class_of(set, i);
        assert_true(class.size > before && class.size % CAIRN_SLAB_SET_STEP == 0);
        assert_true(class.size <= 256 ? class.size == before + 16 : class.size <= before * 9 / 8);
        assert_int_equal(class.slab_blocks, CAIRN_SLAB_SET_SLAB / class.size);
        before = class.size;
    }
    assert_int_equal(before, CAIRN_SLAB_SET_MAX);
    cairn_slab_set_class_stats none;
    assert_false(cairn_slab_set_class_stats_get(set, CAIRN_SLAB_SET_CLASSES, &none));
    assert_false(cairn_slab_set_class_stats_get(set, SIZE_MAX, &none));
    cairn_slab_set_destroy(set);
    cairn_slab_set_destroy(NULL);
}

/* The smallest class that fits serves a size, whatever the alignment that it is a multiple of. */
TEST(every_size_and_alignment)
{
    cairn_slab_set *set = make(NULL);
    cairn_allocator allocator = cairn_slab_set_allocator(set);
    for (size_t align = 1; align <= 16384; align *= 2)
        for (size_t size = 0; size <= 4200; size += 1 + (align > 16) * 6) {
            struct block got = alloc(set, size, align);
            size_t least = (size != 0 ? size : 1) + align - 1;
            least -= least % align;
            size_t usable = cairn_allocator_usable_size(allocator, got.ptr, got.layout);
            if (cairn__is_watched() || least > CAIRN_SLAB_SET_MAX)
                assert_true(usable >= size);
            else
                assert_in_range(usable, least, least <= 256 ? least + 15 : least * 9 / 8);
            assert_int_equal(stats_of(set).large + stats_of(set).live, 1);
            assert_true(cairn__is_watched() || stats_of(set).large == (least > CAIRN_SLAB_SET_MAX));
            assert_true(cairn_slab_set_owns(set, got.ptr));
            assert_true(size == 0 || cairn_slab_set_owns(set, (char *)got.ptr + size - 1));
            end(set, got);
            assert_false(cairn_slab_set_owns(set, got.ptr));
        }
    sound(set);
    assert_int_equal(stats_of(set).refusals, 0);
    cairn_slab_set_destroy(set);
}

/* A class without room takes a block of the next one, if the alignment allows it. */
TEST(borrowed)
{
    if (cairn__is_watched())
        return; /* red zones: other classes */
    cairn_slab_set *set = make(NULL);
    struct block larger = alloc(set, 160, 16);
    struct block smaller = alloc(set, 144, 16);
    assert_int_equal(class_of(set, 8).size, 144);
    assert_int_equal(class_of(set, 8).slabs, 0);
    assert_int_equal(class_of(set, 9).live, 2);
    sound(set);
    assert_ptr_equal(cairn_slab_set_realloc(set, smaller.ptr, smaller.layout, 130), smaller.ptr);
    smaller.layout.size = 130;
    assert_true(cairn_slab_set_owns(set, smaller.ptr));
    assert_true(cairn_slab_set_dealloc(set, smaller.ptr, smaller.layout));
    assert_false(cairn_slab_set_dealloc(set, smaller.ptr, smaller.layout));
    sound(set);
    struct block aligned = alloc(set, 128, 128);
    assert_int_equal(class_of(set, 7).live, 1);
    struct block last = alloc(set, CAIRN_SLAB_SET_MAX, 1);
    sound(set);
    end(set, last);
    end(set, aligned);
    end(set, larger);
    assert_int_equal(stats_of(set).live, 0);
    cairn_slab_set_destroy(set);
}

/* ---- what is refused ---- */

TEST(bad_layouts)
{
    static const cairn_layout bad[] = {{8, 0},
                                       {8, 3},
                                       {SIZE_MAX, 1},
                                       {PTRDIFF_MAX, 2},
                                       {(size_t)1 << 58, 1},
                                       {(size_t)PTRDIFF_MAX, 1},
                                       {1, (size_t)1 << 62}};
    struct nth_source source;
    cairn_slab_set *set = make(&(cairn_slab_set_opts){.source = nth_begin(&source)});
    source.max_size = GIB;
    struct block some = alloc(set, 100, 8);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bad[i].align < GIB)
            assert_null(cairn_slab_set_alloc(set, bad[i]));
        assert_false(cairn_slab_set_dealloc(set, some.ptr, bad[i]));
        assert_null(cairn_slab_set_realloc(set, some.ptr, bad[i], 10));
        sound(set);
    }
    assert_null(cairn_slab_set_realloc(set, some.ptr, some.layout, SIZE_MAX));
    assert_null(cairn_slab_set_realloc(set, some.ptr, some.layout, PTRDIFF_MAX - 7));
    end(set, some);
    cairn_slab_set_destroy(set);
    nth_end(&source);
}

TEST(refused)
{
    static char elsewhere[64];
    cairn_slab_set *set = make(NULL), *other = make(NULL);
    for (size_t i = 0; i < MANY; i++)
        block[i] = alloc(set, i % 600, 8);
    struct block large = alloc(set, 5000, 8), foreign = alloc(other, 100, 8);
    struct block foreign_large = alloc(other, 5000, 8);
    size_t refusals = 0;
#define REFUSED(ptr, size, align)                                                                  \
    do {                                                                                           \
        assert_false(cairn_slab_set_dealloc(set, ptr, cairn__layout(size, align)));                \
        assert_int_equal(stats_of(set).refusals, ++refusals);                                      \
        sound(set);                                                                                \
    } while (0)

    char *first = block[100].ptr; /* of 100 bytes */
    REFUSED(NULL, 100, 8);
    REFUSED(NULL, 5000, 8);
    REFUSED(elsewhere, 10, 8);
    REFUSED(elsewhere, 10000, 8);
    REFUSED(&refusals, 100, 8);
    REFUSED((void *)UINTPTR_MAX, 100, 8);
    REFUSED(first + 1, 100, 8);
    REFUSED(first + 16, 100, 8);
    REFUSED(first, 200, 8);
    REFUSED(first, 60, 8);
    REFUSED(first, 5000, 8);
    REFUSED(foreign.ptr, 100, 8);
    REFUSED(foreign_large.ptr, 5000, 8);
    REFUSED(large.ptr, 5001, 8);
    REFUSED(large.ptr, 5000, 16);
    REFUSED(large.ptr, 100, 8);
    REFUSED((char *)large.ptr + 8, 5000, 8);
    assert_null(cairn_slab_set_realloc(set, first + 16, cairn__layout(100, 8), 104));
    assert_null(cairn_slab_set_realloc(set, foreign.ptr, cairn__layout(100, 8), 104));
    assert_null(cairn_slab_set_realloc(set, elsewhere, cairn__layout(5000, 8), 6000));
    refusals += 3;
    assert_int_equal(stats_of(set).live, MANY);

    end(set, large);
    REFUSED(large.ptr, 5000, 8);
    for (size_t i = 0; i < MANY; i += 37) {
        end(set, block[i]);
        REFUSED(block[i].ptr, block[i].layout.size, 8);
        assert_null(cairn_slab_set_realloc(set, block[i].ptr, block[i].layout, 600));
        refusals++;
    }
    for (size_t i = 0; i < MANY; i++)
        if (i % 37 != 0)
            end(set, block[i]);
    for (size_t i = 0; i < MANY; i += 100)
        REFUSED(block[i].ptr, block[i].layout.size, 8);
    cairn_slab_set_destroy(set);
    cairn_slab_set_destroy(other);
}

/* ---- resizing ---- */

TEST(resized)
{
    cairn_slab_set *set = make(NULL);
    cairn_layout layout = {0, 8};
    char *ptr = cairn_slab_set_realloc(set, NULL, layout, 0);
    size_t kept = 0;
    uint64_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        size_t size = unit_below(&seed, i % 3 == 0 ? 10000 : 1000);
        char *moved = cairn_slab_set_realloc(set, ptr, layout, size);
        assert_non_null(moved);
        kept = kept < size ? kept : size;
        assert_true(unit_is_filled(moved, kept, 5));
        unit_fill(moved, size, 5);
        kept = layout.size = size;
        ptr = moved;
        sound(set);
        assert_int_equal(stats_of(set).live + stats_of(set).large, 1);
    }
    assert_true(cairn_slab_set_dealloc(set, ptr, layout));
    struct block some = alloc(set, 100, 8);
    if (!cairn__is_watched())
        assert_ptr_equal(cairn_slab_set_realloc(set, some.ptr, some.layout, 112), some.ptr);
    cairn_slab_set_destroy(set);
}

/* ---- where memory goes ---- */

/* A slab that one class has emptied serves another. */
TEST(slabs_change_classes)
{
    cairn_slab_set *set = make(NULL);
    size_t slabs = 0;
    for (size_t size = 64; size <= 1024; size += 64) {
        size_t count = 200 * KIB / size;
        for (size_t i = 0; i < count; i++)
            block[i] = alloc(set, size, 8);
        sound(set);
        for (size_t i = 0; i < count; i++)
            end(set, block[i]);
        sound(set);
        if (slabs == 0)
            slabs = stats_of(set).slabs;
    }
    assert_in_range(stats_of(set).slabs, slabs, 2 * slabs);
    cairn_slab_set_destroy(set);
}

TEST(trimmed)
{
    struct nth_source source;
    cairn_slab_set *set = make(&(cairn_slab_set_opts){.source = nth_begin(&source)});
    size_t nothing = stats_of(set).bytes;
    for (size_t i = 0; i < MANY; i++)
        block[i] = alloc(set, 16 + i % 2000, 8);
    struct block large = alloc(set, 100000, 64);
    size_t most = stats_of(set).bytes;
    assert_true(cairn_slab_set_trim(set) <= 64 * CAIRN_SLAB_SET_SLAB);
    for (size_t i = 1; i < MANY; i++)
        end(set, block[i]);
    sound(set);
    assert_true(cairn_slab_set_trim(set) > most / 2);
    sound(set);
    end(set, large);
    end(set, block[0]);
    assert_int_not_equal(cairn_slab_set_trim(set), 0);
    sound(set);
    assert_int_equal(stats_of(set).bytes, nothing);
    assert_int_equal(stats_of(set).chunks, 0);
    assert_int_equal(nth_live(&source), 1);
    assert_int_equal(cairn_slab_set_trim(set), 0);
    end(set, alloc(set, 10, 1));
    cairn_slab_set_destroy(set);
    nth_end(&source);
}

TEST(kept_within_a_bound)
{
    cairn_slab_set *set = make(&(cairn_slab_set_opts){.max_empty = 1});
    for (size_t i = 0; i < MANY; i++)
        block[i] = alloc(set, 1000, 8);
    size_t chunks = stats_of(set).chunks;
    assert_true(chunks > 5);
    for (size_t i = 0; i < MANY; i++) {
        end(set, block[i]);
        if (i % 64 == 0)
            sound(set);
    }
    assert_in_range(stats_of(set).chunks, 1, 2);
    for (size_t i = 0; i < MANY; i++)
        block[i] = alloc(set, 1000, 8);
    cairn_slab_set_reset(set);
    sound(set);
    assert_int_equal(stats_of(set).chunks, 1);
    assert_int_equal(stats_of(set).slabs_free, stats_of(set).slabs);
    cairn_slab_set_destroy(set);
}

TEST(reset)
{
    struct nth_source source;
    cairn_slab_set *set = make(&(cairn_slab_set_opts){.source = nth_begin(&source)});
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++)
            block[i] = alloc(set, i, 8);
        for (size_t i = 0; i < MANY; i += 3)
            end(set, block[i]);
        cairn_slab_set_reset(set);
        sound(set);
        cairn_slab_set_stats stats = stats_of(set);
        assert_int_equal(stats.live + stats.large + stats.live_bytes + stats.large_bytes, 0);
        assert_int_equal(stats.slabs_free, stats.slabs);
        assert_false(cairn_slab_set_owns(set, block[1].ptr));
        assert_false(cairn_slab_set_dealloc(set, block[1].ptr, block[1].layout));
    }
    cairn_slab_set_destroy(set);
    nth_end(&source);
}

/* ---- against a model ---- */

struct count {
    size_t live, bytes, calls, stop_at;
};

static bool count_range(void *context, void *ptr, size_t size, bool in_use)
{
    struct count *count = context;
    (void)ptr;
    count->live += in_use;
    count->bytes += in_use ? size : 0;
    return ++count->calls != count->stop_at;
}

static void check_figures(const cairn_slab_set *set, size_t live, size_t bytes)
{
    struct count count = {0};
    cairn_slab_set_stats stats = stats_of(set);
    assert_true(cairn_slab_set_visit(set, count_range, &count));
    assert_int_equal(count.live, live);
    assert_int_equal(stats.live + stats.large, live);
    assert_int_equal(count.bytes, stats.live_bytes + stats.large_bytes);
    assert_true(count.bytes >= bytes && stats.bytes > count.bytes);
    size_t sum = 0, slabs = stats.slabs_free;
    for (size_t i = 0; i < CAIRN_SLAB_SET_CLASSES; i++) {
        sum += class_of(set, i).live;
        slabs += class_of(set, i).slabs;
    }
    assert_int_equal(sum, stats.live);
    assert_int_equal(slabs, stats.slabs);
    for (size_t stop = 1; stop < 4 && stop <= count.calls; stop++) {
        struct count stopped = {.stop_at = stop};
        assert_false(cairn_slab_set_visit(set, count_range, &stopped));
        assert_int_equal(stopped.calls, stop);
    }
}

TEST(random_work)
{
    cairn_slab_set *set = make(&(cairn_slab_set_opts){.max_empty = 256 * KIB});
    uint64_t seed = 9;
    size_t live = 0, bytes = 0;
    for (size_t step = 0; step < unit_rounds(200000); step++) {
        size_t phase = step / 20000;
        bool grows = unit_below(&seed, 100) < (phase % 2 == 0 ? 60u : 40u);
        if (grows && live < MANY) {
            size_t size = unit_below(&seed, 100) == 0 ? unit_below(&seed, 20000)
                                                      : unit_below(&seed, phase * 100 + 200);
            size_t align = (size_t)1 << unit_below(&seed, unit_below(&seed, 50) == 0 ? 13 : 5);
            block[live] = alloc(set, size, align);
            bytes += block[live++].layout.size;
        } else if (live > 0) {
            size_t i = unit_below(&seed, live);
            bytes -= block[i].layout.size;
            end(set, block[i]);
            if (step % 5 == 0)
                assert_false(cairn_slab_set_dealloc(set, block[i].ptr, block[i].layout));
            block[i] = block[--live];
        }
        if (step % 5003 == 0)
            cairn_slab_set_trim(set);
        if (step % 512 == 0)
            sound(set);
        if (step % 4096 == 0)
            check_figures(set, live, bytes);
    }
    cairn_slab_set_destroy(set);
}

/* ---- memory runs out ---- */

TEST(a_source_that_fails)
{
    for (int after = 0; after < 2; after++)
        for (size_t n = 1; n < 80; n++) {
            struct nth_source source;
            cairn_slab_set_opts opts = {.source = nth_begin(&source)};
            source.fail_at = n;
            source.fail_after = after;
            cairn_slab_set *set = cairn_slab_set_create(&opts);
            assert_int_equal(set == NULL, n == 1);
            if (set == NULL) {
                nth_end(&source);
                continue;
            }
            size_t got = 0, wanted = 300;
            for (size_t i = 0; i < wanted; i++) {
                cairn_layout layout = {i * 53 % 2500, 8};
                block[got] = (struct block){cairn_slab_set_alloc(set, layout), layout};
                if (block[got].ptr != NULL)
                    unit_fill(block[got].ptr, layout.size, (uintptr_t)block[got].ptr);
                got += block[got].ptr != NULL;
                sound(set);
            }
            assert_true(after == 0 || (got < wanted) == (source.calls >= n));
            for (size_t i = 0; i < got; i += 2) {
                cairn_layout layout = block[i].layout;
                void *moved = cairn_slab_set_realloc(set, block[i].ptr, layout, 3000);
                if (moved != NULL) {
                    assert_true(unit_is_filled(moved, layout.size, (uintptr_t)block[i].ptr));
                    block[i] = (struct block){moved, {3000, 8}};
                    unit_fill(moved, 3000, (uintptr_t)moved);
                }
                sound(set);
            }
            source.fail_at = 0;
            for (size_t i = 0; i < got; i++)
                end(set, block[i]);
            sound(set);
            end(set, alloc(set, 77, 1));
            cairn_slab_set_destroy(set);
            nth_end(&source);
        }
}

/* What lies empty is given up before a request is. */
TEST(empty_chunks_make_room)
{
    struct nth_source source;
    cairn_slab_set *set = make(&(cairn_slab_set_opts){.source = nth_begin(&source)});
    for (size_t i = 0; i < 1000; i++)
        block[i] = alloc(set, 1000, 8);
    for (size_t i = 0; i < 1000; i++)
        end(set, block[i]);
    size_t live = nth_live(&source);
    source.fail_at = source.calls + 2; /* the table, then the block */
    struct block large = alloc(set, 5000, 8);
    assert_true(nth_live(&source) < live);
    sound(set);
    end(set, large);
    cairn_slab_set_destroy(set);
    nth_end(&source);
}

TEST(as_an_allocator)
{
    cairn_slab_set *set = make(NULL);
    cairn_allocator allocator = cairn_slab_set_allocator(set);
    for (size_t size = 0; size < 5000; size = size * 2 + 1) {
        char *dirty = cairn_allocator_alloc(allocator, cairn__layout(size, 8));
        memset(dirty, 0xa5, size);
        cairn_allocator_dealloc(allocator, dirty, cairn__layout(size, 8));
        char *zeroed = cairn_allocator_alloc_zeroed(allocator, cairn__layout(size, 8));
        assert_true(unit_is_zero(zeroed, size));
        cairn_allocator_dealloc(allocator, zeroed, cairn__layout(size, 8));
    }
    assert_int_equal(stats_of(set).refusals, 0);
    cairn_slab_set_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes),
        cmocka_unit_test(every_size_and_alignment),
        cmocka_unit_test(borrowed),
        cmocka_unit_test(bad_layouts),
        cmocka_unit_test(refused),
        cmocka_unit_test(resized),
        cmocka_unit_test(slabs_change_classes),
        cmocka_unit_test(trimmed),
        cmocka_unit_test(kept_within_a_bound),
        cmocka_unit_test(reset),
        cmocka_unit_test(random_work),
        cmocka_unit_test(a_source_that_fails),
        cmocka_unit_test(empty_chunks_make_room),
        cmocka_unit_test(as_an_allocator),
    };
    return UNIT_MAIN(tests);
}
