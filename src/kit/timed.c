/* SPDX-License-Identifier: MIT */
/*
 * See cairn/timed.h, and histogram.h for the buckets. A thread counts in the set that its mark
 * falls on; sets are made when first used. Counters are added to atomically and order nothing. The
 * first set is made by init, and serves where there is no memory for another.
 *     the last bucket with calls holds max, in each set and for each op
 */
#include "cairn/timed.h"

#include "base/memory.h"
#include "base/print.h"
#include "cairn/system.h"
#include "kit/histogram.h"
#include "os/clock.h"
#include "os/os.h"
#include "os/place.h"

enum { SET_BITS = 4, CLOCK_READINGS = 200 };

struct times {
    uint64_t max;
    uint64_t calls[HISTOGRAM_BUCKETS];
};

struct cairn__timed_set {
    struct times times[CAIRN_TIMED_OPS];
};

typedef struct cairn__timed_set set;

static const cairn_layout SET = {sizeof(set), 64};

static const char *const NAMES[CAIRN_TIMED_OPS] = {
    [CAIRN_TIMED_ALLOC] = "alloc",
    [CAIRN_TIMED_ALLOC_ZEROED] = "alloc_zeroed",
    [CAIRN_TIMED_REALLOC] = "realloc",
    [CAIRN_TIMED_DEALLOC] = "dealloc",
};

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Acquire pairs with make_set, after which the counters are seen to be 0. */
static set *load_set(const cairn_timed *timed, unsigned index)
{
    return __atomic_load_n(&timed->sets[index], __ATOMIC_ACQUIRE);
}

/* ---- counting ---- */

