/* SPDX-License-Identifier: MIT */
/*
 * What cairn.h has and libc has not: batches, questions about sizes and pointers, purging and
 * reserving, the figures. (What is printed, and options: cairn_watch.c.)
 */
#include "cairn.h"

#include "api/check.h"
#include "property/pattern.h"

#include <sys/resource.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

enum { BATCH = 1000 };

static void *blocks[BATCH];

static struct cairn_stats stats_now(void)
{
    struct cairn_stats stats = {.size = sizeof stats};

    cairn_stats_get(&stats);
    return stats;
}

/* ---- blocks ---- */

static void reallocarray_is_realloc(void **state)
{
    (void)state;
    unsigned char *ptr = cairn_reallocarray(hidden(NULL), 10, 100);

    assert_non_null(ptr);
    pattern_fill(ptr, 1000, 1);
    for (size_t count = 20; count < 400000; count *= 3) {
        ptr = cairn_reallocarray(ptr, count, 100);
        check(ptr != NULL, "reallocarray of %zu is NULL", count);
        check(pattern_mismatch(ptr, 1000, 1000, 1) == PATTERN_INTACT, "at %zu", count);
        check(cairn_usable_size(ptr) >= count * 100, "usable size of %zu", count * 100);
    }
    assert_null(cairn_reallocarray(ptr, hidden_size(0), 10));
}

static void reallocarray_overflow_keeps_the_block(void **state)
{
    (void)state;
    unsigned char *ptr = cairn_malloc(1000);

    pattern_fill(ptr, 1000, 2);
    errno = 0;
    assert_null(cairn_reallocarray(ptr, hidden_size(SIZE_MAX / 8), 9));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(cairn_reallocarray(hidden(NULL), hidden_size((size_t)1 << 32), (size_t)1 << 32));
    assert_int_equal(errno, ENOMEM);
    assert_true(pattern_mismatch(ptr, 1000, 1000, 2) == PATTERN_INTACT);
    cairn_free(ptr);
}

static void free_sized_frees(void **state)
{
    (void)state;
    cairn_free_sized(NULL, 0);
    void *first = cairn_malloc(200 * KIB);
    size_t before = stats_now().live;

    errno = ERRNO_MARK;
    cairn_free_sized(first, 200 * KIB);
    assert_int_equal(errno, ERRNO_MARK);
    assert_int_equal(stats_now().live, before - 256 * KIB);
}

static void batch_gives_blocks(void **state)
{
    size_t size = (size_t)*state;
    size_t count = size > MIB ? 8 : BATCH;

    assert_int_equal(cairn_alloc_batch(size, blocks, count), count);
    for (size_t i = 0; i < count; i++) {
        check((uintptr_t)blocks[i] % 16 == 0, "block %zu is at %p", i, blocks[i]);
        check(cairn_usable_size(blocks[i]) >= size, "block %zu is too small", i);
        pattern_fill(blocks[i], size, i);
    }
    for (size_t i = 0; i < count; i++) {
        check(pattern_mismatch(blocks[i], size, size, i) == PATTERN_INTACT, "block %zu", i);
    }
    cairn_free(blocks[3]);
    blocks[3] = NULL;
    size_t before = stats_now().live;

    errno = ERRNO_MARK;
    cairn_free_batch(blocks, count);
    assert_int_equal(errno, ERRNO_MARK);
    size_t gone = before - stats_now().live;

    check(gone >= (count - 1) * size, "%zu of %zu bytes were freed", gone, (count - 1) * size);
}

static void batch_of_nothing(void **state)
{
    (void)state;
    blocks[0] = blocks;
    assert_int_equal(cairn_alloc_batch(100, blocks, 0), 0);
    assert_ptr_equal(blocks[0], blocks);
    cairn_free_batch(blocks, 0);
    cairn_free_batch(hidden(NULL), 0);
}

static void batch_out_of_memory(void **state)
{
    (void)state;
    blocks[0] = blocks;
    errno = 0;
    assert_int_equal(cairn_alloc_batch(hidden_size(SIZE_MAX), blocks, BATCH), 0);
    assert_int_equal(errno, ENOMEM);
    assert_ptr_equal(blocks[0], blocks);
}

