/* SPDX-License-Identifier: MIT */
/*
 * What Cairn says of itself: statistics, as lines and as JSON, which must add up to each other and to
 * what the system says; and the options as a program and its user see them, by running this program
 * again with another environment.
 */
#include "cairn.h"

#include "api/child.h"

#include <pthread.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* Read by the library in every run of this program. */
const char *cairn_conf = "dirty_max:77M";

enum { BATCH = 1000, TEXT_MAX = 1 << 18 };

static void *blocks[BATCH];
static char text[TEXT_MAX];
static size_t text_size;

static struct cairn_stats stats_now(void)
{
    struct cairn_stats stats = {.size = sizeof stats};

    cairn_stats_get(&stats);
    return stats;
}

static void check_near(size_t a, size_t b, size_t slack)
{
    check((a > b ? a - b : b - a) <= slack, "%zu and %zu\n%s", a, b, text);
}

/* ---- text ---- */

static void collect(void *context, const char *bytes, size_t count)
{
    assert_ptr_equal(context, blocks);
    assert_true(count > 0 && text_size + count < TEXT_MAX);
    memcpy(text + text_size, bytes, count);
    text_size += count;
    text[text_size] = '\0';
    cairn_free(cairn_malloc(100)); /* it may */
}

static const char *print(enum cairn_stats_format format)
{
    text_size = 0;
    cairn_free(cairn_malloc(100)); /* so that collect takes no page */
    cairn_stats_print(collect, blocks, format);
    return text;
}

/* Follows the lines "  + 123 B ..." and checks each sum on the way. Returns the last. */
static long long sum_of(const char *at, int *lines)
{
    long long sum = 0;

    for (*lines = 0; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        char sign = at[0] == ' ' && at[1] == ' ' ? at[2] : ' ';
        long long value = sign == ' ' ? 0 : strtoll(at + 3, NULL, 10);

        if (sign == '+' || sign == '-') {
            sum += sign == '+' ? value : -value;
        } else if (sign == '=') {
            check(sum == value, "the lines add up to %lld, not to %lld:\n%s", sum, value, text);
        } else {
            continue;
        }
        ++*lines;
    }
    return sum;
}

static void summary_adds_up_to_rss(void **state)
{
    (void)state;
    int lines;
    void *touched = memset(cairn_malloc(70 * MIB), 1, 70 * MIB);
    void *untouched = cairn_malloc(70 * MIB);
    size_t sum = (size_t)sum_of(print(CAIRN_STATS_SUMMARY), &lines);

    assert_int_equal(lines, 9);
    check_near(sum, resident_bytes(), 2 * MIB);
    assert_non_null(strstr(text, cairn_version()));
    assert_non_null(strstr(text, "api-cairn_watch"));
    cairn_free(touched);
    cairn_free(untouched);
}

static void text_has_tables(void **state)
{
    (void)state;
    int lines;
    void *small = cairn_malloc(48), *large = cairn_malloc(MIB), *huge = cairn_malloc(80 * MIB);

    print(CAIRN_STATS_SUMMARY);
    assert_null(strstr(text, "block "));
    print(CAIRN_STATS_TEXT);
    sum_of(text, &lines);
    assert_int_equal(lines, 9);
    assert_non_null(strstr(text, "\n       48"));
    assert_non_null(strstr(text, "\n    large"));
    assert_non_null(strstr(text, "\n     huge"));
    assert_non_null(strstr(text, "live"));
    cairn_free(small);
    cairn_free(large);
    cairn_free(huge);
}

static void print_to_standard_error(void **state)
{
    (void)state;
    int ends[2];
    int kept = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    cairn_stats_print(NULL, NULL, CAIRN_STATS_SUMMARY);
    dup2(kept, STDERR_FILENO);
    close(ends[1]);
    ssize_t size = read(ends[0], text, TEXT_MAX - 1);

    close(ends[0]);
    close(kept);
    assert_true(size > 400);
    text[size] = '\0';
    assert_int_equal(strncmp(text, "Cairn ", 6), 0);
}

