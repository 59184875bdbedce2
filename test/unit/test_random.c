/* SPDX-License-Identifier: MIT */
/* random.h: ChaCha8's known answer, and that what was given does not stay. */
#include "unit/unit.h"

#include <string.h>

#include "base/random.h"

/* The first block of the all-zero key and nonce, 256 bits, 8 rounds. */
TEST(known_answer)
{
    static const uint8_t wanted[32] = {
        0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6, 0x7f, 0x5b, 0xb8,
        0xe8, 0x1f, 0x09, 0xa5, 0xa1, 0x2c, 0x84, 0x0e, 0xc3, 0xce, 0x9a,
        0x7f, 0x3b, 0x18, 0x1b, 0xe1, 0x88, 0xef, 0x71, 0x1a, 0x1e,
    };
    uint32_t key[8] = {0}, out[16];
    cairn__chacha8(key, 0, out);
    assert_memory_equal(out, wanted, sizeof wanted);
}

TEST(given_is_erased)
{
    uint32_t key[8] = {1, 2, 3};
    struct random random;
    cairn__random_start(&random, key);
    random_16(&random);
    assert_int_equal(random.left, sizeof random.pairs - 2);
    assert_int_equal(random.pairs[sizeof random.pairs / 2 - 1], 0);
    assert_memory_not_equal(random.key, key, sizeof key);
}

TEST(below_its_bound)
{
    enum { BOUND = 7, DRAWS = 7000 };
    uint32_t key[8] = {4, 5, 6}, count[BOUND] = {0};
    struct random random;
    cairn__random_start(&random, key);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t drawn = random_below(&random, BOUND);
        assert_in_range(drawn, 0, BOUND - 1);
        count[drawn]++;
    }
    for (int i = 0; i < BOUND; i++) /* the key is fixed: no chance is in it */
        assert_in_range(count[i], DRAWS / BOUND - 150, DRAWS / BOUND + 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer),
        cmocka_unit_test(given_is_erased),
        cmocka_unit_test(below_its_bound),
    };
    return UNIT_MAIN(tests);
}
