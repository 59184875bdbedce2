/* SPDX-License-Identifier: MIT */
/*
 * chunk.h against a model: a byte a unit that says taken or free, touched or not. Spans are
 * disjoint, clean ones read as zero, figures add up, and purging keeps to its limit.
 */
#include "unit/unit.h"

#include <pthread.h>

#include "base/option.h"
#include "core/metadata.h"
#include "fake_os/fake_os.h"
#include "os/os.h"
#include "unit/audit.h"

enum { SPANS = 400, MODEL_CHUNKS = 512, MODEL_UNITS = MODEL_CHUNKS * CHUNK_UNITS };

struct taken {
    struct span span;
    size_t count;
};

static struct taken taken[SPANS];
static bool in_use[MODEL_UNITS]; /* of the window */

static void start(const char *window)
{
    assert_true(cairn__option_set(OPTION_WINDOW, window));
    cairn__window_start();
}

/* The figures against the masks of all chunks. */
static void check_figures(void)
{
    struct pool_figures pool = cairn__pool_figures();
    size_t free = 0, dirty = 0, opened = 0;
    struct region *region = cairn__region_first();
    for (; region != NULL; region = cairn__region_next(region)) {
        opened += region->opened * CHUNK_UNITS;
        for (size_t i = 0; i < region->opened; i++) {
            const struct chunk *chunk = &region->chunks[i];
            free += (size_t)__builtin_popcount(chunk->free_mask);
            dirty += (size_t)__builtin_popcount(chunk->free_mask & chunk->dirty_mask);
            REQUIRE(chunk->filed[BY_FREE].run == longest_run(chunk->free_mask));
            REQUIRE(chunk->filed[BY_DIRTY].run ==
                    longest_run(chunk->free_mask & chunk->dirty_mask));
            bool gives = (region->giving[i / 64] >> i % 64 & 1) != 0;
            REQUIRE(gives == (chunk->free_mask != 0));
        }
    }
    REQUIRE(pool.used == opened - free);
    REQUIRE(pool.dirty == dirty);
    REQUIRE(pool.used_peak >= pool.used);
}

static void touch(struct taken *it)
{
    char *start = span_start(it->span);
    for (size_t i = 0; i < it->count; i++) {
        start[i * UNIT_SIZE] = 1;
        start[(i + 1) * UNIT_SIZE - 1] = 1;
    }
}

static bool untouched(const struct taken *it)
{
    const char *start = span_start(it->span);
    for (size_t i = 0; i < it->count; i++)
        if (start[i * UNIT_SIZE] != 0 || start[(i + 1) * UNIT_SIZE - 1] != 0)
            return false;
    return true;
}

static bool take_into(struct taken *it, size_t count, bool chunk_aligned)
{
    it->span = cairn__units_take(count, chunk_aligned);
    it->count = count;
    if (it->span.region == NULL)
        return false;
    size_t unit = it->span.unit;
    REQUIRE(unit + count <= it->span.region->opened * CHUNK_UNITS);
    if (chunk_aligned)
        REQUIRE(unit % CHUNK_UNITS == 0);
    REQUIRE(fake_is_accessible(span_start(it->span), count * UNIT_SIZE));
    REQUIRE(!it->span.clean || untouched(it));
    if (it->span.region == cairn__region_first())
        for (size_t i = 0; i < count; i++) {
            REQUIRE(!in_use[unit + i]);
            in_use[unit + i] = true;
        }
    touch(it);
    return true;
}

static void give_back(struct taken *it)
{
    if (it->span.region == cairn__region_first())
        memset(&in_use[it->span.unit], false, it->count);
    cairn__units_give(it->span, it->count);
    it->span.region = NULL;
}

static size_t random_count(uint64_t *seed)
{
    switch (unit_below(seed, 8)) {
    case 0:
        return 1 + unit_below(seed, 256);
    case 1:
    case 2:
        return 1 + unit_below(seed, CHUNK_UNITS);
    default:
        return 1 + unit_below(seed, 3);
    }
}

