/* SPDX-License-Identifier: MIT */
/* One include, in one file, and all that the program makes by new lies in Cairn's heap. */
#include <cairn/new_delete.hpp>

#include <cstdio>
#include <memory>
#include <string>

int main()
{
    auto text = std::make_unique<std::string>("longer than what a string holds within itself");
    std::printf("the string: %s\n", cairn_owns(text.get()) ? "Cairn's" : "another's");
    std::printf("its text:   %s\n", cairn_owns(text->data()) ? "Cairn's" : "another's");
    return 0;
}
