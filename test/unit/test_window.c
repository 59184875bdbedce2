/* SPDX-License-Identifier: MIT */
/*
 * window.h: the ladder of reservations, what limits leave, commit steps, further regions, and what
 * failures may not leave behind.
 */
#include "unit/unit.h"

#include "base/option.h"
#include "core/metadata.h"
#include "core/window.h"
#include "fake_os/fake_os.h"

static size_t granted_max; /* reservations above fail */

static bool refuse_above(enum fake_call call, size_t size)
{
    return call == FAKE_RESERVE && size > granted_max;
}

static struct region *window(void)
{
    return cairn__region_first();
}

static void start(const char *size)
{
    assert_true(cairn__option_set(OPTION_WINDOW, size));
    cairn__window_start();
}

/* What a region is made of: reserved, aligned, and of its metadata only the bits accessible. */
static void check_reservation(const struct region *region, size_t size)
{
    assert_true(region->size == size);
    assert_int_equal(region->base % CHUNK_SIZE, 0);
    assert_true(fake_is_reserved((const void *)region->base, size));
    assert_true(fake_is_reserved(region->pages, size / UNIT_SIZE * PAGE_BYTES));
    assert_true(fake_is_reserved(region->chunks, size / CHUNK_SIZE * CHUNK_BYTES));
    assert_true(fake_is_accessible(region->giving, (size / CHUNK_SIZE + 63) / 64 * 8));
    assert_int_equal((uintptr_t)region->pages % PAGE_BYTES, 0);
    assert_int_equal((uintptr_t)region->chunks % CHUNK_BYTES, 0);
}

/* Chunks [first, first + count) and their metadata can be used. */
static void check_opened(const struct region *region, size_t first, size_t count)
{
    const char *base = (const char *)region->base;
    assert_true(first + count <= region->opened);
    assert_true(region->opened * CHUNK_SIZE <= region->committed);
    assert_true(region->committed <= region->size);
    assert_true(fake_is_accessible(base + first * CHUNK_SIZE, count * CHUNK_SIZE));
    assert_true(fake_is_accessible((const char *)region->pages + first * CHUNK_UNITS * PAGE_BYTES,
                                   count * CHUNK_UNITS * PAGE_BYTES));
    assert_true(fake_is_accessible((const char *)region->chunks + first * CHUNK_BYTES,
                                   count * CHUNK_BYTES));
}

/* From the default downwards by quarters: what remains of each refusal. */
TEST(ladder)
{
    granted_max = SIZE_MAX;
    fake_fail_if(refuse_above);
    static const size_t steps[] = {
        256 * GIB, 64 * GIB, 16 * GIB, 4 * GIB, GIB, 256 * MIB, 64 * MIB, 16 * MIB, 4 * MIB,
    };
    /* Only one window a process: so the ladder is walked on failures of the metadata too. */
    for (size_t i = CAIRN_TSAN ? 4 : 0; i < sizeof steps / sizeof steps[0]; i++) {
        memset(window(), 0, sizeof *window());
        granted_max = steps[i];
        start("256G");
        check_reservation(window(), steps[i]);
        assert_int_equal(window()->opened, 0);
        assert_int_equal(fake_figures().ranges, 2);
        assert_true(cairn__os_release((void *)window()->base, steps[i]));
        granted_max = SIZE_MAX;
        const struct region *region = window();
        size_t metadata = (size_t)((char *)region->giving - (char *)region->pages) +
                          round_up((steps[i] / CHUNK_SIZE + 63) / 64 * 8, cairn__os_page_size());
        assert_true(cairn__os_release(region->pages, metadata));
    }
}

TEST(nothing_granted)
{
    fake_fail_from(FAKE_RESERVE, 1);
    start("256G");
    assert_int_equal(window()->size, 0);
    assert_int_equal(fake_count(FAKE_RESERVE), 9);
    size_t first;
    assert_null(cairn__window_extend(1, &first));
    fake_fail_never();
    struct region *region = cairn__window_extend(1, &first); /* a region serves without a window */
    assert_non_null(region);
    assert_ptr_not_equal(region, window());
    check_reservation(region, REGION_SIZE);
    check_opened(region, first, 1);
}