static unsigned nodes = 1; /* that random_spans runs on by turns */

static void random_spans(uint64_t seed, size_t rounds)
{
    for (size_t round = 0; round < rounds; round++) {
        if (nodes > 1 && round % 16 == 0)
            fake_run_on_node((unsigned)unit_below(&seed, nodes));
        struct taken *it = &taken[unit_below(&seed, SPANS)];
        if (it->span.region == NULL)
            take_into(it, random_count(&seed), unit_below(&seed, 10) == 0);
        else
            give_back(it);
        if (round % 64 == 0)
            check_figures();
        if (round % 1024 == 1023) {
            size_t keep = unit_below(&seed, 64);
            assert_true(cairn__units_purge(keep));
            assert_true(cairn__pool_figures().dirty <= keep);
        }
    }
    for (size_t i = 0; i < SPANS; i++)
        if (taken[i].span.region != NULL)
            give_back(&taken[i]);
    check_figures();
    assert_int_equal(cairn__pool_figures().used, 0);
}

TEST(random_in_the_window)
{
    start("1G");
    random_spans(1, unit_rounds(20000));
    assert_null(cairn__region_next(cairn__region_first()));
}

TEST(random_in_regions)
{
    start("16M");
    random_spans(2, unit_rounds(10000));
    assert_non_null(cairn__region_next(cairn__region_first()));
}

/* Ten: more than there are shelves. */
TEST(random_on_nodes)
{
    start("1G");
    nodes = 10;
    random_spans(3, unit_rounds(20000));
}

TEST(random_where_purging_fails)
{
    start("1G");
    for (uint64_t seed = 10; seed < 13; seed++) {
        fake_fail_nth(FAKE_PURGE, 1 + seed % 3);
        for (size_t i = 0; i < SPANS; i++)
            take_into(&taken[i], 1 + i % 7, false);
        for (size_t i = 0; i < SPANS; i++)
            give_back(&taken[i]);
        check_figures();
        cairn__units_purge(0);
        check_figures();
    }
}

/* Every count fits and is rounded as promised; all units of the last chunk are there afterwards. */
TEST(every_count)
{
    start("1G");
    for (size_t count = 1; count <= 256; count++)
        for (int aligned = 0; aligned < 2; aligned++) {
            assert_true(take_into(&taken[0], count, aligned != 0));
            assert_int_equal(cairn__pool_figures().used, count);
            give_back(&taken[0]);
            assert_int_equal(cairn__pool_figures().used, 0);
        }
    check_figures();
    assert_true(cairn__region_first()->opened <= 16); /* rows grow beside what is there */
}

/* Tight before loose, touched before clean, low before high. */
TEST(preferences)
{
    start("1G");
    struct taken *it = taken;
    for (int i = 0; i < 4; i++)
        assert_true(take_into(&it[i], CHUNK_UNITS, false)); /* chunks 0 to 3 */
    for (int i = 0; i < 4; i++)
        give_back(&it[i]);
    assert_true(take_into(&it[0], 30, false));
    assert_true(take_into(&it[1], 2, false)); /* into the two that remain */
    assert_int_equal(it[0].span.unit / CHUNK_UNITS, it[1].span.unit / CHUNK_UNITS);
    assert_true(cairn__units_purge(0));
    assert_true(take_into(&it[2], 8, false));
    assert_true(it[2].span.clean);
    assert_true(take_into(&it[3], 8, false));
    assert_true(it[3].span.clean);
    size_t second = it[3].span.unit;
    give_back(&it[3]); /* touched, behind clean ones */
    give_back(&it[2]);
    assert_true(cairn__units_purge(0));
    assert_true(take_into(&it[2], 8, false));
    assert_true(take_into(&it[3], 8, false));
    assert_int_equal(it[3].span.unit, second);
    assert_true(take_into(&it[4], 16, false));
    give_back(&it[3]);
    assert_true(take_into(&it[5], 4, false)); /* the touched eight, not clean memory elsewhere */
    assert_false(it[5].span.clean);
    assert_int_equal(it[5].span.unit, second);
}

