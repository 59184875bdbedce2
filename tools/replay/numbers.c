/* SPDX-License-Identifier: MIT */
/* See numbers.h. */
#include "replay/numbers.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"

void numbers_init(struct numbers *numbers, size_t streams)
{
    *numbers = (struct numbers){.streams = streams};
    numbers->own = memory_take(streams, sizeof *numbers->own);
    numbers->own_counts = memory_take(streams, sizeof *numbers->own_counts);
}

void numbers_fini(struct numbers *numbers)
{
    for (size_t i = 0; i < numbers->streams; i++)
        free(numbers->own[i]);
    free(numbers->own);
    free(numbers->own_counts);
    free(numbers->uses);
    free(numbers->common);
}

static uint32_t new_number(struct numbers *numbers)
{
    if (numbers->count == UINT32_MAX) {
        message("the trace has more than 4 milliard live blocks");
        exit(EXIT_OWN_ERROR);
    }
    if (numbers->count == numbers->room) {
        numbers->room = numbers->room ? numbers->room * 2 : 1024;
        numbers->uses = memory_resize(numbers->uses, numbers->room, sizeof *numbers->uses);
    }
    numbers->uses[numbers->count] = (struct number_use){0};
    return (uint32_t)numbers->count++;
}

uint32_t numbers_take(struct numbers *numbers, size_t stream)
{
    if (numbers->own_counts[stream] > 0)
        return numbers->own[stream][--numbers->own_counts[stream]];
    if (numbers->common_count <= NUMBERS_QUIET)
        return new_number(numbers);
    uint32_t number = numbers->common[numbers->common_first];
    numbers->common_first = (numbers->common_first + 1) & (numbers->common_room - 1);
    numbers->common_count--;
    return number;
}

static void widen_common(struct numbers *numbers)
{
    size_t room = numbers->common_room ? numbers->common_room * 2 : 1024;
    uint32_t *wider = memory_take(room, sizeof *wider);

    for (size_t i = 0; i < numbers->common_count; i++)
        wider[i] = numbers->common[(numbers->common_first + i) & (numbers->common_room - 1)];
    free(numbers->common);
    numbers->common = wider;
    numbers->common_first = 0;
    numbers->common_room = room;
}

void numbers_give(struct numbers *numbers, size_t stream, uint32_t number)
{
    uint32_t **own = &numbers->own[stream];

    if (!*own)
        *own = memory_take(NUMBERS_OWN, sizeof **own);
    if (numbers->own_counts[stream] < NUMBERS_OWN) {
        (*own)[numbers->own_counts[stream]++] = number;
        return;
    }
    if (numbers->common_count == numbers->common_room)
        widen_common(numbers);
    numbers->common[(numbers->common_first + numbers->common_count++) &
                    (numbers->common_room - 1)] = number;
}
