/* SPDX-License-Identifier: MIT */
/*
 * The chance to guess where a process's first blocks of a size lie in their unit of 64 KiB, and how far the
 * second one lies from the first, for one who has seen many such processes: each is a child that draws
 * anew. Run with the hardened library preloaded; CAIRN_TEST_SCALE times 1000 processes (make soak: 10^5).
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UNIT = 1 << 16, STEP = 16, PLACES = UNIT / STEP, TRIES = 1000 };

/* The size, and among how many places it is drawn, each as likely as the others. */
static const struct {
    size_t size;
    double places;
} row[] = {{16, 128}, {60, 128}, {100, 128}, {250, 64}, {500, 32}, {1000, 16}, {3000, 16}};
enum { ROWS = sizeof row / sizeof row[0] };

struct seen {
    uint32_t first[PLACES];
    uint32_t second[2 * PLACES]; /* from the first on, in steps */
};

static void draw(struct seen *seen)
{
    for (size_t i = 0; i < ROWS; i++) {
        uintptr_t first = (uintptr_t)malloc(row[i].size), second = (uintptr_t)malloc(row[i].size);
        if (first == 0 || second == 0)
            _exit(1);
        seen[i].first[first % UNIT / STEP]++;
        seen[i].second[PLACES + second % UNIT / STEP - first % UNIT / STEP]++;
    }
    _exit(0);
}

static uint32_t most(const uint32_t *count, size_t places)
{
    uint32_t found = 0;
    for (size_t i = 0; i < places; i++)
        found = count[i] > found ? count[i] : found;
    return found;
}

/* Chance has seven standard deviations. */
static int is_as_good_as_random(const char *what, size_t at, uint32_t guessed, double tries)
{
    double mean = tries / row[at].places, bound = mean + 7 * sqrt(mean) + 2;
    int good = guessed <= bound;
    printf("%s%s, %zu bytes: guessed 1 time in %.1f (wanted: %.1f)\n", good ? "" : "FAILED: ", what,
           row[at].size, tries / guessed, tries / bound);
    return good;
}

int main(void)
{
    const char *scale = getenv("CAIRN_TEST_SCALE");
    int tries = TRIES * (scale != NULL && atoi(scale) > 0 ? atoi(scale) : 1), failures = 0;
    struct seen *seen = mmap(NULL, ROWS * sizeof *seen, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED)
        return 2;
    for (int i = 0; i < tries; i++) {
        pid_t child = fork();
        if (child == 0)
            draw(seen);
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            return 2;
    }
    for (size_t i = 0; i < ROWS; i++) {
        failures += !is_as_good_as_random("first block", i, most(seen[i].first, PLACES), tries);
        /* The neighbour's place is a little likelier than 1 in so many: it is never the first's own. */
        failures += !is_as_good_as_random("second, from there", i,
                                          most(seen[i].second, (size_t)2 * PLACES), tries);
    }
    return failures != 0;
}
