/* SPDX-License-Identifier: MIT */
/* pool.h: blocks, bounds, chunks that come and go, and what is answered to bad input. */
#include "unit/unit.h"

#include "base/visible.h"
#include "cairn/pool.h"
#include "nth_source.h"

static const cairn_layout layouts[] = {{0, 1},  {1, 1},   {3, 1},   {8, 8},    {24, 8},
                                       {10, 2}, {64, 64}, {48, 16}, {100, 32}, {5000, 4096}};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

static void sound(const cairn_pool *pool)
{
    const char *wrong = cairn_pool_audit(pool);
    if (wrong != NULL)
        unit_fail(wrong, __FILE__, __LINE__);
}

static bool is_aligned_to(const void *ptr, size_t align)
{
    return ((uintptr_t)ptr & (align - 1)) == 0;
}

/* ---- bad input ---- */

static void gives_nothing(cairn_pool *pool)
{
    void *other[2] = {NULL, NULL};
    REQUIRE(cairn_pool_alloc(pool) == NULL);
    REQUIRE(cairn_pool_dealloc(pool, NULL));
    REQUIRE(!cairn_pool_dealloc(pool, &other));
    REQUIRE(!cairn_pool_owns(pool, &other) && !cairn_pool_owns(pool, NULL));
    REQUIRE(!cairn_pool_reserve(pool, 1) && cairn_pool_reserve(pool, 0));
    REQUIRE(cairn_pool_trim(pool) == 0 && cairn_pool_capacity(pool) == 0);
    REQUIRE(cairn_pool_live(pool) == 0);
    cairn_pool_reset(pool);
    sound(pool);
    cairn_pool_fini(pool);
    REQUIRE(cairn_pool_alloc(pool) == NULL);
}

TEST(a_pool_that_cannot_be)
{
    static const cairn_layout bad[] = {
        {8, 0},           {8, 3}, {SIZE_MAX, 1}, {PTRDIFF_MAX, 1}, {1, (size_t)PTRDIFF_MAX + 1},
        {PTRDIFF_MAX, 16}};
    char region[64];
    cairn_pool pool;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REQUIRE(!cairn_pool_init(&pool, bad[i], NULL));
        gives_nothing(&pool);
        REQUIRE(!cairn_pool_init_fixed(&pool, bad[i], region, sizeof region, NULL));
        gives_nothing(&pool);
    }
    cairn_layout block = {64, 8};
    REQUIRE(!cairn_pool_init_fixed(&pool, block, NULL, 1000, NULL));
    gives_nothing(&pool);
    REQUIRE(!cairn_pool_init_fixed(&pool, block, region, 0, NULL));
    gives_nothing(&pool);
    REQUIRE(!cairn_pool_init_fixed(&pool, block, region, 63, NULL));
    gives_nothing(&pool);
    REQUIRE(!cairn_pool_init_fixed(&pool, block, region, SIZE_MAX, NULL));
    gives_nothing(&pool);
    REQUIRE(cairn_pool_init(&pool, block, NULL));
    cairn_pool_fini(&pool);
    gives_nothing(&pool);
}

TEST(a_layout_larger_than_memory)
{
    struct nth_source source;
    cairn_pool pool;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){PTRDIFF_MAX / 4, 1},
                            &(cairn_pool_opts){.source = nth_begin(&source)}));
    source.max_size = (size_t)1 << 28; /* sanitizers would rather die */
    REQUIRE(cairn_pool_alloc(&pool) == NULL);
    sound(&pool);
    cairn_pool_fini(&pool);
    nth_end(&source);
}

/* ---- blocks ---- */

enum { MANY = 3000 };

TEST(blocks_are_aligned_and_apart)
{
    for (int l = 0; l < LAYOUTS; l++) {
        struct nth_source source;
        cairn_pool pool;
        static unsigned char *block[MANY];
        size_t size = layouts[l].size;
        REQUIRE(
            cairn_pool_init(&pool, layouts[l], &(cairn_pool_opts){.source = nth_begin(&source)}));
        for (size_t i = 0; i < MANY; i++) {
            block[i] = cairn_pool_alloc(&pool);
            REQUIRE(block[i] != NULL && is_aligned_to(block[i], layouts[l].align));
            unit_fill(block[i], size, i);
        }
        for (size_t i = 0; i < MANY; i++)
            REQUIRE(unit_is_filled(block[i], size, i));
        REQUIRE(cairn_pool_live(&pool) == MANY && cairn_pool_capacity(&pool) >= MANY);
        for (size_t i = 0; i < MANY; i++)
            for (size_t j = 1; size == 0 && j < 40 && i + j < MANY; j++)
                REQUIRE(block[i] != block[i + j]);
        sound(&pool);
        cairn_pool_fini(&pool);
        nth_end(&source);
    }
}

