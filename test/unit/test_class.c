/* SPDX-License-Identifier: MIT */
/* class.h, exhaustively: every size, every alignment, every class. */
#include "unit/unit.h"

#include "core/class.h"

static void table(void **state)
{
    (void)state;
    assert_int_equal(cairn__classes[0].size, 0);
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        const struct class_info *info = &cairn__classes[class];
        assert_true(info->size > cairn__classes[class - 1].size);
        assert_int_equal(info->size % 16, 0);
        if (class <= 32)
            assert_int_equal(info->size, 16 * class);
    }
    assert_int_equal(cairn__classes[CLASS_COUNT - 1].size, MEDIUM_MAX);
}

static void pages(void **state)
{
    (void)state;
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        const struct class_info *info = &cairn__classes[class];
        size_t bytes = info->units * UNIT_SIZE;
        assert_in_range(info->units, 1, CHUNK_UNITS);
        assert_int_equal(info->capacity, bytes / info->size);
        assert_true(info->capacity >= 8);
        assert_true(info->capacity * (size_t)info->size <= bytes);
        assert_true(bytes - info->capacity * (size_t)info->size <= bytes / 8);
        /* remote.c packs places in 16-byte steps, and counts, into 16 bits each. */
        assert_true(bytes <= MIB);
        if (info->size > 4096 && info->units > 1) /* no unit more than eight blocks need */
            assert_true((info->units - 1) * UNIT_SIZE < 8 * (size_t)info->size);
        if (info->size <= 4096)
            assert_int_equal(info->units, 1);
    }
}

static void wakes(void **state)
{
    (void)state;
    for (unsigned class = 1; class < CLASS_COUNT; class ++) {
        const struct class_info *info = &cairn__classes[class];
        size_t wanted = info->capacity / 16;
        wanted = wanted < 4 ? 4 : wanted > 128 ? 128 : wanted;
        wanted = wanted > info->capacity / 4u ? info->capacity / 4u : wanted;
        assert_int_equal(info->wake, wanted);
        assert_in_range(info->wake, 1, 128);
        /* A page that falls asleep not quite full still has more than `wake` blocks in use. */
        assert_true(2 * info->wake < info->capacity);
    }
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(class_of(0), 1);
    assert_int_equal(class_of_small(0), 0); /* whose list is always empty */
    unsigned before = 1;
    for (size_t size = 1; size <= MEDIUM_MAX; size++) {
        unsigned class = class_of(size);
        if (class < before || class > before + 1 || cairn__classes[class].size < size ||
            cairn__classes[class - 1].size >= size)
            fail_msg("%zu bytes are of class %u", size, class);
        size_t waste = cairn__classes[class].size - size;
        if (size > 128 ? waste * 8 > size : waste > 15)
            fail_msg("%zu bytes waste %zu", size, waste);
        if (size <= SMALL_MAX)
            assert_int_equal(class_of_small(size), class);
        if (size > 512)
            assert_int_equal(class_of_medium(size), class);
        before = class;
    }
    assert_int_equal(class_of(MEDIUM_MAX), CLASS_COUNT - 1);
}

static unsigned slow_class_aligned(size_t size, size_t align)
{
    for (unsigned class = 1; class < CLASS_COUNT; class ++)
        if (cairn__classes[class].size >= size && cairn__classes[class].size % align == 0)
            return class;
    return 0;
}

static void alignments(void **state)
{
    (void)state;
    for (size_t align = 1; align <= UNIT_SIZE; align *= 2) {
        unsigned expected = slow_class_aligned(0, align);
        for (size_t size = 0; size <= MEDIUM_MAX + 1; size++) {
            if (size > (expected == 0 ? MEDIUM_MAX : cairn__classes[expected].size))
                expected = slow_class_aligned(size, align);
            unsigned class = cairn__class_aligned(size, align);
            if (class != expected)
                fail_msg("%zu bytes aligned to %zu: class %u, not %u", size, align, class,
                         expected);
        }
        assert_int_equal(cairn__class_aligned(SIZE_MAX, align), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table), cmocka_unit_test(pages),      cmocka_unit_test(wakes),
        cmocka_unit_test(sizes), cmocka_unit_test(alignments),
    };
    return UNIT_MAIN(tests);
}
