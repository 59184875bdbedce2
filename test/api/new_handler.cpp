/* SPDX-License-Identifier: MIT */
/*
 * What operator new promises when memory is out, for all its forms: the loop over the new_handler,
 * std::bad_alloc, NULL from the nothrow forms. And whole C++ programs in small: exceptions that
 * unwind, constructors that throw, containers.
 */
#include "api/forms.h"

#include <malloc.h>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <vector>

namespace
{

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
        is_caught = true; /* bad_array_new_length is one */
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

const form_check form_checks[] = {
    {"handler_is_called_until_it_throws", handler_is_called_until_it_throws},
    {"handler_may_throw_its_own", handler_may_throw_its_own},
    {"handler_may_be_replaced", handler_may_be_replaced},
    {"handler_may_be_removed", handler_may_be_removed},
    {"handler_is_not_called_on_success", handler_is_not_called_on_success},
    {"handler_may_make_room", handler_may_make_room},
};

const CMUnitTest single_checks[] = {
    cmocka_unit_test(exception_unwinds_frames),
    cmocka_unit_test(throwing_constructor_returns_memory),
    cmocka_unit_test(array_length_overflow_throws),
    cmocka_unit_test(over_aligned_types),
    cmocka_unit_test(delete_keeps_errno),
    cmocka_unit_test(standard_library_lives_on_it),
};

} // namespace

int main()
{
    return run_forms("new_handler", form_checks, single_checks);
}
