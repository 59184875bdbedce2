/* SPDX-License-Identifier: MIT */
/* fit.h: every strategy with every way of coalescing, and each answer that the header promises. */
#include "kit/fit_test.h"

enum { STRATEGIES = 4, COALESCINGS = 3, VARIANTS = STRATEGIES * COALESCINGS, BLOCKS = 300 };

static cairn_fit_opts variant(int i)
{
    return (cairn_fit_opts){.strategy = (enum cairn_fit_strategy)(i % STRATEGIES),
                            .coalescing = (enum cairn_fit_coalescing)(i / STRATEGIES)};
}

/* ---- a source that counts, and fails on request ---- */

struct source {
    size_t calls, fail_at, live, bytes;
    size_t size_max; /* 0: any */
};

static void *source_alloc(void *self, cairn_layout wanted)
{
    struct source *source = self;
    void *ptr = NULL;
    if (++source->calls == source->fail_at ||
        (source->size_max != 0 && wanted.size > source->size_max) ||
        posix_memalign(&ptr, size_max(wanted.align, sizeof(void *)), wanted.size) != 0)
        return NULL;
    source->live++;
    source->bytes += wanted.size;
    return ptr;
}

static void source_dealloc(void *self, void *ptr, cairn_layout wanted)
{
    struct source *source = self;
    source->live--;
    source->bytes -= wanted.size;
    free(ptr);
}

static cairn_allocator source_of(struct source *source)
{
    static const cairn_allocator_ops ops = {
        .name = "source", .alloc = source_alloc, .dealloc = source_dealloc};
    return (cairn_allocator){&ops, source};
}

/* ---- random lists of operations ---- */

struct held {
    char *ptr;
    cairn_layout layout;
    uint64_t key;
};

static size_t random_size(uint64_t *seed)
{
    switch (unit_below(seed, 16)) {
    case 0:
        return 0;
    case 1:
        return unit_below(seed, 20000);
    default:
        return unit_below(seed, 600);
    }
}

static size_t random_align(uint64_t *seed)
{
    return (size_t)1 << (unit_below(seed, 4) == 0 ? unit_below(seed, 13) : unit_below(seed, 5));
}

static void step(cairn_fit *fit, struct held *held, uint64_t *seed)
{
    struct held *h = &held[unit_below(seed, BLOCKS)];
    if (h->ptr == NULL) {
        h->layout = layout(random_size(seed), random_align(seed));
        h->ptr = cairn_fit_alloc(fit, h->layout);
        h->key = unit_random(seed);
        if (h->ptr == NULL)
            return;
        assert_true(is_aligned((uintptr_t)h->ptr, h->layout.align));
        assert_true(cairn_fit_owns(fit, h->ptr));
        unit_fill(h->ptr, h->layout.size, h->key);
        return;
    }
    assert_true(unit_is_filled(h->ptr, h->layout.size, h->key));
    if (unit_below(seed, 3) == 0) {
        size_t new_size = random_size(seed);
        char *moved = cairn_fit_realloc(fit, h->ptr, h->layout, new_size);
        if (moved == NULL)
            return;
        assert_true(is_aligned((uintptr_t)moved, h->layout.align));
        assert_true(unit_is_filled(moved, size_min(new_size, h->layout.size), h->key));
        h->ptr = moved;
        h->layout.size = new_size;
        unit_fill(moved, new_size, h->key);
        return;
    }
    assert_true(cairn_fit_dealloc(fit, h->ptr, h->layout));
    h->ptr = NULL;
}

static void run(cairn_fit *fit, uint64_t seed, size_t steps, size_t audit_every)
{
    static struct held held[BLOCKS];
    memset(held, 0, sizeof held);
    for (size_t i = 0; i < steps; i++) {
        step(fit, held, &seed);
        if (i % audit_every == 0)
            sound(fit);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (held[i].ptr != NULL)
            assert_true(cairn_fit_dealloc(fit, held[i].ptr, held[i].layout));
    sound(fit);
    assert_int_equal(stats_of(fit).in_use, 0);
    assert_int_equal(stats_of(fit).refused, 0);
}

TEST(random_operations_in_fixed_memory)
{
    for (int i = 0; i < VARIANTS; i++) {
        cairn_fit_opts opts = variant(i);
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory + i, sizeof memory - 64 - (size_t)i, &opts));
        run(&fit, (uint64_t)i, unit_rounds(8000), 37);
        cairn_fit_fini(&fit);
    }
}

