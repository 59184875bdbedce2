/* SPDX-License-Identifier: MIT */
/* counted.h: figures, sections, records that never fail the caller, and the report. */
#include "kit/probe.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cairn/counted.h"

static struct probe probe, records;
static cairn_counted counted;
static cairn_allocator wrapped;

static void start_with(enum probe_form form, cairn_counted_opts opts)
{
    probe_init(&probe, form);
    probe_init(&records, PROBE_FULL);
    opts.records = probe_allocator(&records);
    assert_true(cairn_counted_init(&counted, probe_allocator(&probe), &opts));
    wrapped = cairn_counted_allocator(&counted);
}

static void start(void)
{
    start_with(PROBE_FULL, (cairn_counted_opts){.frames = 1});
}

static size_t finish(void)
{
    assert_null(cairn_counted_audit(&counted));
    size_t left = cairn_counted_fini(&counted);
    assert_non_null(cairn_counted_audit(&counted));
    probe_fini(&records);
    return left;
}

static cairn_counted_stats now(void)
{
    cairn_counted_stats stats;
    assert_null(cairn_counted_audit(&counted));
    cairn_counted_stats_get(&counted, &stats);
    return stats;
}

static void *get(size_t size)
{
    return cairn_allocator_alloc(wrapped, (cairn_layout){size, 8});
}

static void end(void *ptr, size_t size)
{
    cairn_allocator_dealloc(wrapped, ptr, (cairn_layout){size, 8});
}

static void *resize(void *ptr, size_t size, size_t new_size)
{
    return cairn_allocator_realloc(wrapped, ptr, (cairn_layout){size, 8}, new_size);
}

/* ---- figures ---- */

TEST(hands_on_each_op)
{
    for (int form = 0; form < 8; form++) {
        start_with((enum probe_form)(form & 3), (cairn_counted_opts){.no_records = form >= 4});
        probe.surplus = (form & PROBE_FULL) != 0 ? 24 : 0;
        probe_pass_through(&probe, wrapped);
        cairn_counted_stats stats = now();
        assert_int_equal(stats.live_blocks, 0);
        assert_int_equal(stats.live_bytes, 0);
        assert_int_equal(stats.peak_bytes, 5000);
        assert_int_equal(stats.allocations, 4);
        assert_int_equal(stats.deallocations, 4);
        assert_int_equal(stats.resized_in_place + stats.resized_and_moved, 3);
        assert_int_equal(stats.failures, 1); /* the others were not valid */
        assert_int_equal(finish(), 0);
        probe_fini(&probe);
    }
}

TEST(sizes)
{
    start();
    static const struct {
        size_t size;
        unsigned bin;
    } cases[] = {{0, 0}, {1, 0}, {2, 1},  {3, 2},  {4, 2},     {5, 3},
                 {8, 3}, {9, 4}, {16, 4}, {17, 5}, {4096, 12}, {4097, 13}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t before = now().sizes[cases[i].bin];
        end(get(cases[i].size), cases[i].size);
        assert_int_equal(now().sizes[cases[i].bin], before + 1);
    }
    finish();
    probe_fini(&probe);
}

TEST(peaks_and_resizes)
{
    start();
    void *a = get(100), *b = get(50);
    assert_int_equal(now().peak_bytes, 150);
    end(b, 50);
    a = resize(a, 100, 1000);
    assert_int_equal(now().live_bytes, 1000);
    assert_int_equal(now().peak_bytes, 1000);
    assert_int_equal(now().peak_blocks, 2);
    a = resize(a, 1000, 10);
    assert_int_equal(now().live_bytes, 10);
    assert_int_equal(now().peak_bytes, 1000);
    assert_int_equal(now().allocations, 2);
    assert_int_equal(now().deallocations, 1);
    probe.fail_at = probe.requests + 1;
    probe.fail_after = true;
    assert_null(get(1));
    assert_null(resize(a, 10, 20));
    assert_int_equal(now().failures, 2);
    assert_int_equal(now().live_bytes, 10);
    end(a, 10);
    assert_int_equal(finish(), 0);
    probe_fini(&probe);
}

