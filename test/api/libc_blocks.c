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
#include <glob.h>
#include <iconv.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <netdb.h>
#include <obstack.h>
#include <pthread.h>
#include <regex.h>
#include <search.h>
#include <stdlib.h>
#include <wchar.h>
#include <wordexp.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

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
    FILE *file = text_file("first\na much longer second line, beyond the first one's size: "
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
    char *(*name_maker)(const char *, const char *) =
        (char *(*)(const char *, const char *))dlsym(RTLD_DEFAULT, "tempnam");

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
        skip();  /* a system without conversion modules */
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
        cmocka_unit_test(from_tsearch),
        cmocka_unit_test(from_hcreate),
        cmocka_unit_test(from_obstack),
        cmocka_unit_test(from_glob),
        cmocka_unit_test(from_wordexp),
        cmocka_unit_test(from_getaddrinfo),
        cmocka_unit_test(from_iconv),
        cmocka_unit_test(from_newlocale),
        cmocka_unit_test(from_setenv),
        cmocka_unit_test(from_stdio),
        cmocka_unit_test(from_qsort),
        cmocka_unit_test(from_dlopen),
        cmocka_unit_test(from_threads),
    };

    require_cairn_if_expected();
    return run_checks("libc_blocks", checks);
}
