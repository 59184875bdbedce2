/* SPDX-License-Identifier: MIT */
/* cairn/stack.h: which texts are stacks, what is said of the others, and that stacks work. */
#include "unit/unit.h"

#include "cairn/checked.h"
#include "cairn/heap.h"
#include "cairn/stack.h"
#include "cairn/system.h"

static const cairn_allocator DEFAULT = {NULL, NULL};

static void expect_error(const char *text, size_t at, const char *said)
{
    cairn_stack_error error;
    cairn_stack *stack = cairn_stack_create(text, DEFAULT, &error);
    if (stack != NULL)
        fail_msg("\"%s\" was taken for a stack", text);
    if (strcmp(error.text, said) != 0 || error.at != at)
        fail_msg("\"%s\": \"%s\" at %zu, expected \"%s\" at %zu", text, error.text, error.at, said,
                 at);
    assert_null(cairn_stack_create(text, DEFAULT, NULL));
}

TEST(mistakes_are_pointed_at)
{
    expect_error("", 0, "an allocator is missing");
    expect_error("heap(", 5, "too many in the brackets of: heap");
    expect_error("fitt", 0, "no such allocator: fitt (did you mean fit?)");
    expect_error("counted(fitt:best)", 8, "no such allocator: fitt (did you mean fit?)");
    expect_error("zzzzzzzz", 0, "no such allocator: zzzzzzzz");
    expect_error("zz\nzz\tz\033z", 0, "no such allocator: zz?zz?z?z");
    expect_error("counted(heap", 12, "a bracket is not closed: that of counted");
    expect_error("counted(heap))", 13, "nothing is expected here: )");
    expect_error("counted(heap) x", 14, "nothing is expected here: x");
    expect_error("counted()", 8, "an allocator is missing");
    expect_error("counted(heap,)", 13, "too many in the brackets of: counted");
    expect_error("fit:bst", 4, "no such option: bst (did you mean best?)");
    expect_error("fit:best,first", 9, "said twice: first");
    expect_error("fit:", 4, "an option is missing after: fit");
    expect_error("limited:bytes=x", 14, "not a number: x");
    expect_error("limited:byts=3", 8, "no such option: byts (did you mean bytes?)");
    expect_error("checked:blocks=0", 8, "too small: blocks=0");
    expect_error("segregated:64(heap)", 19, "two stacks in brackets are missing after: segregated");
    expect_error("fallback", 8, "two stacks in brackets are missing after: fallback");
    expect_error("pool", 4, "say how large, as in pool:64: pool");
    expect_error(
        "locked(locked(locked(locked(locked(locked(locked(locked(locked(locked(locked(locked("
        "locked(locked(locked(locked(locked(locked(locked(locked(locked(locked(locked(locked("
        "heap",
        168, "too many allocators in one stack");
}

/* Blocks of several sizes, through an oracle; all come back. */
static void use(cairn_stack *stack)
{
    cairn_checked checked;
    cairn_checked_init(&checked, cairn_stack_allocator(stack), NULL);
    cairn_allocator allocator = cairn_checked_allocator(&checked);
    enum { COUNT = 200 };
    void *blocks[COUNT];
    cairn_layout layouts[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        layouts[i] = (cairn_layout){i * 37 % 3000, (size_t)1 << i % 8};
        blocks[i] = cairn_allocator_alloc(allocator, layouts[i]);
        assert_non_null(blocks[i]);
        memset(blocks[i], (int)i, layouts[i].size);
    }
    for (size_t i = 0; i < COUNT; i += 2) {
        blocks[i] = cairn_allocator_realloc(allocator, blocks[i], layouts[i], 500);
        assert_non_null(blocks[i]);
        layouts[i].size = 500;
    }
    assert_null(cairn_stack_audit(stack));
    for (size_t i = 0; i < COUNT; i++)
        cairn_allocator_dealloc(allocator, blocks[i], layouts[i]);
    assert_int_equal(cairn_checked_fini(&checked), 0);
}

/* With and without spaces; every kind; general and thread-safe as it should be. */
static const struct {
    const char *text;
    bool thread_safe;
} good[] = {
    {"heap", true},
    {"system", true},
    {" checked ( heap ) ", true},
    {"checked\t(\theap\n)\n", true},
    {"limited : bytes = 64M , blocks = 100000\n( heap )", true},
    {"segregated:256(fallback(atomic_pool:64,heap),heap)", true},
    {"segregated:32(segregated:64(atomic_pool:32,atomic_pool:64),heap)", true},
    {"CHECKED(System)", true},
    {"checked:blocks=3,bytes=64K(heap)", true},
    {"checked:no_quarantine(heap)", true},
    {"fit:best,deferred", false},
    {"fit:first,immediate(system)", false},
    {"fit:next,none", false},
    {"fit:segregated", false},
    {"buddy", false},
    {"arena", false},
    {"bump:4M", false},
    {"slab_set", false},
    {"locked(fit:best)", true},
    {"locked(slab_set(system))", true},
    {"counted(heap)", true},
    {"counted(fit:best,deferred)", false},
    {"timed(heap)", true},
    {"traced:out=/dev/null(heap)", true},
    {"guarded(system)", true},
    {"limited:64M(heap)", true},
    {"failing:nth=100000000(heap)", true},
    {"fallback(bump:64K,heap)", false},
    {"segregated:256(slab_set,system)", false},
    {"segregated:64(locked(pool:64),heap)", true},
    {"segregated:64(atomic_pool:64,heap)", true},
    {"segregated:64(cached_pool:64,fit:best,deferred)", false},
    {"locked(segregated:64(slab:64,fallback(buddy,system)))", true},
    {"traced:out=/dev/null(guarded(counted(checked(locked(fit:segregated(system))))))", true},
};