static void print_allocates_nothing(void **state)
{
    (void)state;
    struct cairn_stats before = stats_now();
    FILE *nowhere = fopen("/dev/null", "w");
    int kept = dup(STDERR_FILENO);

    cairn_purge(); /* or it might be due just then */
    dup2(fileno(nowhere), STDERR_FILENO);
    before = stats_now();
    errno = ERRNO_MARK;
    for (int i = 0; i < 100; i++) {
        cairn_stats_print(NULL, NULL, CAIRN_STATS_TEXT);
        cairn_stats_print(NULL, NULL, CAIRN_STATS_JSON);
    }
    int number = errno;
    struct cairn_stats after = stats_now();

    dup2(kept, STDERR_FILENO);
    close(kept);
    fclose(nowhere);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(number, ERRNO_MARK);
}

/* ---- JSON ---- */

static const char *json_value(const char *at);

static const char *json_string(const char *at)
{
    for (at++; *at != '"'; at++) {
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~') {
            return NULL;
        }
        if (*at == '\\' && strchr("\"\\/bfnrtu", *++at) == NULL) {
            return NULL;
        }
    }
    return at + 1;
}

static const char *json_members(const char *at, char close, bool named)
{
    if (*++at == close) {
        return at + 1;
    }
    for (;; at++) {
        if (named) {
            at = *at == '"' ? json_string(at) : NULL;
            if (at == NULL || *at++ != ':') {
                return NULL;
            }
        }
        at = json_value(at);
        if (at == NULL || *at == close) {
            return at == NULL ? NULL : at + 1;
        }
        if (*at != ',') {
            return NULL;
        }
    }
}

/* Where the value ends; NULL if it is none. Without spaces, as ours is. */
static const char *json_value(const char *at)
{
    if (*at == '{') {
        return json_members(at, '}', true);
    }
    if (*at == '[') {
        return json_members(at, ']', false);
    }
    if (*at == '"') {
        return json_string(at);
    }
    size_t digits = strspn(at, "0123456789");

    return digits == 0 || (digits > 1 && *at == '0') ? NULL : at + digits;
}

static bool is_json_line(const char *line)
{
    const char *end = json_value(line);

    return end != NULL && strcmp(end, "\n") == 0;
}

static void json_check_can_fail(void **state)
{
    (void)state;
    assert_true(is_json_line("{\"a\":[1,{\"b\":\"c\\\"\"},[]],\"d\":0}\n"));
    assert_false(is_json_line("{\"a\":[1,]}\n"));
    assert_false(is_json_line("{\"a\":}\n"));
    assert_false(is_json_line("{\"a\":1\n"));
    assert_false(is_json_line("{a:1}\n"));
    assert_false(is_json_line("{\"a\":01}\n"));
    assert_false(is_json_line("{\"a\":1}{}\n"));
    assert_false(is_json_line("{\"a\":1}"));
}

/* The number behind the first such key from there on. */
static size_t number_of(const char *from, const char *key)
{
    char quoted[64];

    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(from, quoted);

    check(at != NULL, "no %s in %s", quoted, from);
    return strtoull(at + strlen(quoted), NULL, 10);
}

static size_t sum_of_rows(const char *array, const char *key, size_t *rows)
{
    char quoted[64];
    const char *at = strstr(text, array);
    size_t sum = 0;

    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    assert_non_null(at);
    const char *end = strchr(at, ']');

    for (*rows = 0; (at = strstr(at, quoted)) != NULL && at < end; at += strlen(quoted)) {
        sum += strtoull(at + strlen(quoted), NULL, 10);
        ++*rows;
    }
    return sum;
}

