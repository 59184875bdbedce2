/* SPDX-License-Identifier: MIT */
/*
 * Random lists of operations (operations.h), each run without its corruption and with it.
 *
 *     injected                     lists from the seed 1 on; CAIRN_TEST_SCALE times 1500 of them
 *     injected --seed N            that list, and what it says
 *     injected --list N            prints the bytes of that list
 *     injected FILE                the list that a file's bytes mean; aborts if it is wrong
 *
 * Run with the library preloaded, and CAIRN_SAMPLE=0: sampled blocks have other rules.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "misuse/child.h"
#include "misuse/operations.h"

void free_sized(void *ptr, size_t size) __attribute__((weak));
void *operator_new(size_t size) __asm__("_Znwm") __attribute__((weak));
void operator_delete(void *ptr) __asm__("_ZdlPv") __attribute__((weak));

/* Any may be missing where the library is not there: then the lists are wrong, which is said. */
static struct functions process_functions(void)
{
    return (struct functions){
        .malloc = malloc,
        .calloc = calloc,
        .realloc = realloc,
        .aligned_alloc = aligned_alloc,
        .free = free,
        .usable_size = malloc_usable_size,
        .memcpy = memcpy,
        .memset = memset,
        .free_sized = free_sized,
        .other_malloc = operator_new,
        .other_free = operator_delete,
        .trim = malloc_trim,
    };
}

/* ---- a list ---- */

enum { LIST_MOST = 1 << 16 };

static uint8_t bytes[LIST_MOST];
static struct list list = {bytes, 0};

static uint64_t random_state;

static unsigned random_32(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33);
}

/* Neighbours have different corruptions. */
static void make_list(unsigned seed)
{
    random_state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int i = 0; i < 8; i++)
        random_32();
    list.length = 40 + random_32() % 3000;
    for (size_t i = 0; i < list.length; i++)
        bytes[i] = (uint8_t)(random_32() >> 7);
    bytes[LIST_WHICH] = (uint8_t)seed;
}

static bool read_list(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    list.length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return true;
}

/* ---- runs ---- */

static volatile enum moment *moment; /* shared with the child */
static bool corrupted;

static void work(void)
{
    struct functions functions = process_functions();
    list_run(list, &functions, corrupted, moment);
    /* The sweep at the exit is of this thread's blocks: it must come by way of exit. */
    exit(0);
}

static const char *fault_of_run(bool with_corruption, char *said, size_t size)
{
    corrupted = with_corruption;
    int status = child_run(work, said, size);
    return list_fault(list, corrupted, *moment, status, said);
}

/* The name of what is wrong; NULL: nothing. */
static const char *fault_of_list(char *said, size_t size)
{
    const char *fault = fault_of_run(false, said, size);
    return fault != NULL ? fault : fault_of_run(true, said, size);
}

static unsigned judge(unsigned first, unsigned count, bool tell)
{
    static char said[4096];
    unsigned failures = 0;
    for (unsigned seed = first; seed < first + count; seed++) {
        make_list(seed);
        const char *fault = fault_of_list(said, sizeof said);
        if (fault != NULL || tell)
            printf("%s: seed %u, %s: %s\n%s", fault == NULL ? "stopped" : "FAILED", seed,
                   list_corruption(list), fault == NULL ? "" : fault, said);
        failures += fault != NULL;
    }
    printf("%u lists, %u failed\n", count, failures);
    return failures;
}

int main(int argc, char **argv)
{
    moment = mmap(NULL, sizeof *moment, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (moment == MAP_FAILED)
        return 2;
    if (argc == 2) {
        static char said[4096];
        if (!read_list(argv[1]))
            return 2;
        if (fault_of_list(said, sizeof said) != NULL)
            abort();
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--list") == 0) {
        make_list((unsigned)atol(argv[2]));
        return fwrite(bytes, 1, list.length, stdout) != list.length;
    }
    if (argc == 3)
        return judge((unsigned)atol(argv[2]), 1, true) != 0;
    const char *scale = getenv("CAIRN_TEST_SCALE");
    return judge(1, 1500 * (scale == NULL ? 1 : (unsigned)atol(scale)), false) != 0;
}
