/* SPDX-License-Identifier: MIT */
/* depot.h: putting, taking the fullest, accepting frees, and the page that comes home empty. */
#include "unit/unit.h"

#include <pthread.h>

#include "base/option.h"
#include "core/depot.h"
#include "core/heap.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"

static struct heap giver;
static struct heap taker;

static void start(void)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "64M"));
    cairn__window_start();
}

/* A full page of the class, of which `free` blocks have come back. */
static struct page *page_with_free(unsigned class, unsigned free)
{
    struct page *page = cairn__page_take(class, &giver);
    assert_non_null(page);
    while (page->issued < page->capacity)
        cairn__page_extend(page);
    for (unsigned i = 0; i < free; i++) {
        void *block = page->start + i * page->size;
        block_set_next(block, page->free);
        page->free = block;
        page->needed--;
    }
    return page;
}

TEST(empty_depot)
{
    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        assert_null(cairn__depot_take(class, &taker));
}

TEST(put_and_take)
{
    start();
    unsigned class = class_of(256);
    struct page *page = page_with_free(class, 100);
    cairn__depot_put(page);
    assert_ptr_equal(page_owner(page), OWNER_DEPOT);
    assert_int_equal(page_state(page), PAGE_SHELVED);
    assert_int_equal(page_free_count(page), 100);
    audit_all(NULL);
    assert_null(cairn__depot_take(class + 1, &taker));
    assert_ptr_equal(cairn__depot_take(class, &taker), page);
    assert_ptr_equal(page_owner(page), &taker);
    assert_int_equal(page_free_count(page), 100);
    assert_null(cairn__depot_take(class, &taker));
}

TEST(wholly_free_goes_to_the_pool)
{
    start();
    unsigned class = class_of(1024);
    cairn__depot_put(page_with_free(class, cairn__classes[class].capacity));
    struct page *unused = cairn__page_take(class, &giver); /* nothing ever handed out */
    cairn__depot_put(unused);
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_null(cairn__depot_take(class, &taker));
}

TEST(fullest_first)
{
    start();
    unsigned class = class_of(1024);
    struct page *page[6];
    static const unsigned free[] = {5, 60, 9, 4, 30, 7};
    for (int i = 0; i < 6; i++) {
        page[i] = page_with_free(class, free[i]);
        cairn__depot_put(page[i]);
    }
    assert_int_equal(audit_all(NULL).shelved, 6);
    assert_ptr_equal(cairn__depot_take(class, &taker), page[3]); /* of 7 30 4 9, latest first */
    assert_ptr_equal(cairn__depot_take(class, &taker), page[5]);
    assert_ptr_equal(cairn__depot_take(class, &taker), page[0]); /* of 30 9 60 5 */
}

TEST(accepting)
{
    start();
    unsigned class = class_of(1024);
    struct page *page = page_with_free(class, 10);
    char *start_of_page = page->start;
    assert_false(cairn__depot_accept(page, start_of_page, start_of_page, 1)); /* not here yet */
    assert_int_equal(page_free_count(page), 10);
    cairn__depot_put(page);
    for (unsigned i = 10; i < 64; i += 2) {
        char *first = start_of_page + i * 1024;
        char *last = first + 1024;
        block_set_next(first, last);
        assert_true(cairn__depot_accept(page, first, last, 2));
        if (i < 62) {
            assert_int_equal(page_free_count(page), i + 2);
            audit_all(NULL);
        }
    }
    assert_null(page_owner(page)); /* with the last block it went */
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_null(cairn__depot_take(class, &taker));
}

/* ---- threads ---- */

enum { PAGES = 64 };

static struct page *shelved[PAGES];
static _Atomic int owners[PAGES];
static pthread_barrier_t barrier;

static void *take_all(void *heap)
{
    pthread_barrier_wait(&barrier);
    struct page *page;
    while ((page = cairn__depot_take(class_of(1024), heap)) != NULL)
        for (int i = 0; i < PAGES; i++)
            if (shelved[i] == page)
                owners[i]++;
    return NULL;
}

/* Two heaps empty the depot: each page has one of them. */
TEST(racing_takers)
{
    start();
    for (int i = 0; i < PAGES; i++)
        cairn__depot_put(shelved[i] = page_with_free(class_of(1024), 5));
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_t other;
    REQUIRE(pthread_create(&other, NULL, take_all, &giver) == 0);
    take_all(&taker);
    pthread_join(other, NULL);
    for (int i = 0; i < PAGES; i++)
        assert_int_equal(owners[i], 1);
}

static void *free_share(void *first_block)
{
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < PAGES; i++)
        for (size_t block = 5 + (size_t)(first_block != NULL); block < 64; block += 2) {
            void *at = shelved[i]->start + block * 1024;
            REQUIRE(cairn__depot_accept(shelved[i], at, at, 1));
        }
    return NULL;
}

/* Two threads free into shelved pages: whoever brings the last block gives the page back. */
TEST(racing_freers)
{
    start();
    for (int i = 0; i < PAGES; i++)
        cairn__depot_put(shelved[i] = page_with_free(class_of(1024), 5));
    pthread_barrier_init(&barrier, NULL, 2);
    pthread_t other;
    REQUIRE(pthread_create(&other, NULL, free_share, &barrier) == 0);
    free_share(NULL);
    pthread_join(other, NULL);
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_int_equal(audit_all(NULL).pages, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_depot),
        cmocka_unit_test(put_and_take),
        cmocka_unit_test(wholly_free_goes_to_the_pool),
        cmocka_unit_test(fullest_first),
        cmocka_unit_test(accepting),
        cmocka_unit_test(racing_takers),
        cmocka_unit_test(racing_freers),
    };
    return UNIT_MAIN(tests);
}
