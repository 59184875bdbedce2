/* SPDX-License-Identifier: MIT */
/*
 * remote.h: rings, batches and chains, for every class, and every place that a page may be at when
 * a batch arrives: its heap live, ended, reused, the page cold, shelved, or the shared heap's. At
 * the end nothing is lost: all blocks freed, no thread left, the pool has every page again.
 */
#include "unit/unit.h"

#include <unistd.h>

#include "core/depot.h"
#include "core/malloc.h"
#include "core/registry.h"
#include "core/remote.h"
#include "core/shared.h"
#include "core/thread.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

enum { BLOCKS = 8192 };

static struct blocks {
    size_t size;
    size_t count;
    void *at[BLOCKS];
} shared;

static void *get(size_t size)
{
    void *block = cairn__malloc_fast(size);
    return block != NULL ? block : cairn__malloc_slow(size);
}

static void fill(void *blocks)
{
    struct blocks *these = blocks;
    for (size_t i = 0; i < these->count; i++)
        REQUIRE((these->at[i] = get(these->size)) != NULL);
}

static void free_all(void *blocks)
{
    struct blocks *these = blocks;
    for (size_t i = 0; i < these->count; i++)
        cairn__free(these->at[i]);
}

static void free_and_flush(void *blocks)
{
    free_all(blocks);
    cairn__remote_flush(cairn__heap);
}

static void drain(void *heap)
{
    while (remote_has_mail(cairn__heap))
        cairn__remote_drain(cairn__heap);
    if (heap != NULL)
        *(struct heap **)heap = cairn__heap;
}

static void abandon(void *unused)
{
    (void)unused;
    unit_abandon(cairn__heap);
}

static void shuffle(struct blocks *these, uint64_t seed)
{
    for (size_t i = these->count; i > 1; i--) {
        size_t j = unit_below(&seed, i);
        void *other = these->at[i - 1];
        these->at[i - 1] = these->at[j];
        these->at[j] = other;
    }
}

/* Every class, to the last block of its page, in any order: all come home. */
TEST(every_class)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1)); /* this thread has a heap */
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        shared.size = cairn__classes[class].size;
        shared.count = cairn__classes[class].capacity;
        worker_do(&owner, fill, &shared);
        assert_int_equal(audit_all(NULL).live, shared.count);
        shuffle(&shared, class);
        for (size_t i = 0; i < shared.count; i++) {
            cairn__free(shared.at[i]);
            if (i % (1 + shared.count / 8) == 0)
                assert_int_equal(audit_all(NULL).live, shared.count - 1 - i);
        }
        cairn__remote_flush(cairn__heap);
        struct audit audit = audit_all(NULL);
        assert_int_equal(audit.live, 0);
        assert_int_equal(audit.in_transit, shared.count);
        worker_do(&owner, drain, NULL);
        assert_int_equal(audit_all(NULL).in_transit, 0);
        worker_do(&owner, abandon, NULL);
        assert_true(audit_all(NULL).pages <= 1); /* this thread's own */
        cairn__units_purge(0);
    }
    worker_end(&owner);
}

/* What waits here for others is bounded, for small blocks and for large ones. */
TEST(budget)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    for (unsigned class = 1; class < CLASS_COUNT; class += 5) {
        shared.size = cairn__classes[class].size;
        shared.count = 3u * cairn__classes[class].capacity;
        shared.count = shared.count > BLOCKS ? BLOCKS : shared.count;
        worker_do(&owner, fill, &shared);
        shuffle(&shared, class);
        for (size_t i = 0; i < shared.count; i++) {
            cairn__free(shared.at[i]);
            size_t held = 0;
            for (int ring = 0; ring < REMOTE_RINGS; ring++)
                if (cairn__heap->ring[ring].page != NULL)
                    held += cairn__heap->ring[ring].count * shared.size;
            assert_true(held < REMOTE_BUDGET);
            assert_true(cairn__heap->budget > 0);
        }
        cairn__remote_flush(cairn__heap);
        worker_do(&owner, drain, NULL);
    }
    worker_end(&owner);
    audit_with_shared();
}

