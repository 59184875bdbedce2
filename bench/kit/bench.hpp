/* SPDX-License-Identifier: MIT */
/*
 * What the kit's benchmarks share. A contest is one piece of work, done by several subjects: one of
 * the kit, and what a user would take instead. In each round every subject does it once, in an order
 * drawn anew, so that a busy machine meets all alike; a figure is the median of the rounds, and is
 * printed with its ratio to the first subject, which is Cairn's. A limit is the ratio that Cairn's
 * figure may have to a rival's.
 */
#ifndef BENCH_KIT_BENCH_HPP
#define BENCH_KIT_BENCH_HPP

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace bench
{

/* The compiler must take it that somebody looks at the pointer and at all memory. */
inline void escape(void *ptr)
{
    asm volatile("" : : "g"(ptr) : "memory");
}

/* One word in each cache line's worth. */
inline void touch(void *ptr, std::size_t size)
{
    for (std::size_t at = 0; at < size; at += 64)
        static_cast<volatile char *>(ptr)[at] = 1;
}

struct subject {
    std::string name;
    std::function<void()> work; /* once */
    double limit = 0;           /* Cairn's time over this one's may be so much; 0: no limit */
    std::vector<double> times;
};

class contest
{
  public:
    contest(std::string name, double operations) : name_(std::move(name)), operations_(operations)
    {
    }

    /* The first is Cairn's. */
    contest &add(std::string name, std::function<void()> work, double limit = 0)
    {
        subjects_.push_back({std::move(name), std::move(work), limit, {}});
        return *this;
    }

    /* Prints the table; the number of limits that were missed. */
    int run()
    {
        const char *text = std::getenv("ROUNDS");
        int rounds = text != nullptr ? std::max(std::atoi(text), 1) : 7;
        std::mt19937 random(1);
        std::vector<subject *> order;
        for (subject &s : subjects_)
            order.push_back(&s);
        for (int round = -1; round < rounds; round++) {
            std::shuffle(order.begin(), order.end(), random);
            for (subject *s : order) {
                double time = measure(*s);
                if (round >= 0)
                    s->times.push_back(time);
            }
        }
        return report();
    }

  private:
    double measure(subject &s) const
    {
        using clock = std::chrono::steady_clock;
        double best = 1e300;
        for (int i = 0; i < 3; i++) {
            auto from = clock::now();
            s.work();
            std::chrono::duration<double, std::nano> took = clock::now() - from;
            best = std::min(best, took.count());
        }
        return best / operations_;
    }

    static double median(std::vector<double> times)
    {
        std::sort(times.begin(), times.end());
        return times[times.size() / 2];
    }

    int report()
    {
        int missed = 0;
        double ours = median(subjects_[0].times);
        std::printf("%s\n", name_.c_str());
        for (const subject &s : subjects_) {
            double time = median(s.times);
            std::printf("  %-42s %9.2f ns  %6.2f", s.name.c_str(), time, time / ours);
            if (s.limit > 0) {
                bool good = ours / time <= s.limit;
                missed += !good;
                std::printf("   ours is %.2f of it, limit %.2f%s", ours / time, s.limit,
                            good ? "" : "  MISSED");
            }
            std::printf("\n");
        }
        std::fflush(stdout);
        return missed;
    }

    std::string name_;
    double operations_;
    std::vector<subject> subjects_;
};

} // namespace bench

#endif
