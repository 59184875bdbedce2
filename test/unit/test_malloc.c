/* SPDX-License-Identifier: MIT */
/*
 * malloc.h: sizes and alignments, calloc's zeroes, realloc's borders, usable sizes, frees of what
 * is no block. (Out of memory: test_memory.c.)
 */
#include "unit/unit.h"

#include "base/option.h"
#include "core/huge.h"
#include "core/registry.h"
#include "core/malloc.h"
#include "core/recent.h"
#include "core/remote.h"
#include "core/shared.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

static void *get(size_t size)
{
    void *block = cairn__malloc_fast(size);
    return block != NULL ? block : cairn__malloc_slow(size);
}

/* Next to each border that there is between ways of allocating. */
static const size_t borders[] = {
    0,       1,       15,      16,       17,       511,      512,      513,
    1023,    1024,    2047,    2048,     2049,     4095,     4096,     4097,
    32768,   65535,   65536,   65537,    131071,   131072,   131073,   262144,
    2097151, 2097152, 2097153, 16777215, 16777216, 16777217, 20971520,
};
enum { BORDERS = sizeof borders / sizeof borders[0] };

TEST(sizes)
{
    void *block[BORDERS];
    for (int i = 0; i < BORDERS; i++) {
        assert_non_null(block[i] = get(borders[i]));
        assert_int_equal((uintptr_t)block[i] % 16, 0);
        size_t usable = cairn__usable_size(block[i]);
        assert_true(usable >= borders[i] && usable > 0);
        unit_fill(block[i], size_min(usable, MIB), borders[i]);
        for (int j = 0; j < i; j++)
            assert_true(block[i] != block[j]);
    }
    for (int i = 0; i < BORDERS; i++) {
        size_t usable = cairn__usable_size(block[i]);
        assert_true(unit_is_filled(block[i], size_min(usable, MIB), borders[i]));
        cairn__free(block[i]);
    }
    assert_int_equal(audit_all(NULL).live, 0);
    assert_int_equal(cairn__huge_figures().count, 0);
    assert_int_equal(cairn__foreign_frees(), 0);
}

TEST(impossible_sizes)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4096, SIZE_LIMIT + 1,
                                   SIZE_LIMIT};
    void *block = get(100);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_null(cairn__malloc_fast(sizes[i]));
        assert_null(cairn__malloc_slow(sizes[i]));
        assert_null(cairn__calloc(1, sizes[i]));
        assert_null(cairn__calloc(sizes[i], 2));
        assert_null(cairn__realloc(block, sizes[i]));
        for (size_t align = 1; align != 0; align *= 2)
            assert_null(cairn__aligned(align, sizes[i]));
    }
    assert_null(cairn__calloc((size_t)1 << 32, (size_t)1 << 32));
    assert_null(cairn__calloc(3, SIZE_MAX / 3 + 1));
    assert_null(cairn__aligned((size_t)1 << 63, 1));
    assert_int_equal(audit_all(NULL).live, 1);
    cairn__free(block);
}

TEST(alignments)
{
    for (size_t align = 1; align <= 32 * MIB; align *= 2)
        for (int i = 0; i<BORDERS; i += align> UNIT_SIZE ? 3 : 1) {
            char *block = cairn__aligned(align, borders[i]);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % align, 0);
            assert_true(cairn__usable_size(block) >= borders[i]);
            memset(block, 1, size_min(borders[i], 4096));
            assert_true(cairn__usable_size(block) > 0);
            cairn__free(block);
        }
    assert_int_equal(audit_all(NULL).live, 0);
    assert_int_equal(audit_all(NULL).large, 0);
    assert_int_equal(cairn__foreign_frees(), 0);
}

#if !CAIRN_TSAN

/* ---- calloc ---- */

/* Zero, whatever lay there before: fresh, used, purged. */
TEST(zeroes)
{
    for (int round = 0; round < 4; round++) {
        void *block[BORDERS][3];
        for (int i = 0; i < BORDERS; i++)
            for (int j = 0; j < 3; j++) {
                block[i][j] = cairn__calloc(j == 2 ? borders[i] : 1, j == 2 ? 1 : borders[i]);
                assert_non_null(block[i][j]);
                assert_true(unit_is_zero(block[i][j], borders[i]));
                memset(block[i][j], 0xff, size_min(cairn__usable_size(block[i][j]), 3 * MIB));
            }
        for (int i = 0; i < BORDERS; i++)
            for (int j = 0; j < 3; j++)
                cairn__free(block[i][j]);
        if (round % 2 == 1)
            unit_abandon(cairn__heap);
        if (round == 2)
            cairn__trim();
    }
}

