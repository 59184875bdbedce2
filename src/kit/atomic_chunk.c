/* SPDX-License-Identifier: MIT */
/* See atomic_chunk.h. */
#include "kit/atomic_chunk.h"

enum {
    PLENTY = GROUP_BLOCKS / 4,          /* free blocks that make a group worth moving to */
    HARDLY_USED = GROUP_BLOCKS * 3 / 4, /* free blocks of a group where few are in use */
    LOOKS = 4,                          /* groups looked at for one that has plenty */
};

/* ---- begin and end ---- */

static uint32_t divide_up(uint32_t n, uint32_t by)
{
    return n / by + (n % by != 0);
}

/* The blocks of a group that there are. */
static uint64_t mask_of(const struct chunk *chunk, uint32_t group)
{
    uint32_t blocks = chunk->blocks - group * GROUP_BLOCKS;
    return blocks >= GROUP_BLOCKS ? UINT64_MAX : ((uint64_t)1 << blocks) - 1;
}

/* Where things lie behind the blocks; offsets from the start. */
struct plan {
    size_t groups;
    size_t tree;
    size_t end;
};

static struct plan plan_of(uint32_t blocks, size_t stride)
{
    uint32_t groups = divide_up(blocks, GROUP_BLOCKS);
    struct plan plan;
    size_t chunk = round_up(blocks * stride, _Alignof(struct group));
    plan.groups = round_up(chunk + sizeof(struct chunk), _Alignof(struct group));
    plan.tree = plan.groups + groups * sizeof(struct group);
    plan.end = plan.tree;
    uint32_t words = groups;
    do {
        words = divide_up(words, 64);
        plan.end += words * sizeof(uint64_t);
    } while (words > 1);
    return plan;
}

/* n bits of a level, all set. */
static void fill_level(_Atomic uint64_t *words, uint32_t bits)
{
    for (uint32_t at = 0; at < bits; at += 64)
        atomic_init(&words[at / 64],
                    bits - at >= 64 ? UINT64_MAX : ((uint64_t)1 << (bits - at)) - 1);
}

static void fill(struct chunk *chunk, _Atomic uint64_t *tree)
{
    for (uint32_t i = 0; i < chunk->group_count; i++) {
        struct group *group = &chunk->groups[i];
        atomic_init(&group->free, mask_of(chunk, i));
        group->start = chunk->start + i * GROUP_BLOCKS * chunk->stride;
        group->chunk = chunk;
    }
    uint32_t bits = chunk->group_count;
    chunk->levels = 0;
    do {
        chunk->tree[chunk->levels] = tree;
        chunk->bits[chunk->levels++] = bits;
        fill_level(tree, bits);
        bits = divide_up(bits, 64);
        tree += bits;
    } while (bits > 1);
}

struct chunk *cairn__chunk_create(cairn_allocator source, uint32_t blocks, size_t stride,
                                  size_t align)
{
    struct plan plan = plan_of(blocks, stride);
    cairn_layout layout = {plan.end, size_max(align, _Alignof(struct group))};
    char *start = cairn_allocator_alloc(source, layout);
    if (start == NULL)
        return NULL;
    size_t bytes = blocks * stride;
    struct chunk *chunk = (struct chunk *)(start + round_up(bytes, _Alignof(struct group)));
    chunk->start = start;
    chunk->bytes = bytes;
    chunk->stride = stride;
    chunk->blocks = blocks;
    chunk->group_count = divide_up(blocks, GROUP_BLOCKS);
    chunk->groups = (struct group *)(start + plan.groups);
    chunk->layout = layout;
    fill(chunk, (_Atomic uint64_t *)(start + plan.tree));
    return chunk;
}

void cairn__chunk_destroy(struct chunk *chunk, cairn_allocator source)
{
    cairn_allocator_dealloc(source, chunk->start, chunk->layout);
}

/* ---- the tree ---- */

/* The word that bit `index` of a level stands for. */
static uint64_t word_below(const struct chunk *chunk, unsigned level, uint32_t index)
{
    const _Atomic uint64_t *word = level == 0 ? &chunk->groups[index].free
                                              : &chunk->tree[level - 1][index];
    return atomic_load_explicit(word, memory_order_seq_cst);
}

/* Sets a bit and those above it, up to one that is set: whoever set that one went on from there. */
static void announce(const struct chunk *chunk, unsigned level, uint32_t index)
{
    for (; level < chunk->levels; level++, index /= 64) {
        _Atomic uint64_t *word = &chunk->tree[level][index / 64];
        uint64_t bit = (uint64_t)1 << index % 64;
        if ((atomic_load_explicit(word, memory_order_seq_cst) & bit) != 0)
            return;
        atomic_fetch_or_explicit(word, bit, memory_order_seq_cst);
    }
}

void cairn__chunk_announce(struct chunk *chunk, uint32_t group)
{
    announce(chunk, 0, group);
}

/* A search found nothing below a bit. The partner is who sets something there, and then looks at
 * the bit. */
