/* SPDX-License-Identifier: MIT */
/*
 * What claims to be for any thread, used by four at once: blocks of one are ended by another. Each
 * writes its mark all over its blocks and finds it again.
 */
#include <cairn/memory.hpp>
#include <cairn/object_pool.hpp>

#include <cairn/heap.h>

#include <algorithm>
#include <atomic>
#include <list>
#include <thread>
#include <vector>

#if __has_include(<memory_resource>)
#include <cairn/pmr.hpp>
#endif

#include "check.hpp"

namespace
{

#ifdef __SANITIZE_THREAD__ /* sees races that did no harm */
constexpr int THREADS = 4, ROUNDS = 500;
#else
constexpr int THREADS = 4, ROUNDS = 10000;
#endif

template <typename Function> void in_threads(Function function)
{
    std::vector<std::thread> threads;
    std::atomic<int> ready{0};
    for (int i = 0; i < THREADS; i++)
        threads.emplace_back([=, &ready] {
            for (ready++; ready < THREADS;) /* none is done before the last one begins */
                std::this_thread::yield();
            function(i);
        });
    for (std::thread &thread : threads)
        thread.join();
}

/* Lists in the memory of one allocator, handed on from thread to thread by way of a shelf. */
template <typename Allocator> void hand_on(Allocator allocator)
{
    using list = std::list<long, Allocator>;
    static std::atomic<list *> shelf[THREADS];
    in_threads([=](int self) {
        for (int round = 0; round < ROUNDS; round++) {
            list *mine = new list(allocator);
            long mark = self * 1000000L + round;
            mine->assign(static_cast<std::size_t>(round % 20 + 1), mark);
            std::vector<long,
                        typename std::allocator_traits<Allocator>::template rebind_alloc<long>>
                side(static_cast<std::size_t>(round % 100), mark, allocator);
            list *other = shelf[(self + round) % THREADS].exchange(mine);
            CHECK(side.empty() || (side.front() == mark && side.back() == mark));
            if (other == nullptr)
                continue;
            long seen = other->front();
            CHECK(std::all_of(other->begin(), other->end(), [=](long n) { return n == seen; }));
            delete other;
        }
    });
    for (std::atomic<list *> &place : shelf)
        delete place.exchange(nullptr);
}

void objects()
{
    static std::atomic<int> made;
    cairn::synchronized_object_pool<std::vector<int>, cairn::cache_line> pool(
        [] {
            made++;
            return std::vector<int>();
        },
        [](std::vector<int> &object) {
            object.clear();
            return object.capacity() < 100;
        });
    static std::atomic<std::vector<int> *> shelf;
    in_threads([&](int self) {
        for (int round = 0; round < ROUNDS; round++) {
            auto object = pool.acquire();
            CHECK(object->empty());
            object->assign(static_cast<std::size_t>(round % 128 + 1), self);
            auto shared = pool.acquire_shared();
            CHECK(shared->empty());
            shared->push_back(round);
            std::vector<int> *other = shelf.exchange(object.release());
            CHECK(other == nullptr || pool.release(other));
        }
    });
    CHECK(pool.release(shelf.exchange(nullptr)) && pool.in_use() == 0);
    CHECK(made > 0 && static_cast<std::size_t>(made) >= pool.idle());
}

void shared_pointers()
{
    cairn_heap *heap = cairn_heap_create("shared");
    auto number = cairn::make_shared<std::atomic<long>>(cairn_heap_allocator(heap), 0);
    in_threads([&](int) {
        for (int round = 0; round < ROUNDS; round++) {
            auto mine = number;
            ++*mine;
            auto own = cairn::make_unique<long[]>(cairn_heap_allocator(heap), 50);
            own[49] = round;
        }
    });
    CHECK(*number == THREADS * ROUNDS && number.use_count() == 1);
    number.reset();
    cairn_heap_destroy(heap);
}

#if __has_include(<memory_resource>)
void resources()
{
    using allocator = std::pmr::polymorphic_allocator<long>;
    const cairn_layout node = {24, 8};
    cairn::synchronized_arena_resource arena;
    hand_on(allocator(&arena));
    cairn::synchronized_allocator_resource system(cairn_system());
    hand_on(allocator(&system));
    cairn::synchronized_pool_resource pool(node);
    hand_on(allocator(&pool));
    CHECK(pool.stats().free == pool.stats().blocks &&
          cairn_atomic_pool_audit(pool.get()) == nullptr);
    cairn::synchronized_slab_resource slab(node);
    hand_on(allocator(&slab));
    CHECK(slab.with([](cairn::slab_resource &inner) { return inner.stats().live; }) == 0);
    cairn::synchronized_slab_set_resource set;
    hand_on(allocator(&set));
    CHECK(set.with([](cairn::slab_set_resource &inner) { return inner.stats().live; }) == 0);
    cairn::synchronized_heap_resource heap;
    hand_on(allocator(&heap));
    CHECK(heap.stats().blocks == 0);
    for (const char *text : {"counted(fit:best)", "heap"}) {
        cairn::synchronized_stack_resource stack(text);
        hand_on(allocator(&stack));
        CHECK(cairn_stack_audit(stack.get()) == nullptr);
    }
}
#else
void resources() {}
#endif

} // namespace

int main()
{
    hand_on(cairn::allocator<long>());
    hand_on(cairn::allocator_ref<long>(cairn_heap_allocator(nullptr)));
    objects();
    shared_pointers();
    resources();
    return 0;
}