/* A random mix with ordinary blocks that leave their bytes behind. */
TEST(zeroes_at_random)
{
    enum { SLOTS = 300 };
    static unsigned char *slot[SLOTS];
    uint64_t seed = 4;
    for (size_t i = 0; i < unit_rounds(40000); i++) {
        size_t at = unit_below(&seed, SLOTS);
        size_t size = (size_t)1 << unit_below(&seed, at == 0 ? 20 : 16);
        size += unit_below(&seed, size);
        cairn__free(slot[at]);
        if (i % 2 == 0) {
            REQUIRE((slot[at] = cairn__calloc(1, size)) != NULL);
            REQUIRE(unit_is_zero(slot[at], size));
        } else {
            REQUIRE((slot[at] = get(size)) != NULL);
        }
        memset(slot[at], 0xff, size);
        if (i % 10000 == 9999)
            cairn__trim();
    }
}

/* ---- realloc ---- */

TEST(realloc_between_all_borders)
{
    for (int from = 1; from < BORDERS; from++)
        for (int to = 1; to < BORDERS; to++) {
            size_t old = borders[from];
            size_t new = borders[to];
            char *block = get(old);
            assert_non_null(block);
            size_t head = size_min(old, 5000);
            unit_fill(block, head, 1);
            if (old > 10000)
                unit_fill(block + old - 5000, 5000, 2);
            char *moved = cairn__realloc(block, new);
            assert_non_null(moved);
            assert_true(cairn__usable_size(moved) >= new);
            assert_true(unit_is_filled(moved, size_min(head, new), 1));
            if (old > 10000 && new >= old)
                assert_true(unit_is_filled(moved + old - 5000, 5000, 2));
            cairn__free(moved);
        }
    assert_int_equal(audit_all(NULL).live, 0);
    assert_int_equal(audit_all(NULL).large, 0);
    assert_int_equal(cairn__huge_figures().count, 0);
}

#endif

TEST(realloc_stays)
{
    for (int i = 1; i < BORDERS; i++) {
        void *block = get(borders[i]);
        size_t usable = cairn__usable_size(block);
        assert_ptr_equal(cairn__realloc(block, usable), block);
        assert_ptr_equal(cairn__realloc(block, usable / 2), block); /* half is worth keeping */
        assert_int_equal(cairn__usable_size(block), usable);
        if (usable > 64 && usable <= LARGE_MAX) {
            void *small = cairn__realloc(block, usable / 2 - 1); /* less is not */
            bool in_place = usable / 2 - 1 > MEDIUM_MAX;         /* a row of units: its end goes */
            assert_int_equal(small == block, in_place);
            assert_true(cairn__usable_size(small) < usable);
            block = small;
        }
        cairn__free(block);
    }
}

/* A block freed twice, whose memory is not in use any more, is told; some times. */
TEST(stale_frees_are_told)
{
    char expected[8 * 128] = "";
    char *block = cairn__malloc_slow(MIB);
    cairn__free(block);
    assert_string_equal(fake_errors(), "");
    for (int i = 0; i < 20; i++)
        cairn__free(block);
    for (int i = 0; i < 8; i++)
        snprintf(expected + strlen(expected), 128,
                 "cairn: ignored: free of a pointer into unused memory (freed before?): %p\n",
                 (void *)block);
    assert_string_equal(fake_errors(), expected);
    assert_int_equal(cairn__foreign_frees(), 20);
    char *own = malloc(16);
    cairn__free(own); /* not where our blocks lie: counted only */
    assert_string_equal(fake_errors(), expected);
    assert_int_equal(cairn__foreign_frees(), 21);
    free(own);
}

