/* SPDX-License-Identifier: MIT */
/*
 * massif.out, as ms_print and massif-visualizer read it: the heap over time in at most 100 snapshots,
 * and at the peak a tree of who held what, from the functions that allocated to those that called
 * them. What is below 1 % is summed up in one line, as massif does it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "export/formats.h"
#include "own_memory.h"

enum { SNAPSHOTS = 98, DEPTH = 30, PER_CENT = 100, FIRST_ROOM = 1024 };

/* A frame below the one that it called, with the bytes of the stacks that go through both. */
struct branch {
    uint32_t parent, frame;
    uint32_t child, next; /* lists: 0 ends */
    uint64_t bytes;
};

struct tree {
    struct branch *branches; /* the root first */
    uint32_t *slots;         /* hash table by parent and frame; 0: empty */
    size_t count, room, size;
    uint64_t least; /* bytes: what is below is summed up */
    const struct frames *frames;
    FILE *to;
};

static uint32_t *slot_of(struct tree *tree, uint32_t parent, uint32_t frame)
{
    size_t at = names_mix((uint64_t)parent << 32 | frame) & (tree->size - 1);
    while (tree->slots[at] && (tree->branches[tree->slots[at]].parent != parent ||
                               tree->branches[tree->slots[at]].frame != frame))
        at = (at + 1) & (tree->size - 1);
    return &tree->slots[at];
}

static void grow(struct tree *tree)
{
    tree->room = tree->room ? tree->room * 2 : FIRST_ROOM;
    tree->branches = memory_resize(tree->branches, tree->room, sizeof *tree->branches);
    free(tree->slots);
    tree->size = tree->room * 2;
    tree->slots = memory_take(tree->size, sizeof *tree->slots);
    for (size_t i = 1; i < tree->count; i++)
        *slot_of(tree, tree->branches[i].parent, tree->branches[i].frame) = (uint32_t)i;
}

/* The branch of that frame below `parent`; made if there is none. */
static uint32_t branch_of(struct tree *tree, uint32_t parent, uint32_t frame)
{
    uint32_t *slot = slot_of(tree, parent, frame);

    if (*slot)
        return *slot;
    if (tree->count == tree->room) {
        grow(tree);
        slot = slot_of(tree, parent, frame);
    }
    *slot = (uint32_t)tree->count;
    tree->branches[tree->count] = (struct branch){
        .parent = parent, .frame = frame, .next = tree->branches[parent].child};
    tree->branches[parent].child = *slot;
    return (uint32_t)tree->count++;
}

static void add_stacks(struct tree *tree, const struct profile *profile, struct frames *frames)
{
    for (uint32_t node = 0; node < trace_nodes(profile->reader); node++) {
        uint64_t bytes = profile->stacks[node].peak_bytes;
        if (!bytes)
            continue;
        size_t count = frames_of(frames, node);
        uint32_t at = 0;
        for (size_t i = 0; i < count && i < DEPTH; i++) {
            at = branch_of(tree, at, frames->stack[i]);
            tree->branches[at].bytes += bytes;
        }
    }
}

static const struct tree *sorted; /* for qsort */

static int larger_first(const void *a, const void *b)
{
    uint64_t x = sorted->branches[*(const uint32_t *)a].bytes;
    uint64_t y = sorted->branches[*(const uint32_t *)b].bytes;
    return (x < y) - (x > y);
}

/* Text to the end of a line: it must not have one in it. */
static void put_line(const char *text, FILE *to)
{
    for (; *text; text++)
        putc((unsigned char)*text < ' ' ? ' ' : *text, to);
    putc('\n', to);
}

/* A line for the branch, then its children. */
static void put_branch(const struct tree *tree, uint32_t at, unsigned depth)
{
    const struct branch *branch = &tree->branches[at];
    uint64_t small_bytes = 0;
    size_t count = 0, small = 0;

    for (uint32_t i = branch->child; i; i = tree->branches[i].next)
        count++;
    uint32_t *children = memory_take(count, sizeof *children);
    count = 0;
    for (uint32_t i = branch->child; i; i = tree->branches[i].next) {
        if (tree->branches[i].bytes >= tree->least) {
            children[count++] = i;
        } else {
            small++;
            small_bytes += tree->branches[i].bytes;
        }
    }
    sorted = tree;
    qsort(children, count, sizeof *children, larger_first);
    fprintf(tree->to, "%*sn%zu: %" PRIu64 " ", (int)depth, "", count + (small > 0), branch->bytes);
    if (at) {
        fprintf(tree->to, "0x%X: ", (unsigned)branch->frame);
        put_line(frames_label(tree->frames, branch->frame), tree->to);
    } else {
        fputs("(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n", tree->to);
    }
    for (size_t i = 0; i < count; i++)
        put_branch(tree, children[i], depth + 1);
    if (small)
        fprintf(tree->to,
                "%*sn0: %" PRIu64 " in %zu place%s, %sbelow massif's threshold (1.00%%)\n",
                (int)depth + 1, "", small_bytes, small, small == 1 ? "" : "s",
                small == 1 ? "" : "all ");
    free(children);
}

static void put_snapshot(FILE *to, unsigned number, double seconds, uint64_t bytes)
{
    fprintf(to,
            "#-----------\nsnapshot=%u\n#-----------\ntime=%" PRIu64 "\nmem_heap_B=%" PRIu64
            "\nmem_heap_extra_B=0\nmem_stacks_B=0\n",
            number, seconds > 0 ? (uint64_t)(seconds * 1e3) : 0, bytes);
}

static void put_peak(const struct profile *profile, struct frames *frames, unsigned number,
                     FILE *to)
{
    struct tree tree = {.frames = frames, .to = to, .count = 1};

    grow(&tree);
    tree.branches[0] = (struct branch){.bytes = profile->whole.peak_bytes};
    tree.least = profile->whole.peak_bytes / PER_CENT;
    add_stacks(&tree, profile, frames);
    put_snapshot(to, number, profile->peak_seconds, profile->whole.peak_bytes);
    fputs("heap_tree=peak\n", to);
    put_branch(&tree, 0, 0);
    free(tree.branches);
    free(tree.slots);
}

void export_massif(const struct profile *profile, struct frames *frames, FILE *to)
{
    size_t every = profile->moment_count / SNAPSHOTS + 1;
    unsigned number = 0;
    bool had_peak = false;

    fputs("desc: --time-unit=ms\ncmd: ", to);
    put_line(export_command(profile), to);
    fputs("time_unit: ms\n", to);
    for (size_t i = 0; i < profile->moment_count; i++) {
        const struct profile_moment *moment = &profile->moments[i];
        if (!had_peak && moment->seconds >= profile->peak_seconds) {
            put_peak(profile, frames, number++, to);
            had_peak = true;
        }
        if (i % every == 0 || i + 1 == profile->moment_count) {
            put_snapshot(to, number++, moment->seconds, moment->bytes);
            fputs("heap_tree=empty\n", to);
        }
    }
    if (!had_peak)
        put_peak(profile, frames, number, to);
}
