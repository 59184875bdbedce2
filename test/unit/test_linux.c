/* SPDX-License-Identifier: MIT */
/* linux.c, on the real system: contents, alignment, limits, hooks, and that errno stays. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os.h"

enum { MARK = 4242 }; /* in errno, before each call */

#define KEEPS_ERRNO(call) (errno = MARK, (call))
#define CHECK_ERRNO()     assert_int_equal(errno, MARK)

TEST(reserve_and_commit)
{
    for (size_t align = 4 * KIB; align <= 64 * MIB; align *= 4) {
        unsigned char *start = KEEPS_ERRNO(cairn__os_reserve(256 * KIB, align));
        CHECK_ERRNO();
        assert_non_null(start);
        assert_int_equal((uintptr_t)start % align, 0);
        assert_true(KEEPS_ERRNO(cairn__os_commit(start + 64 * KIB, 128 * KIB)));
        CHECK_ERRNO();
        assert_true(unit_is_zero(start + 64 * KIB, 128 * KIB));
        unit_fill(start + 64 * KIB, 128 * KIB, align);
        assert_true(cairn__os_commit(start, 256 * KIB)); /* again, and more: contents stay */
        assert_true(unit_is_filled(start + 64 * KIB, 128 * KIB, align));
        assert_true(KEEPS_ERRNO(cairn__os_release(start, 256 * KIB)));
        CHECK_ERRNO();
    }
}

DEATH_TEST(reserved_is_not_accessible, "no access")
{
    volatile char *start = cairn__os_reserve(64 * KIB, 4 * KIB);
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    /* The kernel tells without a signal, which the sanitizers would take. */
    if (write(ends[1], (const void *)start, 1) < 0 && errno == EFAULT)
        fputs("no access", stderr);
    cairn__os_abort();
}

TEST(impossible_sizes)
{
    assert_null(KEEPS_ERRNO(cairn__os_reserve((size_t)1 << 60, 4 * KIB)));
    CHECK_ERRNO();
    assert_null(KEEPS_ERRNO(cairn__os_map((size_t)1 << 60, 4 * KIB)));
    CHECK_ERRNO();
    assert_null(KEEPS_ERRNO(cairn__os_map(4 * KIB, (size_t)1 << 60)));
    CHECK_ERRNO();
    assert_null(cairn__os_map(SIZE_MAX - 4 * KIB + 1, 2 * MIB));
    assert_false(KEEPS_ERRNO(cairn__os_commit((void *)(uintptr_t)(4 * KIB), 4 * KIB)));
    CHECK_ERRNO();
    assert_false(KEEPS_ERRNO(cairn__os_purge((void *)(uintptr_t)(4 * KIB), 4 * KIB)));
    CHECK_ERRNO();
}

TEST(map_and_purge)
{
    for (size_t align = 16; align <= 16 * MIB; align *= 8) {
        unsigned char *start = KEEPS_ERRNO(cairn__os_map(256 * KIB, align));
        CHECK_ERRNO();
        assert_int_equal((uintptr_t)start % align, 0);
        assert_true(unit_is_zero(start, 256 * KIB));
        unit_fill(start, 256 * KIB, 5);
        assert_true(KEEPS_ERRNO(cairn__os_purge(start + 64 * KIB, 64 * KIB)));
        CHECK_ERRNO();
        assert_true(unit_is_zero(start + 64 * KIB, 64 * KIB));
        assert_true(unit_is_filled(start, 64 * KIB, 5));
        assert_true(cairn__os_release(start, 256 * KIB));
    }
}

/* Memory that is locked cannot be purged: false, contents stay. */
TEST(locked_memory_is_not_purged)
{
    unsigned char *start = cairn__os_map(64 * KIB, 4 * KIB);
    unit_fill(start, 64 * KIB, 6);
    if (syscall(SYS_mlock, start, 64 * KIB) != 0) /* the sanitizers make mlock do nothing */
        skip();
    assert_false(KEEPS_ERRNO(cairn__os_purge(start, 64 * KIB)));
    CHECK_ERRNO();
    assert_true(unit_is_filled(start, 64 * KIB, 6));
}

TEST(resize_in_place)
{
    unsigned char *start = cairn__os_map(512 * KIB, 4 * KIB);
    unit_fill(start, 256 * KIB, 7);
    assert_true(KEEPS_ERRNO(cairn__os_resize(start, 512 * KIB, 256 * KIB)));
    CHECK_ERRNO();
    assert_true(unit_is_filled(start, 256 * KIB, 7));
    if (cairn__os_resize(start, 256 * KIB, 512 * KIB)) { /* nobody moved in meanwhile */
        assert_true(unit_is_filled(start, 256 * KIB, 7));
        assert_true(unit_is_zero(start + 256 * KIB, 256 * KIB));
    }
    /* Something is in the way. */
    unsigned char *pair = cairn__os_reserve(128 * KIB, 4 * KIB);
    assert_true(cairn__os_commit(pair, 64 * KIB));
    assert_false(KEEPS_ERRNO(cairn__os_resize(pair, 64 * KIB, 128 * KIB)));
    CHECK_ERRNO();
}

TEST(move_keeps_contents)
{
    for (int grow = 0; grow < 2; grow++) {
        size_t size = grow ? 512 * KIB : 128 * KIB;
        unsigned char *old = cairn__os_map(256 * KIB, 4 * KIB);
        unit_fill(old, 256 * KIB, 8);
        unsigned char *target = cairn__os_reserve(size, 2 * MIB);
        assert_true(KEEPS_ERRNO(cairn__os_move(old, 256 * KIB, target, size)));
        CHECK_ERRNO();
        size_t kept = size < 256 * KIB ? size : 256 * KIB;
        assert_true(unit_is_filled(target, kept, 8));
        assert_true(unit_is_zero(target + kept, size - kept));
        assert_int_equal(msync(old, 4 * KIB, MS_ASYNC), -1); /* nothing is there any more */
        assert_true(cairn__os_release(target, size));
    }
}

