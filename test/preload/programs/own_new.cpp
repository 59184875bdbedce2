/* SPDX-License-Identifier: MIT */
/*
 * A program that brings its own operator new and delete, as many do: it counts, and takes the
 * memory from malloc. Its own operators must win over those of a preloaded library, everywhere,
 * also in libstdc++.
 */

#include "pattern.h"

#include <new>
#include <sstream>
#include <string>
#include <vector>

static size_t news, deletes;

void *operator new(size_t size)
{
    news++;
    if (void *ptr = std::malloc(size + 16)) {
        fill(ptr, 16, 77);
        return static_cast<char *>(ptr) + 16;
    }
    throw std::bad_alloc();
}

void operator delete(void *ptr) noexcept
{
    if (!ptr)
        return;
    deletes++;
    void *whole = static_cast<char *>(ptr) - 16;
    check(whole, 16, 77);
    std::free(whole);
}

void operator delete(void *ptr, size_t) noexcept
{
    operator delete(ptr);
}

int main()
{
    size_t before = news - deletes;
    {
        std::vector<std::string> list;
        for (int i = 0; i < 1000; i++) {
            std::ostringstream text;
            text << "a line that is longer than the string itself has room for " << i;
            list.push_back(text.str());
        }
        std::string joined;
        for (auto &text : list)
            joined += text;
        std::printf("joined: %zu\n", joined.size());
    }
    std::printf("counted more than 2000: %s, all deleted: %s\n", news > 2000 ? "yes" : "no",
                news - deletes == before ? "yes" : "no");
    return 0;
}