/* A visit to the inbox takes a bounded number of batches; the rest is not forgotten. */
TEST(drain_is_bounded)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    shared.size = 16;
    shared.count = 4 * REMOTE_DRAIN_MAX;
    worker_do(&owner, fill, &shared);
    for (size_t i = 0; i < shared.count; i++) {
        cairn__free(shared.at[i]);
        cairn__remote_flush(cairn__heap); /* a batch each */
    }
    struct heap *heap;
    worker_do(&owner, drain, &heap);
    for (size_t i = 0; i < shared.count; i++)
        assert_ptr_equal(page_owner(page_of(shared.at[i])), heap);
    assert_int_equal(audit_all(NULL).in_transit, 0);

    worker_do(&owner, fill, &shared);
    for (size_t i = 0; i < shared.count; i++) {
        cairn__free(shared.at[i]);
        cairn__remote_flush(cairn__heap);
    }
    static void *one;
    struct blocks refilling = {.size = 5000, .count = 1};
    worker_do(&owner, fill, &refilling); /* a refill: one visit */
    one = refilling.at[0];
    assert_int_equal(audit_all(NULL).in_transit, shared.count - REMOTE_DRAIN_MAX);
    assert_non_null(heap->pending);
    worker_do(&owner, drain, NULL);
    assert_int_equal(audit_all(NULL).in_transit, 0);
    cairn__free(one);
    worker_end(&owner);
}

/* The owner ends while blocks of its pages are in our rings. */
TEST(owner_ends_first)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    shared.size = 200;
    shared.count = 4000;
    worker_do(&owner, fill, &shared);
    for (size_t i = 0; i < shared.count; i += 3)
        cairn__free(shared.at[i]); /* some sent, some in rings */
    assert_int_equal(audit_all(NULL).live, shared.count - (shared.count + 2) / 3);
    worker_end(&owner);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live, shared.count - (shared.count + 2) / 3);
    for (size_t i = 0; i < shared.count; i++)
        if (i % 3 != 0)
            cairn__free(shared.at[i]);
    cairn__remote_flush(cairn__heap);
    assert_int_equal(audit_with_shared().live, 0);
    unit_abandon(cairn__heap);
    assert_int_equal(audit_with_shared().pages, 0);
    assert_int_equal(cairn__pool_figures().used, 0);
}

/* Batches lie in the inbox of a thread that ends: it takes them along. */
TEST(mail_of_the_ended)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    shared.size = 700;
    shared.count = 500;
    worker_do(&owner, fill, &shared);
    free_and_flush(&shared);
    assert_int_equal(audit_all(NULL).in_transit, shared.count);
    worker_end(&owner);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live + audit.in_transit, 0);
    assert_int_equal(audit.pages, 1); /* ours */
}

static void fill_small_classes(void *blocks)
{
    struct blocks *these = blocks;
    for (size_t i = 0; i < these->count; i++)
        REQUIRE((these->at[i] = get(16 * (i + 1))) != NULL);
}

/*
 * A heap goes idle while batches for it are held back: they are sent, found to be for an idle heap,
 * taken back, and freed on its behalf.
 */
TEST(mail_of_the_idle)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    shared.count = 3 * REMOTE_RINGS / 2; /* a page each, so that some rings are used twice */
    worker_do(&owner, fill_small_classes, &shared);
    struct heap *heap;
    worker_do(&owner, drain, &heap);
    free_all(&shared);
    bool held = false;
    for (int i = 0; i < REMOTE_TARGETS; i++)
        held = held || cairn__heap->target[i].heap == heap;
    assert_true(held);
    assert_int_equal(audit_all(NULL).in_transit, shared.count);
    cairn__registry_give(heap); /* as after a fork: idle, and it still owns pages */
    cairn__remote_flush(cairn__heap);
    struct audit audit = audit_all(NULL);
    assert_int_equal(audit.live, 0);
    assert_int_equal(audit.in_transit, 0);
    assert_null(atomic_load(&heap->inbox));
    assert_ptr_equal(cairn__registry_take(), heap);
    worker_end(&owner);
}

/* The same, the thread having ended; and it comes when the heap has a thread again. */
TEST(mail_of_the_parked)
{
    for (int again = 0; again < 2; again++) {
        struct worker owner, next;
        worker_start(&owner);
        cairn__free(get(1));
        shared.size = 1000;
        shared.count = 12;
        worker_do(&owner, fill, &shared);
        struct page *page = page_of(shared.at[0]);
        struct heap *heap = page_owner(page);
        shared.count = 11;
        free_all(&shared);
        worker_end(&owner);
        assert_ptr_equal(page_owner(page), heap);
        assert_int_equal(atomic_load(&heap->state), HEAP_IDLE);
        assert_int_equal(audit_with_shared().in_transit, shared.count);
        worker_start(&next);
        if (again) {
            struct heap *its;
            worker_do(&next, fill, &(struct blocks){.size = 1000, .count = 1});
            worker_do(&next, drain, &its);
            assert_ptr_equal(its, heap);
        }
        cairn__remote_flush(cairn__heap);
        assert_int_equal(remote_has_mail(heap), again);
        if (again)
            worker_do(&next, drain, NULL);
        struct audit audit = audit_with_shared();
        assert_int_equal(audit.in_transit, 0);
        assert_int_equal(audit.live, 1 + again);
        assert_ptr_equal(page_owner(page), heap);
        worker_end(&next);
        cairn__free(shared.at[11]);
        cairn__remote_flush(cairn__heap);
        cairn__registry_unpark(true);
    }
}