static COLD set *make_set(cairn_timed *timed, unsigned index)
{
    set *made = cairn_allocator_alloc_zeroed(timed->records, SET);
    if (made == NULL)
        return load_set(timed, 0);
    set *found = NULL;
    if (__atomic_compare_exchange_n(&timed->sets[index], &found, made, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return made;
    cairn_allocator_dealloc(timed->records, made, SET);
    return found;
}

static void count(cairn_timed *timed, cairn_timed_op op, uint64_t begin)
{
    uint64_t end = cairn__os_clock();
    uint64_t time = end > begin ? end - begin : 0;
    unsigned index = (unsigned)((uint64_t)cairn__os_thread_mark() * 0x9E3779B97F4A7C15u >>
                                (64 - SET_BITS));
    set *mine = load_set(timed, index);
    if (UNLIKELY(mine == NULL))
        mine = make_set(timed, index);
    struct times *times = &mine->times[op];
    __atomic_fetch_add(&times->calls[histogram_bucket(time)], 1, __ATOMIC_RELAXED);
    uint64_t max = load(&times->max);
    while (UNLIKELY(time > max) && !__atomic_compare_exchange_n(&times->max, &max, time, true,
                                                                __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* ---- the ops ---- */

static void *timed_alloc(void *self, cairn_layout layout)
{
    cairn_timed *timed = self;
    uint64_t begin = cairn__os_clock();
    void *ptr = cairn_allocator_alloc(timed->source, layout);
    count(timed, CAIRN_TIMED_ALLOC, begin);
    return ptr;
}

static void *timed_alloc_zeroed(void *self, cairn_layout layout)
{
    cairn_timed *timed = self;
    uint64_t begin = cairn__os_clock();
    void *ptr = cairn_allocator_alloc_zeroed(timed->source, layout);
    count(timed, CAIRN_TIMED_ALLOC_ZEROED, begin);
    return ptr;
}

static void *timed_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_timed *timed = self;
    uint64_t begin = cairn__os_clock();
    void *moved = cairn_allocator_realloc(timed->source, ptr, layout, new_size);
    count(timed, CAIRN_TIMED_REALLOC, begin);
    return moved;
}

static void timed_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_timed *timed = self;
    uint64_t begin = cairn__os_clock();
    cairn_allocator_dealloc(timed->source, ptr, layout);
    count(timed, CAIRN_TIMED_DEALLOC, begin);
}

static bool timed_owns(void *self, const void *ptr)
{
    return cairn_allocator_owns(((cairn_timed *)self)->source, ptr);
}

static size_t timed_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    return cairn_allocator_usable_size(((cairn_timed *)self)->source, ptr, layout);
}

#define OPS                                                                                        \
    .name = "timed", .alloc = timed_alloc, .dealloc = timed_dealloc,                               \
    .alloc_zeroed = timed_alloc_zeroed, .realloc = timed_realloc, .usable_size = timed_usable_size

CAIRN_EXPORT cairn_allocator cairn_timed_allocator(cairn_timed *timed)
{
    static const cairn_allocator_ops ops[2] = {{OPS}, {OPS, .owns = timed_owns}};
    return (cairn_allocator){&ops[cairn_allocator_can_tell(timed->source)], timed};
}

/* ---- figures ---- */

static bool is_op(cairn_timed_op op)
{
    return (unsigned)op < CAIRN_TIMED_OPS;
}

/* All sets together: their sum, one bucket at a time. */
static void add_up(const cairn_timed *timed, cairn_timed_op op, struct times *sum)
{
    memset(sum, 0, sizeof *sum);
    for (unsigned i = 0; i < CAIRN_TIMED_SETS; i++) {
        const set *one = load_set(timed, i);
        if (one == NULL)
            continue;
        const struct times *times = &one->times[op];
        uint64_t max = load(&times->max);
        sum->max = max > sum->max ? max : sum->max;
        for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
            sum->calls[bucket] += load(&times->calls[bucket]);
    }
}

static uint64_t calls_in(const struct times *times)
{
    uint64_t calls = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        calls += times->calls[bucket];
    return calls;
}

/* The time that call number `rank` of them took, by length, the first being 1; at most max. */
static uint64_t time_of(const struct times *times, uint64_t rank)
{
    uint64_t calls = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        calls += times->calls[bucket];
        if (calls >= rank)
            return histogram_to(bucket) < times->max ? histogram_to(bucket) : times->max;
    }
    return times->max;
}

static uint64_t percentile(const struct times *times, uint64_t calls, double percent)
{
    if (calls == 0)
        return 0;
    if (percent >= 100)
        return times->max;
    double exact = percent > 0 ? percent / 100 * (double)calls : 0;
    uint64_t rank = (uint64_t)exact;
    rank += (double)rank < exact;
    return time_of(times, rank < 1 ? 1 : rank);
}

CAIRN_EXPORT uint64_t cairn_timed_percentile(const cairn_timed *timed, cairn_timed_op op,
                                             double percent)
{
    struct times sum;
    if (!is_op(op))
        return 0;
    add_up(timed, op, &sum);
    return percentile(&sum, calls_in(&sum), percent);
}

CAIRN_EXPORT void cairn_timed_stats_get(const cairn_timed *timed, cairn_timed_op op,
                                        cairn_timed_stats *stats)
{
    struct times sum;
    memset(stats, 0, sizeof *stats);
    if (!is_op(op))
        return;
    add_up(timed, op, &sum);
    stats->calls = calls_in(&sum);
    stats->p50 = percentile(&sum, stats->calls, 50);
    stats->p90 = percentile(&sum, stats->calls, 90);
    stats->p99 = percentile(&sum, stats->calls, 99);
    stats->p9999 = percentile(&sum, stats->calls, 99.99);
    stats->max = sum.max;
}

CAIRN_EXPORT uint64_t cairn_timed_clock_cost(const cairn_timed *timed)
{
    return timed->clock_cost;
}

CAIRN_EXPORT bool cairn_timed_buckets(const cairn_timed *timed, cairn_timed_op op,
                                      bool (*visit)(void *context, uint64_t from, uint64_t to,
                                                    uint64_t calls),
                                      void *context)
{
    struct times sum;
    if (!is_op(op))
        return true;
    add_up(timed, op, &sum);
    bool on = true;
    for (unsigned bucket = 0; on && bucket < HISTOGRAM_BUCKETS; bucket++)
        on = sum.calls[bucket] == 0 ||
             visit(context, histogram_from(bucket), histogram_to(bucket), sum.calls[bucket]);
    return on;
}

static void put(struct text *line, const char *before, uint64_t value, const char *after)
{
    cairn__text_put(line, before);
    cairn__text_uint(line, value);
    cairn__text_put(line, after);
}

static void to_standard_error(void *context, const char *bytes, size_t count)
{
    (void)context;
    cairn__os_print_error(bytes, count);
}

CAIRN_EXPORT void cairn_timed_report(const cairn_timed *timed,
                                     void (*write)(void *context, const char *bytes, size_t count),
                                     void *context)
{
    for (int op = 0; op < CAIRN_TIMED_OPS; op++) {
        cairn_timed_stats stats;
        cairn_timed_stats_get(timed, (cairn_timed_op)op, &stats);
        if (stats.calls == 0)
            continue;
        TEXT_LINE(line);
        cairn__text_put(&line, NAMES[op]);
        put(&line, ": ", stats.calls, " calls");
        put(&line, ", p50 ", stats.p50, " ns");
        put(&line, ", p90 ", stats.p90, " ns");
        put(&line, ", p99 ", stats.p99, " ns");
        put(&line, ", p99.99 ", stats.p9999, " ns");
        put(&line, ", max ", stats.max, " ns");
        cairn__text_end_line(&line);
        (write != NULL ? write : to_standard_error)(context, line.data, line.length);
    }
}

/* ---- the whole ---- */

static uint64_t measure_clock(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < CLOCK_READINGS; i++) {
        uint64_t begin = cairn__os_clock();
        uint64_t end = cairn__os_clock();
        least = end - begin < least ? end - begin : least;
    }
    return least;
}

