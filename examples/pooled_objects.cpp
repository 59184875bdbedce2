/* SPDX-License-Identifier: MIT */
/* Buffers that requests of several threads borrow: each goes back by itself, however its request ends. */
#include <cairn/object_pool.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using buffer = std::vector<char>;

/* Answers with what it was given; large ones are refused. */
static void handle(buffer &answer, const std::string &request)
{
    answer.assign(request.begin(), request.end());
    if (answer.size() > 1000)
        throw std::length_error("too large");
}

int main()
{
    cairn::synchronized_object_pool<buffer> buffers(
        [] {
            buffer fresh;
            fresh.reserve(4096);
            return fresh;
        },
        [](buffer &used) {
            used.clear();
            return used.capacity() <= 4096;
        });
    buffers.prefill(4);

    auto serve = [&](int requests) {
        for (int i = 0; i < requests; i++) {
            auto answer = buffers.acquire(); /* a unique_ptr */
            try {
                handle(*answer, std::string(static_cast<std::size_t>(i % 1100), 'x'));
            } catch (const std::length_error &) {
            }
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back(serve, 2000);
    for (std::thread &thread : threads)
        thread.join();
    std::printf("8000 requests: %zu buffers, %zu in use\n", buffers.idle(), buffers.in_use());

    std::shared_ptr<buffer> one = buffers.acquire_shared();
    std::shared_ptr<buffer> other = one;
    one.reset();
    std::printf("%zu in use\n", buffers.in_use());
    other.reset();
    std::printf("%zu in use\n", buffers.in_use());
    return 0;
}
