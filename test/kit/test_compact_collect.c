/* SPDX-License-Identifier: MIT */
/* compact.h: what a collection frees, and what it keeps. */
#include "kit/compact_test.h"

/* ---- collection ---- */

struct node {
    cairn_handle links[2];
    uint64_t key;
};

struct collector {
    size_t traced, finalized;
    cairn_compact *heap;
    cairn_handle keep; /* the finalizer locks it */
};

static void trace(void *context, cairn_compact *heap, cairn_handle handle, const void *object,
                  size_t size, cairn_compact_reach *reach)
{
    struct collector *collector = context;
    collector->traced++;
    REQUIRE(cairn_compact_state_of(heap, handle) == CAIRN_HANDLE_LIVE);
    for (size_t i = 0; i + sizeof(cairn_handle) <= size / sizeof(struct node) * sizeof(struct node);
         i += sizeof(struct node)) {
        const struct node *node = (const struct node *)((const char *)object + i);
        reach(heap, node->links[0]);
        reach(heap, node->links[1]);
    }
    /* Not now. */
    REQUIRE(cairn_handle_is_none(cairn_compact_alloc(heap, 1, 1)));
    REQUIRE(!cairn_compact_dealloc(heap, handle) && !cairn_compact_resize(heap, handle, 1));
    REQUIRE(!cairn_compact_step(heap, 100) && cairn_compact_collect(heap) == 0);
    REQUIRE(!cairn_compact_add_root(heap, &collector->keep) && cairn_compact_trim(heap) == 0);
}

static void finalize(void *context, cairn_compact *heap, cairn_handle handle, void *object,
                     size_t size)
{
    struct collector *collector = context;
    collector->finalized++;
    REQUIRE(size >= sizeof(struct node));
    struct node *node = object;
    for (int i = 0; i < 2; i++) /* what it leads to is still there */
        if (!cairn_handle_is_none(node->links[i])) {
            const struct node *next = cairn_compact_lock(heap, node->links[i]);
            REQUIRE(next != NULL && next->key == 42);
            cairn_compact_unlock(heap, node->links[i]);
        }
    if (cairn_handle_is_equal(handle, collector->keep))
        REQUIRE(cairn_compact_lock(heap, handle) == object);
}

static cairn_handle node(cairn_compact *heap, cairn_handle a, cairn_handle b)
{
    cairn_handle handle = alloc(heap, sizeof(struct node));
    struct node *node = cairn_compact_lock(heap, handle);
    *node = (struct node){{a, b}, 42};
    cairn_compact_unlock(heap, handle);
    return handle;
}

TEST(what_no_root_leads_to_is_freed)
{
    struct collector collector = {0};
    cairn_compact *heap = cairn_compact_create(
        &(cairn_compact_opts){.trace = trace, .finalize = finalize, .context = &collector});
    cairn_handle none = {0, 0}, root = none, other = none;
    assert_true(cairn_compact_add_root(heap, &root));
    assert_true(cairn_compact_add_root(heap, &other));
    cairn_handle leaf = node(heap, none, none), lost = node(heap, leaf, none);
    cairn_handle ring = node(heap, none, none), ring2 = node(heap, ring, lost);
    ((struct node *)cairn_compact_lock(heap, ring))->links[0] = ring2;
    cairn_compact_unlock(heap, ring);
    root = node(heap, leaf, leaf);
    other = root;
    assert_int_equal(cairn_compact_collect(heap), 3); /* the ring, and what it led to */
    assert_int_equal(collector.finalized, 3);
    assert_int_equal(collector.traced, 2);
    assert_int_equal(cairn_compact_state_of(heap, leaf), CAIRN_HANDLE_LIVE);
    assert_int_equal(cairn_compact_state_of(heap, ring), CAIRN_HANDLE_STALE);
    sound(heap);
    /* Stale roots and links are nothing. */
    other = ring;
    ((struct node *)cairn_compact_lock(heap, root))->links[1] = lost;
    cairn_compact_unlock(heap, root);
    assert_int_equal(cairn_compact_collect(heap), 0);
    /* Locked and pinned blocks, and what they lead to, stay. */
    assert_non_null(cairn_compact_pin(heap, root));
    assert_true(cairn_compact_remove_root(heap, &root));
    assert_false(cairn_compact_remove_root(heap, &root));
    assert_int_equal(cairn_compact_collect(heap), 0);
    assert_true(cairn_compact_unpin(heap, root));
    /* A finalizer may lock its block, which then stays; it holds what is stale. */
    ((struct node *)cairn_compact_lock(heap, root))->links[1] = none;
    cairn_compact_unlock(heap, root);
    collector.keep = root;
    assert_int_equal(cairn_compact_collect(heap), 1);
    assert_int_equal(cairn_compact_state_of(heap, leaf), CAIRN_HANDLE_STALE);
    assert_int_equal(cairn_compact_state_of(heap, root), CAIRN_HANDLE_LIVE);
    sound(heap);
    cairn_compact_stats stats = stats_of(heap);
    assert_int_equal(stats.collections, 4);
    assert_int_equal(stats.collected_blocks, 4);
    cairn_compact_destroy(heap);
}

