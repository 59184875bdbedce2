/* SPDX-License-Identifier: MIT */
/* buddy.h: random lists of operations, and each answer that the header promises. */
#include "unit/unit.h"

#include "cairn/buddy.h"
#include "kit/buddy_block.h"

enum { BLOCKS = 200 };

static _Alignas(64) char memory[1 << 20];

static cairn_layout layout(size_t size, size_t align)
{
    return cairn__layout(size, align);
}

static void sound(const cairn_buddy *buddy)
{
    const char *wrong = cairn_buddy_audit(buddy);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

static cairn_buddy_stats stats_of(const cairn_buddy *buddy)
{
    cairn_buddy_stats stats;
    cairn_buddy_stats_get(buddy, &stats);
    return stats;
}

/* ---- a source that counts, and fails on request ---- */

struct source {
    size_t calls, fail_at, live, bytes;
};

static void *source_alloc(void *self, cairn_layout wanted)
{
    struct source *source = self;
    void *ptr = NULL;
    if (++source->calls == source->fail_at ||
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

static void step(cairn_buddy *buddy, struct held *held, uint64_t *seed)
{
    struct held *h = &held[unit_below(seed, BLOCKS)];
    size_t size = unit_below(seed, (size_t)1 << unit_below(seed, 14));
    if (h->ptr == NULL) {
        h->layout = layout(size,
                           (size_t)1 << (unit_below(seed, 4) == 0 ? unit_below(seed, 13) : 3));
        h->ptr = cairn_buddy_alloc(buddy, h->layout);
        h->key = unit_random(seed);
        if (h->ptr == NULL)
            return;
        size_t whole = bytes_of(buddy, order_for(buddy, h->layout));
        assert_true(whole >= size && whole >= h->layout.align);
        assert_true(is_aligned((uintptr_t)h->ptr, whole));
        assert_true(cairn_buddy_owns(buddy, h->ptr));
        unit_fill(h->ptr, size, h->key);
        return;
    }
    assert_true(unit_is_filled(h->ptr, h->layout.size, h->key));
    if (unit_below(seed, 3) == 0) {
        char *moved = cairn_buddy_realloc(buddy, h->ptr, h->layout, size);
        if (moved == NULL)
            return;
        assert_true(is_aligned((uintptr_t)moved, h->layout.align));
        assert_true(unit_is_filled(moved, size_min(size, h->layout.size), h->key));
        h->ptr = moved;
        h->layout.size = size;
        unit_fill(moved, size, h->key);
        return;
    }
    assert_true(cairn_buddy_dealloc(buddy, h->ptr, h->layout));
    h->ptr = NULL;
}

static void run(cairn_buddy *buddy, uint64_t seed, size_t steps, size_t audit_every)
{
    static struct held held[BLOCKS];
    memset(held, 0, sizeof held);
    for (size_t i = 0; i < steps; i++) {
        step(buddy, held, &seed);
        if (i % audit_every == 0)
            sound(buddy);
    }
    for (int i = 0; i < BLOCKS; i++)
        if (held[i].ptr != NULL)
            assert_true(cairn_buddy_dealloc(buddy, held[i].ptr, held[i].layout));
    sound(buddy);
    cairn_buddy_stats stats = stats_of(buddy);
    assert_int_equal(stats.in_use, 0);
    assert_int_equal(stats.requested, 0);
    assert_int_equal(stats.refused, 0);
}

TEST(random_operations_in_fixed_memory)
{
    for (size_t shift = 4; shift < 12; shift++) {
        cairn_buddy_opts opts = {.min_block = (size_t)1 << shift};
        cairn_buddy buddy;
        assert_true(cairn_buddy_init(&buddy, memory + shift, sizeof memory - 777 * shift, &opts));
        size_t free_blocks = stats_of(&buddy).free_blocks;
        run(&buddy, shift, unit_rounds(4000), 53);
        assert_int_equal(stats_of(&buddy).free_blocks, free_blocks);
        cairn_buddy_fini(&buddy);
    }
}

TEST(random_operations_on_a_source)
{
    struct source source = {0};
    cairn_buddy_opts opts = {.min_block = 32, .region = 4096};
    cairn_buddy *buddy = cairn_buddy_create(source_of(&source), &opts);
    assert_non_null(buddy);
    assert_int_equal(source.live, 1);
    run(buddy, 1, unit_rounds(10000), 53);
    cairn_buddy_trim(buddy);
    sound(buddy);
    assert_int_equal(source.live, 1);
    cairn_buddy_destroy(buddy);
    assert_int_equal(source.live, 0);
    assert_int_equal(source.bytes, 0);
}

TEST(a_source_that_fails)
{
    for (size_t fail_at = 1;; fail_at++) {
        struct source source = {.fail_at = fail_at};
        cairn_buddy_opts opts = {.region = 1024};
        cairn_buddy *buddy = cairn_buddy_create(source_of(&source), &opts);
        if (buddy == NULL) {
            assert_int_equal(fail_at, 1);
            assert_int_equal(source.live, 0);
            continue;
        }
        run(buddy, 3, 600, 50);
        cairn_buddy_destroy(buddy);
        assert_int_equal(source.live, 0);
        assert_int_equal(source.bytes, 0);
        if (source.calls < fail_at)
            break;
    }
}

/* ---- memory of any size and place ---- */

struct cover {
    uintptr_t at;
    size_t bytes, blocks;
};

static bool on_gap(void *context, void *ptr, size_t size, bool in_use)
{
    struct cover *cover = context;
    assert_false(in_use);
    assert_true(is_aligned((uintptr_t)ptr, size));
    assert_true(cover->blocks == 0 || (uintptr_t)ptr == cover->at);
    cover->at = (uintptr_t)ptr + size;
    cover->bytes += size;
    cover->blocks++;
    return true;
}

/* All of it but the records and less than two smallest blocks; at most two blocks of an order. */
TEST(any_memory_is_used_to_its_ends)
{
    uint64_t seed = 1;
    for (int i = 0; i < 1000; i++) {
        cairn_buddy_opts opts = {.min_block = (size_t)16 << unit_below(&seed, 5)};
        cairn_buddy buddy;
        size_t start = unit_below(&seed, 5000), size = unit_below(&seed, 100000);
        bool is_good = cairn_buddy_init(&buddy, memory + start, size, &opts);
        if (!is_good) {
            assert_true(size < sizeof(region) + 7 + 1 + 2 * opts.min_block);
            continue;
        }
        sound(&buddy);
        struct cover cover = {0};
        assert_true(cairn_buddy_visit(&buddy, on_gap, &cover));
        assert_true(cover.at <= (uintptr_t)memory + start + size);
        size_t units = cover.bytes / opts.min_block;
        assert_true(cover.bytes + units + sizeof(region) <= size);
        assert_true(cover.bytes + units + sizeof(region) + 7 + 2 * (opts.min_block + 1) > size);
        assert_true(cover.blocks <= 2 * 17);
        cairn_buddy_fini(&buddy);
    }
}

TEST(all_of_it_can_be_handed_out)
{
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, memory, 100000, NULL));
    cairn_buddy_stats before = stats_of(&buddy);
    void *ptr[2000];
    size_t count = 0;
    while ((ptr[count] = cairn_buddy_alloc(&buddy, layout(64, 64))) != NULL)
        count++;
    assert_int_equal(count, before.free / 64);
    assert_int_equal(stats_of(&buddy).free, 0);
    assert_int_equal(stats_of(&buddy).peak, before.free);
    sound(&buddy);
    for (size_t i = 0; i < count; i++)
        assert_true(cairn_buddy_dealloc(&buddy, ptr[i * 7 % count], layout(64, 64)));
    sound(&buddy);
    assert_int_equal(stats_of(&buddy).free_blocks, before.free_blocks);
    assert_int_equal(stats_of(&buddy).largest_free, before.largest_free);
}

/* ---- blocks ---- */

TEST(realloc_in_place_where_there_is_room)
{
    struct source source = {0};
    cairn_buddy_opts opts = {.region = 4096, .source = source_of(&source)};
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, NULL, 0, &opts));
    char *a = cairn_buddy_alloc(&buddy, layout(64, 1));
    unit_fill(a, 64, 1);
    assert_ptr_equal(cairn_buddy_realloc(&buddy, a, layout(64, 1), 4096), a);
    sound(&buddy);
    assert_true(unit_is_filled(a, 64, 1));
    assert_int_equal(stats_of(&buddy).in_use, 4096);
    assert_int_equal(stats_of(&buddy).requested, 4096);
    assert_ptr_equal(cairn_buddy_realloc(&buddy, a, layout(4096, 1), 1000), a);
    sound(&buddy);
    char *b = cairn_buddy_alloc(&buddy, layout(1024, 1));
    assert_ptr_equal(b, a + 1024);
    unit_fill(a, 1000, 2);
    char *moved = cairn_buddy_realloc(&buddy, a, layout(1000, 1), 2000); /* b is in the way */
    assert_ptr_equal(moved, a + 2048);
    assert_true(unit_is_filled(moved, 1000, 2));
    assert_false(cairn_buddy_dealloc(&buddy, a, layout(1000, 1)));
    /* An upper half does not grow down. */
    char *away = cairn_buddy_realloc(&buddy, b, layout(1024, 1), 2048);
    assert_true(away < a || away >= a + 4096);
    assert_true(cairn_buddy_waste(&(cairn_buddy_stats){.in_use = 4, .requested = 3}) == 0.25);
    assert_null(cairn_buddy_realloc(&buddy, away, layout(2048, 1), PTRDIFF_MAX));
    sound(&buddy);
    cairn_buddy_fini(&buddy);
    assert_int_equal(source.live, 0);
}