TEST(the_last_one_given_back_is_the_next)
{
    cairn_pool pool;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){40, 8}, NULL));
    void *a = cairn_pool_alloc(&pool), *b = cairn_pool_alloc(&pool), *c = cairn_pool_alloc(&pool);
    REQUIRE(cairn_pool_dealloc(&pool, b) && cairn_pool_dealloc(&pool, a));
    REQUIRE(cairn_pool_alloc(&pool) == a && cairn_pool_alloc(&pool) == b);
    REQUIRE(cairn_pool_dealloc(&pool, c) && cairn_pool_alloc(&pool) == c);
    sound(&pool);
    cairn_pool_fini(&pool);
}

/* One pool and what its user knows: random operations, with an audit after each. */
static void use_at_random(cairn_pool *pool, size_t size, size_t max, size_t rounds, uint64_t seed)
{
    enum { HELD = 200 };
    struct {
        unsigned char *ptr;
        uint64_t key;
    } held[HELD] = {{NULL, 0}};
    size_t live = 0;
    for (size_t round = 0; round < rounds; round++) {
        size_t i = unit_below(&seed, HELD);
        if (held[i].ptr == NULL) {
            held[i].ptr = cairn_pool_alloc(pool);
            held[i].key = round;
            if (held[i].ptr != NULL)
                unit_fill(held[i].ptr, size, round);
            REQUIRE(held[i].ptr != NULL || max != 0);
            live += held[i].ptr != NULL;
            REQUIRE(max == 0 || live <= max);
        } else {
            REQUIRE(unit_is_filled(held[i].ptr, size, held[i].key));
            REQUIRE(cairn_pool_owns(pool, held[i].ptr));
            REQUIRE(cairn_pool_dealloc(pool, held[i].ptr));
            held[i].ptr = NULL;
            live--;
        }
        if (unit_below(&seed, 50) == 0)
            cairn_pool_trim(pool);
        if (unit_below(&seed, 400) == 0) {
            cairn_pool_reset(pool);
            memset(held, 0, sizeof held);
            live = 0;
        }
        REQUIRE(cairn_pool_live(pool) == live);
        sound(pool);
    }
}

TEST(at_random)
{
    for (int l = 0; l < LAYOUTS; l++)
        for (int checked = 0; checked < 2; checked++) {
            struct nth_source source;
            cairn_pool pool;
            cairn_pool_opts opts = {.source = nth_begin(&source),
                                    .first_chunk_size = 1,
                                    .max_chunk_size = l % 2 ? 1000 : 0,
                                    .max_blocks = l % 3 ? 0 : 70,
                                    .checked = checked != 0};
            REQUIRE(cairn_pool_init(&pool, layouts[l], &opts));
            use_at_random(&pool, layouts[l].size, opts.max_blocks, unit_rounds(3000),
                          (uint64_t)l * 2 + 1);
            cairn_pool_fini(&pool);
            nth_end(&source);

            static _Alignas(4096) char region[100 * 8192];
            REQUIRE(
                cairn_pool_init_fixed(&pool, layouts[l], region + l, sizeof region - 10, &opts));
            use_at_random(&pool, layouts[l].size, cairn_pool_capacity(&pool), unit_rounds(3000), 7);
            cairn_pool_fini(&pool);
        }
}

/* ---- memory ---- */

TEST(nothing_is_touched_before_it_is_needed)
{
    if (cairn__is_watched()) /* then nobody may look */
        return;
    struct nth_source source;
    cairn_pool pool;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){64, 64},
                            &(cairn_pool_opts){.source = nth_begin(&source)}));
    REQUIRE(source.calls == 0);
    for (int i = 1; i < 30; i++) {
        char *block = cairn_pool_alloc(&pool);
        memset(block, 1, 64);
        for (unsigned char *at = (unsigned char *)block + 64; at < source.last + source.last_size;
             at++)
            REQUIRE(*at == NTH_FILL);
    }
    REQUIRE(source.calls == 1);
    cairn_pool_fini(&pool);
    nth_end(&source);
}

