/* SPDX-License-Identifier: MIT */
/* The containers of Boost.Container, which ask of an allocator what those of the library ask. */
#include "check.hpp"

#if !__has_include(<boost/container/vector.hpp>)
int main()
{
    std::printf("skip: Boost.Container is not installed\n");
    return 0;
}
#else
#include <cairn/stl.hpp>

#include <boost/container/deque.hpp>
#include <boost/container/flat_map.hpp>
#include <boost/container/flat_set.hpp>
#include <boost/container/list.hpp>
#include <boost/container/map.hpp>
#include <boost/container/set.hpp>
#include <boost/container/stable_vector.hpp>
#include <boost/container/string.hpp>
#include <boost/container/vector.hpp>

namespace
{

template <typename Container> void use(Container container, bool copies_may_throw = true)
{
    using value = typename Container::value_type;
    for (int i = 0; i < 300; i++)
        container.insert(container.end(), value(fragile(i)));
    Container copy(container);
    Container moved(std::move(copy));
    copy = moved;
    CHECK(container.size() == 300 && copy.size() == 300);
    copy.swap(container);
    if (copies_may_throw) {
        fragile::fuse = 20;
        CHECK_THROWS(std::runtime_error, Container third(moved));
    }
    copy = std::move(moved);
    CHECK(copy.size() == 300);
}

template <template <typename> typename Of, typename Allocator> void each(Allocator allocator)
{
    namespace bc = boost::container;
    using less = std::less<fragile>;
    use(bc::vector<fragile, Of<fragile>>(allocator));
    /* Boost 1.74's gives a node back twice when an element cannot be copied. */
    use(bc::stable_vector<fragile, Of<fragile>>(allocator), false);
    use(bc::deque<fragile, Of<fragile>>(allocator));
    use(bc::list<fragile, Of<fragile>>(allocator));
    use(bc::set<fragile, less, Of<fragile>>(allocator));
    use(bc::flat_set<fragile, less, Of<fragile>>(allocator));

    bc::map<int, fragile, std::less<int>, Of<std::pair<const int, fragile>>> map(allocator);
    bc::flat_map<int, fragile, std::less<int>, Of<std::pair<int, fragile>>> flat(allocator);
    for (int i = 0; i < 100; i++)
        map[i] = flat[i] = i;
    CHECK(map[50].value == 50 && flat[50].value == 50);
    bc::basic_string<char, std::char_traits<char>, Of<char>> text(300, 'x', allocator);
    CHECK(text.size() == 300);
}

template <typename T> using on_heap = cairn::allocator<T>;
template <typename T> using by_reference = cairn::allocator_ref<T>;

} // namespace

int main()
{
    counted_source counted;
    each<on_heap>(cairn::allocator<fragile>());
    each<by_reference>(cairn::allocator_ref<fragile>(counted.get()));
    CHECK(counted.live() == 0 && counted.made() > 1000 && fragile::alive == 0);
    return 0;
}
#endif