/* A row may begin in the middle of a chunk and end in that of another. */
TEST(rows_across_chunks)
{
    start("1G");
    assert_true(take_into(&taken[0], 46, false)); /* 0 to 45, of two chunks */
    assert_true(take_into(&taken[1], 46, false)); /* 46 to 91: the rest of them and one more */
    assert_int_equal(taken[1].span.unit, 46);
    assert_true(take_into(&taken[2], 33, true)); /* a chunk begins at 96 */
    assert_int_equal(taken[2].span.unit, 96);
    check_figures();
    give_back(&taken[1]);
    assert_true(take_into(&taken[3], 50, false)); /* what lay between, to the next one in use */
    assert_int_equal(taken[3].span.unit, 46);
    assert_false(taken[3].span.clean);
    check_figures();
}

TEST(rows_of_chunks_lowest_first)
{
    start("1G");
    for (int i = 0; i < 10; i++)
        assert_true(take_into(&taken[i], CHUNK_UNITS, true));
    for (int i = 0; i < 10; i++) /* whole chunks come in any order; make places equal numbers */
        for (int j = 0; j < 10; j++)
            if (taken[j].span.unit == (size_t)i * CHUNK_UNITS) {
                struct taken other = taken[i];
                taken[i] = taken[j];
                taken[j] = other;
            }
    give_back(&taken[1]);
    give_back(&taken[3]);
    give_back(&taken[4]);
    give_back(&taken[6]);
    give_back(&taken[7]);
    give_back(&taken[8]);
    assert_true(take_into(&taken[20], 2 * CHUNK_UNITS, false));
    assert_int_equal(taken[20].span.unit, 3 * CHUNK_UNITS);
    assert_true(take_into(&taken[21], 2 * CHUNK_UNITS + 1, false));
    assert_int_equal(taken[21].span.unit, 6 * CHUNK_UNITS);
    assert_true(take_into(&taken[22], 31, false)); /* the rest of that row's last chunk */
    assert_int_equal(taken[22].span.unit, 8 * CHUNK_UNITS + 1);
    assert_int_equal(cairn__region_first()->opened, 10);
    check_figures();
}

/* ---- purging ---- */

/* Purging takes units out of the pool for a while; nobody uses more for that. */
TEST(peak_is_of_what_is_used)
{
    start("1G");
    assert_true(take_into(&taken[0], 32, false));
    for (size_t i = 0; i < 32; i++)
        assert_true(take_into(&taken[1 + i], 1, false));
    size_t peak = cairn__pool_figures().used_peak;
    assert_int_equal(peak, 64);
    give_back(&taken[0]);                          /* 32 dirty units lie there now */
    assert_true(take_into(&taken[40], 33, false)); /* two chunks in a row: not there */
    peak = cairn__pool_figures().used_peak;
    assert_int_equal(peak, 65);
    cairn__units_purge(0);
    assert_int_equal(cairn__pool_figures().used_peak, peak);
}

TEST(from_the_top_down)
{
    start("1G");
    for (size_t i = 0; i < 20; i++) {
        assert_true(take_into(&taken[i], CHUNK_UNITS, true));
        assert_int_equal(taken[i].span.unit, i * CHUNK_UNITS);
    }
    const struct region *region = cairn__region_first();
    for (size_t i = 3; i < 20; i++)
        give_back(&taken[i]);
    assert_int_equal(fake_count(FAKE_PURGE), 0);
    assert_true(cairn__units_purge(384)); /* twelve chunks may stay */
    for (size_t i = 3; i < 20; i++)
        assert_int_equal(region->chunks[i].dirty_mask, i < 15 ? UINT32_MAX : 0);
    assert_int_equal(fake_count(FAKE_PURGE), 5);
    assert_true(cairn__units_purge(384));
    assert_int_equal(fake_count(FAKE_PURGE), 5);
    check_figures();
}

