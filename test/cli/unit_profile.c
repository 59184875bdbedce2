/* SPDX-License-Identifier: MIT */
/*
 * Profiles of traces made by hand, against figures worked out on paper; and of a long random one,
 * against a model that keeps every block and looks at all of them each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hand_trace.h"
#include "profile/pages.h"
#include "profile/profile.h"

static struct profile profile;

static void read_process(uint32_t process)
{
    assert_true(profile_read(&profile, "hand", &(struct profile_choice){false, process}));
}

static void read_all(void)
{
    assert_true(profile_read(&profile, "hand", &(struct profile_choice){.all_processes = true}));
}

static int finish(void **state)
{
    (void)state;
    if (profile.reader)
        profile_fini(&profile);
    return 0;
}

static void assert_sums(const struct profile_sums *sums, struct profile_sums expected)
{
    assert_int_equal(sums->blocks, expected.blocks);
    assert_int_equal(sums->bytes, expected.bytes);
    assert_int_equal(sums->live_blocks, expected.live_blocks);
    assert_int_equal(sums->live_bytes, expected.live_bytes);
    assert_int_equal(sums->peak_blocks, expected.peak_blocks);
    assert_int_equal(sums->peak_bytes, expected.peak_bytes);
    assert_int_equal(sums->temporary, expected.temporary);
    assert_int_equal(sums->own_peak_bytes, expected.own_peak_bytes);
    assert_int_equal(sums->lifetime, expected.lifetime);
    assert_int_equal(sums->largest, expected.largest);
}

static void assert_near(double value, double expected)
{
    assert_true(value > expected - 1e-12 && value < expected + 1e-12);
}

enum { A = 0x1000, B = 0x2000, C = 0x3000, D = 0x4000 };

static void begin_with_two_stacks(void)
{
    hand_begin();
    assert_int_equal(hand_node(0, 0, 1), 1);
    assert_int_equal(hand_node(1, 0, 2), 2);
}

static void figures_by_stack(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_alloc(1000, 0, 1, A, 100);
    hand_alloc(1010, 0, 2, B, 50); /* the peak: 150 */
    hand_free(1020, 0, A);         /* lived for 20, not temporary: B came between */
    hand_alloc(1030, 0, 2, C, 30);
    hand_free(1040, 0, C); /* lived for 10, temporary */
    hand_alloc(1050, 0, 1, D, 60);
    read_process(0);
    assert_sums(&profile.whole,
                (struct profile_sums){4, 240, 2, 110, 2, 150, 1, 150, 30, 100, 0, 0});
    assert_sums(&profile.stacks[1],
                (struct profile_sums){2, 160, 1, 60, 1, 100, 0, 100, 20, 100, 0, 0});
    assert_sums(&profile.stacks[2],
                (struct profile_sums){2, 80, 1, 50, 1, 50, 1, 80, 10, 50, 0, 0});
    assert_sums(&profile.stacks[0], (struct profile_sums){0});
    assert_int_equal(profile.stacks[1].lasted, 0);
    assert_int_equal(profile.stacks[2].freed, 1);
    assert_int_equal(profile.stacks[2].lasted, 40); /* B, to the end */
    assert_int_equal(profile.events, 6);
    assert_int_equal(profile.frees, 2);
    assert_int_equal(profile.reallocs, 0);
    assert_near(profile.seconds, 50e-9);
    assert_near(profile.peak_seconds, 10e-9);
    assert_int_equal(profile.size_blocks[profile_bin(100)], 1);
    assert_int_equal(profile.size_bytes[profile_bin(30)], 30);
    assert_int_equal(profile.life_blocks[profile_bin(20)], 1);
    assert_int_equal(profile.life_bytes[profile_bin(10)], 30);
    assert_null(profile.damage);
}

static void first_of_equal_peaks(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_alloc(0, 0, 1, A, 100);
    hand_free(1, 0, A);
    hand_alloc(2, 0, 2, B, 100);
    read_process(0);
    assert_int_equal(profile.whole.peak_bytes, 100);
    assert_int_equal(profile.stacks[1].peak_bytes, 100);
    assert_int_equal(profile.stacks[2].peak_bytes, 0);
    assert_near(profile.peak_seconds, 0);
}

