/* SPDX-License-Identifier: MIT */
/*
 * The C++ operators: all forms of new and delete, what they do when more is asked for than there
 * can be (new handlers, bad_alloc, nullptr), and the standard containers that rest on them.
 */

#include "pattern.h"

#include <limits>
#include <memory>
#include <memory_resource>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

static volatile size_t huge = std::numeric_limits<ptrdiff_t>::max() - 100;
static int handler_calls;

static const char *outcome_of_huge_new()
{
    try {
        ::operator delete(::operator new(huge));
        return "a block";
    } catch (const std::bad_alloc &error) {
        return error.what();
    }
}

static void huge_sizes()
{
    for (int i = 0; i < 1000; i++)
        expect(!strcmp(outcome_of_huge_new(), "std::bad_alloc"), "huge new");
    std::printf("huge new, 1000 times: %s\n", outcome_of_huge_new());
    std::printf("huge nothrow new: %s\n",
                ::operator new(huge, std::nothrow) ? "a block" : "nullptr");
    std::printf("huge nothrow aligned new: %s\n",
                ::operator new (huge, std::align_val_t{64}, std::nothrow) ? "a block" : "nullptr");
    try {
        volatile long count = -1;
        delete[] new int[count];
    } catch (const std::bad_array_new_length &error) {
        std::printf("new int[-1]: %s\n", error.what());
    }
    try {
        std::vector<char> large;
        large.resize(huge);
    } catch (const std::bad_alloc &) {
        std::puts("vector: bad_alloc");
    } catch (const std::length_error &) {
        std::puts("vector: length_error");
    }
}

static void handlers()
{
    std::set_new_handler([] {
        if (++handler_calls == 3)
            std::set_new_handler(nullptr);
    });
    std::printf("with a handler that gives up: %s,", outcome_of_huge_new());
    std::printf(" called %d times\n", handler_calls);
    handler_calls = 0;
    std::set_new_handler([] {
        handler_calls++;
        throw std::bad_alloc();
    });
    std::printf("with one that throws, nothrow: %s,",
                ::operator new(huge, std::nothrow) ? "a block" : "nullptr");
    std::printf(" called %d times\n", handler_calls);
    std::set_new_handler(nullptr);
}

struct alignas(256) Wide {
    char byte[300];
};

static void all_forms()
{
    for (unsigned size = 1; size < 3000; size += 7) {
        void *block[8] = {
            ::operator new(size),
            ::operator new[](size),
            ::operator new(size, std::nothrow),
            ::operator new[](size, std::nothrow),
            ::operator new (size, std::align_val_t{128}),
            ::operator new[](size, std::align_val_t{128}),
            ::operator new (size, std::align_val_t{128}, std::nothrow),
            ::operator new[](size, std::align_val_t{128}, std::nothrow),
        };
        for (unsigned i = 0; i < 8; i++) {
            expect(i < 4 || reinterpret_cast<uintptr_t>(block[i]) % 128 == 0, "aligned new");
            fill(got(block[i]), size, i);
        }
        for (unsigned i = 0; i < 8; i++)
            check(block[i], size, i);
        ::operator delete(block[0], size);
        ::operator delete[](block[1]);
        ::operator delete(block[2], std::nothrow);
        ::operator delete[](block[3], size);
        ::operator delete (block[4], size, std::align_val_t{128});
        ::operator delete[](block[5], std::align_val_t{128});
        ::operator delete (block[6], std::align_val_t{128}, std::nothrow);
        ::operator delete[](block[7], size, std::align_val_t{128});
    }
    ::operator delete(nullptr);
    auto wide = std::make_unique<Wide[]>(10);
    expect(reinterpret_cast<uintptr_t>(wide.get()) % 256 == 0, "wide");
    void *a = ::operator new(0), *b = ::operator new(0);
    std::printf("all forms of new and delete; new of nothing: %s\n",
                a && b && a != b ? "two blocks" : "not two");
    ::operator delete(a);
    ::operator delete(b);
}

static void containers()
{
    std::vector<std::thread> threads;
    std::vector<size_t> sum(4);
    for (size_t n = 0; n < 4; n++)
        threads.emplace_back([&sum, n] {
            std::unordered_map<std::string, std::vector<int>> map;
            for (int i = 0; i < 30000; i++)
                map["key " + std::to_string(i % 3000)].push_back(i);
            for (auto &[key, list] : map)
                sum[n] += key.size() * list.size() + static_cast<size_t>(list.back());
        });
    for (auto &thread : threads)
        thread.join();
    std::pmr::synchronized_pool_resource pool;
    std::pmr::vector<std::pmr::string> strings(&pool);
    for (int i = 0; i < 5000; i++)
        strings.emplace_back(static_cast<size_t>(i % 100), 'p');
    std::printf("threads: %zu %zu %zu %zu; pool: %zu\n", sum[0], sum[1], sum[2], sum[3],
                strings.size());
}

int main()
{
    huge_sizes();
    handlers();
    all_forms();
    containers();
    return 0;
}