TEST(size_zero)
{
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, memory, 8 * KIB, NULL));
    void *a = cairn_buddy_alloc(&buddy, layout(0, 1)), *b = cairn_buddy_alloc(&buddy, layout(0, 1));
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(cairn_buddy_realloc(&buddy, a, layout(0, 1), 0), a);
    assert_true(cairn_buddy_dealloc(&buddy, a, layout(0, 1)));
    assert_true(cairn_buddy_dealloc(&buddy, b, layout(0, 1)));
}

/* ---- bad input ---- */

TEST(bad_options_and_buffers)
{
    cairn_buddy buddy;
    static const size_t bad[] = {1, 8, 24, 100, SIZE_MAX, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cairn_buddy_opts opts = {.min_block = bad[i]};
        if (bad[i] != sizeof(block))
            assert_false(cairn_buddy_init(&buddy, memory, sizeof memory, &opts));
    }
    assert_false(cairn_buddy_init(&buddy, NULL, 0, NULL));
    assert_false(cairn_buddy_init(&buddy, NULL, 100, NULL));
    assert_false(cairn_buddy_init(&buddy, memory, 100, NULL));
    assert_false(cairn_buddy_init(&buddy, memory, SIZE_MAX, NULL));
    assert_false(
        cairn_buddy_init(&buddy, memory, PTRDIFF_MAX, &(cairn_buddy_opts){.min_block = 3}));
    cairn_buddy_fini(&buddy);
    cairn_buddy_destroy(NULL);
    struct source source = {0};
    assert_null(cairn_buddy_create(source_of(&source), &(cairn_buddy_opts){.min_block = 3}));
    assert_null(cairn_buddy_create(source_of(&source), &(cairn_buddy_opts){.limit = 3}));
    assert_int_equal(source.calls, 0);
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
                                       {2 * MIB, 1},
                                       {0, 0},
                                       {PTRDIFF_MAX - 4095, 4096}};
    struct source source = {0};
    cairn_buddy_opts opts = {.source = source_of(&source), .limit = 2 * MIB};
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, memory, 8 * KIB, &opts));
    void *ptr = cairn_buddy_alloc(&buddy, layout(10, 1));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(cairn_buddy_alloc(&buddy, bad[i]));
    assert_null(cairn_buddy_realloc(&buddy, ptr, layout(10, 1), SIZE_MAX));
    assert_null(cairn_buddy_realloc(&buddy, ptr, layout(10, 1), PTRDIFF_MAX));
    assert_null(cairn_buddy_realloc(&buddy, ptr, layout(10, 3), 10));
    assert_null(cairn_buddy_realloc(&buddy, NULL, layout(10, 1), 2 * MIB));
    assert_int_equal(source.live, 0);
    void *large = cairn_buddy_alloc(&buddy, layout(MIB, 1));
    assert_non_null(large);
    assert_true(is_aligned((uintptr_t)large, MIB));
    assert_null(cairn_buddy_alloc(&buddy, layout(MIB, 1))); /* the limit */
    sound(&buddy);
    assert_true(cairn_buddy_dealloc(&buddy, ptr, layout(10, 1)));
    cairn_buddy_fini(&buddy);
    assert_int_equal(source.live, 0);
}

