/* SPDX-License-Identifier: MIT */
/*
 * library COUNT: a made-up library of books, for the cases that compile C++: containers, streams,
 * algorithms, virtual functions, exceptions, variants, threads and futures.
 */

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

struct Item {
    std::string title;
    virtual ~Item() = default;
    virtual double price() const = 0;
};

struct Book : Item {
    std::vector<std::string> authors;
    double price() const override { return static_cast<double>(authors.size()) * 9.5; }
};

struct Map : Item {
    std::map<std::string, std::pair<double, double>> places;
    double price() const override { return static_cast<double>(places.size()) * 0.25; }
};

using Value = std::variant<std::monostate, long, double, std::string, std::vector<std::string>>;

static std::string word(std::mt19937 &random)
{
    std::string text(3 + random() % 20, ' ');
    for (auto &c : text)
        c = static_cast<char>('a' + random() % 26);
    return text;
}

static std::unique_ptr<Item> item(std::mt19937 &random)
{
    if (random() % 3) {
        auto book = std::make_unique<Book>();
        book->title = word(random) + " " + word(random);
        for (unsigned n = random() % 4 + 1; n > 0; n--)
            book->authors.push_back(word(random));
        return book;
    }
    auto map = std::make_unique<Map>();
    map->title = "Map of " + word(random);
    for (unsigned n = random() % 9; n > 0; n--)
        map->places[word(random)] = {static_cast<double>(random() % 180),
                                     static_cast<double>(random() % 90)};
    return map;
}

static void shelves(unsigned count)
{
    std::mt19937 random(1);
    std::vector<std::unique_ptr<Item>> items;
    for (unsigned i = 0; i < count; i++)
        items.push_back(item(random));
    std::sort(items.begin(), items.end(), [](auto &a, auto &b) { return a->title < b->title; });
    items.erase(
        std::remove_if(items.begin(), items.end(), [](auto &one) { return one->price() < 1; }),
        items.end());
    double total = std::accumulate(items.begin(), items.end(), 0.0,
                                   [](double sum, auto &one) { return sum + one->price(); });
    std::cout << items.size() << " items, from '" << items.front()->title << "', worth "
              << std::fixed << std::setprecision(2) << total << '\n';

    std::unordered_map<char, std::set<std::string>> index;
    std::multimap<size_t, const Item *> by_length;
    for (auto &one : items) {
        index[one->title[0]].insert(one->title);
        by_length.emplace(one->title.size(), one.get());
    }
    std::cout << index.size() << " letters, " << index['q'].size() << " of q, longest title "
              << by_length.rbegin()->first << '\n';
}

static void threads(unsigned count)
{
    std::mutex mutex;
    std::map<std::string, unsigned> words;
    std::vector<std::thread> all;
    for (unsigned n = 0; n < 4; n++)
        all.emplace_back([&, n] {
            std::mt19937 random(n);
            std::map<std::string, unsigned> own;
            for (unsigned i = 0; i < count; i++)
                own[word(random).substr(0, 2)]++;
            std::lock_guard lock(mutex);
            for (auto &[key, times] : own)
                words[key] += times;
        });
    for (auto &one : all)
        one.join();
    std::deque<std::future<std::string>> futures;
    for (int n = 0; n < 20; n++)
        futures.push_back(std::async(std::launch::async, [n] {
            std::ostringstream text;
            for (int i = 0; i < 1000; i++)
                text << n * i << ' ';
            if (n % 7 == 6)
                throw std::out_of_range("future " + std::to_string(n));
            return text.str();
        }));
    size_t length = 0;
    for (auto &future : futures)
        try {
            length += future.get().size();
        } catch (const std::out_of_range &error) {
            std::cout << "caught " << error.what() << '\n';
        }
    std::cout << words.size() << " beginnings, aa " << words["aa"] << ", text of " << length
              << '\n';
}

static long unwound;

struct Guard {
    std::string name;
    std::list<int> numbers{1, 2, 3};
    ~Guard() { unwound += static_cast<long>(name.size() + numbers.size()); }
};

static int thrower(int depth)
{
    Guard guard{std::string(static_cast<size_t>(depth), 'g'), {}};
    if (depth == 0)
        throw std::invalid_argument("the bottom");
    return thrower(depth - 1) + 1;
}

static void exceptions()
{
    int caught = 0;
    for (int i = 0; i < 2000; i++)
        try {
            caught += thrower(i % 30);
        } catch (const std::logic_error &) {
            caught++;
        }
    std::cout << caught << " exceptions, unwound " << unwound << '\n';
}

static void values()
{
    std::vector<Value> list;
    for (long i = 0; i < 5000; i++)
        switch (i % 5) {
        case 0:
            list.emplace_back();
            break;
        case 1:
            list.emplace_back(i);
            break;
        case 2:
            list.emplace_back(static_cast<double>(i) / 8);
            break;
        case 3:
            list.emplace_back(std::string(static_cast<size_t>(i % 100), 'v'));
            break;
        case 4:
            list.emplace_back(std::vector<std::string>(static_cast<size_t>(i % 10),
                                                       "element of a vector in a variant"));
            break;
        }
    size_t sum = 0;
    for (auto &value : list)
        sum = sum * 3 + value.index();
    std::optional<std::function<size_t(size_t)>> twice = [sum](size_t n) { return n + sum; };
    std::string text = "a text in quotes";
    std::istringstream in("3 1 4 1 5 9 2 6");
    std::vector<int> numbers{std::istream_iterator<int>(in), {}};
    std::cout << (*twice)(1) << ' ' << std::quoted(text) << ' ' << numbers.size() << std::endl;
}

int main(int argc, char **argv)
{
    try {
        if (argc < 2)
            throw std::runtime_error("how many items?");
        unsigned count = static_cast<unsigned>(std::stoul(argv[1]));
        shelves(count);
        threads(count);
        exceptions();
        values();
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
    return 0;
}