/* Whichever request of either source fails, the figures and records fit what is live. */
static bool one_failure(size_t n, bool of_records, bool after)
{
    probe_init(&probe, PROBE_FULL);
    probe_init(&records, PROBE_FULL);
    struct probe *failing = of_records ? &records : &probe;
    failing->fail_at = n;
    failing->fail_after = after;
    cairn_counted_opts opts = {.records = probe_allocator(&records), .frames = 2};
    if (!cairn_counted_init(&counted, probe_allocator(&probe), &opts)) {
        assert_true(of_records && n == 1);
        probe_fini(&records);
        return true;
    }
    wrapped = cairn_counted_allocator(&counted);
    enum { BLOCKS = 300 };
    static void *block[BLOCKS];
    static size_t size[BLOCKS];
    uint64_t seed = n;
    size_t live = 0;
    for (int i = 0; i < 3000; i++) {
        size_t at = unit_below(&seed, BLOCKS), new_size = unit_below(&seed, 100);
        if (block[at] == NULL) {
            block[at] = get(size[at] = new_size);
            live += block[at] != NULL;
        } else if (i % 2 == 0) {
            void *moved = resize(block[at], size[at], new_size);
            if (moved != NULL) {
                block[at] = moved;
                size[at] = new_size;
            }
        } else {
            end(block[at], size[at]);
            block[at] = NULL;
            live--;
        }
        if (i % 100 == 0)
            assert_int_equal(now().live_blocks, live);
    }
    assert_int_equal(now().live_blocks, live);
    if (of_records)
        assert_int_equal(now().failures, 0); /* never the caller's trouble */
    for (int i = 0; i < BLOCKS; i++) {
        end(block[i], size[i]);
        block[i] = NULL;
    }
    assert_int_equal(now().unrecorded, 0);
    bool failed = failing->requests >= n;
    assert_int_equal(finish(), 0);
    probe_fini(&probe);
    return failed;
}

TEST(failures_of_the_sources)
{
    for (int after = 0; after < 2; after++) {
        for (size_t n = 1; n < 40 && one_failure(n, true, after); n++)
            ;
        for (size_t n = 1; n < 40; n += 7)
            one_failure(n, false, after);
    }
}

TEST(without_records)
{
    start_with(PROBE_BARE, (cairn_counted_opts){.no_records = true});
    void *a = get(10);
    assert_int_equal(now().unrecorded, 0);
    assert_int_equal(records.requests, 0);
    assert_false(cairn_counted_visit(&counted, NULL, NULL));
    end(a, 10);
    assert_true(cairn_counted_visit(&counted, NULL, NULL));
    assert_int_equal(finish(), 0);
    probe_fini(&probe);
}

static bool add_block(void *context, void *ptr, size_t size, bool in_use)
{
    assert_true(in_use);
    assert_non_null(ptr);
    *(size_t *)context += size;
    return *(size_t *)context < 1000;
}

TEST(visiting)
{
    start();
    size_t bytes = 0;
    void *a = get(100), *b = get(20);
    assert_true(cairn_counted_visit(&counted, add_block, &bytes));
    assert_int_equal(bytes, 120);
    b = resize(b, 20, 1000);
    bytes = 900;
    assert_false(cairn_counted_visit(&counted, add_block, &bytes));
    end(a, 100);
    records.fail_at = 1;
    records.fail_after = true;
    void *more[4000];
    for (int i = 0; i < 4000; i++)
        more[i] = get(0);
    assert_in_range(now().unrecorded, 1, 4000);
    bytes = 0;
    end(b, 1000);
    assert_false(cairn_counted_visit(&counted, add_block, &bytes));
    for (int i = 0; i < 4000; i++)
        end(more[i], 0);
    assert_int_equal(finish(), 0);
    probe_fini(&probe);
}

/* ---- sections ---- */

