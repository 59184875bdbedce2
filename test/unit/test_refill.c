/* SPDX-License-Identifier: MIT */
/* refill.h: what a refill takes, in which order, and what it says about zeroes. */
#include "unit/unit.h"

#include <unistd.h>

#include "base/option.h"
#include "core/malloc.h"
#include "core/refill.h"
#include "core/remote.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

enum { SIZE = 1024, CAPACITY = 64, WAKE = 4, ROW = EXTEND_BYTES / SIZE };

static size_t bin_length(unsigned class)
{
    size_t length = 0;
    for (void *block = cairn__heap->bin[class]; block != NULL; block = block_next(block))
        length++;
    return length;
}

/* A new page is touched row by row. */
TEST(rows)
{
    struct heap *heap = cairn__thread_heap();
    unsigned class = class_of(SIZE);
    char *first = cairn__refill(heap, class);
    assert_int_equal(bin_length(class), ROW - 1);
    assert_int_equal(page_of(first)->issued, ROW);
    for (int i = 1; i < ROW; i++)
        assert_ptr_equal(cairn__malloc_fast(SIZE), first + i * SIZE);
    assert_null(cairn__malloc_fast(SIZE));
    assert_ptr_equal(cairn__refill(heap, class), first + ROW * SIZE);
    assert_false(heap->busy);
    assert_int_equal(audit_all(NULL).live, ROW + 1);
}

/* Of a page that is not full even one block that came back is worth taking: it is touched. */
TEST(touched_before_untouched)
{
    struct heap *heap = cairn__thread_heap();
    unsigned class = class_of(SIZE);
    char *first = cairn__refill(heap, class);
    while (heap->bin[class] != NULL)
        cairn__malloc_fast(SIZE);
    cairn__free(first);
    assert_ptr_equal(cairn__refill(heap, class), first);
    assert_int_equal(bin_length(class), 0);
    assert_int_equal(page_of(first)->issued, ROW);
    audit_all(NULL);
}

/* Of a full page less than `wake` are not: it sleeps. */
TEST(few_blocks_of_a_full_page)
{
    struct heap *heap = cairn__thread_heap();
    unsigned class = class_of(SIZE);
    for (unsigned few = 0; few <= WAKE; few++) {
        void *block[CAPACITY];
        for (int i = 0; i < CAPACITY; i++)
            block[i] = cairn__malloc_slow(SIZE);
        struct page *page = page_of(block[0]);
        assert_null(heap->bin[class]);
        for (unsigned i = 0; i < few; i++)
            cairn__free(block[i]);
        void *next = few < WAKE ? NULL : refill_from_active(heap, class);
        assert_null(few < WAKE ? refill_from_active(heap, class) : NULL);
        if (next == NULL)
            next = cairn__refill(heap, class);
        assert_int_equal(page_of(next) == page, few == WAKE);
        assert_int_equal(page_state(page), few == WAKE ? PAGE_ACTIVE : PAGE_ASLEEP);
        audit_all(NULL);
        for (unsigned i = few; i < CAPACITY; i++)
            cairn__free(block[i]);
        cairn__free(next);
        unit_abandon(heap); /* start over */
        assert_int_equal(cairn__pool_figures().used, 0);
    }
}

/* A block that was never handed out and reads as zero is said to; one that was, is not. */
TEST(freshness)
{
    struct heap *heap = cairn__thread_heap();
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        char *block = cairn__refill(heap, class);
        assert_non_null(block);
        size_t size = cairn__classes[class].size;
        assert_int_equal(heap->fresh, size >= EXTEND_BYTES);
        if (heap->fresh) {
            assert_null(heap->bin[class]); /* one block, so the next asks again */
            assert_true(unit_is_zero(block + 8, size - 8));
        }
        memset(block, 1, size);
        while (heap->bin[class] != NULL)
            heap->bin[class] = block_next(heap->bin[class]);
        cairn__free(block);
        assert_ptr_equal(cairn__refill(heap, class), block);
        assert_false(heap->fresh);
        cairn__free(block);
        unit_abandon(heap); /* the page goes, dirty, and comes again */
        char *again = cairn__refill(heap, class);
        if (heap->fresh)
            assert_true(unit_is_zero(again + 8, size - 8));
        heap->bin[class] = NULL;
    }
}

