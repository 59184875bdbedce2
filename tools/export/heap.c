/* SPDX-License-Identifier: MIT */
/*
 * The heap profile in text that gperftools writes, in its form with names, which google-pprof (its
 * pprof in Perl) reads without the program: a part with the name of each address, then a line for
 * each stack with what is in use and what was allocated in all. Functions that were inlined stand in
 * the name of their call, outermost first with -- between. There are no source lines in this format.
 * The kind is given as "heapprofile", which says that nothing was sampled.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "export/formats.h"
#include "own_memory.h"

/* A line may not be broken, and -- separates names. */
static void put_name(const char *name, FILE *to)
{
    for (; *name; name++) {
        putc((unsigned char)*name < ' ' ? ' ' : *name, to);
        if (name[0] == '-' && name[1] == '-')
            putc(' ', to);
    }
}

/* Nodes without a module have addresses that no module has. */
static uint64_t address_of(const struct trace_reader *reader, uint32_t node)
{
    struct trace_node is = trace_node(reader, node);

    if (!node || is.module >= trace_modules(reader))
        return (uint64_t)node + 1;
    return frames_address(is.module, is.offset);
}

static void put_address(struct names *written, struct frames *frames, uint32_t node, FILE *to)
{
    char address[24];
    size_t before = written->count, count = 0;
    const uint32_t unknown[] = {0}, *calls = unknown;

    snprintf(address, sizeof address, "0x%016" PRIx64, address_of(frames->reader, node));
    names_number(written, address);
    if (written->count == before)
        return;
    if (node)
        calls = frames_of_node(frames, node, &count);
    fprintf(to, "%s ", address);
    for (size_t i = count ? count : 1; i > 0; i--) {
        put_name(frames->frames[calls[i - 1]].function, to);
        fputs(i > 1 ? "--" : "\n", to);
    }
}

static bool is_sample(const struct profile_sums *sums)
{
    return sums->blocks || sums->peak_blocks;
}

/* The name of each address that a stack has. */
static void put_names(const struct profile *profile, struct frames *frames, FILE *to)
{
    const struct trace_reader *reader = profile->reader;
    uint32_t nodes = trace_nodes(reader);
    bool *needed = memory_take(nodes, sizeof *needed);
    struct names written = {.count = 0};

    for (uint32_t node = nodes; node-- > 0;) { /* who calls stands before */
        needed[node] = needed[node] || is_sample(&profile->stacks[node]);
        if (!needed[node])
            continue;
        put_address(&written, frames, node, to);
        if (node && trace_node(reader, node).parent)
            needed[trace_node(reader, node).parent] = true;
    }
    names_fini(&written);
    free(needed);
}

static void put_sums(const struct profile_sums *sums, FILE *to)
{
    fprintf(to, "%6" PRIu64 ": %8" PRIu64 " [%6" PRIu64 ": %8" PRIu64 "] @", sums->peak_blocks,
            sums->peak_bytes, sums->blocks, sums->bytes);
}

void export_heap(const struct profile *profile, struct frames *frames, FILE *to)
{
    const struct trace_reader *reader = profile->reader;
    struct profile_sums whole = {.blocks = 0};

    fputs("--- symbol\n", to);
    put_names(profile, frames, to);
    fputs("---\nheap profile: ", to);
    for (uint32_t node = 0; node < trace_nodes(reader); node++) {
        whole.blocks += profile->stacks[node].blocks;
        whole.bytes += profile->stacks[node].bytes;
        whole.peak_blocks += profile->stacks[node].peak_blocks;
        whole.peak_bytes += profile->stacks[node].peak_bytes;
    }
    put_sums(&whole, to);
    fputs(" heapprofile\n", to);
    for (uint32_t node = 0; node < trace_nodes(reader); node++) {
        if (!is_sample(&profile->stacks[node]))
            continue;
        uint32_t at = node;
        put_sums(&profile->stacks[node], to);
        do
            fprintf(to, " 0x%016" PRIx64, address_of(reader, at));
        while (at && (at = trace_node(reader, at).parent) != 0);
        putc('\n', to);
    }
}
