/* SPDX-License-Identifier: MIT */
/*
 * What libc allocates for itself and frees itself: trees, tables, patterns, converters, locales,
 * streams, libraries. Here nothing is handed over; it must simply work, again and again.
 */
#include "api/check.h"

#include <glob.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <obstack.h>
#include <search.h>
#include <stdlib.h>
#include <wordexp.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

static int compare_text(const void *left, const void *right)
{
    return strcmp(left, right);
}

static size_t freed_nodes;

static void free_node(void *key)
{
    freed_nodes++;
    free(key);
}

static void from_tsearch(void **state)
{
    (void)state;
    void *root = NULL;

    for (int i = 0; i < 1000; i++) {
        char *key = NULL;

        assert_true(asprintf(&key, "key %d", i * 7919 % 1000) > 0);
        assert_non_null(tsearch(key, &root, compare_text));
    }
    freed_nodes = 0;
    tdestroy(root, free_node);
    assert_int_equal(freed_nodes, 1000);
}

static void from_hcreate(void **state)
{
    (void)state;
    struct hsearch_data table;
    ENTRY *found = NULL;
    ENTRY item = {.key = (char *)"key", .data = NULL};

    memset(&table, 0, sizeof table);
    assert_true(hcreate_r(500, &table));
    assert_true(hsearch_r(item, ENTER, &found, &table));
    assert_true(hsearch_r(item, FIND, &found, &table));
    hdestroy_r(&table);
}

static void from_obstack(void **state)
{
    (void)state;
    struct obstack stack;

    obstack_init(&stack);
    for (int i = 0; i < 1000; i++) {
        char *text = obstack_copy0(&stack, "some text to grow the stack", 27);

        assert_int_equal(strlen(text), 27);
    }
    obstack_free(&stack, NULL);
}

static void from_glob(void **state)
{
    (void)state;
    glob_t found;

    memset(&found, 0, sizeof found);
    assert_int_equal(glob("/proc/self/*", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 10);
    globfree(&found);
}

static void from_wordexp(void **state)
{
    (void)state;
    wordexp_t words;

    assert_int_equal(wordexp("one 'two three' /proc/self/st*", &words, WRDE_NOCMD), 0);
    assert_true(words.we_wordc >= 4);
    wordfree(&words);
}

static void from_getaddrinfo(void **state)
{
    (void)state;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;

    assert_int_equal(getaddrinfo("127.0.0.1", "80", &hints, &found), 0);
    assert_non_null(found);
    freeaddrinfo(found);
}

static void from_iconv(void **state)
{
    (void)state;
    iconv_t converter = iconv_open("UTF-16LE", "UTF-8");
    char in[] = "text";
    char out[16];
    char *from = in;
    char *to = out;
    size_t in_left = 4;
    size_t out_left = sizeof out;

    if (converter == (iconv_t)-1) {
        skip(); /* a system without conversion modules */
    }
    assert_int_equal(iconv(converter, &from, &in_left, &to, &out_left), 0);
    assert_int_equal(out_left, 8);
    iconv_close(converter);
}

static void from_newlocale(void **state)
{
    (void)state;
    locale_t locale = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);

    assert_true(locale != (locale_t)0);
    locale_t copy = duplocale(locale);

    assert_true(copy != (locale_t)0);
    freelocale(copy);
    freelocale(locale);
}

static void from_setenv(void **state)
{
    (void)state;
    char value[2000];

    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 200; i++) {
        char name[32];

        snprintf(name, sizeof name, "API_TEST_%d", i);
        assert_int_equal(setenv(name, value, 1), 0);
    }
    assert_string_equal(getenv("API_TEST_150"), value);
    for (int i = 0; i < 200; i++) {
        char name[32];

        snprintf(name, sizeof name, "API_TEST_%d", i);
        unsetenv(name);
    }
}

static void from_stdio(void **state)
{
    (void)state;
    FILE *files[100];
    char line[100];

    for (int i = 0; i < 100; i++) {
        files[i] = fopen("/proc/self/status", "r");
        assert_non_null(files[i]);
        assert_non_null(fgets(line, sizeof line, files[i]));
    }
    for (int i = 0; i < 100; i++) {
        fclose(files[i]);
    }
    FILE *pipe = popen("echo from a child", "r");

    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    assert_string_equal(line, "from a child\n");
    assert_int_equal(pclose(pipe), 0);
}

static int compare_long(const void *left, const void *right)
{
    long a = *(const long *)left;
    long b = *(const long *)right;

    return a < b ? -1 : a > b;
}

/* Beyond a KiB qsort takes its workspace from malloc. */
static void from_qsort(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    long *numbers = malloc(COUNT * sizeof *numbers);

    assert_non_null(numbers);
    for (long i = 0; i < COUNT; i++) {
        numbers[i] = i * 7919 % COUNT;
    }
    qsort(numbers, COUNT, sizeof *numbers, compare_long);
    for (long i = 0; i < COUNT; i++) {
        check(numbers[i] == i, "place %ld holds %ld", i, numbers[i]);
    }
    free(numbers);
}

static void from_dlopen(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);

        assert_non_null(library);
        assert_non_null(dlsym(library, "cos"));
        assert_null(dlsym(library, "no_such_symbol"));
        assert_non_null(dlerror());
        dlclose(library);
        assert_null(dlopen("no-such-library.so", RTLD_NOW));
        assert_non_null(dlerror());
    }
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(from_tsearch), cmocka_unit_test(from_hcreate),
        cmocka_unit_test(from_obstack), cmocka_unit_test(from_glob),
        cmocka_unit_test(from_wordexp), cmocka_unit_test(from_getaddrinfo),
        cmocka_unit_test(from_iconv),   cmocka_unit_test(from_newlocale),
        cmocka_unit_test(from_setenv),  cmocka_unit_test(from_stdio),
        cmocka_unit_test(from_qsort),   cmocka_unit_test(from_dlopen),
    };

    require_cairn_if_expected();
    return run_checks("libc_inside", checks);
}