TEST(no_memory)
{
    struct heap *heap = cairn__thread_heap();
    unsigned class = class_of(SIZE);
    fake_set_memory_limit(fake_figures().committed + fake_figures().mapped + 3 * MIB);
    size_t count = 0;
    while (cairn__refill(heap, class) != NULL) {
        while (heap->bin[class] != NULL)
            cairn__malloc_fast(SIZE);
        count++;
    }
    assert_true(count >= 512);
    assert_false(heap->busy);
    assert_null(heap->bin[class]);
    assert_null(heap->shelf[class].active);
    audit_all(NULL);
    assert_null(cairn__refill(heap, class)); /* and again, without an active page */
    audit_all(NULL);
    fake_set_memory_limit(SIZE_MAX);
    assert_non_null(cairn__refill(heap, class));
    audit_all(NULL);
}

/* When no page can be had, free blocks of larger classes serve: those that are aligned as well. */
TEST(larger_blocks_at_the_end)
{
    void *odd = cairn__malloc_slow(1152);  /* aligned to 128 */
    void *even = cairn__malloc_slow(2048); /* to all there is */
    fake_set_memory_limit(0);
    while (cairn__units_take(1, false).region != NULL) {
    }
    assert_int_equal(class_of(cairn__usable_size(cairn__malloc_slow(64))), class_of(1152));
    void *aligned = cairn__aligned(256, 256);
    assert_int_equal((uintptr_t)aligned % 256, 0);
    assert_int_equal(class_of(cairn__usable_size(aligned)), class_of(2048));
    size_t blocks = 0;
    while (cairn__malloc_slow(512) != NULL)
        blocks++;
    assert_int_equal(blocks, 65536 / 2048 - 2); /* of the one page whose blocks are aligned so */
    for (blocks = 0; cairn__malloc_slow(16) != NULL; blocks++) {
    }
    assert_int_equal(blocks, 65536 / 1152 - 2); /* of the other */
    assert_null(cairn__calloc(1, 4000));
    cairn__free(odd);
    cairn__free(even);
    assert_non_null(cairn__malloc_slow(16));
}

/* Of pages that have waited behind others and are free in good part, blocks come in the order of their
 * addresses, each once. */
TEST(in_order_from_listed_pages)
{
    enum { EACH = 64, PER_PAGE = UNIT_SIZE / EACH, BLOCKS = 12 * PER_PAGE };
    static char *block[BLOCKS];
    cairn__process_start();
    for (size_t i = 0; i < BLOCKS; i++)
        block[i] = cairn__malloc_slow(EACH);
    uint64_t seed = 5;
    for (size_t i = BLOCKS - 1; i > 0; i--) {
        size_t j = unit_below(&seed, i + 1);
        char *other = block[i];
        block[i] = block[j];
        block[j] = other;
    }
    for (size_t i = 0; i < BLOCKS / 2; i++)
        cairn__free(block[i]);
    assert_true(cairn__heap->shelf[class_of(EACH)].listed.count > ORDER_LISTED);
    size_t same_page = 0, ascending = 0;
    char *last = NULL;
    for (size_t i = 0; i < BLOCKS / 2; i++) {
        block[i] = cairn__malloc_slow(EACH);
        if (last != NULL && page_of(block[i]) == page_of(last)) {
            same_page++;
            ascending += block[i] > last;
        }
        last = block[i];
        unit_fill(block[i], EACH, i);
    }
    for (size_t i = 0; i < BLOCKS / 2; i++)
        assert_true(unit_is_filled(block[i], EACH, i));
    assert_true(ascending > same_page / 2); /* the last few pages are served as they are */
    assert_true(same_page > BLOCKS / 2 - 100);
    audit_all(NULL);
}

/* What a double free or a write to a freed block makes of a page's links is followed to no end, and to
 * no other memory. */
static void damage_links(bool cycle)
{
    enum { EACH = 64, PER_PAGE = UNIT_SIZE / EACH, BLOCKS = 12 * PER_PAGE };
    static char *block[BLOCKS];
    cairn__process_start();
    for (size_t i = 0; i < BLOCKS; i++)
        block[i] = cairn__malloc_slow(EACH);
    for (size_t i = 0; i < BLOCKS; i++)
        if (i % 2 == 0)
            cairn__free(block[i]);
    struct page *page = cairn__heap->shelf[class_of(EACH)].listed.first;
    *(void **)page->free = cycle ? page->free : (void *)~(uintptr_t)15;
    for (size_t i = 0; i < PER_PAGE; i++) /* the active page has half as many */
        REQUIRE(cairn__malloc_slow(EACH) != NULL);
}

TEST(links_in_a_circle)
{
    alarm(60);
    damage_links(true);
}

