/* SPDX-License-Identifier: MIT */
/* guarded.h: guard pages, on a system that refuses them in every way. Its calls that protect memory
 * go through this file. */
#include "kit/guarded_crimes.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/protect.h"

#define ADVICE_INSTALL 102
#define ADVICE_REMOVE  103

#define OS_PAGE ((size_t)sysconf(_SC_PAGESIZE))

/* ---- a system that refuses ---- */

static struct {
    int install, remove_, protect, open; /* errno that they fail with; 0: they work */
    size_t marks, mappings;              /* calls that worked */
} refuse;

int madvise(void *ptr, size_t size, int advice)
{
    int why = advice == ADVICE_INSTALL  ? refuse.install
              : advice == ADVICE_REMOVE ? refuse.remove_
                                        : 0;
    if (why != 0)
        return errno = why, -1;
    refuse.marks += advice == ADVICE_INSTALL;
    return (int)syscall(SYS_madvise, ptr, size, advice);
}

int mprotect(void *ptr, size_t size, int protection)
{
    int why = protection == PROT_NONE ? refuse.protect : refuse.open;
    if (why != 0)
        return errno = why, -1;
    refuse.mappings += protection == PROT_NONE;
    return (int)syscall(SYS_mprotect, ptr, size, protection);
}

/* Whether the program could read there; the kernel looks for us. */
static bool is_accessible(const void *ptr)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    bool can = syscall(SYS_write, ends[1], ptr, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return can;
}

static bool any_marks(void)
{
    char *ptr = mmap(NULL, OS_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool any = madvise(ptr, OS_PAGE, ADVICE_INSTALL) == 0;
    munmap(ptr, OS_PAGE);
    return any;
}

/* ---- the seam ---- */

TEST(protecting)
{
    size_t size = 4 * OS_PAGE;
    char *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < 4; round++) {
        refuse.install = round == 1 ? EINVAL : round == 2 ? ENOMEM : round == 3 ? EPERM : 0;
        unsigned how = cairn__os_protect(ptr + OS_PAGE, 2 * OS_PAGE);
        assert_int_equal(how,
                         round == 0 && any_marks() ? PROTECTED_BY_MARKS : PROTECTED_BY_MAPPING);
        assert_true(is_accessible(ptr));
        assert_false(is_accessible(ptr + OS_PAGE));
        assert_false(is_accessible(ptr + 3 * OS_PAGE - 1));
        assert_true(is_accessible(ptr + 3 * OS_PAGE));
        assert_true(cairn__os_unprotect(ptr, size, how)); /* more than was */
        memset(ptr, 1, size);
    }
    refuse.install = ENOMEM;
    refuse.protect = ENOMEM;
    errno = 77;
    assert_int_equal(cairn__os_protect(ptr, size), 0);
    assert_int_equal(errno, 77);
    assert_true(is_accessible(ptr));
    /* What may be half done and cannot be undone counts as done. */
    refuse.remove_ = ENOMEM;
    assert_int_equal(cairn__os_protect(ptr, size), PROTECTED_BY_MARKS | PROTECTED_BY_MAPPING);
    refuse.remove_ = 0;
    assert_true(cairn__os_unprotect(ptr, size, PROTECTED_BY_MARKS | PROTECTED_BY_MAPPING) ||
                !any_marks());
    memset(ptr, 1, size);
    munmap(ptr, size);
}

/* A range whose second half is locked: marks are refused there, and taken out of the first. */
TEST(protecting_in_part)
{
    size_t size = 4 * OS_PAGE;
    char *ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (syscall(SYS_mlock, ptr + 2 * OS_PAGE, 2 * OS_PAGE) != 0)
        return;
    unsigned how = cairn__os_protect(ptr, size);
    assert_int_equal(how, PROTECTED_BY_MAPPING);
    assert_false(is_accessible(ptr));
    assert_true(cairn__os_unprotect(ptr, size, how));
    memset(ptr, 1, size);
    refuse.protect = ENOMEM;
    assert_int_equal(cairn__os_protect(ptr, size), 0);
    memset(ptr, 1, size);
    munmap(ptr, size);
}

/* ---- guard pages ---- */

static size_t up(size_t x, size_t align)
{
    return (x + align - 1) / align * align;
}