TEST(random_operations_on_a_source)
{
    for (int i = 0; i < VARIANTS; i++) {
        struct source source = {0};
        cairn_fit_opts opts = variant(i);
        opts.region = 4096;
        cairn_fit *fit = cairn_fit_create(source_of(&source), &opts);
        assert_non_null(fit);
        assert_int_equal(source.live, 1);
        run(fit, (uint64_t)i, unit_rounds(8000), 37);
        cairn_fit_trim(fit);
        sound(fit);
        if (opts.coalescing != CAIRN_FIT_NEVER)
            assert_int_equal(source.live, 1);
        cairn_fit_destroy(fit);
        assert_int_equal(source.live, 0);
        assert_int_equal(source.bytes, 0);
    }
}

/* What was freed in any order is one block again. */
TEST(all_free_is_one_block)
{
    for (int i = 0; i < 2 * STRATEGIES; i++) {
        cairn_fit_opts opts = variant(i);
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory, sizeof memory, &opts));
        size_t before = stats_of(&fit).largest_free;
        run(&fit, 5, 2000, 100);
        cairn_fit_trim(&fit);
        assert_int_equal(stats_of(&fit).free_blocks, 1);
        assert_int_equal(stats_of(&fit).largest_free, before);
        assert_true(cairn_fit_fragmentation(&(cairn_fit_stats){.free = 4, .largest_free = 1}) ==
                    0.75);
        cairn_fit_fini(&fit);
    }
}

/* Every call of the source fails once: nothing is lost, the list goes on. */
TEST(a_source_that_fails)
{
    for (int i = 0; i < VARIANTS; i++)
        for (size_t fail_at = 1;; fail_at++) {
            struct source source = {.fail_at = fail_at};
            cairn_fit_opts opts = variant(i);
            opts.region = 1024;
            cairn_fit *fit = cairn_fit_create(source_of(&source), &opts);
            if (fit == NULL) {
                assert_int_equal(fail_at, 1);
                assert_int_equal(source.live, 0);
                continue;
            }
            run(fit, 3, 600, 50);
            cairn_fit_destroy(fit);
            assert_int_equal(source.live, 0);
            assert_int_equal(source.bytes, 0);
            if (source.calls < fail_at)
                break;
        }
}

/* ---- coalescing ---- */

TEST(deferred_keeps_and_merges)
{
    cairn_fit fit;
    cairn_fit_opts opts = {.coalescing = CAIRN_FIT_DEFERRED, .kept_max = 4};
    assert_true(cairn_fit_init(&fit, memory, 8 * KIB, &opts));
    void *ptr[10];
    for (int i = 0; i < 10; i++)
        ptr[i] = cairn_fit_alloc(&fit, layout(100, 1));
    size_t in_use = stats_of(&fit).in_use;
    for (int i = 0; i < 3; i++)
        assert_true(cairn_fit_dealloc(&fit, ptr[i], layout(100, 1)));
    assert_int_equal(stats_of(&fit).kept, 3);
    assert_int_equal(stats_of(&fit).in_use, in_use * 7 / 10);
    assert_ptr_equal(cairn_fit_alloc(&fit, layout(100, 1)), ptr[2]);
    assert_ptr_equal(cairn_fit_alloc(&fit, layout(97, 1)), ptr[1]);
    assert_true(cairn_fit_dealloc(&fit, ptr[1], layout(97, 1)));
    assert_true(cairn_fit_dealloc(&fit, ptr[2], layout(100, 1)));
    assert_false(cairn_fit_dealloc(&fit, ptr[2], layout(100, 1)));
    sound(&fit);
    assert_true(cairn_fit_dealloc(&fit, ptr[3], layout(100, 1))); /* the fourth */
    assert_int_equal(stats_of(&fit).kept, 0);
    sound(&fit);
    assert_int_equal(stats_of(&fit).free_blocks, 2);
    for (int i = 4; i < 6; i++)
        assert_true(cairn_fit_dealloc(&fit, ptr[i], layout(100, 1)));
    /* Nothing is large enough until they are merged with what lies before and after them. */
    size_t rest = stats_of(&fit).largest_free;
    assert_non_null(cairn_fit_alloc(&fit, layout(rest - WORD, 1)));
    assert_int_equal(stats_of(&fit).kept, 2);
    assert_ptr_equal(cairn_fit_alloc(&fit, layout(600, 1)), ptr[0]);
    assert_int_equal(stats_of(&fit).kept, 0);
    sound(&fit);
}

