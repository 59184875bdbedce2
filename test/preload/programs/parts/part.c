/* SPDX-License-Identifier: MIT */
/* One of many files, which call each other in a ring: PART is its number, NEXT that of the next. */

#include <stdio.h>
#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

struct state {
    unsigned word[8];
    double sum;
    char text[64];
};

unsigned JOIN(part, NEXT)(struct state *, unsigned);
unsigned JOIN(part, PART)(struct state *, unsigned);

#define HELPER(n, expression)                                                                      \
    static unsigned helper##n(struct state *state, unsigned depth)                                 \
    {                                                                                              \
        unsigned result = PART * 31 + n;                                                           \
        for (unsigned i = 0; i < depth + n; i++) {                                                 \
            switch (state->word[i & 7] % 5) {                                                      \
            case 0:                                                                                \
                result += (unsigned)strlen(state->text) * i;                                       \
                break;                                                                             \
            case 1:                                                                                \
                result ^= expression;                                                              \
                break;                                                                             \
            case 2:                                                                                \
                state->sum += result % 100 * 0.5;                                                  \
                break;                                                                             \
            case 3:                                                                                \
                result = result << 3 | result >> 29;                                               \
                break;                                                                             \
            default:                                                                               \
                state->text[i & 31] = (char)('a' + result % 26);                                   \
            }                                                                                      \
            state->word[(i + n) & 7] += result;                                                    \
        }                                                                                          \
        return result;                                                                             \
    }

HELPER(1, state->word[PART & 7] * 3)
HELPER(2, helper1(state, i & 3) + i)
HELPER(3, (unsigned)(state->sum *PART))
HELPER(4, helper2(state, 2) - helper3(state, 3))
HELPER(5, state->word[i % 7] / (i + 1))
HELPER(6, helper5(state, i & 1) & 0xffff)
HELPER(7, (unsigned)state->text[i & 31] * PART)
HELPER(8, helper4(state, 1) ^ helper7(state, 4))

unsigned JOIN(part, PART)(struct state *state, unsigned depth)
{
    unsigned result = helper8(state, depth & 3) + helper6(state, depth & 1);
    if (depth)
        result += JOIN(part, NEXT)(state, depth - 1);
    return result;
}

#if PART == 0
int main(void)
{
    struct state state = {{3, 1, 4, 1, 5, 9, 2, 6}, 0, "some text"};
    for (unsigned depth = 0; depth < 100; depth += 9)
        printf("%u\n", part0(&state, depth));
    printf("%u %.1f %s\n", state.word[7], state.sum, state.text);
}
#endif
