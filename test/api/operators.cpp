/* SPDX-License-Identifier: MIT */
/*
 * C++ operators new and delete, all forms: each kind of check runs over a table of pairs (how a
 * block is made, how it is released). Then what new promises when memory is out: the new_handler
 * loop, std::bad_alloc, NULL from the nothrow forms. The functions are called by name, since a
 * compiler may drop a new-expression whose block nobody looks at.
 */
#include "api/check.h"
#include "property/pattern.h"

#include <malloc.h>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <vector>

#ifndef __cpp_sized_deallocation /* clang 14 declares them only on request */
void operator delete(void *ptr, std::size_t size) noexcept;
void operator delete[](void *ptr, std::size_t size) noexcept;
void operator delete(void *ptr, std::size_t size, std::align_val_t align) noexcept;
void operator delete[](void *ptr, std::size_t size, std::align_val_t align) noexcept;
#endif

namespace
{

using std::align_val_t;
using std::nothrow;

constexpr size_t HUGE_SIZE = SIZE_MAX / 2 + 1000;

struct form {
    const char *name;
    void *(*make)(size_t size);
    void (*release)(void *ptr, size_t size);
    size_t align;
    bool is_nothrow;
};

const form forms[] = {
    {"new", [](size_t n) { return operator new(n); },
     [](void *p, size_t) { operator delete(p); }, 16, false},
    {"new_sized_delete", [](size_t n) { return operator new(n); },
     [](void *p, size_t n) { operator delete(p, n); }, 16, false},
    {"new_array", [](size_t n) { return operator new[](n); },
     [](void *p, size_t) { operator delete[](p); }, 16, false},
    {"new_array_sized_delete", [](size_t n) { return operator new[](n); },
     [](void *p, size_t n) { operator delete[](p, n); }, 16, false},
    {"new_nothrow", [](size_t n) { return operator new(n, nothrow); },
     [](void *p, size_t) { operator delete(p, nothrow); }, 16, true},
    {"new_array_nothrow", [](size_t n) { return operator new[](n, nothrow); },
     [](void *p, size_t) { operator delete[](p, nothrow); }, 16, true},
    {"new_nothrow_plain_delete", [](size_t n) { return operator new(n, nothrow); },
     [](void *p, size_t) { operator delete(p); }, 16, true},
    {"new_aligned_64", [](size_t n) { return operator new(n, align_val_t(64)); },
     [](void *p, size_t) { operator delete(p, align_val_t(64)); }, 64, false},
    {"new_aligned_4096", [](size_t n) { return operator new(n, align_val_t(4096)); },
     [](void *p, size_t) { operator delete(p, align_val_t(4096)); }, 4096, false},
    {"new_aligned_65536", [](size_t n) { return operator new(n, align_val_t(65536)); },
     [](void *p, size_t) { operator delete(p, align_val_t(65536)); }, 65536, false},
    {"new_aligned_sized_delete", [](size_t n) { return operator new(n, align_val_t(64)); },
     [](void *p, size_t n) { operator delete(p, n, align_val_t(64)); }, 64, false},
    {"new_array_aligned_64", [](size_t n) { return operator new[](n, align_val_t(64)); },
     [](void *p, size_t) { operator delete[](p, align_val_t(64)); }, 64, false},
    {"new_array_aligned_sized_delete", [](size_t n) { return operator new[](n, align_val_t(4096)); },
     [](void *p, size_t n) { operator delete[](p, n, align_val_t(4096)); }, 4096, false},
    {"new_aligned_nothrow", [](size_t n) { return operator new(n, align_val_t(4096), nothrow); },
     [](void *p, size_t) { operator delete(p, align_val_t(4096), nothrow); }, 4096, true},
    {"new_array_aligned_nothrow",
     [](size_t n) { return operator new[](n, align_val_t(65536), nothrow); },
     [](void *p, size_t) { operator delete[](p, align_val_t(65536), nothrow); }, 65536, true},
};

constexpr size_t FORMS = sizeof forms / sizeof forms[0];

const form &form_of(void **state)
{
    return *static_cast<const form *>(*state);
}

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

enum outcome { GAVE_BLOCK, GAVE_NULL, THREW_BAD_ALLOC, THREW_OWN };

struct own_failure : std::bad_alloc {
};

outcome outcome_of(const form &form, size_t size)
{
    try {
        void *ptr = form.make(hidden_size(size));

        if (ptr == nullptr) {
            return GAVE_NULL;
        }
        form.release(ptr, size);
        return GAVE_BLOCK;
    } catch (const own_failure &) {
        return THREW_OWN;
    } catch (const std::bad_alloc &) {
        return THREW_BAD_ALLOC;
    }
}

void refuses_huge(void **state)
{
    const form &form = form_of(state);
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 4096, SIZE_MAX - 65536,
                                   HUGE_SIZE, SIZE_MAX / 2, size_t(1) << 50};