TEST(never_does_not_merge)
{
    cairn_fit fit;
    void *blocks[4];
    cairn_fit_opts opts = {.coalescing = CAIRN_FIT_NEVER};
    assert_true(cairn_fit_init(&fit, memory, 8 * KIB, &opts));
    void *a = cairn_fit_alloc(&fit, layout(100, 1)), *b = cairn_fit_alloc(&fit, layout(100, 1));
    assert_true(cairn_fit_dealloc(&fit, a, layout(100, 1)));
    assert_true(cairn_fit_dealloc(&fit, b, layout(100, 1)));
    assert_int_equal(stats_of(&fit).free_blocks, 3);
    sound(&fit);
    assert_int_equal(cairn_fit_trim(&fit), 0);
    cairn_fit_reset(&fit);
    assert_int_equal(stats_of(&fit).free_blocks, 1);
    sound(&fit);

    /* Regions of one block each. */
    struct source source = {0};
    cairn_fit *grown = cairn_fit_create(source_of(&source), &opts);
    for (int i = 0; i < 4; i++)
        blocks[i] = cairn_fit_alloc(grown, layout(MIB, 1));
    size_t live = source.live;
    for (int i = 0; i < 4; i++)
        assert_true(cairn_fit_dealloc(grown, blocks[i], layout(MIB, 1)));
    assert_int_equal(cairn_fit_trim(grown), 0);
    assert_int_equal(source.live, live);
    sound(grown);
    cairn_fit_destroy(grown);
    assert_int_equal(source.live, 0);
}

/* ---- blocks ---- */

TEST(any_alignment_and_the_gap_in_front)
{
    for (int i = 0; i < VARIANTS; i++) {
        cairn_fit_opts opts = variant(i);
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory, sizeof memory, &opts));
        size_t all = stats_of(&fit).free;
        for (size_t align = 1; align <= 256 * KIB; align *= 2) {
            void *shift = cairn_fit_alloc(&fit, layout(8 + align % 48, 1));
            char *ptr = cairn_fit_alloc(&fit, layout(77, align));
            assert_non_null(ptr);
            assert_true(is_aligned((uintptr_t)ptr, align));
            memset(ptr, 1, 77);
            sound(&fit);
            cairn_fit_stats stats = stats_of(&fit);
            assert_int_equal(stats.free + stats.in_use, all);
            assert_true(stats.in_use <= 64 + 112);
            assert_true(cairn_fit_dealloc(&fit, ptr, layout(77, align)));
            assert_true(cairn_fit_dealloc(&fit, shift, layout(8 + align % 48, 1)));
            cairn_fit_reset(&fit);
        }
        assert_null(cairn_fit_alloc(&fit, layout(1, MIB)));
        cairn_fit_fini(&fit);
    }
}

TEST(size_zero)
{
    cairn_fit fit;
    assert_true(cairn_fit_init(&fit, memory, 8 * KIB, NULL));
    void *a = cairn_fit_alloc(&fit, layout(0, 1)), *b = cairn_fit_alloc(&fit, layout(0, 1));
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    a = cairn_fit_realloc(&fit, a, layout(0, 1), 0);
    assert_true(cairn_fit_dealloc(&fit, a, layout(0, 1)));
    assert_true(cairn_fit_dealloc(&fit, b, layout(0, 1)));
}

