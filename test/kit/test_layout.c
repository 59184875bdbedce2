/* SPDX-License-Identifier: MIT */
/* layout.h: what is valid, and that nothing that overflows comes out as a size. */
#include "unit/unit.h"

#include "cairn/layout.h"

static const size_t interesting[] = {0,
                                     1,
                                     2,
                                     3,
                                     7,
                                     8,
                                     15,
                                     16,
                                     17,
                                     63,
                                     64,
                                     4095,
                                     4096,
                                     4097,
                                     (size_t)1 << 20,
                                     ((size_t)1 << 31) - 1,
                                     (size_t)1 << 31,
                                     PTRDIFF_MAX / 2,
                                     PTRDIFF_MAX / 2 + 1,
                                     PTRDIFF_MAX - 16,
                                     PTRDIFF_MAX - 15,
                                     PTRDIFF_MAX - 1,
                                     PTRDIFF_MAX,
                                     (size_t)PTRDIFF_MAX + 1,
                                     SIZE_MAX - 15,
                                     SIZE_MAX - 1,
                                     SIZE_MAX};
enum { COUNT = sizeof interesting / sizeof *interesting };

typedef unsigned __int128 wide;

static bool wide_is_valid(wide size, size_t align)
{
    if (align == 0 || (align & (align - 1)) != 0)
        return false;
    wide rounded = (size + align - 1) / align * align;
    return rounded <= (wide)PTRDIFF_MAX;
}

static wide wide_padded(size_t size, size_t align)
{
    return ((wide)size + align - 1) / align * align;
}

TEST(valid_is_what_the_contract_says)
{
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++) {
            cairn_layout layout = {interesting[i], interesting[j]};
            bool valid = wide_is_valid(layout.size, layout.align);
            assert_int_equal(cairn_layout_is_valid(layout), valid);
            cairn_layout made = cairn_layout_from_size_align(layout.size, layout.align);
            assert_int_equal(cairn_layout_is_valid(made), valid);
            if (valid)
                assert_true(cairn_layout_is_equal(made, layout));
        }
    assert_true(cairn_layout_is_valid((cairn_layout){0, (size_t)1 << 63}));
    assert_false(cairn_layout_is_valid((cairn_layout){1, (size_t)1 << 63}));
    assert_false(cairn_layout_is_valid(CAIRN_LAYOUT_NONE));
}

TEST(padding)
{
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++) {
            cairn_layout layout = {interesting[i], interesting[j]};
            cairn_layout padded = cairn_layout_pad_to_align(layout);
            assert_int_equal(cairn_layout_is_valid(padded), cairn_layout_is_valid(layout));
            if (cairn_layout_is_valid(layout)) {
                assert_true(padded.size == wide_padded(layout.size, layout.align));
                assert_int_equal(padded.align, layout.align);
            }
        }
}

TEST(repeating)
{
    static const size_t aligns[] = {1, 8, 16, 4096, 0, 3};
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++)
            for (int k = 0; k < 6; k++) {
                cairn_layout element = {interesting[i], aligns[k]};
                size_t n = interesting[j], stride = 77;
                cairn_layout array = cairn_layout_repeat(element, n, &stride);
                bool valid = cairn_layout_is_valid(element);
                if (valid) {
                    wide total = wide_padded(element.size, element.align) * n;
                    valid = wide_is_valid(total, element.align);
                    if (valid) {
                        assert_true(array.size == total);
                        assert_int_equal(array.align, element.align);
                        assert_true(stride == wide_padded(element.size, element.align));
                    }
                }
                assert_int_equal(cairn_layout_is_valid(array), valid);
                if (!valid)
                    assert_int_equal(stride, 0);
            }
}

TEST(extending)
{
    static const size_t aligns[] = {1, 4, 16, 4096, 0, 12};
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++)
            for (int k = 0; k < 36; k++) {
                cairn_layout first = {interesting[i], aligns[k / 6]};
                cairn_layout next = {interesting[j], aligns[k % 6]};
                size_t offset = 77;
                cairn_layout both = cairn_layout_extend(first, next, &offset);
                bool valid = cairn_layout_is_valid(first) && cairn_layout_is_valid(next);
                if (valid) {
                    wide at = wide_padded(first.size, next.align);
                    size_t align = first.align > next.align ? first.align : next.align;
                    valid = wide_is_valid(at + next.size, align);
                    if (valid) {
                        assert_true(offset == at);
                        assert_true(both.size == at + next.size);
                        assert_int_equal(both.align, align);
                    }
                }
                assert_int_equal(cairn_layout_is_valid(both), valid);
                if (!valid)
                    assert_int_equal(offset, 0);
            }
}

/* The layout that the compiler gives a struct is the one that extend finds. */
TEST(a_record_as_the_compiler_lays_it_out)
{
    struct record {
        char a;
        double b;
        short c;
        _Alignas(64) char d[3];
    };
    size_t b, c, d;
    cairn_layout layout = cairn_layout_of(char);
    layout = cairn_layout_extend(layout, cairn_layout_of(double), &b);
    layout = cairn_layout_extend(layout, cairn_layout_of(short), &c);
    layout = cairn_layout_extend(layout, (cairn_layout){3, 64}, &d);
    layout = cairn_layout_pad_to_align(layout);
    assert_int_equal(b, offsetof(struct record, b));
    assert_int_equal(c, offsetof(struct record, c));
    assert_int_equal(d, offsetof(struct record, d));
    assert_true(cairn_layout_is_equal(layout, cairn_layout_of(struct record)));
    layout = cairn_layout_array(struct record, 3);
    assert_int_equal(layout.size, sizeof(struct record[3]));
    assert_false(cairn_layout_is_valid(cairn_layout_array(struct record, SIZE_MAX / 128)));
}

/* One check at the end of a chain is enough. */
TEST(what_is_not_valid_stays_so)
{
    cairn_layout none = CAIRN_LAYOUT_NONE, one = {8, 8};
    assert_false(cairn_layout_is_valid(cairn_layout_pad_to_align(none)));
    assert_false(cairn_layout_is_valid(cairn_layout_extend(none, one, NULL)));
    assert_false(cairn_layout_is_valid(cairn_layout_extend(one, none, NULL)));
    assert_false(cairn_layout_is_valid(cairn_layout_repeat(none, 0, NULL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_is_what_the_contract_says),
        cmocka_unit_test(padding),
        cmocka_unit_test(repeating),
        cmocka_unit_test(extending),
        cmocka_unit_test(a_record_as_the_compiler_lays_it_out),
        cmocka_unit_test(what_is_not_valid_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
