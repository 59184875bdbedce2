/* SPDX-License-Identifier: MIT */
/*
 * atomic_pool.h and cached_pool.h under many threads, which take, check, hand over and give back
 * blocks. A ledger outside of the blocks says who is handed out; what orders its entries is the
 * pool's own ordering alone. In the end nothing may be lost: all blocks can be had.
 *
 * CAIRN_TEST_SCALE multiplies the work.
 */
#include "kit/hostile.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cairn/atomic_pool.h"
#include "cairn/cached_pool.h"
#include "cairn/fit.h"
#include "property/process.h"

enum {
    THREADS = 64,
    SLOTS_MAX = 32,
    BOXES = 64,
    SIZE = 40,
    LEDGER = 1 << 18,
};

static const cairn_layout BLOCK = {SIZE, 8};

/* ---- the ledger ---- */

static struct entry {
    _Atomic uintptr_t block; /* 0: none yet; never changes afterwards */
    _Atomic uint32_t is_held;
} ledger[LEDGER];

static struct entry *entry_of(const void *ptr)
{
    uintptr_t block = (uintptr_t)ptr;
    for (size_t i = block * 0x9E3779B97F4A7C15u >> 46;; i = (i + 1) % LEDGER) {
        uintptr_t found = 0;
        if (atomic_compare_exchange_strong_explicit(&ledger[i].block, &found, block,
                                                    memory_order_relaxed, memory_order_relaxed) ||
            found == block)
            return &ledger[i];
    }
}

static void take_hold(void *ptr, uint64_t key)
{
    REQUIRE(atomic_exchange_explicit(&entry_of(ptr)->is_held, 1, memory_order_relaxed) == 0);
    unit_fill(ptr, SIZE, key);
    memcpy(ptr, &key, sizeof key);
}

static void check(const void *ptr)
{
    uint64_t key;
    char copy[SIZE];
    memcpy(&key, ptr, sizeof key);
    memcpy(copy, ptr, SIZE);
    unit_fill(copy, sizeof key, key);
    REQUIRE(unit_is_filled(copy, SIZE, key));
}

static void let_go(void *ptr)
{
    check(ptr);
    REQUIRE(atomic_exchange_explicit(&entry_of(ptr)->is_held, 0, memory_order_relaxed) == 1);
}

/* ---- a crowd ---- */

static struct hostile source;

struct crowd {
    cairn_atomic_pool *atomic; /* one of the two */
    cairn_cached_pool *cached;
    unsigned threads;
    unsigned slots; /* blocks that a thread holds at most */
    size_t rounds;  /* of each thread */
    bool is_enough; /* no alloc may fail */
    bool tidies;    /* threads flush and trim now and then */
    bool in_batches;
    size_t fail_each; /* calls to the source, once the pool is there */
    _Atomic(void *) boxes[BOXES];
    atomic_uint seeds;
};

static void *take(struct crowd *crowd, uint64_t *seed)
{
    void *ptr = crowd->atomic != NULL ? cairn_atomic_pool_alloc(crowd->atomic)
                                      : cairn_cached_pool_alloc(crowd->cached);
    REQUIRE(ptr != NULL || !crowd->is_enough);
    if (ptr != NULL)
        take_hold(ptr, unit_random(seed));
    return ptr;
}

static void give(struct crowd *crowd, void *ptr)
{
    let_go(ptr);
    if (crowd->atomic != NULL)
        REQUIRE(cairn_atomic_pool_dealloc(crowd->atomic, ptr));
    else
        cairn_cached_pool_dealloc(crowd->cached, ptr);
}

/* What lies in a box is somebody's block, passed on. */
static void *pass_on(struct crowd *crowd, void *ptr, uint64_t *seed)
{
    _Atomic(void *) *box = &crowd->boxes[unit_below(seed, BOXES)];
    return atomic_exchange_explicit(box, ptr, memory_order_acq_rel);
}

static void tidy(struct crowd *crowd, uint64_t *seed)
{
    if (unit_below(seed, 4) == 0)
        cairn_cached_pool_trim(crowd->cached);
    else
        cairn_cached_pool_flush(crowd->cached);
}