/* Row by row: what is in use between is left alone. */
TEST(only_what_is_free)
{
    start("1G");
    for (size_t i = 0; i < 96; i++)
        assert_true(take_into(&taken[i], 1, false));
    size_t rows = 0;
    for (size_t i = 0; i < 96; i += 1 + i % 4 / 2, rows++)
        give_back(&taken[i]);
    size_t dirty = cairn__pool_figures().dirty;
    assert_int_equal(dirty, rows);
    assert_true(cairn__units_purge(0));
    assert_true(fake_count(FAKE_PURGE) <= rows);
    for (size_t i = 0; i < 96; i++)
        if (taken[i].span.region != NULL)
            assert_int_equal(span_start(taken[i].span)[0], 1);
    check_figures();
    for (size_t i = 0; i < rows; i++) { /* those are clean now, once */
        assert_true(take_into(&taken[100 + i], 1, false));
        assert_true(taken[100 + i].span.clean);
    }
}

static bool is_due(void)
{
    return atomic_exchange(&cairn__purge_due, false);
}

/* The flag goes up beyond the alarm, and when it is time, beyond the floor. */
TEST(flag)
{
    enum { FLOOR = DIRTY_FLOOR / UNIT_SIZE };
    start("1G");
    for (size_t i = 0; i < 200; i++)
        assert_true(take_into(&taken[i], 1, false));
    for (size_t i = 0; i < FLOOR; i++) {
        give_back(&taken[i]);
        assert_false(is_due());
    }
    cairn__pool_tick(false);
    assert_false(is_due());
    give_back(&taken[FLOOR]);
    assert_true(is_due());
    cairn__pool_set_alarm(100, cairn__os_now() + 10);
    for (size_t i = FLOOR + 1; i < 100; i++) {
        give_back(&taken[i]);
        assert_false(is_due());
    }
    give_back(&taken[100]);
    assert_true(is_due());
    cairn__pool_set_alarm(200, cairn__os_now() + 10);
    cairn__pool_tick(false);
    assert_false(is_due());
    fake_pass_time(10);
    cairn__pool_tick(false); /* without a give */
    assert_true(is_due());
    give_back(&taken[101]);
    assert_true(is_due());
    assert_true(cairn__units_purge(0));
    cairn__pool_tick(false);
    assert_false(is_due());
}

TEST(recent_peak)
{
    start("1G");
    assert_true(take_into(&taken[0], 20, false));
    assert_true(take_into(&taken[1], 10, false));
    give_back(&taken[1]);
    assert_int_equal(cairn__pool_step(), 30);
    assert_int_equal(cairn__pool_step(), 20);
    assert_true(take_into(&taken[1], 1, false));
    assert_int_equal(cairn__pool_step(), 21);
    assert_int_equal(cairn__pool_figures().used_peak, 30);
}

TEST(refusals)
{
    start("1G");
    static struct taken all[2048];
    for (size_t i = 0; i < 2048; i++)
        assert_true(take_into(&all[i], 1, false));
    for (size_t i = 0; i < 2048; i++)
        give_back(&all[i]);
    fake_fail_from(FAKE_PURGE, 1);
    assert_false(cairn__units_purge(0));
    assert_int_equal(fake_count(FAKE_PURGE), 1);         /* not asked for each row */
    assert_int_equal(cairn__pool_figures().dirty, 2048); /* dirty as ever */
    check_figures();
    fake_fail_never();
    for (size_t i = 0; i < 10; i++) { /* and never said to be clean */
        assert_true(take_into(&all[i], 1, false));
        assert_false(all[i].span.clean);
        give_back(&all[i]);
    }
    assert_true(cairn__units_purge(0));
    assert_int_equal(cairn__pool_figures().dirty, 0);
    assert_true(cairn__units_purge(0));
}

