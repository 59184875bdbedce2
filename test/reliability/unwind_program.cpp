// SPDX-License-Identifier: MIT
// A C++ program with what makes stacks interesting: threads, exceptions, deep recursion of templates
// (regular expressions), callbacks from sorting, frames of varying size. For unwind.sh.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static std::size_t descend(int depth)
{
    std::string room(static_cast<std::size_t>(depth) * 7 + 30, 'x');
    if (depth % 5 == 0)
        throw std::runtime_error(room);
    return depth > 0 ? descend(depth - 1) + room.size() : 0;
}

static void work(int number)
{
    std::map<std::string, std::vector<int>> seen;
    for (int i = 0; i < 1000; i++) {
        seen[std::to_string(i * number)].push_back(i);
        try {
            descend(i % 37);
        } catch (const std::exception &exception) {
            seen[exception.what()].push_back(i);
        }
    }
}

int main()
{
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; number++)
        threads.emplace_back(work, number);
    for (std::thread &thread : threads)
        thread.join();

    std::regex pattern("(a|b)*c.+d");
    std::map<int, std::string> replaced;
    for (int i = 0; i < 200; i++)
        replaced[i] = std::regex_replace("aabbabc" + std::to_string(i) + "d", pattern, "x$1y");

    std::vector<std::unique_ptr<std::string>> words;
    for (int i = 0; i < 2000; i++)
        words.push_back(
            std::make_unique<std::string>(std::string(20 + i * 7 % 50, char('a' + i % 26))));
    std::function<bool(const std::unique_ptr<std::string> &, const std::unique_ptr<std::string> &)>
        less = [](const auto &a, const auto &b) { return *a + *b < *b + *a; };
    std::stable_sort(words.begin(), words.end(), less);
    std::cout << *words[7] << replaced[3] << "\n";
}
