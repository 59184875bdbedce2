/* SPDX-License-Identifier: MIT */
/* The heap map's cells: runs of bytes spread over cells of equal size. */
#include "lab/watch.h"

#include <string.h>

void watch_cells(struct watch_cell *cells, size_t count, const struct map *map, uint32_t block)
{
    uint64_t each = count ? (map->size + count - 1) / count : 0;

    memset(cells, 0, count * sizeof *cells);
    for (size_t i = 0; each && i < map->count; i++) {
        const struct map_run *run = &map->runs[i];
        bool is_last = (run->state == MAP_USED || run->state == MAP_WASTE) && run->block == block;
        for (uint64_t at = run->at, end = run->at + run->size; at < end;) {
            struct watch_cell *cell = &cells[at / each];
            uint64_t next = (at / each + 1) * each;
            if (next > end)
                next = end;
            cell->bytes[run->state] += next - at;
            cell->is_last |= is_last;
            at = next;
        }
    }
}
