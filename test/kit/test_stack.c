/* SPDX-License-Identifier: MIT */
/* stack.h: the calls under way from a named one outwards, and what lies at an address. */
#include "unit/unit.h"

#include <sys/mman.h>

#include "os/stack.h"

static void *frames[CAIRN__OS_STACK_MAX];
static unsigned count;

/* Not static, so that the dynamic linker knows them; each is one frame, whatever the compiler. */
void innermost(unsigned max);
void recursive(unsigned depth, unsigned max);

NOINLINE void innermost(unsigned max)
{
    count = cairn__os_stack(__builtin_return_address(0), frames, max);
    __asm__ volatile("" : : : "memory");
}

NOINLINE void recursive(unsigned depth, unsigned max)
{
    if (depth == 0)
        innermost(max);
    else
        recursive(depth - 1, max);
    __asm__ volatile("" : : : "memory");
}

static bool is_in(const void *return_address, const char *name)
{
    struct symbol symbol;
    return cairn__os_symbol((const char *)return_address - 1, &symbol) && symbol.name != NULL &&
           strcmp(symbol.name, name) == 0;
}

TEST(from_the_caller_outwards)
{
    cairn__os_stack_prepare();
    for (unsigned max = 1; max <= CAIRN__OS_STACK_MAX; max++) {
        recursive(40, max);
        assert_in_range(count, 1, max);
        assert_in_range(count, max < 4 ? max : max - 4, max);
        for (unsigned i = 0; i < count; i++)
            assert_true(is_in(frames[i], "recursive"));
    }
}

TEST(not_beyond_main)
{
    cairn__os_stack_prepare();
    recursive(2, CAIRN__OS_STACK_MAX);
    assert_in_range(count, 5, CAIRN__OS_STACK_MAX);
    for (unsigned i = 0; i < 3; i++)
        assert_true(is_in(frames[i], "recursive"));
    assert_false(is_in(frames[3], "recursive"));
}

/* One that is not on the stack is believed. */
TEST(a_caller_that_is_not_there)
{
    static char nowhere;
    cairn__os_stack_prepare();
    count = cairn__os_stack(&nowhere, frames, 8);
    assert_int_equal(count, 1);
    assert_ptr_equal(frames[0], &nowhere);
}

TEST(symbols)
{
    struct symbol symbol;
    assert_true(cairn__os_symbol((char *)(uintptr_t)innermost + 1, &symbol));
    assert_string_equal(symbol.name, "innermost");
    assert_int_equal(symbol.name_offset, 1);
    assert_null(strchr(symbol.module, '/'));
    assert_in_range(symbol.offset, 1, 100 << 20);
    assert_true(cairn__os_symbol((void *)(uintptr_t)qsort, &symbol));
    assert_non_null(strstr(symbol.module, "lib"));

    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_false(cairn__os_symbol(mapped, &symbol));
    assert_false(cairn__os_symbol(NULL, &symbol));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_caller_outwards),
        cmocka_unit_test(not_beyond_main),
        cmocka_unit_test(a_caller_that_is_not_there),
        cmocka_unit_test(symbols),
    };
    return UNIT_MAIN(tests);
}
