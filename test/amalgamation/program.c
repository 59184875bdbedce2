/* SPDX-License-Identifier: MIT */
/*
 * A program with cairn.c in it. With CAIRN_MALLOC it expects that malloc is Cairn's, else that it is
 * not. `program double_free` and `program copy` are crimes, of which the hardened form must die.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #x);                                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static void *volatile kept; /* what a compiler must not look through */
static void *volatile other;

#ifdef CAIRN_MALLOC
static const bool replaces_malloc = true;
#else
static const bool replaces_malloc = false;
#endif

static void check_blocks(void)
{
    for (size_t size = 0; size < 100 << 20; size = size * 3 + 1) {
        kept = cairn_malloc(size);
        CHECK(kept != NULL && cairn_owns(kept) && cairn_usable_size(kept) >= size);
        memset(kept, 1, size);
        kept = cairn_realloc(kept, size + 1000);
        CHECK(kept != NULL && (size == 0 || *(char *)kept == 1));
        cairn_free(kept);
    }
    kept = cairn_calloc(1000, 10);
    for (size_t i = 0; i < 10000; i++)
        CHECK(((char *)kept)[i] == 0);
    cairn_free(kept);
    errno = 0;
    volatile size_t all = SIZE_MAX;
    kept = cairn_malloc(all);
    CHECK(kept == NULL && errno == ENOMEM);
}

static void check_malloc(void)
{
    CHECK(cairn_is_active() == replaces_malloc);
    kept = malloc(100);
    CHECK(kept != NULL && cairn_owns(kept) == replaces_malloc);
    free(kept);
    kept = calloc(100, 100);
    CHECK(kept != NULL && cairn_owns(kept) == replaces_malloc && ((char *)kept)[9999] == 0);
    kept = realloc(kept, 100000);
    CHECK(kept != NULL && cairn_owns(kept) == replaces_malloc);
    free(kept);
    CHECK(posix_memalign((void **)&kept, 4096, 100) == 0 && (uintptr_t)kept % 4096 == 0);
    CHECK(cairn_owns(kept) == replaces_malloc);
    free(kept);
    kept = strdup("the C library's own call");
    CHECK(cairn_owns(kept) == replaces_malloc);
    free(kept);
}

static void *work(void *heap)
{
    for (int i = 0; i < 1000; i++) {
        cairn_free(cairn_malloc((size_t)i));
        if (cairn_heap_malloc(heap, 100) == NULL)
            return NULL;
    }
    return heap;
}

static void check_threads(void)
{
    pthread_t threads[4];
    void *result;
    cairn_heap *heap = cairn_heap_create("test");
    CHECK(heap != NULL);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, work, heap) == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], &result) == 0);
        CHECK(result == heap);
    }
    cairn_heap_destroy(heap);
}

/* Kinds that stand on the system, and a stack of them from text. */
static void check_kit(void)
{
    const char *broken = kit_check();
    if (broken != NULL) {
        printf("%s does not do what it should\n", broken);
        exit(1);
    }
    cairn_stack_error error;
    cairn_stack *stack = cairn_stack_create("counted(guarded(fit:best))", cairn_system(), &error);
    CHECK(stack != NULL);
    CHECK(kit_fill(cairn_stack_allocator(stack)));
    cairn_stack_destroy(stack);
    cairn_slab_set *set = cairn_slab_set_create(NULL);
    CHECK(set != NULL && kit_fill(cairn_slab_set_allocator(set)));
    cairn_slab_set_destroy(set);
}

int main(int count, char **arguments)
{
    if (count > 1) {
        kept = cairn_malloc(100);
        other = cairn_malloc(100);
        if (strcmp(arguments[1], "copy") == 0)
            memcpy(kept, kit_memory, (size_t)count * 60);
        cairn_free(kept);
        cairn_free(kept);
        return 0;
    }
    check_blocks();
    check_malloc();
    check_threads();
    check_kit();
    puts("ok");
    return 0;
}
