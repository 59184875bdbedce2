/* SPDX-License-Identifier: MIT */
/* page.h: descriptors of every class, extending to the last block, counts by state, lists. */
#include "unit/unit.h"

#include "base/option.h"
#include "core/page.h"
#include "fake_os/fake_os.h"
#include "unit/audit.h"

static struct heap someone; /* an owner that nobody looks into */

static void start(void)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "64M"));
    cairn__window_start();
}

static void check_new(const struct page *page, unsigned class)
{
    const struct class_info *info = &cairn__classes[class];
    assert_non_null(page);
    assert_ptr_equal(page_owner(page), &someone);
    assert_int_equal(page_state(page), PAGE_ACTIVE);
    assert_int_equal(page->size, info->size);
    assert_int_equal(page->capacity, info->capacity);
    assert_int_equal(page->class, class);
    assert_int_equal(page->wake, info->wake);
    assert_int_equal(page->units, info->units);
    assert_int_equal(page->issued, 0);
    assert_null(page->free);
    assert_int_equal(page_free_count(page), 0);
    assert_int_equal((uintptr_t)page->start % UNIT_SIZE, 0);
}

/* Every byte of the page belongs to the page. */
static void check_places(const struct page *page)
{
    for (size_t unit = 0; unit < page->units; unit++) {
        const char *place = page->start + unit * UNIT_SIZE;
        assert_ptr_equal(page_near(place), page + unit);
        assert_ptr_equal(page_of(place), page);
        assert_ptr_equal(page_of(place + UNIT_SIZE - 1), page);
    }
}

TEST(every_class)
{
    start();
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        struct page *page = cairn__page_take(class, &someone);
        check_new(page, class);
        check_places(page);
        assert_int_equal(cairn__pool_figures().used, page->units);
        size_t units = page->units;
        cairn__page_give(page);
        assert_int_equal(cairn__pool_figures().used, 0);
        for (size_t unit = 0; unit < units; unit++) {
            assert_null(page_owner(page + unit));
            assert_int_equal(page_state(page + unit), PAGE_NONE);
        }
        cairn__units_purge(0);
    }
}

/* All blocks of a page are handed out once, in rows of about EXTEND_BYTES. */
TEST(extending)
{
    start();
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        struct page *page = cairn__page_take(class, &someone);
        assert_true(page->clean);
        size_t count = 0;
        while (page->issued < page->capacity) {
            size_t before = page->issued;
            char *block = cairn__page_extend(page);
            size_t row = 0;
            for (; block != NULL; block = block_next(block), row++) {
                assert_ptr_equal(block, page->start + (count + row) * page->size);
                if (row > 0 || page->size < EXTEND_BYTES) /* only links are written */
                    assert_true(unit_is_zero(block + 8, page->size - 8));
            }
            assert_int_equal(page->issued - before, row);
            assert_true(row * page->size <= size_max(EXTEND_BYTES, page->size));
            assert_true((row + 1) * page->size > EXTEND_BYTES || page->issued == page->capacity);
            assert_int_equal(page_free_count(page), 0);
            count += row;
        }
        assert_int_equal(count, cairn__classes[class].capacity);
        cairn__page_give(page);
        cairn__units_purge(0);
    }
}

/* free = as the state says, on every way from one state to another. */
TEST(counts)
{
    start();
    static const enum page_state states[] = {PAGE_ACTIVE, PAGE_ASLEEP, PAGE_LISTED, PAGE_SHELVED};
    struct page *page = cairn__page_take(class_of(1024), &someone);
    while (page->issued < page->capacity)
        cairn__page_extend(page);
    assert_int_equal(page->wake, 4);
    for (unsigned free = 0; free < 4; free++) {
        for (int from = 0; from < 4; from++)
            for (int to = 0; to < 4; to++) {
                page_recount(page, states[from]);
                assert_int_equal(page_free_count(page), free);
                page_recount(page, states[to]);
                assert_int_equal(page_state(page), states[to]);
                assert_int_equal(page_free_count(page), free);
            }
        page_recount(page, PAGE_ASLEEP);
        assert_int_equal(page->needed, 4 - free); /* so many to the next event */
        page_recount(page, PAGE_LISTED);
        assert_int_equal(page->needed, 64 - free);
        block_set_next(page->start + free * 1024, page->free);
        page->free = page->start + free * 1024;
        page->needed--;
    }
    page_recount(page, PAGE_ACTIVE);
    assert_ptr_equal(page_take_free(page), page->start + 3 * 1024);
    assert_null(page->free);
    assert_int_equal(page_free_count(page), 0);
}

