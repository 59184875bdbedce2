/* SPDX-License-Identifier: MIT */
/* Words counted in containers: some in Cairn's heap, some in a region that never leaves the stack. */
#include <cairn/stl.hpp>

#include <cairn/bump.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>
#include <thread>
#include <vector>

int main()
{
    const std::string_view text = "a heap of stones is a cairn and a cairn marks the way";

    /* allocator<T>: as std::allocator, any thread. */
    std::vector<std::string_view, cairn::allocator<std::string_view>> words;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(text.find(' ', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }

    /* allocator_ref<T>: any allocator of the kit. */
    alignas(16) char region[4096];
    cairn_bump bump;
    cairn_bump_init(&bump, region, sizeof region);
    using entry = std::pair<const std::string_view, int>;
    std::map<std::string_view, int, std::less<>, cairn::allocator_ref<entry>> counts(
        cairn_bump_allocator(&bump));
    for (std::string_view word : words)
        counts[word]++;
    for (const auto &[word, count] : counts)
        if (count > 1)
            std::printf("%d %.*s\n", count, static_cast<int>(word.size()), word.data());
    const void *first = &*counts.begin();
    std::printf("in the region: %s\n",
                first >= region && first < region + sizeof region ? "yes" : "no");

    /* A line of the cache for each block: the threads do not slow each other. */
    using counter = std::vector<long, cairn::allocator<long, cairn::cache_line>>;
    counter sums[2] = {counter(1), counter(1)};
    std::thread threads[2];
    for (int i = 0; i < 2; i++)
        threads[i] = std::thread([&sum = sums[i][0]] {
            for (int n = 0; n < 1000; n++)
                sum += n;
        });
    for (std::thread &thread : threads)
        thread.join();
    std::printf("%ld and %ld\n", sums[0][0], sums[1][0]);
    return 0;
}