TEST(links_to_nowhere)
{
    damage_links(false);
}

/* ---- a thread that goes round in one block, of whatever size ---- */

static const size_t round_sizes[] = {16, 64, 2 * SIZE, 5000, 100 * KIB, 200 * KIB, MIB, 40 * MIB};
enum { ROUND_SIZES = sizeof round_sizes / sizeof round_sizes[0], OTHERS = 4096 };
/* Blocks until all that is done now and then was done; trips take a whole row of them at a time. */
enum {
    ROW_MOST = EXTEND_BYTES / 16,
    LONG = (SHORT_BLOCKS + ROW_MOST) * (REMOTE_FLUSH_REFILLS + 1)
};

static char *others[OTHERS];

static void go_round(size_t size, size_t blocks)
{
    for (size_t times = blocks / (size > MEDIUM_MAX ? LARGE_AS_BLOCKS : 1); times > 0; times--) {
        char *block = cairn__malloc_fast(size);
        block = block != NULL ? block : cairn__malloc_slow(size);
        REQUIRE(block != NULL);
        cairn__free(block);
    }
}

static void get_others(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < OTHERS; i++)
        REQUIRE((others[i] = cairn__malloc_slow(SIZE)) != NULL);
}

/* All but those that their owner has freed. */
static void free_others(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < OTHERS; i++)
        if (i % 8 != 0)
            cairn__free(others[i]);
    cairn__remote_flush(cairn__heap);
}

/* Takes in what others have freed for it. */
TEST(a_round_takes_mail_in)
{
    struct worker worker;
    worker_start(&worker);
    cairn__process_start();
    for (size_t size = 0; size < ROUND_SIZES; size++) {
        get_others(NULL);
        for (size_t i = 0; i < OTHERS; i += 8) /* so its pages are listed, and stay its own */
            cairn__free(others[i]);
        go_round(round_sizes[size], 2 * ROW_MOST);
        worker_do(&worker, free_others, NULL);
        assert_true(audit_all(NULL).in_transit > OTHERS / 2);
        go_round(round_sizes[size], 2 * (SHORT_BLOCKS + ROW_MOST));
        assert_int_equal(audit_all(NULL).in_transit, 0);
        assert_true(audit_all(NULL).pages < 24);
    }
    worker_end(&worker);
}

/* Sends what it holds back for others. */
TEST(a_round_sends)
{
    struct worker worker;
    worker_start(&worker);
    cairn__process_start();
    for (size_t size = 0; size < ROUND_SIZES; size++) {
        go_round(round_sizes[size], 2 * ROW_MOST);
        worker_do(&worker, get_others, NULL);
        for (size_t i = OTHERS - 5; i < OTHERS; i++) /* of the worker's active page */
            cairn__free(others[i]);
        assert_int_equal(cairn__heap->budget, REMOTE_BUDGET - 5 * SIZE);
        go_round(round_sizes[size], LONG);
        assert_int_equal(cairn__heap->budget, REMOTE_BUDGET);
        for (size_t i = 0; i < OTHERS - 5; i++)
            cairn__free(others[i]);
        cairn__remote_flush(cairn__heap);
    }
    worker_end(&worker);
}

/* Gives back what nobody has needed for a while. */
TEST(a_round_gives_to_the_system)
{
    enum { FLOOR = DIRTY_FLOOR >> UNIT_SHIFT };
    cairn__process_start();
    for (size_t size = 0; size < ROUND_SIZES; size++) {
        get_others(NULL);
        go_round(round_sizes[size], 2 * ROW_MOST);
        for (size_t i = 0; i < OTHERS; i++)
            cairn__free(others[i]);
        assert_true(cairn__pool_figures().dirty > FLOOR);
        for (int step = 0; step < 3; step++) {
            fake_pass_time(cairn__option(OPTION_PURGE_DELAY));
            go_round(round_sizes[size], LONG);
        }
        assert_true(cairn__pool_figures().dirty <= FLOOR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_from_listed_pages),
        cmocka_unit_test(links_in_a_circle),
        cmocka_unit_test(links_to_nowhere),
        cmocka_unit_test(rows),
        cmocka_unit_test(larger_blocks_at_the_end),
        cmocka_unit_test(touched_before_untouched),
        cmocka_unit_test(few_blocks_of_a_full_page),
        cmocka_unit_test(freshness),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(a_round_takes_mail_in),
        cmocka_unit_test(a_round_sends),
        cmocka_unit_test(a_round_gives_to_the_system),
    };
    return UNIT_MAIN(tests);
}