TEST(realloc_in_place_where_there_is_room)
{
    for (int i = 0; i < 2 * STRATEGIES; i++) {
        cairn_fit_opts opts = variant(i);
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory, 64 * KIB, &opts));
        char *low = cairn_fit_alloc(&fit, layout(4000, 1));
        char *a = cairn_fit_alloc(&fit, layout(1000, 8));
        char *b = cairn_fit_alloc(&fit, layout(4000, 1));
        char *wall = cairn_fit_alloc(&fit, layout(1, 1));
        unit_fill(a, 1000, 1);

        assert_ptr_equal(cairn_fit_realloc(&fit, a, layout(1000, 8), 300), a); /* shrinks */
        assert_ptr_equal(cairn_fit_realloc(&fit, a, layout(300, 8), 1000), a); /* and back */
        assert_true(unit_is_filled(a, 300, 1));
        assert_true(cairn_fit_dealloc(&fit, b, layout(4000, 1)));
        sound(&fit);
        assert_ptr_equal(cairn_fit_realloc(&fit, a, layout(1000, 8), 5000), a); /* over b */
        sound(&fit);
        assert_true(unit_is_filled(a, 300, 1));
        unit_fill(a, 5000, 2);
        assert_true(cairn_fit_dealloc(&fit, low, layout(4000, 1)));
        char *moved = cairn_fit_realloc(&fit, a, layout(5000, 8), 9000); /* down */
        assert_ptr_equal(moved, low);
        assert_true(unit_is_filled(moved, 5000, 2));
        assert_false(cairn_fit_dealloc(&fit, a, layout(5000, 8)));
        sound(&fit);
        char *away = cairn_fit_realloc(&fit, moved, layout(9000, 8), 20000);
        assert_true(away > wall);
        assert_true(unit_is_filled(away, 5000, 2));
        sound(&fit);
        assert_null(cairn_fit_realloc(&fit, away, layout(20000, 8), 64 * KIB));
        assert_true(unit_is_filled(away, 5000, 2));
        sound(&fit);
        cairn_fit_fini(&fit);
    }
}

/* A block does not move down to where it would not be aligned. */
TEST(realloc_keeps_the_alignment)
{
    cairn_fit fit;
    assert_true(cairn_fit_init(&fit, memory, 64 * KIB, NULL));
    void *shift = cairn_fit_alloc(&fit, layout(8, 1));
    char *aligned = cairn_fit_alloc(&fit, layout(2000, 4096));
    assert_non_null(cairn_fit_alloc(&fit, layout(1, 1)));
    assert_true(cairn_fit_dealloc(&fit, shift, layout(8, 1)));
    char *moved = cairn_fit_realloc(&fit, aligned, layout(2000, 4096), 3000);
    assert_non_null(moved);
    assert_true(is_aligned((uintptr_t)moved, 4096));
    sound(&fit);
}

/* ---- bad input ---- */

TEST(bad_options_and_buffers)
{
    cairn_fit fit;
    cairn_fit_opts opts = {.strategy = (enum cairn_fit_strategy)4};
    assert_false(cairn_fit_init(&fit, memory, sizeof memory, &opts));
    cairn_fit_fini(&fit);
    opts = (cairn_fit_opts){.coalescing = (enum cairn_fit_coalescing)3};
    assert_false(cairn_fit_init(&fit, memory, sizeof memory, &opts));
    assert_false(cairn_fit_init(&fit, NULL, 0, NULL));
    assert_false(cairn_fit_init(&fit, NULL, 100, NULL));
    assert_false(cairn_fit_init(&fit, memory, SIZE_MAX, NULL));
    if (WORD == 8)
        assert_false(cairn_fit_init(&fit, memory, PTRDIFF_MAX, NULL));
    cairn_fit_destroy(NULL);
    for (int i = 0; i < VARIANTS; i++) {
        size_t size = 0;
        opts = variant(i);
        while (!cairn_fit_init(&fit, memory + 1, size, &opts))
            size++;
        assert_true(size < 2600);
        sound(&fit);
        void *ptr = cairn_fit_alloc(&fit, layout(1, 1));
        assert_non_null(ptr);
        sound(&fit);
        assert_true((char *)ptr + 3 * WORD <= memory + 1 + size);
        assert_null(cairn_fit_alloc(&fit, layout(1, 1)));
        cairn_fit_fini(&fit);
    }
}