static void retire(const struct chunk *chunk, unsigned level, uint32_t index)
{
    atomic_fetch_and_explicit(&chunk->tree[level][index / 64], ~((uint64_t)1 << index % 64),
                              memory_order_seq_cst);
    if (word_below(chunk, level, index) != 0)
        announce(chunk, level, index);
}

/* The first set bit of a level at `from` or after it in its word; UINT32_MAX: none. */
static uint32_t bit_from(const struct chunk *chunk, unsigned level, uint32_t from)
{
    uint64_t word = atomic_load_explicit(&chunk->tree[level][from / 64], memory_order_seq_cst);
    word &= UINT64_MAX << from % 64;
    return word != 0 ? from / 64 * 64 + lowest_bit(word) : UINT32_MAX;
}

/*
 * The first group at `from` or after it whose bit is set; group_count: none. Up the tree as long as
 * the rest of a word is empty, then down again.
 */
static uint32_t next_group(const struct chunk *chunk, uint32_t from)
{
    unsigned level = 0;
    uint32_t at = from;
    while (at < chunk->bits[level]) {
        uint32_t found = bit_from(chunk, level, at);
        if (found == UINT32_MAX) {
            if (++level == chunk->levels)
                break;
            at = at / 64 + 1;
        } else if (level == 0) {
            return found;
        } else if (word_below(chunk, level, found) == 0) {
            retire(chunk, level, found);
            at = found;
        } else {
            level--;
            at = found * 64;
        }
    }
    return chunk->group_count;
}

/* The best that was seen so far. */
struct choice {
    struct group *group;
    unsigned free;
    unsigned looks;
};

static bool is_settled(const struct choice *choice)
{
    return choice->free >= PLENTY || choice->looks >= LOOKS;
}

static void choose(struct chunk *chunk, uint32_t from, uint32_t end, struct choice *choice)
{
    while (!is_settled(choice) && (from = next_group(chunk, from)) < end) {
        uint64_t word = word_below(chunk, 0, from);
        if (word == 0) {
            retire(chunk, 0, from);
        } else {
            unsigned free = count_ones64(word);
            choice->looks++;
            if (free > choice->free) {
                choice->free = free;
                choice->group = &chunk->groups[from];
            }
        }
        from++;
    }
}

static struct choice choose_from(struct chunk *chunk, uint32_t from)
{
    struct choice choice = {NULL, 0, 0};
    choose(chunk, from, chunk->group_count, &choice);
    choose(chunk, 0, from, &choice);
    return choice;
}

struct group *cairn__chunk_search(struct chunk *chunk, uint32_t from, uint32_t home)
{
    struct choice choice = choose_from(chunk, from);
    if (choice.free >= HARDLY_USED && from != home) {
        struct choice other = choose_from(chunk, home);
        if (other.free >= PLENTY)
            return other.group;
    }
    return choice.group;
}

struct group *cairn__chunk_look_at_all(struct chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->group_count; i++)
        if (word_below(chunk, 0, i) != 0)
            return &chunk->groups[i];
    return NULL;
}

/* ---- questions ---- */

size_t cairn__chunk_count_free(const struct chunk *chunk)
{
    size_t free = 0;
    for (uint32_t i = 0; i < chunk->group_count; i++)
        free += count_ones64(atomic_load_explicit(&chunk->groups[i].free, memory_order_relaxed));
    return free;
}

static const char *audit_level(const struct chunk *chunk, unsigned level)
{
    uint32_t bits = chunk->bits[level];
    for (uint32_t i = 0; i < bits; i++) {
        uint64_t word = atomic_load_explicit(&chunk->tree[level][i / 64], memory_order_relaxed);
        if (word_below(chunk, level, i) != 0 && (word >> i % 64 & 1) == 0)
            return "the tree does not tell of a word that has bits";
    }
    uint64_t last = atomic_load_explicit(&chunk->tree[level][(bits - 1) / 64],
                                         memory_order_relaxed);
    if (bits % 64 != 0 && last >> bits % 64 != 0)
        return "the tree has a bit for nothing";
    return NULL;
}

const char *cairn__chunk_audit(const struct chunk *chunk)
{
    if (chunk->bytes != chunk->blocks * chunk->stride ||
        chunk->group_count != divide_up(chunk->blocks, GROUP_BLOCKS))
        return "a chunk's counts do not agree";
    for (uint32_t i = 0; i < chunk->group_count; i++) {
        const struct group *group = &chunk->groups[i];
        if (group->chunk != chunk ||
            group->start != chunk->start + i * GROUP_BLOCKS * chunk->stride)
            return "a group is not where it should be";
        uint64_t free = atomic_load_explicit(&group->free, memory_order_relaxed);
        if ((free & ~mask_of(chunk, i)) != 0)
            return "a group has a free block that does not exist";
    }
    uint32_t bits = chunk->group_count;
    for (unsigned level = 0; level < chunk->levels; level++, bits = divide_up(bits, 64)) {
        const char *wrong = chunk->bits[level] != bits ? "a level of the tree has a wrong size"
                                                       : audit_level(chunk, level);
        if (wrong != NULL)
            return wrong;
    }
    return bits == 1 ? NULL : "the tree has no root";
}