    for (size_t size : sizes) {
        check(outcome_of(form, size) == (form.is_nothrow ? GAVE_NULL : THREW_BAD_ALLOC),
              "size %#zx", size);
    }
    assert_int_equal(outcome_of(form, 100), GAVE_BLOCK);
}

int first_calls;
int second_calls;

void throw_at_third_call()
{
    if (++first_calls == 3) {
        throw std::bad_alloc();
    }
}

/* The handler is called again and again: it may need several calls to make room. */
void handler_is_called_until_it_throws(void **state)
{
    const form &form = form_of(state);

    first_calls = 0;
    std::set_new_handler(throw_at_third_call);
    outcome result = outcome_of(form, HUGE_SIZE);

    std::set_new_handler(nullptr);
    assert_int_equal(first_calls, 3);
    assert_int_equal(result, form.is_nothrow ? GAVE_NULL : THREW_BAD_ALLOC);
}

void throw_own()
{
    first_calls++;
    throw own_failure();
}

/* What the handler throws passes through the throwing forms; the nothrow ones swallow it. */
void handler_may_throw_its_own(void **state)
{
    const form &form = form_of(state);

    first_calls = 0;
    std::set_new_handler(throw_own);
    outcome result = outcome_of(form, HUGE_SIZE);

    std::set_new_handler(nullptr);
    assert_int_equal(first_calls, 1);
    assert_int_equal(result, form.is_nothrow ? GAVE_NULL : THREW_OWN);
}

void second_handler()
{
    second_calls++;
    throw own_failure();
}

void install_second_handler()
{
    first_calls++;
    std::set_new_handler(second_handler);
}

void handler_may_be_replaced(void **state)
{
    const form &form = form_of(state);

    first_calls = second_calls = 0;
    std::set_new_handler(install_second_handler);
    outcome result = outcome_of(form, HUGE_SIZE);

    std::set_new_handler(nullptr);
    assert_int_equal(first_calls, 1);
    assert_int_equal(second_calls, 1);
    assert_int_equal(result, form.is_nothrow ? GAVE_NULL : THREW_OWN);
}

void remove_handler()
{
    first_calls++;
    std::set_new_handler(nullptr);
}

void handler_may_be_removed(void **state)
{
    const form &form = form_of(state);

    first_calls = 0;
    std::set_new_handler(remove_handler);
    outcome result = outcome_of(form, HUGE_SIZE);

    std::set_new_handler(nullptr);
    assert_int_equal(first_calls, 1);
    assert_int_equal(result, form.is_nothrow ? GAVE_NULL : THREW_BAD_ALLOC);
}

void handler_is_not_called_on_success(void **state)
{
    const form &form = form_of(state);

    first_calls = 0;
    std::set_new_handler(throw_own);
    outcome small = outcome_of(form, 100);
    outcome large = outcome_of(form, 3000000);

    std::set_new_handler(nullptr);
    assert_int_equal(first_calls, 0);
    assert_int_equal(small, GAVE_BLOCK);
    assert_int_equal(large, GAVE_BLOCK);
}

void raise_limit()
{
    struct rlimit limit;

    first_calls++;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
}

/* The handler makes room, and new succeeds: in a child, because it lowers a limit first. */
void handler_may_make_room(void **state)
{
    const form &form = form_of(state);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit;

        first_calls = 0;
        getrlimit(RLIMIT_AS, &limit);
        limit.rlim_cur = virtual_bytes() + (256u << 20);
        setrlimit(RLIMIT_AS, &limit);
        std::set_new_handler(raise_limit);
        outcome result = outcome_of(form, size_t(1) << 30);

        _exit(result != GAVE_BLOCK ? 1 : first_calls != 1 ? 2 : 0);
    }
    int status = -1;

    waitpid(child, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %#x", status);
}

struct counted {
    static int destroyed;
    ~counted() { destroyed++; }
};

int counted::destroyed;

size_t deep_new(int depth, size_t size)
{
    counted guard;
    std::string text(100, 'x');

    if (depth == 0) {
        operator delete(operator new(hidden_size(size)));
        return 0;
    }
    return deep_new(depth - 1, size) + text.size();
}

void exception_unwinds_frames(void **)
{
    bool is_caught = false;

    counted::destroyed = 0;
    try {
        deep_new(50, HUGE_SIZE);
    } catch (const std::bad_alloc &failure) {
        is_caught = true;
        assert_non_null(failure.what());
    }
    assert_true(is_caught);
    assert_int_equal(counted::destroyed, 51);
}

struct throwing {
    static int constructed, destroyed;
    std::string text = std::string(1000, 't');
    throwing()
    {
        if (constructed == 7) {
            throw std::runtime_error("the eighth");
        }
        constructed++;
    }
    ~throwing() { destroyed++; }
};

int throwing::constructed;
int throwing::destroyed;