TEST(a_section)
{
    start();
    cairn_counted_section section;
    char line[128];
    void *before = get(5000);
    end(get(100000), 100000); /* a peak before it */
    cairn_counted_begin(&counted, &section);
    void *a = get(100), *b = get(200);
    a = resize(a, 100, 150);
    end(b, 200);
    end(before, 5000);
    assert_true(cairn_counted_end(&counted, &section));
    assert_int_equal(section.requests, 3);
    assert_int_equal(section.peak_bytes, 350);
    assert_int_equal(section.peak_blocks, 2);
    assert_int_equal(section.left_blocks, 0);
    assert_int_equal(section.left_bytes, -4850);
    assert_true(cairn_counted_expect(&section, 3, 350, line, sizeof line));
    assert_string_equal(line, "3 requests (at most 3), 350 bytes at peak (at most 350), "
                              "0 blocks and -4850 bytes left");
    assert_false(cairn_counted_expect(&section, 2, SIZE_MAX, line, sizeof line));
    assert_string_equal(line, "3 requests (at most 2), 350 bytes at peak, "
                              "0 blocks and -4850 bytes left");
    assert_false(cairn_counted_expect(&section, SIZE_MAX, 349, line, 11));
    assert_string_equal(line, "3 requests");
    assert_false(cairn_counted_expect(&section, SIZE_MAX, 349, NULL, 0));
    assert_int_equal(now().peak_bytes, 105000); /* the peak of all times is not forgotten */
    assert_false(cairn_counted_end(&counted, &section));
    end(a, 150);
    assert_int_equal(finish(), 0);
    probe_fini(&probe);
}

TEST(sections_in_sections)
{
    start();
    cairn_counted_section outer, inner, later;
    cairn_counted_begin(&counted, &outer);
    end(get(1000), 1000);
    cairn_counted_begin(&counted, &inner);
    end(get(500), 500);
    assert_true(cairn_counted_end(&counted, &inner));
    assert_int_equal(inner.peak_bytes, 500);
    cairn_counted_begin(&counted, &inner);
    end(get(3000), 3000);
    assert_true(cairn_counted_end(&counted, &inner));
    assert_int_equal(inner.peak_bytes, 3000);
    end(get(10), 10);
    assert_true(cairn_counted_end(&counted, &outer));
    assert_int_equal(outer.peak_bytes, 3000);
    assert_int_equal(outer.requests, 4);

    /* A peak that two sections inside have seen, and that was lowered since. */
    cairn_counted_begin(&counted, &outer);
    cairn_counted_begin(&counted, &inner);
    end(get(700), 700);
    cairn_counted_begin(&counted, &later);
    end(get(10), 10);
    assert_true(cairn_counted_end(&counted, &later));
    assert_true(cairn_counted_end(&counted, &inner));
    assert_true(cairn_counted_end(&counted, &outer));
    assert_int_equal(later.peak_bytes, 10);
    assert_int_equal(inner.peak_bytes, 700);
    assert_int_equal(outer.peak_bytes, 700);

    /* Overlapping: the first ends before the one that began inside it. */
    cairn_counted_begin(&counted, &outer);
    end(get(100), 100);
    cairn_counted_begin(&counted, &inner);
    end(get(200), 200);
    cairn_counted_begin(&counted, &later);
    end(get(50), 50);
    assert_true(cairn_counted_end(&counted, &outer));
    assert_int_equal(outer.peak_bytes, 200);
    end(get(70), 70);
    assert_true(cairn_counted_end(&counted, &inner));
    assert_int_equal(inner.peak_bytes, 200);
    end(get(60), 60);
    assert_true(cairn_counted_end(&counted, &later));
    assert_int_equal(later.peak_bytes, 70);
    assert_int_equal(later.requests, 3);
    assert_false(cairn_counted_end(&counted, &inner));
    assert_int_equal(now().peak_bytes, 3000);
    finish();
    probe_fini(&probe);
}

/* ---- the unwinder ---- */

/* The library's calls of cairn__unwind come here (--wrap). */
static size_t unwinds;
static bool keep_frames;
static uintptr_t last_frames[64];

unsigned __real_cairn__unwind(uintptr_t *frames, unsigned max);
unsigned __wrap_cairn__unwind(uintptr_t *frames, unsigned max);
unsigned __wrap_cairn__unwind(uintptr_t *frames, unsigned max)
{
    __atomic_fetch_add(&unwinds, 1, __ATOMIC_RELAXED);
    unsigned count = __real_cairn__unwind(frames, max);
    if (__atomic_load_n(&keep_frames, __ATOMIC_RELAXED))
        memcpy(last_frames, frames, count * sizeof *frames);
    return count;
}

/* ---- the report ---- */

static struct {
    char text[1 << 16];
    size_t length, writes;
} said;

static void hear(void *context, const char *bytes, size_t count)
{
    assert_ptr_equal(context, &said);
    assert_in_range(count, 1, sizeof said.text - said.length - 1);
    assert_int_equal(bytes[count - 1], '\n');
    memcpy(said.text + said.length, bytes, count);
    said.length += count;
    said.text[said.length] = '\0';
    said.writes++;
    end(get(1), 1); /* it may use the counted */
}