/* ---- regions ---- */

static size_t count_regions(void)
{
    size_t count = 0;
    struct region *region = cairn__region_next(cairn__region_first());
    for (; region != NULL; region = cairn__region_next(region))
        count++;
    return count;
}

/* Regions that nobody uses go, and only these; what they held is not in the pool any more. */
TEST(regions_go)
{
    start("2M");
    for (size_t i = 0; i < 200; i++) /* 200 MiB: the window and four regions */
        assert_true(take_into(&taken[i], 16, false));
    assert_int_equal(count_regions(), 4);
    assert_false(cairn__regions_release(0));
    struct region *held = taken[199].span.region;
    for (size_t i = 0; i < 199; i++)
        give_back(&taken[i]);
    check_figures();
    assert_true(cairn__regions_release(1));
    assert_int_equal(count_regions(), 2);
    check_figures();
    assert_true(cairn__regions_release(0));
    assert_int_equal(count_regions(), 1);
    assert_ptr_equal(cairn__region_next(cairn__region_first()), held);
    assert_int_equal(cairn__pool_figures().used, 16);
    check_figures();
    give_back(&taken[199]);
    assert_true(cairn__regions_release(0));
    assert_false(cairn__regions_release(0));
    assert_int_equal(count_regions(), 0);
    check_figures();
    size_t metadata = cairn__metadata_mapped();
    for (size_t i = 0; i < 200; i++) /* they come again, in the same records */
        assert_true(take_into(&taken[i], 16, false));
    assert_int_equal(count_regions(), 4);
    assert_int_equal(cairn__metadata_mapped(), metadata);
    check_figures();
}

/* ---- out of memory ---- */

TEST(out_of_memory)
{
    start("4M");
    fake_set_hidden_address_limit(80 * MIB);
    size_t count = 0;
    while (take_into(&taken[0], 16, false))
        count++;
    assert_true(count >= 64 && count <= 80);
    check_figures();
    size_t used = cairn__pool_figures().used;
    assert_false(take_into(&taken[0], 40, false));
    assert_false(take_into(&taken[0], 1, true));
    assert_int_equal(cairn__pool_figures().used, used);
    check_figures();
}

/* Any single call of the system fails at the worst moment: the pool stays whole. */
TEST(nth_call_fails)
{
    start("16M");
    for (size_t nth = 1; nth < 60; nth++) {
        fake_fail_nth(FAKE_ANY, nth);
        for (size_t i = 0; i < 100; i++)
            take_into(&taken[i], 1 + i % 40, i % 9 == 0);
        check_figures();
        for (size_t i = 0; i < 100; i++)
            if (taken[i].span.region != NULL)
                give_back(&taken[i]);
        cairn__units_purge(0);
        check_figures();
        fake_fail_never();
        assert_int_equal(cairn__pool_figures().used, 0);
    }
}

/* ---- threads ---- */

static void *take_and_give(void *seed_pointer)
{
    uint64_t seed = *(uint64_t *)seed_pointer;
    static __thread struct taken mine[32];
    for (size_t round = 0; round < unit_rounds(8000); round++) {
        struct taken *it = &mine[unit_below(&seed, 32)];
        if (it->span.region == NULL) {
            it->count = random_count(&seed);
            it->span = cairn__units_take(it->count, false);
            REQUIRE(it->span.region != NULL);
            REQUIRE(!it->span.clean || untouched(it));
            memset(span_start(it->span), (int)round | 1, 64);
            touch(it);
        } else {
            cairn__units_give(it->span, it->count);
            it->span.region = NULL;
        }
        if (round % 500 == 0)
            cairn__units_purge(0);
    }
    for (size_t i = 0; i < 32; i++)
        if (mine[i].span.region != NULL)
            cairn__units_give(mine[i].span, mine[i].count);
    return NULL;
}

