/* SPDX-License-Identifier: MIT */
/* atomic_pool.h, one thread at a time: each answer that it promises. test_pool_stress.c has more. */
#include "kit/hostile.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/divide.h"
#include "base/visible.h"
#include "cairn/atomic_pool.h"

static struct hostile source;

static cairn_atomic_pool *pool_of(size_t size, size_t align, size_t first, size_t max)
{
    cairn_atomic_pool_opts opts = {hostile_allocator(&source), first, max};
    cairn_atomic_pool *pool = cairn_atomic_pool_create((cairn_layout){size, align}, &opts);
    if (pool != NULL)
        assert_null(cairn_atomic_pool_audit(pool));
    return pool;
}

static void end(cairn_atomic_pool *pool)
{
    assert_null(cairn_atomic_pool_audit(pool));
    cairn_atomic_pool_destroy(pool);
    assert_int_equal(source.live, 0);
}

static size_t free_blocks(const cairn_atomic_pool *pool)
{
    return cairn_atomic_pool_stats_get(pool).free;
}

TEST(division_is_exact)
{
    uint64_t seed = 1;
    for (int i = 0; i < 1000000; i++) {
        uint32_t d = (uint32_t)(unit_random(&seed) >> (32 + unit_below(&seed, 31)));
        uint32_t n = (uint32_t)(unit_random(&seed) >> (32 + unit_below(&seed, 32)));
        if (d < 2)
            d = 2;
        REQUIRE(divide(n, divisor_of(d)) == n / d);
        REQUIRE(divide(n / d * d, divisor_of(d)) == n / d);
        REQUIRE(divide(UINT32_MAX, divisor_of(d)) == UINT32_MAX / d);
    }
}

TEST(layouts_that_cannot_be)
{
    static const cairn_layout bad[] = {{8, 0},
                                       {8, 3},
                                       {SIZE_MAX, 1},
                                       {PTRDIFF_MAX, 8},
                                       {((size_t)1 << 30) + 1, 1},
                                       {1, (size_t)1 << 31}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(cairn_atomic_pool_create(bad[i], NULL));
        assert_null(pool_of(bad[i].size, bad[i].align, 1, 0));
    }
    assert_int_equal(source.live, 0);
    cairn_atomic_pool_destroy(NULL);
}

TEST(defaults)
{
    cairn_atomic_pool *pool = cairn_atomic_pool_create((cairn_layout){64, 16}, NULL);
    cairn_atomic_pool_stats stats = cairn_atomic_pool_stats_get(pool);
    assert_int_equal(stats.blocks, 1024);
    assert_int_equal(stats.free, 1024);
    assert_int_equal(stats.chunks, 1);
    cairn_atomic_pool_destroy(pool);
}

/* Blocks of all kinds: aligned, apart, theirs. */
TEST(blocks)
{
    enum { N = 200 };
    for (size_t size = 0; size < 300; size = size * 3 / 2 + 1)
        for (size_t align = 1; align <= 4096; align *= 8) {
            cairn_atomic_pool *pool = pool_of(size, align, 3, 0);
            void *blocks[N];
            for (int i = 0; i < N; i++) {
                blocks[i] = cairn_atomic_pool_alloc(pool);
                assert_non_null(blocks[i]);
                assert_int_equal((uintptr_t)blocks[i] % align, 0);
                unit_fill(blocks[i], size, (uint64_t)i);
            }
            assert_null(cairn_atomic_pool_audit(pool));
            for (int i = 0; i < N; i++)
                assert_true(unit_is_filled(blocks[i], size, (uint64_t)i));
            for (int i = 0; i < N; i++)
                assert_true(cairn_atomic_pool_dealloc(pool, blocks[i]));
            assert_int_equal(free_blocks(pool), cairn_atomic_pool_stats_get(pool).blocks);
            end(pool);
        }
}