TEST(requests_that_cannot_be_met)
{
    static const cairn_layout bad[] = {{8, 0},
                                       {8, 3},
                                       {SIZE_MAX, 1},
                                       {PTRDIFF_MAX, 2},
                                       {1, SIZE_MAX / 2 + 1},
                                       {8, 12},
                                       {PTRDIFF_MAX, 1},
                                       {SIZE_MAX, 4096},
                                       {0, SIZE_MAX / 2 + 1},
                                       {1, SIZE_MAX / 4 + 1},
                                       {1, 3},
                                       {MIB, 1},
                                       {0, 0},
                                       {PTRDIFF_MAX - 4095, 4096}};
    for (int i = 0; i < VARIANTS; i++) {
        cairn_fit_opts opts = variant(i);
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory, sizeof memory, &opts));
        void *ptr = cairn_fit_alloc(&fit, layout(10, 1));
        for (size_t j = 0; j < sizeof bad / sizeof *bad; j++) {
            assert_null(cairn_fit_alloc(&fit, bad[j]));
        }
        assert_null(cairn_fit_realloc(&fit, ptr, layout(10, 1), SIZE_MAX));
        assert_null(cairn_fit_realloc(&fit, ptr, layout(10, 1), PTRDIFF_MAX));
        assert_null(cairn_fit_realloc(&fit, ptr, layout(10, 1), MIB));
        assert_null(cairn_fit_realloc(&fit, ptr, layout(10, 3), 10));
        assert_null(cairn_fit_realloc(&fit, NULL, layout(10, 1), MIB));
        sound(&fit);
        assert_true(cairn_fit_dealloc(&fit, ptr, layout(10, 1)));
        cairn_fit_fini(&fit);
    }
}

TEST(crimes_are_ignored_and_counted)
{
    for (int i = 0; i < VARIANTS; i++) {
        cairn_fit_opts opts = variant(i);
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory, 64 * KIB, &opts));
        cairn_layout wanted = layout(1000, 16);
        char *ptr[5], *other = malloc(100);
        for (int j = 0; j < 5; j++) {
            ptr[j] = cairn_fit_alloc(&fit, wanted);
            memset(ptr[j], 0, 1000);
        }
        assert_false(cairn_fit_dealloc(&fit, NULL, wanted));
        assert_int_equal(stats_of(&fit).refused, 0);
        size_t crimes = 0;
        assert_false(cairn_fit_dealloc(&fit, other, wanted)), crimes++;
        assert_false(cairn_fit_dealloc(&fit, &fit, wanted)), crimes++;
        assert_false(cairn_fit_dealloc(&fit, memory, wanted)), crimes++;
        assert_false(cairn_fit_dealloc(&fit, memory + 64 * KIB, wanted)), crimes++;
        assert_false(cairn_fit_dealloc(&fit, ptr[1] + 1, wanted)), crimes++;
        assert_false(cairn_fit_dealloc(&fit, ptr[1] + 16, wanted)), crimes++;
        assert_false(cairn_fit_dealloc(&fit, ptr[1], layout(900, 16))), crimes++;
        assert_false(cairn_fit_dealloc(&fit, ptr[1], layout(1100, 16))), crimes++;
        assert_false(cairn_fit_dealloc(&fit, ptr[1], layout(SIZE_MAX, 16))), crimes++;
        assert_null(cairn_fit_realloc(&fit, other, wanted, 10)), crimes++;
        assert_null(cairn_fit_realloc(&fit, ptr[1], layout(SIZE_MAX, 1), 2000)), crimes++;
        /* Freed twice: alone, into the block after it, into the one before, into both. */
        static const int order[] = {1, 3, 2, 0, 4};
        for (int j = 0; j < 5; j++) {
            assert_true(cairn_fit_dealloc(&fit, ptr[order[j]], wanted));
            for (int k = 0; k <= j; k++)
                assert_false(cairn_fit_dealloc(&fit, ptr[order[k]], wanted)), crimes++;
            assert_null(cairn_fit_realloc(&fit, ptr[order[0]], wanted, 10)), crimes++;
        }
        sound(&fit);
        assert_int_equal(stats_of(&fit).refused, crimes);
        free(other);
        cairn_fit_fini(&fit);
    }
}

/* The tags around a block, overwritten in turn, and put back. */
TEST(overwritten_tags_are_noticed)
{
    for (int i = 0; i < 2 * STRATEGIES; i++) {
        cairn_fit_opts opts = variant(i);
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory, 64 * KIB, &opts));
        cairn_layout wanted = layout(4000, 8);
        char *before = cairn_fit_alloc(&fit, wanted), *ptr = cairn_fit_alloc(&fit, wanted);
        char *after = cairn_fit_alloc(&fit, wanted);
        assert_true(cairn_fit_dealloc(&fit, before, wanted));
        size_t *words[] = {(size_t *)ptr - 2, (size_t *)ptr - 1, (size_t *)after - 1,
                           (size_t *)before - 1};
        size_t whole = block_size_for(4000);
        for (int word = 0; word < 4; word++) {
            cairn__show_readable(words[word], WORD);
            size_t was = *words[word];
            const size_t values[] = {0, SIZE_MAX, SIZE_MAX / 255 * 0x41, 8, whole, 1 << 30};
            for (int value = 0; value < 6; value++) {
                if (values[value] == was || (word == 2 && (values[value] & 2) == 0))
                    continue; /* of the tag after it, one bit is looked at */
                *words[word] = values[value];
                assert_non_null(cairn_fit_audit(&fit));
                if (word != 1 || values[value] != whole)
                    assert_false(cairn_fit_dealloc(&fit, ptr, wanted));
                *words[word] = was;
                sound(&fit);
            }
        }
        assert_true(cairn_fit_dealloc(&fit, ptr, wanted));
        sound(&fit);
        cairn_fit_fini(&fit);
    }
}

