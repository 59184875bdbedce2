/* SPDX-License-Identifier: MIT */
/* registry.h: heaps are reused last first, known for good, and freed into while idle. */
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

/* In a child only heaps that were not in the middle of something are taken over. */
TEST(in_a_child)
{
    struct heap *own = cairn__registry_take();
    struct heap *calm = cairn__registry_take();
    struct heap *busy = cairn__registry_take();
    struct heap *idle = cairn__registry_take();
    cairn__registry_give(idle);
    busy->busy = true;
    cairn__registry_before_fork();
    cairn__registry_in_child(own);
    assert_int_equal(atomic_load(&own->state), HEAP_LIVE);
    assert_int_equal(atomic_load(&busy->state), HEAP_LIVE);
    assert_int_equal(atomic_load(&calm->state), HEAP_IDLE);
    assert_ptr_equal(cairn__registry_take(), calm);
    assert_ptr_equal(cairn__registry_take(), idle);
    assert_int_equal(known(), 4);
    struct heap *fresh = cairn__registry_take();
    assert_true(fresh != own && fresh != busy);
    assert_int_equal(known(), 5);
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
        cmocka_unit_test(in_a_child),
    };
    return UNIT_MAIN(tests);
}