/* Exactly as many blocks as it is bound to, whatever the shape of its groups and tree. */
TEST(bounds)
{
    static const size_t firsts[] = {1, 3, 63, 64, 65, 128, 1000};
    static const size_t maxima[] = {1, 2, 64, 65, 127, 128, 1000, 4096, 4097, 9000};
    static void *blocks[9000];
    for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++)
        for (size_t m = 0; m < sizeof maxima / sizeof *maxima; m++) {
            size_t max = maxima[m];
            cairn_atomic_pool *pool = pool_of(8, 8, firsts[f], max);
            for (size_t i = 0; i < max; i++)
                assert_non_null(blocks[i] = cairn_atomic_pool_alloc(pool));
            for (int i = 0; i < 3; i++) {
                assert_null(cairn_atomic_pool_alloc(pool));
                assert_null(cairn_atomic_pool_audit(pool));
            }
            for (size_t i = 0; i < max; i += max / 7 + 1) {
                assert_true(cairn_atomic_pool_dealloc(pool, blocks[i]));
                assert_ptr_equal(cairn_atomic_pool_alloc(pool), blocks[i]);
                assert_null(cairn_atomic_pool_alloc(pool));
            }
            assert_int_equal(cairn_atomic_pool_stats_get(pool).blocks, max);
            assert_int_equal(cairn_atomic_pool_dealloc_batch(pool, blocks, max), max);
            assert_int_equal(free_blocks(pool), max);
            end(pool);
        }
}

/* Three levels of the tree: any one free block is found. */
TEST(one_free_block_of_many)
{
    enum { N = 300000 };
    void **blocks = malloc(N * sizeof *blocks);
    cairn_atomic_pool *pool = pool_of(8, 8, N, N);
    uint64_t seed = 1;
    assert_int_equal(cairn_atomic_pool_alloc_batch(pool, blocks, N), N);
    assert_int_equal(cairn_atomic_pool_alloc_batch(pool, blocks, N), 0);
    for (int i = 0; i < 2000; i++) {
        size_t a = unit_below(&seed, N), b = unit_below(&seed, N);
        assert_true(cairn_atomic_pool_dealloc(pool, blocks[a]));
        if (a != b)
            assert_true(cairn_atomic_pool_dealloc(pool, blocks[b]));
        void *first = cairn_atomic_pool_alloc(pool);
        void *second = a != b ? cairn_atomic_pool_alloc(pool) : NULL;
        assert_true(first == blocks[a] || first == blocks[b]);
        assert_true(a == b || second == blocks[a] || second == blocks[b]);
        assert_true(first != second);
        assert_null(cairn_atomic_pool_alloc(pool));
        if (i % 200 == 0)
            assert_null(cairn_atomic_pool_audit(pool));
    }
    end(pool);
    free(blocks);
}

TEST(bad_pointers)
{
    cairn_atomic_pool *pool = pool_of(24, 8, 10, 10);
    char *block = cairn_atomic_pool_alloc(pool);
    char *other = cairn_atomic_pool_alloc(pool);
    size_t stride = (size_t)(other - block);
    assert_true(cairn_atomic_pool_dealloc(pool, NULL));
    assert_false(cairn_atomic_pool_dealloc(pool, pool));
    assert_false(cairn_atomic_pool_dealloc(pool, &pool));
    assert_false(cairn_atomic_pool_dealloc(pool, (void *)8));
    assert_false(cairn_atomic_pool_dealloc(pool, (void *)UINTPTR_MAX));
    for (size_t i = 1; i < stride; i++)
        assert_false(cairn_atomic_pool_dealloc(pool, block + i));
    assert_false(cairn_atomic_pool_dealloc(pool, block - 1));
    assert_false(cairn_atomic_pool_dealloc(pool, block + 10 * stride));
    assert_false(cairn_atomic_pool_dealloc(pool, block + 2 * stride)); /* never given out */
    assert_int_equal(free_blocks(pool), 8);
    assert_true(cairn_atomic_pool_dealloc(pool, block));
    assert_false(cairn_atomic_pool_dealloc(pool, block));
    assert_int_equal(free_blocks(pool), 9);
    end(pool);
}

