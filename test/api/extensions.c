/* SPDX-License-Identifier: MIT */
/*
 * glibc's extensions, which real programs call: reallocarray, malloc_trim, mallopt, mallinfo and
 * mallinfo2, malloc_stats, malloc_info. They must be harmless, and what they say must be true in
 * direction: what is allocated is counted, what is freed is not.
 */
#include "api/check.h"
#include "property/pattern.h"

#include <ctype.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

/* mallinfo() is deprecated for mallinfo2(), and still called. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { TEXT_MAX = 1 << 20 };

static void reallocarray_is_realloc(void **state)
{
    (void)state;
    unsigned char *ptr = reallocarray(hidden(NULL), 10, 100);

    assert_non_null(ptr);
    pattern_fill(ptr, 1000, 1);
    for (size_t count = 20; count < 200000; count *= 3) {
        ptr = reallocarray(ptr, count, 100);
        check(ptr != NULL, "reallocarray of %zu is NULL", count);
        check(pattern_mismatch(ptr, 1000, 1000, 1) == PATTERN_INTACT, "at %zu", count);
        check(malloc_usable_size(ptr) >= count * 100, "usable size of %zu", count * 100);
    }
    free(ptr);
}

static void reallocarray_zero_is_realloc_zero(void **state)
{
    (void)state;
    assert_null(reallocarray(malloc(100), hidden_size(0), 10));
    assert_null(reallocarray(malloc(100), 10, hidden_size(0)));
    void *ptr = reallocarray(hidden(NULL), hidden_size(0), 10);

    assert_non_null(ptr);
    free(ptr);
}

static void trim_answers_0_or_1(void **state)
{
    (void)state;
    static const size_t pads[] = {0, 1, 4096, 1 << 20, (size_t)1 << 40, SIZE_MAX};

    for (size_t i = 0; i < sizeof pads / sizeof pads[0]; i++) {
        int result = malloc_trim(pads[i]);

        check(result == 0 || result == 1, "malloc_trim(%zu) is %d", pads[i], result);
    }
}

enum { MANY = 40000, MANY_SIZE = 1000 };

static unsigned char *many[MANY];

static void allocate_many(void)
{
    for (size_t i = 0; i < MANY; i++) {
        many[i] = malloc(MANY_SIZE);
        check(many[i] != NULL, "malloc is NULL");
        pattern_fill(many[i], MANY_SIZE, i);
    }
}

static void free_many(size_t step)
{
    for (size_t i = 0; i < MANY; i++) {
        if (i % step == 0) {
            free(many[i]);
            many[i] = NULL;
        }
    }
}

static void trim_leaves_live_blocks(void **state)
{
    (void)state;
    allocate_many();
    free_many(2);
    malloc_trim(0);
    for (size_t i = 1; i < MANY; i += 2) {
        check(pattern_mismatch(many[i], MANY_SIZE, MANY_SIZE, i) == PATTERN_INTACT, "block %zu", i);
    }
    free_many(1);
}

static void trim_returns_memory(void **state)
{
    (void)state;
    malloc_trim(0);
    size_t before = resident_bytes();

    allocate_many();
    size_t peak = resident_bytes();

    free_many(1);
    malloc_trim(0);
    size_t after = resident_bytes();

    check(peak >= before + (size_t)MANY * MANY_SIZE / 2, "RSS: %zu, then %zu", before, peak);
    check(after < before + (peak - before) / 10, "RSS: %zu, then %zu, then %zu", before, peak,
          after);
}

static void mallopt_takes_known_parameters(void **state)
{
    (void)state;
    assert_int_equal(mallopt(M_MMAP_THRESHOLD, 128 * 1024), 1);
    assert_int_equal(mallopt(M_MMAP_MAX, 65536), 1);
    assert_int_equal(mallopt(M_TRIM_THRESHOLD, 128 * 1024), 1);
    assert_int_equal(mallopt(M_TOP_PAD, 0), 1);
    assert_int_equal(mallopt(M_ARENA_MAX, 2), 1);
    assert_int_equal(mallopt(M_ARENA_TEST, 2), 1);
    assert_int_equal(mallopt(M_MXFAST, 64), 1);
    assert_int_equal(mallopt(M_CHECK_ACTION, 3), 1);
    assert_int_equal(mallopt(M_PERTURB, 0), 1);
}

static void mallopt_is_harmless(void **state)
{
    (void)state;
    static const int values[] = {0, 1, -1, 4096, INT32_MAX, INT32_MIN};

    for (int parameter = -20; parameter <= 20; parameter++) {
        if (parameter == M_PERTURB || parameter == M_MMAP_MAX || parameter == M_TOP_PAD) {
            continue; /* glibc obeys these to the letter */
        }
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            int result = mallopt(parameter, values[i]);

            check(result == 0 || result == 1, "mallopt(%d, %d) is %d", parameter, values[i],
                  result);
        }
    }
    unsigned char *ptr = calloc(1, 100000);

    assert_non_null(ptr);
    assert_true(pattern_nonzero(ptr, 100000) == PATTERN_INTACT);
    free(ptr);
}

