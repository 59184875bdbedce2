/* SPDX-License-Identifier: MIT */
/*
 * traced.h: that the log says what happened, in either form; and that nothing that happens to its
 * file reaches the program.
 */
#include "kit/trace.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* ---- the forms ---- */

TEST(hands_on_each_op)
{
    for (int form = 0; form < 8; form++) {
        start((enum probe_form)(form & 3), (cairn_traced_opts){.binary = form >= 4, .buffers = 1});
        probe.surplus = (form & PROBE_FULL) != 0 ? 24 : 0;
        probe_pass_through(&probe, wrapped);
        assert_int_equal(finish(), 0);
        assert_int_equal(read_trace(path), 0);
        assert_int_equal(event_count, 1 + 5 + 3 + 4);
        assert_int_equal(play(), 0);
        unlink(path);
    }
}

/* The same calls in both forms give the same events. */
TEST(what_is_said)
{
    for (int binary = 0; binary < 2; binary++) {
        start(PROBE_FULL | PROBE_TELLS, (cairn_traced_opts){.binary = binary, .questions = true});
        probe.surplus = 2;
        char *a = cairn_allocator_alloc(wrapped, (cairn_layout){40, 64});
        char *b = cairn_allocator_alloc_zeroed(wrapped, (cairn_layout){0, 1});
        cairn_allocator_owns(wrapped, a);
        cairn_allocator_owns(wrapped, &a);
        cairn_allocator_usable_size(wrapped, a, (cairn_layout){40, 64});
        char *c = cairn_allocator_realloc(wrapped, a, (cairn_layout){40, 64}, 100000);
        assert_null(cairn_allocator_realloc(wrapped, c, (cairn_layout){100000, 64}, 2 * GIB));
        assert_null(cairn_allocator_alloc(wrapped, (cairn_layout){2 * GIB, 1 << 20}));
        cairn_allocator_dealloc(wrapped, b, (cairn_layout){0, 1});
        cairn_allocator_dealloc(wrapped, c, (cairn_layout){100000, 64});
        assert_int_equal(finish(), 0);
        assert_int_equal(read_trace(path), 0);
        assert_int_equal(play(), 0);
        uint64_t id = (uint64_t)gettid();
        const cairn_traced_event expected[] = {
            {CAIRN_TRACED_THREAD, 1, 0, id, 0, (uint64_t)getpid(), 0, 0, 0, 0},
            {CAIRN_TRACED_ALLOC, 2, 0, id, (uintptr_t)a, 40, 64, 0, 0, 0},
            {CAIRN_TRACED_ALLOC_ZEROED, 3, 0, id, (uintptr_t)b, 0, 1, 0, 0, 0},
            {CAIRN_TRACED_OWNS, 4, 0, id, (uintptr_t)a, 0, 0, 0, 1, 0},
            {CAIRN_TRACED_OWNS, 5, 0, id, (uintptr_t)&a, 0, 0, 0, 0, 0},
            {CAIRN_TRACED_USABLE_SIZE, 6, 0, id, (uintptr_t)a, 40, 64, 0, 42, 0},
            {CAIRN_TRACED_REALLOC, 8, 0, id, (uintptr_t)a, 40, 64, 100000, (uintptr_t)c, 7},
            {CAIRN_TRACED_REALLOC, 10, 0, id, (uintptr_t)c, 100000, 64, 2 * GIB, 0, 9},
            {CAIRN_TRACED_ALLOC, 11, 0, id, 0, 2 * GIB, 1 << 20, 0, 0, 0},
            {CAIRN_TRACED_DEALLOC, 12, 0, id, (uintptr_t)b, 0, 1, 0, 0, 0},
            {CAIRN_TRACED_DEALLOC, 13, 0, id, (uintptr_t)c, 100000, 64, 0, 0, 0},
        };
        assert_int_equal(event_count, sizeof expected / sizeof *expected);
        uint64_t last = 0;
        for (size_t i = 0; i < event_count; i++) {
            assert_true(events[i].time >= last && events[i].time < 1000000000000);
            last = events[i].time;
            char line[TRACED_EVENT_MAX], expected_line[TRACED_EVENT_MAX];
            events[i].time = 0;
            cairn_traced_print(&events[i], line, sizeof line);
            cairn_traced_print(&expected[i], expected_line, sizeof expected_line);
            assert_string_equal(line, expected_line);
        }
        unlink(path);
    }
}

static bool is_same(const cairn_traced_event *a, const cairn_traced_event *b)
{
    return a->op == b->op && a->number == b->number && a->time == b->time &&
           a->thread == b->thread && a->ptr == b->ptr && a->size == b->size &&
           a->align == b->align && a->new_size == b->new_size && a->result == b->result &&
           a->began == b->began;
}

