/* SPDX-License-Identifier: MIT */
/*
 * Playing calls: see player.h. The way back is by states kept on the way there, the nearest before
 * the step that is wanted, and from there forwards; where none can be kept, from the start. Either
 * way every block has the same address as before, if the allocator is deterministic.
 */
#define _GNU_SOURCE
#include "lab/player.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "own_memory.h"

enum { MARK = 4 };
#define COPIED_MOST ((size_t)1 << 20)   /* bytes, to try a request: more is left to the system */
#define KEPT_MOST   ((size_t)256 << 20) /* bytes, about, of all states */

void player_init(struct player *player, struct subject *subject, const struct ops *ops, bool keep)
{
    size_t states = PLAYER_KEPT;
    size_t each = subject->region + ops->peak_bytes + ops->blocks * sizeof *player->blocks;

    *player = (struct player){.subject = subject, .ops = ops};
    player->blocks = memory_take(ops->blocks + 1, sizeof *player->blocks);
    if (!keep || !subject_can_be_saved(subject) || each > KEPT_MOST)
        return;
    while (states > 1 && each * states > KEPT_MOST)
        states /= 2;
    player->kept = memory_take(PLAYER_KEPT + 1, sizeof *player->kept);
    player->distance = ops->count / states + 1;
}

static cairn_layout layout_of(const struct player_block *block)
{
    return (cairn_layout){block->size, (size_t)1 << block->align};
}

static void end_blocks(struct player *player)
{
    for (uint32_t i = 0; i < player->ops->blocks; i++)
        if (player->blocks[i].ptr)
            cairn_allocator_dealloc(player->subject->allocator, player->blocks[i].ptr,
                                    layout_of(&player->blocks[i]));
}

void player_fini(struct player *player)
{
    end_blocks(player);
    for (size_t i = 0; player->kept && i <= PLAYER_KEPT; i++) {
        saved_fini(&player->kept[i].saved);
        free(player->kept[i].blocks);
    }
    free(player->kept);
    free(player->blocks);
    *player = (struct player){.subject = NULL};
}

/* ---- marks ---- */

/* Never zeroes, and far from those of other blocks. */
static uint32_t mark_of(uint32_t number)
{
    return (number + 1) * 0x9e3779b1u;
}

static void mark(const struct player_block *block, uint32_t number)
{
    if (block->size < MARK)
        return;
    number = mark_of(number);
    memcpy(block->ptr + block->size - MARK, &number, MARK);
    memcpy(block->ptr, &number, MARK);
}

static bool has_mark(const struct player_block *block, uint32_t number, uint64_t size)
{
    number = mark_of(number);
    if (size < MARK || memcmp(block->ptr, &number, MARK) != 0)
        return size < MARK;
    /* Short blocks' marks overlap; of one that was cut, only the first is left. */
    return size != block->size || size < 2 * MARK ||
           memcmp(block->ptr + size - MARK, &number, MARK) == 0;
}

static bool broken(const struct player *player, uint32_t number, const char *what)
{
    message("lab: %s: at call %zu: block %u %s", player->subject->name, player->now.at + 1, number,
            what);
    return false;
}

/* ---- a call ---- */

static void count_block(struct player *player, struct player_block *block)
{
    const struct subject *subject = player->subject;

    block->granted = subject_granted(subject, block->ptr, layout_of(block));
    player->now.blocks++;
    player->now.requested += block->size;
    player->now.granted += block->granted;
    uint64_t end = (uint64_t)(block->ptr - subject->span.start) + block->size;
    if (subject_has_region(subject) && end > player->now.high_water)
        player->now.high_water = end;
}

static void forget_block(struct player *player, const struct player_block *block)
{
    player->now.blocks--;
    player->now.requested -= block->size;
    player->now.granted -= block->granted;
}

static void count_failure(struct player *player)
{
    player->now.failures++;
    if (player->now.first_failure == 0)
        player->now.first_failure = player->now.at + 1;
}

static bool play_alloc(struct player *player, const struct op *op)
{
    struct player_block *block = &player->blocks[op->block];

    *block = (struct player_block){.size = op->size, .align = op->align};
    player->now.requests++;
    block->ptr = cairn_allocator_alloc(player->subject->allocator, layout_of(block));
    if (!block->ptr) {
        count_failure(player);
        return true;
    }
    if (((uintptr_t)block->ptr & (((uintptr_t)1 << op->align) - 1)) != 0)
        return broken(player, op->block, "is not aligned");
    mark(block, op->block);
    count_block(player, block);
    return true;
}