/* A block that would reach beyond its region. */
TEST(a_tag_that_agrees_with_the_layout_and_not_with_the_region)
{
    cairn_fit fit;
    assert_true(cairn_fit_init(&fit, memory, 64 * KIB, NULL));
    size_t rest = stats_of(&fit).largest_free - WORD;
    char *ptr = cairn_fit_alloc(&fit, layout(rest, 1));
    size_t *tag = (size_t *)(void *)ptr - 1;
    cairn__show_readable(tag, WORD);
    memset(memory + 64 * KIB, 0, 64 * KIB);
    *tag += 1024;
    assert_false(cairn_fit_dealloc(&fit, ptr, layout(rest + 1024, 1)));
    *tag -= 1024;
    assert_true(cairn_fit_dealloc(&fit, ptr, layout(rest, 1)));
    sound(&fit);
}

/* ---- regions ---- */

TEST(regions_of_the_caller)
{
    for (int i = 0; i < STRATEGIES; i++) {
        cairn_fit_opts opts = variant(i);
        opts.max_region = 128 * KIB;
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory + 256 * KIB, 16 * KIB, &opts));
        assert_null(cairn_fit_alloc(&fit, layout(20000, 1)));
        assert_false(cairn_fit_add_region(&fit, NULL, 100));
        assert_false(cairn_fit_add_region(&fit, memory, 10));
        assert_false(cairn_fit_add_region(&fit, memory, SIZE_MAX));
        assert_true(cairn_fit_add_region(&fit, memory + 3, 64 * KIB));
        assert_true(cairn_fit_add_region(&fit, memory + 512 * KIB, 128 * KIB));
        if (i < 2)
            assert_false(cairn_fit_add_region(&fit, memory + 700 * KIB, 300 * KIB));
        sound(&fit);
        assert_int_equal(stats_of(&fit).regions, 3);
        char *ptr = cairn_fit_alloc(&fit, layout(100000, 1));
        assert_non_null(ptr);
        assert_true(cairn_fit_owns(&fit, ptr));
        assert_true(cairn_fit_owns(&fit, memory + 300));
        assert_false(cairn_fit_owns(&fit, memory + 100 * KIB));
        assert_false(cairn_fit_owns(&fit, NULL));
        assert_true(cairn_fit_dealloc(&fit, ptr, layout(100000, 1)));
        run(&fit, 9, 2000, 50);
        cairn_fit_fini(&fit);
    }
}

static void grow_and_shrink(bool backwards)
{
    struct source source = {0};
    cairn_fit_opts opts = {.region = 4096};
    cairn_fit *fit = cairn_fit_create(source_of(&source), &opts);
    void *ptr[1000];
    for (int i = 0; i < 1000; i++)
        ptr[i] = cairn_fit_alloc(fit, layout(1000, 1));
    sound(fit);
    assert_in_range(stats_of(fit).regions, 4, 16); /* each half of what was there */
    for (int i = 0; i < 1000; i++)
        assert_true(cairn_fit_dealloc(fit, ptr[backwards ? 999 - i : i], layout(1000, 1)));
    sound(fit);
    cairn_fit_stats stats = stats_of(fit);
    assert_int_equal(stats.regions, 1);
    assert_true(stats.regions_bytes < 8192); /* the smallest stays */
    assert_false(cairn_fit_owns(fit, ptr[999]));
    assert_int_equal(cairn_fit_trim(fit), stats.regions_bytes);
    assert_false(cairn_fit_owns(fit, ptr[0]));
    assert_int_equal(source.live, 1);
    void *large = cairn_fit_alloc(fit, layout(MIB, 4096));
    assert_non_null(large);
    assert_true(cairn_fit_dealloc(fit, large, layout(MIB, 4096)));
    large = cairn_fit_alloc(fit, layout(100, 1));
    sound(fit);
    cairn_fit_destroy(fit);
    assert_int_equal(source.live, 0);
}