TEST(a_page_behind_or_before)
{
    static const size_t sizes[] = {0, 1, 24, 100, 4095, 4096, 4097, 50000};
    for (int marks = 0; marks < 2; marks++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t align = 1; align <= 4 * OS_PAGE; align *= 2)
                for (int before = 0; before < 2; before++) {
                    struct source source = new_source();
                    struct heard heard;
                    cairn_guarded_opts opts = opts_with(&heard);
                    opts.pages = before ? CAIRN_GUARDED_PAGE_BEFORE : CAIRN_GUARDED_PAGE_AFTER;
                    refuse.install = marks ? 0 : EINVAL;
                    cairn_guarded g;
                    cairn_guarded_init(&g, allocator_of(&source), &opts);
                    cairn_allocator a = cairn_guarded_allocator(&g);
                    cairn_layout layout = {sizes[i], align};
                    char *ptr = cairn_allocator_alloc(a, layout);
                    size_t span = source.last_layout.size;
                    char *base = source.last;
                    assert_int_equal((uintptr_t)base % OS_PAGE, 0);
                    assert_int_equal(span % OS_PAGE, 0);
                    unit_fill(ptr, sizes[i], 1);
                    size_t end = up(sizes[i], align < OS_PAGE ? align : OS_PAGE);
                    char *guard = before ? ptr - 1 : ptr + end;
                    assert_false(is_accessible(guard));
                    assert_true(sizes[i] == 0 || is_accessible(ptr + sizes[i] - 1));
                    cairn_guarded_breach breach;
                    assert_true(cairn_guarded_explain(&g, guard, &breach));
                    assert_int_equal(breach.crime, before ? CAIRN_GUARDED_ACCESS_BEFORE
                                                          : CAIRN_GUARDED_ACCESS_AFTER);
                    assert_int_equal(breach.offset, guard - ptr);
                    assert_true(sizes[i] == 0 || !cairn_guarded_explain(&g, ptr, &breach));
                    assert_false(cairn_guarded_explain(&g, base - 1, &breach));
                    assert_false(cairn_guarded_explain(&g, base + span, &breach));
                    assert_null(cairn_guarded_audit(&g));
                    /* What lies between the block and the page is guarded as well. */
                    for (ptrdiff_t at = (ptrdiff_t)sizes[i]; !before && at < (ptrdiff_t)end;
                         at += 1 + at / 7) {
                        poke(ptr, at, 4);
                        assert_int_equal(cairn_guarded_check(&g), 1);
                        assert_int_equal(heard.breach.offset, at);
                    }
                    size_t crimes = heard.count;
                    cairn_allocator_dealloc(a, ptr, layout);
                    assert_int_equal(heard.count, crimes);
                    /* Freed, it is closed whole. */
                    assert_false(is_accessible(ptr));
                    assert_false(is_accessible(base) || is_accessible(base + span - 1));
                    assert_true(cairn_guarded_explain(&g, ptr, &breach));
                    assert_int_equal(breach.crime, CAIRN_GUARDED_ACCESS_AFTER_FREE);
                    assert_null(cairn_guarded_audit(&g));
                    assert_int_equal(cairn_guarded_check(&g), 0);
                    cairn_allocator_dealloc(a, ptr, layout);
                    assert_int_equal(heard.breach.crime, CAIRN_GUARDED_DOUBLE_FREE);
                    cairn_guarded_flush(&g);
                    assert_int_equal(source.blocks, 0);
                    assert_int_equal(cairn_guarded_fini(&g), 0);
                }
}

TEST(a_side_without_page_has_canaries)
{
    for (int before = 0; before < 2; before++) {
        struct heard heard;
        cairn_guarded_opts opts = opts_with(&heard);
        opts.pages = before ? CAIRN_GUARDED_PAGE_BEFORE : CAIRN_GUARDED_PAGE_AFTER;
        cairn_guarded g;
        cairn_guarded_init(&g, cairn_system(), &opts);
        cairn_allocator a = cairn_guarded_allocator(&g);
        for (size_t size = 0; size < 3 * OS_PAGE; size += 61)
            for (int i = 0; i < 16; i++) {
                char *ptr = cairn_allocator_alloc(a, (cairn_layout){size, 1});
                ptrdiff_t at = before ? (ptrdiff_t)size + i : -1 - i;
                poke(ptr, at, 1);
                cairn_allocator_dealloc(a, ptr, (cairn_layout){size, 1});
                assert_int_equal(heard.breach.offset, at);
                assert_heard(&heard,
                             before ? CAIRN_GUARDED_WRITE_AFTER : CAIRN_GUARDED_WRITE_BEFORE,
                             "write %s of block %p of %d byte%s, at offset %d",
                             before ? "after the end" : "before the start", (void *)ptr, (int)size,
                             size == 1 ? "" : "s", (int)at);
            }
        cairn_guarded_fini(&g);
    }
}

