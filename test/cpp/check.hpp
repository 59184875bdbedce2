/* SPDX-License-Identifier: MIT */
/* What the tests of the C++ headers share: a check that ends the program, and elements that count. */
#ifndef TEST_CPP_CHECK_HPP
#define TEST_CPP_CHECK_HPP

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <typeinfo>

#include <cairn/counted.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                            \
            std::exit(1);                                                                          \
        }                                                                                          \
    } while (0)

/* The statement throws exactly this. */
#define CHECK_THROWS(exception, ...)                                                               \
    do {                                                                                           \
        bool thrown_ = false;                                                                      \
        try {                                                                                      \
            __VA_ARGS__;                                                                           \
        } catch (const exception &caught_) {                                                       \
            thrown_ = typeid(caught_) == typeid(exception);                                        \
        }                                                                                          \
        CHECK(thrown_ &&#exception);                                                               \
    } while (0)

template <typename T> bool is_aligned(const T *ptr, std::size_t align)
{
    return reinterpret_cast<std::uintptr_t>(ptr) % align == 0;
}

/* A counted allocator around another one; at its end all blocks must have been given back. */
class counted_source
{
  public:
    explicit counted_source(cairn_allocator source = {nullptr, nullptr})
    {
        cairn_counted_opts opts = {};
        opts.frames = 1;
        CHECK(cairn_counted_init(&counted_, source, &opts));
    }
    ~counted_source() { CHECK(cairn_counted_fini(&counted_) == 0); }
    counted_source(const counted_source &) = delete;
    counted_source &operator=(const counted_source &) = delete;

    cairn_allocator get() { return cairn_counted_allocator(&counted_); }
    std::size_t live() const { return stats().live_blocks; }
    std::size_t made() const { return stats().allocations; }

    cairn_counted_stats stats() const
    {
        cairn_counted_stats stats;
        cairn_counted_stats_get(&counted_, &stats);
        return stats;
    }

  private:
    cairn_counted counted_;
};

/* An element that counts how many of its kind there are, and throws from a constructor when `fuse`
 * has come to 0; ordered and hashed by its value. */
struct fragile {
    static inline long alive = 0;
    static inline long fuse = -1;

    fragile(int number = 0) : value(number) { begin(); }
    fragile(const fragile &other) : value(other.value) { begin(); }
    fragile &operator=(const fragile &other)
    {
        burn();
        value = other.value;
        return *this;
    }
    ~fragile() { alive--; }

    static void burn()
    {
        if (fuse > 0 && --fuse == 0)
            throw std::runtime_error("fragile");
    }

    friend bool operator==(const fragile &a, const fragile &b) { return a.value == b.value; }
    friend bool operator<(const fragile &a, const fragile &b) { return a.value < b.value; }

    int value;

  private:
    static void begin()
    {
        burn();
        alive++;
    }
};

template <> struct std::hash<fragile> {
    std::size_t operator()(const fragile &element) const
    {
        return static_cast<std::size_t>(element.value);
    }
};

#endif