TEST(growth_and_what_goes_back)
{
    grow_and_shrink(false);
    grow_and_shrink(true);
}

/* Just what is needed, if there is not more. */
TEST(a_source_without_large_blocks)
{
    struct source source = {.size_max = 20000};
    cairn_fit *fit = cairn_fit_create(source_of(&source), NULL);
    assert_non_null(fit);
    assert_non_null(cairn_fit_alloc(fit, layout(1000, 1)));
    assert_non_null(cairn_fit_alloc(fit, layout(19000, 1)));
    assert_null(cairn_fit_alloc(fit, layout(20000, 1)));
    assert_int_equal(stats_of(fit).regions, 2);
    sound(fit);
    cairn_fit_destroy(fit);
    assert_int_equal(source.live, 0);
}

TEST(a_limit)
{
    struct source source = {0};
    cairn_fit_opts opts = {.region = 4096, .limit = 64 * KIB};
    cairn_fit *fit = cairn_fit_create(source_of(&source), &opts);
    size_t blocks = 0;
    while (cairn_fit_alloc(fit, layout(1000, 1)) != NULL) {
        blocks++;
        assert_true(source.bytes <= 64 * KIB);
    }
    assert_in_range(blocks, 50, 64);
    sound(fit);
    cairn_fit_destroy(fit);
    opts.limit = 100;
    assert_null(cairn_fit_create(source_of(&source), &opts));
    assert_int_equal(source.live, 0);
}

TEST(a_buffer_and_then_a_source)
{
    struct source source = {0};
    cairn_fit_opts opts = {.source = source_of(&source)};
    cairn_fit fit;
    assert_true(cairn_fit_init(&fit, memory, 64 * KIB, &opts));
    assert_int_equal(source.calls, 0);
    assert_non_null(cairn_fit_alloc(&fit, layout(40000, 1)));
    assert_int_equal(source.calls, 0);
    assert_non_null(cairn_fit_alloc(&fit, layout(40000, 1)));
    assert_int_equal(source.live, 1);
    sound(&fit);
    cairn_fit_reset(&fit);
    sound(&fit);
    assert_int_equal(stats_of(&fit).in_use, 0);
    assert_true(cairn_fit_trim(&fit) > 40000);
    cairn_fit_fini(&fit);
    assert_int_equal(source.live, 0);

    assert_true(cairn_fit_init(&fit, NULL, 0, &opts));
    assert_non_null(cairn_fit_alloc(&fit, layout(40000, 1)));
    assert_int_equal(source.live, 2);
    sound(&fit);
    cairn_fit_fini(&fit);
    assert_int_equal(source.live, 0);
}

/* ---- what looks at it ---- */

struct walk {
    const char *at;
    size_t bytes, calls, stop_at;
};

static bool on_block(void *context, void *ptr, size_t size, bool in_use)
{
    (void)in_use;
    struct walk *walk = context;
    assert_true((char *)ptr > walk->at);
    walk->at = (char *)ptr + size;
    walk->bytes += size + WORD;
    return ++walk->calls != walk->stop_at;
}

TEST(a_visit_goes_by_address)
{
    cairn_fit fit;
    assert_true(cairn_fit_init(&fit, memory + 128 * KIB, 128 * KIB, NULL));
    assert_true(cairn_fit_add_region(&fit, memory, 16 * KIB));
    assert_true(cairn_fit_add_region(&fit, memory + 512 * KIB, 64 * KIB));
    for (int i = 0; i < 1000; i++)
        cairn_fit_alloc(&fit, layout(100, 1));
    struct walk walk = {0};
    assert_true(cairn_fit_visit(&fit, on_block, &walk));
    cairn_fit_stats stats = stats_of(&fit);
    assert_int_equal(walk.calls, stats.blocks + stats.free_blocks);
    assert_int_equal(walk.bytes, stats.in_use + stats.free);
    walk = (struct walk){.stop_at = 10};
    assert_false(cairn_fit_visit(&fit, on_block, &walk));
    assert_int_equal(walk.calls, 10);
    assert_int_equal(stats.peak, stats.in_use);
}