static void work_singly(struct crowd *crowd, uint64_t *seed)
{
    void *slots[SLOTS_MAX] = {NULL};
    for (size_t round = 0; round < crowd->rounds; round++) {
        void **slot = &slots[unit_below(seed, crowd->slots)];
        if (*slot == NULL) {
            *slot = take(crowd, seed);
        } else if (unit_below(seed, 3) == 0) {
            check(*slot);
            *slot = pass_on(crowd, *slot, seed);
        } else {
            give(crowd, *slot);
            *slot = NULL;
        }
        if (crowd->tidies && unit_below(seed, 200) == 0)
            tidy(crowd, seed);
    }
    for (unsigned i = 0; i < crowd->slots; i++)
        if (slots[i] != NULL)
            give(crowd, slots[i]);
}

static void work_in_batches(struct crowd *crowd, uint64_t *seed)
{
    void *slots[SLOTS_MAX];
    for (size_t round = 0; round < crowd->rounds / 8; round++) {
        size_t wanted = 1 + unit_below(seed, crowd->slots);
        size_t count = cairn_atomic_pool_alloc_batch(crowd->atomic, slots, wanted);
        REQUIRE(count == wanted || !crowd->is_enough);
        for (size_t i = 0; i < count; i++)
            take_hold(slots[i], unit_random(seed));
        for (size_t i = 0; i < count; i += 5)
            if ((slots[i] = pass_on(crowd, slots[i], seed)) == NULL)
                slots[i] = slots[--count];
        for (size_t i = 0; i < count; i++)
            let_go(slots[i]);
        REQUIRE(cairn_atomic_pool_dealloc_batch(crowd->atomic, slots, count) == count);
    }
}

static void *be_one(void *context)
{
    struct crowd *crowd = context;
    uint64_t seed = atomic_fetch_add(&crowd->seeds, 1);
    if (crowd->in_batches)
        work_in_batches(crowd, &seed);
    else
        work_singly(crowd, &seed);
    return NULL;
}

/* `rounds` in all, shared by the threads. */
static void run(struct crowd *crowd, size_t rounds)
{
    pthread_t threads[THREADS];
    source.fail_each = crowd->fail_each;
    crowd->rounds = test_scaled(unit_rounds(rounds)) / crowd->threads + 1;
    for (unsigned i = 0; i < crowd->threads; i++)
        REQUIRE(pthread_create(&threads[i], NULL, be_one, crowd) == 0);
    for (unsigned i = 0; i < crowd->threads; i++)
        pthread_join(threads[i], NULL);
}

static void empty_boxes(struct crowd *crowd)
{
    for (unsigned i = 0; i < BOXES; i++) {
        void *ptr = atomic_exchange_explicit(&crowd->boxes[i], NULL, memory_order_acq_rel);
        if (ptr != NULL)
            give(crowd, ptr);
    }
}

/* All blocks that there are can be had, each once. The source gives no more. */
static void take_all(struct crowd *crowd, size_t blocks)
{
    void **all = malloc((blocks + 1) * sizeof *all);
    uint64_t seed = 1;
    size_t count = 0;
    crowd->is_enough = false;
    while ((all[count] = take(crowd, &seed)) != NULL)
        REQUIRE(++count <= blocks);
    REQUIRE(count == blocks);
    while (count > 0)
        give(crowd, all[--count]);
    free(all);
}

static void end(struct crowd *crowd)
{
    empty_boxes(crowd);
    source.fails = true;
    if (crowd->atomic != NULL) {
        cairn_atomic_pool_stats stats = cairn_atomic_pool_stats_get(crowd->atomic);
        REQUIRE(stats.free == stats.blocks);
        REQUIRE(cairn_atomic_pool_audit(crowd->atomic) == NULL);
        take_all(crowd, stats.blocks);
        REQUIRE(cairn_atomic_pool_audit(crowd->atomic) == NULL);
        cairn_atomic_pool_destroy(crowd->atomic);
    } else {
        REQUIRE(cairn_cached_pool_audit(crowd->cached) == NULL);
        take_all(crowd, cairn_cached_pool_stats_get(crowd->cached).blocks);
        REQUIRE(cairn_cached_pool_audit(crowd->cached) == NULL);
        REQUIRE(cairn_cached_pool_stats_get(crowd->cached).refused == 0);
        cairn_cached_pool_destroy(crowd->cached);
    }
    REQUIRE(source.live == 0);
}

/* Time for `make soak`, too: the alarm of unit.c is for tests of a second. */
static void begin(void)
{
    if (test_scale() > 1.0)
        alarm(0);
}

