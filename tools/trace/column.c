/* SPDX-License-Identifier: MIT */
/* Bytes that grow: see column.h. */
#include "trace/column.h"

#include "own_memory.h"

enum { FIRST_ROOM = 4096 };

void column_grow(struct column *column, size_t more)
{
    size_t room = column->room ? column->room : FIRST_ROOM;

    while (room - column->used < more)
        room *= 2;
    if (room == column->room)
        return;
    column->bytes = memory_resize(column->bytes, room, 1);
    column->room = room;
}
