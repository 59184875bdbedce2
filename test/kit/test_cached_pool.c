/* SPDX-License-Identifier: MIT */
/* cached_pool.h: each answer that it promises, and what each level does. test_pool_stress.c has
 * more threads. */
#include "kit/hostile.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/visible.h"
#include "cairn/cached_pool.h"
#include "os/place.h"

static struct hostile source;

/* M blocks a magazine, one depot that keeps `full` of them. */
static cairn_cached_pool *pool_of(size_t size, size_t align, size_t first, size_t max, unsigned m,
                                  unsigned full)
{
    cairn_cached_pool_opts opts = {hostile_allocator(&source), first, max, m, full, 1};
    source.calls = 0;
    cairn_cached_pool *pool = cairn_cached_pool_create((cairn_layout){size, align}, &opts);
    if (pool != NULL)
        assert_null(cairn_cached_pool_audit(pool));
    return pool;
}

static void end(cairn_cached_pool *pool)
{
    assert_null(cairn_cached_pool_audit(pool));
    assert_int_equal(cairn_cached_pool_stats_get(pool).bytes, source.bytes);
    assert_int_equal(cairn_cached_pool_stats_get(pool).source_calls, source.calls);
    cairn_cached_pool_destroy(pool);
    assert_int_equal(source.live, 0);
}

static void in_a_thread(void *(*task)(void *), void *argument)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, task, argument) == 0);
    pthread_join(thread, NULL);
}

