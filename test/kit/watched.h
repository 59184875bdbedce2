/* SPDX-License-Identifier: MIT */
/*
 * For tests of what AddressSanitizer and memcheck know to be in use. Which of them watches is found
 * out; where none does, the program starts itself once more under memcheck, if there is one, and then
 * looks at what memcheck says about a crime.
 */
#ifndef TEST_KIT_WATCHED_H
#define TEST_KIT_WATCHED_H

#include "unit/unit.h"

#include <sys/wait.h>

#include "base/visible.h"

/* Of memcheck: which bits of ptr's bytes are defined; 1 if it may be touched, 3 if not. */
enum { GET_VBITS = CAIRN__MAKE_NOACCESS + 8 };

enum { CRIME_WORDS = 4 };

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void *ptr);

static inline bool may_touch(const char *ptr)
{
    if (cairn__has_asan())
        return !__asan_address_is_poisoned(ptr);
    char bits;
    return cairn__request(GET_VBITS, (uintptr_t)ptr, (uintptr_t)&bits, 1) != 3;
}

static inline void expect(const char *block, size_t size, bool usable)
{
    for (size_t i = 0; i < size; i++)
        if (may_touch(block + i) != usable)
            fail_msg("byte %zu of %zu may %sbe touched", i, size, usable ? "not " : "");
}

/* A program of such tests. */
static struct watched {
    int (*tests_of_watched)(void);
    void (*commit_crime)(void);
    const char *said[CRIME_WORDS]; /* by memcheck of the crime; NULL at the end */
    const char *program;
} watched;

/* What a run of this program with an argument says; returns how it ends. */
static inline int run_under_memcheck(const char *argument, char *said, size_t size)
{
    char command[1000];
    snprintf(command, sizeof command,
             "command -v valgrind >/dev/null || exit 125; "
             "valgrind -q --trace-children=no --error-exitcode=9 '%s' %s 2>&1",
             watched.program, argument);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t length = fread(said, 1, size - 1, pipe);
    said[length] = '\0';
    int status = pclose(pipe);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 125)
        skip();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
}

static void under_memcheck(void **state)
{
    (void)state;
    static char said[1 << 16];
    int code = run_under_memcheck("watched", said, sizeof said);
    if (code != 0)
        fail_msg("exit code %d: %s", code, said);
}

static void a_crime_under_memcheck(void **state)
{
    (void)state;
    static char said[1 << 16];
    assert_int_equal(run_under_memcheck("crime", said, sizeof said), 9);
    for (size_t i = 0; i < CRIME_WORDS && watched.said[i] != NULL; i++)
        if (strstr(said, watched.said[i]) == NULL)
            fail_msg("no \"%s\" in: %s", watched.said[i], said);
}

/* The whole of main(). */
static inline int watched_main(int argc, char **argv, const struct watched *own)
{
    watched = *own;
    watched.program = argv[0];
    if (argc > 1 && strcmp(argv[1], "crime") == 0)
        watched.commit_crime();
    else if (argc > 1 || cairn__has_asan())
        return watched.tests_of_watched();
    else if (!CAIRN_TSAN) { /* which memcheck cannot run */
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(under_memcheck),
            cmocka_unit_test(a_crime_under_memcheck),
        };
        return UNIT_MAIN(tests);
    }
    return 0;
}

#endif
