/* SPDX-License-Identifier: MIT */
/*
 * Which names there are, and whose. If a single one were left to libc, its blocks would reach our
 * free: so under Cairn each name of the malloc family must be found outside libc. The names with
 * two underscores exist in glibc for those who wrap malloc; their blocks mix with all others.
 */
#include "api/check.h"
#include "property/pattern.h"

#include <malloc.h>
#include <stdlib.h>

static void *symbol(const char *name)
{
    void *address = dlsym(RTLD_DEFAULT, name);

    if (address == NULL && !cairn_expected()) {
        skip();
    }
    check(address != NULL, "%s does not exist", name);
    return address;
}

static void is_ours(void **state)
{
    const char *name = *state;

    if (!cairn_expected()) {
        skip();
    }
    symbol(name);
    check(!symbol_is_system(name), "%s is found in %s", name, symbol_file(name));
}

static void all_from_one_file(void **state)
{
    (void)state;
    static const char *const names[] = {
        "free",          "calloc",         "realloc",           "memalign",
        "aligned_alloc", "posix_memalign", "malloc_usable_size"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        check(strcmp(symbol_file(names[i]), symbol_file("malloc")) == 0, "%s: %s, but malloc: %s",
              names[i], symbol_file(names[i]), symbol_file("malloc"));
    }
}

/* Fills a block, lets realloc and malloc_usable_size see it, and frees it through both names. */
static void check_interchangeable(void *(*allocate)(size_t size), void (*release)(void *ptr))
{
    static const size_t sizes[] = {1, 100, 5000, 50000, 500000, 20000000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int plain = 0; plain < 2; plain++) {
            unsigned char *ptr = allocate(sizes[i]);

            check(ptr != NULL, "size %zu is NULL", sizes[i]);
            check(malloc_usable_size(ptr) >= sizes[i], "size %zu: usable", sizes[i]);
            pattern_fill(ptr, sizes[i], 1);
            ptr = realloc(ptr, sizes[i] * 2);
            check(ptr != NULL, "realloc to %zu is NULL", sizes[i] * 2);
            check(pattern_mismatch(ptr, sizes[i], sizes[i], 1) == PATTERN_INTACT, "%zu", sizes[i]);
            (plain ? free : release)(ptr);
        }
    }
}

static void (*internal_free(void))(void *)
{
    return (void (*)(void *))symbol("__libc_free");
}

static void libc_malloc_mixes(void **state)
{
    (void)state;
    check_interchangeable((void *(*)(size_t))symbol("__libc_malloc"), internal_free());
    check_interchangeable(malloc, internal_free());
}

static void *(*internal_calloc)(size_t, size_t);
static void *(*internal_realloc)(void *, size_t);
static void *(*internal_memalign)(size_t, size_t);
static int (*internal_posix_memalign)(void **, size_t, size_t);

static void *through_calloc(size_t size)
{
    unsigned char *ptr = internal_calloc(1, size);

    check(ptr != NULL && pattern_nonzero(ptr, size) == PATTERN_INTACT, "%zu is not zero", size);
    return ptr;
}

static void libc_calloc_mixes(void **state)
{
    (void)state;
    internal_calloc = (void *(*)(size_t, size_t))symbol("__libc_calloc");
    check_interchangeable(through_calloc, internal_free());
}

static void *through_realloc(size_t size)
{
    return internal_realloc(internal_realloc(malloc(size / 2 + 1), size / 3 + 1), size);
}

static void libc_realloc_mixes(void **state)
{
    (void)state;
    internal_realloc = (void *(*)(void *, size_t))symbol("__libc_realloc");
    check_interchangeable(through_realloc, internal_free());
}

static void *through_memalign(size_t size)
{
    void *ptr = internal_memalign(256, size);

    check((uintptr_t)ptr % 256 == 0, "%p", ptr);
    return ptr;
}

static void libc_memalign_mixes(void **state)
{
    (void)state;
    internal_memalign = (void *(*)(size_t, size_t))symbol("__libc_memalign");
    check_interchangeable(through_memalign, internal_free());
}

static void libc_valloc_mixes(void **state)
{
    (void)state;
    check_interchangeable((void *(*)(size_t))symbol("__libc_valloc"), internal_free());
}

static void libc_pvalloc_mixes(void **state)
{
    (void)state;
    check_interchangeable((void *(*)(size_t))symbol("__libc_pvalloc"), internal_free());
}

static void *through_posix_memalign(size_t size)
{
    void *ptr = NULL;

    check(internal_posix_memalign(&ptr, 128, size) == 0, "size %zu", size);
    check((uintptr_t)ptr % 128 == 0, "%p", ptr);
    return ptr;
}

static void underscore_posix_memalign_mixes(void **state)
{
    (void)state;
    internal_posix_memalign = (int (*)(void **, size_t, size_t))symbol("__posix_memalign");
    check_interchangeable(through_posix_memalign, internal_free());
}