TEST(chunks_double_up_to_a_maximum)
{
    struct nth_source source;
    cairn_pool pool;
    cairn_pool_opts opts = {
        .source = nth_begin(&source), .first_chunk_size = 1024, .max_chunk_size = 16384};
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){16, 8}, &opts));
    size_t in_all = 0, calls = 0;
    for (int i = 0; i < 10000; i++) {
        REQUIRE(cairn_pool_alloc(&pool) != NULL);
        if (source.calls == calls)
            continue;
        calls = source.calls;
        REQUIRE(source.last_size <= 16384);
        if (in_all >= 1024 && in_all < 16384)
            REQUIRE(source.last_size > in_all / 2 - 64 && source.last_size <= in_all);
        in_all += source.last_size;
    }
    REQUIRE(calls < 10 + 10000 * pool.stride / 16000);
    cairn_pool_fini(&pool);
    nth_end(&source);
}

TEST(a_chunk_has_a_block_at_least)
{
    struct nth_source source;
    cairn_pool pool;
    cairn_pool_opts opts = {
        .source = nth_begin(&source), .first_chunk_size = 1, .max_chunk_size = 1};
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){500, 4}, &opts));
    for (size_t i = 1; i < 20; i++)
        REQUIRE(cairn_pool_alloc(&pool) != NULL && source.calls == i);
    cairn_pool_fini(&pool);
    nth_end(&source);
}

TEST(a_bound_on_blocks)
{
    for (size_t max = 1; max < 300; max = max * 2 + 1) {
        struct nth_source source;
        cairn_pool pool;
        cairn_pool_opts opts = {.source = nth_begin(&source), .max_blocks = max};
        REQUIRE(cairn_pool_init(&pool, (cairn_layout){32, 8}, &opts));
        void *last = NULL;
        for (size_t i = 0; i < max; i++)
            REQUIRE((last = cairn_pool_alloc(&pool)) != NULL);
        REQUIRE(cairn_pool_alloc(&pool) == NULL && cairn_pool_capacity(&pool) == max);
        REQUIRE(!cairn_pool_reserve(&pool, 1));
        REQUIRE(cairn_pool_dealloc(&pool, last));
        REQUIRE(cairn_pool_alloc(&pool) == last && cairn_pool_alloc(&pool) == NULL);
        sound(&pool);
        cairn_pool_fini(&pool);
        nth_end(&source);
    }
}

TEST(a_region_is_used_to_the_last_byte)
{
    static _Alignas(64) char region[64 * 20];
    cairn_pool pool;
    for (size_t skip = 0; skip < 3; skip++)
        for (int checked = 0; checked < 2; checked++) {
            cairn_pool_opts opts = {.checked = checked != 0};
            size_t size = sizeof region - 2 * skip, expected = skip != 0 ? 18 : 20;
            char guard = region[skip + size - 1] = 'x';
            REQUIRE(
                cairn_pool_init_fixed(&pool, (cairn_layout){64, 64}, region + skip, size, &opts));
            if (checked != 0)
                expected = skip != 0 ? 18 : 19; /* and 8 bytes of bits */
            REQUIRE(cairn_pool_capacity(&pool) == expected);
            for (size_t i = 0; i < expected; i++) {
                char *block = cairn_pool_alloc(&pool);
                REQUIRE(block >= region + skip && block + 64 <= region + skip + size);
                REQUIRE(is_aligned_to(block, 64));
                memset(block, (int)i, 64);
            }
            REQUIRE(cairn_pool_alloc(&pool) == NULL);
            REQUIRE(cairn_pool_trim(&pool) == 0);
            cairn_pool_reset(&pool);
            REQUIRE(cairn_pool_alloc(&pool) != NULL);
            sound(&pool);
            cairn_pool_fini(&pool);
            (void)guard;
        }
    REQUIRE(cairn_pool_init_fixed(&pool, (cairn_layout){64, 64}, region, 640,
                                  &(cairn_pool_opts){.max_blocks = 3}));
    REQUIRE(cairn_pool_capacity(&pool) == 3);
    cairn_pool_fini(&pool);
    REQUIRE(!cairn_pool_init_fixed(&pool, (cairn_layout){64, 64}, region, 64,
                                   &(cairn_pool_opts){.checked = true}));
}

