/* SPDX-License-Identifier: MIT */
/*
 * dlopen_plugin FILE [deep]: loads and unloads a plugin 100 times, partly while threads use it,
 * and frees its blocks after it is gone. With `deep` it is loaded once with RTLD_DEEPBIND: its
 * malloc is then libc's, and the block that comes from there is freed here, as programs do.
 */

#define _GNU_SOURCE
#include "pattern.h"

#include <dlfcn.h>
#include <pthread.h>

typedef void *block_function(unsigned seed);

static void *use(void *function)
{
    check_and_free((*(block_function **)function)(2), 2000, 2);
    churn(3, 200, 2000);
    return NULL;
}

static void *load(const char *file, int flags, block_function **function)
{
    void *plugin = dlopen(file, RTLD_NOW | flags);
    if (!plugin)
        give_up(dlerror());
    *function = (block_function *)dlsym(plugin, "plugin_block");
    expect(*function != NULL, "dlsym");
    return plugin;
}

int main(int argc, char **argv)
{
    block_function *function;
    expect(argc > 1, "which plugin?");
    if (argc > 2) {
        void *plugin = load(argv[1], RTLD_DEEPBIND, &function);
        for (unsigned i = 0; i < 100; i++)
            check_and_free(function(i), 2000, i);
        churn(1, 2000, 5000);
        expect(!dlclose(plugin), "dlclose");
        puts("100 blocks of another malloc were freed, and nothing happened");
        return 0;
    }
    void *last = NULL;
    int unloaded = 0;
    for (unsigned i = 0; i < 100; i++) {
        void *plugin = load(argv[1], i % 2 ? RTLD_LOCAL : RTLD_GLOBAL, &function);
        pthread_t thread[2];
        for (int n = 0; n < 2; n++)
            expect(!pthread_create(&thread[n], NULL, use, &function), "thread");
        if (last)
            check_and_free(last, 2000, i - 1);
        last = function(i);
        for (int n = 0; n < 2; n++)
            expect(!pthread_join(thread[n], NULL), "join");
        expect(!dlclose(plugin), "dlclose");
        void *again = dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD);
        unloaded += again == NULL;
        expect(dlopen("/nowhere/nothing.so", RTLD_NOW) == NULL && dlerror() != NULL, "dlerror");
    }
    check_and_free(last, 2000, 99);
    printf("loaded 100 times, unloaded %d times\n", unloaded);
    return 0;
}