/* The metadata or its bits cannot be had: the reservation is given back, the next is tried. */
TEST(metadata_refused)
{
    fake_fail_nth(FAKE_RESERVE, 2);
    fake_fail_nth(FAKE_COMMIT, 1);
    start("1G");
    check_reservation(window(), 64 * MIB);
    assert_int_equal(fake_figures().ranges, 2);
    assert_int_equal(fake_count(FAKE_RELEASE), 3);
    assert_int_equal(fake_figures().lost, 0);
}

TEST(odd_sizes)
{
    start("7M");
    check_reservation(window(), 6 * MIB);
}

TEST(odd_sizes_refused)
{
    granted_max = 3 * MIB;
    fake_fail_if(refuse_above);
    start("11M"); /* 10 MiB, then 2.5 MiB rounded down */
    check_reservation(window(), 2 * MIB);
}

static void check_limit(size_t limit, size_t expected)
{
    fake_set_address_limit(limit);
    memset(window(), 0, sizeof *window());
    start("256G");
    assert_true(window()->size == expected);
    assert_true(expected <= limit / WINDOW_LIMIT_SHARE);
}

TEST(limit_of_4_gib)
{
    check_limit(4 * GIB, 256 * MIB);
}

TEST(limit_of_100_mib)
{
    check_limit(100 * MIB, 4 * MIB);
}

TEST(limit_of_32_mib)
{
    check_limit(32 * MIB, 2 * MIB);
}

TEST(limit_too_small_for_a_window)
{
    check_limit(31 * MIB, 0);
    assert_int_equal(fake_count(FAKE_RESERVE), 0);
    size_t first;
    struct region *region = cairn__window_extend(1, &first);
    assert_non_null(region);
    assert_true(region->size < 31 * MIB);
}

TEST(limit_of_zero)
{
    check_limit(0, 0);
    size_t first;
    assert_null(cairn__window_extend(1, &first));
}

/* Accessible memory grows by doubling, to a step of COMMIT_STEP_MAX. */
TEST(commit_steps)
{
    start("1G");
    size_t committed = 0;
    for (size_t i = 0; i < 256; i++) {
        size_t first;
        assert_ptr_equal(cairn__window_extend(1, &first), window());
        assert_int_equal(first, i);
        check_opened(window(), first, 1);
        if (window()->committed != committed) {
            size_t step = window()->committed - committed;
            assert_int_equal(committed, i * CHUNK_SIZE); /* not before it is needed */
            assert_int_equal(step, i == 0 ? CHUNK_SIZE : size_min(committed, COMMIT_STEP_MAX));
            committed = window()->committed;
        }
    }
    assert_true(fake_figures().committed < committed + committed / 500 + 16 * KIB);
}

TEST(many_chunks_in_a_row)
{
    start("1G");
    size_t opened = 0;
    for (size_t count = 1; count <= 40; count += 13) {
        size_t first;
        assert_ptr_equal(cairn__window_extend(count, &first), window());
        assert_int_equal(first, opened);
        opened += count;
        check_opened(window(), first, count);
    }
}

/* The whole step is refused, what is needed is not. */
static bool refuse_large_commits(enum fake_call call, size_t size)
{
    return call == FAKE_COMMIT && size > CHUNK_SIZE;
}

TEST(small_steps_where_memory_is_scarce)
{
    start("64M");
    fake_fail_if(refuse_large_commits);
    for (size_t i = 0; i < 32; i++) {
        size_t first;
        assert_ptr_equal(cairn__window_extend(1, &first), window());
        assert_int_equal(first, i);
        assert_int_equal(window()->committed, (i + 1) * CHUNK_SIZE);
        check_opened(window(), first, 1);
    }
}

