/* SPDX-License-Identifier: MIT */
/* guarded.h: the quarantine, memory that ends at any call, many blocks, threads, and what other tools
 * see. */
#include "kit/guarded_crimes.h"

#include <pthread.h>
#include <unistd.h>

/* ---- the quarantine ---- */

/* Frees blocks 0 to count - 1; where[i] is when block i came back to the source, from 0. */
static void leave_in_turn(const cairn_guarded_opts *opts, size_t count, size_t *where)
{
    struct source source = new_source();
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    void **base = calloc(count, sizeof *base), **ptr = calloc(count, sizeof *ptr);
    for (size_t i = 0; i < count; i++) {
        ptr[i] = cairn_allocator_alloc(a, L24);
        base[i] = source.last;
        where[i] = SIZE_MAX;
    }
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        size_t blocks = source.blocks;
        cairn_allocator_dealloc(a, ptr[i], L24);
        assert_true(blocks - source.blocks <= 1);
        if (source.blocks == blocks)
            continue;
        for (size_t j = 0; j < count; j++)
            if (base[j] == source.last)
                where[j] = left++;
        assert_null(left % 16 == 0 ? cairn_guarded_audit(&g) : NULL);
    }
    assert_int_equal(count - left, stats_of(&g).kept);
    assert_int_equal(cairn_guarded_fini(&g), 0);
    assert_int_equal(source.blocks, 0);
    free(base);
    free(ptr);
}

TEST(oldest_leave_first)
{
    enum { COUNT = 500 };
    static const size_t limits[] = {1, 2, 63, 64, 65, 200};
    size_t where[COUNT];
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        cairn_guarded_opts opts = {.quarantine_blocks = limits[l]};
        leave_in_turn(&opts, COUNT, where);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(where[i], i < COUNT - limits[l] ? i : SIZE_MAX);
        opts = (cairn_guarded_opts){.quarantine_bytes = limits[l] * (24 + 32) + 20};
        leave_in_turn(&opts, COUNT, where);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(where[i], i < COUNT - limits[l] ? i : SIZE_MAX);
    }
    cairn_guarded_opts opts = {.no_quarantine = true};
    leave_in_turn(&opts, COUNT, where);
    assert_int_equal(where[COUNT - 1], COUNT - 1);
}

TEST(or_those_that_are_drawn)
{
    enum { COUNT = 1000, LIMIT = 100 };
    size_t where[COUNT], in_turn = 0, early = 0;
    cairn_guarded_opts opts = {.quarantine_blocks = LIMIT, .random_quarantine = true, .seed = 3};
    leave_in_turn(&opts, COUNT, where);
    for (size_t i = 0; i + 1 < COUNT; i++) {
        in_turn += where[i] + 1 == where[i + 1];
        early += where[i] != SIZE_MAX && LIMIT + where[i] < i + 20;
    }
    assert_true(in_turn < 40);
    assert_true(early > 100); /* within 20 frees: about 18 in 100 */
}

TEST(large_ones_pass_by)
{
    struct source source = new_source();
    cairn_guarded_opts opts = {.quarantine_bytes = 1000};
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    void *small = cairn_allocator_alloc(a, L24);
    void *large = cairn_allocator_alloc(a, (cairn_layout){1000, 8});
    cairn_allocator_dealloc(a, small, L24);
    cairn_allocator_dealloc(a, large, (cairn_layout){1000, 8});
    assert_int_equal(source.blocks, 1);
    assert_int_equal(stats_of(&g).kept, 1);
    cairn_guarded_fini(&g);
}

/* ---- memory ends ---- */

