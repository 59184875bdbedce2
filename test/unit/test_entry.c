/* SPDX-License-Identifier: MIT */
/*
 * process.c on the real system: this program runs itself again with CAIRN_RUN_FILE set and reads
 * what the library wrote there at either end. And what api.c adds to the core: errno, and stats by
 * size.
 */
#include "unit/unit.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cairn.h"

enum { KEPT = 80 * 1024 * 1024 };

/* The run of ourselves: argument 1 says what to do. */
static int be_child(const char *what)
{
    if (strcmp(what, "keep") == 0)
        return cairn_malloc(KEPT) != NULL ? 0 : 1;
    if (strcmp(what, "clear") == 0)
        return clearenv();
    if (strcmp(what, "fork") == 0) {
        pid_t child = fork();
        if (child == 0)
            exit(0);
        return waitpid(child, NULL, 0) == child ? 0 : 1;
    }
    if (strcmp(what, "quick") == 0)
        _exit(0);
    return 0;
}

static char said[4096];
static char path[64];

static void make_file(void)
{
    strcpy(path, "/tmp/cairn-entry-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
}

/* Runs ourselves, and reads the file, which is then removed. Returns the process's number. */
static pid_t run_self(const char *what)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("CAIRN_RUN_FILE", path, 1);
        execl("/proc/self/exe", "test_entry", what, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    FILE *file = fopen(path, "r");
    said[0] = '\0';
    if (file != NULL) {
        said[fread(said, 1, sizeof said - 1, file)] = '\0';
        fclose(file);
        unlink(path);
    }
    return child;
}

struct end {
    int pid;
    size_t live, mapped, committed, peak, heaps;
};

static const char *check_start(const char *line, pid_t pid)
{
    char expected[600], program[512];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length] = '\0';
    /* malloc is libc's here: the API alone is linked. */
    snprintf(expected, sizeof expected, "start pid=%d active=0 exe=%.256s\n", (int)pid, program);
    assert_memory_equal(line, expected, strlen(expected));
    return line + strlen(expected);
}

static const char *read_end(const char *line, struct end *end)
{
    int length = 0;
    int found = sscanf(line,
                       "end pid=%d live_bytes=%zu mapped_bytes=%zu committed_bytes=%zu "
                       "peak_committed_bytes=%zu heaps=%zu%n",
                       &end->pid, &end->live, &end->mapped, &end->committed, &end->peak,
                       &end->heaps, &length);
    assert_int_equal(found, 6);
    assert_int_equal(line[length], '\n');
    return line + length + 1;
}

TEST(a_line_at_either_end)
{
    struct end end;
    make_file();
    pid_t child = run_self("nothing");
    assert_string_equal(read_end(check_start(said, child), &end), "");
    assert_int_equal(end.pid, child);
    assert_int_equal(end.live, 0);
}

TEST(figures_at_the_end)
{
    struct end end;
    make_file();
    pid_t child = run_self("keep");
    assert_string_equal(read_end(check_start(said, child), &end), "");
    assert_int_equal(end.live, KEPT);
    assert_int_equal(end.mapped, KEPT);
    assert_int_equal(end.committed, KEPT);
    assert_int_equal(end.peak, KEPT);
}

/* The variable is read at the start: what the program does to its environment changes nothing. */
TEST(environment_cleared)
{
    struct end end;
    make_file();
    pid_t child = run_self("clear");
    assert_string_equal(read_end(check_start(said, child), &end), "");
}

TEST(fork_ends_too)
{
    struct end first, second;
    make_file();
    pid_t child = run_self("fork");
    assert_string_equal(read_end(read_end(check_start(said, child), &first), &second), "");
    assert_int_equal(second.pid, child);
    assert_int_not_equal(first.pid, child);
}

TEST(no_end_without_exit)
{
    make_file();
    pid_t child = run_self("quick");
    assert_string_equal(check_start(said, child), "");
}

TEST(no_file_is_made)
{
    strcpy(path, "/tmp/cairn-entry-is-not-there");
    run_self("nothing");
    assert_string_equal(said, "");
    assert_int_equal(access(path, F_OK), -1);
}

TEST(nothing_without_the_variable)
{
    assert_null(getenv("CAIRN_RUN_FILE"));
    assert_false(cairn_is_active());
    assert_string_equal(cairn_version(), CAIRN_VERSION_TEXT);
}

/* ---- api.c ---- */

TEST(errors)
{
    static volatile size_t too_much = SIZE_MAX / 2 + 1;
    errno = 0;
    assert_null(cairn_malloc(too_much));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(cairn_calloc(too_much, 4));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(cairn_aligned_alloc(24, 100));
    assert_int_equal(errno, EINVAL);
    assert_null(cairn_aligned_alloc(0, 100));
    errno = 0;
    assert_null(cairn_aligned_alloc(too_much, 100));
    assert_int_equal(errno, ENOMEM);
    void *block = cairn_realloc(NULL, 100);
    assert_non_null(block);
    errno = 0;
    assert_null(cairn_realloc(block, too_much));
    assert_int_equal(errno, ENOMEM);
    errno = 77;
    assert_null(cairn_realloc(block, 0)); /* freed */
    cairn_free(NULL);
    cairn_free(&errno);
    assert_int_equal(errno, 77);
}

/* A caller that knows less of the struct gets what it knows, and no byte beyond. */
TEST(stats_by_size)
{
    void *block = cairn_malloc(KEPT);
    struct cairn_stats full = {.size = sizeof full};
    cairn_stats_get(&full);
    assert_int_equal(full.live, KEPT);
    assert_int_equal(full.huge_count, 1);
    for (size_t size = sizeof full.size; size <= sizeof full; size += sizeof(size_t)) {
        struct cairn_stats part;
        memset(&part, 0x55, sizeof part);
        part.size = size;
        cairn_stats_get(&part);
        assert_int_equal(part.size, size);
        assert_memory_equal((char *)&part + sizeof(size_t), (char *)&full + sizeof(size_t),
                            size - sizeof(size_t));
        for (size_t i = size; i < sizeof part; i++)
            assert_int_equal(((unsigned char *)&part)[i], 0x55);
    }
    cairn_free(block);
    assert_int_equal(cairn_purge(), false);
}

int main(int count, char **arguments)
{
    if (count > 1)
        return be_child(arguments[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_at_either_end),
        cmocka_unit_test(figures_at_the_end),
        cmocka_unit_test(environment_cleared),
        cmocka_unit_test(fork_ends_too),
        cmocka_unit_test(no_end_without_exit),
        cmocka_unit_test(no_file_is_made),
        cmocka_unit_test(nothing_without_the_variable),
        cmocka_unit_test(errors),
        cmocka_unit_test(stats_by_size),
    };
    return UNIT_MAIN(tests);
}