static void check_json(void)
{
    size_t rows;

    assert_true(is_json_line(text));
    assert_int_equal(strncmp(text, "{\"schema\":\"cairn.stats\",\"version\":1,", 35), 0);
    assert_int_equal(number_of(text, "pid"), getpid());
    size_t live = number_of(text, "live");
    size_t held = live + number_of(text, "page_free") + number_of(text, "page_unused") +
                  number_of(text, "kept");

    assert_int_equal(number_of(text, "committed"), held);
    assert_int_equal(number_of(text, "resident"),
                     number_of(text, "resident_own") + number_of(text, "resident_other"));
    assert_int_equal(number_of(text, "resident_own") + number_of(text, "absent"),
                     held + number_of(text, "metadata") + number_of(text, "tables"));
    assert_int_equal(sum_of_rows("\"classes\":[", "live", &rows) + number_of(text, "large") +
                         number_of(text, "huge"),
                     live);
    size_t bytes = sum_of_rows("\"classes\":[", "bytes", &rows);
    size_t parts = sum_of_rows("\"classes\":[", "live", &rows) +
                   sum_of_rows("\"classes\":[", "free", &rows) +
                   sum_of_rows("\"classes\":[", "unused", &rows);

    assert_int_equal(bytes, parts);
    assert_int_equal(sum_of_rows("\"classes\":[", "free", &rows), number_of(text, "page_free"));
    assert_int_equal(sum_of_rows("\"classes\":[", "unused", &rows), number_of(text, "page_unused"));
    assert_int_equal(bytes % (64 * KIB), 0);
    size_t pages = sum_of_rows("\"classes\":[", "pages", &rows) + number_of(text, "large_count");

    assert_int_equal(pages, number_of(text, "pages"));
    size_t in_heaps = sum_of_rows("\"heaps_by_age\":[", "pages", &rows);

    assert_int_equal(rows, number_of(text, "heaps"));
    assert_true(in_heaps + number_of(text, "pages_cold") + number_of(text, "pages_depot") +
                    number_of(text, "large_count") <=
                number_of(text, "pages"));
}

static void json_adds_up(void **state)
{
    (void)state;
    size_t count = cairn_alloc_batch(3000, blocks, BATCH - 2);
    void *large = cairn_malloc(MIB), *huge = cairn_malloc(80 * MIB);

    print(CAIRN_STATS_JSON);
    check_json();
    cairn_free_batch(blocks, count / 2);
    print(CAIRN_STATS_JSON);
    check_json();
    const char *row = strstr(text, "{\"block\":3072,");

    assert_non_null(row);
    check_near(number_of(row, "live_blocks"), count - count / 2, 2 * 64 * KIB / 3072);
    cairn_free_batch(blocks + count / 2, count - count / 2);
    cairn_free(large);
    cairn_free(huge);
}

static void print_json_at(size_t *own, size_t *absent)
{
    print(CAIRN_STATS_JSON);
    check_json();
    *own = number_of(text, "resident_own");
    *absent = number_of(text, "absent");
}

/* What a block adds to memory is what of it was written: in units, and in mappings of its own. */
static void residence_is_measured(void **state)
{
    size_t size = (size_t)*state;
    size_t own[4], absent[4];

    cairn_purge();
    print_json_at(&own[0], &absent[0]);
    char *block = cairn_malloc(size);

    print_json_at(&own[1], &absent[1]);
    check_near(own[1], own[0], 256 * KIB);
    memset(block, 1, size / 2);
    print_json_at(&own[2], &absent[2]);
    check_near(own[2], own[1] + size / 2, 256 * KIB);
    check_near(absent[2], absent[1] - size / 2, 256 * KIB);
    memset(block, 1, size);
    print_json_at(&own[3], &absent[3]);
    check_near(own[3], own[1] + size, 256 * KIB);
    cairn_free(block);
    cairn_purge();
    print_json_at(&own[3], &absent[3]);
    check_near(own[3], own[0], 256 * KIB);
}

enum { THREADS = 40 };

