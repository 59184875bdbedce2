// SPDX-License-Identifier: MIT
//
// The same in C++: containers in Cairn's heap and in an arena, and operator new. `program active`
// expects the latter to be Cairn's, `program beside` another one's.

#include <cstdio>
#include <cstring>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

#include <cairn/cairn.hpp>

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    bool active = std::strcmp(arguments[1], "active") == 0;

    std::vector<int, cairn::allocator<int>> in_heap(1000, 1);
    cairn::arena_resource arena("words", 8 << 20);
    std::pmr::vector<std::pmr::string> in_arena(&arena);
    std::map<int, std::string> by_new;
    for (int i = 0; i < 1000; i++) {
        in_arena.emplace_back("a word that is too long to be stored in the string itself");
        by_new[i] = in_arena.back();
    }

    std::string *by_itself = new std::string(by_new[0]);

    if (!cairn_owns(in_heap.data()) || cairn_owns(by_itself) != active ||
        cairn_is_active() != active) {
        std::fprintf(stderr, "program: expected %s\n", arguments[1]);
        return 1;
    }
    delete by_itself;
    std::printf("%zu words, new is %s\n", by_new.size(), active ? "Cairn's" : "another one's");
}