TEST(as_an_allocator)
{
    cairn_fit fit;
    assert_true(cairn_fit_init(&fit, memory, sizeof memory, NULL));
    cairn_allocator allocator = cairn_fit_allocator(&fit);
    assert_string_equal(allocator.ops->name, "fit");
    char *ptr = cairn_allocator_alloc_zeroed(allocator, layout(50, 8));
    assert_true(unit_is_zero(ptr, 50));
    assert_in_range(cairn_allocator_usable_size(allocator, ptr, layout(50, 8)), 50, 56);
    ptr = cairn_allocator_realloc(allocator, ptr, layout(50, 8), 5000);
    assert_true(unit_is_zero(ptr, 50));
    assert_true(cairn_allocator_owns(allocator, ptr));
    cairn_allocator_dealloc(allocator, ptr, layout(5000, 8));
    assert_int_equal(stats_of(&fit).in_use, 0);
}

/* ---- tools; nothing to see where none watches ---- */

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void *ptr);

static bool is_hidden(const void *ptr)
{
    enum { CHECK_IS_ADDRESSABLE = CAIRN__MAKE_DEFINED + 2 };
    if (__asan_address_is_poisoned != NULL)
        return __asan_address_is_poisoned(ptr) != 0;
    cairn__quiet_begin();
    bool hidden = cairn__request(CHECK_IS_ADDRESSABLE, (uintptr_t)ptr, 1, 0) != 0;
    cairn__quiet_end();
    return hidden;
}

TEST(tools_see_blocks_and_nothing_else)
{
    if (!cairn__is_watched())
        return;
    for (int i = 0; i < VARIANTS; i++) {
        cairn_fit_opts opts = variant(i);
        cairn_fit fit;
        assert_true(cairn_fit_init(&fit, memory, 64 * KIB, &opts));
        char *ptr = cairn_fit_alloc(&fit, layout(104, 8)),
             *next = cairn_fit_alloc(&fit, layout(8, 8));
        assert_true(is_hidden(ptr - 1) && is_hidden(ptr + 104) && is_hidden(next + 8));
        assert_false(is_hidden(ptr) || is_hidden(ptr + 103) || is_hidden(next + 7));
        ptr = cairn_fit_realloc(&fit, ptr, layout(104, 8), 64);
        assert_true(is_hidden(ptr + 64) && !is_hidden(ptr + 63));
        assert_true(cairn_fit_dealloc(&fit, ptr, layout(64, 8)));
        for (int at = -8; at < 104; at++)
            assert_true(is_hidden(ptr + at));
        cairn_fit_reset(&fit);
        assert_true(is_hidden(next));
        sound(&fit);
        cairn_fit_fini(&fit);
        for (size_t at = 0; at < 64 * KIB; at++)
            assert_false(is_hidden(memory + at));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_in_fixed_memory),
        cmocka_unit_test(random_operations_on_a_source),
        cmocka_unit_test(all_free_is_one_block),
        cmocka_unit_test(a_source_that_fails),
        cmocka_unit_test(deferred_keeps_and_merges),
        cmocka_unit_test(never_does_not_merge),
        cmocka_unit_test(any_alignment_and_the_gap_in_front),
        cmocka_unit_test(size_zero),
        cmocka_unit_test(realloc_in_place_where_there_is_room),
        cmocka_unit_test(realloc_keeps_the_alignment),
        cmocka_unit_test(bad_options_and_buffers),
        cmocka_unit_test(requests_that_cannot_be_met),
        cmocka_unit_test(crimes_are_ignored_and_counted),
        cmocka_unit_test(overwritten_tags_are_noticed),
        cmocka_unit_test(a_tag_that_agrees_with_the_layout_and_not_with_the_region),
        cmocka_unit_test(regions_of_the_caller),
        cmocka_unit_test(growth_and_what_goes_back),
        cmocka_unit_test(a_source_without_large_blocks),
        cmocka_unit_test(a_limit),
        cmocka_unit_test(a_buffer_and_then_a_source),
        cmocka_unit_test(a_visit_goes_by_address),
        cmocka_unit_test(as_an_allocator),
        cmocka_unit_test(tools_see_blocks_and_nothing_else),
    };
    return UNIT_MAIN(tests);
}