static void later_peak_counts_anew(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_alloc(0, 0, 1, A, 100); /* a peak… */
    hand_free(1, 0, A);          /* …that this block is of */
    hand_alloc(2, 0, 2, B, 70);
    hand_alloc(3, 0, 2, C, 31); /* a higher one, without it */
    hand_free(4, 0, B);
    hand_alloc(5, 0, 1, D, 10);
    read_process(0);
    assert_int_equal(profile.whole.peak_bytes, 101);
    assert_int_equal(profile.whole.peak_blocks, 2);
    assert_int_equal(profile.stacks[1].peak_blocks, 0);
    assert_int_equal(profile.stacks[2].peak_blocks, 2);
    assert_int_equal(profile.stacks[2].peak_bytes, 101);
}

static void nothing_at_all(void **state)
{
    (void)state;
    hand_begin();
    hand_damage("cut short at byte 7");
    assert_false(profile_read(&profile, "elsewhere", &(struct profile_choice){0}));
    read_process(0);
    assert_sums(&profile.whole, (struct profile_sums){0});
    assert_int_equal(profile.moment_count, 1);
    assert_int_equal(profile.page_count, 0);
    assert_string_equal(profile.damage, "cut short at byte 7");
}

static void realloc_is_a_free_and_an_allocation(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_realloc(0, 0, 1, 0, A, 10);  /* as malloc */
    hand_realloc(5, 0, 2, A, A, 20);  /* in place: 10 bytes lived for 5, temporary */
    hand_realloc(7, 0, 2, A, B, 300); /* moved: 20 bytes lived for 2, temporary */
    hand_realloc(8, 0, 1, B, 0, 999); /* fails: B stays */
    hand_alloc(9, 0, 1, 0, 888);      /* fails */
    hand_alloc(10, 0, 1, C, 0);       /* of no bytes, but a block */
    hand_free(11, 0, B);              /* lived for 4 */
    read_process(0);
    assert_sums(&profile.whole, (struct profile_sums){4, 330, 1, 0, 1, 300, 2, 300, 11, 300, 0, 0});
    assert_sums(&profile.stacks[1], (struct profile_sums){2, 10, 1, 0, 0, 0, 1, 10, 5, 10, 0, 0});
    assert_sums(&profile.stacks[2],
                (struct profile_sums){2, 320, 0, 0, 1, 300, 1, 300, 6, 300, 0, 0});
    assert_int_equal(profile.events, 7);
    assert_int_equal(profile.reallocs, 2);
    assert_int_equal(profile.frees, 1);
    assert_int_equal(profile.failed, 2);
    assert_int_equal(profile.threads[0].allocations, 4);
    assert_int_equal(profile.threads[0].frees, 3);
}

static void address_reused_before_the_realloc_returned(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_thread(0);
    hand_alloc(0, 0, 1, A, 10);
    hand_alloc(1, 1, 2, A, 500);     /* thread 1 got the old address… */
    hand_realloc(2, 0, 1, A, B, 20); /* …that thread 0's realloc had left */
    hand_free(3, 1, A);
    hand_free(4, 0, B);
    read_process(0);
    assert_int_equal(profile.whole.blocks, 3);
    assert_int_equal(profile.whole.live_blocks, 0);
    assert_int_equal(profile.whole.live_bytes, 0);
    assert_int_equal(profile.whole.peak_bytes, 520);
    assert_int_equal(profile.stacks[2].lifetime, 2);
    assert_int_equal(profile.unknown_frees, 0);
}

