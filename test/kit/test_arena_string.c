/* SPDX-License-Identifier: MIT */
/* arena_string.h and arena_vector.h: what grows, where, and what stays when it cannot. */
#include "unit/unit.h"

#include "base/visible.h"
#include "cairn/arena_string.h"
#include "cairn/arena_vector.h"
#include "kit/arena_source.h"

static struct arena_source source;

static cairn_arena *make(size_t first_chunk)
{
    cairn_arena *arena = cairn_arena_create(
        &(cairn_arena_opts){.source = source_of(&source), .first_chunk = first_chunk});
    assert_non_null(arena);
    return arena;
}

static void end(cairn_arena *arena)
{
    assert_null(cairn_arena_audit(arena));
    cairn_arena_destroy(arena);
    assert_int_equal(source.live, 0);
}

static void refuse(bool on)
{
    source.fail_at = on ? 1 : 0;
    source.fail_on = on;
}

/* ---- text ---- */

TEST(copies)
{
    cairn_arena *arena = make(0);
    static const char text[] = "a line of text";
    char *copy = cairn_arena_duplicate_string(arena, text);
    assert_string_equal(copy, text);
    assert_string_equal(cairn_arena_duplicate_string(arena, ""), "");
    assert_string_equal(cairn_arena_duplicate_text(arena, text, 6), "a line");
    assert_string_equal(cairn_arena_duplicate_text(arena, NULL, 0), "");
    assert_null(cairn_arena_duplicate_text(arena, text, SIZE_MAX));
    double numbers[] = {1, 2, 3};
    double *same = cairn_arena_duplicate(arena, numbers, sizeof numbers, _Alignof(double));
    assert_memory_equal(same, numbers, sizeof numbers);
    assert_non_null(cairn_arena_duplicate(arena, NULL, 0, 1));
    assert_null(cairn_arena_duplicate(arena, numbers, sizeof numbers, 3));
    end(arena);
}

/* Every length, so that the end of a chunk is met at each place. */
TEST(printing)
{
    for (int first = 0; first < 2; first++) {
        cairn_arena *arena = make(first ? 512 : 4096);
        char *texts[600];
        for (int i = 0; i < 600; i++) {
            texts[i] = cairn_arena_printf(arena, "%0*d|%s", i % 100 + 1, i, "x");
            assert_non_null(texts[i]);
            assert_null(cairn_arena_audit(arena));
        }
        for (int i = 0; i < 600; i++) {
            char expected[200];
            snprintf(expected, sizeof expected, "%0*d|%s", i % 100 + 1, i, "x");
            assert_string_equal(texts[i], expected);
        }
        char *large = cairn_arena_printf(arena, "%0*d", 100000, 7);
        assert_int_equal(strlen(large), 100000);
        refuse(true);
        assert_null(cairn_arena_printf(arena, "%0*d", 200000, 7));
        refuse(false);
        end(arena);
    }
}

TEST(a_string_grows_where_it_is)
{
    cairn_arena *arena = make(1 << 16);
    cairn_string string;
    cairn_string_init(&string, arena);
    assert_string_equal(cairn_string_text(&string), "");
    assert_null(cairn_string_audit(&string));
    assert_true(cairn_string_append(&string, "0"));
    const char *first = string.text;
    for (int i = 1; i < 10000; i++) {
        assert_true(cairn_string_append_char(&string, (char)('0' + i % 10)));
        assert_null(cairn_string_audit(&string));
    }
    assert_int_equal(string.length, 10000);
    assert_int_equal(strlen(string.text), 10000);
    assert_ptr_equal(string.text, first);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(string.text[i], '0' + i % 10);
    char *text = cairn_string_finish(&string);
    assert_ptr_equal(text, first);
    assert_null(string.text);
    if (!cairn__is_watched())
        assert_int_equal(cairn_arena_stats_get(arena).used, 10001);
    assert_string_equal(cairn_string_finish(&string), "");
    end(arena);
}

TEST(strings_side_by_side)
{
    cairn_arena *arena = make(512);
    cairn_string strings[5];
    for (int i = 0; i < 5; i++)
        cairn_string_init(&strings[i], arena);
    for (int i = 0; i < 3000; i++) {
        cairn_string *string = &strings[i * 7 % 5];
        assert_true(cairn_string_appendf(string, "%d,", i));
        assert_null(cairn_string_audit(string));
        assert_null(cairn_arena_audit(arena));
    }
    for (int i = 0; i < 5; i++) {
        const char *at = cairn_string_text(&strings[i]);
        for (int j = 0; j < 3000; j++)
            if (j * 7 % 5 == i) {
                assert_int_equal(atoi(at), j);
                at = strchr(at, ',') + 1;
            }
        assert_int_equal(*at, '\0');
    }
    end(arena);
}

