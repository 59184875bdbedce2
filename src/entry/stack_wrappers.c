/* SPDX-License-Identifier: MIT */
/* The wrappers that a stack can have, by name. */
#include "cairn/checked.h"
#include "cairn/counted.h"
#include "cairn/failing.h"
#include "cairn/fallback.h"
#include "cairn/guarded.h"
#include "cairn/limited.h"
#include "cairn/locked.h"
#include "cairn/segregated.h"
#include "cairn/timed.h"
#include "cairn/traced.h"
#include "entry/stack_rows.h"
#include "os/os.h"
#include "os/sink.h"

static const struct stack_option NO_OPTIONS[] = {STACK_END};

/* ---- checked ---- */

enum { CHECKED_BLOCKS, CHECKED_BYTES, CHECKED_AT_ONCE };

static const struct stack_option CHECKED_OPTIONS[] = {
    {"blocks", STACK_COUNT, CHECKED_BLOCKS, 1},
    {"bytes", STACK_SIZE, CHECKED_BYTES, 1},
    {"no_quarantine", STACK_WORD, CHECKED_AT_ONCE, 1},
    STACK_END,
};

static bool checked_make(struct stack_node *node)
{
    cairn_checked *checked = NEW_STATE(node, cairn_checked);
    if (checked == NULL)
        return false;
    cairn_checked_opts opts = {
        .records = node->memory,
        .quarantine_blocks = node->values[CHECKED_BLOCKS],
        .quarantine_bytes = node->values[CHECKED_BYTES],
        .no_quarantine = node->values[CHECKED_AT_ONCE] != 0,
    };
    cairn_checked_init(checked, stack_below(node), &opts);
    node->allocator = cairn_checked_allocator(checked);
    return true;
}

static void checked_end(struct stack_node *node)
{
    cairn_checked_fini(node->state);
    END_STATE(node, cairn_checked);
}

static const char *checked_audit(const struct stack_node *node)
{
    return cairn_checked_audit(node->state);
}

const struct stack_kind cairn__stack_checked = {
    .name = "checked",
    .stops_crimes = true,
    .options = CHECKED_OPTIONS,
    .most_children = 1,
    .thread_safe = true,
    .make = checked_make,
    .end = checked_end,
    .audit = checked_audit,
};

/* ---- locked, limited, failing ---- */

static bool locked_make(struct stack_node *node)
{
    cairn_locked *locked = NEW_STATE(node, cairn_locked);
    if (locked == NULL)
        return false;
    cairn_locked_init(locked, stack_below(node));
    node->allocator = cairn_locked_allocator(locked);
    return true;
}

static void locked_end(struct stack_node *node)
{
    cairn_locked_fini(node->state);
    END_STATE(node, cairn_locked);
}

const struct stack_kind cairn__stack_locked = {
    .name = "locked",
    .options = NO_OPTIONS,
    .most_children = 1,
    .thread_safe = true,
    .locks = true,
    .make = locked_make,
    .end = locked_end,
};

enum { LIMITED_BYTES, LIMITED_BLOCKS };

static const struct stack_option LIMITED_OPTIONS[] = {
    {"", STACK_SIZE, LIMITED_BYTES, 1},
    {"bytes", STACK_SIZE, LIMITED_BYTES, 1},
    {"blocks", STACK_COUNT, LIMITED_BLOCKS, 1},
    STACK_END,
};

static bool limited_make(struct stack_node *node)
{
    cairn_limited *limited = NEW_STATE(node, cairn_limited);
    if (limited == NULL)
        return false;
    cairn_limited_opts opts = {.max_bytes = node->values[LIMITED_BYTES],
                               .max_blocks = node->values[LIMITED_BLOCKS]};
    cairn_limited_init(limited, stack_below(node), &opts);
    node->allocator = cairn_limited_allocator(limited);
    return true;
}

static void limited_end(struct stack_node *node)
{
    cairn_limited_fini(node->state);
    END_STATE(node, cairn_limited);
}

static const char *limited_audit(const struct stack_node *node)
{
    return cairn_limited_audit(node->state);
}

const struct stack_kind cairn__stack_limited = {
    .name = "limited",
    .options = LIMITED_OPTIONS,
    .most_children = 1,
    .required_option = true,
    .thread_safe = true,
    .fork_safe = true,
    .make = limited_make,
    .end = limited_end,
    .audit = limited_audit,
};

