/* SPDX-License-Identifier: MIT */
/*
 * A child of vfork runs in its parent's memory, on its parent's thread-local block, until it executes
 * another program. What it allocates and frees before (shells and servers do, to make arguments) is
 * the parent's afterwards, while other threads of the parent go on allocating.
 */
#include "reliability/reliability.h"

#include <stdatomic.h>

enum { CHILDREN = 200, BLOCKS = 30, BUSY = 2 };

static atomic_bool stop;
static struct random shared;
static struct parcel *parcels[BLOCKS];

static void *be_busy(void *argument)
{
    struct random random = random_seeded(71, (uintptr_t)argument);
    struct parcel *own[BLOCKS] = {NULL};

    for (size_t i = 0; !stop; i = random_below(&random, BLOCKS)) {
        parcel_free(own[i]);
        own[i] = parcel_make(&random, server_size(&random));
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        parcel_free(own[i]);
    }
    return NULL;
}

static void replace_all(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        parcel_free(parcels[i]);
        parcels[i] = parcel_make(&shared, server_size(&shared) << (i == 0 ? 10 : 0));
    }
}

int main(void)
{
    pthread_t busy[BUSY];

    require_cairn_if_expected();
    shared = random_seeded(72, 0);
    for (uintptr_t i = 0; i < BUSY; i++) {
        busy[i] = thread_start(be_busy, (void *)i);
    }
    for (size_t n = test_scaled(CHILDREN); n > 0; n--) {
        int status;
        replace_all();
        pid_t child = vfork();
        if (child == 0) {
            replace_all();
            char *path = malloc(100);
            strcpy(path, "/bin/true");
            execl(path, path, (char *)NULL);
            _exit(126);
        }
        replace_all();
        expect(waitpid(child, &status, 0) == child && status == 0, "wait status %#x", status);
    }
    stop = true;
    for (size_t i = 0; i < BUSY; i++) {
        thread_join(busy[i]);
    }
    return 0;
}