TEST(reset_keeps_the_chunks)
{
    struct nth_source source;
    cairn_pool pool;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){100, 4},
                            &(cairn_pool_opts){.source = nth_begin(&source)}));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MANY; i++) {
            void *block = cairn_pool_alloc(&pool);
            REQUIRE(block != NULL);
            if (i % 3 == 0)
                REQUIRE(cairn_pool_dealloc(&pool, block));
        }
        sound(&pool);
        source.fail_after = true; /* from the second round on */
        source.fail_at = 1;
        cairn_pool_reset(&pool);
        REQUIRE(cairn_pool_live(&pool) == 0);
        sound(&pool);
    }
    cairn_pool_fini(&pool);
    nth_end(&source);
}

TEST(trim_gives_what_is_empty_and_nothing_else)
{
    for (int checked = 0; checked < 2; checked++) {
        struct nth_source source;
        cairn_pool pool;
        cairn_pool_opts opts = {.source = nth_begin(&source),
                                .first_chunk_size = 1024,
                                .max_chunk_size = 1024,
                                .checked = checked != 0};
        static unsigned char *block[MANY];
        REQUIRE(cairn_pool_init(&pool, (cairn_layout){32, 8}, &opts));
        for (size_t i = 0; i < MANY; i++)
            unit_fill(block[i] = cairn_pool_alloc(&pool), 32, i);
        REQUIRE(cairn_pool_trim(&pool) == 0);
        uint64_t seed = 5;
        for (size_t left = MANY, kept = MANY; left > 0; left = kept) {
            kept = 0;
            for (size_t i = 0; i < left; i++)
                if (left > 3 && unit_below(&seed, 4) != 0)
                    block[kept++] = block[i];
                else
                    REQUIRE(cairn_pool_dealloc(&pool, block[i]));
            size_t bytes = cairn_checked_live_bytes(&source.oracle);
            size_t given = cairn_pool_trim(&pool);
            REQUIRE(cairn_checked_live_bytes(&source.oracle) == bytes - given);
            REQUIRE(cairn_pool_live(&pool) == kept);
            sound(&pool);
            REQUIRE(cairn_pool_trim(&pool) == 0);
            /* What is free can be had, and what is in use has not moved. */
            size_t free_blocks = cairn_pool_capacity(&pool) - kept, calls = source.calls;
            for (size_t i = 0; i < free_blocks; i++)
                memset(block[kept + i] = cairn_pool_alloc(&pool), 0, 32);
            REQUIRE(source.calls == calls);
            for (size_t i = 0; i < free_blocks; i++)
                REQUIRE(cairn_pool_dealloc(&pool, block[kept + i]));
        }
        REQUIRE(nth_live(&source) == 0 && cairn_pool_capacity(&pool) == 0);
        REQUIRE(cairn_pool_alloc(&pool) != NULL);
        cairn_pool_reset(&pool);
        REQUIRE(cairn_pool_trim(&pool) != 0 && nth_live(&source) == 0);
        cairn_pool_fini(&pool);
        nth_end(&source);
    }
}

TEST(what_is_reserved_is_there)
{
    for (size_t count = 1; count < 5000; count = count * 3 + 1) {
        struct nth_source source;
        cairn_pool pool;
        cairn_pool_opts opts = {.source = nth_begin(&source), .max_chunk_size = 4096};
        REQUIRE(cairn_pool_init(&pool, (cairn_layout){48, 16}, &opts));
        REQUIRE(cairn_pool_alloc(&pool) != NULL);
        REQUIRE(cairn_pool_reserve(&pool, count));
        sound(&pool);
        size_t calls = source.calls;
        REQUIRE(cairn_pool_reserve(&pool, count) && source.calls == calls);
        source.fail_at = 1;
        source.fail_after = true;
        for (size_t i = 0; i < count; i++)
            REQUIRE(cairn_pool_alloc(&pool) != NULL);
        REQUIRE(!cairn_pool_reserve(&pool, 100000));
        REQUIRE(!cairn_pool_reserve(&pool, SIZE_MAX));
        sound(&pool);
        cairn_pool_fini(&pool);
        nth_end(&source);
    }
}

TEST(where_memory_is_short_a_small_chunk_will_do)
{
    struct nth_source source;
    cairn_pool pool;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){100, 4},
                            &(cairn_pool_opts){.source = nth_begin(&source)}));
    source.max_size = 300;
    for (int i = 0; i < 50; i++)
        REQUIRE(cairn_pool_alloc(&pool) != NULL);
    source.max_size = 90;
    size_t got = 0;
    while (got < 50 && cairn_pool_alloc(&pool) != NULL)
        got++;
    REQUIRE(got < 4);
    sound(&pool);
    cairn_pool_fini(&pool);
    nth_end(&source);
}

