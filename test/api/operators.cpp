/* SPDX-License-Identifier: MIT */
/*
 * Operators new and delete, all forms: their blocks, what they refuse, and that each of them is ours.
 * What happens between a failure and its exception is in new_handler.cpp.
 */
#include "api/forms.h"
#include "property/pattern.h"

#include <malloc.h>

namespace
{

/* Blocks of many sizes: aligned, usable, disjoint, released. */
void gives_blocks(void **state)
{
    const form &form = form_of(state);
    static const size_t sizes[] = {1, 15, 16, 24, 100, 513, 2049, 5000, 66000, 200000, 1500000};
    constexpr size_t COUNT = sizeof sizes / sizeof sizes[0];
    unsigned char *blocks[COUNT];

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            blocks[i] = static_cast<unsigned char *>(form.make(sizes[i]));
            check(blocks[i] != nullptr, "size %zu is NULL", sizes[i]);
            check(reinterpret_cast<uintptr_t>(blocks[i]) % form.align == 0, "size %zu is %p",
                  sizes[i], static_cast<void *>(blocks[i]));
            check(malloc_usable_size(blocks[i]) >= sizes[i], "usable size of %zu", sizes[i]);
            pattern_fill(blocks[i], sizes[i], i);
        }
        for (size_t i = 0; i < COUNT; i++) {
            check(pattern_mismatch(blocks[i], sizes[i], sizes[i], i) == PATTERN_INTACT,
                  "block of %zu changed", sizes[i]);
            form.release(blocks[i], sizes[i]);
        }
    }
}

void zero_is_unique(void **state)
{
    const form &form = form_of(state);
    void *one = form.make(hidden_size(0));
    void *two = form.make(hidden_size(0));

    assert_non_null(one);
    assert_non_null(two);
    assert_ptr_not_equal(one, two);
    form.release(one, 0);
    form.release(two, 0);
}

void null_may_be_released(void **state)
{
    errno = ERRNO_MARK;
    form_of(state).release(hidden(nullptr), 0);
    form_of(state).release(hidden(nullptr), 100);
    assert_int_equal(errno, ERRNO_MARK);
}

void release_really_frees(void **state)
{
    const form &form = form_of(state);
    size_t before = resident_bytes();

    for (int i = 0; i < 20000; i++) {
        char *ptr = static_cast<char *>(form.make(20000));

        memset(ptr, 1, 20000);
        form.release(ptr, 20000);
    }
    check(resident_bytes() < before + (16u << 20), "RSS: %zu to %zu", before, resident_bytes());
}

void refuses_huge(void **state)
{
    const form &form = form_of(state);
    static const size_t sizes[] = {SIZE_MAX,  SIZE_MAX - 15, SIZE_MAX - 4096, SIZE_MAX - 65536,
                                   HUGE_SIZE, SIZE_MAX / 2,  size_t(1) << 50};

    for (size_t size : sizes) {
        check(outcome_of(form, size) == (form.is_nothrow ? GAVE_NULL : THREW_BAD_ALLOC),
              "size %#zx", size);
    }
    assert_int_equal(outcome_of(form, 100), GAVE_BLOCK);
}

void is_ours(void **state)
{
    const char *name = static_cast<const char *>(*state);

    if (!cairn_expected()) {
        skip();
    }
    check(dlsym(RTLD_DEFAULT, name) != nullptr, "%s does not exist", name);
    check(!symbol_is_system(name), "%s is found in %s", name, symbol_file(name));
}

#define OURS(symbol) named_check("is_ours: " symbol, is_ours, symbol)

const form_check form_checks[] = {
    {"gives_blocks", gives_blocks},
    {"zero_is_unique", zero_is_unique},
    {"null_may_be_released", null_may_be_released},
    {"release_really_frees", release_really_frees},
    {"refuses_huge", refuses_huge},
};

} // namespace

int main()
{
    const CMUnitTest symbol_checks[] = {
        OURS("_Znwm"),
        OURS("_Znam"),
        OURS("_ZnwmRKSt9nothrow_t"),
        OURS("_ZnamRKSt9nothrow_t"),
        OURS("_ZnwmSt11align_val_t"),
        OURS("_ZnamSt11align_val_t"),
        OURS("_ZnwmSt11align_val_tRKSt9nothrow_t"),
        OURS("_ZnamSt11align_val_tRKSt9nothrow_t"),
        OURS("_ZdlPv"),
        OURS("_ZdaPv"),
        OURS("_ZdlPvm"),
        OURS("_ZdaPvm"),
        OURS("_ZdlPvRKSt9nothrow_t"),
        OURS("_ZdaPvRKSt9nothrow_t"),
        OURS("_ZdlPvSt11align_val_t"),
        OURS("_ZdaPvSt11align_val_t"),
        OURS("_ZdlPvmSt11align_val_t"),
        OURS("_ZdaPvmSt11align_val_t"),
        OURS("_ZdlPvSt11align_val_tRKSt9nothrow_t"),
        OURS("_ZdaPvSt11align_val_tRKSt9nothrow_t"),
    };

    return run_forms("operators", form_checks, symbol_checks);
}