TEST(crimes_are_ignored_and_counted)
{
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, memory, 64 * KIB, NULL));
    cairn_layout wanted = layout(100, 1); /* 128 bytes */
    char *ptr[8], *other = malloc(100);
    for (int i = 0; i < 8; i++)
        ptr[i] = cairn_buddy_alloc(&buddy, wanted);
    size_t crimes = 0;
    assert_false(cairn_buddy_dealloc(&buddy, NULL, wanted));
    assert_int_equal(stats_of(&buddy).refused, 0);
    assert_false(cairn_buddy_dealloc(&buddy, other, wanted)), crimes++;
    assert_false(cairn_buddy_dealloc(&buddy, &buddy, wanted)), crimes++;
    assert_false(cairn_buddy_dealloc(&buddy, memory, wanted)), crimes++;
    assert_false(cairn_buddy_dealloc(&buddy, ptr[1] + 1, wanted)), crimes++;
    assert_false(cairn_buddy_dealloc(&buddy, ptr[1] + 64, wanted)), crimes++;
    assert_false(cairn_buddy_dealloc(&buddy, ptr[1], layout(64, 1))), crimes++;
    assert_false(cairn_buddy_dealloc(&buddy, ptr[1], layout(129, 1))), crimes++;
    assert_false(cairn_buddy_dealloc(&buddy, ptr[1], layout(SIZE_MAX, 1))), crimes++;
    assert_false(cairn_buddy_dealloc(&buddy, ptr[1], layout(1, 0x8000))), crimes++;
    assert_null(cairn_buddy_realloc(&buddy, other, wanted, 10)), crimes++;
    assert_null(cairn_buddy_realloc(&buddy, ptr[1], layout(SIZE_MAX, 1), 10)), crimes++;
    for (int i = 0; i < 8; i++) {
        assert_true(cairn_buddy_dealloc(&buddy, ptr[i * 3 % 8], wanted));
        for (int j = 0; j <= i; j++)
            assert_false(cairn_buddy_dealloc(&buddy, ptr[j * 3 % 8], wanted)), crimes++;
        sound(&buddy);
    }
    assert_int_equal(stats_of(&buddy).refused, crimes);
    free(other);
}