/*
 * Mail that comes when the owner has looked for the last time and is not idle yet: it is held up
 * there by the registry's lock, for a while.
 */
TEST(mail_at_the_last_moment)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    shared.count = 3 * REMOTE_RINGS / 2;
    worker_do(&owner, fill_small_classes, &shared);
    free_all(&shared); /* some in chains for the owner */
    cairn__registry_before_fork();
    owner.task = NULL;
    pthread_barrier_wait(&owner.begin);
    usleep(100000);
    cairn__remote_flush(cairn__heap);
    cairn__registry_after_fork();
    pthread_join(owner.thread, NULL);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.in_transit, 0);
    assert_int_equal(audit.live, 0);
}

/* Mail that came before the heap went idle is passed on through another heap. */
TEST(forwarding)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    shared.size = 700;
    shared.count = 400;
    worker_do(&owner, fill, &shared);
    struct heap *heap;
    worker_do(&owner, drain, &heap);
    free_and_flush(&shared);
    cairn__registry_give(heap);
    assert_int_equal(audit_all(NULL).in_transit, shared.count);
    cairn__remote_forward(cairn__heap, heap);
    assert_int_equal(audit_all(NULL).in_transit, 0);
    assert_ptr_equal(cairn__registry_take(), heap);
    worker_end(&owner);
}

static void take_depot(void *page)
{
    *(struct page **)page = cairn__depot_take(class_of(shared.size), cairn__heap);
}

/* The page changes hands while a batch is under way: the receiver sends it on. */
TEST(sent_on)
{
    struct worker owner, heir;
    worker_start(&owner);
    worker_start(&heir);
    cairn__free(get(1));
    worker_do(&heir, fill, &(struct blocks){.size = 16, .count = 1});
    shared.size = 1024;
    shared.count = 64 + 1;
    worker_do(&owner, fill, &shared);
    struct page *page = page_of(shared.at[0]);
    for (int i = 0; i < 30; i++)
        cairn__free(shared.at[i]);
    cairn__remote_flush(cairn__heap); /* into the owner's inbox */
    /* The owner gives all its pages away, but does not look at its mail. */
    worker_do(&owner, abandon, NULL);
    assert_ptr_equal(page_owner(page), OWNER_COLD);
    struct blocks one = {.size = 1024, .count = 1, .at = {shared.at[40]}};
    worker_do(&heir, free_all, &one); /* the heir adopts it */
    assert_ptr_not_equal(page_owner(page), OWNER_COLD);
    assert_int_equal(audit_all(NULL).in_transit, 30);
    worker_do(&owner, drain, NULL); /* not its own any more: into a chain */
    assert_int_equal(audit_all(NULL).in_transit, 30);
    worker_do(&owner, free_and_flush, &(struct blocks){.count = 0});
    worker_do(&heir, drain, NULL);
    assert_int_equal(audit_all(NULL).in_transit, 0);
    assert_int_equal(page_free_count(page), 31);
    worker_end(&owner);
    worker_end(&heir);
    for (int i = 30; i < 65; i++)
        if (i != 40)
            cairn__free(shared.at[i]);
    cairn__remote_flush(cairn__heap);
    assert_int_equal(audit_with_shared().live, 1); /* the heir's block */
}

/* As before, but the owner ends instead of looking: what lay in its inbox arrives all the same. */
TEST(sent_on_at_the_end)
{
    struct worker owner, heir;
    worker_start(&owner);
    worker_start(&heir);
    cairn__free(get(1));
    worker_do(&heir, fill, &(struct blocks){.size = 16, .count = 1});
    shared.size = 1024;
    shared.count = 64 + 1;
    worker_do(&owner, fill, &shared);
    struct page *page = page_of(shared.at[0]);
    for (int i = 0; i < 30; i++)
        cairn__free(shared.at[i]);
    cairn__remote_flush(cairn__heap);
    worker_do(&owner, abandon, NULL);
    struct blocks one = {.size = 1024, .count = 1, .at = {shared.at[40]}};
    worker_do(&heir, free_all, &one);
    worker_end(&owner);
    worker_do(&heir, drain, NULL);
    assert_int_equal(audit_with_shared().in_transit, 0);
    assert_int_equal(page_free_count(page), 31);
    worker_end(&heir);
}

/* Into a page in the depot: a batch at a time, and the last one sends it to the pool. */
TEST(to_the_depot)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    shared.size = 1024;
    shared.count = 40;
    worker_do(&owner, fill, &shared);
    struct page *page = page_of(shared.at[0]);
    worker_end(&owner);
    assert_ptr_equal(page_owner(page), OWNER_DEPOT);
    for (size_t i = 0; i < shared.count; i++) {
        cairn__free(shared.at[i]);
        audit_with_shared();
    }
    cairn__remote_flush(cairn__heap);
    assert_null(page_owner(page));
    assert_int_equal(audit_with_shared().live, 0);
    struct page *none;
    take_depot(&none);
    assert_null(none);
}

