/* SPDX-License-Identifier: MIT */
/* figures.h against what the audit counts, the fake system knows, and plain arithmetic. */
#include "unit/unit.h"

#include "core/figures.h"
#include "core/large.h"
#include "core/malloc.h"
#include "core/metadata.h"
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

static struct cairn__figures figures_checked(void)
{
    struct audit audit = audit_with_shared();
    size_t reserved = 0, opened = 0, large = 0;
    struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region)) {
        reserved += region->size;
        opened += region->opened * CHUNK_SIZE;
        for (size_t unit = 0; unit < region->opened * CHUNK_UNITS; unit++)
            if (page_owner(&region->pages[unit]) == OWNER_LARGE)
                large += region->pages[unit].units * UNIT_SIZE;
    }
    struct cairn__figures figures;
    cairn__figures_get(&figures);
    struct pool_figures pool = cairn__pool_figures();
    assert_int_equal(figures.reserved, reserved);
    assert_int_equal(figures.mapped, opened + figures.huge);
    assert_int_equal(figures.live, audit.out_bytes + large + figures.huge);
    assert_int_equal(figures.pages, audit.pages + audit.large);
    assert_int_equal(figures.committed, (pool.used + pool.dirty) * UNIT_SIZE + figures.huge);
    assert_true(figures.peak_committed >= pool.used * UNIT_SIZE + figures.huge);
    assert_int_equal(figures.metadata, cairn__metadata_mapped());
    assert_int_equal(figures.free, figures.committed - figures.live);
    assert_true(figures.live <= figures.committed);
    assert_true(figures.committed <= figures.mapped);
    return figures;
}

TEST(nothing_yet)
{
    struct cairn__figures figures;
    cairn__figures_get(&figures);
    assert_true(unit_is_zero(&figures, sizeof figures));
}

TEST(known_blocks)
{
    cairn__thread_heap();
    struct cairn__figures figures = figures_checked();
    assert_int_equal(figures.live, 0);
    assert_int_equal(figures.reserved, GIB);
    assert_int_equal(figures.heaps, 1);
    void *large = get(200 * KIB); /* four units */
    void *huge = get(80 * MIB + 1);
    void *medium = get(100 * KIB); /* of 104 KiB */
    figures = figures_checked();
    assert_int_equal(figures.huge, 80 * MIB + cairn__os_page_size());
    assert_int_equal(figures.huge_count, 1);
    assert_int_equal(figures.live, 256 * KIB + 80 * MIB + cairn__os_page_size() + 104 * KIB);
    assert_int_equal(figures.pages, 2);
    size_t peak = figures.peak_committed;
    cairn__free(large);
    cairn__free(huge);
    cairn__free(medium);
    figures = figures_checked();
    assert_int_equal(figures.live, 0);
    assert_int_equal(figures.huge_count, 0);
    assert_int_equal(figures.peak_committed, peak);
    cairn__trim();
    figures = figures_checked();
    assert_true(figures.committed < MIB);
}

static void *block[600];

static void fill(void *unused)
{
    (void)unused;
    uint64_t seed = 8;
    for (int i = 0; i < 600; i++)
        block[i] = get(1 + unit_below(&seed, i % 50 == 0 ? 500000 : 5000));
}

/* In every state that pages can be in: others' frees under way, the thread ended, pages cold. */
TEST(every_state)
{
    struct worker worker;
    worker_start(&worker);
    worker_do(&worker, fill, NULL);
    size_t live = figures_checked().live;
    assert_int_equal(figures_checked().heaps, 1);
    for (int i = 0; i < 600; i += 2) {
        cairn__free(block[i]);
        assert_true(figures_checked().live <= live);
    }
    assert_int_equal(figures_checked().heaps, 2);
    worker_end(&worker);
    figures_checked();
    for (int i = 1; i < 600; i += 2) {
        cairn__free(block[i]);
        figures_checked();
    }
    cairn__remote_flush(cairn__heap);
    struct cairn__figures figures = figures_checked();
    assert_int_equal(figures.live, 0);
    assert_int_equal(figures.heaps, 2);
}

static _Atomic bool stop;

static void *churn(void *unused)
{
    uint64_t seed = 9;
    while (!stop)
        cairn__free(get(1 + unit_below(&seed, 10000)));
    return unused;
}

/* While another thread goes on, figures may be off, but not absurd. */
TEST(while_others_work)
{
    pthread_t thread;
    get(1);
    REQUIRE(pthread_create(&thread, NULL, churn, NULL) == 0);
    for (int i = 0; i < 2000; i++) {
        struct cairn__figures figures;
        cairn__figures_get(&figures);
        assert_true(figures.live <= 64 * MIB);
        assert_true(figures.committed <= 64 * MIB);
        assert_true(figures.pages <= 500);
    }
    stop = true;
    pthread_join(thread, NULL);
    figures_checked();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_yet),
        cmocka_unit_test(known_blocks),
        cmocka_unit_test(every_state),
        cmocka_unit_test(while_others_work),
    };
    return UNIT_MAIN(tests);
}