/* Every call of the source fails once, and once all from there on. */
TEST(exhaustion_at_each_call)
{
    for (int mode = 0; mode < 4; mode++) {
        bool reached = true;
        for (size_t at = 1; reached; at++) {
            struct nth_source source;
            cairn_pool pool;
            cairn_pool_opts opts = {.source = nth_begin(&source),
                                    .first_chunk_size = 256,
                                    .max_chunk_size = 1024,
                                    .checked = mode >= 2};
            REQUIRE(cairn_pool_init(&pool, (cairn_layout){40, 8}, &opts));
            source.fail_at = at;
            source.fail_after = mode % 2 != 0;
            void *block[100];
            size_t live = 0;
            for (int i = 0; i < 100; i++) {
                block[live] = cairn_pool_alloc(&pool);
                live += block[live] != NULL;
                if (i % 5 == 4 && live > 0)
                    REQUIRE(cairn_pool_dealloc(&pool, block[--live]));
                if (i == 60)
                    (void)cairn_pool_reserve(&pool, 30);
                REQUIRE(cairn_pool_live(&pool) == live);
                sound(&pool);
            }
            reached = source.calls >= at && at < 50;
            cairn_pool_fini(&pool);
            nth_end(&source);
        }
    }
}

/* ---- who owns what ---- */

TEST(owns_is_exact)
{
    cairn_pool pool;
    int other;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){24, 8}, NULL));
    char *a = cairn_pool_alloc(&pool), *b = cairn_pool_alloc(&pool);
    char *next = b + (b - a);
    REQUIRE(cairn_pool_owns(&pool, a) && cairn_pool_owns(&pool, b));
    for (char *at = a - 64; at < next + 200; at++)
        REQUIRE(cairn_pool_owns(&pool, at) == (at == a || at == b));
    REQUIRE(!cairn_pool_owns(&pool, &other) && !cairn_pool_owns(&pool, NULL));
    REQUIRE(!cairn_pool_owns(&pool, (void *)UINTPTR_MAX));
    REQUIRE(cairn_pool_dealloc(&pool, a));
    REQUIRE(cairn_pool_owns(&pool, a) == !pool.is_slow);
    cairn_pool_fini(&pool);
}

TEST(a_checked_pool_refuses)
{
    static _Alignas(16) char region[2000];
    for (int fixed = 0; fixed < 2; fixed++) {
        cairn_pool pool;
        cairn_pool_opts opts = {.checked = true, .first_chunk_size = 512};
        cairn_layout layout = {40, 8};
        REQUIRE(fixed ? cairn_pool_init_fixed(&pool, layout, region, sizeof region, &opts)
                      : cairn_pool_init(&pool, layout, &opts));
        char *block[40], other[40];
        for (int i = 0; i < 40; i++)
            REQUIRE((block[i] = cairn_pool_alloc(&pool)) != NULL);
        for (int i = 0; i < 40; i++) {
            REQUIRE(!cairn_pool_dealloc(&pool, block[i] + 8));
            REQUIRE(!cairn_pool_dealloc(&pool, block[i] + 1));
            REQUIRE(!cairn_pool_dealloc(&pool, other));
            REQUIRE(cairn_pool_dealloc(&pool, block[i]));
            REQUIRE(!cairn_pool_dealloc(&pool, block[i]));
            if (i > 0)
                REQUIRE(!cairn_pool_dealloc(&pool, block[i - 1]));
            REQUIRE(cairn_pool_live(&pool) == (size_t)(39 - i));
            sound(&pool);
        }
        cairn_pool_reset(&pool);
        REQUIRE(!cairn_pool_dealloc(&pool, block[3]));
        sound(&pool);
        cairn_pool_fini(&pool);
    }
}