static void atomic_crowd(struct crowd *crowd, size_t first, size_t max, size_t rounds)
{
    cairn_atomic_pool_opts opts = {hostile_allocator(&source), first, max};
    begin();
    crowd->atomic = cairn_atomic_pool_create(BLOCK, &opts);
    REQUIRE(crowd->atomic != NULL);
    run(crowd, rounds);
    end(crowd);
}

static void cached_crowd(struct crowd *crowd, cairn_cached_pool_opts opts, size_t rounds)
{
    begin();
    opts.source = hostile_allocator(&source);
    crowd->cached = cairn_cached_pool_create(BLOCK, &opts);
    REQUIRE(crowd->cached != NULL);
    run(crowd, rounds);
    end(crowd);
}

/* ---- atomic_pool ---- */

/* Each thread holds one block at most, and there is one for each, and for each box. */
TEST(atomic_of_exactly_enough)
{
    struct crowd crowd = {.threads = THREADS, .slots = 1, .is_enough = true};
    atomic_crowd(&crowd, THREADS + BOXES, THREADS + BOXES, 600000);
}

TEST(atomic_of_exactly_enough_for_few)
{
    struct crowd crowd = {.threads = 3, .slots = 2, .is_enough = true};
    atomic_crowd(&crowd, 3 * 2 + BOXES, 3 * 2 + BOXES, 600000);
}

TEST(atomic_of_too_few)
{
    struct crowd crowd = {.threads = THREADS, .slots = SLOTS_MAX};
    atomic_crowd(&crowd, 500, 500, 600000);
}

TEST(atomic_that_grows)
{
    struct crowd crowd = {.threads = THREADS, .slots = SLOTS_MAX, .is_enough = true};
    atomic_crowd(&crowd, 1, 0, 600000);
}

TEST(atomic_in_batches)
{
    struct crowd crowd = {.threads = THREADS, .slots = SLOTS_MAX, .in_batches = true};
    atomic_crowd(&crowd, 64, 0, 600000);
    struct crowd scarce = {.threads = THREADS, .slots = SLOTS_MAX, .in_batches = true};
    source.fails = false;
    atomic_crowd(&scarce, 100, 300, 300000);
}

TEST(atomic_whose_source_fails)
{
    for (size_t n = 2; n < 12; n++) {
        struct crowd crowd = {.threads = 8, .slots = SLOTS_MAX, .fail_each = n};
        source = (struct hostile){.fail_each = 0};
        atomic_crowd(&crowd, 4, 0, 30000);
    }
}

/* ---- cached_pool ---- */

TEST(cached)
{
    struct crowd crowd = {.threads = THREADS, .slots = SLOTS_MAX, .is_enough = true};
    cached_crowd(&crowd, (cairn_cached_pool_opts){.depots = 0}, 1200000);
}

TEST(cached_by_little)
{
    struct crowd crowd = {.threads = THREADS, .slots = SLOTS_MAX, .is_enough = true};
    cached_crowd(&crowd,
                 (cairn_cached_pool_opts){
                     .magazine_blocks = 2, .depot_magazines = 1, .depots = 3, .first_blocks = 1},
                 600000);
}

TEST(cached_of_too_few)
{
    struct crowd crowd = {.threads = THREADS, .slots = SLOTS_MAX};
    cached_crowd(&crowd,
                 (cairn_cached_pool_opts){.magazine_blocks = 4, .depots = 2, .max_blocks = 600},
                 300000);
}

/* Threads come and go: their blocks outlive them. */
TEST(cached_of_short_lives)
{
    struct crowd crowd = {.threads = THREADS, .slots = SLOTS_MAX, .is_enough = true};
    cairn_cached_pool_opts opts = {.source = hostile_allocator(&source), .magazine_blocks = 8};
    begin();
    crowd.cached = cairn_cached_pool_create(BLOCK, &opts);
    for (size_t i = 0; i < test_scaled(unit_rounds(24)); i++) {
        crowd.rounds = 100;
        pthread_t threads[THREADS];
        for (unsigned t = 0; t < THREADS; t++)
            REQUIRE(pthread_create(&threads[t], NULL, be_one, &crowd) == 0);
        for (unsigned t = 0; t < THREADS; t++)
            pthread_join(threads[t], NULL);
        REQUIRE(cairn_cached_pool_stats_get(crowd.cached).threads == 0);
        REQUIRE(cairn_cached_pool_stats_get(crowd.cached).chunks <= 4);
    }
    end(&crowd);
}

