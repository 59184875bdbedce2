/* SPDX-License-Identifier: MIT */
/* Lists of calls, and their text form: see ops.h. */
#define _GNU_SOURCE
#include "lab/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"

#define SIZE_LIMIT ((uint64_t)1 << 46)
enum { BLOCK_LIMIT = 1 << 30, ALIGN_LIMIT = 30 };

static void make_room(struct ops *ops)
{
    if (ops->count == ops->room) {
        ops->room = ops->room ? ops->room * 2 : 256;
        ops->list = memory_resize(ops->list, ops->room, sizeof *ops->list);
    }
}

/* Numbers up to `block` can be asked about. */
static void know(struct ops *ops, uint32_t block)
{
    if (block >= ops->sizes_room) {
        uint32_t room = ops->sizes_room ? ops->sizes_room : 256;
        while (room <= block)
            room *= 2;
        ops->sizes = memory_resize(ops->sizes, room, sizeof *ops->sizes);
        for (uint32_t i = ops->sizes_room; i < room; i++)
            ops->sizes[i] = OPS_NONE;
        ops->sizes_room = room;
    }
    if (block >= ops->blocks)
        ops->blocks = block + 1;
}

static void count(struct ops *ops, const struct op *op)
{
    uint64_t *size = &ops->sizes[op->block];

    if (op->kind != OP_ALLOC) {
        ops->live_bytes -= *size;
        ops->live_blocks--;
        *size = OPS_NONE;
    }
    if (op->kind == OP_FREE)
        return;
    *size = op->size;
    ops->live_bytes += op->size;
    ops->live_blocks++;
    if (ops->live_bytes > ops->peak_bytes)
        ops->peak_bytes = ops->live_bytes;
    if (ops->live_blocks > ops->peak_blocks)
        ops->peak_blocks = ops->live_blocks;
    if (op->size > ops->largest)
        ops->largest = op->size;
    if (op->align > ops->largest_align)
        ops->largest_align = op->align;
}

const char *ops_add(struct ops *ops, enum op_kind kind, uint32_t block, uint64_t size,
                    uint8_t align)
{
    if (block >= BLOCK_LIMIT)
        return "the number of the block is too large";
    if (size > SIZE_LIMIT)
        return "the size is too large";
    if (align > ALIGN_LIMIT)
        return "the alignment is too large";
    bool is_live = block < ops->blocks && ops->sizes[block] != OPS_NONE;
    if (kind == OP_ALLOC && is_live)
        return "the block is in use already";
    if (kind != OP_ALLOC && !is_live)
        return "there is no such block in use";
    know(ops, block);
    make_room(ops);
    struct op *op = &ops->list[ops->count++];
    *op = (struct op){.size = size, .block = block, .kind = (uint8_t)kind, .align = align};
    count(ops, op);
    return NULL;
}

/* What a pattern adds is sound; if not, the command is at fault. */
static void must(const char *wrong)
{
    if (!wrong)
        return;
    message("lab: a pattern made a call that cannot be: %s", wrong);
    exit(EXIT_OWN_ERROR);
}

uint32_t ops_alloc(struct ops *ops, uint64_t size)
{
    uint32_t block = ops->blocks;

    must(ops_add(ops, OP_ALLOC, block, size, OPS_ALIGN));
    return block;
}

void ops_resize(struct ops *ops, uint32_t block, uint64_t size)
{
    must(ops_add(ops, OP_RESIZE, block, size, OPS_ALIGN));
}

void ops_free(struct ops *ops, uint32_t block)
{
    must(ops_add(ops, OP_FREE, block, 0, OPS_ALIGN));
}

/* ---- as text ---- */

static bool read_number(char **at, uint64_t *number)
{
    char *start = *at + strspn(*at, " \t"), *end;

    errno = 0;
    *number = strtoull(start, &end, 10);
    if (end == start || *start == '-' || errno || (*end && !strchr(" \t", *end)))
        return false;
    *at = end;
    return true;
}

static const char *read_align(char **at, uint8_t *align)
{
    uint64_t bytes;

    *align = OPS_ALIGN;
    if ((*at)[strspn(*at, " \t")] == '\0')
        return NULL;
    if (!read_number(at, &bytes) || bytes == 0 || (bytes & (bytes - 1)) != 0)
        return "an alignment is a power of two";
    *align = (uint8_t)__builtin_ctzll(bytes);
    return NULL;
}

static const char *read_line(struct ops *ops, char *line)
{
    static const char *const words[] = {"alloc", "resize", "free"};
    uint64_t block, size = 0;
    uint8_t align = OPS_ALIGN;
    const char *wrong = NULL;

    line[strcspn(line, "#\r\n")] = '\0';
    line += strspn(line, " \t");
    if (*line == '\0')
        return NULL;
    size_t length = strcspn(line, " \t"), kind = 0;
    while (kind < 3 && (strlen(words[kind]) != length || strncmp(words[kind], line, length) != 0))
        kind++;
    if (kind == 3)
        return "a line begins with alloc, resize or free";
    line += length;
    if (!read_number(&line, &block) || (kind != OP_FREE && !read_number(&line, &size)))
        return "a number is missing, or is none";
    if (kind == OP_ALLOC)
        wrong = read_align(&line, &align);
    if (!wrong && line[strspn(line, " \t")] != '\0')
        wrong = "there is more on the line than belongs there";
    if (!wrong && block >= BLOCK_LIMIT)
        wrong = "the number of the block is too large";
    return wrong ? wrong : ops_add(ops, (enum op_kind)kind, (uint32_t)block, size, align);
}

bool ops_read(struct ops *ops, const char *path)
{
    bool is_standard = strcmp(path, "-") == 0;
    FILE *from = is_standard ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t room = 0, number = 0;
    const char *wrong = NULL;

    if (!from) {
        message("lab: cannot read %s: %s", path, strerror(errno));
        return false;
    }
    while (!wrong && getline(&line, &room, from) >= 0) {
        number++;
        wrong = read_line(ops, line);
    }
    if (wrong)
        message("lab: %s:%zu: %s", path, number, wrong);
    else if (ferror(from))
        message("lab: cannot read %s: %s", path, strerror(errno));
    else if (ops->count == 0)
        message("lab: %s has no calls", path);
    bool good = !wrong && !ferror(from) && ops->count > 0;
    free(line);
    if (!is_standard)
        fclose(from);
    return good;
}

void ops_write(const struct ops *ops, FILE *to)
{
    for (size_t i = 0; i < ops->count; i++) {
        const struct op *op = &ops->list[i];
        if (op->kind == OP_FREE)
            fprintf(to, "free %u\n", op->block);
        else if (op->kind == OP_RESIZE)
            fprintf(to, "resize %u %llu\n", op->block, (unsigned long long)op->size);
        else if (op->align == OPS_ALIGN)
            fprintf(to, "alloc %u %llu\n", op->block, (unsigned long long)op->size);
        else
            fprintf(to, "alloc %u %llu %llu\n", op->block, (unsigned long long)op->size,
                    1ull << op->align);
    }
}

void ops_fini(struct ops *ops)
{
    free(ops->list);
    free(ops->sizes);
    *ops = (struct ops){0};
}