/* As many as there are: some 64 TiB of the 128 there are cannot be had four times. */
static void batch_of_too_many(void **state)
{
    (void)state;
    enum { COUNT = 4 };

    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = blocks;
    }
    errno = 0;
    size_t done = cairn_alloc_batch((size_t)1 << 46, blocks, COUNT);

    check(done < COUNT, "%zu blocks of 64 TiB", done);
    assert_int_equal(errno, ENOMEM);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true((blocks[i] == blocks) == (i >= done));
    }
    cairn_free_batch(blocks, done);
}

/* ---- questions ---- */

static void check_good_size(size_t size)
{
    void *ptr = cairn_malloc(size);
    size_t good = cairn_good_size(size);

    check(ptr != NULL, "malloc(%zu)", size);
    check(good >= size, "good size of %zu is %zu", size, good);
    check(good == cairn_usable_size(ptr), "good size of %zu is %zu, usable %zu", size, good,
          cairn_usable_size(ptr));
    check(cairn_good_size(good) == good, "good size of %zu is not good", size);
    cairn_free(ptr);
}

static void good_size_is_usable_size(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes(64 * MIB);

    check_good_size(0);
    for (size_t i = 0; i < sizes.count; i++) {
        check_good_size(sizes.at[i]);
    }
    check_good_size(1000000);
    check_good_size(64 * MIB + 1);
}

/* So that a caller who asks for the good size is refused too. */
static void good_size_of_the_impossible(void **state)
{
    (void)state;
    size_t size = PTRDIFF_MAX;

    assert_true(cairn_good_size(SIZE_MAX) == SIZE_MAX);
    assert_true(cairn_good_size(size) >= size);
    assert_null(cairn_malloc(cairn_good_size(hidden_size(size))));
    assert_null(cairn_malloc(cairn_good_size(hidden_size(SIZE_MAX - 4096))));
}

static void check_owns(size_t size)
{
    char *ptr = cairn_malloc(size);
    size_t usable = cairn_usable_size(ptr);

    check(cairn_owns(ptr), "%zu bytes at %p are not owned", size, (void *)ptr);
    check(!cairn_owns(ptr + 1), "%zu bytes at %p + 1", size, (void *)ptr);
    check(!cairn_owns(ptr + usable / 2 + 1), "%zu bytes at %p, middle", size, (void *)ptr);
    check(!cairn_owns(ptr + usable - 1), "%zu bytes at %p, end", size, (void *)ptr);
    for (size_t at = 64 * KIB; at < usable; at += 64 * KIB) {
        check(!cairn_owns(ptr + at), "%zu bytes at %p + %zu", size, (void *)ptr, at);
    }
    cairn_free(ptr);
}

static void owns_blocks(void **state)
{
    (void)state;
    struct sizes sizes = border_sizes(64 * MIB);

    for (size_t i = 0; i < sizes.count; i++) {
        check_owns(sizes.at[i]);
    }
    for (size_t align = 32; align <= 8 * MIB; align *= 2) {
        void *ptr = cairn_aligned_alloc(align, 100);

        check(cairn_owns(ptr), "a block aligned to %zu", align);
        cairn_free(ptr);
    }
}

static void owns_nothing_else(void **state)
{
    (void)state;
    char local;
    unsigned char *block = cairn_malloc(100);

    assert_false(cairn_owns(NULL));
    assert_false(cairn_owns(hidden(&local)));
    assert_false(cairn_owns(hidden(blocks)));
    assert_false(cairn_owns((void *)1));
    assert_false(cairn_owns((void *)UINTPTR_MAX));
    assert_false(cairn_owns((void *)(uintptr_t)0xffff800000000000));
    assert_false(cairn_owns(hidden(block) + 16 * GIB)); /* in the window, not in use */
    if (!cairn_is_active()) {
        void *other = malloc(100);

        assert_false(cairn_owns(other));
        free(other);
    }
    cairn_free(block);
}

static void owns_no_freed_huge_block(void **state)
{
    (void)state;
    void *block = cairn_malloc(80 * MIB);

    assert_true(cairn_owns(block));
    void *volatile kept = block;

    cairn_free(block);
    assert_false(cairn_owns(kept));
}

