/* SPDX-License-Identifier: MIT */
/*
 * Puts allocators through the contract suite (contract.h).
 *
 *   contract [--operations N] [--seed N] [NAME...]     NAME: kind_NAME.c; none: all
 *
 * For each row, bare and under each wrapper: answers to bad input; random lists of operations, each
 * block filled and compared, the kind audited after each step; the same on a source that fails at
 * its n-th call, for every n that the list reaches, and on one that fails from the n-th call on.
 * The source is an oracle (checked.h): what the kind does to it is held to the contract, too, and
 * in the end everything must have been given back. A failure prints the row, the seed and the step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/checked.h"
#include "cairn/system.h"

#include "contract/contract.h"
#include "property/random.h"

enum { BLOCKS = 48 };

/* For the sanitizers: sizes that cannot be had are answered with NULL, as malloc does. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static struct contract_kind *kinds;
static struct contract_wrapper *wrappers;
static unsigned long long total_operations;

void contract_add_kind(struct contract_kind *kind)
{
    kind->next = kinds;
    kinds = kind;
}

void contract_add_wrapper(struct contract_wrapper *wrapper)
{
    wrapper->next = wrappers;
    wrappers = wrapper;
}

/* ---- the source: it fails on request, around an oracle ---- */

struct source {
    cairn_checked oracle;
    size_t calls;    /* that may fail */
    size_t fail_at;  /* the call that fails, 1 the first; 0: none */
    bool fail_after; /* and all later ones */
    bool failed;     /* since this was last cleared */
};

struct block {
    unsigned char *ptr; /* NULL: none */
    cairn_layout layout;
    uint64_t seed;
};

struct run {
    const struct contract_kind *kind;
    const struct contract_wrapper *wrapper; /* NULL: bare */
    struct source source;
    void *state;
    void *wrapping;
    cairn_allocator allocator;
    struct random random;
    uint64_t seed;
    size_t step;
    struct block blocks[BLOCKS];
    size_t live_bytes;
};

static struct run *current; /* for the oracle's reports */

static _Noreturn void fail(const struct run *run, const char *what)
{
    fprintf(stderr, "contract: %s%s%s%s: %s (seed %llu, fail at %zu%s, step %zu)\n",
            run->wrapper != NULL ? run->wrapper->name : "", run->wrapper != NULL ? "(" : "",
            run->kind->name, run->wrapper != NULL ? ")" : "", what, (unsigned long long)run->seed,
            run->source.fail_at, run->source.fail_after ? " and on" : "", run->step);
    abort();
}

static void on_breach(void *context, const cairn_checked_breach *breach)
{
    char text[200];
    snprintf(text, sizeof text, "%s: %s: %p, block {%zu, %zu}, given {%zu, %zu}",
             (const char *)context, breach->text, breach->ptr, breach->block.size,
             breach->block.align, breach->given.size, breach->given.align);
    fail(current, text);
}

static bool source_fails(struct source *source)
{
    source->calls++;
    bool fails = source->fail_at != 0 && (source->fail_after ? source->calls >= source->fail_at
                                                             : source->calls == source->fail_at);
    source->failed |= fails;
    return fails;
}

static cairn_allocator oracle_of(struct source *source)
{
    return cairn_checked_allocator(&source->oracle);
}

static void *source_alloc(void *self, cairn_layout layout)
{
    return source_fails(self) ? NULL : cairn_allocator_alloc(oracle_of(self), layout);
}

static void *source_alloc_zeroed(void *self, cairn_layout layout)
{
    return source_fails(self) ? NULL : cairn_allocator_alloc_zeroed(oracle_of(self), layout);
}

static void *source_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    if (source_fails(self))
        return NULL;
    return cairn_allocator_realloc(oracle_of(self), ptr, layout, new_size);
}

static void source_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_allocator_dealloc(oracle_of(self), ptr, layout);
}

static const cairn_allocator_ops source_ops = {
    .name = "source",
    .alloc = source_alloc,
    .dealloc = source_dealloc,
    .alloc_zeroed = source_alloc_zeroed,
    .realloc = source_realloc,
};

/* ---- blocks ---- */