TEST(regions_beyond_the_window)
{
    start("4M");
    size_t first;
    struct region *beside = cairn__window_extend(3, &first); /* the window is too small for it */
    assert_non_null(beside);
    assert_ptr_equal(cairn__region_next(window()), beside);
    assert_ptr_equal(cairn__window_extend(2, &first), window());
    assert_int_equal(first, 0);
    struct region *seen = NULL;
    size_t regions = 0;
    for (size_t i = 0; i < 100; i++) {
        struct region *region = cairn__window_extend(1, &first);
        assert_non_null(region);
        assert_ptr_not_equal(region, window());
        if (region != seen && region->opened == 1) {
            check_reservation(region, REGION_SIZE);
            assert_ptr_equal(cairn__region_next(window()), region);
            regions++;
        }
        seen = region;
        check_opened(region, first, 1);
        const char *chunk = (const char *)region->base + first * CHUNK_SIZE;
        assert_ptr_equal(region_outside_window(chunk), region);
        assert_ptr_equal(region_outside_window(chunk + CHUNK_SIZE - 1), region);
    }
    assert_int_equal(regions, 3);
    const char *end = (const char *)seen->base + seen->size;
    assert_ptr_not_equal(region_outside_window(end), seen);
    assert_null(region_outside_window((const void *)window()->base));
}

TEST(regions_shrink_where_space_is_scarce)
{
    granted_max = 5 * MIB;
    start("2M");
    size_t first;
    assert_ptr_equal(cairn__window_extend(1, &first), window());
    fake_fail_if(refuse_above);
    struct region *region = cairn__window_extend(1, &first);
    check_reservation(region, 4 * MIB);
    struct region *larger = cairn__window_extend(2, &first); /* no room for two beside the first */
    check_reservation(larger, 4 * MIB);
    assert_null(cairn__window_extend(3, &first)); /* more than can be had in a row */
    assert_ptr_equal(cairn__window_extend(1, &first), region);
}

TEST(large_os_pages)
{
    fake_set_page_size(64 * KIB);
    start("256M");
    for (size_t i = 0; i < 200; i++) {
        size_t first;
        struct region *region = cairn__window_extend(1, &first);
        assert_non_null(region);
        check_opened(region, first, 1);
        memset((char *)region->pages + first * CHUNK_UNITS * PAGE_BYTES, 1,
               CHUNK_UNITS * PAGE_BYTES);
    }
}

/* ---- what failures leave behind ---- */

static bool refuse_chunks(enum fake_call call, size_t size)
{
    return call == FAKE_COMMIT && size >= CHUNK_SIZE;
}

/*
 * A window full of room but no memory: more address space would not help, and each failing call
 * must not take some.
 */
TEST(no_memory_takes_no_address_space)
{
    start("64M");
    fake_fail_if(refuse_chunks);
    size_t first;
    for (size_t i = 0; i < 100; i++)
        assert_null(cairn__window_extend(1, &first));
    assert_true(fake_figures().reserved <= 64 * MIB + 2 * REGION_SIZE);
    fake_fail_never();
    assert_non_null(cairn__window_extend(1, &first));
}

static bool refuse_leaves(enum fake_call call, size_t size)
{
    return call == FAKE_MAP && size == 64 * KIB;
}

/* The map has no memory for a region's entries: nor may this cost address space each time. */
TEST(no_map_takes_no_address_space)
{
    start("2M");
    size_t first;
    assert_non_null(cairn__window_extend(1, &first));
    assert_non_null(cairn__metadata_take(128));
    fake_fail_if(refuse_leaves);
    for (size_t i = 0; i < 100; i++)
        assert_null(cairn__window_extend(1, &first));
    assert_true(fake_figures().reserved <= 2 * MIB + 2 * REGION_SIZE);
    fake_fail_never();
    assert_non_null(cairn__window_extend(1, &first));
}