/* Shrinking cannot fail; growing that fails changes nothing. */
TEST(realloc_without_memory)
{
    static const size_t sizes[] = {200, 3000, 100000, 150000, 5 * MIB, 17 * MIB, 80 * MIB};
    cairn__thread_heap();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *block = get(sizes[i]);
        assert_non_null(block);
        unit_fill(block, sizes[i], i);
        fake_fail_from(FAKE_ANY, 1);
        assert_null(cairn__realloc(block, 100 * MIB));
        assert_true(unit_is_filled(block, sizes[i], i));
        char *small = cairn__realloc(block, 20);
        assert_non_null(small);
        assert_true(unit_is_filled(small, 20, i));
        fake_fail_never();
        cairn__free(small);
    }
    cairn__remote_flush(cairn__heap);
    assert_int_equal(audit_all(NULL).live, 0);
    assert_int_equal(cairn__huge_figures().count, 0);
}

TEST(realloc_of_what_is_no_block)
{
    static char foreign[64] ALIGNED(16);
    assert_null(cairn__realloc(foreign, 10));
    assert_int_equal(cairn__foreign_frees(), 1);
    void *block = get(10);
    assert_null(cairn__realloc(foreign, 10000));
    assert_int_equal(cairn__foreign_frees(), 2);
    cairn__free(block);
}

/* ---- frees of what is no block ---- */

TEST(foreign_frees)
{
    static char in_data[64];
    char on_stack[64];
    void *from_libc = malloc(100);
    cairn__free(in_data); /* before anything was allocated */
    assert_int_equal(cairn__foreign_frees(), 1);
    void *block = get(100);
    void *const pointers[] = {in_data,
                              on_stack,
                              from_libc,
                              (void *)(uintptr_t)1,
                              (void *)UINTPTR_MAX,
                              (void *)((uintptr_t)1 << 47)};
    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        assert_int_equal(cairn__usable_size(pointers[i]), 0);
        cairn__free(pointers[i]);
        assert_int_equal(cairn__foreign_frees(), 2 + i);
    }
    cairn__free(NULL);
    assert_int_equal(cairn__usable_size(NULL), 0);
    assert_int_equal(cairn__foreign_frees(), 7);
    assert_string_equal(fake_errors(), "");
    assert_int_equal(audit_all(NULL).live, 1);
    cairn__free(block);
    free(from_libc);
}

TEST(foreign_frees_are_told)
{
    fake_set_environment("CAIRN_VERBOSE", "1");
    cairn__process_start();
    cairn__free((void *)(uintptr_t)0x1230);
    assert_string_equal(fake_errors(),
                        "cairn: ignored: free of a pointer that is no block: 0x1230\n");
}

/* Large and huge blocks freed twice, or not from their start. */
TEST(double_frees)
{
    static const size_t sizes[] = {200 * KIB, 3 * MIB, 20 * MIB, 80 * MIB};
    for (size_t i = 0; i < 3; i++) {
        char *block = get(sizes[i]);
        cairn__free(block + 4096);
        assert_int_equal(cairn__foreign_frees(), 3 * i + 1);
        memset(block, 1, sizes[i]); /* still there */
        cairn__free(block);
        cairn__free(block);
        cairn__free(block);
        assert_int_equal(cairn__foreign_frees(), 3 * i + 3);
        assert_int_equal(cairn__usable_size(block), 0);
    }
    cairn__recent_flush(cairn__heap);
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_int_equal(cairn__huge_figures().count, 0);
}

/* A page that went back to the pool: a stale pointer into it is no block any more. */
TEST(stale_pointers)
{
    static void *block[3 * 64];
    for (int i = 0; i < 3 * 64; i++)
        block[i] = get(1024);
    for (int i = 0; i < 3 * 64; i++)
        cairn__free(block[i]);
    struct page *gone = NULL;
    for (int i = 0; i < 3; i++)
        if (page_owner(page_near(block[64 * i])) == NULL) {
            gone = page_near(block[64 * i]);
            cairn__free(block[64 * i + 1]);
        }
    assert_non_null(gone);
    assert_int_equal(cairn__foreign_frees(), 1);
    assert_int_equal(cairn__usable_size(gone->start), 0);
    audit_all(NULL);
}

/* ---- without the window, with larger OS pages, from other threads ---- */