static void threads(void **state)
{
    (void)state;
    begin_with_two_stacks();
    uint32_t other = hand_thread(0);
    hand_alloc(0, 0, 1, A, 10);
    hand_alloc(1, other, 1, B, 10);
    hand_free(2, 0, A); /* temporary: its thread did nothing since */
    hand_free(3, 0, B); /* by another thread: not temporary */
    hand_alloc(4, other, 1, C, 10);
    hand_alloc(5, 0, 1, D, 10);
    hand_free(6, other, C); /* temporary, whatever thread 0 did */
    hand_free(7, other, 0x9990);
    read_process(0);
    assert_int_equal(profile.whole.temporary, 2);
    assert_int_equal(profile.threads[0].allocations, 2);
    assert_int_equal(profile.threads[0].frees, 2);
    assert_int_equal(profile.threads[0].foreign_frees, 1);
    assert_int_equal(profile.threads[other].allocations, 2);
    assert_int_equal(profile.threads[other].bytes, 20);
    assert_int_equal(profile.threads[other].frees, 1);
    assert_int_equal(profile.threads[other].foreign_frees, 0);
    assert_int_equal(profile.unknown_frees, 1);
    assert_int_equal(profile.frees, 3);
}

static void processes(void **state)
{
    (void)state;
    begin_with_two_stacks();
    uint32_t child = hand_process(101), thread = hand_thread(child);
    hand_alloc(0, 0, 1, A, 1000);
    hand_alloc(10, thread, 2, A, 500); /* the same address, another process */
    hand_alloc(20, thread, 1, B, 60);
    hand_op(30, TRACE_EXIT, child); /* leaves 560 bytes */
    hand_alloc(40, 0, 1, C, 100);
    hand_free(50, 0, A);
    read_all();
    assert_int_equal(profile.whole.peak_bytes, 1560);
    assert_int_equal(profile.whole.live_bytes, 660);
    assert_int_equal(profile.whole.live_blocks, 3);
    assert_int_equal(profile.stacks[1].live_bytes, 160);
    assert_int_equal(profile.stacks[1].peak_bytes, 1060);
    assert_int_equal(profile.stacks[2].peak_bytes, 500);
    assert_int_equal(profile.stacks[2].live_bytes, 500);
    assert_int_equal(profile.moments[profile.moment_count - 1].bytes, 100);
    assert_int_equal(profile.page_count, 1); /* of process 0 */
    assert_int_equal(profile.pages[0].bytes, 1000);
    profile_fini(&profile);
    read_process(child);
    assert_int_equal(profile.whole.blocks, 2);
    assert_int_equal(profile.whole.peak_bytes, 560);
    assert_int_equal(profile.whole.live_bytes, 560);
    assert_int_equal(profile.moments[profile.moment_count - 1].bytes, 560); /* until it ended */
    assert_near(profile.seconds, 20e-9);
    assert_int_equal(profile.stacks[1].blocks, 1);
}

static void both_processes_end(void **state)
{
    (void)state;
    begin_with_two_stacks();
    uint32_t child = hand_process(101), thread = hand_thread(child);
    hand_alloc(0, thread, 2, B, 2000);
    hand_alloc(10, 0, 1, A, 100);
    hand_alloc(10, 0, 1, C, 100);
    hand_free(11, thread, B); /* the first to go of those of the peak, and the largest */
    hand_alloc(12, thread, 2, B, 30);
    hand_op(20, TRACE_EXIT, child);
    hand_op(30, TRACE_EXIT, 0);
    read_all();
    assert_int_equal(profile.moments[profile.moment_count - 1].bytes, 230);
    assert_int_equal(profile.moments[profile.moment_count - 1].blocks, 3);
    assert_int_equal(profile.page_count, 1); /* of the child */
    assert_int_equal(profile.pages[0].bytes, 2000);
}

static void assert_process(uint32_t process, struct profile_process expected)
{
    const struct profile_process *is = &profile.processes[process];

    assert_int_equal(is->blocks, expected.blocks);
    assert_int_equal(is->bytes, expected.bytes);
    assert_int_equal(is->peak_blocks, expected.peak_blocks);
    assert_int_equal(is->peak_bytes, expected.peak_bytes);
    assert_int_equal(is->live_blocks, expected.live_blocks);
    assert_int_equal(is->live_bytes, expected.live_bytes);
    assert_int_equal(is->left_blocks, expected.left_blocks);
    assert_int_equal(is->left_bytes, expected.left_bytes);
}

