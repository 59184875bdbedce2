/* SPDX-License-Identifier: MIT */
/*
 * Four threads write the entries of one log into one region, without a lock, until it is full; then
 * the log is read. Each entry is linked to the one before it of the same thread.
 *
 *     cc examples/atomic_bump.c -lcairn -lpthread && ./a.out
 */
#include <pthread.h>
#include <stdio.h>

#include <cairn/atomic_bump.h>

enum { THREADS = 4, LOG_SIZE = 1 << 20 };

struct entry {
    struct entry *before;
    long value;
};

static _Alignas(8) char region[LOG_SIZE];
static cairn_atomic_bump bump;
static struct entry *last[THREADS];

static void *work(void *slot)
{
    struct entry **mine = slot, *entry;
    for (long i = 0; (entry = cairn_atomic_bump_alloc(&bump, sizeof *entry, 8)) != NULL; i++) {
        *entry = (struct entry){*mine, i};
        *mine = entry;
    }
    return NULL;
}

int main(void)
{
    cairn_atomic_bump_init(&bump, region, sizeof region);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, &last[i]) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    size_t entries = 0, out_of_order = 0;
    for (int i = 0; i < THREADS; i++)
        for (const struct entry *entry = last[i]; entry != NULL; entry = entry->before) {
            entries++;
            out_of_order += entry->before != NULL && entry->before->value + 1 != entry->value;
        }
    printf("%zu entries of %zu bytes in a region of %d\n", entries, sizeof(struct entry), LOG_SIZE);
    printf("%zu out of order, %zu bytes left\n", out_of_order, cairn_atomic_bump_room(&bump));
    cairn_atomic_bump_fini(&bump);
    return 0;
}
