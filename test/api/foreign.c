/* SPDX-License-Identifier: MIT */
/*
 * Pointers that are not ours. Real programs free them: blocks of a second libc, of a library that
 * was bound to another malloc, of the loader before we were there. Cairn's default build passes over
 * them and goes on. (glibc and the hardened build abort: these checks run under CAIRN_TEST=1 only.)
 */
#include "api/child.h"
#include "property/pattern.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>

static char static_bytes[100000] = {1};

/* After each: the allocator still works, and what lived before is intact. */
static int free_and_go_on(void *foreign)
{
    unsigned char *live[64];

    for (size_t i = 0; i < 64; i++) {
        live[i] = malloc(i * 300 + 1);
        pattern_fill(live[i], i * 300 + 1, i);
    }
    for (int i = 0; i < 3; i++) {
        errno = ERRNO_MARK;
        free(foreign);
        if (errno != ERRNO_MARK) {
            return 2;
        }
    }
    for (size_t i = 0; i < 64; i++) {
        void *other = malloc(i * 300 + 1);

        if (other == NULL || other == foreign) {
            return 3;
        }
        free(other);
        if (pattern_mismatch(live[i], i * 300 + 1, i * 300 + 1, i) != PATTERN_INTACT) {
            return 4;
        }
        free(live[i]);
    }
    return 0;
}

static void is_passed_over(const void *foreign)
{
    if (!cairn_expected()) {
        skip();
    }
    check_in_child(free_and_go_on, hidden(foreign));
}

static void stack_address(void **state)
{
    (void)state;
    char bytes[256] __attribute__((aligned(64)));

    memset(bytes, 1, sizeof bytes);
    is_passed_over(bytes);
}

static void unaligned_stack_address(void **state)
{
    (void)state;
    char bytes[256] __attribute__((aligned(64)));

    memset(bytes, 1, sizeof bytes);
    is_passed_over(bytes + 5);
}

static void static_address(void **state)
{
    (void)state;
    is_passed_over(static_bytes + 48);
}

static void code_address(void **state)
{
    (void)state;
    is_passed_over((const void *)(uintptr_t)stack_address);
}

static void string_address(void **state)
{
    (void)state;
    is_passed_over("a string constant");
}

static void *mapped(int protection)
{
    size_t size = (size_t)8 << 20;
    void *map = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(map != MAP_FAILED);
    return map;
}

static void mapped_address(void **state)
{
    (void)state;
    char *map = mapped(PROT_READ | PROT_WRITE);

    is_passed_over(map);
    is_passed_over(map + 16);
    is_passed_over(map + 4096);
}

/* Aligned as a chunk is: where an allocator would look for a header of its own. */
static void chunk_aligned_address(void **state)
{
    (void)state;
    uintptr_t map = (uintptr_t)mapped(PROT_READ | PROT_WRITE);
    uintptr_t chunk = (map + ((uintptr_t)2 << 20) - 1) & ~(((uintptr_t)2 << 20) - 1);

    is_passed_over((void *)chunk);
    is_passed_over((void *)(chunk + 65536));
    is_passed_over((void *)(chunk + 65536 + 48));
}

/* Looking at what lies there would be fatal. */
static void unreadable_address(void **state)
{
    (void)state;
    is_passed_over((char *)mapped(PROT_NONE) + 4096);
}

static void file_address(void **state)
{
    (void)state;
    int file = memfd_create("foreign", 0);
    size_t size = 65536;

    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, (off_t)size), 0);
    char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);

    close(file);
    assert_true(map != MAP_FAILED);
    is_passed_over(map + 1024);
}

static void number_for_address(void **state)
{
    is_passed_over(*state);
}

/* Blocks of a second libc, loaded beside ours: what dlmopen gives plug-ins. */
static void block_of_second_libc(void **state)
{
    (void)state;
    void *libc = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW | RTLD_LOCAL);

    if (libc == NULL) {
        skip();
    }
    void *(*other_malloc)(size_t) = (void *(*)(size_t))dlsym(libc, "malloc");

    assert_non_null(other_malloc);
    is_passed_over(other_malloc(100));
    is_passed_over(other_malloc(1000000));
}

/* libc's own malloc is still there behind ours, for who asks for it by handle. */
static void block_of_first_libc(void **state)
{
    (void)state;
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

    assert_non_null(libc);
    void *(*libc_malloc)(size_t) = (void *(*)(size_t))dlsym(libc, "malloc");

    assert_non_null(libc_malloc);
    is_passed_over(libc_malloc(100));
    is_passed_over(libc_malloc(1000000));
}

int main(void)
{
    const struct CMUnitTest checks[] = {
        cmocka_unit_test(stack_address),
        cmocka_unit_test(unaligned_stack_address),
        cmocka_unit_test(static_address),
        cmocka_unit_test(code_address),
        cmocka_unit_test(string_address),
        cmocka_unit_test(mapped_address),
        cmocka_unit_test(chunk_aligned_address),
        cmocka_unit_test(unreadable_address),
        cmocka_unit_test(file_address),
        named_check("address_8", number_for_address, 8),
        named_check("address_4096", number_for_address, 4096),
        named_check("address_all_ones", number_for_address, UINTPTR_MAX),
        named_check("address_all_ones_but_15", number_for_address, UINTPTR_MAX - 15),
        named_check("address_not_canonical", number_for_address, 0x4141414141414140),
        named_check("address_of_kernel", number_for_address, 0xffff888000000000),
        named_check("address_last_of_user", number_for_address, 0x00007ffffffff000),
        cmocka_unit_test(block_of_second_libc),
        cmocka_unit_test(block_of_first_libc),
    };

    require_cairn_if_expected();
    return run_checks("foreign", checks);
}
