/* SPDX-License-Identifier: MIT */
/* Pools that threads share. */
#include <atomic>
#include <thread>

#include <cairn/atomic_pool.h>
#include <cairn/cached_pool.h>

#include "bench.hpp"
#include "peers.hpp"

namespace
{

constexpr std::size_t SIZE = 64, HELD = 16, STEPS = 50000;

/* Each thread holds a few blocks, and replaces them one after the other. */
template <typename Take, typename Give> void replace_by_turns(Take take, Give give)
{
    void *held[HELD];
    for (void *&ptr : held)
        ptr = take();
    for (std::size_t i = 0; i < STEPS; i++) {
        void *&ptr = held[i % HELD];
        give(ptr);
        ptr = take();
        *static_cast<volatile char *>(ptr) = 1;
    }
    for (void *ptr : held)
        give(ptr);
}

template <typename Work> void in_threads(unsigned count, Work work)
{
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < count; i++)
        threads.emplace_back(work);
    work();
    for (std::thread &thread : threads)
        thread.join();
}

int shared(unsigned busy)
{
    /* Another thread is there, so that the C library's mutex is one. */
    std::atomic<bool> done = false;
    std::thread idle([&] {
        while (!done)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
    });
    cairn_layout layout = cairn_layout_from_size_align(SIZE, 16);
    cairn_atomic_pool *atomic = cairn_atomic_pool_create(layout, nullptr);
    cairn_cached_pool *cached = cairn_cached_pool_create(layout, nullptr);
    bench::mutex_pool mutex(SIZE, 1000);
    std::pmr::synchronized_pool_resource pmr;

    char name[100];
    std::snprintf(name, sizeof name, "a pool that two threads share, %u busy; per replacement",
                  busy);
    bench::contest contest(name, static_cast<double>(STEPS) * busy);
    auto add = [&](const char *who, auto take, auto give, double limit = 0) {
        contest.add(
            who, [=] { in_threads(busy, [=] { replace_by_turns(take, give); }); }, limit);
    };
    add(
        "cairn_atomic_pool", [=] { return cairn_atomic_pool_alloc(atomic); },
        [=](void *ptr) { cairn_atomic_pool_dealloc(atomic, ptr); });
    add(
        "cairn_cached_pool", [=] { return cairn_cached_pool_alloc(cached); },
        [=](void *ptr) { cairn_cached_pool_dealloc(cached, ptr); });
    add(
        "a list under a mutex", [&mutex] { return mutex.take(); },
        [&mutex](void *ptr) { mutex.give(ptr); }, 1.0);
    add(
        "std::pmr::synchronized_pool_resource", [&pmr] { return pmr.allocate(SIZE, 16); },
        [&pmr](void *ptr) { pmr.deallocate(ptr, SIZE, 16); });
    add(
        "malloc and free", [] { return std::malloc(SIZE); }, [](void *ptr) { std::free(ptr); });
    int missed = contest.run();
    done = true;
    idle.join();
    cairn_cached_pool_destroy(cached);
    cairn_atomic_pool_destroy(atomic);
    return missed;
}

} // namespace

int main()
{
    int missed = shared(1);
    missed += shared(2);
    return missed != 0;
}
