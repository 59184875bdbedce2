/* SPDX-License-Identifier: MIT */
/*
 * heap.h: the countdown. A page's way ACTIVE - ASLEEP - LISTED - back, thresholds, what is kept,
 * cold pages and their adoption, the heap's end. After each step everything is audited.
 */
#include "unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "core/malloc.h"
#include "core/remote.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"

enum { SIZE = 1024, CAPACITY = 64, WAKE = 4 }; /* a class with handy numbers */

static void *get(size_t size)
{
    void *block = cairn__malloc_fast(size);
    return block != NULL ? block : cairn__malloc_slow(size);
}

static struct shelf *shelf(void)
{
    return &cairn__heap->shelf[class_of(SIZE)];
}

/* Blocks of `pages` whole pages, in the order of their handing out. */
static void **fill_pages(size_t pages)
{
    void **blocks = malloc(pages * CAPACITY * sizeof *blocks);
    for (size_t i = 0; i < pages * CAPACITY; i++) {
        blocks[i] = get(SIZE);
        REQUIRE(blocks[i] != NULL);
        REQUIRE(page_of(blocks[i]) == page_of(blocks[i / CAPACITY * CAPACITY]));
    }
    return blocks;
}

TEST(life_of_a_page)
{
    void **block = fill_pages(1);
    struct page *page = page_of(block[0]);
    assert_int_equal(page_state(page), PAGE_ACTIVE);
    assert_int_equal(page->issued, CAPACITY);
    assert_int_equal(audit_all(NULL).live, CAPACITY);
    void *next = get(SIZE); /* another page: this one sleeps */
    assert_ptr_not_equal(page_of(next), page);
    assert_int_equal(page_state(page), PAGE_ASLEEP);
    assert_ptr_equal(shelf()->asleep.first, page);
    audit_all(NULL);
    for (int i = 0; i < WAKE; i++) {
        assert_int_equal(page_state(page), PAGE_ASLEEP);
        assert_int_equal(page_free_count(page), i);
        cairn__free(block[i]);
        audit_all(NULL);
    }
    assert_int_equal(page_state(page), PAGE_LISTED); /* woken by the fourth, not sooner or later */
    assert_int_equal(page_free_count(page), WAKE);
    assert_ptr_equal(shelf()->listed.first, page);
    assert_int_equal(shelf()->asleep.count, 0);
    for (int i = WAKE; i < CAPACITY; i++) {
        assert_int_equal(page_state(page), PAGE_LISTED);
        cairn__free(block[i]);
        assert_int_equal(audit_all(NULL).live, 1 + CAPACITY - 1 - i);
    }
    assert_int_equal(shelf()->listed.count, 0); /* wholly free: kept as the spare */
    assert_ptr_equal(shelf()->spare, page);
    assert_int_equal(cairn__pool_figures().used, 2);
}

/* A second wholly free page goes to the pool; one of several units always does. */
TEST(empty_pages)
{
    void **block = fill_pages(3);
    void *active = get(SIZE);
    for (int i = 0; i < 3 * CAPACITY; i++) {
        cairn__free(block[i]);
        audit_all(NULL);
    }
    assert_int_equal(cairn__pool_figures().used, 2);
    assert_ptr_equal(shelf()->spare, page_of(block[0]));
    cairn__free(active);
    audit_all(NULL);

    void *medium[9];
    for (int i = 0; i < 9; i++)
        medium[i] = get(100 * KIB);
    size_t units = cairn__classes[class_of(100 * KIB)].units;
    assert_int_equal(cairn__pool_figures().used, 2 + 2 * units);
    for (int i = 0; i < 8; i++) {
        cairn__free(medium[i]);
        audit_all(NULL);
    }
    assert_int_equal(cairn__pool_figures().used, 2 + units);
}

