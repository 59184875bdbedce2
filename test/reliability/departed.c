/* SPDX-License-Identifier: MIT */
/*
 * Threads one after the other; each leaves a few blocks to the next one and allocates in all four
 * rounds of its key's destructor. After the first thousand, memory and mappings may grow by so much
 * and no more, however many follow: 2,000 at scale 1, a hundred thousand at scale 50. Nothing is
 * trimmed here, unlike in the stress test of the same kind: this is what a server sees.
 */
#include "reliability/reliability.h"

#include <limits.h>

enum {
    FIRST = 1000,
    MORE = 2000,
    ESCAPING = 10,
    GROWTH_MAX = 4 << 20, /* bytes resident */
    MAPS_MAX = 8,
};

static pthread_key_t key;
static struct parcel *left[ESCAPING];
static struct random shared;

struct keepsake {
    int round;
    struct parcel *parcel;
};

static struct keepsake *keepsake_make(int round)
{
    struct keepsake *keepsake = malloc(sizeof *keepsake);

    expect(keepsake != NULL, "no memory");
    *keepsake = (struct keepsake){round, parcel_make(&shared, server_size(&shared))};
    return keepsake;
}

static void on_end(void *value)
{
    struct keepsake *keepsake = value;
    int round = keepsake->round;

    parcel_free(keepsake->parcel);
    free(keepsake);
    if (round + 1 < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(key, keepsake_make(round + 1));
    } else {
        parcel_free(left[0]);
        left[0] = parcel_make(&shared, 100);
    }
}

static void *live(void *argument)
{
    pthread_setspecific(key, keepsake_make(0));
    for (size_t i = 1; i < ESCAPING; i++) {
        parcel_free(left[i]);
        left[i] = parcel_make(&shared, server_size(&shared));
    }
    return argument;
}

static void run(size_t threads)
{
    while (threads-- > 0) {
        thread_join(thread_start(live, NULL));
    }
}

int main(void)
{
    size_t more = test_scaled(MORE);

    require_cairn_if_expected();
    shared = random_seeded(91, 0);
    expect(pthread_key_create(&key, on_end) == 0, "no key");
    run(FIRST);
    size_t resident = resident_bytes(), maps = map_count();
    run(more);
    size_t resident_now = resident_bytes(), maps_now = map_count();
    printf("after %d threads %zu KiB resident, %zu mappings; after %zu more %zu KiB, %zu\n", FIRST,
           resident >> 10, maps, more, resident_now >> 10, maps_now);
    fflush(stdout);
    expect(resident_now <= resident + GROWTH_MAX, "%zu KiB more resident",
           (resident_now - resident) >> 10);
    expect(maps_now <= maps + MAPS_MAX, "%zu mappings more", maps_now - maps);
    return 0;
}