/* A constructor that throws: the elements before it are destroyed and the array is deleted. */
void throwing_constructor_returns_memory(void **)
{
    size_t before = resident_bytes();

    for (int i = 0; i < 20000; i++) {
        throwing::constructed = throwing::destroyed = 0;
        try {
            throwing *array = new throwing[100];

            delete[] array;
            fail_msg("nothing was thrown");
        } catch (const std::runtime_error &) {
        }
        assert_int_equal(throwing::destroyed, 7);
    }
    check(resident_bytes() < before + (16u << 20), "RSS: %zu to %zu", before, resident_bytes());
}

void array_length_overflow_throws(void **)
{
    bool is_caught = false;

    try {
        long *array = new long[hidden_size(SIZE_MAX / 4)];

        delete[] array;
    } catch (const std::bad_alloc &) {
        is_caught = true;  /* bad_array_new_length is one */
    }
    assert_true(is_caught);
}

struct alignas(256) over_aligned {
    char bytes[300];
};

void over_aligned_types(void **)
{
    for (int i = 0; i < 200; i++) {
        over_aligned *one = new over_aligned;
        over_aligned *some = new over_aligned[5];

        assert_int_equal(reinterpret_cast<uintptr_t>(hidden(one)) % 256, 0);
        assert_int_equal(reinterpret_cast<uintptr_t>(hidden(some)) % 256, 0);
        delete one;
        delete[] some;
    }
    std::vector<over_aligned> vector(100);

    assert_int_equal(reinterpret_cast<uintptr_t>(vector.data()) % 256, 0);
}

void delete_keeps_errno(void **)
{
    static const size_t sizes[] = {10, 5000, 500000, 40000000};

    for (size_t size : sizes) {
        void *ptr = operator new(size);

        memset(ptr, 1, size);
        errno = ERRNO_MARK;
        operator delete(ptr);
        assert_int_equal(errno, ERRNO_MARK);
    }
}

/* Containers, shared ownership and exceptions, all at once: what programs are made of. */
void standard_library_lives_on_it(void **)
{
    std::map<std::string, std::shared_ptr<std::vector<int>>> map;

    for (int i = 0; i < 20000; i++) {
        auto &entry = map["key number " + std::to_string(i * 7919 % 5000)];

        if (!entry) {
            entry = std::make_shared<std::vector<int>>();
        }
        entry->push_back(i);
        try {
            if (i % 10 == 0) {
                throw std::runtime_error("message " + std::string(200, 'm'));
            }
        } catch (const std::runtime_error &error) {
            assert_int_equal(strlen(error.what()), 208);
        }
    }
    assert_int_equal(map.size(), 5000);
    for (const auto &entry : map) {
        assert_int_equal(entry.second->size(), 4);
    }
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

const char *const operator_symbols[] = {
    "_Znwm",
    "_Znam",
    "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t",
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvm",
    "_ZdaPvm",
    "_ZdlPvRKSt9nothrow_t",
    "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvSt11align_val_t",
    "_ZdaPvSt11align_val_t",
    "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
};

const struct {
    const char *name;
    CMUnitTestFunction function;
} form_checks[] = {
    {"gives_blocks", gives_blocks},
    {"zero_is_unique", zero_is_unique},
    {"null_may_be_released", null_may_be_released},
    {"release_really_frees", release_really_frees},
    {"refuses_huge", refuses_huge},
    {"handler_is_called_until_it_throws", handler_is_called_until_it_throws},
    {"handler_may_throw_its_own", handler_may_throw_its_own},
    {"handler_may_be_replaced", handler_may_be_replaced},
    {"handler_may_be_removed", handler_may_be_removed},
    {"handler_is_not_called_on_success", handler_is_not_called_on_success},
    {"handler_may_make_room", handler_may_make_room},
};

constexpr size_t FORM_CHECKS = sizeof form_checks / sizeof form_checks[0];
constexpr size_t SYMBOLS = sizeof operator_symbols / sizeof operator_symbols[0];

const CMUnitTest single_checks[] = {
    cmocka_unit_test(exception_unwinds_frames),
    cmocka_unit_test(throwing_constructor_returns_memory),
    cmocka_unit_test(array_length_overflow_throws),
    cmocka_unit_test(over_aligned_types),
    cmocka_unit_test(delete_keeps_errno),
    cmocka_unit_test(standard_library_lives_on_it),
};

constexpr size_t SINGLES = sizeof single_checks / sizeof single_checks[0];

} // namespace

int main()
{
    static char names[FORMS * FORM_CHECKS + SYMBOLS][96];
    static CMUnitTest checks[FORMS * FORM_CHECKS + SYMBOLS + SINGLES];
    size_t count = 0;

    require_cairn_if_expected();
    for (const auto &each : form_checks) {
        for (const form &form : forms) {
            snprintf(names[count], sizeof names[count], "%s: %s", form.name, each.name);
            checks[count] = named_check(names[count], each.function, &form);
            count++;
        }
    }
    for (const char *symbol : operator_symbols) {
        snprintf(names[count], sizeof names[count], "is_ours: %s", symbol);
        checks[count] = named_check(names[count], is_ours, symbol);
        count++;
    }
    memcpy(checks + count, single_checks, sizeof single_checks);
    return run_checks("operators", checks);
}