/* Byte i of a block: the eight bytes of a word differ, and so do words and blocks. */
static uint64_t word_at(uint64_t seed, size_t i)
{
    return (seed + i) * 0x9E3779B97F4A7C15u;
}

static void fill(unsigned char *ptr, size_t from, size_t size, uint64_t seed)
{
    for (size_t i = from; i < size; i++)
        ptr[i] = (unsigned char)(word_at(seed, i / 8) >> (8 * (i % 8)));
}

static bool is_filled(const unsigned char *ptr, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        if (ptr[i] != (unsigned char)(word_at(seed, i / 8) >> (8 * (i % 8))))
            return false;
    return true;
}

static void verify(const struct run *run, const struct block *block)
{
    if (!is_filled(block->ptr, block->layout.size, block->seed))
        fail(run, "a block's contents have changed");
}

static void verify_all(const struct run *run)
{
    for (int i = 0; i < BLOCKS; i++)
        if (run->blocks[i].ptr != NULL)
            verify(run, &run->blocks[i]);
}

/* A granted block: where it must lie, and apart from all others. */
static void check_granted(const struct run *run, const unsigned char *ptr, cairn_layout layout)
{
    uintptr_t start = (uintptr_t)ptr;
    uintptr_t end = start + (layout.size != 0 ? layout.size : 1);
    if ((start & (layout.align - 1)) != 0)
        fail(run, "a block is not aligned");
    if (end < start)
        fail(run, "a block wraps");
    for (int i = 0; i < BLOCKS; i++) {
        const struct block *other = &run->blocks[i];
        if (other->ptr == NULL)
            continue;
        uintptr_t other_start = (uintptr_t)other->ptr;
        size_t size = other->layout.size != 0 ? other->layout.size : 1;
        if (start < other_start + size && other_start < end)
            fail(run, "two blocks overlap");
    }
    if (cairn_allocator_can_tell(run->allocator) && !cairn_allocator_owns(run->allocator, ptr))
        fail(run, "owns denies a block");
    if (cairn_allocator_usable_size(run->allocator, ptr, layout) < layout.size)
        fail(run, "the usable size is below the size");
}

/* ---- audits and walks ---- */

static void audit(const struct run *run)
{
    const char *wrong = NULL;
    if (run->state != NULL && run->kind->audit != NULL)
        wrong = run->kind->audit(run->state);
    if (wrong == NULL && run->wrapping != NULL && run->wrapper->audit != NULL)
        wrong = run->wrapper->audit(run->wrapping);
    if (wrong != NULL)
        fail(run, wrong);
}

struct walk {
    const struct run *run;
    bool seen[BLOCKS];
    size_t ranges;
};

static bool on_range(void *context, void *ptr, size_t size, bool in_use)
{
    struct walk *walk = context;
    uintptr_t start = (uintptr_t)ptr;
    walk->ranges++;
    for (int i = 0; i < BLOCKS; i++) {
        const struct block *block = &walk->run->blocks[i];
        uintptr_t at = (uintptr_t)block->ptr;
        if (block->ptr == NULL || at + block->layout.size <= start || at >= start + size)
            continue;
        if (!in_use)
            fail(walk->run, "visit calls a block free");
        if (at < start || at + block->layout.size > start + size)
            fail(walk->run, "visit cuts a block");
        if (walk->seen[i])
            fail(walk->run, "visit tells of a block twice");
        walk->seen[i] = true;
    }
    return true;
}

static bool stop_at_once(void *context, void *ptr, size_t size, bool in_use)
{
    (void)ptr, (void)size, (void)in_use;
    return ++*(size_t *)context == 0;
}

static void walk(const struct run *run)
{
    if (run->kind->visit == NULL || run->wrapper != NULL)
        return;
    struct walk walk = {.run = run};
    if (!run->kind->visit(run->state, on_range, &walk))
        fail(run, "visit ends early");
    for (int i = 0; i < BLOCKS; i++)
        if (run->blocks[i].ptr != NULL && run->blocks[i].layout.size != 0 && !walk.seen[i])
            fail(run, "visit leaves a block out");
    size_t calls = 0;
    if (walk.ranges > 0 && (run->kind->visit(run->state, stop_at_once, &calls) || calls != 1))
        fail(run, "visit goes on after it was stopped");
}

