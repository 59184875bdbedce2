/* SPDX-License-Identifier: MIT */
/*
 * Innocent threads side by side: they free and resize blocks that lie beside each other, allocated by
 * one of them. Whoever frees looks at the neighbours, while others change these: nothing may be taken
 * for a crime. Run with the hardened library preloaded.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 4096, OTHERS = 3, SIZE = 50 };

static _Atomic(char *) block[BLOCKS];
static atomic_bool stop;

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 8;
}

/* Back where it was, or free where another is by now. */
static void put(unsigned at, char *mine)
{
    char *none = NULL;
    if (!atomic_compare_exchange_strong(&block[at], &none, mine))
        free(mine);
}

static void *resize(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number;
    while (!stop) {
        unsigned at = next(&seed) % BLOCKS;
        char *mine = atomic_exchange(&block[at], NULL);
        if (mine == NULL)
            continue;
        for (int i = 0; i < 3; i++)
            mine = realloc(mine, SIZE + next(&seed) % 8);
        memset(mine, 1, SIZE);
        put(at, mine);
    }
    return NULL;
}

int main(void)
{
    const char *scale = getenv("CAIRN_TEST_SCALE");
    long rounds = 4000000L * (scale == NULL ? 1 : atol(scale));
    pthread_t thread[OTHERS];
    for (uintptr_t i = 0; i < OTHERS; i++)
        if (pthread_create(&thread[i], NULL, resize, (void *)(i + 1)) != 0)
            return 2;
    unsigned seed = 7;
    for (long i = 0; i < rounds; i++) {
        unsigned at = next(&seed) % BLOCKS;
        char *mine = atomic_exchange(&block[at], NULL);
        if (mine != NULL) {
            free(mine);
        } else {
            mine = malloc(SIZE);
            memset(mine, 2, SIZE);
            put(at, mine);
        }
    }
    stop = true;
    for (int i = 0; i < OTHERS; i++)
        pthread_join(thread[i], NULL);
    puts("nobody was accused");
    return 0;
}
