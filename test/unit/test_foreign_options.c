/* SPDX-License-Identifier: MIT */
/* foreign_options.h: which variables are whose, what is said of them, and that nonsense does no harm. */
#include "unit/unit.h"

#include "base/foreign_options.h"
#include "base/option.h"

static void expect(const char *entry, const char *said)
{
    char hint[FOREIGN_HINT_SIZE] = "untouched";
    size_t length = cairn__foreign_hint(entry, hint);
    if (*said == '\0') {
        assert_int_equal(length, 0);
        return;
    }
    assert_string_equal(hint, said);
    assert_int_equal(length, strlen(said));
}

TEST(others_variables)
{
    expect("MALLOC_ARENA_MAX=2",
           "MALLOC_ARENA_MAX is glibc's: set CAIRN_HEAPS (docs/migration.md)");
    expect("MALLOC_CHECK_=3",
           "MALLOC_CHECK_ is glibc's: use cairn run --hardened (docs/migration.md)");
    expect("MALLOC_TOP_PAD_=1",
           "MALLOC_TOP_PAD_ is glibc's, without effect here (docs/migration.md)");
    expect("MIMALLOC_PURGE_DELAY=0",
           "MIMALLOC_PURGE_DELAY is mimalloc's: set CAIRN_PURGE_DELAY (docs/migration.md)");
    expect("MIMALLOC_X=0", "MIMALLOC_X is mimalloc's, without effect here (docs/migration.md)");
    expect("TCMALLOC_RELEASE_RATE=1",
           "TCMALLOC_RELEASE_RATE is tcmalloc's: set CAIRN_PURGE_DELAY (docs/migration.md)");
    expect("HEAPPROFILE=/tmp/x", "HEAPPROFILE is tcmalloc's: use cairn record (docs/migration.md)");
    expect("HEAPCHECK=normal", "HEAPCHECK is tcmalloc's: use cairn record (docs/migration.md)");
    expect("MALLOCSTATS=1", "MALLOCSTATS is tcmalloc's: set CAIRN_STATS (docs/migration.md)");
    expect("SNMALLOC_A=b", "SNMALLOC_A is snmalloc's, without effect here (docs/migration.md)");
}

TEST(lists)
{
    expect(
        "MALLOC_CONF=dirty_decay_ms:0",
        "MALLOC_CONF is jemalloc's: for dirty_decay_ms set CAIRN_PURGE_DELAY (docs/migration.md)");
    expect(
        "_RJEM_MALLOC_CONF=narenas:1,tcache:false,prof:true",
        "_RJEM_MALLOC_CONF is jemalloc's: for narenas set CAIRN_HEAPS, for prof use cairn record "
        "(docs/migration.md)");
    expect("MALLOC_CONF=tcache:false",
           "MALLOC_CONF is jemalloc's, without effect here (docs/migration.md)");
    expect("MALLOC_CONF=,,:,prof",
           "MALLOC_CONF is jemalloc's: for prof use cairn record (docs/migration.md)");
    expect("MALLOC_CONF=proof:1,pro:1,PROF:1",
           "MALLOC_CONF is jemalloc's, without effect here (docs/migration.md)");
    expect("GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.rtld.nns=4",
           "GLIBC_TUNABLES is glibc's: for glibc.malloc.arena_max set CAIRN_HEAPS "
           "(docs/migration.md)");
    expect("GLIBC_TUNABLES=glibc.pthread.rseq=0:glibc.malloc.mxfast=1",
           "GLIBC_TUNABLES is glibc's, without effect here (docs/migration.md)");
}

TEST(nobodys)
{
    expect("", "");
    expect("=", "");
    expect("MALLOC_CONF", "");
    expect("MALLOC_CONF=", "");
    expect("MALLOC_CONFIG=x", "");
    expect("MALLOC_=x", "");
    expect("MALLOC_FOO=x", "");
    expect("malloc_conf=x", "");
    expect("HEAP=x", "");
    expect("HEAPPROFILES=x", "");
    expect("MALLOCSTATSX=x", "");
    expect("GLIBC_TUNABLES=glibc.pthread.rseq=0", "");
    expect("CAIRN_PURGE_DELAY=0", "");
    expect("PATH=/bin:MALLOC_CONF=x", "");
}

/* What is named on our side is there. */
TEST(ours_exist)
{
    static const char *const ours[] = {
#define KEY(key, ours)                      ours,
#define FAMILY(whose, variable, form, keys) keys
#include "base/foreign_options.def"
    };
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        bool known = *ours[i] == '\0' || strcmp(ours[i], "cairn record") == 0 ||
                     strcmp(ours[i], "cairn run --hardened") == 0;
        for (enum option option = 0; option < OPTION_COUNT; option++)
            known |= strcmp(ours[i], cairn__option_variable(option)) == 0;
        if (!known)
            fail_msg("%s", ours[i]);
    }
}

/* Whatever stands there: one line of what can be shown, with an end, and nothing beyond it. */
TEST(nonsense)
{
    static const char *const parts[] = {"MALLOC_CONF=",
                                        "GLIBC_TUNABLES=",
                                        "MIMALLOC_",
                                        "SNMALLOC_",
                                        "glibc.malloc.",
                                        "arena_max",
                                        "prof",
                                        "dirty_decay_ms",
                                        "=",
                                        ":",
                                        ",",
                                        "\n",
                                        "\033[2J",
                                        "\xff\xfe",
                                        "PURGE_DELAY=1",
                                        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
    enum { COUNT = sizeof parts / sizeof parts[0] };
    struct {
        char hint[FOREIGN_HINT_SIZE];
        char beyond[64];
    } room;
    uint64_t state = 1;
    unsigned hints = 0;
    for (int round = 0; round < 20000; round++) {
        char entry[2000] = "";
        size_t words = unit_random(&state) % 20;
        for (size_t i = 0; i < words; i++)
            strcat(entry, parts[unit_random(&state) % COUNT]);
        memset(&room, 0x5A, sizeof room);
        size_t length = cairn__foreign_hint(entry, room.hint);
        for (size_t i = 0; i < sizeof room.beyond; i++)
            assert_int_equal(room.beyond[i], 0x5A);
        if (length == 0)
            continue;
        hints++;
        assert_true(length < sizeof room.hint && strlen(room.hint) == length);
        assert_string_equal(room.hint + length - 19, "(docs/migration.md)");
        for (size_t i = 0; i < length; i++)
            assert_true(room.hint[i] >= ' ' && room.hint[i] <= '~');
    }
    assert_true(hints > 100);
}

/* A list that is too long is cut between two keys. */
TEST(long_list)
{
    char entry[4000] = "MALLOC_CONF=", hint[FOREIGN_HINT_SIZE];
    for (int i = 0; i < 100; i++)
        strcat(entry, "dirty_decay_ms:1,");
    size_t length = cairn__foreign_hint(entry, hint);
    assert_true(length > FOREIGN_HINT_SIZE / 2);
    assert_non_null(strstr(hint, "CAIRN_PURGE_DELAY (docs/migration.md)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_variables), cmocka_unit_test(lists),    cmocka_unit_test(nobodys),
        cmocka_unit_test(ours_exist),       cmocka_unit_test(nonsense), cmocka_unit_test(long_list),
    };
    return UNIT_MAIN(tests);
}
