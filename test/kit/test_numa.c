/* SPDX-License-Identifier: MIT */
/* numa.h: where blocks come from, on a machine of any number of nodes, and where the system refuses
 * to be told; and that it is an allocator. */
#include "unit/unit.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "cairn/numa.h"
#include "kit/numa_heap.h"
#include "os/numa.h"
#include "os/place.h"

/* ---- helpers ---- */

static void sound(const cairn_numa *numa)
{
    const char *wrong = cairn_numa_audit(numa);
    if (wrong != NULL)
        unit_fail(wrong, __FILE__, __LINE__);
}

static cairn_numa *make(cairn_numa_policy policy)
{
    cairn_numa_error error = CAIRN_NUMA_BAD_POLICY;
    cairn_numa *numa = cairn_numa_create(&(cairn_numa_opts){policy, cairn_numa_nodes()}, &error);
    REQUIRE(numa != NULL && error == CAIRN_NUMA_OK);
    return numa;
}

static cairn_numa_stats stats_of(const cairn_numa *numa)
{
    cairn_numa_stats stats;
    cairn_numa_stats_get(numa, &stats);
    return stats;
}

static void *alloc(cairn_numa *numa, size_t size, size_t align)
{
    return cairn_allocator_alloc(cairn_numa_allocator(numa), cairn__layout(size, align));
}

static void dealloc(cairn_numa *numa, void *ptr, size_t size, size_t align)
{
    cairn_allocator_dealloc(cairn_numa_allocator(numa), ptr, cairn__layout(size, align));
}

static int offline_node(void)
{
    cairn_node_set nodes = cairn_numa_nodes();
    int node = 0;
    while (cairn_node_set_has(&nodes, node))
        node++;
    return node;
}

/* From now on these calls fail so in this process. */
static void refuse(int error)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mbind, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_get_mempolicy, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_move_pages, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static const cairn_numa_policy POLICIES[] = {CAIRN_NUMA_LOCAL, CAIRN_NUMA_BIND,
                                             CAIRN_NUMA_INTERLEAVE, CAIRN_NUMA_FIRST_TOUCH};

/* Of each kind: in a run, a span, large. */
static const size_t SIZES[] = {1, 100, 5000, 32768, 32769, 200000, 1 << 20, (1 << 20) + 1, 5 << 20};
enum { SIZE_COUNT = sizeof SIZES / sizeof *SIZES };

/* ---- the machine ---- */