TEST(which_blocks_get_one)
{
    for (size_t every = 0; every <= 100; every += 50) {
        cairn_guarded_opts opts = {.pages = CAIRN_GUARDED_PAGE_AFTER,
                                   .pages_from = 1000,
                                   .pages_every = every,
                                   .no_quarantine = true};
        cairn_guarded g;
        cairn_guarded_init(&g, cairn_system(), &opts);
        cairn_allocator a = cairn_guarded_allocator(&g);
        for (size_t i = 0; i < 20000; i++) {
            cairn_layout layout = {i % 2 == 0 ? 999 : 1000, 1};
            size_t before = stats_of(&g).pages;
            void *ptr = cairn_allocator_alloc(a, layout);
            size_t pages = stats_of(&g).pages - before;
            assert_true(pages <= i % 2);
            assert_true(every != 0 || pages == i % 2);
            cairn_allocator_dealloc(a, ptr, layout);
        }
        size_t expected = 10000 / (every == 0 ? 1 : every);
        size_t pages = stats_of(&g).pages;
        assert_in_range(pages, expected - expected / 3, expected + expected / 3);
        assert_int_equal(stats_of(&g).pages_missing, 0);
        cairn_guarded_fini(&g);
    }
    cairn_guarded_opts opts = {.pages = CAIRN_GUARDED_PAGE_AFTER, .pages_every = SIZE_MAX};
    cairn_guarded g;
    cairn_guarded_init(&g, cairn_system(), &opts);
    cairn_allocator_dealloc(cairn_guarded_allocator(&g),
                            cairn_allocator_alloc(cairn_guarded_allocator(&g), L24), L24);
    cairn_guarded_fini(&g);
}

/* Never NULL because of guards, and what cannot be guarded has canaries. */
TEST(pages_that_cannot_be_had)
{
    for (int before = 0; before < 2; before++)
        for (int why = 0; why < 2; why++) {
            struct heard heard;
            struct source source = new_source();
            cairn_guarded_opts opts = opts_with(&heard);
            opts.pages = before ? CAIRN_GUARDED_PAGE_BEFORE : CAIRN_GUARDED_PAGE_AFTER;
            if (why == 0) {
                refuse.install = EINVAL;
                refuse.protect = ENOMEM;
            } else {
                source.max_size = 200; /* as a pool */
                source.max_align = 16;
            }
            cairn_guarded g;
            cairn_guarded_init(&g, allocator_of(&source), &opts);
            cairn_allocator a = cairn_guarded_allocator(&g);
            for (int at = -16; at < 24 + 16; at++) {
                char *ptr = cairn_allocator_alloc(a, L24);
                assert_non_null(ptr);
                assert_null(cairn_guarded_audit(&g));
                if (at < 0 || at >= 24) {
                    poke(ptr, at, 1);
                    assert_int_equal(cairn_guarded_check(&g), 1);
                    assert_int_equal(heard.breach.offset, at);
                }
                cairn_allocator_dealloc(a, ptr, L24);
            }
            cairn_guarded_stats stats = stats_of(&g);
            assert_int_equal(stats.pages, 0);
            assert_int_equal(stats.pages_missing, 56);
            if (why == 1)
                assert_null(cairn_allocator_alloc(a, (cairn_layout){24, 32}));
            assert_int_equal(cairn_guarded_fini(&g), 0);
            assert_int_equal(source.blocks, 0);
            memset(&refuse, 0, sizeof refuse);
        }
}