static void each_process_by_itself(void **state)
{
    (void)state;
    begin_with_two_stacks();
    uint32_t child = hand_process(101), idle = hand_process(102), thread = hand_thread(child);
    hand_alloc(0, 0, 1, A, 1000);
    hand_alloc(10, thread, 2, A, 500);
    hand_alloc(20, thread, 2, B, 60); /* its peak; that of the whole is 1560 */
    hand_free(30, thread, A);
    hand_op(40, TRACE_EXEC, child); /* leaves 60 */
    hand_alloc(50, thread, 1, C, 100);
    hand_free(60, 0, A);
    read_all();
    assert_process(0, (struct profile_process){1, 1000, 1, 1000, 0, 0, 0, 0});
    assert_process(child, (struct profile_process){3, 660, 2, 560, 2, 160, 1, 60});
    assert_process(idle, (struct profile_process){0});
    assert_int_equal(profile_processes(&profile), 2);
    assert_int_equal(profile.page_process, 0);
    assert_int_equal(profile.stacks[1].freed, 1);
    assert_int_equal(profile.stacks[2].freed, 1);
    assert_int_equal(profile.whole.freed, 2);
    profile_fini(&profile);
    read_process(child);
    assert_int_equal(profile_processes(&profile), 1);
    assert_int_equal(profile.page_process, child);
}

static void exec_leaves_all(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_alloc(0, 0, 1, A, 100);
    hand_alloc(1, 0, 1, B, 20);
    hand_op(2, TRACE_EXEC, 0);
    hand_alloc(3, 0, 2, A, 50);
    hand_free(4, 0, A);
    hand_free(5, 0, B); /* not known to the new program */
    read_process(0);
    assert_int_equal(profile.whole.peak_bytes, 120);
    assert_int_equal(profile.whole.peak_blocks, 2);
    assert_int_equal(profile.whole.live_bytes, 120);
    assert_int_equal(profile.stacks[1].live_blocks, 2);
    assert_int_equal(profile.stacks[1].own_peak_bytes, 120);
    assert_int_equal(profile.stacks[2].live_bytes, 0);
    assert_int_equal(profile.unknown_frees, 1);
    assert_int_equal(profile.moments[profile.moment_count - 1].bytes, 0);
}

static void clocks_that_go_backwards(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_alloc(100, 0, 1, A, 10);
    hand_alloc(200, 0, 1, B, 10);
    hand_free(150, 0, B);
    hand_free(90, 0, A);
    read_process(0);
    assert_int_equal(profile.whole.lifetime, 0);
    assert_near(profile.seconds, 100e-9);
}

/*
 * --- bins ---------------------------------------------------------------------------------------
 */

static void bins(void **state)
{
    (void)state;
    for (unsigned bin = 0; bin < PROFILE_BINS; bin++) {
        assert_int_equal(profile_bin(profile_bin_from(bin)), bin);
        if (bin > 0)
            assert_int_equal(profile_bin(profile_bin_from(bin) - 1), bin - 1);
    }
    assert_int_equal(profile_bin(UINT64_MAX), PROFILE_BINS - 1);
    assert_true(profile_bin_from(PROFILE_BINS) == UINT64_MAX);
    assert_int_equal(profile_bin_from(15), 15);
    assert_int_equal(profile_bin_from(16), 16);
    assert_int_equal(profile_bin_from(17), 18);
    assert_int_equal(profile_bin(1000), 16 + 5 * 8 + 7); /* 960 to 1023 */
}

/*
 * --- moments ------------------------------------------------------------------------------------
 */

static void moments_of_a_sawtooth(void **state)
{
    enum { EVENTS = 40000 };
    (void)state;
    begin_with_two_stacks();
    for (uint64_t i = 0; i < EVENTS; i += 2) { /* up for one unit of time in two */
        hand_alloc(i * 10, 0, 1, A, 64 + i);
        hand_free(i * 10 + 10, 0, A);
    }
    read_process(0);
    size_t count = profile.moment_count;
    assert_in_range(count, 512, 1023);
    double distance = profile.moments[0].seconds;
    for (size_t i = 0; i < count; i++) {
        const struct profile_moment *moment = &profile.moments[i];
        double nanoseconds = moment->seconds * 1e9;
        if (i + 1 < count)
            assert_near(moment->seconds, (double)(i + 1) * distance);
        /* What was allocated before it, and the last of these, which is the largest. */
        uint64_t before = (uint64_t)(nanoseconds + 0.5);
        uint64_t allocations = i + 1 < count ? (before + 19) / 20 : EVENTS / 2;
        assert_int_equal(moment->allocations, allocations);
        assert_int_equal(moment->high, 64 + 2 * (allocations - 1));
    }
    assert_near(profile.moments[count - 1].seconds, profile.seconds);
    assert_near(profile.seconds, (EVENTS - 1) * 10e-9);
}