TEST(owns_what_is_in_use)
{
    cairn_atomic_pool *pool = pool_of(40, 8, 4, 0);
    char *block = cairn_atomic_pool_alloc(pool);
    for (size_t i = 0; i < 40; i++)
        assert_true(cairn_atomic_pool_owns(pool, block + i));
    assert_false(cairn_atomic_pool_owns(pool, block + 40));
    assert_false(cairn_atomic_pool_owns(pool, block - 1));
    assert_false(cairn_atomic_pool_owns(pool, NULL));
    assert_false(cairn_atomic_pool_owns(pool, pool));
    assert_true(cairn_atomic_pool_dealloc(pool, block));
    assert_false(cairn_atomic_pool_owns(pool, block));
    end(pool);
}

/* In any order, with what does not belong in between. */
TEST(batches)
{
    enum { N = 1000 };
    void *blocks[N], *again[N];
    uint64_t seed = 5;
    cairn_atomic_pool *pool = pool_of(16, 16, 64, N);
    assert_int_equal(cairn_atomic_pool_alloc_batch(pool, blocks, 0), 0);
    for (size_t n = 1; n <= N; n = n * 3 + 1) {
        assert_int_equal(cairn_atomic_pool_alloc_batch(pool, blocks, n), n);
        for (size_t i = 0; i < n; i++)
            unit_fill(blocks[i], 16, i);
        for (size_t i = 0; i < n; i++)
            assert_true(unit_is_filled(blocks[i], 16, i));
        for (size_t i = 0; i < n; i++) {
            size_t j = unit_below(&seed, n);
            void *ptr = blocks[i];
            blocks[i] = blocks[j];
            blocks[j] = ptr;
        }
        assert_int_equal(cairn_atomic_pool_dealloc_batch(pool, blocks, n), n);
        assert_int_equal(cairn_atomic_pool_dealloc_batch(pool, blocks, n), 0);
    }
    assert_int_equal(cairn_atomic_pool_alloc_batch(pool, blocks, N), N);
    assert_int_equal(cairn_atomic_pool_alloc_batch(pool, again, 5), 0);
    void *list[] = {blocks[0], NULL,     blocks[1], blocks[1], &list, (char *)blocks[2] + 1,
                    blocks[0], blocks[3]};
    assert_int_equal(cairn_atomic_pool_dealloc_batch(pool, list, 8), 3);
    assert_int_equal(free_blocks(pool), 3);
    assert_int_equal(cairn_atomic_pool_alloc_batch(pool, again, 5), 3);
    end(pool);
}

struct sum {
    size_t calls, in_use, stop_at;
    char *before;
};

static bool add(void *context, void *ptr, size_t size, bool in_use)
{
    struct sum *sum = context;
    sum->in_use += in_use;
    assert_true(sum->before == NULL || (char *)ptr > sum->before || sum->calls % 32 == 0);
    assert_int_equal(size, 32);
    sum->before = ptr;
    return ++sum->calls != sum->stop_at;
}

TEST(visit)
{
    void *blocks[50];
    cairn_atomic_pool *pool = pool_of(32, 8, 32, 64);
    assert_int_equal(cairn_atomic_pool_alloc_batch(pool, blocks, 50), 50);
    cairn_atomic_pool_dealloc_batch(pool, blocks, 20);
    struct sum sum = {0, 0, 0, NULL};
    assert_true(cairn_atomic_pool_visit(pool, add, &sum));
    assert_int_equal(sum.calls, 64);
    assert_int_equal(sum.in_use, 30);
    sum = (struct sum){0, 0, 40, NULL};
    assert_false(cairn_atomic_pool_visit(pool, add, &sum));
    assert_int_equal(sum.calls, 40);
    end(pool);
}