/* The shared heap: frees into its pages are made under its lock, by anybody. */
TEST(to_the_shared_heap)
{
    cairn__free(get(1));
    struct heap *mine = cairn__heap;
    cairn__heap = &cairn__heap_gone; /* as if this thread had ended */
    shared.size = 300;
    shared.count = 1000;
    fill(&shared);
    cairn__heap = mine;
    struct page *page = page_of(shared.at[999]);
    assert_ptr_not_equal(page_owner(page), mine);
    assert_true(owner_is_heap(page_owner(page)));
    shuffle(&shared, 1);
    for (size_t i = 0; i < shared.count; i++)
        cairn__free(shared.at[i]);
    cairn__remote_flush(mine);
    struct audit audit = audit_with_shared();
    assert_int_equal(audit.live, 0);
    assert_int_equal(audit.in_transit, 0);
}

/* Refilling sends what is held back, now and then: nothing waits for ever. */
TEST(refills_send)
{
    struct worker owner;
    worker_start(&owner);
    cairn__free(get(1));
    shared.size = 64;
    shared.count = 5;
    worker_do(&owner, fill, &shared);
    free_all(&shared);
    assert_int_equal(audit_all(NULL).in_transit, 5);
    for (int i = 0; i < REMOTE_FLUSH_REFILLS; i++)
        get(100 * KIB);
    for (int i = 0; i < REMOTE_RINGS; i++)
        assert_null(cairn__heap->ring[i].page);
    worker_do(&owner, drain, NULL);
    assert_int_equal(audit_all(NULL).in_transit, 0);
    worker_end(&owner);
}

/* ---- many threads ---- */

enum { SLOTS = 256, THREADS = 4, GENERATIONS = 6 };

static _Atomic(void *) slot[SLOTS];
static const size_t sizes[] = {16, 24, 100, 333, 1000, 2000, 5000, 40000, 120000};

static void *exchange_blocks(void *seed_pointer)
{
    uint64_t seed = (uintptr_t)seed_pointer;
    for (size_t i = 0; i < unit_rounds(6000); i++) {
        size_t size = sizes[unit_below(&seed, sizeof sizes / sizeof sizes[0])];
        unsigned char *block = get(size);
        REQUIRE(block != NULL);
        block[0] = block[size - 1] = (unsigned char)size;
        unsigned char *other = atomic_exchange(&slot[unit_below(&seed, SLOTS)], block);
        cairn__free(other);
    }
    return NULL;
}

/* Generations of threads pass blocks to each other and end at any moment. */
TEST(nothing_is_lost)
{
    for (uintptr_t generation = 0; generation < GENERATIONS; generation++) {
        pthread_t thread[THREADS];
        for (uintptr_t i = 0; i < THREADS; i++)
            REQUIRE(pthread_create(&thread[i], NULL, exchange_blocks,
                                   (void *)(generation * THREADS + i + 1)) == 0);
        for (int i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        size_t live = 0;
        for (int i = 0; i < SLOTS; i++)
            live += slot[i] != NULL;
        struct audit audit = audit_with_shared();
        assert_int_equal(audit.live, live);
        assert_int_equal(audit.in_bins + audit.in_transit, 0);
    }
    for (int i = 0; i < SLOTS; i++)
        cairn__free(atomic_exchange(&slot[i], NULL));
    cairn__remote_flush(cairn__heap);
    assert_int_equal(audit_with_shared().live, 0);
    /* What is left are this thread's and the shared heap's spare and active pages. */
    unit_abandon(cairn__heap);
    unit_abandon_shared();
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        unit_abandon(heap);
    assert_int_equal(audit_with_shared().pages, 0);
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_true(cairn__foreign_frees() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class),
        cmocka_unit_test(budget),
        cmocka_unit_test(drain_is_bounded),
        cmocka_unit_test(owner_ends_first),
        cmocka_unit_test(mail_of_the_ended),
        cmocka_unit_test(mail_of_the_idle),
        cmocka_unit_test(mail_of_the_parked),
        cmocka_unit_test(forwarding),
        cmocka_unit_test(mail_at_the_last_moment),
        cmocka_unit_test(sent_on),
        cmocka_unit_test(sent_on_at_the_end),
        cmocka_unit_test(to_the_depot),
        cmocka_unit_test(to_the_shared_heap),
        cmocka_unit_test(refills_send),
        cmocka_unit_test(nothing_is_lost),
    };
    return UNIT_MAIN(tests);
}
