/* SPDX-License-Identifier: MIT */
/*
 * The kernel's table of mappings is full (vm.max_map_count), by others. An allocator can then still
 * make what it has reserved accessible, and grow what it has. Of 4,000 blocks of 16 bytes to 2 MiB
 * most must be served, and again after all were freed; when there is room again, all of them.
 */
#include "reliability/reliability.h"

enum { BLOCKS = 4000, SERVED_MIN = 3500 };

static struct {
    void *block;
    size_t size;
} held[BLOCKS];

static size_t serve(uint64_t seed)
{
    struct random random = random_seeded(31, seed);
    size_t served = 0;

    for (size_t i = 0; i < BLOCKS; i++) {
        held[i].size = random_log_uniform(&random, 4, 21);
        held[i].block = block_try(held[i].size, i);
        served += held[i].block != NULL;
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        if (held[i].block != NULL) {
            block_check(held[i].block, held[i].size, i);
        }
    }
    return served;
}

static void free_all(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        block_free(held[i].block, held[i].size, i);
    }
}

/* Every other OS page of a mapping gets other rights, until the kernel refuses. */
static char *fill_table(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *start = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    expect(start != MAP_FAILED, "mmap: errno %d", errno);
    for (size_t at = 0; at + page < size; at += 2 * page) {
        if (mprotect(start + at, page, PROT_READ) != 0) {
            /* And what is left of the table, by mappings that cannot be merged. */
            while (mmap(NULL, page, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
            }
            return start;
        }
    }
    munmap(start, size);
    return NULL;
}

int main(void)
{
    size_t size = (size_t)1 << 32;

    require_cairn_if_expected();
    free(malloc(100));
    char *filler = fill_table(size);
    if (filler == NULL) {
        skip("the table of mappings has more than a million entries");
    }
    size_t first = serve(1);
    free_all();
    size_t second = serve(2);
    free_all();
    printf("of %d: %zu served, then %zu\n", BLOCKS, first, second);
    expect(first >= SERVED_MIN && second >= SERVED_MIN, "%zu, then %zu served", first, second);

    expect(munmap(filler, size) == 0, "munmap: errno %d", errno);
    size_t third = serve(3);
    expect(third == BLOCKS, "%zu served when there is room again", third);
    free_all();
    return 0;
}
