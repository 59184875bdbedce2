/* SPDX-License-Identifier: MIT */
/*
 * reopened LIBRARY: a plain program opens one of Cairn's libraries (RTLD_LOCAL), uses it in two
 * threads and closes it, a hundred times. Blocks stay alive over the closing. One of the threads was
 * there before the opening and ends after the closing, the other lives in between. The program's own
 * malloc remains what it was, and neither mappings nor memory grow.
 */
#include "reliability/reliability.h"

#include <semaphore.h>

enum { TIMES = 100, BLOCKS = 40, MAPS_MAX = 3, GROWTH_MAX = 2 << 20 }; /* it levels off */

static const size_t sizes[] = {10, 300, 5000, 70000, 500000, 20000000};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void *(*cairn_malloc_of)(size_t);
static void (*cairn_free_of)(void *);
static size_t (*usable_of)(const void *);
static sem_t opened, used, closed;

static size_t size_of(size_t i)
{
    return sizes[i < SIZES ? i : i % 3] + i;
}

static void take_all(void **blocks, uint64_t key)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = cairn_malloc_of(size_of(i));
        expect(blocks[i] != NULL && usable_of(blocks[i]) >= size_of(i), "no block");
        block_fill(blocks[i], size_of(i), key + i);
    }
}

static void give_all(void **blocks, uint64_t key)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        block_check(blocks[i], size_of(i), key + i);
        cairn_free_of(blocks[i]);
    }
}

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

static void *use(void *argument)
{
    void *blocks[BLOCKS];

    take_all(blocks, 2);
    give_all(blocks, 2);
    return argument;
}

static void *use_over_closing(void *argument)
{
    void *blocks[BLOCKS];

    await(&opened);
    take_all(blocks, 4);
    sem_post(&used);
    await(&closed);
    give_all(blocks, 4);
    return argument;
}

static void *open_library(const char *name)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

    expect(library != NULL, "%s", dlerror());
    cairn_malloc_of = (void *(*)(size_t))dlsym(library, "cairn_malloc");
    cairn_free_of = (void (*)(void *))dlsym(library, "cairn_free");
    usable_of = (size_t(*)(const void *))dlsym(library, "cairn_usable_size");
    expect(cairn_malloc_of != NULL && cairn_free_of != NULL && usable_of != NULL, "no symbols");
    return library;
}

static void once(const char *name)
{
    void *blocks[BLOCKS];
    pthread_t old = thread_start(use_over_closing, NULL);
    void *library = open_library(name);

    sem_post(&opened);
    thread_join(thread_start(use, NULL));
    take_all(blocks, 1);
    await(&used);
    /* The program's malloc is not the library's. */
    void *plain = block_try(1000, 3);
    expect(usable_of(plain) == 0, "malloc has become Cairn's");
    expect(dlclose(library) == 0, "%s", dlerror());
    sem_post(&closed);
    thread_join(old);
    block_free(plain, 1000, 3);
    give_all(blocks, 1);
}

int main(int count, char **arguments)
{
    expect(count == 2, "usage: reopened LIBRARY");
    sem_init(&opened, 0, 0);
    sem_init(&used, 0, 0);
    sem_init(&closed, 0, 0);
    for (int i = 0; i < 10; i++) {
        once(arguments[1]);
    }
    size_t maps = map_count(), resident = resident_bytes();
    for (size_t i = test_scaled(TIMES); i > 0; i--) {
        once(arguments[1]);
    }
    printf("%zu mappings, then %zu; %zu KiB resident, then %zu\n", maps, map_count(),
           resident >> 10, resident_bytes() >> 10);
    fflush(stdout);
    expect(map_count() <= maps + MAPS_MAX, "mappings: %zu, then %zu", maps, map_count());
    expect(resident_bytes() <= resident + GROWTH_MAX, "%zu KiB resident, then %zu", resident >> 10,
           resident_bytes() >> 10);
    return 0;
}