/* ---- operations ---- */

static size_t bound_of(size_t bound, size_t none)
{
    return bound != 0 && bound < none ? bound : none;
}

/* Mostly small, as programs ask; of all powers of two up to 64 KiB now and then. */
static size_t draw_size(struct run *run)
{
    size_t max = bound_of(run->kind->max_size, 64 * 1024);
    if (run->kind->capacity != 0)
        max = bound_of(run->kind->capacity / 8, max);
    size_t size = random_percent(&run->random, 80)  ? random_below(&run->random, 257)
                  : random_percent(&run->random, 5) ? 0
                                                    : random_log_uniform(&run->random, 4, 16);
    return size < max ? size : random_below(&run->random, max + 1);
}

static size_t draw_align(struct run *run)
{
    size_t max = bound_of(run->kind->max_align, 4096);
    if (run->kind->capacity != 0)
        max = bound_of(64, max);
    size_t align = random_percent(&run->random, 75) ? (size_t)1 << random_below(&run->random, 5)
                                                    : (size_t)1 << random_below(&run->random, 13);
    return align < max ? align : max;
}

/* Whether NULL was a fair answer to a request that comes on top of what is live. */
static void check_refusal(struct run *run, size_t more)
{
    if (run->source.failed)
        return;
    if (run->kind->capacity == 0)
        fail(run, "no memory, though the source has some");
    if (run->kind->reuses && run->live_bytes + more <= run->kind->capacity / 4)
        fail(run, "no memory, though three quarters are free");
}

static void forget_all(struct run *run)
{
    verify_all(run);
    memset(run->blocks, 0, sizeof run->blocks);
    run->live_bytes = 0;
}

static void reset(struct run *run)
{
    if (run->kind->reset == NULL || run->wrapper != NULL)
        return;
    forget_all(run);
    run->kind->reset(run->state);
}

static void do_alloc(struct run *run, struct block *block)
{
    cairn_layout layout = {draw_size(run), draw_align(run)};
    bool zeroed = random_percent(&run->random, 30);
    unsigned char *ptr = zeroed ? cairn_allocator_alloc_zeroed(run->allocator, layout)
                                : cairn_allocator_alloc(run->allocator, layout);
    if (ptr == NULL) {
        check_refusal(run, layout.size);
        if (!run->kind->reuses)
            reset(run);
        return;
    }
    check_granted(run, ptr, layout);
    for (size_t i = 0; zeroed && i < layout.size; i++)
        if (ptr[i] != 0)
            fail(run, "a zeroed block is not zero");
    *block = (struct block){ptr, layout, random_next(&run->random)};
    fill(ptr, 0, layout.size, block->seed);
    run->live_bytes += layout.size;
}

static void do_dealloc(struct run *run, struct block *block)
{
    verify(run, block);
    run->live_bytes -= block->layout.size;
    cairn_allocator_dealloc(run->allocator, block->ptr, block->layout);
    block->ptr = NULL;
}

static void do_realloc(struct run *run, struct block *block)
{
    size_t new_size = draw_size(run);
    struct block old = *block;
    verify(run, block);
    unsigned char *ptr = cairn_allocator_realloc(run->allocator, block->ptr, block->layout,
                                                 new_size);
    if (ptr == NULL) {
        if (new_size > old.layout.size || old.layout.size == 0)
            check_refusal(run, new_size);
        else if (!run->source.failed && run->kind->capacity == 0)
            fail(run, "a block cannot shrink");
        verify(run, block);
        return;
    }
    size_t kept = new_size < old.layout.size ? new_size : old.layout.size;
    block->ptr = NULL;
    cairn_layout layout = {new_size, old.layout.align};
    check_granted(run, ptr, layout);
    if (!is_filled(ptr, kept, old.seed))
        fail(run, "realloc lost contents");
    *block = (struct block){ptr, layout, old.seed};
    fill(ptr, kept, new_size, old.seed);
    run->live_bytes += new_size - old.layout.size;
}

/* ---- bad input ---- */

static void must_refuse(struct run *run, cairn_layout layout)
{
    if (cairn_allocator_alloc(run->allocator, layout) != NULL ||
        cairn_allocator_alloc_zeroed(run->allocator, layout) != NULL)
        fail(run, "a request that cannot be met was met");
}