TEST(lists_of_nodes)
{
    static const struct {
        const char *list;
        uint64_t first, last;
        bool is_list;
    } cases[] = {
        {"0\n", 1, 0, true},
        {"0-3\n", 0xf, 0, true},
        {"0,2", 5, 0, true},
        {"1-2,63,1023\n", (1ull << 63) | 6, 1ull << 63, true},
        {"", 0, 0, false},
        {"\n", 0, 0, false},
        {"0-", 1, 0, false},
        {"3-1", 0, 0, false},
        {"0,", 1, 0, false},
        {"0-1024\n", 0, 0, false},
        {"99999999999", 0, 0, false},
        {"x", 0, 0, false},
        {"0 1", 1, 0, false},
        {"-1", 0, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t nodes[NODE_WORDS];
        assert_int_equal(cairn__os_numa_parse(cases[i].list, nodes), cases[i].is_list);
        if (cases[i].is_list) {
            assert_true(nodes[0] == cases[i].first);
            assert_true(nodes[NODE_WORDS - 1] == cases[i].last);
        }
    }
}

TEST(the_machine)
{
    cairn_node_set nodes = cairn_numa_nodes(), none = {{0}};
    assert_true(cairn_node_set_count(&nodes) >= 1);
    assert_int_equal(cairn_node_set_count(&none), 0);
    assert_int_equal(cairn_numa_is_single(), cairn_node_set_count(&nodes) == 1);
    assert_true(cairn_node_set_has(&nodes, cairn_numa_node_here()));
    assert_false(cairn_node_set_has(&nodes, -1));
    assert_false(cairn_node_set_has(&nodes, CAIRN_NODES_MAX));
    cairn_node_set_add(&none, -1);
    cairn_node_set_add(&none, CAIRN_NODES_MAX);
    assert_int_equal(cairn_node_set_count(&none), 0);
    cairn_node_set_add(&none, CAIRN_NODES_MAX - 1);
    assert_true(cairn_node_set_has(&none, CAIRN_NODES_MAX - 1));
    int on_stack = 0;
    if (cairn_numa_is_available())
        assert_true(cairn_node_set_has(&nodes, cairn_numa_node_of(&on_stack)));
    assert_int_equal(cairn_numa_node_of(NULL), -1);
    assert_int_equal(cairn_numa_node_of((void *)UINTPTR_MAX), -1);
    char *page = cairn__os_map(cairn__os_page_size(), cairn__os_page_size());
    assert_int_equal(cairn_numa_node_of(page), -1);
}

TEST(what_create_refuses)
{
    cairn_numa_error error;
    cairn_node_set offline = cairn_numa_nodes(), empty = {{0}};
    cairn_node_set_add(&offline, offline_node());
    for (cairn_numa_policy policy = CAIRN_NUMA_BIND; policy <= CAIRN_NUMA_INTERLEAVE; policy++) {
        assert_null(cairn_numa_create(&(cairn_numa_opts){policy, empty}, &error));
        assert_int_equal(error, CAIRN_NUMA_EMPTY_SET);
        assert_null(cairn_numa_create(&(cairn_numa_opts){policy, offline}, &error));
        assert_int_equal(error, CAIRN_NUMA_NOT_ONLINE);
        assert_null(cairn_numa_create(&(cairn_numa_opts){policy, offline}, NULL));
    }
    assert_null(cairn_numa_create(&(cairn_numa_opts){.policy = (cairn_numa_policy)4}, &error));
    assert_int_equal(error, CAIRN_NUMA_BAD_POLICY);
    assert_null(cairn_numa_create(&(cairn_numa_opts){.policy = (cairn_numa_policy)-1}, &error));
    assert_int_equal(error, CAIRN_NUMA_BAD_POLICY);
    for (int i = 0; i <= CAIRN_NUMA_NO_MEMORY + 1; i++)
        assert_non_null(cairn_numa_error_text((cairn_numa_error)i));
    cairn_numa *numa = cairn_numa_create(NULL, NULL);
    assert_int_equal(stats_of(numa).policy, CAIRN_NUMA_LOCAL);
    cairn_numa_destroy(numa);
    cairn_numa_destroy(NULL);
}

/* ---- policies: asked back from the system ---- */

static void check_policy(void *ptr, enum numa_mode expected, const cairn_node_set *set)
{
    enum numa_mode mode;
    cairn_node_set nodes;
    void *page = (void *)round_down((uintptr_t)ptr, cairn__os_page_size());
    assert_int_equal(cairn__os_numa_policy(page, &mode, nodes.words), 0);
    assert_int_equal(mode, expected);
    if (set != NULL)
        assert_memory_equal(&nodes, set, sizeof nodes);
}

static void check_blocks(cairn_numa *numa, enum numa_mode mode, const cairn_node_set *set)
{
    cairn_node_set online = cairn_numa_nodes();
    for (int i = 0; i < SIZE_COUNT; i++) {
        char *block = alloc(numa, SIZES[i], 8);
        assert_non_null(block);
        check_policy(block, mode, set);
        check_policy(block + SIZES[i] - 1, mode, set);
        unit_fill(block, SIZES[i], i + 1);
        int node = cairn_numa_node_of(block + SIZES[i] / 2);
        assert_true(cairn_node_set_has(set != NULL ? set : &online, node));
        sound(numa);
    }
}

TEST(policies_are_what_was_asked_for)
{
    if (!cairn_numa_is_available())
        return;
    cairn_node_set all = cairn_numa_nodes(), allowed;
    assert_int_equal(cairn__os_numa_allowed(allowed.words), 0);
    cairn_numa *numa = make(CAIRN_NUMA_FIRST_TOUCH);
    check_blocks(numa, NUMA_DEFAULT, NULL);
    assert_true(stats_of(numa).is_effective);
    cairn_numa_destroy(numa);
    numa = make(CAIRN_NUMA_LOCAL);
    check_blocks(numa, NUMA_PREFERRED, NULL);
    assert_true(stats_of(numa).is_effective);
    cairn_numa_destroy(numa);
    numa = make(CAIRN_NUMA_INTERLEAVE);
    check_blocks(numa, NUMA_INTERLEAVE, &allowed);
    cairn_numa_destroy(numa);
    for (int node = 0; node < CAIRN_NODES_MAX; node++) {
        cairn_node_set one = {{0}};
        cairn_node_set_add(&one, node);
        if (!cairn_node_set_has(&all, node) || !cairn_node_set_has(&allowed, node))
            continue;
        numa = cairn_numa_create(&(cairn_numa_opts){CAIRN_NUMA_BIND, one}, NULL);
        check_blocks(numa, NUMA_BIND, &one);
        assert_int_equal(stats_of(numa).nodes, 1);
        cairn_numa_destroy(numa);
    }
}

/* As on a machine of two nodes, of which this processor is on the second. */
TEST(the_shard_of_this_node)
{
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(sched_getcpu(), &first);
    sched_setaffinity(0, sizeof first, &first); /* to stay where it is */
    cairn_numa *numa = make(CAIRN_NUMA_LOCAL);
    if (numa->shard_count < 2)
        return; /* no room to pretend */
    uint16_t here = numa->shards[0].node;
    numa->shards_of_node = 1;
    numa->shard_count = 2;
    numa->shards[0].node = (uint16_t)offline_node();
    numa->shards[1].node = here;
    for (int i = 0; i < 10; i++) {
        char *block = alloc(numa, 100, 8);
        assert_int_equal(chunk_of(block)->shard->node, here);
    }
    assert_int_equal(numa->shards[1].blocks, 10);
    assert_int_equal(numa->shards_of_processor[cairn__os_processor()], 2);
    sound(numa);
    /* A node that came online after this was made. */
    numa->shards[1].node = (uint16_t)offline_node();
    memset((void *)(uintptr_t)numa->shards_of_processor, 0, numa->processors * sizeof(uint16_t));
    assert_non_null(alloc(numa, 100, 8));
    assert_int_equal(numa->shards[0].blocks, 1);
    cairn_numa_destroy(numa);
}

TEST(moving_to_other_nodes)
{
    cairn_node_set all = cairn_numa_nodes(), bad = all, empty = {{0}};
    cairn_node_set_add(&bad, offline_node());
    for (int i = 0; i < 4; i++) {
        cairn_numa *numa = make(POLICIES[i]);
        char *block[SIZE_COUNT];
        for (int j = 0; j < SIZE_COUNT; j++) {
            block[j] = alloc(numa, SIZES[j], 1);
            unit_fill(block[j], SIZES[j], j + 1);
        }
        assert_false(cairn_numa_migrate(numa, &bad));
        assert_false(cairn_numa_migrate(numa, &empty));
        cairn_node_set to = {{0}};
        cairn_node_set_add(&to, cairn_numa_node_here());
        assert_true(cairn_numa_migrate(numa, &to));
        sound(numa);
        for (int j = 0; j < SIZE_COUNT; j++) {
            assert_true(unit_is_filled(block[j], SIZES[j], j + 1));
            if (cairn_numa_is_available()) {
                check_policy(block[j],
                             POLICIES[i] == CAIRN_NUMA_INTERLEAVE ? NUMA_INTERLEAVE : NUMA_BIND,
                             &to);
                assert_true(cairn_node_set_has(&to, cairn_numa_node_of(block[j])));
            }
        }
        if (POLICIES[i] == CAIRN_NUMA_BIND && cairn_numa_is_available())
            check_policy(alloc(numa, 3 << 20, 1), NUMA_BIND, &to);

        size_t moved = 77;
        assert_false(cairn_numa_migrate_range(block[0], 1, &bad, &moved));
        assert_int_equal(moved, 0);
        assert_false(cairn_numa_migrate_range(block[0], 1, &empty, NULL));
        assert_false(cairn_numa_migrate_range(block[0], SIZE_MAX, &all, NULL));
        assert_true(cairn_numa_migrate_range(block[0], 0, &all, &moved));
        assert_true(cairn_numa_migrate_range(block[8] + 1, SIZES[8] - 1, &to, &moved));
        assert_int_equal(moved, 0); /* they were there */
        assert_true(cairn_numa_migrate_range(&all, sizeof all, &all, &moved));
        for (int node = 0; node < CAIRN_NODES_MAX; node++)
            if (cairn_node_set_has(&all, node) && cairn_numa_is_available()) {
                cairn_node_set one = {{0}};
                cairn_node_set_add(&one, node);
                if (cairn_numa_migrate_range(block[8], SIZES[8], &one, NULL))
                    assert_int_equal(cairn_numa_node_of(block[8]), node);
            }
        assert_true(unit_is_filled(block[8], SIZES[8], 9));
        cairn_numa_destroy(numa);
    }
}

/* What was bound stays so for what comes later. */
TEST(a_set_is_changed_by_migration)
{
    if (!cairn_numa_is_available())
        return;
    cairn_numa *numa = make(CAIRN_NUMA_INTERLEAVE);
    cairn_node_set to = {{0}};
    cairn_node_set_add(&to, cairn_numa_node_here());
    cairn_node_set_add(&numa->nodes, offline_node());
    assert_true(cairn_numa_migrate(numa, &to));
    assert_memory_equal(&numa->nodes, &to, sizeof to);
    cairn_numa_destroy(numa);
}

/* Memory that would not be where it has to be is none. */
TEST(a_policy_that_cannot_be_kept)
{
    if (!cairn_numa_is_available())
        return;
    cairn_numa *numas[4];
    for (int i = 0; i < 4; i++)
        numas[i] = make(POLICIES[i]);
    refuse(ENOMEM);
    cairn_numa_error error;
    cairn_node_set all = cairn_numa_nodes();
    assert_null(cairn_numa_create(&(cairn_numa_opts){CAIRN_NUMA_BIND, all}, &error));
    assert_int_equal(error, CAIRN_NUMA_NO_MEMORY);
    for (int i = 0; i < 4; i++) {
        bool has_set = POLICIES[i] == CAIRN_NUMA_BIND || POLICIES[i] == CAIRN_NUMA_INTERLEAVE;
        for (int j = 0; j < SIZE_COUNT; j++)
            assert_int_equal(alloc(numas[i], SIZES[j], 1) == NULL, has_set);
        assert_int_equal(stats_of(numas[i]).mapped == 0, has_set);
        assert_false(cairn_numa_migrate(numas[i], &all));
        sound(numas[i]);
        cairn_numa_destroy(numas[i]);
    }
    assert_false(cairn_numa_migrate_range(&all, sizeof all, &all, NULL));
}

TEST(a_set_without_memory)
{
    if (!cairn_numa_is_available())
        return;
    refuse(EINVAL);
    cairn_numa_error error;
    cairn_node_set all = cairn_numa_nodes();
    assert_null(cairn_numa_create(&(cairn_numa_opts){CAIRN_NUMA_INTERLEAVE, all}, &error));
    assert_int_equal(error, CAIRN_NUMA_NOT_ALLOWED);
    cairn_numa *numa = make(CAIRN_NUMA_LOCAL); /* a wish */
    assert_non_null(alloc(numa, 1, 1));
    cairn_numa_destroy(numa);
}

static void check_refused(int error, cairn_numa *made_before)
{
    char text[200];
    refuse(error);
    assert_false(cairn_numa_is_available());
    for (int i = 0; i < 4; i++) {
        cairn_numa *numa = make(POLICIES[i]);
        for (int j = 0; j < SIZE_COUNT; j++) {
            char *block = alloc(numa, SIZES[j], 1);
            assert_non_null(block);
            assert_int_equal(cairn_numa_node_of(block + 4096 * 4) >= 0, false);
            unit_fill(block, SIZES[j], 1);
            assert_int_equal(cairn_numa_node_of(block) >= 0, cairn_numa_is_single());
        }
        sound(numa);
        bool is_first_touch = POLICIES[i] == CAIRN_NUMA_FIRST_TOUCH;
        assert_int_equal(stats_of(numa).is_effective, is_first_touch);
        cairn_numa_describe(numa, text, sizeof text);
        assert_int_equal(strstr(text, "refuses") != NULL, !is_first_touch);
        cairn_node_set all = cairn_numa_nodes();
        assert_int_equal(cairn_numa_migrate(numa, &all), cairn_numa_is_single());
        assert_int_equal(cairn_numa_migrate_range(numa, 1, &all, NULL), cairn_numa_is_single());
        cairn_numa_destroy(numa);
    }
    /* One that knew nothing of it yet. */
    assert_non_null(alloc(made_before, 3 << 20, 1));
    assert_non_null(alloc(made_before, 100, 1));
    assert_false(stats_of(made_before).is_effective);
    sound(made_before);
}

TEST(a_sandbox_that_refuses)
{
    check_refused(EPERM, make(CAIRN_NUMA_BIND));
}

TEST(a_system_without_policies)
{
    check_refused(ENOSYS, make(CAIRN_NUMA_LOCAL));
}

/* ---- an allocator ---- */

TEST(sizes_and_alignments)
{
    cairn_numa *numa = make(CAIRN_NUMA_LOCAL);
    cairn_allocator allocator = cairn_numa_allocator(numa);
    for (size_t align = 1; align <= (size_t)8 << 20; align *= 2)
        for (size_t size = 0; size < 3 << 20; size += 1 + size * 3 / 2) {
            cairn_layout layout = {size, align};
            char *a = cairn_allocator_alloc(allocator, layout);
            char *b = cairn_allocator_alloc_zeroed(allocator, layout);
            REQUIRE(a != NULL && b != NULL && a != b);
            REQUIRE((uintptr_t)a % align == 0 && (uintptr_t)b % align == 0);
            size_t usable = cairn_allocator_usable_size(allocator, a, layout);
            REQUIRE(usable >= size && unit_is_zero(b, size));
            REQUIRE(cairn_allocator_owns(allocator, a) && cairn_allocator_owns(allocator, b));
            memset(a, 0xff, usable);
            REQUIRE(unit_is_zero(b, size));
            cairn_allocator_dealloc(allocator, a, layout);
            cairn_allocator_dealloc(allocator, b, layout);
        }
    sound(numa);
    int on_stack;
    assert_false(cairn_allocator_owns(allocator, &on_stack));
    assert_false(cairn_allocator_owns(allocator, numa));
    assert_null(cairn_allocator_alloc(allocator, cairn__layout(PTRDIFF_MAX - 4096, 1)));
    assert_null(cairn_allocator_alloc(allocator, cairn__layout(0, (size_t)1 << 62)));
    assert_int_equal(stats_of(numa).blocks, 0);
    assert_int_equal(stats_of(numa).bytes, 0);
    assert_true(cairn_numa_trim(numa) > 0);
    assert_int_equal(cairn_numa_trim(numa), 0);
    assert_int_equal(stats_of(numa).mapped, 0);
    sound(numa);
    cairn_numa_destroy(numa);
}

TEST(classes)
{
    unsigned units;
    for (size_t size = 1; size <= SMALL_MAX; size++) {
        unsigned class = cairn__numa_class_of(cairn__layout(size, 1), &units);
        REQUIRE(class < CLASSES && cairn__numa_class_size(class) >= size);
        REQUIRE(class == 0 || cairn__numa_class_size(class - 1) < size);
    }
    for (size_t align = 1; align <= UNIT_SIZE; align *= 2)
        for (size_t size = 0; size <= SPAN_MAX; size += 1 + size / 50) {
            unsigned class = cairn__numa_class_of(cairn__layout(size, align), &units);
            if (class == CLASS_SPAN)
                REQUIRE((size_t)units * UNIT_SIZE >= size && units <= 64);
            else
                REQUIRE(class < CLASSES && cairn__numa_class_size(class) % align == 0 &&
                        cairn__numa_class_size(class) >= size);
        }
}

TEST(large_blocks_are_resized_where_they_lie_or_move)
{
    for (int i = 0; i < 4; i++) {
        cairn_numa *numa = make(POLICIES[i]);
        cairn_allocator allocator = cairn_numa_allocator(numa);
        size_t size = 2 << 20, align = 1;
        char *block = alloc(numa, size, align);
        unit_fill(block, size, 1);
        uint64_t seed = 3;
        for (int round = 0; round < 30; round++) {
            size_t new_size = unit_below(&seed, 4) == 0
                                  ? 1 + unit_below(&seed, 2 << 20)
                                  : (1 << 20) + 1 + unit_below(&seed, 3 << 20);
            void *between = alloc(numa, 2 << 20, 1);
            char *moved = cairn_allocator_realloc(allocator, block, cairn__layout(size, align),
                                                  new_size);
            REQUIRE(moved != NULL && unit_is_filled(moved, size_min(size, new_size), 1));
            unit_fill(moved, new_size, 1);
            if (cairn_numa_is_available())
                check_policy(
                    moved,
                    (enum numa_mode[]){NUMA_PREFERRED, NUMA_BIND, NUMA_INTERLEAVE, NUMA_DEFAULT}[i],
                    NULL);
            block = moved;
            size = new_size;
            dealloc(numa, between, 2 << 20, 1);
            sound(numa);
        }
        assert_int_equal(stats_of(numa).blocks, 1);
        assert_int_equal(stats_of(numa).bytes, size);
        cairn_numa_destroy(numa);
    }
}

struct block {
    char *ptr;
    cairn_layout layout;
    uint64_t key;
};

static void random_step(cairn_allocator allocator, struct block *block, uint64_t *seed)
{
    size_t size = unit_below(seed,
                             (size_t)1 << unit_below(seed, unit_below(seed, 8) == 0 ? 21 : 14));
    if (block->ptr == NULL) {
        block->layout = cairn__layout(size, (size_t)1 << unit_below(seed, 7));
        block->ptr = cairn_allocator_alloc(allocator, block->layout);
        block->key = unit_random(seed);
        REQUIRE(block->ptr != NULL);
        unit_fill(block->ptr, size, block->key);
        return;
    }
    REQUIRE(unit_is_filled(block->ptr, block->layout.size, block->key));
    if (unit_below(seed, 4) == 0) {
        char *moved = cairn_allocator_realloc(allocator, block->ptr, block->layout, size);
        REQUIRE(moved != NULL &&
                unit_is_filled(moved, size_min(size, block->layout.size), block->key));
        unit_fill(moved, size, block->key);
        block->ptr = moved;
        block->layout.size = size;
    } else {
        cairn_allocator_dealloc(allocator, block->ptr, block->layout);
        block->ptr = NULL;
    }
}

TEST(at_random)
{
    enum { BLOCKS = 300 };
    static struct block blocks[BLOCKS];
    for (int i = 0; i < 4; i++) {
        cairn_numa *numa = make(POLICIES[i]);
        uint64_t seed = (uint64_t)i + 1;
        memset(blocks, 0, sizeof blocks);
        for (size_t round = 0; round < unit_rounds(4000); round++) {
            random_step(cairn_numa_allocator(numa), &blocks[unit_below(&seed, BLOCKS)], &seed);
            if (round % 16 == 0)
                sound(numa);
            if (round % 500 == 0)
                cairn_numa_trim(numa);
        }
        for (int j = 0; j < BLOCKS; j++)
            dealloc(numa, blocks[j].ptr, blocks[j].layout.size, blocks[j].layout.align);
        sound(numa);
        assert_int_equal(stats_of(numa).blocks, 0);
        cairn_numa_trim(numa);
        assert_int_equal(stats_of(numa).mapped, 0);
        sound(numa);
        cairn_numa_destroy(numa);
    }
}

/* ---- threads: blocks pass from hand to hand ---- */

enum { THREADS = 4, TABLE = 256 };
static cairn_numa *shared;
static struct block *_Atomic table[TABLE];

static void *work(void *number)
{
    uint64_t seed = (uintptr_t)number;
    for (size_t round = 0; round < unit_rounds(8000); round++) {
        struct block *block = atomic_exchange(&table[unit_below(&seed, TABLE)], NULL);
        if (block == NULL) {
            block = alloc(shared, sizeof *block, _Alignof(struct block));
            REQUIRE(block != NULL);
            *block = (struct block){NULL, {0, 0}, 0};
        }
        random_step(cairn_numa_allocator(shared), block, &seed);
        block = atomic_exchange(&table[unit_below(&seed, TABLE)], block);
        if (block != NULL) {
            dealloc(shared, block->ptr, block->layout.size, block->layout.align);
            dealloc(shared, block, sizeof *block, _Alignof(struct block));
        }
    }
    return NULL;
}

TEST(threads)
{
    for (int i = 0; i < 4; i++) {
        pthread_t thread[THREADS];
        shared = make(POLICIES[i]);
        for (uintptr_t j = 0; j < THREADS; j++)
            assert_int_equal(pthread_create(&thread[j], NULL, work, (void *)(j + 1)), 0);
        cairn_node_set all = cairn_numa_nodes();
        for (int round = 0; round < 20; round++) {
            sound(shared);
            cairn_numa_trim(shared);
            assert_true(cairn_numa_migrate(shared, &all) || !cairn_numa_is_single());
        }
        for (int j = 0; j < THREADS; j++)
            pthread_join(thread[j], NULL);
        for (int j = 0; j < TABLE; j++) {
            struct block *block = atomic_exchange(&table[j], NULL);
            if (block != NULL) {
                dealloc(shared, block->ptr, block->layout.size, block->layout.align);
                dealloc(shared, block, sizeof *block, _Alignof(struct block));
            }
        }
        assert_int_equal(stats_of(shared).blocks, 0);
        sound(shared);
        cairn_numa_destroy(shared);
    }
}

/* ---- out of memory ---- */

#if !UNIT_ASAN && !CAIRN_TSAN
static void limit_to(size_t bytes_more)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    REQUIRE(file != NULL && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    struct rlimit limit = {0, RLIM_INFINITY};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = pages * cairn__os_page_size() + bytes_more;
    REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
}

TEST(memory_ends)
{
    enum { BLOCKS = 4000 };
    static void *blocks[BLOCKS];
    static const size_t sizes[] = {200, 20000, 100000, 3 << 20};
    if (cairn__is_watched())
        return; /* whoever watches would have no memory either */
    for (size_t more = 0; more < 30 * MIB; more += 1700 * KIB)
        for (int i = 0; i < 4; i++) {
            cairn_numa *numa = make(POLICIES[i]);
            limit_to(more);
            size_t size = sizes[(more / KIB + (size_t)i) % 4], count = 0;
            while (count < BLOCKS && (blocks[count] = alloc(numa, size, 8)) != NULL) {
                unit_fill(blocks[count], 64, count);
                count++;
            }
            sound(numa);
            assert_int_equal(stats_of(numa).blocks, count);
            if (count > 0)
                assert_null(cairn_allocator_realloc(cairn_numa_allocator(numa), blocks[0],
                                                    cairn__layout(size, 8), 64 * MIB));
            for (size_t j = 0; j < count; j++) {
                assert_true(unit_is_filled(blocks[j], 64, j));
                dealloc(numa, blocks[j], size, 8);
            }
            limit_to(64 * GIB);
            void *block = alloc(numa, 3 << 20, 8);
            assert_non_null(block);
            sound(numa);
            cairn_numa_destroy(numa);
        }
    limit_to(0);
    cairn_numa_error error;
    cairn_node_set all = cairn_numa_nodes();
    assert_null(cairn_numa_create(&(cairn_numa_opts){CAIRN_NUMA_BIND, all}, &error));
    assert_int_equal(error, CAIRN_NUMA_NO_MEMORY);
    assert_null(cairn_numa_create(NULL, &error));
    assert_int_equal(error, CAIRN_NUMA_NO_MEMORY);
}
#endif

/* ---- what others see of it ---- */

struct seen {
    size_t used, used_bytes, gap_bytes, left;
    char *last;
};

static bool see(void *context, void *ptr, size_t size, bool in_use)
{
    struct seen *seen = context;
    REQUIRE((char *)ptr >= seen->last && size > 0);
    seen->last = (char *)ptr + size;
    seen->used += in_use;
    *(in_use ? &seen->used_bytes : &seen->gap_bytes) += size;
    return --seen->left > 0;
}

TEST(visiting)
{
    cairn_numa *numa = make(CAIRN_NUMA_LOCAL);
    cairn_allocator allocator = cairn_numa_allocator(numa);
    struct seen seen = {.left = SIZE_MAX};
    assert_true(cairn_numa_visit(numa, see, &seen));
    assert_int_equal(seen.used_bytes + seen.gap_bytes, 0);
    size_t held = 0;
    for (int i = 0; i < SIZE_COUNT; i++)
        for (int j = 0; j < 7; j++) {
            char *block = alloc(numa, SIZES[i], 1);
            if (j % 2 != 0)
                dealloc(numa, block, SIZES[i], 1);
            else
                held += cairn_allocator_usable_size(allocator, block, cairn__layout(SIZES[i], 1));
        }
    cairn_numa_stats stats = stats_of(numa);
    seen = (struct seen){.left = SIZE_MAX};
    assert_true(cairn_numa_visit(numa, see, &seen));
    assert_int_equal(seen.used, SIZE_COUNT * 4);
    assert_int_equal(seen.used, stats.blocks);
    if (!numa->is_watched)
        assert_int_equal(seen.used_bytes, held);
    assert_int_equal(seen.used_bytes + seen.gap_bytes + stats.chunks * UNIT_SIZE, stats.mapped);
    seen = (struct seen){.left = 3};
    assert_false(cairn_numa_visit(numa, see, &seen));
    assert_int_equal(stats.large, 2 * 4);
    cairn_numa_destroy(numa);
}

TEST(in_words)
{
    char text[200], expected[200];
    const char *single = cairn_numa_is_single() ? "; this machine has one node" : "";
    cairn_numa *numa = make(CAIRN_NUMA_FIRST_TOUCH);
    cairn_numa_describe(numa, text, sizeof text);
    snprintf(expected, sizeof expected, "first touch, 0 B in 0 blocks%s", single);
    assert_string_equal(text, expected);
    cairn_numa_destroy(numa);
    if (!cairn_numa_is_available() || !cairn_numa_is_single())
        return;
    numa = make(CAIRN_NUMA_INTERLEAVE);
    alloc(numa, 3 << 20, 1);
    cairn_numa_describe(numa, text, sizeof text);
    snprintf(expected, sizeof expected, "interleave over nodes %d, 3.0 MiB in 1 block%s",
             cairn_numa_node_here(), single);
    assert_string_equal(text, expected);
    cairn_numa_describe(numa, text, 11);
    assert_string_equal(text, "interleave");
    cairn_numa_describe(numa, text, 0);
    assert_string_equal(text, "interleave");
    numa->nodes = (cairn_node_set){{0xf0f5}};
    cairn_numa_describe(numa, text, sizeof text);
    text[29] = '\0';
    assert_string_equal(text, "interleave over nodes 0,2,4-7");
    cairn_numa_destroy(numa);
}

#if UNIT_ASAN
DEATH_TEST(asan_sees_a_use_after_free, "use-after-poison")
{
    cairn_numa *numa = make(CAIRN_NUMA_LOCAL);
    volatile char *block = alloc(numa, 100, 8);
    dealloc(numa, (char *)block, 100, 8);
    block[50] = 1;
}

DEATH_TEST(asan_sees_an_overrun, "use-after-poison")
{
    cairn_numa *numa = make(CAIRN_NUMA_LOCAL);
    volatile char *block = alloc(numa, 100, 8);
    block[100] = 1;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_nodes),
        cmocka_unit_test(the_machine),
        cmocka_unit_test(what_create_refuses),
        cmocka_unit_test(policies_are_what_was_asked_for),
        cmocka_unit_test(the_shard_of_this_node),
        cmocka_unit_test(moving_to_other_nodes),
        cmocka_unit_test(a_set_is_changed_by_migration),
        cmocka_unit_test(a_policy_that_cannot_be_kept),
        cmocka_unit_test(a_set_without_memory),
        cmocka_unit_test(a_sandbox_that_refuses),
        cmocka_unit_test(a_system_without_policies),
        cmocka_unit_test(sizes_and_alignments),
        cmocka_unit_test(classes),
        cmocka_unit_test(large_blocks_are_resized_where_they_lie_or_move),
        cmocka_unit_test(at_random),
        cmocka_unit_test(threads),
#if !UNIT_ASAN && !CAIRN_TSAN
        cmocka_unit_test(memory_ends),
#endif
        cmocka_unit_test(visiting),
        cmocka_unit_test(in_words),
#if UNIT_ASAN
        cmocka_unit_test(asan_sees_a_use_after_free),
        cmocka_unit_test(asan_sees_an_overrun),
#endif
    };
    return UNIT_MAIN(tests);
}