TEST(racing)
{
    start("64M");
    pthread_t thread[4];
    uint64_t seeds[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&thread[i], NULL, take_and_give, &seeds[i]) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    check_figures();
    assert_int_equal(cairn__pool_figures().used, 0);
}

/* Where the length of rows does not divide a chunk's, its end and the next one's start make a row. */
TEST(rows_leave_no_gaps)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "64M"));
    cairn__window_start();
    enum { FIVE = 5, ROWS = 31 * CHUNK_UNITS / FIVE };
    for (size_t i = 0; i < ROWS; i++) {
        struct span span = cairn__units_take(FIVE, false);
        assert_ptr_equal(span.region, cairn__region_first());
        assert_int_equal(span.unit, i * FIVE);
        assert_true(span.clean);
    }
    assert_int_equal(cairn__region_first()->opened, 31);
}

/* Touching one unit brings all of a huge chunk into memory, and zero all the same; it goes as a whole. */
TEST(huge_chunks)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "64M"));
    assert_true(cairn__option_set(OPTION_HUGE_PAGES, "always"));
    cairn__window_start();
    struct chunk *chunk = cairn__region_first()->chunks;
    struct span one = cairn__units_take(1, false);
    assert_true(one.clean && chunk->huge);
    assert_int_equal(cairn__pool_figures().dirty, CHUNK_UNITS - 1);
    struct span two = cairn__units_take(1, false);
    assert_true(two.clean);
    cairn__units_give(one, 1);
    assert_int_equal(cairn__pool_figures().dirty, CHUNK_UNITS - 1);
    assert_false(cairn__units_take(1, false).clean);

    /* A part goes: no more a huge page. */
    size_t before = fake_count(FAKE_PURGE);
    assert_true(cairn__units_purge(0));
    assert_int_equal(fake_count(FAKE_PURGE), before + 1);
    assert_int_equal(cairn__pool_figures().dirty, 0);
    assert_true(!chunk->huge && chunk->undone);
    struct span three = cairn__units_take(1, false);
    assert_true(three.clean);
    assert_int_equal(cairn__pool_figures().dirty, 0);

    /* The rest goes: it stays one of small pages. */
    cairn__units_give(one, 1);
    cairn__units_give(two, 1);
    cairn__units_give(three, 1);
    assert_true(cairn__units_purge(0));
    assert_true(!chunk->huge && chunk->undone);
    assert_int_equal(cairn__pool_figures().dirty, 0);
    assert_true(cairn__units_take(1, false).clean);
    assert_int_equal(cairn__pool_figures().dirty, 0);
}

static struct span taken_meanwhile;

static void take_three(void)
{
    taken_meanwhile = cairn__units_take(3, false);
    *span_start(taken_meanwhile) = 77;
}

/* While a chunk's advice is taken back, others take of its units: these are not purged. */
TEST(taken_while_undone)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "64M"));
    assert_true(cairn__option_set(OPTION_HUGE_PAGES, "always"));
    cairn__window_start();
    struct chunk *chunk = cairn__region_first()->chunks;
    struct span kept = cairn__units_take(1, false);
    struct span given = cairn__units_take(6, false);
    assert_non_null(kept.region);
    cairn__units_give(given, 6);
    fake_on_advise(take_three);
    assert_true(cairn__units_purge(0));
    assert_ptr_equal(taken_meanwhile.region, given.region);
    assert_int_equal(*span_start(taken_meanwhile), 77);
    uint32_t mask = mask32((unsigned)taken_meanwhile.unit % CHUNK_UNITS, 3);
    assert_int_equal(chunk->free_mask & mask, 0);
    assert_int_equal(cairn__pool_figures().used, 4);
    assert_int_equal(cairn__pool_figures().dirty, 0);
}