/* What comes next: blocks never handed out, pages that were listed, the spare. */
TEST(order_of_service)
{
    void **block = fill_pages(4);
    void *last = get(SIZE);
    struct page *active = page_of(last);
    for (int page = 0; page < 2; page++)
        for (int i = 0; i < WAKE; i++)
            cairn__free(block[page * CAPACITY + i]);
    for (int i = 0; i < CAPACITY; i++)
        cairn__free(block[3 * CAPACITY + i]);
    assert_ptr_equal(shelf()->spare, page_of(block[3 * CAPACITY]));
    assert_int_equal(shelf()->listed.count, 2);
    for (int i = 0; i < CAPACITY - 1; i++)
        assert_ptr_equal(page_of(get(SIZE)), active); /* never handed out ones */
    for (int i = 0; i < WAKE; i++)
        assert_ptr_equal(page_of(get(SIZE)), page_of(block[0])); /* longest listed first */
    for (int i = 0; i < WAKE; i++)
        assert_ptr_equal(page_of(get(SIZE)), page_of(block[CAPACITY]));
    audit_all(NULL);
    for (int i = 0; i < CAPACITY; i++)
        assert_ptr_equal(page_of(get(SIZE)), page_of(block[3 * CAPACITY])); /* the spare */
    assert_null(shelf()->spare);
    audit_all(NULL);
}

/* The active page is emptied: nothing happens, and it serves on. */
TEST(active_page_stays)
{
    void **block = fill_pages(1);
    struct page *page = page_of(block[0]);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < CAPACITY; i++)
            cairn__free(block[i]);
        assert_int_equal(page_state(page), PAGE_ACTIVE);
        assert_int_equal(page_free_count(page), CAPACITY);
        assert_int_equal(audit_all(NULL).live, 0);
        for (int i = 0; i < CAPACITY; i++) {
            block[i] = get(SIZE);
            assert_ptr_equal(page_of(block[i]), page);
        }
    }
    assert_int_equal(cairn__pool_figures().used, 1);
}

/* Every class wakes at its threshold, and comes down to empty. */
TEST(every_class)
{
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        const struct class_info *info = &cairn__classes[class];
        void **block = malloc((info->capacity + 1u) * sizeof *block);
        for (unsigned i = 0; i <= info->capacity; i++)
            REQUIRE((block[i] = get(info->size)) != NULL);
        struct page *page = page_of(block[0]);
        assert_int_equal(page_state(page), PAGE_ASLEEP);
        for (unsigned i = 0; i < info->capacity; i++) {
            assert_int_equal(page_state(page), i < info->wake ? PAGE_ASLEEP : PAGE_LISTED);
            assert_int_equal(page_free_count(page), i);
            cairn__free(block[i]);
        }
        if (info->units > 1)
            assert_null(page_owner(page));
        else
            assert_ptr_equal(cairn__heap->shelf[class].spare, page);
        cairn__free(block[info->capacity]);
        free(block);
    }
    assert_int_equal(audit_all(NULL).live, 0);
}

/* ---- batches ---- */

/* `count` blocks, linked. */
static void link_blocks(void **block, unsigned count)
{
    for (unsigned i = 0; i + 1 < count; i++)
        block_set_next(block[i], block[i + 1]);
}

/* A batch crosses no, one or two events, wherever it is cut. */
TEST(batches)
{
    for (unsigned before = 0; before < CAPACITY; before++)
        for (unsigned count = 1; count <= CAPACITY - before; count += before < 8 ? 1 : 7) {
            void **block = fill_pages(1);
            struct page *page = page_of(block[0]);
            void *next = get(SIZE);
            for (unsigned i = 0; i < before; i++)
                cairn__free(block[i]);
            link_blocks(block + before, count);
            cairn__heap_free_batch(cairn__heap, page, block[before], block[before + count - 1],
                                   count);
            unsigned free_blocks = before + count;
            if (free_blocks < CAPACITY)
                assert_int_equal(page_free_count(page), free_blocks);
            if (free_blocks == CAPACITY)
                assert_ptr_equal(shelf()->spare, page);
            else
                assert_int_equal(page_state(page), free_blocks < WAKE ? PAGE_ASLEEP : PAGE_LISTED);
            assert_int_equal(audit_all(NULL).live, 1 + CAPACITY - free_blocks);
            for (unsigned i = free_blocks; i < CAPACITY; i++)
                cairn__free(block[i]);
            cairn__free(next);
            /* Start over with one page, all free. */
            unit_abandon(cairn__heap);
            assert_int_equal(cairn__pool_figures().used, 0);
            free(block);
        }
}

/* ---- cold pages ---- */

