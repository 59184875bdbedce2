/* SPDX-License-Identifier: MIT */
/*
 * Robson's worst case. J. M. Robson ("An estimate of the store size necessary for dynamic storage
 * allocation", JACM 18(3), 1971; "Bounds for some functions concerning dynamic storage allocation",
 * JACM 21(3), 1974) gave a program that forces every allocator that does not move blocks, however
 * clever, to spread M units of live blocks, of at most n units each, over at least
 *
 *     M (log2(n) / 2 + 1) - n + 1
 *
 * units. It allocates M blocks of one unit. Then, for sizes 2, 4, … n: it looks at the addresses
 * that are equal to some f modulo the size, keeps the blocks that lie on one, which spoil every
 * place for a block of that size, frees all others, and fills up to M with blocks of the size.
 * f continues that of the round before, so that what was kept goes on to spoil; of the two ways to
 * do so, it takes the one whose blocks spoil more.
 *
 * The program looks at where its blocks are. To give every allocator the same calls, it is played
 * here against a first fit without headers, and what it does is written down: the worst case for
 * first fit, and a bad one for others. A unit is 32 bytes, of which a block leaves 8 for a tag, so
 * that the kit's `fit` places its blocks exactly as the model does.
 */
#define _GNU_SOURCE
#include "lab/pattern.h"

#include <stdlib.h>

#include "message.h"
#include "own_memory.h"

enum { UNIT = 32, TAG = 8, ROUNDS_MOST = 20, UNITS_MOST = 1 << 20 };

struct place {
    uint32_t block;
    size_t at, units;
};

struct game {
    struct ops *ops;
    struct place *places; /* live blocks */
    size_t count;
    bool *used; /* each unit */
    size_t space;
    size_t live; /* units */
};

/* First fit, from `from` on: below there is no room for this size (nothing ended since). */
static size_t first_fit(const struct game *game, size_t from, size_t units)
{
    size_t run = 0, at = from;

    for (; run < units && at < game->space; at++)
        run = game->used[at] ? 0 : run + 1;
    return at - run;
}

static void allocate(struct game *game, size_t count, size_t units)
{
    size_t from = 0;

    for (size_t i = 0; i < count; i++) {
        size_t at = first_fit(game, from, units);
        for (size_t j = at; j < at + units; j++)
            game->used[j] = true;
        game->places[game->count++] = (struct place){
            .block = ops_alloc(game->ops, units * UNIT - TAG), .at = at, .units = units};
        game->live += units;
        from = at + units;
    }
}

/* Whether the block lies on an address that is f modulo size. */
static bool spoils(const struct place *place, size_t f, size_t size)
{
    size_t next = place->at + (f + size - place->at % size) % size;
    return next < place->at + place->units;
}

static size_t weight(const struct game *game, size_t f, size_t size)
{
    size_t sum = 0;

    for (size_t i = 0; i < game->count; i++)
        if (spoils(&game->places[i], f, size))
            sum += size - game->places[i].units;
    return sum;
}

static void end_harmless(struct game *game, size_t f, size_t size)
{
    size_t kept = 0;

    for (size_t i = 0; i < game->count; i++) {
        const struct place *place = &game->places[i];
        if (spoils(place, f, size)) {
            game->places[kept++] = *place;
            continue;
        }
        ops_free(game->ops, place->block);
        for (size_t j = place->at; j < place->at + place->units; j++)
            game->used[j] = false;
        game->live -= place->units;
    }
    game->count = kept;
}

static size_t units_of(const struct pattern_request *request)
{
    return request->live_in_bytes ? request->live / UNIT : request->live;
}

/* Doublings from a unit to the largest size. */
static size_t rounds_of(const struct pattern_request *request)
{
    size_t rounds = 0;

    while (rounds < ROUNDS_MOST && ((size_t)UNIT << (rounds + 1)) <= request->to)
        rounds++;
    return rounds;
}

uint64_t pattern_robson_bound(const struct pattern_request *request)
{
    uint64_t units = units_of(request), rounds = rounds_of(request);

    return (units * (rounds + 2) / 2 - ((uint64_t)1 << rounds) + 1) * UNIT;
}

bool pattern_robson(struct ops *ops, const struct pattern_request *request)
{
    size_t units = units_of(request), rounds = rounds_of(request), f = 0;

    if (units < (size_t)1 << rounds || units > UNITS_MOST) {
        message("lab: robson needs %zu to %d units of %d bytes to be live (--live)",
                (size_t)1 << rounds, UNITS_MOST, UNIT);
        return false;
    }
    struct game game = {.ops = ops, .space = units * (rounds + 2)};
    game.places = memory_take(units, sizeof *game.places);
    game.used = memory_take(game.space, sizeof *game.used);
    allocate(&game, units, 1);
    for (size_t round = 1; round <= rounds; round++) {
        size_t size = (size_t)1 << round, other = f + size / 2;
        if (weight(&game, other, size) > weight(&game, f, size))
            f = other;
        end_harmless(&game, f, size);
        allocate(&game, (units - game.live) / size, size);
    }
    free(game.places);
    free(game.used);
    return true;
}
