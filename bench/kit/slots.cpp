/* SPDX-License-Identifier: MIT */
/* Keyed storage: an element goes in, is looked up by its key, and goes out. */
#include <unordered_map>

#include <cairn/slots.h>

#include "bench.hpp"

namespace
{

struct element {
    std::uint64_t words[4];
};

constexpr std::size_t LIVE = 10000, STEPS = 20000;

/* A vector with a list of its holes: what one writes by hand; a stale index is not noticed. */
class hand_slots
{
  public:
    std::size_t insert(const element &e)
    {
        if (free_ == NONE) {
            slots_.push_back({e, NONE});
            return slots_.size() - 1;
        }
        std::size_t index = free_;
        free_ = slots_[index].next;
        slots_[index].value = e;
        return index;
    }
    element *get(std::size_t index) { return &slots_[index].value; }
    void remove(std::size_t index)
    {
        slots_[index].next = free_;
        free_ = index;
    }

  private:
    static constexpr std::size_t NONE = SIZE_MAX;
    struct slot {
        element value;
        std::size_t next;
    };
    std::vector<slot> slots_;
    std::size_t free_ = NONE;
};

} // namespace

int main()
{
    std::vector<std::uint32_t> order(STEPS);
    std::mt19937 random(11);
    for (std::uint32_t &i : order)
        i = random() % LIVE;
    element e = {{1, 2, 3, 4}};

    cairn_slots slots;
    cairn_layout layout = cairn_layout_of(element);
    cairn_slots_init(&slots, layout, nullptr);
    std::vector<cairn_slots_key> keys(LIVE);
    for (cairn_slots_key &key : keys)
        key = cairn_slots_insert(&slots, &e);
    hand_slots hand;
    std::vector<std::size_t> indexes(LIVE);
    for (std::size_t &index : indexes)
        index = hand.insert(e);
    std::unordered_map<std::uint64_t, element> map;
    std::vector<std::uint64_t> names(LIVE);
    std::uint64_t next = 0;
    for (std::uint64_t &name : names)
        map.emplace(name = next++, e);

    int missed = bench::contest("an element looked up, taken out, another put in; per element",
                                STEPS)
                     .add("cairn_slots",
                          [&] {
                              for (std::uint32_t i : order) {
                                  bench::escape(cairn_slots_get(&slots, keys[i]));
                                  cairn_slots_remove(&slots, keys[i], nullptr);
                                  keys[i] = cairn_slots_insert(&slots, &e);
                              }
                          })
                     .add("a vector with holes, by hand",
                          [&] {
                              for (std::uint32_t i : order) {
                                  bench::escape(hand.get(indexes[i]));
                                  hand.remove(indexes[i]);
                                  indexes[i] = hand.insert(e);
                              }
                          })
                     .add("std::unordered_map",
                          [&] {
                              for (std::uint32_t i : order) {
                                  bench::escape(&map.find(names[i])->second);
                                  map.erase(names[i]);
                                  map.emplace(names[i] = next++, e);
                              }
                          })
                     .run();
    cairn_slots_fini(&slots);
    return missed != 0;
}
