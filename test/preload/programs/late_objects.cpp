/* SPDX-License-Identifier: MIT */
/*
 * C++ objects that outlive main: static ones that free and allocate as they are destroyed, and
 * thread_local ones, of main and of threads, some of which are only made by another's destructor.
 */

#include "pattern.h"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct Late {
    std::string name;
    std::map<int, std::string> many;

    explicit Late(const char *text) : name(text)
    {
        for (int i = 0; i < 500; i++)
            many[i * 7919 % 500] = name + std::string(i % 60, 'x') + std::to_string(i);
    }

    size_t weight() const
    {
        size_t sum = 0;
        for (auto &[number, text] : many)
            sum += text.size() + static_cast<size_t>(number);
        return sum;
    }

    ~Late()
    {
        many.erase(many.begin(), many.find(250));
        for (int i = 0; i < 300; i++)
            many[1000 + i] = std::string(i, 'y');
        auto copy = std::make_unique<std::map<int, std::string>>(many);
        std::printf("%s destroyed, weight %zu, copy of %zu\n", name.c_str(), weight(),
                    copy->size());
    }
};

struct OfThread {
    std::vector<std::string> list;
    bool *done = nullptr;

    ~OfThread();
};

struct MadeLate {
    std::unique_ptr<int[]> numbers{new int[10000]};

    ~MadeLate() { churn(11, 500, 1000); }
};

thread_local MadeLate made_late; /* first used in the destructor of OfThread */
thread_local OfThread of_thread;

OfThread::~OfThread()
{
    made_late.numbers[9999] = 1;
    list.resize(2000, "longer than what fits into the string itself");
    if (done)
        *done = list.front() == "work 0";
}

static Late first("first static");
static Late second("second static");

static void work(bool *done)
{
    of_thread.done = done;
    for (int i = 0; i < 1000; i++)
        of_thread.list.push_back("work " + std::to_string(i));
}

int main()
{
    static Late in_main("static of main");
    bool done[20] = {}, of_main = false;
    for (int wave = 0; wave < 4; wave++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 5; i++)
            threads.emplace_back(work, &done[wave * 5 + i]);
        for (auto &thread : threads)
            thread.join();
    }
    work(&of_main);
    of_thread.done = nullptr; /* it is destroyed after main's variables */
    int count = 0;
    for (bool one : done)
        count += one;
    std::printf("%d thread_local objects destroyed with their threads\n", count);
    return 7;
}
