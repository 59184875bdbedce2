/* SPDX-License-Identifier: MIT */
/* Every container by every kind of allocator: contents, alignment, propagation, exceptions, leaks. */
#include <cairn.h>

/* Of Cairn's heap, no figure is exact to the block: what cairn::allocator calls counts them here. */
static long heap_blocks;
static void *counted(void *block)
{
    heap_blocks += block != nullptr;
    return block;
}
#define cairn_malloc(...)        counted(cairn_malloc(__VA_ARGS__))
#define cairn_aligned_alloc(...) counted(cairn_aligned_alloc(__VA_ARGS__))
#define cairn_free_sized(...)    (heap_blocks--, cairn_free_sized(__VA_ARGS__))

#include <cairn/stl.hpp>

#include <cairn/arena.h>
#include <cairn/slab_set.h>
#include <cairn/stack.h>

#include "kinds.hpp"

namespace
{

struct on_heap {
    template <typename T> using of = cairn::allocator<T>;
    template <typename T> of<T> make() { return of<T>(); }
};

struct on_lines {
    template <typename T> using of = cairn::allocator<T, cairn::cache_line>;
    template <typename T> of<T> make() { return of<T>(); }
};

template <std::size_t Align> struct on_allocator {
    template <typename T> using of = cairn::allocator_ref<T, Align>;
    template <typename T> of<T> make() { return of<T>(allocator); }
    cairn_allocator allocator;
};

template <typename Kind> void use(Kind kind)
{
    use_containers(kind);
    survive_exceptions(kind);
}

void use_allocators()
{
    counted_source source;
    use(on_allocator<0>{source.get()});
    on_allocator<cairn::cache_line> lines_of{source.get()};
    use_containers(lines_of);
    CHECK(source.live() == 0 && source.made() > 10000);

    counted_source below;
    cairn_arena_opts opts = {};
    opts.source = below.get();
    cairn_arena *arena = cairn_arena_create(&opts);
    use(on_allocator<0>{cairn_arena_allocator(arena)});
    cairn_arena_destroy(arena);

    cairn_slab_set_opts set_opts = {};
    set_opts.source = below.get();
    cairn_slab_set *set = cairn_slab_set_create(&set_opts);
    use(on_allocator<0>{cairn_slab_set_allocator(set)});
    cairn_slab_set_stats stats;
    cairn_slab_set_stats_get(set, &stats);
    CHECK(stats.live == 0 && stats.large == 0 && stats.refusals == 0);
    cairn_slab_set_destroy(set);

    cairn_stack *stack = cairn_stack_create("checked(segregated:64(slab_set,fit:best))",
                                            below.get(), nullptr);
    CHECK(stack != nullptr);
    use(on_allocator<0>{cairn_stack_allocator(stack)});
    CHECK(cairn_stack_audit(stack) == nullptr);
    cairn_stack_destroy(stack);
}

/* Between allocators that are not equal. */
void propagate()
{
    counted_source here, there;
    using ref = cairn::allocator_ref<int>;
    using vector = std::vector<int, ref>;
    ref a(here.get()), b(there.get());
    CHECK(a != b && a == ref(a) && a == cairn::allocator_ref<char>(a));

    vector one({1, 2, 3}, a), two({4, 5}, b);
    const int *data = one.data();
    two = std::move(one);
    CHECK(two.data() == data && two.get_allocator() == a && there.live() == 0);

    vector three({6}, b);
    std::size_t made = there.made();
    three = two;
    CHECK(three == two && three.get_allocator() == b && there.made() == made + 1);

    const int *other = three.data();
    std::swap(two, three);
    CHECK(two.data() == other && two.get_allocator() == b && three.get_allocator() == a);

    vector copy(two);
    CHECK(copy.get_allocator() == b);
    vector moved_over(std::move(two), a);
    CHECK(moved_over.get_allocator() == a && moved_over == three);

    std::list<int, ref> left({1, 2}, a), right({3}, b);
    left.swap(right);
    CHECK(left.get_allocator() == b && left.front() == 3);
    left = std::move(right);
    CHECK(left.get_allocator() == a && left.size() == 2);

    std::map<int, int, std::less<int>, cairn::allocator_ref<std::pair<const int, int>>> from(a),
        into(b);
    from[1] = 2;
    into[3] = 4;
    into = std::move(from);
    CHECK(into.get_allocator() == a && into.size() == 1 && there.live() == 2);
}

void traits()
{
    using heap = std::allocator_traits<cairn::allocator<int>>;
    static_assert(heap::is_always_equal::value);
    static_assert(std::is_empty_v<cairn::allocator<int>>);
    static_assert(heap::propagate_on_container_move_assignment::value);
    static_assert(std::is_same_v<heap::rebind_alloc<char>, cairn::allocator<char>>);
    static_assert(std::is_nothrow_move_assignable_v<std::vector<int, cairn::allocator<int>>>);

    using ref = std::allocator_traits<cairn::allocator_ref<int, 128>>;
    static_assert(!ref::is_always_equal::value);
    static_assert(!ref::propagate_on_container_copy_assignment::value);
    static_assert(ref::propagate_on_container_move_assignment::value);
    static_assert(ref::propagate_on_container_swap::value);
    static_assert(std::is_same_v<ref::rebind_alloc<char>, cairn::allocator_ref<char, 128>>);

    CHECK(cairn::allocator<int>() == cairn::allocator<char>());
    CHECK(!(cairn::allocator<int>() != cairn::allocator<char>()));
}

/* Each block whole lines, in memory that would otherwise lay them side by side. */
void lines()
{
    cairn_arena *arena = cairn_arena_create(nullptr);
    cairn::allocator_ref<char, cairn::cache_line> allocator(cairn_arena_allocator(arena));
    char *one = allocator.allocate(1), *two = allocator.allocate(65),
         *three = allocator.allocate(1);
    CHECK(is_aligned(one, 64) && is_aligned(two, 64) && is_aligned(three, 64));
    CHECK(two - one >= 64 && three - two >= 128);
    cairn_arena_destroy(arena);
}

template <typename Allocator> void refuse(Allocator allocator)
{
    using value = typename Allocator::value_type;
    static volatile std::size_t most = SIZE_MAX; /* not for the compiler to see */
    CHECK_THROWS(std::bad_array_new_length, (void)allocator.allocate(most));
    CHECK_THROWS(std::bad_array_new_length, (void)allocator.allocate(most / sizeof(value)));
    CHECK_THROWS(std::bad_array_new_length, (void)allocator.allocate(most / sizeof(value) / 2 + 1));
    CHECK_THROWS(std::bad_alloc, (void)allocator.allocate(most / sizeof(value) / 2 - 1024));
    value *none = allocator.allocate(0), *again = allocator.allocate(0);
    CHECK(none != nullptr && none != again);
    allocator.deallocate(none, 0);
    allocator.deallocate(again, 0);
}

void refusals()
{
    struct alignas(64) wide {
        char bytes[128];
    };
    counted_source source;
    refuse(cairn::allocator<long>());
    refuse(cairn::allocator<wide>());
    refuse(cairn::allocator<char, 256>());
    refuse(cairn::allocator_ref<long>(source.get()));
    refuse(cairn::allocator_ref<wide>(source.get()));
}

} // namespace

int main()
{
    traits();
    lines();
    refusals();
    propagate();
    use(on_heap());
    on_lines lines_kind;
    use_containers(lines_kind);
    CHECK(heap_blocks == 0);
    use_allocators();
    return 0;
}
