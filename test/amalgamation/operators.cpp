// SPDX-License-Identifier: MIT
//
// A C++ program with cairn.c, compiled with CAIRN_MALLOC and -fexceptions, in it: the header, and
// operator new.
#include <cstdio>
#include <new>
#include <string>

#include "cairn.h"

struct alignas(256) wide {
    char bytes[256];
};

static void *volatile kept;

int main()
{
    if (!cairn_is_active())
        return 1;
    std::string *text = new std::string(1000, 'x');
    wide *aligned = new wide;
    bool ours = cairn_owns(text) && cairn_owns(text->data()) && cairn_owns(aligned);
    delete text;
    delete aligned;
    bool thrown = false;
    try {
        kept = ::operator new(PTRDIFF_MAX);
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    bool null = ::operator new(PTRDIFF_MAX, std::nothrow) == nullptr;
    std::puts(ours && thrown && null ? "ok" : "not ok");
    return ours && thrown && null ? 0 : 1;
}