TEST(as_an_allocator)
{
    cairn_atomic_pool *pool = pool_of(48, 16, 4, 0);
    cairn_allocator allocator = cairn_atomic_pool_allocator(pool);
    assert_null(cairn_allocator_alloc(allocator, (cairn_layout){49, 1}));
    assert_null(cairn_allocator_alloc(allocator, (cairn_layout){1, 32}));
    cairn_layout layout = {10, 2};
    char *block = cairn_allocator_alloc_zeroed(allocator, layout);
    assert_true(unit_is_zero(block, 10));
    assert_int_equal(cairn_allocator_usable_size(allocator, block, layout), 48);
    assert_ptr_equal(cairn_allocator_realloc(allocator, block, layout, 48), block);
    assert_null(cairn_allocator_realloc(allocator, block, (cairn_layout){48, 2}, 49));
    assert_true(cairn_allocator_owns(allocator, block));
    cairn_allocator_dealloc(allocator, block, layout);
    cairn_allocator_dealloc(allocator, block, layout);
    assert_false(cairn_allocator_owns(allocator, block));
    end(pool);
}

/* The source fails at its n-th call: NULL, or one chunk less; all that there is can be had. */
TEST(source_fails)
{
    enum { N = 3000 };
    static void *blocks[N];
    for (size_t fail_at = 1; fail_at < 12; fail_at++) {
        memset(&source, 0, sizeof source);
        source.fail_at = fail_at;
        cairn_atomic_pool *pool = pool_of(8, 8, 16, N);
        assert_int_equal(pool == NULL, fail_at <= 2);
        if (pool == NULL) {
            assert_int_equal(source.live, 0);
            continue;
        }
        for (int i = 0; i < N; i++) {
            if ((blocks[i] = cairn_atomic_pool_alloc(pool)) == NULL) {
                assert_int_equal(source.calls, fail_at); /* it was asked for its least */
                assert_null(cairn_atomic_pool_audit(pool));
                assert_non_null(blocks[i] = cairn_atomic_pool_alloc(pool));
            }
            if (i % 100 == 0)
                assert_null(cairn_atomic_pool_audit(pool));
        }
        assert_null(cairn_atomic_pool_alloc(pool));
        assert_int_equal(cairn_atomic_pool_dealloc_batch(pool, blocks, N), N);
        end(pool);
    }
}

/* With a source that has no more, it asks for smaller chunks, down to the first one's size. */
TEST(source_runs_dry)
{
    cairn_atomic_pool *pool = pool_of(8, 8, 16, 0);
    for (int i = 0; i < 256; i++)
        assert_non_null(cairn_atomic_pool_alloc(pool));
    size_t calls = source.calls;
    source.fails = true;
    assert_null(cairn_atomic_pool_alloc(pool));
    assert_int_equal(source.calls - calls, 5); /* 256, 128, 64, 32, 16 */
    assert_null(cairn_atomic_pool_alloc(pool));
    source.fails = false;
    assert_non_null(cairn_atomic_pool_alloc(pool));
    assert_int_equal(cairn_atomic_pool_stats_get(pool).blocks, 512);
    assert_int_equal(cairn_atomic_pool_stats_get(pool).bytes, source.bytes);
    end(pool);
}

/* Where a source gives only small pieces, 64 of them are the end, and not before. */
static void *small_alloc(void *self, cairn_layout layout)
{
    return layout.size > 4096 ? NULL : hostile_alloc(self, layout);
}

TEST(no_more_chunks_than_there_can_be)
{
    static const cairn_allocator_ops ops = {
        .name = "small", .alloc = small_alloc, .dealloc = hostile_dealloc};
    cairn_atomic_pool_opts opts = {{&ops, &source}, 10, 0};
    cairn_atomic_pool *pool = cairn_atomic_pool_create((cairn_layout){200, 8}, &opts);
    size_t blocks = 0;
    while (cairn_atomic_pool_alloc(pool) != NULL)
        blocks++;
    assert_int_equal(cairn_atomic_pool_stats_get(pool).chunks, 64);
    assert_int_equal(cairn_atomic_pool_stats_get(pool).blocks, blocks);
    end(pool);
}

/* ---- a fork while another thread grows ---- */

static atomic_int stage; /* 1: the next call waits; 2: it does */
static atomic_bool grower_may_go;