TEST(limit_on_addresses)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    if (limit.rlim_cur == RLIM_INFINITY)
        assert_true(KEEPS_ERRNO(cairn__os_address_limit()) == SIZE_MAX);
    CHECK_ERRNO();
    if (UNIT_ASAN || CAIRN_TSAN) /* these do not fit below the limit */
        return;
    limit.rlim_cur = (rlim_t)8 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    assert_true(KEEPS_ERRNO(cairn__os_address_limit()) == (size_t)8 << 30);
    CHECK_ERRNO();
    assert_null(KEEPS_ERRNO(cairn__os_reserve(16 * GIB, 2 * MIB)));
    CHECK_ERRNO();
}

TEST(machine)
{
    assert_int_equal(KEEPS_ERRNO(cairn__os_page_size()), sysconf(_SC_PAGESIZE));
    CHECK_ERRNO();
    assert_int_equal(cairn__os_process_id(), getpid());
    char name[512];
    size_t length = KEEPS_ERRNO(cairn__os_program(name, sizeof name - 1));
    CHECK_ERRNO();
    name[length] = '\0';
    assert_non_null(strstr(name, "unit-linux"));
    assert_int_equal(cairn__os_program(name, 3), 3);
}

TEST(environment)
{
    setenv("CAIRN_A", "one", 1);
    setenv("CAIRN_AB", "two=2", 1);
    setenv("CAIRN_EMPTY", "", 1);
    assert_string_equal(KEEPS_ERRNO(cairn__os_environment("CAIRN_A")), "one");
    CHECK_ERRNO();
    assert_string_equal(cairn__os_environment("CAIRN_AB"), "two=2");
    assert_string_equal(cairn__os_environment("CAIRN_EMPTY"), "");
    assert_null(KEEPS_ERRNO(cairn__os_environment("CAIRN_")));
    CHECK_ERRNO();
    clearenv(); /* environ is NULL now */
    assert_null(cairn__os_environment("CAIRN_A"));
}

static _Atomic int rounds;

static void count_round(void *value)
{
    if (atomic_fetch_add(&rounds, 1) + 1 < CAIRN__OS_EXIT_ROUNDS)
        REQUIRE(cairn__os_set_exit_value(value));
}

static void *arm(void *value)
{
    REQUIRE(cairn__os_set_exit_value(value));
    return NULL;
}

static void *stay_unarmed(void *value)
{
    return value;
}

TEST(thread_exit_rounds)
{
    pthread_t thread;
    assert_true(cairn__os_on_thread_exit(count_round));
    REQUIRE(pthread_create(&thread, NULL, stay_unarmed, NULL) == 0);
    pthread_join(thread, NULL);
    assert_int_equal(rounds, 0);
    REQUIRE(pthread_create(&thread, NULL, arm, (void *)&rounds) == 0);
    pthread_join(thread, NULL);
    assert_int_equal(rounds, CAIRN__OS_EXIT_ROUNDS);
}

static int prepared, in_parent, in_child;

static void count_prepare(void)
{
    prepared++;
}

static void count_parent(void)
{
    in_parent++;
}

static void count_child(void)
{
    in_child++;
}

TEST(forks)
{
    assert_true(cairn__os_on_fork(count_prepare, count_parent, count_child));
    pid_t child = fork();
    if (child == 0)
        _exit(prepared == 1 && in_parent == 0 && in_child == 1 ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(prepared == 1 && in_parent == 1 && in_child == 0);
}

TEST(waiting)
{
    uint32_t word = 1;
    KEEPS_ERRNO(cairn__os_wait(&word, 2)); /* it is not 2: returns at once */
    CHECK_ERRNO();
    KEEPS_ERRNO(cairn__os_wake_one(&word));
    CHECK_ERRNO();
}

TEST(appending)
{
    char path[] = "/tmp/cairn-unit-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    KEEPS_ERRNO(cairn__os_append(path, "one\n", 4));
    CHECK_ERRNO();
    cairn__os_append(path, "two\n", 4);
    char text[16] = "";
    assert_int_equal(pread(file, text, sizeof text - 1, 0), 8);
    assert_string_equal(text, "one\ntwo\n");
    unlink(path);
    KEEPS_ERRNO(cairn__os_append(path, "three", 5)); /* it makes no file */
    CHECK_ERRNO();
    assert_int_equal(access(path, F_OK), -1);
}

DEATH_TEST(last_words, "the end\n")
{
    errno = MARK;
    cairn__os_print_error("the end\n", 8);
    REQUIRE(errno == MARK);
    cairn__os_abort();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserve_and_commit),
        cmocka_unit_test(reserved_is_not_accessible),
        cmocka_unit_test(impossible_sizes),
        cmocka_unit_test(map_and_purge),
        cmocka_unit_test(locked_memory_is_not_purged),
        cmocka_unit_test(resize_in_place),
        cmocka_unit_test(move_keeps_contents),
        cmocka_unit_test(limit_on_addresses),
        cmocka_unit_test(machine),
        cmocka_unit_test(environment),
        cmocka_unit_test(thread_exit_rounds),
        cmocka_unit_test(forks),
        cmocka_unit_test(waiting),
        cmocka_unit_test(appending),
        cmocka_unit_test(last_words),
    };
    return UNIT_MAIN(tests);
}
