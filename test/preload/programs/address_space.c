/* SPDX-License-Identifier: MIT */
/*
 * address_space [MEGABYTES]: a program that (given a number) limits its own address space at the
 * start, or has been limited by its parent. The limit is 512 MiB. It must then get a good part of
 * that, be refused with ENOMEM beyond, and go on: with threads, a mapping and a large file buffer
 * of its own; freed memory must be had again.
 */

#include "pattern.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { BLOCK = 1 << 20, MOST = 1024 };

static char *block[MOST];

static void *work(void *arg)
{
    churn(3, 2000, 50000);
    return arg;
}

static int take_all(void)
{
    int count = 0;
    errno = 0;
    while (count < MOST && (block[count] = malloc(BLOCK - 64)) != NULL)
        block[count][BLOCK - 65] = (char)count, count++;
    expect(count == MOST || errno == ENOMEM, "errno is not ENOMEM");
    return count;
}

static void free_all(int count)
{
    while (count-- > 0) {
        expect(block[count][BLOCK - 65] == (char)count, "a block changed");
        free(block[count]);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        rlim_t limit = strtoul(argv[1], NULL, 10) << 20;
        expect(!setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}), "setrlimit");
    }
    churn(1, 2000, 300000);
    for (int round = 0; round < 3; round++) {
        int count = take_all();
        printf("round %d: refused before 512 MiB: %s, but had 400 MiB: %s\n", round,
               count < 512 ? "yes" : "no", count >= 400 ? "yes" : "no");
        free_all(count);
        expect(malloc((size_t)600 << 20) == NULL && errno == ENOMEM, "600 MiB of 512");
        void *large = got(malloc(100 << 20));
        large = got(realloc(large, 150 << 20));
        free(large);
    }
    pthread_t thread[4];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 8 << 20);
    for (int i = 0; i < 4; i++)
        expect(!pthread_create(&thread[i], &attributes, work, NULL), "no room for a thread");
    for (int i = 0; i < 4; i++)
        expect(!pthread_join(thread[i], NULL), "join");
    void *mapped = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(mapped != MAP_FAILED, "no room for a mapping");
    puts("4 threads, a mapping");
    return 0;
}
