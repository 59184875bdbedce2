/* SPDX-License-Identifier: MIT */
/* Smart pointers into any allocator, and pools of objects. */
#include <cairn/memory.hpp>
#include <cairn/object_pool.hpp>

#include <cairn/arena.h>
#include <cairn/bump.h>
#include <cairn/heap.h>
#include <cairn/pool.h>

#include <string>
#include <vector>

#include "check.hpp"

namespace
{

struct shape {
    virtual ~shape() = default;
    virtual int sides() const = 0;
    long tag = 1;
};

struct plain {
    virtual long sum() const { return padding[0]; }
    long padding[3] = {};
};

/* A shape that does not begin where it does itself. */
struct square : plain, shape {
    explicit square(int n) : member(n) {}
    int sides() const override { return 4; }
    fragile member;
};

struct hidden; /* incomplete until the end of this file */

struct owner {
    explicit owner(cairn_allocator allocator);
    cairn::unique_ptr<hidden> inner;
};

void unique()
{
    counted_source counted;
    {
        auto text = cairn::make_unique<std::string>(counted.get(), 3, 'x');
        CHECK(*text == "xxx" && counted.live() == 1);
        cairn::unique_ptr<std::string> empty;
        cairn::unique_ptr<const std::string> constant = std::move(text);
        CHECK(text == nullptr && empty == nullptr && *constant == "xxx" && counted.live() == 1);
        static_assert(sizeof constant == 4 * sizeof(void *));

        cairn::unique_ptr<shape> base = cairn::make_unique<square>(counted.get(), 5);
        CHECK(base->sides() == 4 && fragile::alive == 1);
        CHECK(static_cast<void *>(base.get()) != dynamic_cast<void *>(base.get()));
        CHECK(base.get_deleter().get_layout().size == sizeof(square));
        base = nullptr;
        CHECK(fragile::alive == 0 && counted.live() == 1);
        /* plain has no virtual destructor: who deletes it would not know the whole object. */
        static_assert(
            !std::is_constructible_v<cairn::unique_ptr<plain>, cairn::unique_ptr<square>>);
    }
    CHECK(counted.live() == 0);
    owner owns(counted.get());
    CHECK(owns.inner != nullptr && counted.live() == 1);
}

void arrays()
{
    counted_source counted;
    {
        auto numbers = cairn::make_unique<int[]>(counted.get(), 1000);
        CHECK(numbers[0] == 0 && numbers[999] == 0 && numbers.get_deleter().size() == 1000);
        auto none = cairn::make_unique<fragile[]>(counted.get(), 0);
        auto some = cairn::make_unique<fragile[], cairn::cache_line>(counted.get(), 3);
        CHECK(is_aligned(some.get(), 64) && fragile::alive == 3);
        CHECK(some.get_deleter().get_layout().size == 64);
    }
    CHECK(fragile::alive == 0 && counted.live() == 0);
    fragile::fuse = 4;
    CHECK_THROWS(std::runtime_error, (void)cairn::make_unique<fragile[]>(counted.get(), 10));
    CHECK(fragile::alive == 0 && counted.live() == 0);
    CHECK_THROWS(std::bad_array_new_length,
                 (void)cairn::make_unique<int[]>(counted.get(), SIZE_MAX));
}

void alignment()
{
    struct alignas(512) wide {
        char byte;
    };
    cairn_arena *arena = cairn_arena_create(nullptr);
    cairn_allocator allocator = cairn_arena_allocator(arena);
    auto byte = cairn::make_unique<char>(allocator, 'a');
    auto line = cairn::make_unique<char, cairn::cache_line>(allocator, 'b');
    auto next = cairn::make_unique<char>(allocator, 'c');
    auto far = cairn::make_unique<wide>(allocator);
    auto shared = cairn::make_shared<int, cairn::cache_line>(allocator, 3);
    CHECK(is_aligned(line.get(), 64) && next.get() - line.get() >= 64 &&
          is_aligned(far.get(), 512));
    shared.reset(), far.reset(), next.reset(), line.reset(), byte.reset();
    cairn_arena_destroy(arena);
}

void shared()
{
    counted_source counted;
    {
        auto text = cairn::make_shared<std::string>(counted.get(), "shared");
        std::weak_ptr<std::string> weak = text;
        auto other = text;
        CHECK(counted.live() == 1 && counted.made() == 1);
        text.reset();
        CHECK(*other == "shared");
    }
    CHECK(counted.live() == 0);

    /* Blocks of a pool that are as large as they must be. */
    cairn_layout layout = cairn::shared_layout<square>();
    char region[4096];
    cairn_pool pool;
    CHECK(cairn_pool_init_fixed(&pool, layout, region, sizeof region, nullptr));
    CHECK(layout.size > sizeof(square) && layout.size <= sizeof(square) + 64);
    auto in_pool = cairn::make_shared<square>(cairn_pool_allocator(&pool), 4);
    CHECK(cairn_pool_live(&pool) == 1);
    in_pool.reset();
    CHECK(cairn_pool_live(&pool) == 0);
    cairn_pool_fini(&pool);

    /* And no larger: a pool of a byte less has none. */
    layout.size -= 1;
    CHECK(cairn_pool_init_fixed(&pool, layout, region, sizeof region, nullptr));
    CHECK_THROWS(std::bad_alloc, (void)cairn::make_shared<square>(cairn_pool_allocator(&pool), 4));
    cairn_pool_fini(&pool);
}

void failures()
{
    counted_source counted;
    fragile::fuse = 1;
    CHECK_THROWS(std::runtime_error, (void)cairn::make_unique<fragile>(counted.get(), 1));
    fragile::fuse = 1;
    CHECK_THROWS(std::runtime_error, (void)cairn::make_shared<fragile>(counted.get(), 1));
    CHECK(counted.live() == 0 && counted.made() == 2);

    char region[64];
    cairn_bump bump;
    cairn_bump_init(&bump, region, sizeof region);
    using large = char[200];
    struct holder {
        large bytes;
    };
    CHECK_THROWS(std::bad_alloc, (void)cairn::make_unique<holder>(cairn_bump_allocator(&bump)));
    CHECK_THROWS(std::bad_alloc, (void)cairn::make_shared<holder>(cairn_bump_allocator(&bump)));
}

void pools_of_objects()
{
    counted_source counted;
    cairn::object_pool_opts opts;
    opts.source = counted.get();
    opts.max_objects = 2;
    {
        int resets = 0;
        cairn::object_pool<fragile> pool([] { return fragile(5); },
                                         [&](fragile &object) {
                                             resets++;
                                             return object.value != 9;
                                         },
                                         opts);
        fragile *first;
        {
            auto one = pool.acquire();
            first = one.get();
            CHECK(one->value == 5 && pool.in_use() == 1);
            auto two = pool.acquire();
            CHECK(pool.try_acquire() == nullptr);
            CHECK_THROWS(std::bad_alloc, (void)pool.acquire());
            two->value = 9; /* not fit for the next user */
            one->value = 6;
        }
        CHECK(resets == 2 && pool.in_use() == 0 && pool.idle() == 1 && fragile::alive == 1);
        CHECK(pool.acquire()->value == 6);
        CHECK(!pool.release(first)); /* is idle again */

        std::shared_ptr<fragile> shared = pool.acquire_shared();
        std::shared_ptr<fragile> same = shared;
        CHECK(shared.get() == first && pool.in_use() == 1);
        shared.reset();
        CHECK(pool.in_use() == 1);
        same.reset();
        CHECK(pool.in_use() == 0);

        fragile::fuse = 1;
        CHECK_THROWS(std::runtime_error, (void)pool.prefill(2));
        CHECK(pool.prefill(2) && pool.idle() == 2 && !pool.prefill(3));
        CHECK(pool.trim(0) > 0 && fragile::alive == 0);
        fragile::fuse = 1;
        CHECK_THROWS(std::runtime_error, (void)pool.try_acquire());
        CHECK(pool.acquire().release() != nullptr); /* ends with the pool */
    }
    CHECK(counted.live() == 0 && fragile::alive == 0);

    cairn::object_pool<std::vector<int>, cairn::cache_line> vectors;
    auto one = vectors.acquire(), two = vectors.acquire();
    CHECK(is_aligned(one.get(), 64) && is_aligned(two.get(), 64) && one->empty());

    cairn::object_pool<int> throwing([] { return 1; },
                                     [](int &) -> bool { throw std::runtime_error("reset"); });
    (void)throwing.acquire();
    CHECK(throwing.idle() == 0);
}

struct hidden {
    int number = 3;
};

owner::owner(cairn_allocator allocator) : inner(cairn::make_unique<hidden>(allocator)) {}

} // namespace

int main()
{
    unique();
    arrays();
    alignment();
    shared();
    failures();
    pools_of_objects();
    return 0;
}