static size_t report(void)
{
    memset(&said, 0, sizeof said);
    return cairn_counted_report(&counted, hear, &said);
}

/* Not static, so that the dynamic linker knows them. */
void *allocate_in_one(size_t size);
void *allocate_in_other(size_t size);

NOINLINE void *allocate_in_one(size_t size)
{
    void *ptr = wrapped.ops->alloc(wrapped.self, (cairn_layout){size, 8}); /* never inlined */
    __asm__ volatile("" : : "r"(ptr) : "memory");
    return ptr;
}

NOINLINE void *allocate_in_other(size_t size)
{
    void *ptr = allocate_in_one(size);
    __asm__ volatile("" : : "r"(ptr) : "memory");
    return ptr;
}

TEST(by_call_site)
{
    start_with(PROBE_FULL, (cairn_counted_opts){.frames = 0});
    void *a[3], *b[2];
    volatile int three = 3, two = 2; /* one call each: loops that are not unrolled */
    for (int i = 0; i < three; i++)
        a[i] = allocate_in_one(10);
    for (int i = 0; i < two; i++)
        b[i] = allocate_in_other(100);
    assert_int_equal(report(), 5);
    assert_int_equal(said.writes, 3);
    char *line = said.text;
    assert_memory_equal(line, "5 blocks, 230 bytes in 2 places\n", 32);
    line = strchr(line, '\n') + 1;
    char *next = strchr(line, '\n') + 1;
    next[-1] = '\0';
    assert_memory_equal(line, "2 blocks, 200 bytes: ", 21);
    assert_memory_equal(next, "3 blocks, 30 bytes: ", 20);
    assert_non_null(strstr(line, "allocate_in_one+0x"));
    assert_non_null(strstr(line, "allocate_in_other+0x"));
    assert_non_null(strstr(line, " < "));
    assert_null(strstr(next, "allocate_in_other"));

    /* A block belongs to who resized it last. */
    for (int i = 0; i < three; i++)
        a[i] = resize(a[i], 10, 11);
    assert_int_equal(report(), 5);
    next = strchr(strchr(said.text, '\n') + 1, '\n') + 1;
    assert_memory_equal(next, "3 blocks, 33 bytes: ", 20);
    for (int i = 0; i < 3; i++)
        end(a[i], 11);
    for (int i = 0; i < 2; i++)
        end(b[i], 100);
    assert_int_equal(report(), 0);
    assert_string_equal(said.text, "0 blocks, 0 bytes in 0 places\n");
    assert_int_equal(finish(), 0);
    probe_fini(&probe);
}

/* The address of a frame is what addr2line wants: an instruction of the function that allocated. */
TEST(addresses)
{
    for (unsigned frames = 1; frames <= 40; frames += 39) {
        start_with(PROBE_BARE, (cairn_counted_opts){.frames = frames});
        keep_frames = true;
        void *a = allocate_in_one(10);
        keep_frames = false;
        report();
        const char *in = strstr(said.text, " (allocate_in_one+0x");
        assert_non_null(in);
        while (*--in != '+')
            ;
        Dl_info info;
        uintptr_t offset = strtoull(in + 1, NULL, 16);
        assert_int_not_equal(dladdr((void *)allocate_in_one, &info), 0);
        assert_int_not_equal(dladdr((char *)info.dli_fbase + offset, &info), 0);
        assert_string_equal(info.dli_sname, "allocate_in_one");
        uintptr_t returns_to = (uintptr_t)info.dli_fbase + offset + 1;
        bool seen = frames == 1; /* no unwinder is called then */
        for (size_t i = 0; i < sizeof last_frames / sizeof *last_frames; i++)
            seen |= last_frames[i] == returns_to;
        assert_true(seen);
        end(a, 10);
        finish();
        probe_fini(&probe);
    }
}

TEST(a_report_without_memory)
{
    start();
    records.fail_at = 1;
    records.fail_after = true;
    void *a = allocate_in_one(10);
    assert_int_equal(report(), 1);
    assert_string_equal(said.text, "0 blocks, 0 bytes in 0 places\n"
                                   "1 more blocks, for whose records there was no memory\n");
    end(a, 10);
    records.fail_at = records.requests + 1; /* of the site, not of the table */
    records.fail_after = false;
    a = allocate_in_one(10);
    assert_int_equal(report(), 1);
    assert_non_null(strstr(said.text, "1 blocks, 10 bytes: no memory for the call stack\n"));
    end(a, 10);
    finish();
    probe_fini(&probe);

    start_with(PROBE_BARE, (cairn_counted_opts){.no_records = true});
    a = get(10);
    assert_int_equal(report(), 1);
    assert_string_equal(said.text, "1 blocks, 10 bytes, without records\n");
    end(a, 10);
    finish();
    probe_fini(&probe);
}