enum { FAILING_AT, FAILING_EVERY, FAILING_FROM, FAILING_LARGER, FAILING_PERCENT, FAILING_SEED };

static const struct stack_option FAILING_OPTIONS[] = {
    {"nth", STACK_COUNT, FAILING_AT, 1},
    {"every", STACK_COUNT, FAILING_EVERY, 1},
    {"from", STACK_COUNT, FAILING_FROM, 1},
    {"larger", STACK_SIZE, FAILING_LARGER, 1},
    {"percent", STACK_COUNT, FAILING_PERCENT, 0},
    {"seed", STACK_COUNT, FAILING_SEED, 0},
    STACK_END,
};

static bool failing_make(struct stack_node *node)
{
    cairn_failing *failing = NEW_STATE(node, cairn_failing);
    if (failing == NULL)
        return false;
    cairn_failing_opts opts = {
        .at = node->values[FAILING_AT],
        .every = node->values[FAILING_EVERY],
        .from = node->values[FAILING_FROM],
        .larger_than = node->values[FAILING_LARGER],
        .probability = (double)node->values[FAILING_PERCENT] / 100,
        .seed = node->values[FAILING_SEED],
    };
    cairn_failing_init(failing, stack_below(node), &opts);
    node->allocator = cairn_failing_allocator(failing);
    return true;
}

static void failing_end(struct stack_node *node)
{
    cairn_failing_fini(node->state);
    END_STATE(node, cairn_failing);
}

const struct stack_kind cairn__stack_failing = {
    .name = "failing",
    .options = FAILING_OPTIONS,
    .most_children = 1,
    .thread_safe = true,
    .fork_safe = true,
    .make = failing_make,
    .end = failing_end,
};

/* ---- fallback, segregated ---- */

static bool fallback_make(struct stack_node *node)
{
    cairn_fallback *fallback = NEW_STATE(node, cairn_fallback);
    if (fallback == NULL)
        return false;
    cairn_allocator first = node->children[0]->allocator;
    if (!cairn_fallback_init(fallback, first, node->children[1]->allocator)) {
        END_STATE(node, cairn_fallback);
        stack_refuse(node, "cannot tell its own blocks, as fallback's first must: ",
                     node->children[0]->kind->name);
        return false;
    }
    node->allocator = cairn_fallback_allocator(fallback);
    return true;
}

static void fallback_end(struct stack_node *node)
{
    cairn_fallback_fini(node->state);
    END_STATE(node, cairn_fallback);
}

const struct stack_kind cairn__stack_fallback = {
    .name = "fallback",
    .options = NO_OPTIONS,
    .least_children = 2,
    .most_children = 2,
    .asks_first = true,
    .thread_safe = true,
    .fork_safe = true,
    .make = fallback_make,
    .end = fallback_end,
};

enum { SEGREGATED_THRESHOLD };

static const struct stack_option SEGREGATED_OPTIONS[] = {
    {"", STACK_SIZE, SEGREGATED_THRESHOLD, 1},
    STACK_END,
};

static bool segregated_make(struct stack_node *node)
{
    cairn_segregated *segregated = NEW_STATE(node, cairn_segregated);
    if (segregated == NULL)
        return false;
    cairn_segregated_init(segregated, node->children[0]->allocator, node->children[1]->allocator,
                          node->values[SEGREGATED_THRESHOLD]);
    node->allocator = cairn_segregated_allocator(segregated);
    return true;
}

static void segregated_end(struct stack_node *node)
{
    cairn_segregated_fini(node->state);
    END_STATE(node, cairn_segregated);
}

const struct stack_kind cairn__stack_segregated = {
    .name = "segregated",
    .options = SEGREGATED_OPTIONS,
    .least_children = 2,
    .most_children = 2,
    .splits = true,
    .required_option = true,
    .thread_safe = true,
    .fork_safe = true,
    .make = segregated_make,
    .end = segregated_end,
};

/* ---- counted ---- */

static void write_error(void *context, const char *bytes, size_t count)
{
    (void)context;
    cairn__os_print_error(bytes, count);
}

enum { COUNTED_REPORT, COUNTED_NO_RECORDS, COUNTED_FRAMES };

static const struct stack_option COUNTED_OPTIONS[] = {
    {"report", STACK_WORD, COUNTED_REPORT, 1},
    {"no_records", STACK_WORD, COUNTED_NO_RECORDS, 1},
    {"frames", STACK_COUNT, COUNTED_FRAMES, 1},
    STACK_END,
};