static pthread_barrier_t barrier;

static void *keep_and_wait(void *kept)
{
    *(void **)kept = cairn_malloc(500);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

/* More heaps than are counted at a time; then idle ones. */
static void heaps_are_listed(void **state)
{
    (void)state;
    pthread_t thread[THREADS];

    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, keep_and_wait, &blocks[i]), 0);
    }
    pthread_barrier_wait(&barrier);
    print(CAIRN_STATS_JSON);
    check_json();
    assert_true(number_of(text, "heaps") > THREADS);
    const char *oldest = strstr(text, "{\"heap\":1,");

    assert_non_null(oldest);
    assert_true(number_of(oldest, "pages") > 0);
    assert_true(number_of(oldest, "live") <= number_of(oldest, "bytes"));
    print(CAIRN_STATS_TEXT);
    assert_non_null(strstr(text, "older heaps\n"));
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    print(CAIRN_STATS_JSON);
    check_json();
    assert_non_null(strstr(text, "\"state\":\"idle\""));
    assert_non_null(strstr(text, "\"state\":\"live\""));
    cairn_free_batch(blocks, THREADS);
    pthread_barrier_destroy(&barrier);
}

/* ---- options, by another run of this program ---- */

static const char *const no_settings[] = {NULL};

/* Runs this program with those settings; what it says on stderr is in text. Its status. */
static int run_again(const char *const *settings)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        become_child();
        dup2(ends[1], STDERR_FILENO);
        for (; *settings != NULL; settings++) {
            putenv((char *)*settings);
        }
        execl("/proc/self/exe", "api-cairn_watch", "again", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    text_size = 0;
    ssize_t got;

    while ((got = read(ends[0], text + text_size, TEXT_MAX - 1 - text_size)) > 0) {
        text_size += (size_t)got;
    }
    text[text_size] = '\0';
    close(ends[0]);
    return wait_for(child);
}

#define RUN_AGAIN(...) run_again((const char *const[]){__VA_ARGS__, NULL})

static void check_says(const char *words)
{
    check(strstr(text, words) != NULL, "no \"%s\" in:\n%s", words, text);
}

static void silent_by_default(void **state)
{
    (void)state;
    check_status(run_again(no_settings));
    assert_string_equal(text, "");
}

static void mistakes_are_told(void **state)
{
    (void)state;
    check_status(RUN_AGAIN("CAIRN_PURGE_DELY=1s", "CAIRN_WINDOW=abc", "CAIRN_RUN_FILE=/nowhere"));
    check_says("cairn: unknown option CAIRN_PURGE_DELY (did you mean CAIRN_PURGE_DELAY?)\n");
    check_says("cairn: CAIRN_WINDOW: 'abc' is not a size; using 256 GiB\n");
    assert_null(strstr(text, "RUN_FILE"));
}

static void strict_aborts(void **state)
{
    (void)state;
    int status = RUN_AGAIN("CAIRN_CONF=strict:1,nonsense:1");

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    check_says("cairn: unknown option nonsense in CAIRN_CONF\n");
    check_says("cairn: CAIRN_STRICT is set: stopped for the options above\n");
}

/* Once, although there may be two libraries. */
static void verbose_shows_settings(void **state)
{
    (void)state;
    check_status(RUN_AGAIN("CAIRN_VERBOSE=1", "CAIRN_CONF=purge_delay:-1"));
    check_says("cairn: version ");
    check_says("cairn: CAIRN_WINDOW=256 GiB (built in)\n");
    check_says("cairn: CAIRN_DIRTY_MAX=77 MiB (from the symbol cairn_conf)\n");
    check_says("cairn: CAIRN_PURGE_DELAY=never (from CAIRN_CONF)\n");
    check_says("cairn: CAIRN_VERBOSE=1 (from the environment)\n");
    check_says("cairn: OS pages of ");
    check_says("cairn: transparent huge pages of the system: ");
    check_says("cairn: window ");
    assert_null(strstr(strstr(text, "version") + 1, "version"));
}

