/* SPDX-License-Identifier: MIT */
/* A faulty program under the oracle: what it does wrong is named, and nothing comes of it. */
#include <stdio.h>
#include <string.h>

#include <cairn/checked.h>
#include <cairn/system.h>

static void tell(void *context, const cairn_checked_breach *breach)
{
    (void)context;
    printf("%s", breach->text);
    if (breach->given.align != 0 && breach->block.align != 0)
        printf(": of %zu bytes, given as one of %zu", breach->block.size, breach->given.size);
    printf("\n");
}

int main(void)
{
    cairn_checked checked;
    cairn_checked_init(&checked, cairn_system(), &(cairn_checked_opts){.on_breach = tell});
    cairn_allocator allocator = cairn_checked_allocator(&checked);
    cairn_layout layout = cairn_layout_array(int, 10);

    int *numbers = cairn_allocator_alloc_zeroed(allocator, layout);
    char *word = cairn_allocator_duplicate_string(allocator, "cairn");
    if (numbers == NULL || word == NULL)
        return 1;

    cairn_allocator_dealloc(allocator, numbers, cairn_layout_array(int, 11)); /* another layout */
    cairn_allocator_dealloc(allocator, numbers + 1, layout);                  /* not its start */
    cairn_allocator_dealloc(allocator, numbers, layout);                      /* right */
    cairn_allocator_dealloc(allocator, numbers, layout);                      /* again */
    numbers[3] = 7; /* seen when the block leaves the quarantine, below */

    size_t left = cairn_checked_fini(&checked);
    printf("%zu block left: that of \"cairn\"\n", left);
    return 0;
}