TEST(stacks_that_work)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cairn_stack_error error;
        cairn_stack *stack = cairn_stack_create(good[i].text, DEFAULT, &error);
        if (stack == NULL)
            fail_msg("\"%s\": %s, at %zu", good[i].text, error.text, error.at);
        if (cairn_stack_is_thread_safe(stack) != good[i].thread_safe)
            fail_msg("\"%s\": thread-safe: %d", good[i].text, !good[i].thread_safe);
        assert_true(cairn_stack_is_general(stack));
        use(stack);
        cairn_stack_destroy(stack);
    }
}

TEST(one_size_only)
{
    static const char *const texts[] = {"pool:64",
                                        "slab:64",
                                        "atomic_pool:64",
                                        "cached_pool:64",
                                        "counted(pool:64)",
                                        "fallback(heap,pool:64)",
                                        "segregated:256(atomic_pool:64,heap)",
                                        "segregated:96(atomic_pool:96,heap)",
                                        "segregated:64(heap,atomic_pool:64)",
                                        "segregated:64(heap,segregated:128(heap,atomic_pool:128))"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cairn_stack *stack = cairn_stack_create(texts[i], DEFAULT, NULL);
        assert_non_null(stack);
        assert_false(cairn_stack_is_general(stack));
        cairn_allocator allocator = cairn_stack_allocator(stack);
        void *block = cairn_allocator_alloc(allocator, (cairn_layout){64, 8});
        assert_non_null(block);
        cairn_allocator_dealloc(allocator, block, (cairn_layout){64, 8});
        cairn_stack_destroy(stack);
    }
}

/* The heaps own all that the second has, if it takes it from them. */
TEST(a_fallback_tells_heap_from_heap)
{
    cairn_stack *stack = cairn_stack_create("fallback(limited:9K(heap),counted(heap))", DEFAULT,
                                            NULL);
    assert_non_null(stack);
    cairn_allocator allocator = cairn_stack_allocator(stack);
    const cairn_layout layout = {1000, 16};
    void *blocks[30];
    for (size_t i = 0; i < 30; i++)
        blocks[i] = cairn_allocator_alloc(allocator, layout);
    for (size_t i = 0; i < 30; i++)
        cairn_allocator_dealloc(allocator, blocks[i], layout);
    assert_null(cairn_stack_audit(stack));
    use(stack);
    assert_null(cairn_stack_audit(stack));
    cairn_stack_destroy(stack);
}

/* ---- memory that fails ---- */

struct counting {
    cairn_checked oracle;
    size_t calls, fail_at;
};

static void *counting_alloc(void *self, cairn_layout layout)
{
    struct counting *counting = self;
    if (++counting->calls == counting->fail_at)
        return NULL;
    return cairn_allocator_alloc(cairn_checked_allocator(&counting->oracle), layout);
}

static void counting_dealloc(void *self, void *ptr, cairn_layout layout)
{
    struct counting *counting = self;
    cairn_allocator_dealloc(cairn_checked_allocator(&counting->oracle), ptr, layout);
}

TEST(nothing_is_left_when_memory_fails)
{
    static const cairn_allocator_ops ops = {
        .name = "counting", .alloc = counting_alloc, .dealloc = counting_dealloc};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t fail_at = 0;
        cairn_stack *stack;
        do {
            struct counting counting = {.fail_at = ++fail_at};
            cairn_checked_init(&counting.oracle, cairn_system(), NULL);
            stack = cairn_stack_create(good[i].text, (cairn_allocator){&ops, &counting}, NULL);
            if (stack != NULL)
                cairn_stack_destroy(stack);
            size_t left = cairn_checked_fini(&counting.oracle);
            if (left != 0)
                fail_msg("\"%s\" leaves %zu blocks when call %zu fails", good[i].text, left,
                         fail_at);
        } while (stack == NULL && fail_at < 100);
        assert_non_null(stack);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_pointed_at),
        cmocka_unit_test(stacks_that_work),
        cmocka_unit_test(one_size_only),
        cmocka_unit_test(a_fallback_tells_heap_from_heap),
        cmocka_unit_test(nothing_is_left_when_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