static bool counted_make(struct stack_node *node)
{
    cairn_counted *counted = NEW_STATE(node, cairn_counted);
    if (counted == NULL)
        return false;
    cairn_counted_opts opts = {
        .records = node->memory,
        .no_records = node->values[COUNTED_NO_RECORDS] != 0,
        .frames = (unsigned)node->values[COUNTED_FRAMES],
    };
    if (!cairn_counted_init(counted, stack_below(node), &opts)) {
        END_STATE(node, cairn_counted);
        return false;
    }
    node->allocator = cairn_counted_allocator(counted);
    return true;
}

static void counted_end(struct stack_node *node)
{
    cairn_counted_fini(node->state);
    END_STATE(node, cairn_counted);
}

static const char *counted_audit(const struct stack_node *node)
{
    return cairn_counted_audit(node->state);
}

static void put_count(struct text *line, size_t count, const char *what)
{
    cairn__text_uint(line, count);
    cairn__text_put(line, what);
}

static void counted_report(struct stack_node *node)
{
    if (node->values[COUNTED_REPORT] == 0)
        return;
    cairn_counted_stats stats;
    cairn_counted_stats_get(node->state, &stats);
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: counted: ");
    put_count(&line, stats.allocations, " allocations, ");
    put_count(&line, stats.resized_in_place + stats.resized_and_moved, " resizes, ");
    put_count(&line, stats.deallocations, " frees; at most ");
    cairn__text_size(&line, stats.peak_bytes);
    cairn__text_put(&line, " in ");
    put_count(&line, stats.peak_blocks, " blocks; left: ");
    cairn__text_size(&line, stats.live_bytes);
    cairn__text_put(&line, " in ");
    put_count(&line, stats.live_blocks, " blocks");
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
    if (node->values[COUNTED_NO_RECORDS] == 0)
        cairn_counted_report(node->state, write_error, NULL);
}

const struct stack_kind cairn__stack_counted = {
    .name = "counted",
    .options = COUNTED_OPTIONS,
    .most_children = 1,
    .thread_safe = true,
    .make = counted_make,
    .end = counted_end,
    .audit = counted_audit,
    .report = counted_report,
};

/* ---- timed ---- */

enum { TIMED_REPORT };

static const struct stack_option TIMED_OPTIONS[] = {
    {"report", STACK_WORD, TIMED_REPORT, 1},
    STACK_END,
};

static bool timed_make(struct stack_node *node)
{
    cairn_timed *timed = NEW_STATE(node, cairn_timed);
    if (timed == NULL)
        return false;
    cairn_timed_opts opts = {.records = node->memory};
    if (!cairn_timed_init(timed, stack_below(node), &opts)) {
        END_STATE(node, cairn_timed);
        return false;
    }
    node->allocator = cairn_timed_allocator(timed);
    return true;
}

static void timed_end(struct stack_node *node)
{
    cairn_timed_fini(node->state);
    END_STATE(node, cairn_timed);
}

static const char *timed_audit(const struct stack_node *node)
{
    return cairn_timed_audit(node->state);
}

static void timed_report(struct stack_node *node)
{
    if (node->values[TIMED_REPORT] != 0)
        cairn_timed_report(node->state, write_error, NULL);
}

const struct stack_kind cairn__stack_timed = {
    .name = "timed",
    .options = TIMED_OPTIONS,
    .most_children = 1,
    .thread_safe = true,
    .fork_safe = true,
    .make = timed_make,
    .end = timed_end,
    .audit = timed_audit,
    .report = timed_report,
};

/* ---- guarded ---- */

enum { GUARDED_PAGES, GUARDED_EVERY, GUARDED_FROM, GUARDED_FILL, GUARDED_AT_ONCE, GUARDED_BYTES };

static const struct stack_option GUARDED_OPTIONS[] = {
    {"pages", STACK_WORD, GUARDED_PAGES, CAIRN_GUARDED_PAGE_AFTER},
    {"pages_before", STACK_WORD, GUARDED_PAGES, CAIRN_GUARDED_PAGE_BEFORE},
    {"every", STACK_COUNT, GUARDED_EVERY, 1},
    {"from", STACK_SIZE, GUARDED_FROM, 1},
    {"fill", STACK_WORD, GUARDED_FILL, 1},
    {"no_quarantine", STACK_WORD, GUARDED_AT_ONCE, 1},
    {"quarantine", STACK_SIZE, GUARDED_BYTES, 1},
    STACK_END,
};

