/* SPDX-License-Identifier: MIT */
/*
 * aligned_alloc for every power of two to 64 MiB: one check per alignment, each over many sizes,
 * with several blocks alive at once and taken again after they were freed.
 */
#include "api/check.h"
#include "api/names.h"
#include "property/pattern.h"

enum { ALIVE = 3, ALIGN_POWERS = 27, NAME_MAX_SIZE = 32 };

static void check_block(const unsigned char *ptr, size_t align, size_t size)
{
    check(ptr != NULL, "aligned_alloc(%zu, %zu) is NULL", align, size);
    check((uintptr_t)ptr % align == 0, "aligned_alloc(%zu, %zu) is %p", align, size, (void *)ptr);
    check((uintptr_t)ptr % 16 == 0 || size < 16, "aligned_alloc(%zu, %zu) is %p", align, size,
          (void *)ptr);
    check(malloc_usable_size(hidden(ptr)) >= size, "aligned_alloc(%zu, %zu): usable size %zu",
          align, size, malloc_usable_size(hidden(ptr)));
}

/* Of a huge block only the edges are written: there are many, and their pages cost time. */
static void fill_edges(unsigned char *ptr, size_t size, uint64_t key)
{
    size_t edge = pattern_min(size, PATTERN_FULL);

    pattern_fill(ptr + (size - edge), edge, key);
    pattern_fill(ptr, edge, key);
}

static size_t changed_edge(const unsigned char *ptr, size_t size, uint64_t key)
{
    size_t edge = pattern_min(size, PATTERN_FULL);
    size_t first = pattern_mismatch(ptr, edge, edge, key);

    if (first == PATTERN_INTACT && size >= 2 * edge) {
        return pattern_mismatch(ptr + (size - edge), edge, edge, key);
    }
    return first;
}

static void check_size(size_t align, size_t size)
{
    unsigned char *blocks[ALIVE];

    for (size_t i = 0; i < ALIVE; i++) {
        blocks[i] = aligned_alloc(align, size);
        check_block(blocks[i], align, size);
        fill_edges(blocks[i], size, i + 1);
    }
    free(blocks[1]);
    blocks[1] = aligned_alloc(align, size);
    check_block(blocks[1], align, size);
    fill_edges(blocks[1], size, 2);
    for (size_t i = 0; i < ALIVE; i++) {
        check(changed_edge(blocks[i], size, i + 1) == PATTERN_INTACT,
              "aligned_alloc(%zu, %zu): block %zu changed", align, size, i);
        free(blocks[i]);
    }
}

static void alignment_holds(void **state)
{
    size_t align = (size_t)*state;
    const size_t sizes[] = {
        0,     1,      8,      15,     16,        17,    100,       1000,      4096,      5000,
        65536, 100000, 131072, 300000, align - 1, align, align + 1, align * 2, align * 3,
    };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_size(align, sizes[i]);
    }
}

/* Mixed alignments among plain blocks: each must still be where it should. */
static void alignments_mix(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static unsigned char *blocks[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        size_t align = (size_t)1 << (i % 14);
        size_t size = 1 + i * 37 % 3000;

        blocks[i] = i % 3 == 0 ? malloc(size) : aligned_alloc(align, size);
        check(i % 3 == 0 || (uintptr_t)blocks[i] % align == 0, "aligned_alloc(%zu, %zu) is %p",
              align, size, (void *)blocks[i]);
        pattern_fill(blocks[i], size, i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = 1 + i * 37 % 3000;

        check(pattern_mismatch(blocks[i], size, size, i) == PATTERN_INTACT, "block %zu changed", i);
        free(blocks[i]);
    }
}

/* Aligned blocks that are freed must not leave the memory around them behind. */
static void freed_memory_is_used_again(void **state)
{
    size_t align = (size_t)*state;
    size_t before = resident_bytes();

    for (size_t i = 0; i < 20000; i++) {
        char *ptr = aligned_alloc(align, align);

        check(ptr != NULL, "aligned_alloc(%zu, %zu) is NULL", align, align);
        ptr[0] = 1;
        free(ptr);
    }
    size_t after = resident_bytes();

    check(after < before + align + ((size_t)16 << 20), "RSS went from %zu to %zu", before, after);
}

static void aligned_keeps_errno(void **state)
{
    (void)state;
    errno = ERRNO_MARK;
    for (size_t align = 1; align <= (size_t)4 << 20; align *= 2) {
        void *ptr = aligned_alloc(align, align);

        check(ptr != NULL, "aligned_alloc(%zu, %zu) is NULL", align, align);
        free(ptr);
        check(errno == ERRNO_MARK, "errno is %d after alignment %zu", errno, align);
    }
}

int main(void)
{
    enum { OTHERS = 5 };
    static char names[ALIGN_POWERS][NAME_MAX_SIZE];
    struct CMUnitTest checks[ALIGN_POWERS + OTHERS] = {
        cmocka_unit_test(alignments_mix),
        named_check("freed_memory_is_used_again_64", freed_memory_is_used_again, 64),
        named_check("freed_memory_is_used_again_65536", freed_memory_is_used_again, 65536),
        named_check("freed_memory_is_used_again_2_mib", freed_memory_is_used_again, 2 << 20),
        cmocka_unit_test(aligned_keeps_errno),
    };

    for (size_t power = 0; power < ALIGN_POWERS; power++) {
        snprintf(names[power], sizeof names[power], "alignment_holds_%zu", (size_t)1 << power);
        checks[OTHERS + power] = (struct CMUnitTest)named_check(names[power], alignment_holds,
                                                                (size_t)1 << power);
    }
    require_cairn_if_expected();
    return run_checks("aligned", checks);
}
