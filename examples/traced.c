/* SPDX-License-Identifier: MIT */
/* Logs what a growing vector asks for, in the binary form, and reads the log back. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/system.h"
#include "cairn/traced.h"

static void fill_vector(cairn_allocator allocator)
{
    size_t capacity = 4, count = 0;
    long *items = cairn_allocator_alloc_array(allocator, cairn_layout_of(long), capacity);
    for (long i = 0; items != NULL && i < 20; i++) {
        if (count == capacity) {
            long *larger = cairn_allocator_realloc_array(allocator, items, cairn_layout_of(long),
                                                         capacity, capacity * 2);
            if (larger == NULL)
                break;
            items = larger;
            capacity *= 2;
        }
        items[count++] = i;
    }
    cairn_allocator_dealloc(allocator, items, cairn_layout_array(long, capacity));
}

/* Addresses, times and threads are others each time; cairn_traced_print would show them, too. */
static bool show(void *context, const cairn_traced_event *event)
{
    static const char *const names[] = {"alloc", "alloc_zeroed", "realloc", "dealloc",
                                        "owns",  "usable_size",  "thread"};
    size_t *events = context;
    if (event->op == CAIRN_TRACED_REALLOC)
        printf("%llu realloc from %llu to %llu bytes\n", (unsigned long long)event->number,
               (unsigned long long)event->size, (unsigned long long)event->new_size);
    else if (event->op != CAIRN_TRACED_THREAD)
        printf("%llu %s of %llu bytes\n", (unsigned long long)event->number, names[event->op],
               (unsigned long long)event->size);
    ++*events;
    return true;
}

int main(void)
{
    char path[] = "/tmp/example-XXXXXX", bytes[4096];
    int file = mkstemp(path);
    cairn_traced traced;
    cairn_traced_opts opts = {.file = file, .binary = true};
    if (file < 0 || !cairn_traced_init(&traced, cairn_system(), &opts))
        return 1;
    fill_vector(cairn_traced_allocator(&traced));
    printf("%zu events lost\n", cairn_traced_fini(&traced));

    size_t events = 0;
    ssize_t size = pread(file, bytes, sizeof bytes, 0);
    size_t skipped = cairn_traced_read(bytes, size < 0 ? 0 : (size_t)size, show, &events);
    printf("%zu events, %zu bytes not understood\n", events, skipped);
    close(file);
    unlink(path);
    return 0;
}