TEST(cooling)
{
    void **block = fill_pages(ASLEEP_KEPT + 4);
    struct page *page[ASLEEP_KEPT + 4];
    for (size_t i = 0; i < ASLEEP_KEPT + 4; i++)
        page[i] = page_of(block[i * CAPACITY]);
    /* The last is active; of the others the first three are beyond ASLEEP_KEPT. */
    assert_int_equal(shelf()->asleep.count, ASLEEP_KEPT);
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(page_owner(page[i]), OWNER_COLD);
    assert_ptr_equal(page_owner(page[3]), cairn__heap);
    assert_int_equal(audit_all(NULL).cold, 3);
    /* One that was freed into since stays another round. */
    cairn__free(block[3 * CAPACITY]);
    get(SIZE);
    assert_ptr_equal(page_owner(page[3]), cairn__heap);
    assert_int_equal(page[3]->needed_before, WAKE - 1);
    assert_ptr_equal(shelf()->asleep.first, page[3]);
    assert_int_equal(audit_all(NULL).cold, 3);
    /* The first to free a block of a cold one has it again. */
    cairn__free(block[0]);
    assert_ptr_equal(page_owner(page[0]), cairn__heap);
    assert_int_equal(page_state(page[0]), PAGE_ASLEEP);
    assert_int_equal(page_free_count(page[0]), 1);
    assert_int_equal(audit_all(NULL).cold, 2);
    for (size_t i = 1; i < WAKE; i++)
        cairn__free(block[i]);
    assert_int_equal(page_state(page[0]), PAGE_LISTED);
    audit_all(NULL);
    assert_false(cairn__heap_adopt(cairn__heap, page[0])); /* not cold: nothing is done */
    audit_all(NULL);
}

enum { RACE_PAGES = 40 };

static struct page *cold[RACE_PAGES];
static _Atomic int adopted[RACE_PAGES];
static pthread_barrier_t barrier;

static void *adopt_all(void *unused)
{
    struct heap *heap = cairn__thread_heap();
    for (int i = 0; i < RACE_PAGES; i++) {
        pthread_barrier_wait(&barrier);
        if (cairn__heap_adopt(heap, cold[i])) {
            REQUIRE(page_owner(cold[i]) == heap);
            atomic_fetch_add(&adopted[i], 1);
        }
    }
    pthread_barrier_wait(&barrier);
    return unused;
}

TEST(adopted_once)
{
    void **block = fill_pages(RACE_PAGES + ASLEEP_KEPT + 1);
    for (int i = 0; i < RACE_PAGES; i++)
        assert_ptr_equal(page_owner(cold[i] = page_of(block[i * CAPACITY])), OWNER_COLD);
    assert_int_equal(audit_all(NULL).cold, RACE_PAGES);
    pthread_t thread[2];
    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&thread[i], NULL, adopt_all, NULL) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < RACE_PAGES; i++)
        assert_int_equal(adopted[i], 1);
    assert_int_equal(audit_all(NULL).cold, RACE_PAGES); /* their threads have ended */
    for (int i = 0; i < (RACE_PAGES + ASLEEP_KEPT + 1) * CAPACITY; i++)
        cairn__free(block[i]);
    assert_int_equal(audit_all(NULL).live, 0);
    unit_abandon(cairn__heap);
    assert_int_equal(cairn__pool_figures().used, 0);
}

static struct page *contested;
static _Atomic size_t arrived;
static _Atomic size_t winners;

/* Together with the other thread, to the nanosecond if there is a core for each. */
static void meet(size_t times)
{
    atomic_fetch_add(&arrived, 1);
    for (size_t spins = 0; atomic_load(&arrived) < 2 * times; spins++)
        if (spins > 2000)
            sched_yield();
}

static void *contest(void *heap)
{
    uint64_t seed = (uintptr_t)heap;
    for (size_t round = 0; round < unit_rounds(4000); round++) {
        meet(3 * round + 1);
        for (volatile size_t i = unit_below(&seed, 50); i > 0; i--)
            ; /* who is first differs from round to round */
        bool won = cairn__heap_adopt(heap, contested);
        atomic_fetch_add(&winners, won);
        meet(3 * round + 2);
        REQUIRE(atomic_load(&winners) == round + 1);
        if (won) {
            page_remove(&((struct heap *)heap)->shelf[contested->class].asleep, contested);
            atomic_store(&contested->owner, OWNER_COLD);
        }
        meet(3 * round + 3);
    }
    return NULL;
}

