/* SPDX-License-Identifier: MIT */
/*
 * Thousands of short threads, one after another or some at a time. Each leaves blocks behind, which
 * others free, and has destructors of thread-specific keys that allocate again in each of the four
 * rounds that POSIX promises: the last of them runs after an allocator's own destructor has.
 *
 * What a thread leaves behind must not add up. After the first quarter, however many threads follow,
 * there may be 16 mappings more; 2 MB more resident that malloc_trim cannot return (4 MB with several
 * threads at a time, whose blocks come and go); and 8 MB more that it can: freed memory which an
 * allocator keeps for reuse.
 */
#include "stress/stress.h"

#include <limits.h>

enum {
    THREADS = 2000,
    AT_A_TIME = 8,
    BLOCKS = 60,
    LEFT = 20, /* of these stay when the thread ends */
    KEYS = 3,
    MAPS_GROWTH_MAX = 16,
};

#define LOST_MAX_OF_ONE  ((size_t)2 << 20)
#define LOST_MAX_OF_SOME ((size_t)4 << 20)
#define HELD_MAX         ((size_t)8 << 20)

/* Kept by a key of the thread, replaced in each round of destructors. */
struct keepsake {
    unsigned key;
    unsigned round;
    char bytes[200];
};

struct estate {
    struct random random;
    struct parcel *left[LEFT];
    struct parcel *from_destructor[KEYS];
};

static pthread_key_t keys[KEYS];
static _Thread_local struct estate *own_estate;

static struct keepsake *keepsake_make(unsigned key, unsigned round)
{
    struct keepsake *keepsake = malloc(sizeof *keepsake);

    expect(keepsake != NULL, "no memory in a destructor");
    keepsake->key = key;
    keepsake->round = round;
    memset(keepsake->bytes, (int)round, sizeof keepsake->bytes);
    return keepsake;
}

static void on_thread_end(void *value)
{
    struct keepsake *keepsake = value;
    unsigned key = keepsake->key;
    unsigned round = keepsake->round;
    void *more[10];

    for (size_t i = 0; i < sizeof keepsake->bytes; i++) {
        expect(keepsake->bytes[i] == (char)round, "round %u: byte %zu changed", round, i);
    }
    free(keepsake);
    for (size_t i = 0; i < 10; i++) {
        more[i] = malloc(16 << i);
        expect(more[i] != NULL, "no memory in round %u", round);
    }
    for (size_t i = 0; i < 10; i++) {
        free(more[i]);
    }
    if (round + 1 < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(keys[key], keepsake_make(key, round + 1));
    } else {
        /* The very last block of this thread outlives it. */
        own_estate->from_destructor[key] = parcel_make(&own_estate->random, 100 + key);
    }
}

static void *live_briefly(void *argument)
{
    struct estate *estate = argument;
    struct parcel *parcels[BLOCKS];

    own_estate = estate;
    for (unsigned key = 0; key < KEYS; key++) {
        pthread_setspecific(keys[key], keepsake_make(key, 0));
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        parcels[i] = parcel_make(&estate->random, server_size(&estate->random));
    }
    /* What the one before left behind is freed here: every such free is remote. */
    for (size_t i = 0; i < LEFT; i++) {
        parcel_free(estate->left[i]);
        estate->left[i] = parcels[i];
    }
    for (unsigned key = 0; key < KEYS; key++) {
        parcel_free(estate->from_destructor[key]);
        estate->from_destructor[key] = NULL;
    }
    for (size_t i = LEFT; i < BLOCKS; i++) {
        parcel_free(parcels[i]);
    }
    return NULL;
}

static void clear(struct estate *estate)
{
    for (size_t i = 0; i < LEFT; i++) {
        parcel_free(estate->left[i]);
    }
    for (unsigned key = 0; key < KEYS; key++) {
        parcel_free(estate->from_destructor[key]);
    }
}

/* As it is, and after malloc_trim. */
struct footprint {
    size_t resident, trimmed, maps;
};

static struct footprint footprint_now(void)
{
    struct footprint now = {.resident = resident_bytes(), .maps = map_count()};

    malloc_trim(0);
    now.trimmed = resident_bytes();
    return now;
}

static void check_growth(struct footprint early, struct footprint late, size_t lost_max)
{
    fprintf(stderr,
            "thread_churn: RSS %zu, then %zu KiB; trimmed %zu, then %zu KiB; %zu, then %zu "
            "mappings\n",
            early.resident >> 10, late.resident >> 10, early.trimmed >> 10, late.trimmed >> 10,
            early.maps, late.maps);
    expect(late.trimmed <= early.trimmed + lost_max, "RSS: %zu to %zu after malloc_trim",
           early.trimmed, late.trimmed);
    expect(late.resident <= early.resident + lost_max + HELD_MAX, "RSS: %zu to %zu", early.resident,
           late.resident);
    expect(late.maps <= early.maps + MAPS_GROWTH_MAX, "mappings: %zu to %zu", early.maps,
           late.maps);
}

static void churn(size_t threads, size_t at_a_time)
{
    static struct estate estates[AT_A_TIME];
    pthread_t running[AT_A_TIME];
    struct footprint early = {0};

    for (size_t i = 0; i < at_a_time; i++) {
        estates[i] = (struct estate){.random = random_seeded(4, i)};
    }
    for (size_t started = 0; started < threads; started += at_a_time) {
        if (early.maps == 0 && started >= threads / 4) {
            early = footprint_now();
        }
        for (size_t i = 0; i < at_a_time; i++) {
            running[i] = thread_start(live_briefly, &estates[i]);
        }
        for (size_t i = 0; i < at_a_time; i++) {
            thread_join(running[i]);
        }
    }
    check_growth(early, footprint_now(), at_a_time == 1 ? LOST_MAX_OF_ONE : LOST_MAX_OF_SOME);
    for (size_t i = 0; i < at_a_time; i++) {
        clear(&estates[i]);
    }
}

int main(int count, char **arguments)
{
    size_t at_a_time = count > 1 ? strtoul(arguments[1], NULL, 10) : 1;

    require_cairn_if_expected();
    expect(at_a_time >= 1 && at_a_time <= AT_A_TIME, "1 to %d threads at a time", AT_A_TIME);
    for (unsigned key = 0; key < KEYS; key++) {
        expect(pthread_key_create(&keys[key], on_thread_end) == 0, "pthread_key_create failed");
    }
    churn(test_scaled(THREADS), at_a_time);
    return 0;
}