TEST(an_audit_sees_overwritten_records)
{
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, memory, 64 * KIB, NULL));
    char *ptr = cairn_buddy_alloc(&buddy, layout(100, 1));
    cairn__show_readable(buddy.regions, sizeof(region));
    unsigned char *marks = buddy.regions->marks;
    for (size_t i = 0; i < 1000; i += 3) {
        cairn__show_readable(&marks[i], 1);
        marks[i] ^= (unsigned char)(1 << i % 8);
        assert_non_null(cairn_buddy_audit(&buddy));
        marks[i] ^= (unsigned char)(1 << i % 8);
    }
    sound(&buddy);
    buddy.map ^= 2;
    assert_non_null(cairn_buddy_audit(&buddy));
    buddy.map ^= 2;
    block *b = buddy.lists[0] != NULL ? buddy.lists[0] : buddy.lists[1];
    cairn__show_readable(b, sizeof *b);
    block was = *b;
    b->slot = NULL;
    assert_non_null(cairn_buddy_audit(&buddy));
    *b = was;
    b->next = (block *)(void *)ptr;
    assert_non_null(cairn_buddy_audit(&buddy));
    *b = was;
    sound(&buddy);
}

/* ---- regions ---- */

TEST(regions_of_the_caller)
{
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, memory + 256 * KIB, 16 * KIB, NULL));
    assert_null(cairn_buddy_alloc(&buddy, layout(20000, 1)));
    assert_false(cairn_buddy_add_region(&buddy, NULL, 100));
    assert_false(cairn_buddy_add_region(&buddy, memory, 100));
    assert_false(cairn_buddy_add_region(&buddy, memory, SIZE_MAX));
    assert_true(cairn_buddy_add_region(&buddy, memory + 3, 64 * KIB));
    assert_true(cairn_buddy_add_region(&buddy, memory + 512 * KIB, 200 * KIB));
    sound(&buddy);
    assert_int_equal(stats_of(&buddy).regions, 3);
    char *ptr = cairn_buddy_alloc(&buddy, layout(60000, 1));
    assert_non_null(ptr);
    assert_true(cairn_buddy_owns(&buddy, ptr));
    assert_false(cairn_buddy_owns(&buddy, memory + 100 * KIB));
    assert_false(cairn_buddy_owns(&buddy, NULL));
    assert_true(cairn_buddy_dealloc(&buddy, ptr, layout(60000, 1)));
    run(&buddy, 9, 2000, 50);
    cairn_buddy_reset(&buddy);
    sound(&buddy);
    cairn_buddy_fini(&buddy);
}