TEST(large)
{
    start();
    for (size_t units = 1; units <= 256; units += 15)
        for (int aligned = 0; aligned < 2; aligned++) {
            struct page *page = cairn__page_take_large(units, aligned != 0);
            assert_non_null(page);
            assert_ptr_equal(page_owner(page), OWNER_LARGE);
            assert_int_equal(page_state(page), PAGE_LARGE);
            assert_int_equal(page->units, units);
            assert_int_equal(page->size, 0);
            if (aligned)
                assert_int_equal((uintptr_t)page->start % CHUNK_SIZE, 0);
            assert_ptr_equal(page_of(page->start), page);
            assert_int_equal(cairn__pool_figures().used, units);
            cairn__page_give(page);
            assert_int_equal(cairn__pool_figures().used, 0);
        }
}

/* A page that was given and taken again is not clean; after purging it is. */
TEST(clean)
{
    start();
    struct page *page = cairn__page_take(1, &someone);
    assert_true(page->clean);
    page->start[100] = 1;
    cairn__page_give(page);
    struct page *again = cairn__page_take(1, &someone);
    assert_ptr_equal(again, page);
    assert_false(again->clean);
    cairn__page_give(again);
    cairn__units_purge(0);
    again = cairn__page_take(1, &someone);
    assert_true(again->clean);
    assert_int_equal(again->start[100], 0);
}

/* The page's region is found where it is not the window. */
TEST(outside_the_window)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "2M"));
    cairn__window_start();
    static struct page *page[64];
    for (unsigned i = 0; i < 64; i++) {
        page[i] = cairn__page_take(class_of(16384), &someone);
        check_new(page[i], class_of(16384));
        check_places(page[i]);
    }
    assert_non_null(cairn__region_next(cairn__region_first()));
    for (unsigned i = 0; i < 64; i++)
        cairn__page_give(page[i]);
    assert_int_equal(cairn__pool_figures().used, 0);
    assert_null(page_near((void *)(uintptr_t)4096));
    assert_null(page_near(NULL));
}

TEST(no_memory)
{
    fake_fail_from(FAKE_ANY, 1);
    start();
    assert_null(cairn__page_take(1, &someone));
    assert_null(cairn__page_take_large(40, false));
}

TEST(lists)
{
    enum { PAGES = 16 };
    static struct page pages[PAGES];
    struct page_list list = {0};
    struct page *model[PAGES]; /* first to last */
    bool in[PAGES] = {false};
    size_t count = 0;
    uint64_t seed = 5;
    for (int round = 0; round < 20000; round++) {
        size_t i = unit_below(&seed, PAGES);
        if (in[i]) {
            size_t at = 0;
            while (model[at] != &pages[i])
                at++;
            memmove(&model[at], &model[at + 1], (--count - at) * sizeof model[0]);
            page_remove(&list, &pages[i]);
        } else if (unit_below(&seed, 2) == 0) {
            memmove(&model[1], &model[0], count++ * sizeof model[0]);
            model[0] = &pages[i];
            page_push_first(&list, &pages[i]);
        } else {
            model[count++] = &pages[i];
            page_push_last(&list, &pages[i]);
        }
        in[i] = !in[i];
        REQUIRE(list.count == count);
        struct page *page = list.first;
        for (size_t at = 0; at < count; at++, page = page->next) {
            REQUIRE(page == model[at]);
            REQUIRE(page->prev == (at == 0 ? NULL : model[at - 1]));
        }
        REQUIRE(page == NULL);
        REQUIRE(count == 0 || list.last == model[count - 1]);
    }
}

TEST(fullest)
{
    static struct page pages[8];
    struct page_list list = {0};
    assert_null(cairn__page_fullest(&list));
    static const unsigned needed[] = {10, 50, 20, 50, 90, 7, 8, 9}; /* of 100: the rest is free */
    for (int i = 0; i < 8; i++) {
        pages[i].issued = 100;
        pages[i].needed = needed[i];
        page_set_state(&pages[i], PAGE_SHELVED);
        page_push_last(&list, &pages[i]);
    }
    assert_ptr_equal(cairn__page_fullest(&list), &pages[1]); /* of four, the first of the best */
    page_remove(&list, &pages[0]);
    assert_ptr_equal(cairn__page_fullest(&list), &pages[4]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class), cmocka_unit_test(extending),
        cmocka_unit_test(counts),      cmocka_unit_test(large),
        cmocka_unit_test(clean),       cmocka_unit_test(outside_the_window),
        cmocka_unit_test(no_memory),   cmocka_unit_test(lists),
        cmocka_unit_test(fullest),
    };
    return UNIT_MAIN(tests);
}