/* Blocks that can be opened no more stay away from the source, until they can. */
TEST(stuck)
{
    for (int marks = 0; marks < 2; marks++)
        for (int again = 0; again < 2; again++) {
            struct heard heard;
            struct source source = new_source();
            cairn_guarded_opts opts = opts_with(&heard);
            opts.pages = CAIRN_GUARDED_PAGE_AFTER;
            opts.quarantine_blocks = 2;
            refuse.install = marks ? 0 : EINVAL;
            cairn_guarded g;
            cairn_guarded_init(&g, allocator_of(&source), &opts);
            cairn_allocator a = cairn_guarded_allocator(&g);
            char *ptr[10];
            for (int i = 0; i < 10; i++)
                ptr[i] = cairn_allocator_alloc(a, L24);
            refuse.remove_ = refuse.open = ENOMEM;
            for (int i = 0; i < 9; i++)
                cairn_allocator_dealloc(a, ptr[i], L24);
            cairn_guarded_stats stats = stats_of(&g);
            assert_int_equal(stats.stuck, 7);
            assert_int_equal(stats.stuck_bytes, 7 * source.last_layout.size);
            assert_int_equal(stats.kept, 2);
            assert_int_equal(source.blocks, 10);
            assert_null(cairn_guarded_audit(&g));
            cairn_allocator_dealloc(a, ptr[0], L24);
            assert_int_equal(heard.breach.crime, CAIRN_GUARDED_DOUBLE_FREE);
            cairn_guarded_flush(&g);
            assert_int_equal(stats_of(&g).stuck, 9);
            assert_null(cairn_guarded_audit(&g));
            if (again) {
                refuse.remove_ = refuse.open = 0;
                cairn_guarded_flush(&g);
                assert_int_equal(source.blocks, 1);
                assert_int_equal(stats_of(&g).stuck, 0);
                assert_null(cairn_guarded_audit(&g));
            }
            assert_int_equal(cairn_guarded_fini(&g), 1);
            assert_int_equal(source.blocks, again ? 0 : 10);
            memset(&refuse, 0, sizeof refuse);
        }
}

#if !CAIRN_TSAN && !UNIT_ASAN /* they need mappings, too */
/* A table of mappings that is really full: pages only as far as it goes, blocks all the way. */
TEST(mappings_run_out)
{
    enum { BLOCKS = 3000 };
    static char *ptr[BLOCKS];
    cairn_guarded_opts opts = {.pages = CAIRN_GUARDED_PAGE_AFTER, .quarantine_blocks = 1000};
    cairn_guarded g;
    refuse.install = EINVAL;
    cairn_guarded_init(&g, cairn_system(), &opts);
    cairn_allocator a = cairn_guarded_allocator(&g);
    char *waste = mmap(NULL, 40000 * 2 * OS_PAGE, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(waste != MAP_FAILED);
    size_t cut = 0;
    while (cut < 40000 && syscall(SYS_mprotect, waste + cut * 2 * OS_PAGE, OS_PAGE, PROT_READ) == 0)
        cut++;
    if (cut == 40000)
        return; /* no limit to speak of */
    syscall(SYS_munmap, waste, 500 * 2 * OS_PAGE);
    for (int i = 0; i < BLOCKS; i++) {
        ptr[i] = cairn_allocator_alloc(a, (cairn_layout){100, 1});
        assert_non_null(ptr[i]);
        unit_fill(ptr[i], 100, (uint64_t)i);
    }
    cairn_guarded_stats stats = stats_of(&g);
    assert_int_equal(stats.pages + stats.pages_missing, BLOCKS);
    assert_true(stats.pages > 300 && stats.pages_missing > 300);
    for (int i = 0; i < BLOCKS; i++) {
        assert_true(unit_is_filled(ptr[i], 100, (uint64_t)i));
        cairn_allocator_dealloc(a, ptr[i], (cairn_layout){100, 1});
    }
    assert_null(cairn_guarded_audit(&g));
    cairn_guarded_flush(&g);
    assert_int_equal(stats_of(&g).stuck, 0);
    assert_int_equal(stats_of(&g).taken_bytes, 0);
    munmap(waste, 40000 * 2 * OS_PAGE);
    assert_int_equal(cairn_guarded_fini(&g), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protecting),
        cmocka_unit_test(protecting_in_part),
        cmocka_unit_test(a_page_behind_or_before),
        cmocka_unit_test(a_side_without_page_has_canaries),
        cmocka_unit_test(which_blocks_get_one),
        cmocka_unit_test(pages_that_cannot_be_had),
        cmocka_unit_test(stuck),
#if !CAIRN_TSAN && !UNIT_ASAN
        cmocka_unit_test(mappings_run_out),
#endif
    };
    return UNIT_MAIN(tests);
}