static bool play_resize(struct player *player, const struct op *op)
{
    struct player_block *block = &player->blocks[op->block];

    if (!block->ptr)
        return true; /* it never began */
    player->now.requests++;
    if (!has_mark(block, op->block, block->size))
        return broken(player, op->block, "was written to");
    uint64_t least = op->size < block->size ? op->size : block->size;
    char *ptr = cairn_allocator_realloc(player->subject->allocator, block->ptr, layout_of(block),
                                        op->size);
    if (!ptr) {
        count_failure(player);
        return true;
    }
    forget_block(player, block);
    block->ptr = ptr;
    if (!has_mark(block, op->block, least))
        return broken(player, op->block, "has lost its contents");
    block->size = op->size;
    mark(block, op->block);
    count_block(player, block);
    return true;
}

static bool play_free(struct player *player, const struct op *op)
{
    struct player_block *block = &player->blocks[op->block];

    if (!block->ptr)
        return true;
    if (!has_mark(block, op->block, block->size))
        return broken(player, op->block, "was written to");
    cairn_allocator_dealloc(player->subject->allocator, block->ptr, layout_of(block));
    forget_block(player, block);
    block->ptr = NULL;
    return true;
}

static void keep_state(struct player *player)
{
    struct player_kept *kept;

    if (!player->kept || player->now.at % player->distance != 0)
        return;
    kept = &player->kept[player->now.at / player->distance];
    if (kept->is_kept)
        return;
    size_t blocks = player->ops->blocks + 1;
    kept->blocks = memory_take(blocks, sizeof *kept->blocks);
    memcpy(kept->blocks, player->blocks, blocks * sizeof *kept->blocks);
    kept->now = player->now;
    saved_keep(&kept->saved, player->subject);
    kept->is_kept = true;
}

bool player_step(struct player *player)
{
    static bool (*const play[])(struct player *, const struct op *) = {
        [OP_ALLOC] = play_alloc, [OP_RESIZE] = play_resize, [OP_FREE] = play_free};

    if (player->now.at == player->ops->count)
        return true;
    keep_state(player);
    const struct op *op = &player->ops->list[player->now.at];
    if (!play[op->kind](player, op))
        return false;
    player->now.at++;
    return true;
}

/* ---- going back ---- */

static bool start_again(struct player *player)
{
    end_blocks(player);
    memset(player->blocks, 0, (player->ops->blocks + 1) * sizeof *player->blocks);
    player->now = (struct player_figures){.at = 0};
    return subject_restart(player->subject);
}

static bool go_back(struct player *player, size_t at)
{
    size_t index = player->kept ? at / player->distance : 0;

    while (index > 0 && !player->kept[index].is_kept)
        index--;
    if (!player->kept || !player->kept[index].is_kept)
        return start_again(player);
    const struct player_kept *kept = &player->kept[index];
    saved_put_back(&kept->saved, player->subject);
    memcpy(player->blocks, kept->blocks, (player->ops->blocks + 1) * sizeof *player->blocks);
    player->now = kept->now;
    return true;
}

bool player_seek(struct player *player, size_t at)
{
    if (at < player->now.at && !go_back(player, at))
        return false;
    while (player->now.at < at && player->now.at < player->ops->count)
        if (!player_step(player))
            return false;
    return true;
}

/* ---- questions ---- */

bool player_audit(const struct player *player)
{
    const char *wrong = subject_audit(player->subject);

    if (wrong) {
        message("lab: %s: after call %zu: %s", player->subject->name, player->now.at, wrong);
        return false;
    }
    for (uint32_t i = 0; i < player->ops->blocks; i++) {
        const struct player_block *block = &player->blocks[i];
        if (block->ptr && !has_mark(block, i, block->size))
            return broken(player, i, "was written to");
    }
    return true;
}

static bool gets(struct player *player, uint64_t size)
{
    cairn_layout layout = {size, (size_t)1 << OPS_ALIGN};
    return cairn_allocator_alloc(player->subject->allocator, layout) != NULL;
}

/* In a copy of the process, which ends with the answer. */
static double gets_in_a_copy(struct player *player, uint64_t size)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(gets(player, size));
    if (child < 0)
        return NAN;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return NAN;
    return WIFEXITED(status) ? WEXITSTATUS(status) : NAN;
}

double player_would_get(struct player *player, uint64_t size)
{
    struct saved saved = {.bytes = NULL};

    if (player->subject->span.high > COPIED_MOST)
        return gets_in_a_copy(player, size);
    saved_keep(&saved, player->subject);
    bool got = gets(player, size);
    saved_put_back(&saved, player->subject);
    saved_fini(&saved);
    return got;
}