/* ---- memory and the system ---- */

static void purge_returns_memory(void **state)
{
    (void)state;
    cairn_purge();
    for (size_t i = 0; i < 20; i++) {
        blocks[i] = cairn_malloc(MIB);
        memset(blocks[i], 1, MIB);
    }
    cairn_free_batch(blocks, 20);
    assert_true(stats_now().kept >= MIB);
    size_t before = resident_bytes();
    size_t kept = stats_now().kept;

    assert_true(cairn_purge());
    assert_int_equal(stats_now().kept, 0);
    size_t after = resident_bytes();

    check(after < before && before - after > kept / 2, "RSS %zu, %zu kept, then RSS %zu", before,
          kept, after);
    assert_false(cairn_purge());
}

static void reserve_makes_memory_ready(void **state)
{
    (void)state;
    struct rusage usage;

    cairn_purge();
    assert_true(cairn_reserve(16 * MIB));
    check(stats_now().kept >= 16 * MIB, "%zu bytes are kept", stats_now().kept);
    getrusage(RUSAGE_SELF, &usage);
    long before = usage.ru_minflt;

    for (size_t i = 0; i < 16; i++) {
        blocks[i] = cairn_malloc(MIB);
        memset(blocks[i], 1, MIB);
    }
    getrusage(RUSAGE_SELF, &usage);
    if (!CHECK_TSAN) /* which touches memory of its own for the program's */
        check(usage.ru_minflt - before < 1024, "%ld page faults", usage.ru_minflt - before);
    assert_true(stats_now().kept <= 2 * MIB); /* rows do not fit together to the last unit */
    cairn_free_batch(blocks, 16);
    cairn_purge();
}

static void reserve_counts_what_is_there(void **state)
{
    (void)state;
    cairn_purge();
    assert_true(cairn_reserve(4 * MIB));
    size_t kept = stats_now().kept;

    assert_true(cairn_reserve(4 * MIB));
    assert_true(cairn_reserve(0));
    assert_int_equal(stats_now().kept, kept);
    cairn_purge();
}

static void reserve_refuses_too_much(void **state)
{
    (void)state;
    size_t live = stats_now().live;

    errno = 0;
    assert_false(cairn_reserve(SIZE_MAX));
    assert_int_equal(errno, ENOMEM);
    assert_false(cairn_reserve(PTRDIFF_MAX));
    assert_false(cairn_reserve((size_t)1 << 46));
    assert_int_equal(stats_now().live, live);
}

/* ---- statistics ---- */

static void stats_keep_to_the_size(void **state)
{
    (void)state;
    struct cairn_stats stats;

    for (size_t size = sizeof(size_t); size <= sizeof stats; size += sizeof(size_t)) {
        memset(&stats, 0xa5, sizeof stats);
        stats.size = size;
        cairn_stats_get(&stats);
        assert_int_equal(stats.size, size);
        const unsigned char *bytes = (const unsigned char *)&stats;

        for (size_t i = size; i < sizeof stats; i++) {
            check(bytes[i] == 0xa5, "byte %zu was written, size %zu", i, size);
        }
    }
}

static void check_stats(void)
{
    struct cairn_stats stats = stats_now();

    assert_int_equal(stats.committed,
                     stats.live + stats.page_free + stats.page_unused + stats.kept);
    assert_true(stats.large + stats.huge <= stats.live);
    assert_true(stats.committed <= stats.mapped);
    assert_true(stats.huge == 0 ? stats.huge_count == 0 : stats.huge_count > 0);
    assert_true(stats.large == 0 ? stats.large_count == 0 : stats.large_count > 0);
    assert_true(stats.heaps >= 1 && stats.tables > 0 && stats.metadata > 0);
}

