/* SPDX-License-Identifier: MIT */
/* The kit as std::pmr::memory_resource: containers over each, equality, marks, figures, errors. */
#include "kinds.hpp"

#if !__has_include(<memory_resource>)
int main()
{
    std::printf("skip: this standard library has no <memory_resource>\n");
    return 0;
}
#else
#include <cairn/memory.hpp>
#include <cairn/pmr.hpp>

#include <string>
#include <string_view>

namespace
{

struct on_resource {
    template <typename T> using of = std::pmr::polymorphic_allocator<T>;
    template <typename T> of<T> make() { return of<T>(resource); }
    std::pmr::memory_resource *resource;
};

/* Every container over it, none of which may leave anything behind; then equality. */
void use(cairn::memory_resource &resource)
{
    on_resource kind{&resource};
    use_containers(kind);
    survive_exceptions(kind);

    cairn::allocator_resource same(resource.allocator()), other(cairn_system());
    CHECK(resource == resource && resource == same && same == resource);
    CHECK(resource != other && other != resource);
    CHECK(resource != *std::pmr::new_delete_resource());
    void *block = resource.allocate(100, 32);
    CHECK(is_aligned(block, 32));
    same.deallocate(block, 100, 32);

    auto number = cairn::make_unique<long>(resource, 5);
    CHECK(*number == 5);
}

void each_resource()
{
    counted_source counted;
    cairn_allocator source = counted.get();
    const cairn_layout node = {64, 16};

    cairn::allocator_resource plain(source);
    use(plain);
    cairn::synchronized_allocator_resource locked(source);
    use(locked);
    CHECK(plain != locked && counted.live() == 0);

    cairn_arena_opts arena_opts = {};
    arena_opts.source = source;
    cairn_pool_opts pool_opts = {};
    pool_opts.source = source;
    pool_opts.checked = true;
    cairn_atomic_pool_opts atomic_opts = {};
    atomic_opts.source = source;
    cairn_slab_opts slab_opts = {};
    slab_opts.source = source;
    cairn_slab_set_opts set_opts = {};
    set_opts.source = source;
    {
        cairn::arena_resource arena(arena_opts);
        use(arena);
        CHECK(arena.stats().peak > 0);
        cairn::synchronized_arena_resource shared_arena(arena_opts);
        use(shared_arena);
        cairn::pool_resource pool(node, pool_opts);
        use(pool);
        CHECK(pool.capacity() > 0 && pool.live() == 0 && pool.trim() > 0);
        CHECK(cairn_pool_audit(pool.get()) == nullptr);
        cairn::synchronized_pool_resource shared_pool(node, atomic_opts);
        use(shared_pool);
        CHECK(shared_pool.stats().free == shared_pool.stats().blocks);
        cairn::slab_resource slab(node, slab_opts);
        use(slab);
        CHECK(slab.stats().live == 0 && slab.stats().slabs_taken > 0 && slab.stats().refusals == 0);
        cairn::synchronized_slab_resource shared_slab(node, slab_opts);
        use(shared_slab);
        cairn::slab_set_resource set(set_opts);
        use(set);
        CHECK(set.stats().live == 0 && set.stats().large == 0 && set.stats().refusals == 0);
        cairn::synchronized_slab_set_resource shared_set(set_opts);
        use(shared_set);
    }
    CHECK(counted.live() == 0);

    cairn::synchronized_heap_resource heap("test");
    use(heap);
    CHECK(heap.stats().live == 0 && heap.stats().committed > 0);
    cairn::stack_resource stack("checked(segregated:64(slab_set,fit:best))", source);
    use(stack);
    CHECK(stack.is_general() && cairn_stack_audit(stack.get()) == nullptr);
    cairn::synchronized_stack_resource with_lock("slab_set", source), without("heap");
    use(with_lock);
    use(without);
    CHECK(without.allocator().ops == cairn_stack_allocator(without.get()).ops);
    CHECK(with_lock.allocator().ops != cairn_stack_allocator(with_lock.get()).ops);
}

void marks()
{
    cairn::arena_resource arena("marks", 1 << 20);
    CHECK(std::string_view(arena.stats().name) == "marks");
    std::pmr::string kept("kept, and longer than what a string holds in itself", &arena);
    cairn_mark mark = arena.mark();
    std::size_t used = arena.stats().used;
    for (int i = 0; i < 10; i++) {
        auto scope = arena.scope();
        std::pmr::vector<std::pmr::string> words(100, &arena);
        CHECK(words[5].get_allocator().resource() == &arena && arena.stats().used > used + 3000);
    }
    CHECK(arena.stats().used == used && arena.rewind(mark));
    CHECK_THROWS(std::bad_alloc, (void)arena.allocate(2 << 20));
    for (std::size_t size : {std::size_t(1), std::size_t(1000), std::size_t(500000)}) {
        void *latest = arena.allocate(size, 16);
        CHECK(arena.stats().used >= used + size);
        arena.deallocate(latest, size, 16); /* is used again */
        CHECK(arena.stats().used < used + 16);
    }
    arena.reset();
    CHECK(!arena.rewind(mark) && arena.stats().used == 0);
    CHECK(arena.trim(0) > 0);

    cairn::synchronized_arena_resource shared("shared");
    std::pmr::vector<int> numbers(1000, &shared);
    CHECK(shared.with([](cairn::arena_resource &inner) { return inner.stats().used; }) >= 4000);
}

/* Containers keep their resource: elements move between them one by one. */
void propagate()
{
    cairn::arena_resource here, there;
    std::pmr::vector<int> one({1, 2, 3}, &here), two({4}, &there);
    const int *data = one.data();
    two = std::move(one);
    CHECK(two.data() != data && two.get_allocator().resource() == &there && two.size() == 3);
    std::pmr::vector<int> copy(two);
    CHECK(copy.get_allocator().resource() == std::pmr::get_default_resource());

    cairn::allocator_resource alias(here.allocator());
    std::pmr::vector<int> three({5, 6}, &alias), four(&here);
    data = three.data();
    four = std::move(three); /* equal, though not the same */
    CHECK(four.data() == data);
}

/* What does not fit into a pool is its source's; what fits never is. */
void large_ones()
{
    counted_source counted;
    cairn_pool_opts opts = {};
    opts.source = counted.get();
    opts.max_blocks = 4;
    cairn::pool_resource pool({64, 16}, opts);
    void *large = pool.allocate(65, 8), *aligned = pool.allocate(8, 64);
    CHECK(counted.live() == 2 && pool.live() == 0);
    void *blocks[4];
    for (void *&block : blocks)
        block = pool.allocate(64, 16);
    CHECK(pool.live() == 4);
    CHECK_THROWS(std::bad_alloc, (void)pool.allocate(1, 1));
    for (void *block : blocks)
        pool.deallocate(block, 64, 16);
    pool.deallocate(large, 65, 8);
    pool.deallocate(aligned, 8, 64);
}

void errors()
{
    CHECK_THROWS(std::bad_alloc, cairn::pool_resource({8, 3}));
    CHECK_THROWS(std::bad_alloc, cairn::slab_resource({8, 3}));
    CHECK_THROWS(std::bad_alloc, cairn::synchronized_pool_resource({8, 3}));
    try {
        cairn::stack_resource wrong("counted(fitt)");
        CHECK(false);
    } catch (const cairn::stack_error &error) {
        CHECK(error.at() == 8 && std::string_view(error.what()).find("fitt") != std::string::npos);
    }
    cairn::stack_resource fixed("pool:64");
    CHECK(!fixed.is_general());
    CHECK_THROWS(std::bad_alloc, (void)fixed.allocate(1000));
}

/* A resource of the library below an allocator of the kit; its exception is out of memory. */
void sources()
{
    std::pmr::monotonic_buffer_resource upstream;
    cairn_arena_opts opts = {};
    opts.source = cairn::allocator_over(upstream);
    cairn::arena_resource arena(opts);
    std::pmr::vector<int> numbers(10000, &arena);
    CHECK(numbers[9999] == 0);

    opts.source = cairn::allocator_over(*std::pmr::null_memory_resource());
    cairn::arena_resource none(opts);
    CHECK_THROWS(std::bad_alloc, (void)none.allocate(1));
}

} // namespace

int main()
{
    each_resource();
    marks();
    propagate();
    large_ones();
    errors();
    sources();
    return 0;
}
#endif
