/* SPDX-License-Identifier: MIT */
/*
 * The program that setuid.sh gives away: it says whose rights it has, and works a little.
 */
#include "reliability/reliability.h"

enum { BLOCKS = 1000 };

int main(void)
{
    static void *blocks[BLOCKS];

    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = block_try(i * 50, i);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        block_free(blocks[i], i * 50, i);
    }
    printf("user %u group %u\n", geteuid(), getegid());
    return 0;
}
