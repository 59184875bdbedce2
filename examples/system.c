/* SPDX-License-Identifier: MIT */
/* The process's malloc behind the interface: arrays that cannot overflow, and any alignment. */
#include <stdint.h>
#include <stdio.h>

#include <cairn/system.h>

int main(void)
{
    cairn_allocator allocator = cairn_system();
    cairn_layout point = {3 * sizeof(double), 64};

    void *points = cairn_allocator_alloc_array(allocator, point, 100);
    printf("100 points, aligned to 64: %s\n",
           points != NULL && (uintptr_t)points % 64 == 0 ? "yes" : "no");
    void *more = cairn_allocator_realloc_array(allocator, points, point, 100, SIZE_MAX / 2);
    printf("more than there can be: %s, and the 100 are still there\n",
           more == NULL ? "refused" : "given");
    cairn_allocator_dealloc(allocator, points, cairn_layout_repeat(point, 100, NULL));
    return 0;
}