/* How many blocks can be had; they are given back. */
static size_t capacity_of(cairn_cached_pool *pool)
{
    static void *blocks[20000];
    size_t count = 0;
    while ((blocks[count] = cairn_cached_pool_alloc(pool)) != NULL)
        REQUIRE(++count < 20000);
    for (size_t i = 0; i < count; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    return count;
}

/* ---- thread words: they fail on request, or use the pool while they are set ---- */

static bool no_words;
static cairn_cached_pool *used_meanwhile;
static pthread_key_t first_key; /* keys of sanitizers lie below */
static int (*set_word)(pthread_key_t, const void *);

__attribute__((constructor)) static void find_set_word(void)
{
    *(void **)&set_word = dlsym(RTLD_NEXT, "pthread_setspecific");
    REQUIRE(pthread_key_create(&first_key, NULL) == 0);
}

/* Sanitizers call it before the thread is one that they know. */
__attribute__((no_sanitize_thread)) int pthread_setspecific(pthread_key_t key, const void *word)
{
    bool is_ours = set_word != NULL && key > first_key && word != NULL;
    if (is_ours && no_words)
        return ENOMEM;
    if (is_ours && used_meanwhile != NULL)
        cairn_cached_pool_dealloc(used_meanwhile, cairn_cached_pool_alloc(used_meanwhile));
    if (set_word == NULL)
        find_set_word();
    return set_word(key, word);
}

/* ---- answers ---- */

TEST(layouts_that_cannot_be)
{
    static const cairn_layout bad[] = {{8, 0},
                                       {8, 3},
                                       {SIZE_MAX, 1},
                                       {PTRDIFF_MAX, 8},
                                       {((size_t)1 << 30) + 1, 1},
                                       {1, (size_t)1 << 31}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(cairn_cached_pool_create(bad[i], NULL));
        assert_null(pool_of(bad[i].size, bad[i].align, 1, 0, 0, 0));
    }
    assert_int_equal(source.live, 0);
    cairn_cached_pool_destroy(NULL);
}

TEST(defaults)
{
    cairn_cached_pool *pool = cairn_cached_pool_create((cairn_layout){64, 16}, NULL);
    cairn_cached_pool_stats stats = cairn_cached_pool_stats_get(pool);
    assert_int_equal(stats.blocks, 1024);
    assert_int_equal(stats.stored, 1024);
    cairn_cached_pool_dealloc(pool, NULL);
    cairn_cached_pool_flush(pool);
    cairn_cached_pool_destroy(pool);
    pool = pool_of(8, 8, 20000, 10000, UINT_MAX, UINT_MAX);
    assert_int_equal(capacity_of(pool), 10000);
    assert_int_equal(cairn_cached_pool_stats_get(pool).allocs[2], 3); /* 4096 at a time */
    end(pool);
}

TEST(blocks)
{
    enum { N = 200 };
    for (size_t size = 0; size < 300; size = size * 3 / 2 + 1)
        for (size_t align = 1; align <= 4096; align *= 8) {
            cairn_cached_pool *pool = pool_of(size, align, 3, 0, 7, 2);
            void *blocks[N];
            for (int i = 0; i < N; i++) {
                blocks[i] = cairn_cached_pool_alloc(pool);
                assert_non_null(blocks[i]);
                assert_int_equal((uintptr_t)blocks[i] % align, 0);
                unit_fill(blocks[i], size, (uint64_t)i);
            }
            assert_null(cairn_cached_pool_audit(pool));
            for (int i = 0; i < N; i++)
                assert_true(unit_is_filled(blocks[i], size, (uint64_t)i));
            for (int i = 0; i < N; i++)
                cairn_cached_pool_dealloc(pool, blocks[i]);
            end(pool);
        }
}

TEST(bounds)
{
    static const size_t maxima[] = {1, 2, 63, 64, 65, 1000, 9000};
    static const unsigned sizes[] = {1, 2, 5, 64, 500};
    for (size_t m = 0; m < sizeof maxima / sizeof *maxima; m++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            cairn_cached_pool *pool = pool_of(8, 8, 10, maxima[m], sizes[s], 2);
            for (int i = 0; i < 3; i++) {
                assert_int_equal(capacity_of(pool), maxima[m]);
                assert_null(cairn_cached_pool_audit(pool));
            }
            end(pool);
        }
}

TEST(as_an_allocator)
{
    cairn_cached_pool *pool = pool_of(48, 16, 4, 0, 4, 1);
    cairn_allocator allocator = cairn_cached_pool_allocator(pool);
    assert_null(cairn_allocator_alloc(allocator, (cairn_layout){49, 1}));
    assert_null(cairn_allocator_alloc(allocator, (cairn_layout){1, 32}));
    cairn_layout layout = {10, 2};
    char *block = cairn_allocator_alloc_zeroed(allocator, layout);
    assert_true(unit_is_zero(block, 10));
    assert_int_equal(cairn_allocator_usable_size(allocator, block, layout), 48);
    assert_ptr_equal(cairn_allocator_realloc(allocator, block, layout, 48), block);
    assert_null(cairn_allocator_realloc(allocator, block, (cairn_layout){48, 2}, 49));
    assert_true(cairn_allocator_owns(allocator, block));
    assert_true(cairn_allocator_owns(allocator, block + 47));
    assert_false(cairn_allocator_owns(allocator, block - 1));
    assert_false(cairn_allocator_owns(allocator, pool));
    cairn_allocator_dealloc(allocator, block, layout);
    cairn_cached_pool_trim(pool);
    assert_false(cairn_allocator_owns(allocator, block));
    end(pool);
}

/* ---- levels ---- */

static void expect_hits(cairn_cached_pool *pool, const uint64_t expected[6])
{
    cairn_cached_pool_stats stats = cairn_cached_pool_stats_get(pool);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(stats.allocs[i], expected[i]);
        assert_int_equal(stats.deallocs[i], expected[3 + i]);
    }
    assert_null(cairn_cached_pool_audit(pool));
}