static void purge_all_meanwhile(void)
{
    assert_true(cairn__units_purge(0));
}

/* Who is told to give back more than a purge under way was going to, leaves that to it. */
TEST(more_is_asked_for_meanwhile)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "64M"));
    assert_true(cairn__option_set(OPTION_HUGE_PAGES, "always"));
    cairn__window_start();
    struct span low = cairn__units_take(CHUNK_UNITS, false);
    struct span top = cairn__units_take(CHUNK_UNITS, false);
    cairn__units_give((struct span){top.region, top.unit, false}, 8);
    cairn__units_give(low, CHUNK_UNITS);
    fake_on_advise(purge_all_meanwhile);
    assert_true(cairn__units_purge(CHUNK_UNITS));
    assert_int_equal(cairn__pool_figures().dirty, 0);
    check_figures();
}

/* What was touched serves first, though fresh units in another chunk would fit more tightly. */
TEST(touched_units_first)
{
    start("64M");
    size_t first = cairn__units_take(CHUNK_UNITS - 1, false).unit / CHUNK_UNITS;
    struct span touched = cairn__units_take(CHUNK_UNITS, true);
    cairn__units_give(touched, CHUNK_UNITS);
    assert_int_equal(cairn__units_take(1, false).unit, touched.unit);
    assert_true(cairn__units_purge(0));
    assert_int_equal(cairn__units_take(1, false).unit, (first + 1) * CHUNK_UNITS - 1);
    check_figures();
}

/* Touched units are found in rows as long as can be had, fresh ones not. */
TEST(touched_units_in_a_row)
{
    start("64M");
    struct span long_row = cairn__units_take(20, false);
    cairn__units_take(1, false);
    struct span short_row = cairn__units_take(5, false);
    cairn__units_take(1, false);
    size_t count = 0;
    assert_null(cairn__units_find_touched(32, &count).region);
    cairn__units_give(long_row, 20);
    cairn__units_give(short_row, 5);
    assert_int_equal(cairn__units_find_touched(32, &count).unit, long_row.unit);
    assert_int_equal(count, 20);
    assert_int_equal(cairn__units_find_touched(3, &count).unit, short_row.unit);
    assert_int_equal(count, 3);
    assert_int_equal(cairn__units_find_touched(3, &count).unit, short_row.unit + 3);
    assert_int_equal(count, 2);
    assert_null(cairn__units_find_touched(1, &count).region);
    check_figures();
}

/* Left to us: where there is much memory, and it is used densely. */
TEST(huge_where_dense)
{
    assert_true(cairn__option_set(OPTION_WINDOW, "1G"));
    cairn__window_start();
    const struct chunk *chunk = cairn__region_first()->chunks;
    size_t chunks = HUGE_FROM / CHUNK_SIZE;
    atomic_store(&cairn__bytes_in_pages, 100 * MIB);
    atomic_store(&cairn__bytes_handed_out, 100 * MIB);
    for (size_t i = 0; i < 2 * chunks; i++)
        cairn__units_take(CHUNK_UNITS, true);
    for (size_t i = 0; i < 2 * chunks; i++)
        assert_int_equal(chunk[i].huge, i >= chunks);
    atomic_store(&cairn__bytes_handed_out, 100 * MIB / 100 * (HUGE_DENSITY_PERCENT - 1));
    for (size_t i = 0; i < 2 * chunks; i++)
        cairn__units_take(CHUNK_UNITS, true);
    for (size_t i = 2 * chunks; i < 4 * chunks; i++)
        assert_false(chunk[i].huge);
}

/* ---- nodes ---- */

static size_t chunk_of(struct span span)
{
    return span.unit / CHUNK_UNITS;
}

/* A thread draws from its node's chunks, and leaves those of others alone as long as there are
 * fresh ones; what has gone back to the system is anybody's. */
