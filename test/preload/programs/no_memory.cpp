/* SPDX-License-Identifier: MIT */
/*
 * C++ with a heap that is full: a new handler that frees a reserve, bad_alloc, and other exceptions
 * that are thrown at that time. The caller gives an address space of 512 MiB.
 */

#include "pattern.h"

#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

static int handler_calls;
static void *reserve;

static void with_a_reserve()
{
    reserve = ::operator new(300 << 20);
    std::set_new_handler([] {
        handler_calls++;
        ::operator delete(reserve);
        std::set_new_handler(nullptr);
    });
    void *block = ::operator new(350 << 20);
    std::printf("a handler that frees its reserve: %s, called %d times\n",
                block ? "a block" : "nullptr", handler_calls);
    ::operator delete(block);
}

static int nested(int depth, const std::string &text)
{
    std::string longer = text + "........";
    if (depth == 0)
        throw std::runtime_error(longer);
    try {
        return nested(depth - 1, longer);
    } catch (const std::exception &) {
        std::throw_with_nested(std::runtime_error(longer));
    }
}

static size_t layers(const std::exception &error)
{
    try {
        std::rethrow_if_nested(error);
        return strlen(error.what());
    } catch (const std::exception &inner) {
        return layers(inner) + strlen(error.what());
    }
}

static void under_pressure()
{
    for (int round = 0; round < 3; round++) {
        std::vector<std::unique_ptr<char[]>> all;
        all.reserve(2000);
        bool refused = false;
        try {
            for (int i = 0; i < 1000; i++) {
                all.push_back(std::make_unique<char[]>(1 << 20));
                all.back()[round] = 1;
            }
        } catch (const std::bad_alloc &) {
            refused = true;
            all.pop_back(); /* room for what follows, while the rest is still full */
        }
        size_t length = 0;
        try {
            nested(20, "start");
        } catch (const std::exception &error) {
            length = layers(error);
        }
        std::printf("full: %s, nested exceptions of %zu bytes\n", refused ? "bad_alloc" : "no",
                    length);
    }
}

int main()
{
    with_a_reserve();
    under_pressure();
    return 0;
}
