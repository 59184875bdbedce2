/* SPDX-License-Identifier: MIT */
/*
 * Every container of the standard library, filled with numbers by an allocator of a kind. A Kind has
 * template <typename T> Kind::of, the allocator for T, and kind.make<T>().
 */
#ifndef TEST_CPP_KINDS_HPP
#define TEST_CPP_KINDS_HPP

#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <queue>
#include <set>
#include <stack>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "check.hpp"

/* The containers, with elements T, in the memory of Kind. */
template <typename Kind, typename T> struct containers_of {
    using pair = std::pair<const T, T>;
    template <typename U> using of = typename Kind::template of<U>;

    using vector = std::vector<T, of<T>>;
    using deque = std::deque<T, of<T>>;
    using list = std::list<T, of<T>>;
    using forward_list = std::forward_list<T, of<T>>;
    using set = std::set<T, std::less<T>, of<T>>;
    using multiset = std::multiset<T, std::less<T>, of<T>>;
    using map = std::map<T, T, std::less<T>, of<pair>>;
    using multimap = std::multimap<T, T, std::less<T>, of<pair>>;
    using unordered_set = std::unordered_set<T, std::hash<T>, std::equal_to<T>, of<T>>;
    using unordered_multiset = std::unordered_multiset<T, std::hash<T>, std::equal_to<T>, of<T>>;
    using unordered_map = std::unordered_map<T, T, std::hash<T>, std::equal_to<T>, of<pair>>;
    using unordered_multimap =
        std::unordered_multimap<T, T, std::hash<T>, std::equal_to<T>, of<pair>>;
};

/* Adds the element i, whatever the container. */
template <typename Container> void add(Container &container, int i)
{
    using value = typename Container::value_type;
    if constexpr (std::is_constructible_v<value, int>)
        container.insert(container.end(), value(i));
    else
        container.insert(container.end(), value(i, -i));
}

template <typename T, typename Allocator>
void add(std::forward_list<T, Allocator> &container, int i)
{
    container.push_front(i);
}

template <typename Container> std::size_t count(const Container &container)
{
    return static_cast<std::size_t>(std::distance(container.begin(), container.end()));
}

/* Calls function(an empty container, by a fresh allocator of the kind) for each container. */
template <typename T, typename Kind, typename Function>
void each_container(Kind &kind, Function function)
{
    using all = containers_of<Kind, T>;
    auto with = [&](auto *type) {
        using container = std::remove_pointer_t<decltype(type)>;
        function(container(kind.template make<typename container::value_type>()));
    };
    with(static_cast<typename all::vector *>(nullptr));
    with(static_cast<typename all::deque *>(nullptr));
    with(static_cast<typename all::list *>(nullptr));
    with(static_cast<typename all::forward_list *>(nullptr));
    with(static_cast<typename all::set *>(nullptr));
    with(static_cast<typename all::multiset *>(nullptr));
    with(static_cast<typename all::map *>(nullptr));
    with(static_cast<typename all::multimap *>(nullptr));
    with(static_cast<typename all::unordered_set *>(nullptr));
    with(static_cast<typename all::unordered_multiset *>(nullptr));
    with(static_cast<typename all::unordered_map *>(nullptr));
    with(static_cast<typename all::unordered_multimap *>(nullptr));
}

/* Fill, copy, move, swap, erase, for each container of ints; strings and adaptors. */
template <typename Kind> void use_containers(Kind &kind)
{
    constexpr int COUNT = 300;
    each_container<int>(kind, [&](auto container) {
        for (int i = 0; i < COUNT; i++)
            add(container, i);
        CHECK(count(container) == COUNT);
        decltype(container) copy(container, container.get_allocator());
        CHECK(copy == container && copy.get_allocator() == container.get_allocator());
        auto moved(std::move(copy));
        CHECK(moved == container);
        container.clear();
        add(container, 7);
        using std::swap;
        swap(container, moved);
        CHECK(count(moved) == 1 && count(container) == COUNT);
        moved = container;
        CHECK(moved == container);
        container = std::move(moved);
        CHECK(count(container) == COUNT);
        container.clear();
        CHECK(container.empty());
    });

    using string =
        std::basic_string<char, std::char_traits<char>, typename Kind::template of<char>>;
    string text("begun, and long enough to need a block of its own", kind.template make<char>());
    for (int i = 0; i < COUNT; i++)
        text += static_cast<char>('a' + i % 26);
    string other(text, 6, 3, text.get_allocator());
    CHECK(other == " an" && text.size() == 49 + COUNT);
    text.shrink_to_fit();
    swap(text, other);
    CHECK(text == " an");

    using all = containers_of<Kind, int>;
    std::stack<int, typename all::deque> stack(kind.template make<int>());
    std::queue<int, typename all::list> queue(kind.template make<int>());
    std::priority_queue<int, typename all::vector> heap(std::less<int>(),
                                                        kind.template make<int>());
    std::vector<bool, typename Kind::template of<bool>> bits(kind.template make<bool>());
    for (int i = 0; i < COUNT; i++) {
        stack.push(i);
        queue.push(i);
        heap.push(i ^ 1);
        bits.push_back(i % 3 == 0);
    }
    CHECK(stack.top() == COUNT - 1 && queue.front() == 0 && heap.top() == COUNT - 1 && bits[3]);

    struct alignas(256) wide {
        int value;
    };
    std::vector<wide, typename Kind::template of<wide>> wides(kind.template make<wide>());
    std::list<wide, typename Kind::template of<wide>> nodes(kind.template make<wide>());
    for (int i = 0; i < 20; i++) {
        wides.push_back({i});
        nodes.push_back({i});
        CHECK(is_aligned(&wides.front(), 256) && is_aligned(&nodes.back(), 256));
    }
}

/* Of elements that cannot be copied, libc++ 14's vector leaves some behind, and its forward_list goes
 * round for ever. */
#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 16000
constexpr bool COPIES_MAY_THROW = false;
#else
constexpr bool COPIES_MAY_THROW = true;
#endif

/* A constructor that throws, at each of the first calls: nothing is left of it. */
template <typename Kind> void survive_exceptions(Kind &kind)
{
    for (long fuse = 1; fuse < 200; fuse += 7)
        each_container<fragile>(kind, [&](auto container) {
            fragile::fuse = fuse;
            try {
                for (int i = 0; i < 30; i++)
                    add(container, i);
                if (COPIES_MAY_THROW) {
                    auto copy(container);
                    copy = container;
                }
            } catch (const std::runtime_error &) {
            }
            fragile::fuse = -1;
            CHECK(count(container) <= 30);
        });
    CHECK(fragile::alive == 0);
}

#endif