/* No address space: a program that asks again and again may not use up records. */
TEST(no_address_space_takes_no_metadata)
{
    start("2M");
    size_t first;
    assert_non_null(cairn__window_extend(1, &first));
    assert_non_null(cairn__metadata_take(128));
    fake_fail_from(FAKE_RESERVE, 1);
    size_t before = cairn__metadata_mapped();
    for (size_t i = 0; i < 10000; i++)
        assert_null(cairn__window_extend(1, &first));
    assert_int_equal(cairn__metadata_mapped(), before);
}

/* A limit that counts the reservation as used: it stays, and what is new comes beyond it. */
TEST(limit_set_later)
{
    start("64M");
    size_t first;
    assert_ptr_equal(cairn__window_extend(1, &first), window());
    size_t committed = window()->committed;
    assert_true(cairn__window.size == committed);
    fake_set_address_limit(100 * MIB);
    size_t chunks = 1;
    struct region *region;
    while ((region = cairn__window_extend(1, &first)) != NULL) {
        chunks++;
        check_opened(region, first, 1);
    }
    assert_true(fake_is_reserved((const void *)window()->base, 32 * MIB));
    assert_true(window()->committed == committed && cairn__window.size == committed);
    assert_true(chunks * CHUNK_SIZE <= 36 * MIB + committed);
    assert_true(chunks * CHUNK_SIZE >= 30 * MIB + committed);
}

/* A limit below the reservation: its unused part goes, or nobody could map anything any more. */
TEST(limit_set_later_below_the_window)
{
    start("1G");
    size_t first;
    assert_ptr_equal(cairn__window_extend(1, &first), window());
    const char *tail = (const char *)window()->base + window()->committed;
    fake_set_address_limit(100 * MIB);
    struct region *region = cairn__window_extend(1, &first);
    assert_non_null(region);
    assert_ptr_not_equal(region, window());
    check_opened(region, first, 1);
    assert_false(fake_is_reserved(tail, CHUNK_SIZE));
    check_opened(window(), 0, 1);
    size_t chunks = 2;
    while (cairn__window_extend(1, &first) != NULL)
        chunks++;
    assert_true(chunks * CHUNK_SIZE >= 90 * MIB && chunks * CHUNK_SIZE <= 100 * MIB);
}

/* free() looks no further than what can be accessed. */
TEST(size_follows_the_commit)
{
    start("64M");
    assert_true(window_offset(NULL) >= window_size());
    size_t first;
    for (size_t chunks = 1; chunks <= 32; chunks++) {
        assert_non_null(cairn__window_extend(1, &first));
        assert_true(window_size() == window()->committed);
        assert_true(fake_is_accessible((const void *)window()->base, window_size()));
    }
    assert_true(window_size() == 64 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ladder),
        cmocka_unit_test(nothing_granted),
        cmocka_unit_test(metadata_refused),
        cmocka_unit_test(odd_sizes),
        cmocka_unit_test(odd_sizes_refused),
        cmocka_unit_test(limit_of_4_gib),
        cmocka_unit_test(limit_of_100_mib),
        cmocka_unit_test(limit_of_32_mib),
        cmocka_unit_test(limit_too_small_for_a_window),
        cmocka_unit_test(limit_of_zero),
        cmocka_unit_test(commit_steps),
        cmocka_unit_test(many_chunks_in_a_row),
        cmocka_unit_test(small_steps_where_memory_is_scarce),
        cmocka_unit_test(regions_beyond_the_window),
        cmocka_unit_test(regions_shrink_where_space_is_scarce),
        cmocka_unit_test(large_os_pages),
        cmocka_unit_test(no_memory_takes_no_address_space),
        cmocka_unit_test(no_map_takes_no_address_space),
        cmocka_unit_test(no_address_space_takes_no_metadata),
        cmocka_unit_test(limit_set_later),
        cmocka_unit_test(limit_set_later_below_the_window),
        cmocka_unit_test(size_follows_the_commit),
    };
    return UNIT_MAIN(tests);
}
