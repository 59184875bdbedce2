/* SPDX-License-Identifier: MIT */
/*
 * The failing run is recorded once, operation by operation, into memory that the child shares with
 * us. Then ever smaller pieces are left out; a piece stays out if the rest still fails. Operations
 * that no longer fit are passed over by the lane, so every subset is a program. At most RUNS_MAX
 * children are run.
 */
#include "property/shrink.h"

#include "property/failure.h"
#include "property/lane.h"
#include "property/oracle.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS_MAX = 2000 };

struct recording {
    size_t length;
    struct operation program[];
};

static unsigned runs_left = RUNS_MAX;

static void record(struct recording *recording, size_t operations)
{
    struct lane *lanes = lanes_create(1, run.profile->slots);

    for (size_t i = 0; i < operations; i++) {
        recording->program[i] = lane_peek(lanes);
        recording->length = i + 1;
        lane_replay(lanes, &recording->program[i], 1);
    }
    lanes_drain(lanes, 1);
}

static void replay(struct recording *recording, size_t operations)
{
    struct lane *lanes = lanes_create(1, run.profile->slots);

    lane_replay(lanes, recording->program, operations);
    lanes_drain(lanes, 1);
}

/* True if the body fails, in a child whose complaints are not shown. */
static bool fails(void (*body)(struct recording *, size_t), struct recording *recording,
                  size_t operations)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, STDERR_FILENO);
        alarm(60);
        body(recording, operations);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return status != 0;
}

static size_t without(struct recording *smaller, const struct recording *whole, size_t from,
                      size_t count)
{
    size_t rest = whole->length - from - count;

    memcpy(smaller->program, whole->program, from * sizeof smaller->program[0]);
    memcpy(smaller->program + from, whole->program + from + count,
           rest * sizeof smaller->program[0]);
    smaller->length = from + rest;
    return smaller->length;
}

static void reduce(struct recording *whole, struct recording *spare)
{
    for (size_t piece = (whole->length + 1) / 2; piece > 0; piece /= 2) {
        size_t from = 0;

        while (from < whole->length && runs_left > 0) {
            size_t count = piece < whole->length - from ? piece : whole->length - from;

            runs_left--;
            if (fails(replay, spare, without(spare, whole, from, count))) {
                memcpy(whole, spare, sizeof *spare + spare->length * sizeof spare->program[0]);
            } else {
                from += count;
            }
        }
    }
}

static void show(const struct recording *recording)
{
    char text[OPERATION_TEXT_MAX];

    for (size_t i = 0; i < recording->length; i++) {
        size_t size = operation_print(&recording->program[i], text);

        if (write(STDOUT_FILENO, text, size) != (ssize_t)size) {
            return;
        }
    }
}

static struct recording *shared_recording(size_t operations)
{
    struct recording *recording = mmap(
        NULL, sizeof *recording + operations * sizeof recording->program[0], PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (recording == MAP_FAILED) {
        fail("no memory to record %zu operations", operations);
    }
    return recording;
}

int shrink(size_t operations)
{
    struct recording *whole = shared_recording(operations);
    struct recording *spare = shared_recording(operations);

    if (!fails(record, whole, operations)) {
        return 0;
    }
    reduce(whole, spare);
    show(whole);
    return 1;
}