TEST(nodes_have_chunks_of_their_own)
{
    start("1G");
    struct span zero = cairn__units_take(4, false);
    fake_run_on_node(1);
    struct span one = cairn__units_take(4, false);
    assert_true(chunk_of(one) != chunk_of(zero));
    struct span more = cairn__units_take(20, false);
    assert_int_equal(chunk_of(more), chunk_of(one));
    fake_run_on_node(0);
    struct span again = cairn__units_take(20, false);
    assert_int_equal(chunk_of(again), chunk_of(zero));
    check_figures();

    cairn__units_give(zero, 4);
    cairn__units_give(again, 20);
    fake_run_on_node(1);
    struct span third = cairn__units_take(20, false);
    assert_true(chunk_of(third) != chunk_of(zero)); /* touched by node 0, and free */
    cairn__units_give(third, 20);
    cairn__units_give(more, 20);
    cairn__units_give(one, 4);
    assert_true(cairn__units_purge(0));
    check_figures();
    fake_run_on_node(2);
    size_t opened = cairn__region_first()->opened;
    for (size_t i = 0; i < opened; i++)
        assert_true(cairn__units_take(CHUNK_UNITS, false).region != NULL);
    assert_int_equal(cairn__region_first()->opened, opened); /* all of them were anybody's */
    check_figures();
}

static void move_to_node_one(void)
{
    fake_run_on_node(1);
}

/* The thread moves to the first node beyond 0 while the pool grows: it finds what has been added, and
 * memory does not count as being at its end. */
TEST(moved_while_growing)
{
    start("64M");
    fake_on_advise(move_to_node_one);
    assert_non_null(cairn__units_take(CHUNK_UNITS, false).region);
    assert_non_null(cairn__units_take_roomy(1, CHUNK_UNITS).region);
    assert_int_equal(cairn__region_first()->opened, 2);
    check_figures();
}

/* At the end of memory, any node's units will do. */
TEST(nodes_share_what_is_left)
{
    start("64M");
    cairn__units_give(cairn__units_take(1, false), 1);
    struct span span[40];
    size_t count = 0;
    while (count < 40 && (span[count] = cairn__units_take(CHUNK_UNITS, false)).region != NULL)
        count++;
    for (size_t i = 0; i < count; i++)
        cairn__units_give(span[i], CHUNK_UNITS);
    fake_run_on_node(3);
    fake_fail_from(FAKE_RESERVE, 1);
    size_t again = 0;
    while (again < 40 && cairn__units_take(CHUNK_UNITS, false).region != NULL)
        again++;
    assert_true(again >= count);
    check_figures();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_leave_no_gaps),
        cmocka_unit_test(huge_chunks),
        cmocka_unit_test(taken_while_undone),
        cmocka_unit_test(more_is_asked_for_meanwhile),
        cmocka_unit_test(touched_units_first),
        cmocka_unit_test(touched_units_in_a_row),
        cmocka_unit_test(huge_where_dense),
        cmocka_unit_test(random_in_the_window),
        cmocka_unit_test(random_in_regions),
        cmocka_unit_test(random_on_nodes),
        cmocka_unit_test(random_where_purging_fails),
        cmocka_unit_test(every_count),
        cmocka_unit_test(preferences),
        cmocka_unit_test(rows_across_chunks),
        cmocka_unit_test(rows_of_chunks_lowest_first),
        cmocka_unit_test(peak_is_of_what_is_used),
        cmocka_unit_test(from_the_top_down),
        cmocka_unit_test(only_what_is_free),
        cmocka_unit_test(flag),
        cmocka_unit_test(recent_peak),
        cmocka_unit_test(refusals),
        cmocka_unit_test(regions_go),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(nth_call_fails),
        cmocka_unit_test(racing),
        cmocka_unit_test(moved_while_growing),
        cmocka_unit_test(nodes_have_chunks_of_their_own),
        cmocka_unit_test(nodes_share_what_is_left),
    };
    return UNIT_MAIN(tests);
}
