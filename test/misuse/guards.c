/* SPDX-License-Identifier: MIT */
/*
 * Where guards are mappings (CAIRN_GUARDS=mappings) they take no more than their part of those that a
 * process may have, get fewer as that part runs out, say so once, and no block is refused for them.
 */
#include <stdio.h>
#include <string.h>

#include "misuse/child.h"

enum { PAGES = 15000, BLOCKS = 4 * PAGES, SIZE = 15000 }; /* a page of 64 KiB holds four */

static size_t most = 65530 / 4;

static size_t lines_of(const char *path)
{
    size_t lines = 0;
    FILE *file = fopen(path, "r");
    for (int c; file != NULL && (c = getc(file)) != EOF;)
        lines += c == '\n';
    if (file != NULL)
        fclose(file);
    return lines;
}

static void read_limit(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (file == NULL || fscanf(file, "%zu", &most) != 1)
        most = 65530;
    most /= 4;
    if (file != NULL)
        fclose(file);
}

static void hold_many(void)
{
    static void *block[BLOCKS];
    size_t before = lines_of("/proc/self/maps");
    for (size_t i = 0; i < BLOCKS; i++)
        if ((block[i] = malloc(SIZE)) == NULL)
            _exit(3);
    size_t held = lines_of("/proc/self/maps") - before;
    for (size_t i = 0; i < BLOCKS; i++)
        free(block[i]);
    for (size_t i = 0; i < BLOCKS / 2; i++)
        if ((block[i] = malloc(SIZE)) == NULL)
            _exit(4);
    fprintf(stderr, "%zu mappings\n", held);
}

int main(void)
{
    static char said[4096];
    read_limit();
    int status = child_run(hold_many, said, sizeof said);
    printf("status %#x, may have %zu, said: %s", (unsigned)status, most, said);
    const char *told = strstr(said, "cairn: few mappings are left");
    const char *number = strchr(said, '\n');
    if (status != 0 || told != said || strstr(told + 1, "cairn: few") != NULL || number == NULL)
        return 1;
    size_t held = strtoul(number + 1, NULL, 10);
    /* Nearly all of it was used; a few are not guards. */
    return held > most / 2 && held <= most + 100 ? 0 : 1;
}