TEST(cached_and_trimmed)
{
    struct crowd crowd = {
        .threads = THREADS, .slots = SLOTS_MAX, .is_enough = true, .tidies = true};
    cached_crowd(&crowd, (cairn_cached_pool_opts){.magazine_blocks = 16, .first_blocks = 64},
                 300000);
}

TEST(cached_whose_source_fails)
{
    for (size_t n = 2; n < 12; n++) {
        struct crowd crowd = {.threads = 8, .slots = SLOTS_MAX, .fail_each = n};
        source = (struct hostile){.fail_each = 0};
        cached_crowd(&crowd,
                     (cairn_cached_pool_opts){.magazine_blocks = 3, .depots = 2, .first_blocks = 4},
                     30000);
    }
}

/* ---- forks in the midst of it ---- */

static atomic_bool is_over;

static void *churn(void *context)
{
    struct crowd *crowd = context;
    while (!atomic_load(&is_over))
        be_one(crowd);
    return NULL;
}

/* In the child: at least these can be had, and given back. */
static bool is_usable(struct crowd *crowd)
{
    enum { N = 1000 };
    static void *blocks[N];
    size_t count = 0;
    while (count < N &&
           (blocks[count] = crowd->atomic != NULL ? cairn_atomic_pool_alloc(crowd->atomic)
                                                  : cairn_cached_pool_alloc(crowd->cached)) != NULL)
        count++;
    for (size_t i = 0; i < count; i++)
        if (crowd->atomic == NULL)
            cairn_cached_pool_dealloc(crowd->cached, blocks[i]);
        else if (!cairn_atomic_pool_dealloc(crowd->atomic, blocks[i]))
            return false;
    return count == N && (crowd->atomic != NULL || cairn_cached_pool_audit(crowd->cached) == NULL);
}

/* Not the C library's: AddressSanitizer leaves its malloc locked in a child. */
static void blocks_of_our_own(void)
{
    static char region[8 << 20];
    static cairn_fit fit;
    REQUIRE(cairn_fit_init(&fit, region, sizeof region, NULL));
    source.below = cairn_fit_allocator(&fit);
}

static void fork_in_the_midst(struct crowd *crowd)
{
    pthread_t threads[4];
    crowd->rounds = 100;
    begin();
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, churn, crowd) == 0);
    for (size_t i = 0; i < test_scaled(60); i++) {
        if (crowd->atomic != NULL)
            cairn_atomic_pool_before_fork(crowd->atomic);
        else
            cairn_cached_pool_before_fork(crowd->cached);
        pid_t child = fork();
        if (crowd->atomic != NULL)
            cairn_atomic_pool_after_fork(crowd->atomic, child == 0);
        else
            cairn_cached_pool_after_fork(crowd->cached, child == 0);
        if (child == 0)
            syscall(SYS_exit_group, !is_usable(crowd));
        int status;
        REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
        REQUIRE(status == 0);
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    end(crowd);
}

TEST(atomic_and_forks)
{
    blocks_of_our_own();
    struct crowd crowd = {.slots = SLOTS_MAX, .is_enough = true};
    cairn_atomic_pool_opts opts = {hostile_allocator(&source), 64, 0};
    crowd.atomic = cairn_atomic_pool_create(BLOCK, &opts);
    fork_in_the_midst(&crowd);
}

TEST(cached_and_forks)
{
    blocks_of_our_own();
    struct crowd crowd = {.slots = SLOTS_MAX, .is_enough = true};
    cairn_cached_pool_opts opts = {.source = hostile_allocator(&source),
                                   .magazine_blocks = 1,
                                   .depot_magazines = 2,
                                   .depots = 1,
                                   .first_blocks = 64};
    crowd.cached = cairn_cached_pool_create(BLOCK, &opts);
    fork_in_the_midst(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(atomic_of_exactly_enough),
        cmocka_unit_test(atomic_of_exactly_enough_for_few),
        cmocka_unit_test(atomic_of_too_few),
        cmocka_unit_test(atomic_that_grows),
        cmocka_unit_test(atomic_in_batches),
        cmocka_unit_test(atomic_whose_source_fails),
        cmocka_unit_test(cached),
        cmocka_unit_test(cached_by_little),
        cmocka_unit_test(cached_of_too_few),
        cmocka_unit_test(cached_of_short_lives),
        cmocka_unit_test(cached_and_trimmed),
        cmocka_unit_test(cached_whose_source_fails),
        cmocka_unit_test(atomic_and_forks),
        cmocka_unit_test(cached_and_forks),
    };
    return UNIT_MAIN(tests);
}