static void moments_over_a_long_pause(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_alloc(0, 0, 1, A, 5);
    hand_alloc(1, 0, 1, B, 6);
    hand_free(2, 0, B);
    hand_alloc(3600000000000, 0, 1, C, 7); /* an hour later */
    read_process(0);
    size_t count = profile.moment_count;
    assert_in_range(count, 512, 1023);
    assert_int_equal(profile.moments[0].high, 11);
    assert_int_equal(profile.moments[0].bytes, 5);
    assert_int_equal(profile.moments[1].high, 5);
    assert_int_equal(profile.moments[count - 2].bytes, 5);
    assert_int_equal(profile.moments[count - 1].bytes, 12);
    assert_int_equal(profile.moments[count - 1].blocks, 2);
    assert_int_equal(profile.moments[count - 1].allocations, 3);
}

/* One moment has closed when the distance is doubled: it has no second to be merged with. */
static void high_before_a_long_pause(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_alloc(0, 0, 1, A, 5);
    hand_alloc(0, 0, 1, B, 6);
    hand_free(0, 0, B);
    hand_alloc(1, 0, 1, C, 1);
    hand_alloc(1000000, 0, 1, D, 1);
    read_process(0);
    assert_int_equal(profile.moments[0].high, 11);
    assert_int_equal(profile.moments[0].bytes, 6);
    assert_int_equal(profile.moments[1].high, 6);
}

/*
 * --- pages --------------------------------------------------------------------------------------
 */

static void assert_page(size_t index, uint64_t number, uint64_t count, uint32_t bytes)
{
    assert_true(index < profile.page_count);
    assert_int_equal(profile.pages[index].number, number);
    assert_int_equal(profile.pages[index].count, count);
    assert_int_equal(profile.pages[index].bytes, bytes);
}

static void pages_at_the_peak(void **state)
{
    (void)state;
    begin_with_two_stacks();
    hand_alloc(0, 0, 1, 0x10010, 16);
    hand_alloc(1, 0, 1, 0x10800, 0x900);      /* into the next page by 0x100 */
    hand_alloc(2, 0, 1, 0x20000, 0x5000);     /* five pages, and… */
    hand_alloc(3, 0, 1, 0x25000, 0x1000 + 8); /* …one more that is like them, and 8 bytes */
    hand_alloc(4, 0, 1, 0x40ff0, 0x3020);     /* 16, three pages, 16 */
    hand_alloc(5, 0, 1, 0x50000, 1);
    hand_free(6, 0, 0x10010);
    read_process(0);
    assert_page(0, 0x10, 1, 16 + 0x800);
    assert_page(1, 0x11, 1, 0x100);
    assert_page(2, 0x20, 6, PAGE_BYTES);
    assert_page(3, 0x26, 1, 8);
    assert_page(4, 0x40, 1, 16);
    assert_page(5, 0x41, 3, PAGE_BYTES);
    assert_page(6, 0x44, 1, 16);
    assert_page(7, 0x50, 1, 1);
    assert_int_equal(profile.page_count, 8);
}

/*
 * --- a model ------------------------------------------------------------------------------------
 */

enum { SLOTS = 500, MODEL_STACKS = 40, MODEL_THREADS = 5, MODEL_EVENTS = 20000 };

struct model_block {
    uint64_t size, time;
    uint32_t stack, thread;
    uint64_t turn; /* of the thread: how many allocations it had made with this one */
};

static struct {
    struct model_block blocks[SLOTS];
    uint64_t turns[MODEL_THREADS + 1];
    struct profile_sums sums[MODEL_STACKS + 1];
    uint64_t peak, now;
} model;