static void stats_add_up(void **state)
{
    (void)state;
    struct cairn_stats before = stats_now();

    check_stats();
    size_t count = cairn_alloc_batch(1000, blocks, 900);

    blocks[count++] = cairn_malloc(300 * KIB);
    blocks[count++] = cairn_malloc(80 * MIB);
    check_stats();
    struct cairn_stats stats = stats_now();

    /* Some may have counted as in use before, for they lay in the thread's cache. */
    size_t expected = before.live + 900 * 1024 + 320 * KIB + 80 * MIB;

    check(stats.live <= expected && stats.live >= expected - 16 * KIB, "live %zu, not %zu",
          stats.live, expected);
    assert_int_equal(stats.large, before.large + 320 * KIB);
    assert_int_equal(stats.large_count, before.large_count + 1);
    assert_int_equal(stats.huge, before.huge + 80 * MIB);
    assert_int_equal(stats.huge_count, before.huge_count + 1);
    for (size_t i = 0; i < count; i += 2) {
        cairn_free(blocks[i]);
        blocks[i] = NULL;
    }
    check_stats();
    check(stats_now().page_free >= before.page_free + 400 * 1024, "freed in pages: %zu, then %zu",
          before.page_free, stats_now().page_free);
    cairn_free_batch(blocks, count);
    check_stats();
    assert_int_equal(stats_now().huge, before.huge);
}

/* What was asked for is known about, of large blocks exactly; what was handed out, to the cache. */
static void stats_know_what_was_asked(void **state)
{
    (void)state;
    struct cairn_stats before = stats_now();
    size_t count = cairn_alloc_batch(520, blocks, 900); /* granted 576 */

    blocks[count++] = cairn_malloc(257 * KIB);
    blocks[count++] = cairn_realloc(cairn_malloc(1000 * KIB), 400 * KIB + 1);
    struct cairn_stats stats = stats_now();
    size_t expected = 900 * 520 + 257 * KIB + 400 * KIB + 1;
    size_t asked = stats.asked - before.asked;

    assert_true(stats.asked < stats.live);
    check(asked >= expected - 64 * KIB && asked <= expected + 32 * KIB, "%zu asked, not %zu", asked,
          expected);
    assert_true(stats.handed - before.handed <= 900 + 64);
    assert_true(stats.handed - before.handed >= 900 - 64);
    assert_true(stats.trips > before.trips && stats.trips - before.trips <= 900 / 4);
    assert_int_equal(stats.handed_large - before.handed_large, 2);
    cairn_free_batch(blocks, count);

    before = stats_now();
    for (int i = 0; i < 10; i++)
        cairn_free(cairn_malloc(300 * KIB));
    stats = stats_now();
    assert_int_equal(stats.handed_large - before.handed_large, 10);
    assert_true(stats.recent_large - before.recent_large >= 8);
}

static void foreign_frees_are_counted(void **state)
{
    (void)state;
    size_t before = stats_now().foreign_frees;

    cairn_free(hidden(&before));
    assert_int_equal(stats_now().foreign_frees, before + 1);
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(reallocarray_is_realloc),
        cmocka_unit_test(reallocarray_overflow_keeps_the_block),
        cmocka_unit_test(free_sized_frees),
        named_check("batch_gives_blocks_0", batch_gives_blocks, 0),
        named_check("batch_gives_blocks_40", batch_gives_blocks, 40),
        named_check("batch_gives_blocks_3000", batch_gives_blocks, 3000),
        named_check("batch_gives_blocks_150000", batch_gives_blocks, 150000),
        named_check("batch_gives_blocks_18000000", batch_gives_blocks, 18000000),
        cmocka_unit_test(batch_of_nothing),
        cmocka_unit_test(batch_out_of_memory),
        cmocka_unit_test(batch_of_too_many),
        cmocka_unit_test(good_size_is_usable_size),
        cmocka_unit_test(good_size_of_the_impossible),
        cmocka_unit_test(owns_blocks),
        cmocka_unit_test(owns_nothing_else),
        cmocka_unit_test(owns_no_freed_huge_block),
        cmocka_unit_test(purge_returns_memory),
        cmocka_unit_test(reserve_makes_memory_ready),
        cmocka_unit_test(reserve_counts_what_is_there),
        cmocka_unit_test(reserve_refuses_too_much),
        cmocka_unit_test(stats_keep_to_the_size),
        cmocka_unit_test(stats_add_up),
        cmocka_unit_test(stats_know_what_was_asked),
        cmocka_unit_test(foreign_frees_are_counted),
    };

    require_cairn_if_expected();
    return run_checks("cairn_api", checks);
}