static void do_bad_input(struct run *run)
{
    static const cairn_layout bad[] = {
        {8, 0},
        {8, 3},
        {8, 48},
        {0, 0},
        {8, 12},
        {SIZE_MAX, 1},
        {SIZE_MAX, 8},
        {(size_t)PTRDIFF_MAX + 1, 1},
        {1, SIZE_MAX},
        {PTRDIFF_MAX, 2},
        {PTRDIFF_MAX - 6, 8},
        {1, (size_t)1 << 63},
        {PTRDIFF_MAX, 1},
        {PTRDIFF_MAX - 7, 8},
        {PTRDIFF_MAX - 4095, 4096},
        {PTRDIFF_MAX / 2, 1},
        {0, (size_t)1 << 63},
        {1, (size_t)1 << 62},
        {0, (size_t)1 << 62},
    };
    must_refuse(run, bad[random_below(&run->random, sizeof bad / sizeof *bad)]);
    if (run->kind->max_size != 0)
        must_refuse(run, (cairn_layout){run->kind->max_size + 1, 1});
    if (run->kind->max_align != 0)
        must_refuse(run, (cairn_layout){1, run->kind->max_align * 2});
    cairn_allocator_dealloc(run->allocator, NULL, (cairn_layout){8, 8});
    if (cairn_allocator_owns(run->allocator, NULL) || cairn_allocator_owns(run->allocator, run))
        fail(run, "owns claims what is not its own");

    struct block *block = &run->blocks[random_below(&run->random, BLOCKS)];
    if (block->ptr == NULL)
        return;
    size_t too_much[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX, PTRDIFF_MAX / 2};
    size_t size = too_much[random_below(&run->random, 4)];
    if (cairn_allocator_realloc(run->allocator, block->ptr, block->layout, size) != NULL)
        fail(run, "a size that cannot be was given");
    verify(run, block);
}

static void do_step(struct run *run)
{
    struct block *block = &run->blocks[random_below(&run->random, BLOCKS)];
    size_t draw = random_below(&run->random, 1000);
    if (!run->source.fail_after)
        run->source.failed = false; /* what failed in an earlier step excuses nothing in this one */
    if (draw < 10)
        do_bad_input(run);
    else if (draw < 15)
        walk(run);
    else if (draw < 18)
        reset(run);
    else if (block->ptr == NULL)
        do_alloc(run, block);
    else if (draw < 400)
        do_realloc(run, block);
    else
        do_dealloc(run, block);
    total_operations++;
    audit(run);
}

/* ---- runs ---- */

static bool start(struct run *run, const struct contract_kind *kind,
                  const struct contract_wrapper *wrapper, uint64_t seed, size_t fail_at,
                  bool fail_after)
{
    memset(run, 0, sizeof *run);
    current = run;
    run->kind = kind;
    run->wrapper = wrapper;
    run->seed = seed;
    run->random = random_seeded(seed, 7);
    run->source.fail_at = fail_at;
    run->source.fail_after = fail_after;
    static char as_source[] = "to its source";
    cairn_checked_opts opts = {.on_breach = on_breach, .context = as_source};
    /* Every other run: freed memory goes back at once, and comes back soon. */
    opts.no_quarantine = seed % 2 == 0;
    cairn_checked_init(&run->source.oracle, cairn_system(), &opts);

    cairn_allocator source = {&source_ops, &run->source};
    run->state = kind->make(source);
    if (run->state == NULL)
        return false;
    run->allocator = kind->allocator(run->state);
    if (wrapper == NULL)
        return true;
    run->wrapping = wrapper->make(run->allocator, source);
    if (run->wrapping == NULL)
        return false;
    run->allocator = wrapper->allocator(run->wrapping);
    return true;
}

static void finish(struct run *run)
{
    /* A kind that ends its live blocks itself is left some, every other time. */
    bool leave = run->kind->ends_with_live_blocks && run->seed % 2 == 1;
    run->source.fail_at = 0;
    for (int i = 0; i < BLOCKS; i++)
        if (run->blocks[i].ptr != NULL && !(leave && i % 2 == 0))
            do_dealloc(run, &run->blocks[i]);
    audit(run);
    verify_all(run);
    if (run->wrapping != NULL)
        run->wrapper->end(run->wrapping);
    if (run->state != NULL)
        run->kind->end(run->state);
    size_t left = cairn_checked_fini(&run->source.oracle);
    if (left != 0)
        fail(run, "memory was not given back to the source");
}