TEST(growth_and_what_goes_back)
{
    struct source source = {0};
    cairn_buddy_opts opts = {.region = 4096};
    cairn_buddy *buddy = cairn_buddy_create(source_of(&source), &opts);
    void *ptr[1000];
    for (int i = 0; i < 1000; i++)
        ptr[i] = cairn_buddy_alloc(buddy, layout(1000, 1));
    sound(buddy);
    assert_in_range(stats_of(buddy).regions, 4, 16);
    for (int i = 0; i < 1000; i++)
        assert_true(cairn_buddy_dealloc(buddy, ptr[i], layout(1000, 1)));
    sound(buddy);
    assert_int_equal(stats_of(buddy).regions, 1);
    assert_int_equal(cairn_buddy_trim(buddy), 4096 + 4096 / 64 + sizeof(region));
    assert_int_equal(source.live, 1);
    assert_non_null(cairn_buddy_alloc(buddy, layout(MIB, MIB)));
    sound(buddy);
    cairn_buddy_reset(buddy);
    sound(buddy);
    assert_int_equal(stats_of(buddy).in_use, 0);
    cairn_buddy_destroy(buddy);
    assert_int_equal(source.live, 0);
}

/* ---- what looks at it ---- */

static bool stop_at_third(void *context, void *ptr, size_t size, bool in_use)
{
    (void)ptr, (void)size, (void)in_use;
    return ++*(int *)context < 3;
}

