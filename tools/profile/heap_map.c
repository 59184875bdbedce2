/* SPDX-License-Identifier: MIT */
/*
 * The picture of a heap for a document: see document_parts.h. The address space at the peak, in runs
 * of pages by how full of live blocks they are. Pages are taken together, two, four, eight…, until
 * there are few enough runs. What lies between two used pages counts as free if it is small; the rest
 * of the address space, which a program does not have, is left out, as a short run of its own.
 */
#include "profile/document_parts.h"

#include <stdlib.h>

#include "own_memory.h"
#include "page/document.h"
#include "profile/pages.h"

enum { RUNS = 4000, NEAR_PAGES = 1024 /* 4 MiB */, ELSEWHERE_PAGES = 16 };

enum state { STATE_FREE, STATE_QUARTER, STATE_HALF, STATE_MOST, STATE_FULL, STATE_ELSEWHERE };

struct run {
    enum state state;
    uint64_t pages;
};

struct picture {
    struct run runs[RUNS];
    size_t count;
    uint64_t granule;       /* pages that are taken together */
    uint64_t next, pending; /* number of the granule under way; its bytes */
    bool began;
};

static enum state state_for(uint64_t bytes, uint64_t pages)
{
    uint64_t room = pages * PAGE_BYTES;

    if (bytes == 0)
        return STATE_FREE;
    if (bytes * 4 <= room)
        return STATE_QUARTER;
    if (bytes * 2 <= room)
        return STATE_HALF;
    return bytes * 4 <= room * 3 ? STATE_MOST : STATE_FULL;
}

/* Counts on where there is no more room, so that too many runs show. */
static void put(struct picture *picture, enum state state, uint64_t pages)
{
    struct run *last = picture->count && picture->count <= RUNS ? &picture->runs[picture->count - 1]
                                                                : NULL;
    if (pages == 0)
        return;
    if (last && last->state == state && state != STATE_ELSEWHERE) {
        last->pages += pages;
        return;
    }
    if (picture->count < RUNS)
        picture->runs[picture->count] = (struct run){state, pages};
    picture->count++;
}

/* The granules from the one under way up to `granule`, without it. */
static void pass(struct picture *picture, uint64_t granule)
{
    if (granule == picture->next)
        return;
    put(picture, state_for(picture->pending, picture->granule), picture->granule);
    picture->pending = 0;
    uint64_t gap = (granule - picture->next - 1) * picture->granule;
    put(picture, gap <= NEAR_PAGES ? STATE_FREE : STATE_ELSEWHERE,
        gap <= NEAR_PAGES ? gap : ELSEWHERE_PAGES);
    picture->next = granule;
}

static void add(struct picture *picture, const struct profile_page *page)
{
    uint64_t number = page->number, left = page->count;

    while (left > 0 && picture->count <= RUNS) {
        uint64_t granule = number / picture->granule;
        uint64_t here = picture->granule - number % picture->granule;
        here = here < left ? here : left;
        if (!picture->began)
            picture->next = granule;
        picture->began = true;
        pass(picture, granule);
        uint64_t whole = left / picture->granule;
        if (here == picture->granule && whole > 1) { /* many that are alike */
            put(picture, state_for(page->bytes, 1), (whole - 1) * picture->granule);
            picture->next += whole - 1;
            number += (whole - 1) * picture->granule;
            left -= (whole - 1) * picture->granule;
        }
        picture->pending += here * page->bytes;
        number += here;
        left -= here;
    }
}

static bool draw(struct picture *picture, const struct profile *profile, uint64_t granule)
{
    *picture = (struct picture){.granule = granule};
    for (size_t i = 0; i < profile->page_count; i++)
        add(picture, &profile->pages[i]);
    pass(picture, picture->next + 1);
    return picture->count <= RUNS;
}

void part_heap_map(json_t *document, const struct profile *profile)
{
    static const char *const states[] = {"free",       "up to 25 % in use", "up to 50 %",
                                         "up to 75 %", "up to 100 %",       "elsewhere"};
    struct picture *picture = memory_take(1, sizeof *picture);
    uint64_t granule = 1;

    if (profile->page_count > 0) {
        while (!draw(picture, profile, granule))
            granule *= 2;
        json_t *map = document_heapmap(document, "Address space at the peak");
        for (size_t i = 0; i < sizeof states / sizeof *states; i++)
            document_state(map, states[i]);
        char *label = memory_format("at %.3f s, in steps of %llu KiB", profile->peak_seconds,
                                    (unsigned long long)(granule * PAGE_BYTES / 1024));
        json_t *frame = document_frame(map, label);
        for (size_t i = 0; i < picture->count; i++)
            document_run(frame, picture->runs[i].state,
                         (double)(picture->runs[i].pages * PAGE_BYTES));
        char *process = part_process(profile, profile->page_process);
        char *note = memory_format(
            "How full of live blocks the pages were, by address. Gaps of more than 4 MiB between "
            "used pages are drawn as 64 KiB of \"elsewhere\".%s%s%s",
            profile_processes(profile) > 1 ? " This is " : "",
            profile_processes(profile) > 1 ? process : "",
            profile_processes(profile) > 1 ? ": it had the most live bytes then." : "");
        document_note(map, note);
        free(note);
        free(process);
        free(label);
    }
    free(picture);
}