static void model_free(size_t slot, uint32_t thread, uint64_t time)
{
    struct model_block *block = &model.blocks[slot];
    struct profile_sums *sums = &model.sums[block->stack];

    sums->lifetime += time - block->time;
    sums->temporary += block->thread == thread && model.turns[thread] == block->turn;
    model.now -= block->size;
    block->size = 0;
}

static void model_alloc(size_t slot, uint32_t thread, uint32_t stack, uint64_t size, uint64_t time)
{
    struct profile_sums *sums = &model.sums[stack];

    model.blocks[slot] = (struct model_block){size, time, stack, thread, ++model.turns[thread]};
    sums->blocks++;
    sums->bytes += size;
    sums->largest = size > sums->largest ? size : sums->largest;
    model.now += size;
}

static void model_look(void)
{
    uint64_t live[MODEL_STACKS + 1] = {0}, blocks[MODEL_STACKS + 1] = {0};

    for (size_t i = 0; i < SLOTS; i++) {
        live[model.blocks[i].stack] += model.blocks[i].size;
        blocks[model.blocks[i].stack] += model.blocks[i].size > 0;
    }
    for (size_t i = 1; i <= MODEL_STACKS; i++) {
        struct profile_sums *sums = &model.sums[i];
        sums->live_blocks = blocks[i];
        sums->live_bytes = live[i];
        sums->own_peak_bytes = live[i] > sums->own_peak_bytes ? live[i] : sums->own_peak_bytes;
        if (model.now > model.peak) {
            sums->peak_blocks = blocks[i];
            sums->peak_bytes = live[i];
        }
    }
    model.peak = model.now > model.peak ? model.now : model.peak;
}

static unsigned pick(unsigned below)
{
    static uint64_t seed = 88172645463325252U; /* xorshift64 */

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 20) % below);
}

static void model_step(unsigned i)
{
    uint64_t time = (uint64_t)i * 7;
    size_t slot = pick(SLOTS / 2 + SLOTS / 2 * (i / 4000 % 2)); /* it grows and shrinks */
    uint32_t thread = 1 + pick(MODEL_THREADS), stack = 1 + pick(MODEL_STACKS);
    uint64_t ptr = 0x100000 + slot * 0x10000, size = 1 + pick(3000);

    if (model.blocks[slot].size == 0) {
        hand_alloc(time, thread, stack, ptr, size);
        model_alloc(slot, thread, stack, size, time);
    } else if (pick(3) == 0) {
        hand_realloc(time, thread, stack, ptr, ptr, size);
        model_free(slot, thread, time);
        model_alloc(slot, thread, stack, size, time);
    } else {
        hand_free(time, thread, ptr);
        model_free(slot, thread, time);
    }
    model_look();
}

static void same_as_the_model(void **state)
{
    (void)state;
    hand_begin();
    memset(&model, 0, sizeof model);
    for (unsigned i = 0; i < MODEL_STACKS; i++)
        hand_node(0, 0, i);
    for (unsigned i = 0; i < MODEL_THREADS; i++)
        hand_thread(0);
    for (unsigned i = 0; i < MODEL_EVENTS; i++)
        model_step(i);
    read_process(0);
    assert_int_equal(profile.whole.peak_bytes, model.peak);
    assert_int_equal(profile.whole.live_bytes, model.now);
    for (unsigned i = 1; i <= MODEL_STACKS; i++)
        assert_sums(&profile.stacks[i], model.sums[i]);
}

#define test(name) cmocka_unit_test_teardown(name, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(figures_by_stack),
        test(first_of_equal_peaks),
        test(later_peak_counts_anew),
        test(nothing_at_all),
        test(realloc_is_a_free_and_an_allocation),
        test(address_reused_before_the_realloc_returned),
        test(threads),
        test(processes),
        test(both_processes_end),
        test(each_process_by_itself),
        test(exec_leaves_all),
        test(high_before_a_long_pause),
        test(clocks_that_go_backwards),
        test(bins),
        test(moments_of_a_sawtooth),
        test(moments_over_a_long_pause),
        test(pages_at_the_peak),
        test(same_as_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