/* Any event comes back from a batch as it was. */
TEST(packing)
{
    static char batch[TRACED_HEADER + 1000 * TRACED_EVENT_MAX];
    static cairn_traced_event put[1000];
    struct traced_last last = {0, 0, 0, 0};
    size_t used = TRACED_HEADER;
    uint64_t seed = 1;
    for (size_t i = 0; i < 1000; i++) {
        cairn_traced_event *e = &put[i];
        bool wild = i % 3 == 0;
        uint64_t mask = wild ? UINT64_MAX : 0xFFFF;
        e->op = (cairn_traced_op)unit_below(&seed, 7);
        e->number = unit_random(&seed) & mask;
        e->time = unit_random(&seed) & mask;
        e->thread = unit_below(&seed, 4);
        e->ptr = e->op == CAIRN_TRACED_THREAD ? 0 : unit_random(&seed) & mask;
        e->size = e->op == CAIRN_TRACED_OWNS ? 0 : unit_random(&seed) & mask;
        e->align = e->op == CAIRN_TRACED_OWNS || e->op == CAIRN_TRACED_THREAD
                       ? 0
                       : (uint64_t)1 << unit_below(&seed, 64);
        if (e->op == CAIRN_TRACED_REALLOC) {
            e->new_size = unit_random(&seed) & mask;
            e->result = unit_random(&seed) & mask;
            e->began = unit_random(&seed) & mask;
        }
        if (e->op == CAIRN_TRACED_OWNS || e->op == CAIRN_TRACED_USABLE_SIZE)
            e->result = unit_random(&seed) & mask;
        size_t size = cairn__traced_pack(e, &last, batch + used);
        assert_in_range(size, 1, TRACED_EVENT_MAX);
        used += size;
        char line[TRACED_EVENT_MAX + 1];
        size = cairn__traced_line(e, line);
        assert_in_range(size, 1, TRACED_EVENT_MAX - 1);
        assert_int_equal(line[size - 1], '\n');
        assert_int_equal(cairn_traced_print(e, NULL, 0), size - 1);
        char cut[4];
        assert_int_equal(cairn_traced_print(e, cut, sizeof cut), size - 1);
        assert_int_equal(strlen(cut), 3);
    }
    cairn__traced_seal(batch, used - TRACED_HEADER, 1000);
    event_count = 0;
    assert_int_equal(cairn_traced_read(batch, used, keep, NULL), 0);
    assert_int_equal(event_count, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_true(is_same(&events[i], &put[i]));
}

static bool keep_three(void *context, const cairn_traced_event *event)
{
    keep(context, event);
    return event_count < 3;
}

static size_t with_other_bytes(char *to, const char *batch, size_t size)
{
    memcpy(to, "some other output CTR1", 22);
    memcpy(to + 22, batch, size);
    memcpy(to + 22 + size, batch, size - 1); /* cut short */
    memcpy(to + 22 + size + size - 1, batch, size);
    return 22 + 3 * size - 1;
}

/* What is damaged is passed over; nothing is read beyond the end, whatever the bytes. */
TEST(reading_what_is_damaged)
{
    start(PROBE_FULL, (cairn_traced_opts){.binary = true});
    for (int i = 0; i < 20; i++)
        end(get((size_t)i), (size_t)i);
    finish();
    size_t size;
    char *batch = slurp(path, &size);
    char *bytes = malloc(3 * size + 100);
    size_t all = with_other_bytes(bytes, batch, size);
    event_count = 0;
    assert_int_equal(cairn_traced_read(bytes, all, keep, NULL), 22 + size - 1);
    assert_int_equal(event_count, 2 * 41);
    event_count = 0;
    cairn_traced_read(bytes, all, keep_three, NULL);
    assert_int_equal(event_count, 3);
    assert_int_equal(cairn_traced_read(NULL, 0, keep, NULL), 0);

    uint64_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        char *copy = malloc(size); /* its own block: for AddressSanitizer to see its end */
        memcpy(copy, batch, size);
        for (size_t i = 0; i < 3; i++)
            copy[unit_below(&seed, size)] = (char)unit_random(&seed);
        if (round % 2 == 0)
            cairn__traced_seal(copy, size - TRACED_HEADER, unit_below(&seed, 100));
        event_count = 0;
        cairn_traced_read(copy, round % 3 == 0 ? unit_below(&seed, size + 1) : size, keep, NULL);
        free(copy);
    }
    free(bytes);
    free(batch);
    unlink(path);
}

/* ---- buffers ---- */

static size_t size_of_file(void)
{
    struct stat stat;
    REQUIRE(lstat(path, &stat) == 0);
    return (size_t)stat.st_size;
}

