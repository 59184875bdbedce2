/* SPDX-License-Identifier: MIT */
/*
 * registry.h: heaps are reused last first, known for good, and freed into while idle; those that wait
 * with their pages: how many, for how long.
 */
#include "unit/unit.h"

#include "base/option.h"
#include "core/malloc.h"
#include "core/metadata.h"
#include "core/registry.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"
#include "unit/worker.h"

static size_t known(void)
{
    size_t count = 0;
    for (struct heap *heap = cairn__registry_first(); heap != NULL; heap = heap->next_known)
        count++;
    return count;
}

TEST(new_heaps)
{
    assert_null(cairn__registry_first());
    struct heap *heap[5];
    for (size_t i = 0; i < 5; i++) {
        heap[i] = cairn__registry_take();
        assert_non_null(heap[i]);
        assert_int_equal((uintptr_t)heap[i] % CACHE_LINES, 0);
        assert_int_equal(atomic_load(&heap[i]->state), HEAP_LIVE);
        assert_int_equal(heap[i]->budget, REMOTE_BUDGET);
        assert_null(heap[i]->shared);
        assert_int_equal(known(), i + 1);
        assert_true(heap_is_real(heap[i]));
        assert_true(owner_is_heap(heap[i]));
    }
    assert_false(heap_is_real(&cairn__heap_none));
    assert_false(heap_is_real(&cairn__heap_gone));
}

TEST(reuse)
{
    struct heap *a = cairn__registry_take();
    struct heap *b = cairn__registry_take();
    cairn__registry_give(a);
    cairn__registry_give(b);
    assert_int_equal(atomic_load(&a->state), HEAP_IDLE);
    assert_ptr_equal(cairn__registry_take(), b); /* its memory is the warmest */
    assert_ptr_equal(cairn__registry_take(), a);
    assert_int_equal(atomic_load(&a->state), HEAP_LIVE);
    assert_int_equal(known(), 2);
}

TEST(no_memory)
{
    fake_fail_from(FAKE_MAP, 1);
    assert_null(cairn__registry_take());
    fake_fail_never();
    assert_non_null(cairn__registry_take());
    assert_int_equal(known(), 1);
}

static void fill(void *blocks)
{
    void **block = blocks;
    for (int i = 0; i < 65; i++)
        REQUIRE((block[i] = cairn__malloc_slow(1024)) != NULL);
}

/* Only for pages of idle heaps; the countdown goes on as if its thread had done it. */
TEST(freeing_for_the_idle)
{
    struct worker owner;
    void *block[65];
    worker_start(&owner);
    worker_do(&owner, fill, block);
    struct page *page = page_of(block[0]);
    struct heap *heap = page_owner(page);
    assert_false(cairn__registry_free_batch(heap, page, block[0], block[0], 1)); /* live */
    assert_int_equal(page_free_count(page), 0);
    cairn__registry_give(heap);
    for (int i = 0; i < 64; i++) {
        assert_true(cairn__registry_free_batch(heap, page, block[i], block[i], 1));
        assert_int_equal(audit_all(NULL).live, 64 - i);
    }
    assert_ptr_equal(heap->shelf[page->class].spare, page);
    struct heap *other = cairn__registry_take();
    assert_ptr_equal(other, heap);
    cairn__registry_give(other);
    struct page *active = page_of(block[64]);
    atomic_store(&active->owner, OWNER_COLD); /* gone in between */
    assert_false(cairn__registry_free_batch(heap, active, block[64], block[64], 1));
    atomic_store(&active->owner, heap);
    assert_ptr_equal(cairn__registry_take(), heap);
    worker_end(&owner);
}

/* ---- parked heaps ---- */

/* A heap with one page, of which one block is in use. */
static struct heap *with_page(struct page **page)
{
    struct heap *heap = cairn__registry_take();
    unsigned class = class_of(1024);
    *page = cairn__heap_next_page(heap, class);
    REQUIRE(*page != NULL);
    void *list = cairn__page_extend(*page);
    cairn__heap_free_batch(heap, *page, block_next(list), block_next(block_next(list)), 2);
    return heap;
}

/* Those with pages come first, of these the last. */
TEST(order_of_the_waiting)
{
    struct heap *heap[5];
    for (int i = 0; i < 5; i++)
        heap[i] = cairn__registry_take();
    assert_false(cairn__registry_has_parked());
    cairn__registry_park(heap[0]);
    cairn__registry_give(heap[1]);
    cairn__registry_park(heap[2]);
    cairn__registry_give(heap[3]);
    assert_int_equal(atomic_load(&heap[0]->state), HEAP_IDLE);
    assert_int_equal(cairn__registry_live(), 1);
    assert_true(cairn__registry_has_parked());
    assert_ptr_equal(cairn__registry_take(), heap[2]);
    assert_ptr_equal(cairn__registry_take(), heap[0]);
    assert_false(cairn__registry_has_parked());
    assert_ptr_equal(cairn__registry_take(), heap[3]);
    assert_ptr_equal(cairn__registry_take(), heap[1]);
    assert_int_equal(cairn__registry_live(), 5);
    assert_int_equal(known(), 5);
}

