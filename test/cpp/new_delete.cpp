/* SPDX-License-Identifier: MIT */
/* A program whose operators new and delete are Cairn's by new_delete.hpp: all forms, and failure. */
#include <cairn/new_delete.hpp>

#include <string>
#include <vector>

#include "check.hpp"

namespace
{

using std::align_val_t;
using std::nothrow;

/* For the compiler, which might leave out a pair of new and delete. */
volatile std::size_t plain_size = 100;
volatile std::size_t huge_size = SIZE_MAX / 2;
int handled;

void check_block(void *block, std::size_t align)
{
    CHECK(block != nullptr && cairn_owns(block) && is_aligned(block, align));
    CHECK(cairn_usable_size(block) >= plain_size);
    std::fill_n(static_cast<char *>(block), plain_size, 'x');
}

void forms()
{
    constexpr align_val_t align{128};
    void *block;
    std::size_t size = plain_size;

    check_block(block = operator new(size), 16), operator delete(block);
    check_block(block = operator new(size), 16), operator delete(block, size);
    check_block(block = operator new[](size), 16), operator delete[](block);
    check_block(block = operator new[](size), 16), operator delete[](block, size);
    check_block(block = operator new(size, align), 128), operator delete(block, align);
    check_block(block = operator new(size, align), 128), operator delete(block, size, align);
    check_block(block = operator new[](size, align), 128), operator delete[](block, align);
    check_block(block = operator new[](size, align), 128), operator delete[](block, size, align);
    check_block(block = operator new(size, nothrow), 16), operator delete(block, nothrow);
    check_block(block = operator new[](size, nothrow), 16), operator delete[](block, nothrow);
    check_block(block = operator new(size, align, nothrow), 128);
    operator delete(block, align, nothrow);
    check_block(block = operator new[](size, align, nothrow), 128);
    operator delete[](block, align, nothrow);
    operator delete(nullptr);
    operator delete(nullptr, size);
}

/* By the library's own code, which was compiled long before. */
void library()
{
    std::string text(plain_size, 'x');
    text.append(plain_size, 'y');
    CHECK(cairn_owns(text.data()));
    std::vector<std::string> texts(10, text);
    CHECK(cairn_owns(texts.data()) && cairn_owns(texts[9].c_str()));
}

void handler()
{
    if (++handled % 3 == 0)
        std::set_new_handler(nullptr);
}

void failure()
{
    constexpr align_val_t align{64};
    CHECK_THROWS(std::bad_alloc, operator delete(operator new(huge_size)));
    CHECK_THROWS(std::bad_alloc, operator delete[](operator new[](huge_size, align), align));
    std::set_new_handler(handler);
    CHECK_THROWS(std::bad_alloc, operator delete(operator new(huge_size)));
    CHECK(handled == 3);
    std::set_new_handler(handler);
    CHECK(operator new(huge_size, nothrow) == nullptr &&handled == 6);
    std::set_new_handler([] { throw std::runtime_error("handler"); });
    CHECK_THROWS(std::runtime_error, operator delete[](operator new[](huge_size)));
    CHECK(operator new[](huge_size, align, nothrow) == nullptr);
    std::set_new_handler(nullptr);
    CHECK(operator new(huge_size, align, nothrow) == nullptr);
    CHECK(operator new[](huge_size, nothrow) == nullptr);
}

} // namespace

int main()
{
    forms();
    library();
    failure();
    return 0;
}