TEST(the_audit_finds_a_double_free)
{
    if (cairn__is_watched()) /* refused */
        return;
    for (int between = 0; between < 5; between++) {
        cairn_pool pool;
        REQUIRE(cairn_pool_init(&pool, (cairn_layout){16, 8}, NULL));
        void *block[6];
        for (int i = 0; i < 6; i++)
            block[i] = cairn_pool_alloc(&pool);
        cairn_pool_dealloc(&pool, block[5]);
        for (int i = 0; i < between; i++)
            cairn_pool_dealloc(&pool, block[i]);
        sound(&pool);
        cairn_pool_dealloc(&pool, block[5]);
        REQUIRE(cairn_pool_audit(&pool) != NULL);
        REQUIRE(strstr(cairn_pool_audit(&pool), "twice") != NULL);
        cairn_pool_fini(&pool);
    }
}

TEST(the_audit_finds_what_is_wrong)
{
    if (cairn__is_watched())
        return;
    cairn_pool pool;
    static void *foreign[4];
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){16, 8}, NULL));
    char *a = cairn_pool_alloc(&pool), *b = cairn_pool_alloc(&pool);
    cairn_pool_dealloc(&pool, a);
    memset(a, 0x55, 8);
    REQUIRE(strstr(cairn_pool_audit(&pool), "written to") != NULL);
    memset(a, 0, 8);
    sound(&pool);
    cairn_pool_dealloc(&pool, foreign);
    REQUIRE(strstr(cairn_pool_audit(&pool), "foreign") != NULL);
    pool.open.free = NULL;
    sound(&pool);
    cairn_pool_dealloc(&pool, b + 8);
    REQUIRE(cairn_pool_audit(&pool) != NULL);
    pool.open.free = NULL;
    pool.open.next += 4;
    REQUIRE(cairn_pool_audit(&pool) != NULL);
    pool.open.next -= 4;
    pool.blocks++;
    REQUIRE(cairn_pool_audit(&pool) != NULL);
    pool.blocks--;
    sound(&pool);
    cairn_pool_fini(&pool);

    REQUIRE(cairn_pool_init(&pool, (cairn_layout){16, 8}, &(cairn_pool_opts){.checked = true}));
    a = cairn_pool_alloc(&pool);
    sound(&pool);
    pool.begun->bits[0] = 0;
    REQUIRE(strstr(cairn_pool_audit(&pool), "neither") != NULL);
    pool.begun->bits[0] = 1;
    cairn_pool_dealloc(&pool, a);
    pool.begun->bits[0] = 1;
    REQUIRE(strstr(cairn_pool_audit(&pool), "among the free") != NULL);
    cairn_pool_fini(&pool);
}

/* ---- walks ---- */

struct walk {
    const cairn_pool *pool;
    size_t in_use, free, bytes, calls, stop_at;
    char *last;
};

static bool on_block(void *context, void *ptr, size_t size, bool in_use)
{
    struct walk *walk = context;
    walk->calls++;
    walk->in_use += in_use;
    walk->free += !in_use;
    walk->bytes += size;
    REQUIRE(!in_use || cairn_pool_owns(walk->pool, ptr));
    return walk->calls != walk->stop_at;
}

TEST(a_walk_tells_of_each_block)
{
    cairn_pool pool;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){32, 8}, NULL));
    struct walk walk = {.pool = &pool};
    REQUIRE(cairn_pool_visit(&pool, on_block, &walk) && walk.calls == 0);
    void *block[500];
    for (int i = 0; i < 500; i++)
        block[i] = cairn_pool_alloc(&pool);
    uint64_t seed = 1;
    size_t freed = 0;
    for (int i = 0; i < 500; i++)
        if (unit_below(&seed, 2) != 0) {
            cairn_pool_dealloc(&pool, block[i]);
            freed++;
        }
    REQUIRE(cairn_pool_reserve(&pool, 2000)); /* a fresh chunk */
    walk = (struct walk){.pool = &pool};
    REQUIRE(cairn_pool_visit(&pool, on_block, &walk));
    REQUIRE(walk.in_use == 500 - freed && walk.free >= freed + 1);
    REQUIRE(walk.bytes >= 32 * 2500);
    sound(&pool);
    for (size_t stop = 1; stop <= walk.calls; stop++) {
        struct walk short_walk = {.pool = &pool, .stop_at = stop};
        REQUIRE(!cairn_pool_visit(&pool, on_block, &short_walk) && short_walk.calls == stop);
        sound(&pool);
    }
    cairn_pool_fini(&pool);
}

/* ---- as an allocator, and for those who watch ---- */