/* Beyond so many, the pages go away; the heap waits without them. */
TEST(places)
{
    cairn__window_start();
    struct heap *heap[PARKED_HEAPS + 1];
    struct page *page[PARKED_HEAPS + 1];
    for (int i = 0; i <= PARKED_HEAPS; i++)
        heap[i] = with_page(&page[i]);
    for (int i = 0; i <= PARKED_HEAPS; i++) {
        assert_int_equal(cairn__registry_can_park(), i < PARKED_HEAPS);
        cairn__registry_park(heap[i]);
        assert_ptr_equal(page_owner(page[i]), i < PARKED_HEAPS ? heap[i] : OWNER_DEPOT);
    }
    for (int i = PARKED_HEAPS - 1; i >= 0; i--) {
        assert_ptr_equal(cairn__registry_take(), heap[i]);
        assert_ptr_equal(heap[i]->shelf[page[i]->class].active, page[i]);
        assert_true(cairn__registry_can_park());
    }
    assert_ptr_equal(cairn__registry_take(), heap[PARKED_HEAPS]);
    audit_all(NULL);
}

/* Who waits from one step to the next gives its pages away; who was taken in between waits anew. */
TEST(waited_in_vain)
{
    cairn__window_start();
    struct page *page[2];
    struct heap *first = with_page(&page[0]), *second = with_page(&page[1]);
    assert_false(cairn__registry_unpark(false));
    cairn__registry_park(first);
    assert_false(cairn__registry_unpark(false));
    cairn__registry_park(second);
    assert_ptr_equal(page_owner(page[0]), first);
    assert_true(cairn__registry_unpark(false));
    assert_ptr_equal(page_owner(page[0]), OWNER_DEPOT);
    assert_null(first->shelf[page[0]->class].active);
    assert_int_equal(atomic_load(&first->state), HEAP_IDLE);
    assert_ptr_equal(page_owner(page[1]), second);
    assert_ptr_equal(cairn__registry_take(), second);
    assert_false(cairn__registry_has_parked());
    assert_ptr_equal(cairn__registry_take(), first);
    cairn__registry_park(second);
    assert_false(cairn__registry_unpark(false));
    assert_true(cairn__registry_unpark(false));
    assert_ptr_equal(page_owner(page[1]), OWNER_DEPOT);
    assert_false(cairn__registry_has_parked());
}

/* All at once, however short they have waited. */
TEST(none_may_wait)
{
    cairn__window_start();
    struct heap *heap[PARKED_HEAPS];
    struct page *page[PARKED_HEAPS];
    for (int i = 0; i < PARKED_HEAPS; i++)
        heap[i] = with_page(&page[i]);
    for (int i = 0; i < PARKED_HEAPS; i++)
        cairn__registry_park(heap[i]);
    assert_true(cairn__registry_unpark(true));
    for (int i = 0; i < PARKED_HEAPS; i++)
        assert_ptr_equal(page_owner(page[i]), OWNER_DEPOT);
    assert_false(cairn__registry_unpark(true));
    assert_int_equal(cairn__registry_live(), 0);
    assert_true(cairn__option_set(OPTION_PURGE_DELAY, "0")); /* what is free goes back at once */
    struct heap *another = with_page(&page[0]);
    assert_false(cairn__registry_can_park());
    cairn__registry_park(another);
    assert_ptr_equal(page_owner(page[0]), OWNER_DEPOT);
    audit_all(NULL);
}

/* Blocks of a parked heap come back to its pages, until these have gone elsewhere. */
TEST(freeing_for_the_parked)
{
    cairn__window_start();
    struct page *page;
    struct heap *heap = with_page(&page);
    void *block = page->start;
    assert_int_equal(audit_all(NULL).live, 2);
    cairn__registry_park(heap);
    assert_true(cairn__registry_free_batch(heap, page, block, block, 1));
    assert_int_equal(audit_all(NULL).live, 1);
    cairn__registry_unpark(true);
    block = page->start + 3 * 1024;
    assert_false(cairn__registry_free_batch(heap, page, block, block, 1));
    assert_int_equal(audit_all(NULL).live, 1);
}

/* In a child only heaps that were not in the middle of something are taken over. */
TEST(in_a_child)
{
    cairn__window_start();
    struct heap *own = cairn__registry_take();
    struct heap *calm = cairn__registry_take();
    struct heap *busy = cairn__registry_take();
    struct heap *idle = cairn__registry_take();
    struct page *page;
    struct heap *parked = with_page(&page);
    cairn__registry_give(idle);
    cairn__registry_park(parked);
    busy->busy = true;
    cairn__registry_before_fork();
    cairn__registry_in_child(own);
    assert_int_equal(atomic_load(&own->state), HEAP_LIVE);
    assert_int_equal(atomic_load(&busy->state), HEAP_LIVE);
    assert_int_equal(atomic_load(&calm->state), HEAP_IDLE);
    assert_ptr_equal(cairn__registry_take(), parked);
    assert_ptr_equal(parked->shelf[page->class].active, page);
    assert_ptr_equal(cairn__registry_take(), calm);
    assert_ptr_equal(cairn__registry_take(), idle);
    assert_int_equal(known(), 5);
    struct heap *fresh = cairn__registry_take();
    assert_true(fresh != own && fresh != busy);
    assert_int_equal(known(), 6);
}

/* Who gets none shares; who ends makes room for another. */
TEST(so_many_and_no_more)
{
    assert_true(cairn__option_set(OPTION_HEAPS, "2"));
    struct heap *first = cairn__registry_take();
    assert_non_null(first);
    assert_non_null(cairn__registry_take());
    assert_null(cairn__registry_take());
    cairn__registry_give(first);
    assert_ptr_equal(cairn__registry_take(), first);
    assert_null(cairn__registry_take());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(new_heaps),
        cmocka_unit_test(reuse),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(freeing_for_the_idle),
        cmocka_unit_test(order_of_the_waiting),
        cmocka_unit_test(places),
        cmocka_unit_test(waited_in_vain),
        cmocka_unit_test(none_may_wait),
        cmocka_unit_test(freeing_for_the_parked),
        cmocka_unit_test(in_a_child),
    };
    return UNIT_MAIN(tests);
}