static void *slow_alloc(void *self, cairn_layout layout)
{
    int next = 1;
    if (atomic_compare_exchange_strong(&stage, &next, 2))
        while (!atomic_load(&grower_may_go))
            usleep(100);
    return hostile_alloc(self, layout);
}

static void *grow(void *pool)
{
    while (cairn_atomic_pool_stats_get(pool).chunks < 2)
        REQUIRE(cairn_atomic_pool_alloc(pool) != NULL);
    return NULL;
}

static void *let_it_go(void *unused)
{
    usleep(2000);
    atomic_store(&grower_may_go, true);
    return unused;
}

TEST(fork_waits_for_who_grows)
{
    static const cairn_allocator_ops ops = {
        .name = "slow", .alloc = slow_alloc, .dealloc = hostile_dealloc};
    cairn_atomic_pool_opts opts = {{&ops, &source}, 64, 0};
    cairn_atomic_pool *pool = cairn_atomic_pool_create((cairn_layout){64, 8}, &opts);
    pthread_t grower, other;
    atomic_store(&stage, 1);
    REQUIRE(pthread_create(&grower, NULL, grow, pool) == 0);
    while (atomic_load(&stage) == 1)
        usleep(100);
    REQUIRE(pthread_create(&other, NULL, let_it_go, NULL) == 0);
    cairn_atomic_pool_before_fork(pool);
    pid_t child = fork();
    cairn_atomic_pool_after_fork(pool, child == 0);
    if (child == 0) {
        bool is_sound = true;
        for (int i = 0; i < 1000; i++)
            is_sound &= cairn_atomic_pool_alloc(pool) != NULL;
        is_sound &= cairn_atomic_pool_audit(pool) == NULL;
        syscall(SYS_exit_group, !is_sound); /* sanitizers would miss the other threads */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    pthread_join(grower, NULL);
    pthread_join(other, NULL);
    end(pool);
}

/* ---- tools ---- */

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void *ptr);

TEST(tools_see_the_blocks)
{
    if (!cairn__is_watched() || __asan_address_is_poisoned == NULL)
        return;
    void *blocks[3];
    cairn_atomic_pool *pool = pool_of(20, 4, 8, 8);
    assert_int_equal(cairn_atomic_pool_alloc_batch(pool, blocks, 3), 3);
    for (int i = 0; i < 3; i++) {
        assert_false(__asan_address_is_poisoned(blocks[i]));
        assert_false(__asan_address_is_poisoned((char *)blocks[i] + 19));
        assert_true(__asan_address_is_poisoned((char *)blocks[i] + 20));
    }
    assert_true(__asan_address_is_poisoned((char *)blocks[2] + 24));
    assert_true(cairn_atomic_pool_dealloc(pool, blocks[0]));
    assert_false(cairn_atomic_pool_dealloc(pool, blocks[0]));
    assert_int_equal(cairn_atomic_pool_dealloc_batch(pool, blocks + 1, 1), 1);
    assert_true(__asan_address_is_poisoned(blocks[0]));
    assert_true(__asan_address_is_poisoned(blocks[1]));
    assert_false(__asan_address_is_poisoned(blocks[2]));
    end(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(division_is_exact),
        cmocka_unit_test(layouts_that_cannot_be),
        cmocka_unit_test(defaults),
        cmocka_unit_test(blocks),
        cmocka_unit_test(bounds),
        cmocka_unit_test(one_free_block_of_many),
        cmocka_unit_test(bad_pointers),
        cmocka_unit_test(owns_what_is_in_use),
        cmocka_unit_test(batches),
        cmocka_unit_test(visit),
        cmocka_unit_test(as_an_allocator),
        cmocka_unit_test(source_fails),
        cmocka_unit_test(source_runs_dry),
        cmocka_unit_test(no_more_chunks_than_there_can_be),
        cmocka_unit_test(fork_waits_for_who_grows),
        cmocka_unit_test(tools_see_the_blocks),
    };
    return UNIT_MAIN(tests);
}