TEST(as_an_allocator)
{
    cairn_pool pool;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){48, 16}, NULL));
    cairn_allocator allocator = cairn_pool_allocator(&pool);
    cairn_layout fits = {48, 16}, small = {0, 1};
    REQUIRE(cairn_allocator_alloc(allocator, (cairn_layout){49, 1}) == NULL);
    REQUIRE(cairn_allocator_alloc(allocator, (cairn_layout){1, 32}) == NULL);
    char *a = cairn_allocator_alloc(allocator, fits);
    char *b = cairn_allocator_alloc(allocator, small);
    REQUIRE(a != NULL && b != NULL && a != b);
    REQUIRE(cairn_allocator_usable_size(allocator, b, small) == 48);
    memset(b, 7, 48);
    REQUIRE(cairn_allocator_realloc(allocator, b, small, 48) == b && b[47] == 7);
    REQUIRE(cairn_allocator_realloc(allocator, b, (cairn_layout){48, 1}, 49) == NULL);
    REQUIRE(cairn_allocator_owns(allocator, a) && !cairn_allocator_owns(allocator, a + 1));
    cairn_allocator_dealloc(allocator, b, small);
    char *zeroed = cairn_allocator_alloc_zeroed(allocator, fits);
    REQUIRE(zeroed == b && unit_is_zero(zeroed, 48));
    cairn_pool_fini(&pool);
}

__attribute__((weak)) int __asan_address_is_poisoned(const volatile void *ptr);

TEST(a_block_given_back_is_hidden)
{
    if (!cairn__is_watched() || __asan_address_is_poisoned == NULL)
        return;
    cairn_pool pool;
    REQUIRE(cairn_pool_init(&pool, (cairn_layout){40, 8}, NULL));
    char *a = cairn_pool_alloc(&pool), *b = cairn_pool_alloc(&pool);
    REQUIRE(!__asan_address_is_poisoned(a) && !__asan_address_is_poisoned(a + 39));
    REQUIRE(__asan_address_is_poisoned(a + 40) && __asan_address_is_poisoned(b + 40));
    cairn_pool_dealloc(&pool, a);
    REQUIRE(__asan_address_is_poisoned(a) && !__asan_address_is_poisoned(b));
    REQUIRE(!cairn_pool_dealloc(&pool, a));
    REQUIRE(cairn_pool_alloc(&pool) == a && !__asan_address_is_poisoned(a));
    cairn_pool_reset(&pool);
    REQUIRE(__asan_address_is_poisoned(a) && __asan_address_is_poisoned(b));
    cairn_pool_fini(&pool);

    static _Alignas(16) char region[160];
    REQUIRE(cairn_pool_init_fixed(&pool, (cairn_layout){16, 16}, region, sizeof region, NULL));
    REQUIRE(cairn_pool_capacity(&pool) == 10);
    a = cairn_pool_alloc(&pool);
    cairn_pool_dealloc(&pool, a);
    REQUIRE(__asan_address_is_poisoned(a) && __asan_address_is_poisoned(region + 159));
    cairn_pool_fini(&pool);
    REQUIRE(!__asan_address_is_poisoned(a) && !__asan_address_is_poisoned(region + 159));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_that_cannot_be),
        cmocka_unit_test(a_layout_larger_than_memory),
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(the_last_one_given_back_is_the_next),
        cmocka_unit_test(at_random),
        cmocka_unit_test(nothing_is_touched_before_it_is_needed),
        cmocka_unit_test(chunks_double_up_to_a_maximum),
        cmocka_unit_test(a_chunk_has_a_block_at_least),
        cmocka_unit_test(a_bound_on_blocks),
        cmocka_unit_test(a_region_is_used_to_the_last_byte),
        cmocka_unit_test(reset_keeps_the_chunks),
        cmocka_unit_test(trim_gives_what_is_empty_and_nothing_else),
        cmocka_unit_test(what_is_reserved_is_there),
        cmocka_unit_test(where_memory_is_short_a_small_chunk_will_do),
        cmocka_unit_test(exhaustion_at_each_call),
        cmocka_unit_test(owns_is_exact),
        cmocka_unit_test(a_checked_pool_refuses),
        cmocka_unit_test(the_audit_finds_a_double_free),
        cmocka_unit_test(the_audit_finds_what_is_wrong),
        cmocka_unit_test(a_walk_tells_of_each_block),
        cmocka_unit_test(as_an_allocator),
        cmocka_unit_test(a_block_given_back_is_hidden),
    };
    return UNIT_MAIN(tests);
}