static void some_work(cairn_guarded *g)
{
    enum { COUNT = 300 };
    cairn_allocator a = cairn_guarded_allocator(g);
    char *ptr[COUNT];
    size_t size[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        size[i] = i * 7 % 100;
        ptr[i] = cairn_allocator_alloc(a, (cairn_layout){size[i], 8});
        if (ptr[i] != NULL)
            unit_fill(ptr[i], size[i], i);
        if (i % 3 == 0 && ptr[i] != NULL) {
            char *moved = cairn_allocator_realloc(a, ptr[i], (cairn_layout){size[i], 8},
                                                  size[i] + 50);
            if (moved != NULL) {
                assert_true(unit_is_filled(moved, size[i], i));
                ptr[i] = moved;
                size[i] += 50;
                unit_fill(moved, size[i], i);
            }
        }
        if (i >= 200 && ptr[i - 200] != NULL) {
            cairn_allocator_dealloc(a, ptr[i - 200], (cairn_layout){size[i - 200], 8});
            ptr[i - 200] = NULL;
        }
    }
    if (cairn_guarded_audit(g) != NULL)
        fail_msg("audit: %s", cairn_guarded_audit(g));
    for (size_t i = 0; i < COUNT; i++)
        if (ptr[i] != NULL) {
            assert_true(unit_is_filled(ptr[i], size[i], i));
            cairn_allocator_dealloc(a, ptr[i], (cairn_layout){size[i], 8});
        }
}

static void with_failures(bool of_records, bool on, int pages)
{
    for (size_t n = 1;; n += n < 600 || of_records ? 1 : 37) {
        struct heard heard;
        struct source source = new_source(), records = new_source();
        struct source *failing = of_records ? &records : &source;
        failing->fail_at = n;
        failing->fail_on = on;
        cairn_guarded_opts opts = opts_with(&heard);
        opts.records = allocator_of(&records);
        opts.pages = (cairn_guarded_pages)pages;
        opts.pages_every = 20;
        cairn_guarded g;
        cairn_guarded_init(&g, allocator_of(&source), &opts);
        some_work(&g);
        bool all = failing->calls < n;
        assert_int_equal(heard.count, 0);
        assert_int_equal(stats_of(&g).live, 0);
        assert_int_equal(cairn_guarded_fini(&g), 0);
        assert_int_equal(source.blocks, 0);
        assert_int_equal(records.blocks, 0);
        if (all)
            return;
    }
}

TEST(the_source_fails)
{
    for (int pages = 0; pages < 3; pages++) {
        with_failures(false, false, pages);
        with_failures(false, true, pages);
    }
}

TEST(the_records_fail)
{
    with_failures(true, false, 0);
    with_failures(true, true, 1);
}

/* What the source has no room for is left out; what it can serve can be had. */
TEST(without_canaries)
{
    struct heard heard;
    struct source source = new_source();
    source.max_size = 64;
    cairn_guarded_opts opts = opts_with(&heard);
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    for (size_t size = 0; size <= 65; size++) {
        cairn_layout layout = {size, 16};
        char *ptr = cairn_allocator_alloc_zeroed(a, layout);
        assert_int_equal(ptr != NULL, size <= 64);
        if (ptr == NULL)
            continue;
        assert_true(unit_is_zero(ptr, size));
        assert_int_equal(stats_of(&g).canaries_missing, size <= 32 ? 0 : size - 32);
        assert_null(cairn_guarded_audit(&g));
        memset(ptr, 1, size);
        cairn_allocator_dealloc(a, ptr, layout);
        poke(ptr, (ptrdiff_t)size - 1, 1);
        assert_int_equal(cairn_guarded_check(&g), 1);
        assert_int_equal(heard.breach.offset, size - 1);
        cairn_allocator_dealloc(a, ptr, layout);
        assert_int_equal(heard.breach.crime, CAIRN_GUARDED_DOUBLE_FREE);
    }
    cairn_guarded_fini(&g);
    assert_int_equal(source.blocks, 0);
}

TEST(kept_blocks_make_room)
{
    struct source source = new_source();
    source.max_bytes = 100 * (24 + 32);
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), NULL);
    cairn_allocator a = cairn_guarded_allocator(&g);
    for (int i = 0; i < 1000; i++)
        cairn_allocator_dealloc(a, cairn_allocator_alloc(a, L24), L24);
    assert_in_range(source.blocks, 98, 101);
    assert_true(stats_of(&g).canaries_missing < 50);
    char *large = cairn_allocator_alloc(a, (cairn_layout){50 * 56, 8});
    assert_non_null(large);
    assert_in_range(source.blocks, 20, 51);
    char *rest = cairn_allocator_alloc(a, (cairn_layout){50 * 56 - 64, 8});
    assert_non_null(rest);
    assert_int_equal(stats_of(&g).kept, 0);
    assert_null(cairn_allocator_alloc(a, (cairn_layout){100, 8}));
    assert_null(cairn_guarded_audit(&g));
    assert_int_equal(cairn_guarded_fini(&g), 2);
}