/* A wide object over a deep list, with a mark stack that can grow and one that cannot. */
TEST(deep_and_wide)
{
    enum { DEEP = 20000, WIDE = 3000 };
    for (int starved = 0; starved < 2; starved++) {
        struct source source = {0};
        struct collector collector = {0};
        cairn_compact *heap = cairn_compact_create(&(cairn_compact_opts){
            .source = allocator_of(&source), .trace = trace, .context = &collector});
        cairn_handle none = {0, 0}, list = none, root;
        assert_true(cairn_compact_add_root(heap, &root));
        for (int i = 0; i < DEEP; i++)
            list = node(heap, list, i % 3 == 0 ? node(heap, none, none) : none);
        root = cairn_compact_alloc_zeroed(heap, WIDE * sizeof(struct node), 16);
        struct node *wide = cairn_compact_lock(heap, root);
        for (int i = 0; i < WIDE; i++)
            wide[i].links[0] = i == WIDE / 2 ? list : node(heap, none, node(heap, none, none));
        cairn_compact_unlock(heap, root);
        node(heap, root, none);
        size_t blocks = stats_of(heap).blocks, held = source.blocks;
        source.fail_from = starved ? source.calls + 1 : 0;
        assert_int_equal(cairn_compact_collect(heap), 1);
        assert_int_equal(stats_of(heap).blocks, blocks - 1);
        assert_int_equal(collector.traced, blocks - 1);
        assert_int_equal(source.blocks, held);
        sound(heap);
        root = none;
        assert_int_equal(cairn_compact_collect(heap), blocks - 1);
        assert_int_equal(stats_of(heap).blocks, 0);
        sound(heap);
        cairn_compact_destroy(heap);
        assert_int_equal(source.blocks, 0);
    }
}

/* Random graphs: what is freed is what a search from the roots does not find; and it can be
 * compacted after. */
TEST(collecting_at_random)
{
    enum { N = 500, ROOTS = 5 };
    static cairn_handle nodes[N], roots[ROOTS];
    static int links[N][2];
    for (uint64_t seed = 1; seed < 20; seed++) {
        uint64_t random = seed;
        struct collector collector = {0};
        cairn_compact *heap = cairn_compact_create(
            &(cairn_compact_opts){.trace = trace, .context = &collector, .region_size = 4096});
        bool reached[N] = {false};
        int todo[N], count = 0;
        for (int i = 0; i < N; i++)
            nodes[i] = node(heap, (cairn_handle){0, 0}, (cairn_handle){0, 0});
        for (int i = 0; i < N; i++)
            for (int j = 0; j < 2; j++) {
                links[i][j] = unit_below(&random, 2) ? (int)unit_below(&random, N) : -1;
                struct node *node = cairn_compact_lock(heap, nodes[i]);
                if (links[i][j] >= 0)
                    node->links[j] = nodes[links[i][j]];
                cairn_compact_unlock(heap, nodes[i]);
            }
        for (int i = 0; i < ROOTS; i++) {
            int at = (int)unit_below(&random, N);
            roots[i] = nodes[at];
            cairn_compact_add_root(heap, &roots[i]);
            if (!reached[at]) {
                reached[at] = true;
                todo[count++] = at;
            }
        }
        for (int i = 0; i < count; i++)
            for (int j = 0; j < 2; j++) {
                int at = links[todo[i]][j];
                if (at >= 0 && !reached[at]) {
                    reached[at] = true;
                    todo[count++] = at;
                }
            }
        assert_int_equal(cairn_compact_collect(heap), N - count);
        sound(heap);
        assert_false(cairn_compact_step(heap, SIZE_MAX));
        sound(heap);
        for (int i = 0; i < N; i++)
            assert_int_equal(cairn_compact_state_of(heap, nodes[i]) == CAIRN_HANDLE_LIVE,
                             reached[i]);
        cairn_compact_destroy(heap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_root_leads_to_is_freed),
        cmocka_unit_test(deep_and_wide),
        cmocka_unit_test(collecting_at_random),
    };
    return UNIT_MAIN(tests);
}