/* The same page, again and again. */
TEST(contested_page)
{
    static struct heap heap[2];
    void **block = fill_pages(ASLEEP_KEPT + 2);
    contested = page_of(block[0]);
    assert_ptr_equal(page_owner(contested), OWNER_COLD);
    pthread_t other;
    REQUIRE(pthread_create(&other, NULL, contest, &heap[0]) == 0);
    contest(&heap[1]);
    pthread_join(other, NULL);
    audit_all(NULL);
}

/* ---- the end ---- */

TEST(abandoning)
{
    void **block = fill_pages(6);
    void *active = get(SIZE);
    size_t before = audit_all(NULL).live;
    cairn__free(block[0]); /* asleep */
    for (int i = 0; i < WAKE; i++)
        cairn__free(block[CAPACITY + i]); /* listed */
    for (int i = 0; i < CAPACITY; i++)
        cairn__free(block[2 * CAPACITY + i]); /* the spare */
    struct heap *heap = cairn__heap;
    unit_abandon(heap);
    assert_ptr_equal(page_owner(page_of(block[0])), OWNER_COLD);
    assert_ptr_equal(page_owner(page_of(block[CAPACITY + WAKE])), OWNER_DEPOT);
    assert_null(page_owner(page_of(block[2 * CAPACITY])));
    assert_ptr_equal(page_owner(page_of(active)), OWNER_DEPOT);
    for (int page = 3; page < 6; page++)
        assert_ptr_equal(page_owner(page_of(block[page * CAPACITY])), OWNER_COLD);
    struct audit audit = audit_all(NULL);
    assert_int_equal(audit.owned, 0);
    assert_int_equal(audit.in_bins, 0);
    assert_int_equal(audit.live, before - 1 - WAKE - CAPACITY);
    assert_int_equal(cairn__heap_adopt(heap, page_of(block[0])), true);
    audit_all(NULL);
}

/* For the next thread stay active pages, but no large ones, nor those that were used much. */
TEST(abandoning_most)
{
    void **block = fill_pages(3);
    void *others[] = {get(100), get(3000), get(9000)};
    for (int i = 0; i < CAPACITY; i++)
        cairn__free(block[i]); /* the spare */
    for (int i = 0; i < WAKE; i++)
        cairn__free(block[CAPACITY + i]); /* listed */
    struct page *active = page_of(block[2 * CAPACITY]);
    struct heap *heap = cairn__heap;
    cairn__free(others[0]); /* wholly free; the page of 9000 is large */
    cairn__free(block[2 * CAPACITY]);
    cairn__remote_empty_bins(heap);
    assert_true(cairn__heap_abandon_most(heap));
    assert_ptr_equal(page_owner(active), OWNER_COLD);
    assert_ptr_equal(page_owner(page_of(block[CAPACITY + WAKE])), OWNER_DEPOT);
    assert_null(page_owner(page_of(block[0])));
    assert_ptr_equal(page_owner(page_of(others[0])), heap);
    assert_ptr_equal(page_owner(page_of(others[1])), heap);
    assert_ptr_equal(page_owner(page_of(others[2])), OWNER_DEPOT);
    assert_int_equal(audit_all(NULL).owned, 2);
    unit_abandon(heap);
    assert_false(cairn__heap_abandon_most(heap));
}

/* A page stays as long as little of it was handed out, whether a block is in use or not. */
TEST(abandoning_what_was_used_much)
{
    enum { LITTLE = PARKED_ISSUED / SIZE };
    for (int row = 0; row < 4; row++) {
        void *block[LITTLE + 1];
        int taken = LITTLE + row / 2, freed = taken - row % 2;
        for (int i = 0; i < taken; i++)
            block[i] = get(SIZE);
        struct page *page = page_of(block[0]);
        for (int i = 0; i < freed; i++)
            cairn__free(block[i]);
        cairn__remote_empty_bins(cairn__heap);
        assert_int_equal(cairn__heap_abandon_most(cairn__heap), taken == LITTLE);
        struct heap *elsewhere = freed < taken ? OWNER_DEPOT : NULL;
        assert_ptr_equal(page_owner(page), taken == LITTLE ? cairn__heap : elsewhere);
        audit_all(NULL);
        unit_abandon(cairn__heap);
        if (freed < taken)
            cairn__free(block[freed]);
        cairn__remote_flush(cairn__heap);
        assert_int_equal(cairn__pool_figures().used, 0);
    }
}