TEST(a_string_and_its_own_text)
{
    cairn_arena *arena = make(256);
    cairn_string string;
    cairn_string_init(&string, arena);
    assert_true(cairn_string_append(&string, "abc"));
    for (int i = 0; i < 10; i++) {
        char *in_the_way = cairn_arena_alloc(arena, 16, 8);
        assert_non_null(in_the_way);
        memset(in_the_way, 'x', 16);
        assert_true(cairn_string_append_bytes(&string, string.text, string.length));
    }
    assert_int_equal(string.length, 3 << 10);
    for (size_t i = 0; i < string.length; i++)
        assert_int_equal(string.text[i], "abc"[i % 3]);
    assert_true(cairn_string_append(&string, string.text + string.length - 1));
    assert_string_equal(string.text + (3 << 10) - 1, "cc");
    cairn_string_truncate(&string, 10000);
    assert_int_equal(string.length, (3 << 10) + 1);
    cairn_string_truncate(&string, 2);
    assert_string_equal(string.text, "ab");
    cairn_string_truncate(&string, 0);
    assert_true(cairn_string_append_bytes(&string, "\0\1", 2));
    assert_int_equal(string.length, 2);
    assert_true(cairn_string_append_bytes(&string, NULL, 0));
    end(arena);
}

TEST(a_string_that_finds_no_memory)
{
    cairn_arena *arena = make(256);
    cairn_string string;
    cairn_string_init(&string, arena);
    refuse(true);
    assert_false(cairn_string_append_char(&string, 'a'));
    assert_false(cairn_string_append(&string, "text"));
    assert_false(cairn_string_appendf(&string, "%d", 1));
    assert_null(cairn_string_finish(&string));
    assert_null(cairn_string_audit(&string));
    refuse(false);
    assert_true(cairn_string_append(&string, "text"));
    refuse(true);
    for (int i = 0; cairn_string_append_char(&string, 'a'); i++)
        assert_true(i < 300);
    assert_false(cairn_string_appendf(&string, "%0500d", 1));
    assert_false(cairn_string_append_bytes(&string, "x", SIZE_MAX));
    assert_false(cairn_string_append_bytes(&string, "x", PTRDIFF_MAX));
    assert_false(cairn_string_reserve(&string, SIZE_MAX));
    assert_false(cairn_string_reserve(&string, PTRDIFF_MAX - 1));
    assert_null(cairn_string_audit(&string));
    assert_int_equal(strlen(string.text), string.length);
    refuse(false);
    end(arena);
}

/* ---- vectors ---- */

struct point {
    double x, y;
    char name;
};

TEST(a_vector_grows_where_it_is)
{
    cairn_arena *arena = make(1 << 20);
    cairn_vector vector;
    cairn_vector_init(&vector, arena, cairn_layout_of(struct point));
    const void *first = NULL;
    for (int i = 0; i < 10000; i++) {
        struct point *point = cairn_vector_push(&vector, struct point);
        assert_non_null(point);
        *point = (struct point){i, -i, 'p'};
        first = first == NULL ? vector.data : first;
        assert_ptr_equal(vector.data, first);
        assert_null(cairn_vector_audit(&vector));
    }
    for (int i = 0; i < 10000; i++) {
        assert_true(cairn_vector_at(&vector, struct point, i)->x == i);
        assert_true(cairn_vector_data(&vector, struct point)[i].y == -i);
    }
    assert_null(cairn_vector_at(&vector, struct point, 10000));
    assert_null(cairn_vector_at(&vector, double, 0));
    assert_null(cairn_vector_push(&vector, double));
    cairn_vector_trim(&vector);
    assert_int_equal(vector.capacity, 10000);
    if (!cairn__is_watched())
        assert_int_equal(cairn_arena_stats_get(arena).used, 10000 * sizeof(struct point));
    assert_true(cairn_vector_resize(&vector, 0));
    cairn_vector_trim(&vector);
    assert_null(cairn_vector_audit(&vector));
    assert_int_equal(cairn_arena_stats_get(arena).used, 0);
    assert_non_null(cairn_vector_push(&vector, struct point));
    end(arena);
}

/* Takes the rest of its chunk before it moves. */
TEST(a_vector_at_the_end_of_a_chunk)
{
    cairn_arena *arena = make(1024);
    cairn_vector vector;
    struct seven {
        char bytes[7];
    };
    cairn_vector_init(&vector, arena, cairn_layout_of(struct seven));
    for (int i = 0; i < 5000; i++) {
        struct seven *element = cairn_vector_push(&vector, struct seven);
        assert_non_null(element);
        memset(element, i, sizeof *element);
        assert_null(cairn_vector_audit(&vector));
        assert_null(cairn_arena_audit(arena));
    }
    for (int i = 0; i < 5000; i++)
        assert_int_equal(((unsigned char *)vector.data)[i * 7 + 6], i & 255);
    end(arena);
}