static void mixed_work(void *seed_pointer)
{
    enum { SLOTS = 400 };
    void *slot[SLOTS] = {0};
    size_t size[SLOTS] = {0};
    uint64_t seed = (uintptr_t)seed_pointer;
    for (size_t i = 0; i < unit_rounds(20000); i++) {
        size_t at = unit_below(&seed, SLOTS);
        REQUIRE(unit_is_filled(slot[at], size_min(size[at], 200), at));
        size_t next = (size_t)1 << unit_below(&seed, at < 4 ? 22 : 15);
        next += unit_below(&seed, next);
        switch (unit_below(&seed, 4)) {
        case 0:
            cairn__free(slot[at]);
            slot[at] = NULL;
            next = 0;
            break;
        case 1:
            if (slot[at] != NULL) {
                slot[at] = cairn__realloc(slot[at], next);
                REQUIRE(unit_is_filled(slot[at], size_min(size_min(size[at], next), 200), at));
                break;
            }
            /* fall through */
        default:
            cairn__free(slot[at]);
            slot[at] = get(next);
        }
        REQUIRE(next == 0 || slot[at] != NULL);
        size[at] = next;
        unit_fill(slot[at], size_min(next, 200), at);
    }
    for (int i = 0; i < SLOTS; i++)
        cairn__free(slot[i]);
}

static void check_nothing_left(void)
{
    if (heap_is_real(cairn__heap)) {
        cairn__remote_flush(cairn__heap);
        unit_abandon(cairn__heap);
    }
    unit_abandon_shared();
    cairn__registry_unpark(true);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live + audit.in_transit + audit.pages + audit.large, 0);
    assert_int_equal(cairn__pool_figures().used, 0);
}

TEST(in_the_window)
{
    mixed_work((void *)(uintptr_t)1);
    check_nothing_left();
    assert_null(cairn__region_next(cairn__region_first()));
}

TEST(without_a_window)
{
    fake_fail_nth(FAKE_RESERVE, 1);
    fake_set_environment("CAIRN_WINDOW", "2M"); /* and no second try */
    mixed_work((void *)(uintptr_t)2);
    assert_int_equal(cairn__region_first()->size, 0);
    check_nothing_left();
    assert_int_equal(cairn__foreign_frees(), 0);
}

TEST(with_large_os_pages)
{
    fake_set_page_size(64 * KIB);
    mixed_work((void *)(uintptr_t)3);
    check_nothing_left();
}

TEST(in_a_small_address_space)
{
    fake_set_address_limit(256 * MIB);
    mixed_work((void *)(uintptr_t)4);
    check_nothing_left();
    assert_true(fake_figures().reserved + fake_figures().mapped <= 256 * MIB);
}

TEST(in_threads)
{
    struct worker worker[3];
    cairn__process_start(); /* before there are threads, as process.c does */
    for (uintptr_t i = 0; i < 3; i++) {
        worker_start(&worker[i]);
        worker[i].task = mixed_work;
        worker[i].argument = (void *)(i + 5);
        pthread_barrier_wait(&worker[i].begin);
    }
    for (int i = 0; i < 3; i++) {
        pthread_barrier_wait(&worker[i].end);
        worker_end(&worker[i]);
    }
    check_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(impossible_sizes),
        cmocka_unit_test(alignments),
#if !CAIRN_TSAN /* one thread, and a lot of memory to look at */
        cmocka_unit_test(zeroes),
        cmocka_unit_test(zeroes_at_random),
        cmocka_unit_test(realloc_between_all_borders),
#endif
        cmocka_unit_test(stale_frees_are_told),
        cmocka_unit_test(realloc_stays),
        cmocka_unit_test(realloc_without_memory),
        cmocka_unit_test(realloc_of_what_is_no_block),
        cmocka_unit_test(foreign_frees),
        cmocka_unit_test(foreign_frees_are_told),
        cmocka_unit_test(double_frees),
        cmocka_unit_test(stale_pointers),
        cmocka_unit_test(in_the_window),
        cmocka_unit_test(without_a_window),
        cmocka_unit_test(with_large_os_pages),
        cmocka_unit_test(in_a_small_address_space),
        cmocka_unit_test(in_threads),
    };
    return UNIT_MAIN(tests);
}