/* An active page that is nearly full sleeps on; what it never handed out is served later. */
TEST(abandoning_a_nearly_full_page)
{
    enum { BIG = 24 * 1024 };
    unsigned class = class_of(BIG);
    const struct class_info *info = &cairn__classes[class];
    void *block[64];
    unsigned count = info->capacity - 1u;
    for (unsigned i = 0; i < count; i++)
        block[i] = get(BIG);
    struct page *page = page_of(block[0]);
    assert_int_equal(page->issued, count);
    assert_true(info->wake > 1);
    unit_abandon(cairn__heap);
    assert_ptr_equal(page_owner(page), OWNER_COLD);
    assert_int_equal(audit_all(NULL).live, count);
    for (unsigned i = 0; i < info->wake; i++)
        cairn__free(block[i]);
    assert_int_equal(page_state(page), PAGE_LISTED);
    audit_all(NULL);
    for (unsigned i = 0; i < info->wake + 1u; i++)
        assert_ptr_equal(page_of(block[i] = get(BIG)), page);
    assert_int_equal(page->issued, info->capacity);
    assert_int_equal(audit_all(NULL).live, info->capacity);
}

/* ---- at random ---- */

static void random_work(uint64_t seed, const size_t *sizes, size_t size_count, size_t live_max,
                        size_t rounds)
{
    void **block = calloc(live_max, sizeof *block);
    size_t *size = calloc(live_max, sizeof *size);
    size_t live = 0;
    for (size_t round = 0; round < rounds; round++) {
        /* Waves: fill up, then drain, so that pages get full and empty. */
        size_t i = unit_below(&seed, live_max);
        bool filling = round / (2 * live_max) % 2 == 0;
        if (block[i] == NULL && (filling || unit_below(&seed, 4) == 0)) {
            size[i] = sizes[unit_below(&seed, size_count)];
            REQUIRE((block[i] = get(size[i])) != NULL);
            unit_fill(block[i], size_min(size[i], 64), i);
            live++;
        } else if (block[i] != NULL && (!filling || unit_below(&seed, 4) == 0)) {
            REQUIRE(unit_is_filled(block[i], size_min(size[i], 64), i));
            cairn__free(block[i]);
            block[i] = NULL;
            live--;
        }
        struct audit audit = audit_all(NULL);
        REQUIRE(audit.live == live);
        if (round % 256 == 0)
            for (size_t j = 0; j < live_max; j++)
                if (block[j] != NULL)
                    audit_is_live(block[j]);
    }
    for (size_t i = 0; i < live_max; i++)
        cairn__free(block[i]);
    assert_int_equal(audit_all(NULL).live, 0);
    unit_abandon(cairn__heap);
    assert_int_equal(cairn__pool_figures().used, 0);
    free(block);
    free(size);
}

TEST(random_small)
{
    static const size_t sizes[] = {1024, 1000, 2048};
    random_work(1, sizes, 3, 900, unit_rounds(16000));
}

TEST(random_medium)
{
    static const size_t sizes[] = {9000, 30000, 80000, 128 * KIB};
    random_work(2, sizes, 4, 120, unit_rounds(10000));
}

TEST(random_mixed)
{
    static const size_t sizes[] = {16, 48, 100, 500, 1500, 5000, 20000, 70000};
    random_work(3, sizes, 8, 400, unit_rounds(5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_a_page),
        cmocka_unit_test(empty_pages),
        cmocka_unit_test(order_of_service),
        cmocka_unit_test(active_page_stays),
        cmocka_unit_test(every_class),
        cmocka_unit_test(batches),
        cmocka_unit_test(cooling),
        cmocka_unit_test(adopted_once),
        cmocka_unit_test(contested_page),
        cmocka_unit_test(abandoning),
        cmocka_unit_test(abandoning_most),
        cmocka_unit_test(abandoning_what_was_used_much),
        cmocka_unit_test(abandoning_a_nearly_full_page),
        cmocka_unit_test(random_small),
        cmocka_unit_test(random_medium),
        cmocka_unit_test(random_mixed),
    };
    return UNIT_MAIN(tests);
}