CAIRN_EXPORT bool cairn_timed_init(cairn_timed *timed, cairn_allocator source,
                                   const cairn_timed_opts *opts)
{
    memset(timed, 0, sizeof *timed);
    timed->source = source.ops != NULL ? source : cairn_system();
    timed->records = opts != NULL && opts->records.ops != NULL ? opts->records : cairn_system();
    timed->clock_cost = measure_clock();
    timed->sets[0] = cairn_allocator_alloc_zeroed(timed->records, SET);
    return timed->sets[0] != NULL;
}

CAIRN_EXPORT void cairn_timed_fini(cairn_timed *timed)
{
    for (unsigned i = 0; i < CAIRN_TIMED_SETS; i++)
        cairn_allocator_dealloc(timed->records, timed->sets[i], SET);
    memset(timed, 0, sizeof *timed);
}

CAIRN_EXPORT void cairn_timed_reset(cairn_timed *timed)
{
    for (unsigned i = 0; i < CAIRN_TIMED_SETS; i++) {
        set *one = load_set(timed, i);
        for (int op = 0; one != NULL && op < CAIRN_TIMED_OPS; op++) {
            struct times *times = &one->times[op];
            __atomic_store_n(&times->max, 0, __ATOMIC_RELAXED);
            for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
                __atomic_store_n(&times->calls[bucket], 0, __ATOMIC_RELAXED);
        }
    }
}

/* The last bucket that has calls is that of max. */
static bool fits(const struct times *times)
{
    unsigned last = 0;
    uint64_t calls = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        uint64_t here = load(&times->calls[bucket]);
        calls += here;
        last = here != 0 ? bucket : last;
    }
    return calls == 0 ? load(&times->max) == 0 : histogram_bucket(load(&times->max)) == last;
}

CAIRN_EXPORT const char *cairn_timed_audit(const cairn_timed *timed)
{
    if (timed->source.ops == NULL || timed->sets[0] == NULL)
        return "timed has no source, or no histogram";
    for (unsigned i = 0; i < CAIRN_TIMED_SETS; i++) {
        const set *one = load_set(timed, i);
        for (int op = 0; one != NULL && op < CAIRN_TIMED_OPS; op++)
            if (!fits(&one->times[op]))
                return "the longest call is in no bucket";
    }
    return NULL;
}