/* As many notes as there is memory for, and every slot of the table if need be. */
TEST(the_table_cannot_grow)
{
    struct source source = new_source(), records = new_source();
    records.max_size = sizeof(void *) * 2 * 64; /* slots: the first 64 and no more */
    cairn_guarded_opts opts = {.records = allocator_of(&records)};
    cairn_guarded g;
    cairn_guarded_init(&g, allocator_of(&source), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    assert_null(cairn_allocator_alloc(a, L24)); /* a batch of records is larger */
    records.max_size = 0;
    void *first = cairn_allocator_alloc(a, L24);
    assert_non_null(first);
    records.fail_at = 1;
    records.fail_on = true;
    void *ptr[64];
    for (int i = 1; i < 63; i++) {
        ptr[i] = cairn_allocator_alloc(a, L24);
        assert_non_null(ptr[i]);
        assert_null(cairn_guarded_audit(&g));
    }
    assert_null(cairn_allocator_alloc(a, L24));
    cairn_allocator_dealloc(a, ptr[9], L24); /* no ring: it leaves at once */
    assert_int_equal(source.blocks, 62);
    ptr[9] = cairn_allocator_alloc(a, L24);
    assert_non_null(ptr[9]);
    for (int i = 1; i < 63; i++)
        cairn_allocator_dealloc(a, ptr[i], L24);
    cairn_allocator_dealloc(a, first, L24);
    assert_int_equal(cairn_guarded_fini(&g), 0);
    assert_int_equal(records.blocks + source.blocks, 0);
}

/* ---- many blocks ---- */

static bool count_one(void *context, void *ptr, size_t size, bool in_use)
{
    size_t *count = context;
    (void)ptr;
    count[in_use]++;
    count[2] += size;
    return --count[3] != 0;
}

TEST(many)
{
    size_t const count = unit_rounds(200000);
    struct heard heard;
    cairn_guarded_opts opts = opts_with(&heard);
    cairn_guarded g;
    cairn_guarded_init(&g, cairn_system(), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    char **ptr = calloc(count, sizeof *ptr);
    uint64_t seed = 5;
    size_t live = 0;
    for (size_t i = 0; i < 3 * count; i++) {
        size_t at = unit_below(&seed, count);
        cairn_layout layout = {at % 50, (size_t)1 << at % 6};
        if (ptr[at] == NULL) {
            ptr[at] = cairn_allocator_alloc(a, layout);
            assert_int_equal((uintptr_t)ptr[at] % layout.align, 0);
            live++;
        } else {
            cairn_allocator_dealloc(a, ptr[at], layout);
            ptr[at] = NULL;
            live--;
        }
        if (i % (count / 2) == 0)
            assert_null(cairn_guarded_audit(&g));
    }
    size_t seen[4] = {0, 0, 0, SIZE_MAX};
    cairn_guarded_stats stats = stats_of(&g);
    assert_true(cairn_guarded_visit(&g, count_one, seen));
    assert_int_equal(seen[1], live);
    assert_int_equal(stats.live, live);
    assert_int_equal(seen[0], stats.kept);
    assert_int_equal(stats.kept, 8192);
    seen[3] = 10;
    assert_false(cairn_guarded_visit(&g, count_one, seen));
    assert_int_equal(heard.count, 0);
    assert_int_equal(cairn_guarded_fini(&g), live);
    assert_int_equal(heard.count, live);
    free(ptr);
}

/* ---- threads ---- */

static struct {
    cairn_guarded g;
    struct heard heard;
    pthread_mutex_t mutex;
    void *shared;
    pthread_barrier_t barrier;
    _Atomic bool ended;
} many_threads;

static void hear_locked(void *context, const cairn_guarded_breach *breach)
{
    pthread_mutex_lock(&many_threads.mutex);
    hear(context, breach);
    pthread_mutex_unlock(&many_threads.mutex);
}

static void *work(void *number)
{
    enum { COUNT = 64 };
    cairn_allocator a = cairn_guarded_allocator(&many_threads.g);
    uint64_t seed = (uintptr_t)number;
    char *ptr[COUNT] = {NULL};
    size_t size[COUNT] = {0};
    for (size_t i = 0; i < unit_rounds(20000); i++) {
        size_t at = unit_below(&seed, COUNT);
        if (ptr[at] == NULL) {
            size[at] = unit_below(&seed, 300);
            ptr[at] = cairn_allocator_alloc(a, (cairn_layout){size[at], 16});
            unit_fill(ptr[at], size[at], at);
        } else if (i % 4 == 0) {
            size_t new_size = unit_below(&seed, 300);
            size_t less = new_size < size[at] ? new_size : size[at];
            ptr[at] = cairn_allocator_realloc(a, ptr[at], (cairn_layout){size[at], 16}, new_size);
            REQUIRE(unit_is_filled(ptr[at], less, at));
            size[at] = new_size;
            unit_fill(ptr[at], size[at], at);
        } else {
            REQUIRE(unit_is_filled(ptr[at], size[at], at));
            cairn_allocator_dealloc(a, ptr[at], (cairn_layout){size[at], 16});
            ptr[at] = NULL;
        }
    }
    for (int i = 0; i < COUNT; i++)
        cairn_allocator_dealloc(a, ptr[i], (cairn_layout){size[i], 16});
    return NULL;
}

static void *watch(void *unused)
{
    (void)unused;
    while (!many_threads.ended) {
        REQUIRE(cairn_guarded_audit(&many_threads.g) == NULL);
        REQUIRE(cairn_guarded_check(&many_threads.g) == 0);
        cairn_guarded_flush(&many_threads.g);
        stats_of(&many_threads.g);
        usleep(100);
    }
    return NULL;
}

TEST(any_thread)
{
    pthread_t thread[4], watcher;
    pthread_mutex_init(&many_threads.mutex, NULL);
    cairn_guarded_opts opts = {.on_breach = hear_locked,
                               .context = &many_threads.heard,
                               .pages = CAIRN_GUARDED_PAGE_AFTER,
                               .pages_every = 50};
    cairn_guarded_init(&many_threads.g, cairn_system(), &opts);
    pthread_create(&watcher, NULL, watch, NULL);
    for (uintptr_t i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, work, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    many_threads.ended = true;
    pthread_join(watcher, NULL);
    assert_int_equal(many_threads.heard.count, 0);
    assert_null(cairn_guarded_audit(&many_threads.g));
    assert_int_equal(cairn_guarded_fini(&many_threads.g), 0);
}

static void *free_shared(void *rounds)
{
    for (size_t i = 0; i < (uintptr_t)rounds; i++) {
        pthread_barrier_wait(&many_threads.barrier);
        cairn_allocator_dealloc(cairn_guarded_allocator(&many_threads.g), many_threads.shared, L24);
        pthread_barrier_wait(&many_threads.barrier);
    }
    return NULL;
}

/* Two threads free one block: one of them is right. */
TEST(double_free_at_once)
{
    enum { ROUNDS = 500 };
    pthread_t thread[2];
    pthread_mutex_init(&many_threads.mutex, NULL);
    pthread_barrier_init(&many_threads.barrier, NULL, 3);
    cairn_guarded_opts opts = {.on_breach = hear_locked, .context = &many_threads.heard};
    cairn_guarded_init(&many_threads.g, cairn_system(), &opts);
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, free_shared, (void *)ROUNDS);
    for (size_t i = 0; i < ROUNDS; i++) {
        many_threads.shared = cairn_allocator_alloc(cairn_guarded_allocator(&many_threads.g), L24);
        pthread_barrier_wait(&many_threads.barrier);
        pthread_barrier_wait(&many_threads.barrier);
        assert_int_equal(many_threads.heard.count, i + 1);
        assert_int_equal(many_threads.heard.breach.crime, CAIRN_GUARDED_DOUBLE_FREE);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(cairn_guarded_fini(&many_threads.g), 0);
}

/* ---- what other tools see ---- */

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void *ptr);

TEST(seen_by_asan)
{
    if (__asan_address_is_poisoned == NULL)
        return;
    cairn_guarded g;
    cairn_guarded_init(&g, cairn_system(), NULL);
    cairn_allocator a = cairn_guarded_allocator(&g);
    for (size_t size = 0; size < 40; size++) {
        cairn_layout layout = {size, 8};
        char *ptr = cairn_allocator_alloc_zeroed(a, layout);
        for (ptrdiff_t at = -8; at < (ptrdiff_t)size + 8; at++)
            assert_int_equal(__asan_address_is_poisoned(ptr + at) != 0,
                             at < 0 || at >= (ptrdiff_t)size);
        assert_int_equal(cairn_guarded_check(&g), 0);
        assert_true(__asan_address_is_poisoned(ptr - 1));
        assert_true(__asan_address_is_poisoned(ptr + size));
        cairn_allocator_dealloc(a, ptr, layout);
        assert_true(__asan_address_is_poisoned(ptr));
        assert_int_equal(cairn_guarded_check(&g), 0);
        assert_true(__asan_address_is_poisoned(ptr));
    }
    cairn_guarded_fini(&g);
}

/* For valgrind, which the test below starts on this program. */
static int be_looked_at(void)
{
    static cairn_guarded g;
    cairn_guarded_init(&g, cairn_system(), NULL);
    cairn_allocator a = cairn_guarded_allocator(&g);
    char *zero = cairn_allocator_alloc_zeroed(a, L24);
    char *ptr = cairn_allocator_alloc(a, L24);
    memset(ptr, peek(zero, 23), 24);
    ptr = cairn_allocator_realloc(a, ptr, L24, 30);
    int sum = 0;
    for (int i = 0; i < 24; i++)
        sum += ptr[i] == 0; /* kept, so it counts as written */
    cairn_guarded_check(&g);
    fprintf(stderr, "now\n");
    sum += peek(ptr, 30);
    sum += peek(ptr, -1);
    cairn_allocator_dealloc(a, ptr, (cairn_layout){30, 8});
    sum += peek(ptr, 0);
    fprintf(stderr, "done\n");
    cairn_allocator_dealloc(a, zero, L24);
    return (int)cairn_guarded_fini(&g) + (sum < 0);
}

static size_t times(const char *text, const char *end, const char *words)
{
    size_t count = 0;
    while ((text = strstr(text, words)) != NULL && text < end)
        count++, text++;
    return count;
}

TEST(seen_by_memcheck)
{
    static char said[1 << 16];
    char command[512], self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (UNIT_ASAN || CAIRN_TSAN || length < 0 || system("valgrind --version >/dev/null 2>&1") != 0)
        return;
    self[length] = '\0';
    snprintf(command, sizeof command, "valgrind -q --error-exitcode=0 '%s' be-looked-at 2>&1",
             self);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    said[fread(said, 1, sizeof said - 1, output)] = '\0';
    int status = pclose(output);
    if (strstr(said, "debuginfo reader") != NULL)
        return; /* valgrind 3.19 cannot read what newer compilers write */
    assert_int_equal(status, 0);
    char *now = strstr(said, "now"), *done = strstr(said, "done");
    assert_true(now != NULL && done != NULL);
    assert_int_equal(times(said, now, "=="), 0);
    assert_int_equal(times(now, done, "Invalid read"), 3);
    assert_int_equal(times(done, done + strlen(done), "=="), 0);
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "be-looked-at") == 0)
        return be_looked_at();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_leave_first),
        cmocka_unit_test(or_those_that_are_drawn),
        cmocka_unit_test(large_ones_pass_by),
        cmocka_unit_test(the_source_fails),
        cmocka_unit_test(the_records_fail),
        cmocka_unit_test(without_canaries),
        cmocka_unit_test(kept_blocks_make_room),
        cmocka_unit_test(the_table_cannot_grow),
        cmocka_unit_test(many),
        cmocka_unit_test(any_thread),
        cmocka_unit_test(double_free_at_once),
        cmocka_unit_test(seen_by_asan),
        cmocka_unit_test(seen_by_memcheck),
    };
    return UNIT_MAIN(tests);
}