TEST(to_a_file)
{
    start();
    void *a = get(10);
    int ends[2];
    char text[4096] = "";
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(cairn_counted_report_to(&counted, ends[1]), 1);
    assert_in_range(read(ends[0], text, sizeof text - 1), 1, sizeof text);
    assert_memory_equal(text, "1 blocks, 10 bytes in 1 places\n", 31);
    assert_int_equal(cairn_counted_report_to(&counted, -1), 1);
    assert_int_equal(cairn_counted_report(&counted, NULL, NULL), 1);
    end(a, 10);
    finish();
    probe_fini(&probe);
}

TEST(one_frame_needs_none)
{
    start();
    size_t before = unwinds;
    end(get(10), 10);
    assert_int_equal(unwinds, before);
    finish();
    probe_fini(&probe);

    start_with(PROBE_FULL, (cairn_counted_opts){.frames = 2});
    end(get(10), 10);
    assert_in_range(unwinds, before + 1, before + 4);
    finish();
    probe_fini(&probe);
}

/* ---- threads ---- */

static void *use(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    char *blocks[32] = {NULL};
    size_t size[32];
    for (size_t i = 0; i < unit_rounds(3000); i++) {
        size_t at = unit_below(&seed, 32);
        size_t new_size = unit_below(&seed, 300);
        if (blocks[at] == NULL) {
            blocks[at] = i % 2 ? allocate_in_one(new_size) : allocate_in_other(new_size);
        } else if (i % 3 == 0) {
            end(blocks[at], size[at]);
            blocks[at] = NULL;
        } else {
            blocks[at] = resize(blocks[at], size[at], new_size);
        }
        size[at] = new_size;
        if (i % 700 == 0) {
            int nowhere = -1;
            cairn_counted_report_to(&counted, nowhere);
        }
    }
    for (int i = 0; i < 32; i++)
        end(blocks[i], size[i]);
    return NULL;
}

static void run_threads(void)
{
    pthread_t threads[4];
    cairn_counted_section section;
    cairn_counted_begin(&counted, &section);
    for (uintptr_t i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, use, (void *)(i + 1)) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(cairn_counted_end(&counted, &section));
    assert_int_equal(section.left_bytes, 0);
    cairn_counted_stats stats = now();
    assert_int_equal(stats.live_blocks, 0);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal(section.requests,
                     stats.allocations + stats.resized_in_place + stats.resized_and_moved);
    assert_in_range(stats.peak_blocks, 1, 128);
    assert_int_equal(finish(), 0);
    probe_fini(&probe);
}

TEST(threads)
{
    start_with(PROBE_FULL, (cairn_counted_opts){.frames = 3});
    run_threads();
    start_with(PROBE_FULL, (cairn_counted_opts){.no_records = true});
    run_threads();
}

TEST(around_a_fork)
{
    start();
    void *a = get(10);
    cairn_counted_acquire(&counted);
    pid_t child = fork();
    cairn_counted_release(&counted);
    void *b = get(20);
    end(a, 10);
    if (child == 0)
        _exit(b != NULL && now().live_bytes == 20 ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    end(b, 20);
    finish();
    probe_fini(&probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_each_op),
        cmocka_unit_test(sizes),
        cmocka_unit_test(peaks_and_resizes),
        cmocka_unit_test(failures_of_the_sources),
        cmocka_unit_test(without_records),
        cmocka_unit_test(visiting),
        cmocka_unit_test(a_section),
        cmocka_unit_test(sections_in_sections),
        cmocka_unit_test(by_call_site),
        cmocka_unit_test(addresses),
        cmocka_unit_test(a_report_without_memory),
        cmocka_unit_test(to_a_file),
        cmocka_unit_test(one_frame_needs_none),
        cmocka_unit_test(threads),
        cmocka_unit_test(around_a_fork),
    };
    return UNIT_MAIN(tests);
}
