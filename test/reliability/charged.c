/* SPDX-License-Identifier: MIT */
/*
 * What a system that does not overcommit (vm.overcommit_memory=2) would charge the process for:
 * private writable mappings, used or not. Reserved address space must not be among them, and what is
 * made accessible must stay near what has been in use at most: this is read from /proc/self/maps at
 * each step of a growing and shrinking heap. Blocks of their own are no longer charged when freed.
 *
 * The switch is the whole machine's, and no namespace has one of its own; so the test only adds up.
 */
#include "reliability/reliability.h"

enum { STEPS = 40, HUGE_BLOCKS = 4 };

#define MIB       ((size_t)1 << 20)
#define STEP      (8 * MIB)
#define HUGE      (40 * MIB)
#define SLACK_MAX (70 * MIB)  /* memory becomes accessible in steps, of 64 MiB at most */
#define TOLD_MIN  (256 * MIB) /* a reservation that is larger must not be accessible */

static const size_t sizes[] = {64, 1000, 30000, 500000, 5000000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void **blocks;
static size_t held, slack_max, start;

static size_t since_start(void)
{
    size_t now = charged_bytes();

    return now > start ? now - start : 0;
}

static void look(size_t in_use)
{
    size_t charged = since_start();
    size_t slack = charged > in_use ? charged - in_use : 0;

    slack_max = slack > slack_max ? slack : slack_max;
    expect(slack <= SLACK_MAX + in_use / 4, "%zu MiB charged for %zu MiB", charged / MIB,
           in_use / MIB);
}

static void refuse_if_accessible(const struct mapping *mapping, void *argument)
{
    (void)argument;
    expect(mapping->named || mapping->end - mapping->start < TOLD_MIN + STEPS * STEP * 2 ||
               mapping->rights[0] == '-',
           "%zu MiB are accessible in one piece", (mapping->end - mapping->start) / MIB);
}

static void grow_and_shrink(size_t size)
{
    size_t in_use = 0;

    slack_max = 0;
    start = charged_bytes();
    for (int step = 0; step < STEPS; step++) {
        for (size_t until = in_use + STEP; in_use < until; in_use += size) {
            blocks[held] = block_try(size, held);
            expect(blocks[held++] != NULL, "no memory");
        }
        look(in_use);
    }
    mappings_visit(refuse_if_accessible, NULL);
    while (held > 0) {
        held--;
        block_free(blocks[held], size, held);
    }
    malloc_trim(0);
    look(in_use); /* of the peak */
    printf("%zu MiB in blocks of %zu: charged %zu MiB more at most, %zu MiB when all is freed\n",
           in_use / MIB, size, slack_max / MIB, since_start() / MIB);
}

static void huge_blocks(void)
{
    void *huge[HUGE_BLOCKS];
    size_t before = charged_bytes();

    for (size_t i = 0; i < HUGE_BLOCKS; i++) {
        huge[i] = block_try(HUGE, i);
        expect(huge[i] != NULL, "no memory");
    }
    expect(charged_bytes() - before <= HUGE_BLOCKS * HUGE + MIB, "%zu MiB charged for %zu MiB",
           (charged_bytes() - before) / MIB, HUGE_BLOCKS * HUGE / MIB);
    for (size_t i = 0; i < HUGE_BLOCKS; i++) {
        block_free(huge[i], HUGE, i);
    }
    expect(charged_bytes() <= before + MIB, "%zu MiB are still charged",
           (charged_bytes() - before) / MIB);
}

/* Each size starts in a fresh process. */
static void in_child(size_t size)
{
    int status;
    pid_t child = fork();

    expect(child >= 0, "fork: errno %d", errno);
    if (child == 0) {
        grow_and_shrink(size);
        huge_blocks();
        fflush(stdout);
        _exit(0);
    }
    expect(waitpid(child, &status, 0) == child && status == 0, "wait status %#x", status);
}

int main(void)
{
    require_cairn_if_expected();
    printf("charged at the start: %zu KiB\n", charged_bytes() >> 10);
    blocks = table_make(STEPS * STEP / sizes[0] * 2 * sizeof *blocks);
    fflush(stdout);
    for (size_t i = 0; i < SIZES; i++) {
        in_child(sizes[i]);
    }
    return 0;
}