/* M = 4, and the depot keeps one full magazine, the store one. */
TEST(what_each_level_answers)
{
    void *blocks[24];
    cairn_cached_pool *pool = pool_of(8, 8, 24, 24, 4, 1);
    for (int i = 0; i < 24; i++)
        assert_non_null(blocks[i] = cairn_cached_pool_alloc(pool));
    expect_hits(pool, (uint64_t[]){18, 0, 6, 0, 0, 0});
    for (int i = 0; i < 8; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    expect_hits(pool, (uint64_t[]){18, 0, 6, 8, 0, 0}); /* both magazines are full */
    for (int i = 8; i < 12; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    expect_hits(pool, (uint64_t[]){18, 0, 6, 11, 1, 0}); /* the depot has one */
    for (int i = 12; i < 16; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    expect_hits(pool, (uint64_t[]){18, 0, 6, 14, 1, 1}); /* the store, a full one */
    assert_int_equal(cairn_cached_pool_stats_get(pool).stored, 0);
    for (int i = 16; i < 20; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    expect_hits(pool, (uint64_t[]){18, 0, 6, 17, 1, 2}); /* the store, blocks */
    assert_int_equal(cairn_cached_pool_stats_get(pool).stored, 4);
    for (int i = 0; i < 8; i++)
        assert_non_null(cairn_cached_pool_alloc(pool));
    expect_hits(pool, (uint64_t[]){26, 0, 6, 17, 1, 2});
    for (int i = 0; i < 4; i++)
        assert_non_null(cairn_cached_pool_alloc(pool));
    expect_hits(pool, (uint64_t[]){29, 1, 6, 17, 1, 2});
    for (int i = 0; i < 8; i++)
        assert_non_null(cairn_cached_pool_alloc(pool));
    expect_hits(pool, (uint64_t[]){35, 1, 8, 17, 1, 2});
    assert_null(cairn_cached_pool_alloc(pool));
    expect_hits(pool, (uint64_t[]){35, 1, 8, 17, 1, 2});
    end(pool);
}

/* That is why there are two magazines. */
TEST(at_the_edge_of_a_magazine)
{
    void *blocks[17];
    cairn_cached_pool *pool = pool_of(8, 8, 64, 64, 8, 1);
    for (int i = 0; i < 17; i++)
        blocks[i] = cairn_cached_pool_alloc(pool);
    for (int i = 0; i < 16; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    cairn_cached_pool_stats before = cairn_cached_pool_stats_get(pool);
    for (int i = 0; i < 700; i++) {
        blocks[i % 7] = cairn_cached_pool_alloc(pool);
        if (i % 7 == 6)
            for (int j = 0; j < 7; j++)
                cairn_cached_pool_dealloc(pool, blocks[j]);
    }
    cairn_cached_pool_stats after = cairn_cached_pool_stats_get(pool);
    assert_true(after.allocs[1] + after.allocs[2] - before.allocs[1] - before.allocs[2] <= 1);
    assert_true(after.deallocs[1] + after.deallocs[2] - before.deallocs[1] - before.deallocs[2] <=
                1);
    end(pool);
}

static void *use_all(void *pool)
{
    capacity_of(pool);
    return NULL;
}

TEST(a_thread_that_ends_gives_back)
{
    for (unsigned m = 1; m < 70; m += 17) {
        cairn_cached_pool *pool = pool_of(16, 16, 100, 100, m, 2);
        for (int i = 0; i < 5; i++) {
            in_a_thread(use_all, pool);
            assert_null(cairn_cached_pool_audit(pool));
            assert_int_equal(cairn_cached_pool_stats_get(pool).threads, 0);
        }
        assert_int_equal(capacity_of(pool), 100);
        assert_int_equal(cairn_cached_pool_stats_get(pool).threads, 1);
        cairn_cached_pool_flush(pool);
        assert_int_equal(cairn_cached_pool_stats_get(pool).threads, 0);
        end(pool);
    }
}

struct hoard {
    cairn_cached_pool *pool;
    pthread_barrier_t barrier;
    bool flushes;
};

static void *hoard(void *context)
{
    struct hoard *hoard = context;
    void *block = cairn_cached_pool_alloc(hoard->pool);
    cairn_cached_pool_dealloc(hoard->pool, block);
    if (hoard->flushes)
        cairn_cached_pool_flush(hoard->pool);
    pthread_barrier_wait(&hoard->barrier);
    pthread_barrier_wait(&hoard->barrier);
    return NULL;
}

/* What a thread has in its cache is out of reach, until it flushes or ends. */
TEST(flush)
{
    for (int flushes = 0; flushes < 2; flushes++) {
        struct hoard context = {.pool = pool_of(8, 8, 100, 100, 10, 2), .flushes = flushes};
        pthread_t thread;
        pthread_barrier_init(&context.barrier, NULL, 2);
        REQUIRE(pthread_create(&thread, NULL, hoard, &context) == 0);
        pthread_barrier_wait(&context.barrier);
        assert_int_equal(capacity_of(context.pool), flushes ? 100 : 90);
        pthread_barrier_wait(&context.barrier);
        pthread_join(thread, NULL);
        assert_int_equal(capacity_of(context.pool), 100);
        end(context.pool);
    }
}

TEST(trim)
{
    void *blocks[10000];
    cairn_cached_pool *pool = pool_of(32, 8, 100, 0, 16, 4);
    size_t bare = source.bytes - 3200;
    for (int i = 0; i < 10000; i++)
        blocks[i] = cairn_cached_pool_alloc(pool);
    for (int i = 1; i < 10000; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    size_t before = source.bytes;
    size_t given = cairn_cached_pool_trim(pool);
    assert_int_equal(source.bytes, before - given);
    assert_true(source.bytes < before / 50);
    assert_null(cairn_cached_pool_audit(pool));
    assert_int_equal(cairn_cached_pool_stats_get(pool).chunks, 1); /* of the block in use */
    assert_int_equal(cairn_cached_pool_stats_get(pool).magazines, 0);
    unit_fill(blocks[0], 32, 1);
    for (int i = 1; i < 10000; i++)
        assert_non_null(blocks[i] = cairn_cached_pool_alloc(pool));
    assert_true(unit_is_filled(blocks[0], 32, 1));
    for (int i = 0; i < 10000; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    cairn_cached_pool_trim(pool);
    assert_int_equal(cairn_cached_pool_stats_get(pool).chunks, 0);
    assert_true(source.bytes < bare + 512); /* a cache */
    assert_int_equal(cairn_cached_pool_trim(pool), 0);
    assert_non_null(cairn_cached_pool_alloc(pool));
    end(pool);
}

/* ---- no memory ---- */

/* At the n-th call, or from then on: what is in use stays, all blocks of all chunks can be had. */
static void fail_at(size_t n, bool from_then_on)
{
    enum { N = 1000 };
    static void *blocks[N];
    memset(&source, 0, sizeof source);
    source.fail_at = n;
    cairn_cached_pool *pool = pool_of(16, 8, 16, N, 8, 1);
    size_t count = 0;
    assert_int_equal(pool == NULL, n <= 2);
    for (int round = 0; pool != NULL && round < 3; round++) {
        for (int i = 0; i < 2 * N && count < N; i++) {
            if (from_then_on && source.calls >= n)
                source.fails = true;
            if ((blocks[count] = cairn_cached_pool_alloc(pool)) != NULL) {
                unit_fill(blocks[count], 16, count);
                count++;
            }
        }
        assert_int_equal(count, cairn_cached_pool_stats_get(pool).blocks);
        assert_true(source.fails || count == N);
        assert_null(cairn_cached_pool_audit(pool));
        while (count > 0) {
            count--;
            assert_true(unit_is_filled(blocks[count], 16, count));
            cairn_cached_pool_dealloc(pool, blocks[count]);
        }
        assert_null(cairn_cached_pool_audit(pool));
    }
    if (pool != NULL)
        end(pool);
    assert_int_equal(source.live, 0);
}

TEST(source_fails)
{
    for (size_t n = 1; n < 40; n++) {
        fail_at(n, false);
        fail_at(n, true);
    }
}

/* No memory for a cache: blocks are had all the same, and a cache later on. */
TEST(no_memory_for_a_cache)
{
    cairn_cached_pool *pool = pool_of(16, 8, 64, 64, 8, 1);
    source.fails = true;
    assert_int_equal(capacity_of(pool), 64);
    assert_int_equal(cairn_cached_pool_stats_get(pool).threads, 0);
    assert_int_equal(cairn_cached_pool_stats_get(pool).allocs[2], 64);
    source.fails = false;
    for (int i = 0; i < 3; i++)
        assert_int_equal(capacity_of(pool), 64);
    assert_int_equal(cairn_cached_pool_stats_get(pool).threads, 1);
    end(pool);
}

static void *count_all(void *argument)
{
    return (void *)(uintptr_t)capacity_of(argument);
}

/* The store has a full magazine, and a thread without a cache has none to give for it. */
TEST(no_memory_for_a_cache_and_a_full_magazine)
{
    void *blocks[32];
    cairn_cached_pool *pool = pool_of(16, 8, 32, 32, 8, 1);
    for (int i = 0; i < 32; i++)
        assert_non_null(blocks[i] = cairn_cached_pool_alloc(pool));
    for (int i = 0; i < 32; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    for (int i = 0; i < 24; i++)
        assert_non_null(cairn_cached_pool_alloc(pool));
    assert_int_equal(cairn_cached_pool_stats_get(pool).stored, 0);
    source.fails = true;
    pthread_t thread;
    void *count;
    REQUIRE(pthread_create(&thread, NULL, count_all, pool) == 0);
    pthread_join(thread, &count);
    assert_int_equal((uintptr_t)count, 8);
    source.fails = false;
    end(pool);
}

/* ---- threads' words ---- */

static void without_words(void)
{
    cairn_cached_pool *pool = pool_of(16, 8, 100, 1000, 8, 2);
    assert_int_equal(capacity_of(pool), 1000);
    in_a_thread(use_all, pool);
    assert_int_equal(capacity_of(pool), 1000);
    cairn_cached_pool_stats stats = cairn_cached_pool_stats_get(pool);
    assert_int_equal(stats.threads, 0);
    assert_int_equal(stats.allocs[0], 0);
    assert_int_equal(stats.allocs[1] + stats.allocs[2], 3000);
    assert_true(stats.allocs[1] > 2000);
    assert_int_equal(stats.deallocs[0], 0);
    assert_int_equal(stats.deallocs[1] + stats.deallocs[2], 3000);
    cairn_cached_pool_flush(pool);
    end(pool);
}

TEST(no_word_can_be_had)
{
    pthread_key_t key;
    while (pthread_key_create(&key, NULL) == 0) {
    }
    without_words();
}

TEST(no_word_can_be_set)
{
    no_words = true;
    without_words();
}

TEST(setting_the_word_uses_the_pool)
{
    cairn_cached_pool *pool = pool_of(16, 8, 100, 100, 8, 2);
    used_meanwhile = pool;
    assert_int_equal(capacity_of(pool), 100);
    in_a_thread(use_all, pool);
    used_meanwhile = NULL;
    cairn_cached_pool_flush(pool);
    assert_int_equal(capacity_of(pool), 100);
    assert_int_equal(cairn_cached_pool_stats_get(pool).threads, 1);
    end(pool);
}

/* ---- threads that end late, or are many ---- */

static pthread_key_t late_key;

static void use_late(void *pool)
{
    cairn_cached_pool_dealloc(pool, cairn_cached_pool_alloc(pool));
    pthread_setspecific(late_key, pool); /* once more, until the last round */
}

static void *end_late(void *pool)
{
    pthread_setspecific(late_key, pool);
    cairn_cached_pool_dealloc(pool, cairn_cached_pool_alloc(pool));
    return NULL;
}

static uintptr_t mark_of_late;

static void *end_late_marked(void *pool)
{
    mark_of_late = cairn__os_thread_mark();
    return end_late(pool);
}

/* How many caches are left, if this thread has the mark of the late one; else 0. */
static void *flush_at_once(void *pool)
{
    cairn_cached_pool_dealloc(pool, cairn_cached_pool_alloc(pool));
    cairn_cached_pool_flush(pool);
    bool has_mark = cairn__os_thread_mark() == mark_of_late;
    return (void *)(uintptr_t)(has_mark ? cairn_cached_pool_stats_get(pool).threads : 0);
}

/* The cache that such a thread leaves goes to the next thread with its mark, or stays. */
TEST(used_by_destructors_of_other_words)
{
    if (CAIRN_TSAN)
        return; /* it takes such a thread for one that is over */
    cairn_cached_pool *pool = pool_of(16, 8, 200, 200, 8, 2);
    REQUIRE(pthread_key_create(&late_key, use_late) == 0);
    for (int i = 0; i < 5; i++) {
        in_a_thread(end_late, pool);
        assert_null(cairn_cached_pool_audit(pool));
    }
    assert_true(cairn_cached_pool_stats_get(pool).threads <= 5);
    assert_true(capacity_of(pool) >= 200 - 5 * 16);
    end(pool);
}

/* Joined threads leave their stack, and so as a rule their mark, to the next one. */
TEST(flush_of_a_cache_that_was_left)
{
    if (CAIRN_TSAN || cairn__is_watched())
        return; /* see above; and a cache without a seat is found by the word alone */
    cairn_cached_pool *pool = pool_of(16, 8, 64, 64, 8, 1);
    pthread_t thread;
    void *threads;
    REQUIRE(pthread_key_create(&late_key, use_late) == 0);
    in_a_thread(end_late_marked, pool);
    REQUIRE(pthread_create(&thread, NULL, flush_at_once, pool) == 0);
    pthread_join(thread, &threads);
    assert_int_equal((uintptr_t)threads, 0);
    end(pool);
}

enum { CROWD = UNIT_ASAN ? 100 : 400 };

static void *be_one_of_many(void *context)
{
    struct hoard *hoard = context;
    void *blocks[10];
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 10; i++) {
            REQUIRE((blocks[i] = cairn_cached_pool_alloc(hoard->pool)) != NULL);
            unit_fill(blocks[i], 24, (uintptr_t)&blocks[i]);
        }
        if (round == 5)
            pthread_barrier_wait(&hoard->barrier);
        for (int i = 0; i < 10; i++) {
            REQUIRE(unit_is_filled(blocks[i], 24, (uintptr_t)&blocks[i]));
            cairn_cached_pool_dealloc(hoard->pool, blocks[i]);
        }
    }
    return NULL;
}

/* More threads than there are seats. */
TEST(more_threads_than_seats)
{
    static pthread_t threads[CROWD];
    struct hoard context = {.pool = pool_of(24, 8, 100, 0, 8, 2)};
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * KIB);
    pthread_barrier_init(&context.barrier, NULL, CROWD);
    for (int i = 0; i < CROWD; i++)
        REQUIRE(pthread_create(&threads[i], &small, be_one_of_many, &context) == 0);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    cairn_cached_pool_stats stats = cairn_cached_pool_stats_get(context.pool);
    assert_int_equal(stats.threads, 0);
    assert_int_equal(stats.allocs[0] + stats.allocs[1] + stats.allocs[2], CROWD * 100);
    assert_int_equal(stats.deallocs[0] + stats.deallocs[1] + stats.deallocs[2], CROWD * 100);
    end(context.pool);
}

/* ---- crimes ---- */

TEST(what_is_freed_twice_is_found)
{
    cairn_cached_pool *pool = pool_of(16, 8, 64, 64, 8, 1);
    void *block = cairn_cached_pool_alloc(pool);
    cairn_cached_pool_dealloc(pool, block);
    cairn_cached_pool_dealloc(pool, block);
    const char *wrong = cairn_cached_pool_audit(pool);
    assert_non_null(wrong);
    assert_string_equal(cairn_cached_pool_audit(pool), wrong); /* nothing was changed */
    cairn_cached_pool_trim(pool);
    assert_int_equal(cairn_cached_pool_stats_get(pool).refused, 1);
    assert_int_equal(capacity_of(pool), 64);
    end(pool);
}

TEST(what_is_no_block_is_found)
{
    cairn_cached_pool *pool = pool_of(16, 8, 64, 64, 8, 1);
    char *block = cairn_cached_pool_alloc(pool);
    bool is_watched = cairn__is_watched();
    cairn_cached_pool_dealloc(pool, block + 8);
    assert_true((cairn_cached_pool_audit(pool) == NULL) == is_watched);
    cairn_cached_pool_flush(pool);
    cairn_cached_pool_dealloc(pool, pool);
    assert_true((cairn_cached_pool_audit(pool) == NULL) == is_watched);
    cairn_cached_pool_trim(pool);
    assert_int_equal(cairn_cached_pool_stats_get(pool).refused, 2);
    cairn_cached_pool_dealloc(pool, block);
    end(pool);
}

/* ---- questions ---- */

struct sum {
    size_t calls, in_use, stop_at;
};

static bool add(void *context, void *ptr, size_t size, bool in_use)
{
    struct sum *sum = context;
    assert_non_null(ptr);
    assert_int_equal(size, 32);
    sum->in_use += in_use;
    return ++sum->calls != sum->stop_at;
}

TEST(visit)
{
    void *blocks[50];
    cairn_cached_pool *pool = pool_of(32, 8, 64, 64, 4, 2);
    for (int i = 0; i < 50; i++)
        blocks[i] = cairn_cached_pool_alloc(pool);
    for (int i = 0; i < 35; i++)
        cairn_cached_pool_dealloc(pool, blocks[i]);
    struct sum sum = {0, 0, 0};
    assert_true(cairn_cached_pool_visit(pool, add, &sum));
    assert_int_equal(sum.calls, 64);
    assert_int_equal(sum.in_use, 15);
    sum = (struct sum){0, 0, 40};
    assert_false(cairn_cached_pool_visit(pool, add, &sum));
    assert_int_equal(sum.calls, 40);
    end(pool);
}

/* ---- fork ---- */

static bool is_usable_in_child(cairn_cached_pool *pool, size_t blocks)
{
    bool is_sound = capacity_of(pool) == blocks && cairn_cached_pool_audit(pool) == NULL;
    if (!CAIRN_TSAN) /* it cannot start threads in such a child */
        in_a_thread(use_all, pool);
    cairn_cached_pool_flush(pool);
    is_sound &= capacity_of(pool) == blocks && cairn_cached_pool_audit(pool) == NULL;
    cairn_cached_pool_trim(pool);
    cairn_cached_pool_destroy(pool);
    return is_sound && source.live == 0;
}

TEST(fork_with_other_threads)
{
    struct hoard context = {.pool = pool_of(8, 8, 100, 100, 10, 2)};
    pthread_t thread;
    pthread_barrier_init(&context.barrier, NULL, 2);
    REQUIRE(pthread_create(&thread, NULL, hoard, &context) == 0);
    void *block = cairn_cached_pool_alloc(context.pool);
    pthread_barrier_wait(&context.barrier);
    cairn_cached_pool_before_fork(context.pool);
    pid_t child = fork();
    cairn_cached_pool_after_fork(context.pool, child == 0);
    if (child == 0) {
        cairn_cached_pool_dealloc(context.pool, block);
        /* sanitizers would miss the other thread */
        syscall(SYS_exit_group, !is_usable_in_child(context.pool, 90));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    pthread_barrier_wait(&context.barrier);
    pthread_join(thread, NULL);
    cairn_cached_pool_dealloc(context.pool, block);
    assert_int_equal(capacity_of(context.pool), 100);
    end(context.pool);
}

/* ---- tools ---- */

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void *ptr);

TEST(tools_see_the_blocks)
{
    if (!cairn__is_watched() || __asan_address_is_poisoned == NULL)
        return;
    cairn_cached_pool *pool = pool_of(20, 4, 8, 8, 2, 1);
    char *a = cairn_cached_pool_alloc(pool), *b = cairn_cached_pool_alloc(pool);
    assert_false(__asan_address_is_poisoned(a + 19));
    assert_true(__asan_address_is_poisoned(a + 20));
    cairn_cached_pool_dealloc(pool, a);
    assert_true(__asan_address_is_poisoned(a));
    assert_false(__asan_address_is_poisoned(b));
    assert_ptr_equal(cairn_cached_pool_alloc(pool), a);
    assert_false(__asan_address_is_poisoned(a));
    end(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_that_cannot_be),
        cmocka_unit_test(defaults),
        cmocka_unit_test(blocks),
        cmocka_unit_test(bounds),
        cmocka_unit_test(as_an_allocator),
        cmocka_unit_test(what_each_level_answers),
        cmocka_unit_test(at_the_edge_of_a_magazine),
        cmocka_unit_test(a_thread_that_ends_gives_back),
        cmocka_unit_test(flush),
        cmocka_unit_test(trim),
        cmocka_unit_test(source_fails),
        cmocka_unit_test(no_memory_for_a_cache),
        cmocka_unit_test(no_memory_for_a_cache_and_a_full_magazine),
        cmocka_unit_test(no_word_can_be_had),
        cmocka_unit_test(no_word_can_be_set),
        cmocka_unit_test(setting_the_word_uses_the_pool),
        cmocka_unit_test(used_by_destructors_of_other_words),
        cmocka_unit_test(flush_of_a_cache_that_was_left),
        cmocka_unit_test(more_threads_than_seats),
        cmocka_unit_test(what_is_freed_twice_is_found),
        cmocka_unit_test(what_is_no_block_is_found),
        cmocka_unit_test(visit),
        cmocka_unit_test(fork_with_other_threads),
        cmocka_unit_test(tools_see_the_blocks),
    };
    return UNIT_MAIN(tests);
}
