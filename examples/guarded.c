/* SPDX-License-Identifier: MIT */
/* A parser with four faults, found one after the other without a crash: what on_breach is for. */
#include <stdio.h>
#include <string.h>

#include "cairn/guarded.h"
#include "cairn/system.h"

static const cairn_layout NAME = {8, 1};

/* A program that runs for its users would print the line and go down: on_breach = NULL. */
static void on_breach(void *context, const cairn_guarded_breach *breach)
{
    char text[160];
    size_t *breaches = context;
    ++*breaches;
    cairn_guarded_describe(breach, text, sizeof text);
    /* Addresses differ from run to run: the words up to the block, and behind it. */
    const char *block = strstr(text, " block 0x"), *of = strstr(text, " of 8 bytes");
    if (block != NULL && of != NULL)
        printf("  found: %.*s block%s\n", (int)(block - text), text, of);
}

static char *read_name(cairn_allocator allocator, const char *name)
{
    char *copy = cairn_allocator_alloc(allocator, NAME);
    if (copy != NULL)
        for (size_t i = 0; i <= strlen(name); i++) /* no bound: the first fault */
            copy[i] = name[i];
    return copy;
}

int main(void)
{
    size_t breaches = 0;
    cairn_guarded guarded;
    cairn_guarded_opts opts = {.on_breach = on_breach, .context = &breaches};
    cairn_guarded_init(&guarded, cairn_system(), &opts);
    cairn_allocator allocator = cairn_guarded_allocator(&guarded);

    printf("a name of 8 letters and its end, in 8 bytes\n");
    char *name = read_name(allocator, "Zermatt!");
    cairn_guarded_check(&guarded);

    printf("a second owner frees it as well\n");
    cairn_allocator_dealloc(allocator, name, NAME);
    cairn_allocator_dealloc(allocator, name, NAME);

    printf("and the first one still writes to it\n");
    name[3] = 'M';
    cairn_guarded_flush(&guarded);

    printf("nobody frees the next one\n");
    read_name(allocator, "Davos");
    size_t leaks = cairn_guarded_fini(&guarded);
    printf("%zu breaches, %zu of them a leak\n", breaches, leaks);
    return 0;
}
