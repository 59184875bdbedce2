/* SPDX-License-Identifier: MIT */
/*
 * All forms of C++ operators new and delete as a table of pairs: how a block is made, how it is
 * released. They are called by name, since a compiler may drop a new-expression whose block nobody
 * looks at. run_forms() runs each check over each form, then the checks that stand alone.
 */
#ifndef TEST_API_FORMS_H
#define TEST_API_FORMS_H

#include "api/check.h"

#include <new>

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
    {"new", [](size_t n) { return operator new(n); }, [](void *p, size_t) { operator delete(p); },
     16, false},
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
    {"new_array_aligned_sized_delete",
     [](size_t n) { return operator new[](n, align_val_t(4096)); },
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

struct form_check {
    const char *name;
    CMUnitTestFunction function;
};

template <size_t FORM_CHECKS, size_t SINGLES>
int run_forms(const char *group, const form_check (&form_checks)[FORM_CHECKS],
              const CMUnitTest (&single_checks)[SINGLES])
{
    static char names[FORMS * FORM_CHECKS][96];
    static CMUnitTest checks[FORMS * FORM_CHECKS + SINGLES];
    size_t count = 0;

    require_cairn_if_expected();
    for (const form_check &each : form_checks) {
        for (const form &form : forms) {
            snprintf(names[count], sizeof names[count], "%s: %s", form.name, each.name);
            checks[count] = named_check(names[count], each.function, &form);
            count++;
        }
    }
    memcpy(checks + count, single_checks, sizeof single_checks);
    return run_checks(group, checks);
}

} // namespace

#endif
