/* SPDX-License-Identifier: MIT */
/*
 * Demangling by GCC's libiberty: Rust first, whose older names are also valid C++ names with a hash
 * as their last part. Its mangled suffixes come back as " [clone .cold]", which is cut off, so that
 * the parts of a function that the compiler split have one name.
 */
#include "profile/demangle.h"

#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "own_memory.h"

bool is_mangled(const char *name)
{
    return strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0 ||
           strncmp(name, "__Z", 3) == 0;
}

/* Where what the compiler or the linker appended to a name of C begins, or its end. */
static size_t plain_length(const char *name)
{
    static const char *const suffixes[] = {".part.", ".cold",       ".isra.",
                                           ".llvm.", ".constprop.", ".lto_priv."};
    size_t length = strcspn(name, "@");

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const char *found = strstr(name, suffixes[i]);
        if (found && found > name && (size_t)(found - name) < length)
            length = (size_t)(found - name);
    }
    return length ? length : strlen(name);
}

/* Takes the library's inner names out of a name, where everybody knows the thing by another. */
static void put_plainly(char *name)
{
    static const char *const plain[][2] = {
        {"std::__cxx11::", "std::"},
        {"std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string"},
    };

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        size_t from = strlen(plain[i][0]), to = strlen(plain[i][1]);
        for (char *at = name; (at = strstr(at, plain[i][0])); at += to) {
            memcpy(at, plain[i][1], to);
            memmove(at + to, at + from, strlen(at + from) + 1);
        }
    }
}

char *demangle(const char *name)
{
    enum { OPTIONS = DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP };
    char *plain = memory_copy(name);

    plain[plain_length(name)] = '\0';
    if (!is_mangled(plain))
        return plain;
    char *result = rust_demangle(plain, OPTIONS);
    if (!result)
        result = cplus_demangle_v3(plain, OPTIONS);
    if (!result)
        return plain;
    free(plain);
    char *clone = strstr(result, " [clone");
    if (clone)
        *clone = '\0';
    put_plainly(result);
    return result;
}