TEST(few_regions_below_a_limit)
{
    struct source source = {0};
    cairn_buddy_opts opts = {.limit = 1 << 20};
    cairn_buddy *buddy = cairn_buddy_create(source_of(&source), &opts);
    size_t blocks = 0;
    while (cairn_buddy_alloc(buddy, layout(100, 16)) != NULL)
        blocks++;
    assert_true(blocks > 7500);
    assert_true(stats_of(buddy).regions <= 16);
    assert_true(source.bytes <= 1 << 20);
    sound(buddy);
    cairn_buddy_destroy(buddy);
    assert_int_equal(source.live, 0);
}

TEST(a_visit_can_be_stopped)
{
    cairn_buddy buddy;
    int calls = 0;
    assert_true(cairn_buddy_init(&buddy, memory, 8 * KIB, NULL));
    assert_false(cairn_buddy_visit(&buddy, stop_at_third, &calls));
    assert_int_equal(calls, 3);
}

TEST(as_an_allocator)
{
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, memory, sizeof memory, NULL));
    cairn_allocator allocator = cairn_buddy_allocator(&buddy);
    assert_string_equal(allocator.ops->name, "buddy");
    char *ptr = cairn_allocator_alloc_zeroed(allocator, layout(50, 8));
    assert_true(unit_is_zero(ptr, 50));
    size_t usable = cairn_allocator_usable_size(allocator, ptr, layout(50, 8));
    assert_int_equal(usable, cairn__is_watched() ? 50 : 64);
    ptr = cairn_allocator_realloc(allocator, ptr, layout(50, 8), 5000);
    assert_true(unit_is_zero(ptr, 50));
    assert_true(cairn_allocator_owns(allocator, ptr));
    cairn_allocator_dealloc(allocator, ptr, layout(5000, 8));
    assert_int_equal(stats_of(&buddy).in_use, 0);
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
    cairn_buddy buddy;
    assert_true(cairn_buddy_init(&buddy, memory, 64 * KIB, NULL));
    char *ptr = cairn_buddy_alloc(&buddy, layout(104, 8));
    assert_true(is_hidden(ptr - 1) && is_hidden(ptr + 104));
    assert_false(is_hidden(ptr) || is_hidden(ptr + 103));
    ptr = cairn_buddy_realloc(&buddy, ptr, layout(104, 8), 64);
    assert_true(is_hidden(ptr + 64) && !is_hidden(ptr + 63));
    assert_true(cairn_buddy_dealloc(&buddy, ptr, layout(64, 8)));
    for (int at = 0; at < 128; at++)
        assert_true(is_hidden(ptr + at));
    ptr = cairn_buddy_alloc(&buddy, layout(104, 8));
    cairn_buddy_reset(&buddy);
    assert_true(is_hidden(ptr));
    sound(&buddy);
    cairn_buddy_fini(&buddy);
    for (size_t at = 0; at < 64 * KIB; at++)
        assert_false(is_hidden(memory + at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_in_fixed_memory),
        cmocka_unit_test(random_operations_on_a_source),
        cmocka_unit_test(a_source_that_fails),
        cmocka_unit_test(any_memory_is_used_to_its_ends),
        cmocka_unit_test(all_of_it_can_be_handed_out),
        cmocka_unit_test(realloc_in_place_where_there_is_room),
        cmocka_unit_test(size_zero),
        cmocka_unit_test(bad_options_and_buffers),
        cmocka_unit_test(requests_that_cannot_be_met),
        cmocka_unit_test(crimes_are_ignored_and_counted),
        cmocka_unit_test(an_audit_sees_overwritten_records),
        cmocka_unit_test(regions_of_the_caller),
        cmocka_unit_test(growth_and_what_goes_back),
        cmocka_unit_test(few_regions_below_a_limit),
        cmocka_unit_test(a_visit_can_be_stopped),
        cmocka_unit_test(as_an_allocator),
        cmocka_unit_test(tools_see_blocks_and_nothing_else),
    };
    return UNIT_MAIN(tests);
}