static void stats_at_exit(void **state)
{
    (void)state;
    int lines;

    check_status(RUN_AGAIN("CAIRN_STATS=exit"));
    assert_int_equal(strncmp(text, "Cairn ", 6), 0);
    sum_of(text, &lines);
    assert_int_equal(lines, 9);
    assert_null(strstr(text + 1, "Cairn 0"));
}

static void read_and_remove(const char *path)
{
    FILE *file = fopen(path, "r");

    check(file != NULL, "%s was not written", path);
    text[fread(text, 1, TEXT_MAX - 1, file)] = '\0';
    fclose(file);
    unlink(path);
}

/* Twice into one file: two lines of JSON; and with a process number. */
static void stats_to_a_file(void **state)
{
    (void)state;
    char setting[128];
    char *path = setting + strlen("CAIRN_STATS_FILE=");

    snprintf(setting, sizeof setting, "CAIRN_STATS_FILE=/tmp/cairn-api-%d-%%%%.json", getpid());
    check_status(RUN_AGAIN("CAIRN_STATS=exit", setting));
    assert_string_equal(text, "");
    check_status(RUN_AGAIN("CAIRN_CONF=stats:exit", setting));
    assert_string_equal(text, "");
    strcpy(strstr(path, "%%"), "%.json");
    read_and_remove(path);
    char *second = strchr(text, '\n') + 1;

    assert_true(is_json_line(second));
    *second = '\0';
    assert_true(is_json_line(text));
    size_t pid = number_of(text, "pid");

    snprintf(setting, sizeof setting, "CAIRN_STATS_FILE=/tmp/cairn-api-%d-%%p", getpid());
    check_status(RUN_AGAIN("CAIRN_STATS=exit", setting, "CAIRN_VERBOSE=1"));
    check_says("cairn: version ");
    size_t next = strtoull(strstr(text, "process ") + strlen("process "), NULL, 10);

    assert_true(next != pid);
    snprintf(strstr(path, "%p"), 16, "%zu", next);
    read_and_remove(path);
    assert_int_equal(strncmp(text, "Cairn ", 6), 0);
    check_says("\n     heap ");
}

static void stats_to_no_file(void **state)
{
    (void)state;
    check_status(RUN_AGAIN("CAIRN_STATS=exit", "CAIRN_STATS_FILE=/nowhere/%p"));
    assert_string_equal(text, "cairn: cannot write to CAIRN_STATS_FILE: /nowhere/%p\n");
    check_status(RUN_AGAIN("CAIRN_STATS=off", "CAIRN_STATS_FILE=/nowhere/%p"));
    assert_string_equal(text, "cairn: cannot write to CAIRN_STATS_FILE: /nowhere/%p\n");
}

int main(int count, char **arguments)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(summary_adds_up_to_rss),
        cmocka_unit_test(text_has_tables),
        cmocka_unit_test(print_to_standard_error),
        cmocka_unit_test(print_allocates_nothing),
        cmocka_unit_test(json_check_can_fail),
        cmocka_unit_test(json_adds_up),
        named_check("residence_is_measured_large", residence_is_measured, 8 << 20),
        named_check("residence_is_measured_huge", residence_is_measured, 80 << 20),
        cmocka_unit_test(heaps_are_listed),
        cmocka_unit_test(silent_by_default),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(strict_aborts),
        cmocka_unit_test(verbose_shows_settings),
        cmocka_unit_test(stats_at_exit),
        cmocka_unit_test(stats_to_a_file),
        cmocka_unit_test(stats_to_no_file),
    };

    if (count > 1 && strcmp(arguments[1], "again") == 0) {
        cairn_free(cairn_malloc(100));
        return 0;
    }
    require_cairn_if_expected();
    return run_checks("cairn_watch", checks);
}