/* glibc counts blocks with a mapping of their own apart. */
static size_t counted_bytes(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void mallinfo2_counts(void **state)
{
    size_t size = (size_t)*state;
    size_t count = ((size_t)32 << 20) / size;

    if (count > MANY) {
        count = MANY;
    }
    size_t before = counted_bytes();

    for (size_t i = 0; i < count; i++) {
        many[i] = malloc(size);
        check(many[i] != NULL, "malloc(%zu) is NULL", size);
    }
    size_t during = counted_bytes();

    for (size_t i = 0; i < count; i++) {
        free(many[i]);
    }
    size_t after = counted_bytes();

    check(during >= before + count * size, "%zu bytes more: %zu, then %zu", count * size, before,
          during);
    check(during <= before + count * (size + 32) * 2 + ((size_t)8 << 20),
          "%zu bytes more: %zu, then %zu", count * size, before, during);
    /* A cache of freed blocks may count as in use. */
    check(after <= before + count * size / 10, "all freed: %zu, then %zu", before, after);
}

static void mallinfo2_adds_up(void **state)
{
    (void)state;
    allocate_many();
    free_many(2);
    struct mallinfo2 info = mallinfo2();

    check(info.uordblks <= info.arena + info.hblkhd, "in use %zu, held %zu + %zu", info.uordblks,
          info.arena, info.hblkhd);
    check(info.fordblks <= info.arena + info.hblkhd, "free %zu, held %zu + %zu", info.fordblks,
          info.arena, info.hblkhd);
    check(info.uordblks + info.fordblks <= info.arena + info.hblkhd, "%zu + %zu of %zu + %zu",
          info.uordblks, info.fordblks, info.arena, info.hblkhd);
    free_many(1);
}

static void mallinfo_agrees(void **state)
{
    (void)state;
    allocate_many();
    struct mallinfo2 wide = mallinfo2();
    struct mallinfo narrow = mallinfo();
    long difference = (long)(int)wide.uordblks - narrow.uordblks;

    check(labs(difference) < 1 << 16, "%zu and %d", wide.uordblks, narrow.uordblks);
    free_many(1);
}

/* Runs act with the file descriptor sent to memory, and returns what it wrote. */
static size_t captured(int descriptor, void (*act)(void), char *text)
{
    int file = memfd_create("captured", 0);
    int kept = dup(descriptor);

    assert_true(file >= 0 && kept >= 0);
    fflush(NULL);
    dup2(file, descriptor);
    act();
    fflush(NULL);
    dup2(kept, descriptor);
    ssize_t size = pread(file, text, TEXT_MAX - 1, 0);

    close(kept);
    close(file);
    assert_true(size >= 0);
    text[size] = '\0';
    return (size_t)size;
}

static char text[TEXT_MAX];

static void stats_go_to_standard_error(void **state)
{
    (void)state;
    assert_true(captured(STDERR_FILENO, malloc_stats, text) > 20);
    assert_int_equal(captured(STDOUT_FILENO, malloc_stats, text), 0);
}

static FILE *info_file;

static size_t info_text(void)
{
    info_file = fopen("/dev/null", "w");
    assert_non_null(info_file);
    fclose(info_file);
    info_file = tmpfile();
    assert_non_null(info_file);
    assert_int_equal(malloc_info(0, info_file), 0);
    rewind(info_file);
    size_t size = fread(text, 1, TEXT_MAX - 1, info_file);

    fclose(info_file);
    text[size] = '\0';
    return size;
}

/* Skips an attribute list; returns the closing '>' or '/', NULL if it is malformed. */
static const char *skip_attributes(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\n");
        if (*at == '>' || *at == '/') {
            return at;
        }
        size_t name = strspn(at,
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

        if (name == 0 || at[name] != '=' || (at[name + 1] != '"' && at[name + 1] != '\'')) {
            return NULL;
        }
        at = strchr(at + name + 2, at[name + 1]);
        if (at == NULL) {
            return NULL;
        }
        at++;
    }
}

/* Elements nest and close, attributes are quoted, one root. Says where it is not so, else NULL. */
static const char *malformed_at(const char *xml)
{
    enum { DEPTH_MAX = 32, NAME_MAX_SIZE = 64 };
    char names[DEPTH_MAX][NAME_MAX_SIZE];
    size_t depth = 0;
    size_t roots = 0;

    for (const char *at = xml; *at != '\0'; at++) {
        if (*at != '<') {
            if (*at == '>' || *at == '&' || (depth == 0 && !isspace((unsigned char)*at))) {
                return at;
            }
            continue;
        }
        bool is_end = at[1] == '/';
        const char *name = at + 1 + is_end;
        size_t length = strcspn(name, " \t\n/>");

        if (length == 0 || length >= NAME_MAX_SIZE) {
            return at;
        }
        if (is_end) {
            if (depth == 0 || strncmp(names[depth - 1], name, length) != 0 ||
                names[depth - 1][length] != '\0' || name[length] != '>') {
                return at;
            }
            depth--;
            at = name + length;
            continue;
        }
        const char *close = skip_attributes(name + length);

        roots += depth == 0;
        if (close == NULL || roots > 1 || depth == DEPTH_MAX ||
            (*close == '/' && close[1] != '>')) {
            return at;
        }
        if (*close == '>') {
            memcpy(names[depth], name, length);
            names[depth++][length] = '\0';
        }
        at = *close == '/' ? close + 1 : close;
    }
    return depth == 0 && roots == 1 ? NULL : "<end>";
}

static void xml_check_can_fail(void **state)
{
    (void)state;
    assert_null(malformed_at("<a version=\"1\">\n<b/> <c d='e' f=\"g\"/>text</a>\n"));
    assert_non_null(malformed_at("<a><b></a></b>"));
    assert_non_null(malformed_at("<a>"));
    assert_non_null(malformed_at("<a></a><b></b>"));
    assert_non_null(malformed_at("<a b=c></a>"));
    assert_non_null(malformed_at(""));
}

static void info_is_well_formed(void **state)
{
    (void)state;
    allocate_many();
    free_many(3);
    assert_true(info_text() > 20);
    free_many(1);
    assert_int_equal(strncmp(text, "<malloc", 7), 0);
    const char *at = malformed_at(text);

    check(at == NULL, "malloc_info is malformed at: %.60s", at);
}

static void info_refuses_options(void **state)
{
    (void)state;
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(malloc_info(hidden_size(1) != 0, file), EINVAL);
    assert_int_equal(ftell(file), 0);
    fclose(file);
}

/* Nothing above may have disturbed the blocks that live. */
static void all_leave_live_blocks(void **state)
{
    (void)state;
    allocate_many();
    malloc_trim(0);
    mallinfo2();
    mallinfo();
    captured(STDERR_FILENO, malloc_stats, text);
    info_text();
    for (size_t i = 0; i < MANY; i++) {
        check(pattern_mismatch(many[i], MANY_SIZE, MANY_SIZE, i) == PATTERN_INTACT, "block %zu", i);
    }
    free_many(1);
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(reallocarray_is_realloc),
        cmocka_unit_test(reallocarray_zero_is_realloc_zero),
        cmocka_unit_test(trim_answers_0_or_1),
        cmocka_unit_test(trim_leaves_live_blocks),
        cmocka_unit_test(trim_returns_memory),
        named_check("mallinfo2_counts_100", mallinfo2_counts, 100),
        named_check("mallinfo2_counts_3000", mallinfo2_counts, 3000),
        named_check("mallinfo2_counts_50000", mallinfo2_counts, 50000),
        named_check("mallinfo2_counts_1000000", mallinfo2_counts, 1000000),
        named_check("mallinfo2_counts_30000000", mallinfo2_counts, 30000000),
        cmocka_unit_test(mallinfo2_adds_up),
        cmocka_unit_test(mallinfo_agrees),
        cmocka_unit_test(stats_go_to_standard_error),
        cmocka_unit_test(xml_check_can_fail),
        cmocka_unit_test(info_is_well_formed),
        cmocka_unit_test(info_refuses_options),
        cmocka_unit_test(all_leave_live_blocks),
        cmocka_unit_test(mallopt_takes_known_parameters),
        cmocka_unit_test(mallopt_is_harmless),
    };

    require_cairn_if_expected();
    return run_checks("extensions", checks);
}