static void (*sized_free)(void *, size_t);
static void (*aligned_sized_free)(void *, size_t, size_t);

static void free_sized_frees(void **state)
{
    (void)state;
    sized_free = (void (*)(void *, size_t))symbol("free_sized");
    static const size_t sizes[] = {0, 1, 100, 5000, 50000, 500000, 20000000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int round = 0; round < 100; round++) {
            sized_free(malloc(sizes[i]), sizes[i]);
            sized_free(calloc(1, sizes[i]), sizes[i]);
            sized_free(realloc(malloc(10), sizes[i] + 1), sizes[i] + 1);
        }
    }
}

static void free_sized_takes_null(void **state)
{
    (void)state;
    sized_free = (void (*)(void *, size_t))symbol("free_sized");
    errno = ERRNO_MARK;
    sized_free(hidden(NULL), 0);
    sized_free(hidden(NULL), 100);
    assert_int_equal(errno, ERRNO_MARK);
}

static void free_aligned_sized_frees(void **state)
{
    (void)state;
    aligned_sized_free = (void (*)(void *, size_t, size_t))symbol("free_aligned_sized");
    for (size_t align = 1; align <= (size_t)1 << 22; align *= 2) {
        for (size_t size = 0; size <= align * 3; size = size * 2 + 1) {
            void *ptr = aligned_alloc(align, size);

            check(ptr != NULL, "aligned_alloc(%zu, %zu) is NULL", align, size);
            aligned_sized_free(ptr, align, size);
        }
    }
}

static void free_aligned_sized_takes_null(void **state)
{
    (void)state;
    aligned_sized_free = (void (*)(void *, size_t, size_t))symbol("free_aligned_sized");
    errno = ERRNO_MARK;
    aligned_sized_free(hidden(NULL), 64, 0);
    aligned_sized_free(hidden(NULL), 64, 100);
    assert_int_equal(errno, ERRNO_MARK);
}

static void cfree_frees(void **state)
{
    (void)state;
    void (*release)(void *) = (void (*)(void *))symbol("cfree");

    release(hidden(NULL));
    for (size_t size = 1; size < 3000000; size *= 3) {
        release(malloc(size));
        release(memalign(4096, size));
    }
}

/* Sized frees must really free: these would take 4 GB. */
static void sized_frees_return_memory(void **state)
{
    (void)state;
    sized_free = (void (*)(void *, size_t))symbol("free_sized");
    aligned_sized_free = (void (*)(void *, size_t, size_t))symbol("free_aligned_sized");
    size_t before = resident_bytes();

    for (size_t i = 0; i < 100000; i++) {
        sized_free(memset(malloc(20000), 1, 20000), 20000);
        aligned_sized_free(memset(aligned_alloc(64, 20000), 1, 20000), 64, 20000);
    }
    check(resident_bytes() < before + ((size_t)16 << 20), "RSS: %zu to %zu", before,
          resident_bytes());
}

#define OURS(name) named_check("is_ours_" name, is_ours, name)

int main(void)
{
    const struct CMUnitTest checks[] = {
        OURS("malloc"),
        OURS("free"),
        OURS("calloc"),
        OURS("realloc"),
        OURS("reallocarray"),
        OURS("posix_memalign"),
        OURS("aligned_alloc"),
        OURS("memalign"),
        OURS("valloc"),
        OURS("pvalloc"),
        OURS("malloc_usable_size"),
        OURS("cfree"),
        OURS("free_sized"),
        OURS("free_aligned_sized"),
        OURS("__libc_malloc"),
        OURS("__libc_free"),
        OURS("__libc_calloc"),
        OURS("__libc_realloc"),
        OURS("__libc_memalign"),
        OURS("__libc_valloc"),
        OURS("__libc_pvalloc"),
        OURS("__posix_memalign"),
        OURS("malloc_trim"),
        OURS("mallopt"),
        OURS("mallinfo"),
        OURS("mallinfo2"),
        OURS("malloc_stats"),
        OURS("malloc_info"),
        cmocka_unit_test(all_from_one_file),
        cmocka_unit_test(libc_malloc_mixes),
        cmocka_unit_test(libc_calloc_mixes),
        cmocka_unit_test(libc_realloc_mixes),
        cmocka_unit_test(libc_memalign_mixes),
        cmocka_unit_test(libc_valloc_mixes),
        cmocka_unit_test(libc_pvalloc_mixes),
        cmocka_unit_test(underscore_posix_memalign_mixes),
        cmocka_unit_test(free_sized_frees),
        cmocka_unit_test(free_sized_takes_null),
        cmocka_unit_test(free_aligned_sized_frees),
        cmocka_unit_test(free_aligned_sized_takes_null),
        cmocka_unit_test(sized_frees_return_memory),
        cmocka_unit_test(cfree_frees),
    };

    require_cairn_if_expected();
    return run_checks("symbols", checks);
}