static void check_numbers(const cairn_vector *vector, const int *numbers, size_t count)
{
    assert_int_equal(vector->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(cairn_vector_data(vector, int)[i], numbers[i]);
    assert_null(cairn_vector_audit(vector));
}

/* Random edits, beside an array that does the same by hand. */
TEST(edits)
{
    enum { MOST = 300 };
    int numbers[MOST + 10], number;
    size_t count = 0;
    uint64_t seed = 9;
    cairn_arena *arena = make(512);
    cairn_vector vector;
    cairn_vector_init(&vector, arena, cairn_layout_of(int));
    for (int i = 0; i < 20000; i++) {
        size_t at = unit_below(&seed, count + 1);
        switch (count >= MOST ? 3 + i % 3 : (int)unit_below(&seed, 8)) {
        case 0:
        case 1:
        case 2: {
            int *gap = cairn_vector_insert(&vector, at);
            *gap = i;
            memmove(numbers + at + 1, numbers + at, (count++ - at) * sizeof(int));
            numbers[at] = i;
            break;
        }
        case 3:
            assert_int_equal(cairn_vector_remove(&vector, at), at < count);
            if (at < count)
                memmove(numbers + at, numbers + at + 1, (--count - at) * sizeof(int));
            break;
        case 4:
            assert_int_equal(cairn_vector_remove_swap(&vector, at), at < count);
            if (at < count)
                numbers[at] = numbers[--count];
            break;
        case 5:
            number = -1;
            assert_int_equal(cairn_vector_pop(&vector, i % 2 ? &number : NULL), count > 0);
            if (count > 0 && i % 2)
                assert_int_equal(number, numbers[count - 1]);
            count -= count > 0;
            break;
        case 6:
            at = unit_below(&seed, 8);
            assert_true(cairn_vector_resize(&vector, at < count ? count - at : count + at));
            if (at >= count)
                memset(numbers + count, 0, at * sizeof(int));
            count = at < count ? count - at : count + at;
            break;
        default:
            at = count < 5 ? 0 : count - 5;
            assert_true(cairn_vector_append(&vector, (int *)vector.data + at,
                                            count - at < 3 ? count - at : 3));
            for (size_t j = 0, end_of = count; j < 3 && at + j < end_of; j++)
                numbers[count++] = numbers[at + j];
        }
        check_numbers(&vector, numbers, count);
    }
    end(arena);
}

TEST(a_vector_that_cannot)
{
    cairn_arena *arena = make(512);
    cairn_vector vector;
    static const cairn_layout bad[] = {{8, 3}, {0, 8}, {SIZE_MAX, 1}, {8, 0}};
    for (int i = 0; i < 4; i++) {
        cairn_vector_init(&vector, arena, bad[i]);
        assert_null(cairn_vector_push(&vector, char));
        assert_null(cairn_vector_insert(&vector, 0));
        assert_false(cairn_vector_resize(&vector, 1));
        assert_false(cairn_vector_append(&vector, "x", 1));
        assert_true(cairn_vector_resize(&vector, 0));
        assert_false(cairn_vector_remove(&vector, 0));
        assert_false(cairn_vector_remove_swap(&vector, 0));
        assert_false(cairn_vector_pop(&vector, NULL));
        cairn_vector_trim(&vector);
        assert_null(cairn_vector_audit(&vector));
    }
    cairn_vector_init(&vector, arena, cairn_layout_of(long));
    assert_false(cairn_vector_reserve(&vector, SIZE_MAX));
    assert_false(cairn_vector_reserve(&vector, SIZE_MAX / 8));
    assert_false(cairn_vector_reserve(&vector, PTRDIFF_MAX / 8));
    long one = 1;
    assert_true(cairn_vector_append(&vector, &one, 1));
    assert_false(cairn_vector_append(&vector, &one, SIZE_MAX));
    assert_null(cairn_vector_insert(&vector, 2));
    refuse(true);
    size_t count = 1;
    while (cairn_vector_push(&vector, long) != NULL)
        cairn_vector_data(&vector, long)[count++] = 1;
    assert_int_equal(vector.count, count);
    assert_false(cairn_vector_resize(&vector, count + 1));
    assert_null(cairn_vector_insert(&vector, 0));
    for (size_t i = 0; i < count; i++)
        assert_int_equal(cairn_vector_data(&vector, long)[i], 1);
    assert_null(cairn_vector_audit(&vector));
    refuse(false);
    end(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(printing),
        cmocka_unit_test(a_string_grows_where_it_is),
        cmocka_unit_test(strings_side_by_side),
        cmocka_unit_test(a_string_and_its_own_text),
        cmocka_unit_test(a_string_that_finds_no_memory),
        cmocka_unit_test(a_vector_grows_where_it_is),
        cmocka_unit_test(a_vector_at_the_end_of_a_chunk),
        cmocka_unit_test(edits),
        cmocka_unit_test(a_vector_that_cannot),
    };
    return UNIT_MAIN(tests);
}