TEST(when_it_is_written)
{
    for (int binary = 0; binary < 2; binary++) {
        start(PROBE_FULL, (cairn_traced_opts){.binary = binary, .buffer_size = 2000});
        end(get(1), 1);
        assert_int_equal(size_of_file(), 0);
        assert_int_equal(cairn_traced_written(&traced), 0);
        cairn_traced_flush(&traced);
        assert_int_equal(cairn_traced_written(&traced), 3);
        size_t size = size_of_file();
        assert_in_range(size, 1, 1000);
        cairn_traced_flush(&traced);
        assert_int_equal(size_of_file(), size);
        for (int i = 0; i < 200; i++)
            end(get(1), 1);
        assert_in_range(size_of_file(), size + 1, 100000);
        assert_int_equal(finish(), 0);
        assert_int_equal(read_trace(path), 0);
        assert_int_equal(event_count, 403);
        assert_int_equal(play(), 0);
        unlink(path);

        start(PROBE_FULL, (cairn_traced_opts){.binary = binary, .unbuffered = true});
        end(get(1), 1);
        assert_int_equal(cairn_traced_written(&traced), 3);
        finish();
        unlink(path);
    }
}

TEST(options_that_cannot_be)
{
    char too_long[5000];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    int closed = dup(1);
    close(closed);
    const cairn_traced_opts bad[] = {
        {.path = "/nowhere/at/all"},
        {.path = too_long},
        {.path = ""},
        {.file = closed},
        {.file = -1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cairn_traced_opts opts = bad[i];
        probe_init(&records, PROBE_BARE);
        opts.records = probe_allocator(&records);
        errno = 77;
        assert_false(cairn_traced_init(&traced, cairn_system(), &opts));
        assert_int_equal(errno, 77);
        probe_fini(&records);
    }
    start(PROBE_FULL, (cairn_traced_opts){.buffer_size = 1, .buffers = 100000});
    for (int i = 0; i < 100; i++)
        end(get(1), 1);
    finish();
    assert_int_equal(read_trace(path), 0);
    assert_int_equal(event_count, 201);
    unlink(path);
    for (size_t n = 1; n <= 3; n++) { /* no memory */
        probe_init(&records, PROBE_BARE);
        records.fail_at = n;
        cairn_traced_opts opts = {.path = path, .records = probe_allocator(&records)};
        assert_false(cairn_traced_init(&traced, cairn_system(), &opts));
        probe_fini(&records);
    }
}

TEST(a_path_with_the_process_id)
{
    char name[64];
    start(PROBE_FULL, (cairn_traced_opts){.path = "/tmp/cairn-traced-of-%p-%%"});
    end(get(1), 1);
    finish();
    snprintf(name, sizeof name, "/tmp/cairn-traced-of-%d-%%%%", (int)getpid());
    assert_int_equal(read_trace(name), 0);
    assert_int_equal(event_count, 3);
    unlink(name);
}

TEST(by_default_on_stderr)
{
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    assert_in_range(dup2(file, 2), 2, 2);
    assert_true(cairn_traced_init(&traced, (cairn_allocator){NULL, NULL}, NULL));
    wrapped = cairn_traced_allocator(&traced);
    end(get(1), 1);
    assert_int_equal(cairn_traced_fini(&traced), 0);
    assert_in_range(lseek(file, 0, SEEK_CUR), 50, 1000);
    assert_int_not_equal(fcntl(2, F_GETFD), -1); /* it stays the caller's */
}

/* ---- what can happen to a file ---- */

static void log_some(size_t n)
{
    errno = 77;
    for (size_t i = 0; i < n; i++)
        end(get(1), 1);
    assert_int_equal(errno, 77);
    assert_null(cairn_traced_audit(&traced));
}

TEST(a_closed_file)
{
    for (int binary = 0; binary < 2; binary++) {
        int file = open("/dev/null", O_WRONLY);
        start(PROBE_FULL, (cairn_traced_opts){.file = file, .binary = binary, .buffer_size = 1024});
        close(file);
        log_some(100);
        assert_int_equal(finish(), 201);
    }
}

/* The number belongs to another file by now: that one must not be written to. */
TEST(a_file_that_is_anothers)
{
    int file = open("/dev/null", O_WRONLY);
    start(PROBE_FULL, (cairn_traced_opts){.file = file, .buffer_size = 1024});
    log_some(1);
    cairn_traced_flush(&traced);
    int precious = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    assert_int_equal(dup2(precious, file), file);
    log_some(100);
    assert_int_equal(finish(), 200);
    assert_int_equal(lseek(precious, 0, SEEK_END), 0);
}

TEST(a_full_disk)
{
    start(PROBE_FULL, (cairn_traced_opts){.path = "/dev/full"});
    log_some(10);
    assert_int_equal(finish(), 21);
}

/* No reader: no signal, and one that was there before stays. */
TEST(a_pipe_without_a_reader)
{
    for (int before = 0; before < 2; before++) {
        int ends[2];
        sigset_t set, pending;
        assert_int_equal(pipe(ends), 0);
        start(PROBE_FULL, (cairn_traced_opts){.file = ends[1], .unbuffered = true});
        log_some(1);
        close(ends[0]);
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        if (before == 1) {
            pthread_sigmask(SIG_BLOCK, &set, NULL);
            raise(SIGPIPE);
        }
        log_some(10);
        sigpending(&pending);
        assert_int_equal(sigismember(&pending, SIGPIPE), before);
        pthread_sigmask(SIG_BLOCK, NULL, &set);
        assert_int_equal(sigismember(&set, SIGPIPE), before);
        assert_int_equal(finish(), 20);
        close(ends[1]);
    }
}

TEST(a_file_at_its_limit)
{
    struct rlimit limit = {10000, 10000};
    start(PROBE_FULL, (cairn_traced_opts){.buffer_size = 1024});
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    log_some(1000);
    size_t written = cairn_traced_written(&traced);
    size_t lost = finish();
    assert_in_range(written, 100, 300);
    assert_in_range(lost, 1700, 1950);
    assert_int_equal(size_of_file(), 10000);
    /* Only the last line is cut short. */
    assert_in_range(read_trace(path), 0, 1);
    unlink(path);
}

static void *read_slowly(void *argument)
{
    int file = *(int *)argument;
    char bytes[4096];
    ssize_t got;
    usleep(20000);
    while ((got = read(file, bytes, sizeof bytes)) > 0) {
        REQUIRE(write(STDOUT_FILENO, bytes, (size_t)got) == got);
        usleep(100);
    }
    return NULL;
}

/* A pipe that does not block and is full: waits for the reader, and nothing is lost. */
TEST(a_slow_reader)
{
    int ends[2];
    pthread_t reader;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    fcntl(ends[0], F_SETFL, 0);
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    snprintf(path, sizeof path, "/tmp/cairn-traced-%d", (int)getpid());
    int copy = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(copy, STDOUT_FILENO);
    start(PROBE_FULL, (cairn_traced_opts){.file = ends[1]});
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
    log_some(1000);
    assert_int_equal(finish(), 0);
    close(ends[1]);
    pthread_join(reader, NULL);
    assert_int_equal(read_trace(path), 0);
    assert_int_equal(event_count, 2001);
    assert_int_equal(play(), 0);
    unlink(path);
}

/* One that nobody reads any more: a wait, and then no other. What was torn does not join on. */
TEST(a_stalled_reader)
{
    int ends[2];
    char bytes[8192];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    start(PROBE_FULL, (cairn_traced_opts){.file = ends[1], .buffer_size = 1024 * 1024});
    log_some(100); /* more than the pipe takes */
    cairn_traced_flush(&traced);
    size_t lost = cairn_traced_lost(&traced);
    assert_in_range(lost, 50, 200);
    for (int i = 0; i < 200; i++) { /* would be minutes */
        log_some(1);
        cairn_traced_flush(&traced);
    }
    assert_int_equal(cairn_traced_lost(&traced), lost + 400);
    ssize_t got = read(ends[0], bytes, sizeof bytes);
    assert_int_equal(got, 4096);
    log_some(1);
    cairn_traced_flush(&traced);
    assert_int_equal(cairn_traced_lost(&traced), lost + 400);
    got += read(ends[0], bytes + got, sizeof bytes - (size_t)got);
    bytes[got] = '\0';
    assert_int_equal(bytes[got - 1], '\n');
    assert_int_equal(bytes[4096], '\n'); /* it was cut within a line */
    size_t good = 0, bad = 0;
    for (char *line = strtok(bytes, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cairn_traced_event event;
        if (parse_line(line, &event))
            good++;
        else
            bad++;
    }
    assert_in_range(bad, 0, 1);
    assert_in_range(good, cairn_traced_written(&traced), cairn_traced_written(&traced) + 1);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_on_each_op),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(packing),
        cmocka_unit_test(reading_what_is_damaged),
        cmocka_unit_test(when_it_is_written),
        cmocka_unit_test(options_that_cannot_be),
        cmocka_unit_test(a_path_with_the_process_id),
        cmocka_unit_test(by_default_on_stderr),
        cmocka_unit_test(a_closed_file),
        cmocka_unit_test(a_file_that_is_anothers),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_pipe_without_a_reader),
        cmocka_unit_test(a_file_at_its_limit),
        cmocka_unit_test(a_slow_reader),
        cmocka_unit_test(a_stalled_reader),
    };
    return UNIT_MAIN(tests);
}
