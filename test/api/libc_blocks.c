/* SPDX-License-Identifier: MIT */
/*
 * Blocks that libc allocates and the program frees or resizes: they must come from the same malloc.
 * Each function that documents such a result is called; its block is resized and freed.
 */
#include "api/check.h"

#include <argz.h>
#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <regex.h>
#include <stdlib.h>
#include <wchar.h>

/* The block holds at least size bytes; it survives growing and is freed. */
static void check_mine(void *block, size_t size)
{
    char copy[64];
    size_t kept = size < sizeof copy ? size : sizeof copy;

    assert_non_null(block);
    check(malloc_usable_size(block) >= size, "%zu bytes wanted, usable %zu", size,
          malloc_usable_size(block));
    memcpy(copy, block, kept);
    char *grown = realloc(block, size + 100000);

    assert_non_null(grown);
    assert_memory_equal(grown, copy, kept);
    memset(grown + size, 'x', 100000);
    free(grown);
}

static void check_text(char *text)
{
    assert_non_null(text);
    check_mine(text, strlen(text) + 1);
}

static void from_strdup(void **state)
{
    (void)state;
    char text[5000];

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    check_text(strdup(""));
    check_text(strdup("short"));
    check_text(strdup(text));
    check_text(strndup(text, 100));
}

static void from_wcsdup(void **state)
{
    (void)state;
    wchar_t *copy = wcsdup(L"wide");

    assert_non_null(copy);
    check_mine(copy, 5 * sizeof(wchar_t));
}

static void from_asprintf(void **state)
{
    (void)state;
    char *text = NULL;

    assert_int_equal(asprintf(&text, "%s %d", "number", 42), 9);
    check_text(text);
    assert_int_equal(asprintf(&text, "%5000d", 1), 5000);
    check_text(text);
}

static FILE *text_file(const char *text)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    rewind(file);
    return file;
}

static void from_getline(void **state)
{
    (void)state;
    FILE *file = text_file(
        "first\na much longer second line, beyond the first one's size: "
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n");
    char *line = NULL;
    size_t capacity = 0;

    assert_int_equal(getline(&line, &capacity, file), 6);
    assert_string_equal(line, "first\n");
    assert_true(getline(&line, &capacity, file) > 130);
    assert_true(capacity >= strlen(line) + 1);
    check_mine(line, capacity);
    fclose(file);
}

/* getline resizes what the program allocated. */
static void getline_takes_our_block(void **state)
{
    (void)state;
    FILE *file = text_file("a line that needs more than the eight bytes that it is given\n");
    size_t capacity = 8;
    char *line = malloc(capacity);

    assert_non_null(line);
    assert_true(getline(&line, &capacity, file) > 8);
    assert_true(capacity > 8);
    check_text(line);
    fclose(file);
}

static void from_getdelim(void **state)
{
    (void)state;
    FILE *file = text_file("one;two");
    char *field = NULL;
    size_t capacity = 0;

    assert_int_equal(getdelim(&field, &capacity, ';', file), 4);
    assert_int_equal(getdelim(&field, &capacity, ';', file), 3);
    assert_string_equal(field, "two");
    check_text(field);
    fclose(file);
}

static void from_open_memstream(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    assert_non_null(file);
    for (int i = 0; i < 20000; i++) {
        fprintf(file, "%d,", i);
    }
    fclose(file);
    assert_int_equal(size, strlen(text));
    check_text(text);
}

static void from_open_wmemstream(void **state)
{
    (void)state;
    wchar_t *text = NULL;
    size_t size = 0;
    FILE *file = open_wmemstream(&text, &size);

    assert_non_null(file);
    for (int i = 0; i < 5000; i++) {
        fputwc(L'w', file);
    }
    fclose(file);
    assert_int_equal(size, 5000);
    check_mine(text, 5001 * sizeof(wchar_t));
}

static void from_scandir(void **state)
{
    (void)state;
    struct dirent **entries = NULL;
    int count = scandir("/", &entries, NULL, alphasort);

    assert_true(count >= 3);
    for (int i = 0; i < count; i++) {
        check_mine(entries[i], offsetof(struct dirent, d_name) + strlen(entries[i]->d_name) + 1);
    }
    check_mine(entries, (size_t)count * sizeof entries[0]);
}

static void from_realpath(void **state)
{
    (void)state;
    char *path = realpath("/proc/self/../self/exe", NULL);

    check_text(path);
    assert_null(realpath("/does/not/exist", NULL));
}

static void from_getcwd(void **state)
{
    (void)state;
    check_text(getcwd(NULL, 0));
    check_text(getcwd(NULL, PATH_MAX));
    check_text(get_current_dir_name());
}

static void from_regcomp(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        regex_t expression;
        regmatch_t match[2];

        assert_int_equal(regcomp(&expression, "^([a-z]+|[0-9]{2,50})+$", REG_EXTENDED), 0);
        assert_int_equal(regexec(&expression, "abc123def", 2, match, 0), 0);
        assert_int_equal(regexec(&expression, "abc!", 2, match, 0), REG_NOMATCH);
        regfree(&expression);
    }
}

static void from_backtrace_symbols(void **state)
{
    (void)state;
    void *frames[16];
    int count = backtrace(frames, 16);

    assert_true(count > 0);
    check_mine(backtrace_symbols(frames, count), (size_t)count * sizeof(char *));
}

static void from_tempnam(void **state)
{
    (void)state;
    char *(*name_maker)(const char *, const char *) = (char *(*)(const char *, const char *))dlsym(
        RTLD_DEFAULT, "tempnam");

    assert_non_null(name_maker);
    check_text(name_maker("/tmp", "test"));
}

static void from_argz(void **state)
{
    (void)state;
    char *argz = NULL;
    size_t length = 0;

    assert_int_equal(argz_create_sep("a:bb:ccc", ':', &argz, &length), 0);
    assert_int_equal(argz_add(&argz, &length, "dddd"), 0);
    assert_int_equal(argz_count(argz, length), 4);
    check_mine(argz, length);
}

static void *thread_with_error(void *argument)
{
    (void)argument;
    dlopen("no-such-library.so", RTLD_NOW);
    char *text = strdup(dlerror());

    return text;
}

/* A thread's result outlives it, and so do the buffers that libc kept for it. */
static void from_threads(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        void *text = NULL;

        assert_int_equal(pthread_create(&thread, NULL, thread_with_error, NULL), 0);
        assert_int_equal(pthread_join(thread, &text), 0);
        check_text(text);
    }
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(from_strdup),
        cmocka_unit_test(from_wcsdup),
        cmocka_unit_test(from_asprintf),
        cmocka_unit_test(from_getline),
        cmocka_unit_test(getline_takes_our_block),
        cmocka_unit_test(from_getdelim),
        cmocka_unit_test(from_open_memstream),
        cmocka_unit_test(from_open_wmemstream),
        cmocka_unit_test(from_scandir),
        cmocka_unit_test(from_realpath),
        cmocka_unit_test(from_getcwd),
        cmocka_unit_test(from_regcomp),
        cmocka_unit_test(from_backtrace_symbols),
        cmocka_unit_test(from_tempnam),
        cmocka_unit_test(from_argz),
        cmocka_unit_test(from_threads),
    };

    require_cairn_if_expected();
    return run_checks("libc_blocks", checks);
}