static bool guarded_make(struct stack_node *node)
{
    cairn_guarded *guarded = NEW_STATE(node, cairn_guarded);
    if (guarded == NULL)
        return false;
    cairn_guarded_opts opts = {
        .records = node->memory,
        .pages = (cairn_guarded_pages)node->values[GUARDED_PAGES],
        .pages_every = node->values[GUARDED_EVERY],
        .pages_from = node->values[GUARDED_FROM],
        .fill_fresh = node->values[GUARDED_FILL] != 0,
        .no_quarantine = node->values[GUARDED_AT_ONCE] != 0,
        .quarantine_bytes = node->values[GUARDED_BYTES],
    };
    cairn_guarded_init(guarded, stack_below(node), &opts);
    node->allocator = cairn_guarded_allocator(guarded);
    return true;
}

static void guarded_end(struct stack_node *node)
{
    cairn_guarded_fini(node->state);
    END_STATE(node, cairn_guarded);
}

static const char *guarded_audit(const struct stack_node *node)
{
    return cairn_guarded_audit(node->state);
}

const struct stack_kind cairn__stack_guarded = {
    .name = "guarded",
    .stops_crimes = true,
    .options = GUARDED_OPTIONS,
    .most_children = 1,
    .thread_safe = true,
    .make = guarded_make,
    .end = guarded_end,
    .audit = guarded_audit,
};

/* ---- traced ---- */

enum { TRACED_OUT, TRACED_BINARY, TRACED_AT_ONCE, TRACED_QUESTIONS, TRACED_BUFFER };

static const struct stack_option TRACED_OPTIONS[] = {
    {"out", STACK_NAME, TRACED_OUT, 0},
    {"binary", STACK_WORD, TRACED_BINARY, 1},
    {"unbuffered", STACK_WORD, TRACED_AT_ONCE, 1},
    {"questions", STACK_WORD, TRACED_QUESTIONS, 1},
    {"buffer", STACK_SIZE, TRACED_BUFFER, 1024},
    STACK_END,
};

struct traced_state {
    cairn_traced traced;
    int file; /* ours; -1: none */
};

/* out: a path; "-" or "stdout", "stderr", which is also where it goes if nothing is said. */
static bool traced_make(struct stack_node *node)
{
    struct traced_state *state = NEW_STATE(node, struct traced_state);
    if (state == NULL)
        return false;
    struct word out = cairn__word(node->text);
    bool to_output = cairn__word_is(out, "-") || cairn__word_is(out, "stdout");
    bool to_path = out.length > 0 && !to_output && !cairn__word_is(out, "stderr");
    state->file = to_path ? -1 : cairn__os_sink_duplicate(to_output ? 1 : 2);
    cairn_traced_opts opts = {
        .path = to_path ? node->text : NULL,
        .file = state->file,
        .binary = node->values[TRACED_BINARY] != 0,
        .unbuffered = node->values[TRACED_AT_ONCE] != 0,
        .questions = node->values[TRACED_QUESTIONS] != 0,
        .buffer_size = node->values[TRACED_BUFFER],
        .records = node->memory,
    };
    if (!cairn_traced_init(&state->traced, stack_below(node), &opts)) {
        cairn__os_sink_drop(state->file);
        END_STATE(node, struct traced_state);
        stack_refuse(node, "cannot write, or out of memory: ",
                     to_path     ? node->text
                     : to_output ? "stdout"
                                 : "stderr");
        return false;
    }
    node->allocator = cairn_traced_allocator(&state->traced);
    return true;
}

static void traced_end(struct stack_node *node)
{
    struct traced_state *state = node->state;
    cairn_traced_fini(&state->traced);
    cairn__os_sink_drop(state->file);
    END_STATE(node, struct traced_state);
}

static const char *traced_audit(const struct stack_node *node)
{
    return cairn_traced_audit(&((struct traced_state *)node->state)->traced);
}

static void traced_flush(struct stack_node *node)
{
    cairn_traced_flush(&((struct traced_state *)node->state)->traced);
}

const struct stack_kind cairn__stack_traced = {
    .name = "traced",
    .options = TRACED_OPTIONS,
    .most_children = 1,
    .thread_safe = true,
    .make = traced_make,
    .end = traced_end,
    .audit = traced_audit,
    .flush = traced_flush,
};