static void run_list(const struct contract_kind *kind, const struct contract_wrapper *wrapper,
                     uint64_t seed, size_t operations)
{
    static struct run run;
    if (!start(&run, kind, wrapper, seed, 0, false))
        fail(&run, "cannot be made");
    for (run.step = 1; run.step <= operations; run.step++)
        do_step(&run);
    walk(&run);
    finish(&run);
}

/* False: the source was not called often enough to fail. */
static bool run_exhaustion(const struct contract_kind *kind, const struct contract_wrapper *wrapper,
                           uint64_t seed, size_t fail_at, bool fail_after, size_t operations)
{
    static struct run run;
    bool made = start(&run, kind, wrapper, seed, fail_at, fail_after);
    if (!made && !run.source.failed)
        fail(&run, "cannot be made");
    for (run.step = 1; made && run.step <= operations; run.step++)
        do_step(&run);
    bool failed = run.source.calls >= fail_at;
    run.source.fail_at = 0;
    run.source.failed = false;
    /* Usable again: a list like any other. */
    for (size_t i = 0; made && i < 20; i++)
        do_step(&run);
    finish(&run);
    return failed;
}

static void run_row(const struct contract_kind *kind, const struct contract_wrapper *wrapper,
                    uint64_t seed, size_t operations)
{
    unsigned long long before = total_operations;
    size_t injected = 0;
    for (size_t list = 0; list < 4; list++)
        run_list(kind, wrapper, seed + list, operations / 4);
    size_t steps = 150;
    size_t most = operations / steps / 4;
    for (int after = 0; after < 2; after++)
        for (size_t n = 1; n <= most; n++) {
            injected++;
            if (!run_exhaustion(kind, wrapper, seed + n, n, after == 1, steps))
                break;
        }
    printf("%s%s%s%s: %llu operations, %zu with a failing source\n",
           wrapper != NULL ? wrapper->name : "", wrapper != NULL ? "(" : "", kind->name,
           wrapper != NULL ? ")" : "", total_operations - before, injected);
    fflush(stdout);
}

/* Whether a row's file is kind_NAME.c. */
static bool is_named(const struct contract_kind *kind, const char *name)
{
    const char *base = strrchr(kind->file, '/');
    base = base != NULL ? base + 1 : kind->file;
    size_t length = strlen(name);
    return strncmp(base, "kind_", 5) == 0 && strncmp(base + 5, name, length) == 0 &&
           strcmp(base + 5 + length, ".c") == 0;
}

static bool is_wanted(const struct contract_kind *kind, char **names, int count)
{
    for (int i = 0; i < count; i++)
        if (is_named(kind, names[i]))
            return true;
    return count == 0;
}

int main(int argc, char **argv)
{
    const char *scale = getenv("CAIRN_TEST_SCALE");
    double factor = scale != NULL ? atof(scale) : 1;
    size_t operations = 50000;
    uint64_t seed = 1;
    int first = 1;
    for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
        if (strcmp(argv[first], "--operations") == 0)
            operations = strtoull(argv[first + 1], NULL, 10);
        else if (strcmp(argv[first], "--seed") == 0)
            seed = strtoull(argv[first + 1], NULL, 10);
    }
    operations = (size_t)((double)operations * factor);
    int rows = 0;
    for (const struct contract_kind *kind = kinds; kind != NULL; kind = kind->next) {
        if (!is_wanted(kind, argv + first, argc - first))
            continue;
        rows++;
        run_row(kind, NULL, seed, operations);
        for (const struct contract_wrapper *wrapper = wrappers; wrapper != NULL;
             wrapper = wrapper->next)
            run_row(kind, wrapper, seed, operations / 4);
    }
    printf("%d rows, %llu operations\n", rows, total_operations);
    if (rows == 0)
        fprintf(stderr, "contract: no such row\n");
    return rows == 0;
}
