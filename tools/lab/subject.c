/* SPDX-License-Identifier: MIT */
/*
 * Beginning and ending what is experimented on: see subject.h. One row for each kind says how it
 * begins and ends; subject_look.c asks it questions.
 */
#define _GNU_SOURCE
#include "lab/subject.h"

#include <stdio.h>
#include <string.h>

#include "message.h"
#include "text.h"

/* Addresses for what may grow; less where the system limits them. */
#define GROW_MOST  ((size_t)64 << 30)
#define GROW_LEAST ((size_t)256 << 20)
/* Beside the bytes that may be taken: alignment, and holes among what was taken. */
#define ROOM_FOR_ALIGNMENT ((size_t)64 << 20)

enum { ARENA_CHUNK = 1 << 16 };

const char *const subject_strategies[] = {"segregated", "best", "first", "next", NULL};
const char *const subject_coalescings[] = {"immediate", "deferred", "never", NULL};
const char *const subject_kinds[] = {"fit",  "buddy", "slab_set", "heap",   "arena",
                                     "bump", "pool",  "slab",     "system", NULL};

void subject_name(const struct subject_choice *choice, char *name, size_t size)
{
    if (choice->kind == SUBJECT_STACK)
        snprintf(name, size, "%s", choice->text);
    else if (choice->kind == SUBJECT_FIT)
        snprintf(name, size, "fit:%s,%s", subject_strategies[choice->strategy],
                 subject_coalescings[choice->coalescing]);
    else
        snprintf(name, size, "%s", subject_kinds[choice->kind]);
}

/* ---- how each begins ---- */

static bool begin_fit(struct subject *s, cairn_allocator source)
{
    cairn_fit_opts opts = {
        .strategy = s->choice.strategy, .coalescing = s->choice.coalescing, .source = source};

    if (s->region)
        opts.source = (cairn_allocator){NULL, NULL};
    if (!cairn_fit_init(&s->as.fit, s->region ? s->span.start : NULL, s->region, &opts))
        return false;
    s->allocator = cairn_fit_allocator(&s->as.fit);
    return true;
}

static bool begin_buddy(struct subject *s, cairn_allocator source)
{
    cairn_buddy_opts opts = {.min_block = 16, .source = source, .region = 1 << 16};

    if (s->region)
        opts.source = (cairn_allocator){NULL, NULL};
    if (!cairn_buddy_init(&s->as.buddy, s->region ? s->span.start : NULL, s->region, &opts))
        return false;
    s->allocator = cairn_buddy_allocator(&s->as.buddy);
    return true;
}

static bool begin_bump(struct subject *s, cairn_allocator source)
{
    (void)source;
    cairn_bump_init(&s->as.bump, s->span.start, s->region ? s->region : s->span.size);
    s->allocator = cairn_bump_allocator(&s->as.bump);
    return true;
}

static bool begin_slab_set(struct subject *s, cairn_allocator source)
{
    s->as.slab_set = cairn_slab_set_create(&(cairn_slab_set_opts){.source = source});
    if (!s->as.slab_set)
        return false;
    s->allocator = cairn_slab_set_allocator(s->as.slab_set);
    return true;
}

static bool begin_arena(struct subject *s, cairn_allocator source)
{
    size_t share = s->region / 8, chunk = s->region && share < ARENA_CHUNK ? share : ARENA_CHUNK;
    cairn_arena_opts opts = {.source = source, .name = "lab", .first_chunk = chunk};

    if (!cairn_arena_init(&s->as.arena, &opts))
        return false;
    s->allocator = cairn_arena_allocator(&s->as.arena);
    return true;
}

static bool begin_pool(struct subject *s, cairn_allocator source)
{
    if (!cairn_pool_init(&s->as.pool, s->largest, &(cairn_pool_opts){.source = source}))
        return false;
    s->allocator = cairn_pool_allocator(&s->as.pool);
    return true;
}

static bool begin_slab(struct subject *s, cairn_allocator source)
{
    s->as.slab = cairn_slab_create(s->largest, &(cairn_slab_opts){.source = source});
    if (!s->as.slab)
        return false;
    s->allocator = cairn_slab_allocator(s->as.slab);
    return true;
}

static bool begin_heap(struct subject *s, cairn_allocator source)
{
    (void)source;
    s->as.heap = cairn_heap_create("lab");
    if (!s->as.heap)
        return false;
    s->allocator = cairn_heap_allocator(s->as.heap);
    return true;
}

static bool begin_system(struct subject *s, cairn_allocator source)
{
    (void)source;
    s->allocator = cairn_system();
    return true;
}

static bool begin_stack(struct subject *s, cairn_allocator source)
{
    s->as.stack = cairn_stack_create(s->choice.text, source, NULL);
    if (!s->as.stack)
        return false;
    s->allocator = cairn_stack_allocator(s->as.stack);
    return true;
}

static bool begin(struct subject *subject)
{
    static bool (*const begin_kind[SUBJECT_KINDS])(struct subject *, cairn_allocator) = {
        [SUBJECT_FIT] = begin_fit,           [SUBJECT_BUDDY] = begin_buddy,
        [SUBJECT_SLAB_SET] = begin_slab_set, [SUBJECT_HEAP] = begin_heap,
        [SUBJECT_ARENA] = begin_arena,       [SUBJECT_BUMP] = begin_bump,
        [SUBJECT_POOL] = begin_pool,         [SUBJECT_SLAB] = begin_slab,
        [SUBJECT_SYSTEM] = begin_system,     [SUBJECT_STACK] = begin_stack,
    };

    memset(&subject->as, 0, sizeof subject->as);
    subject->span.limit = subject->region ? subject->region : subject->span.size;
    return begin_kind[subject->choice.kind](subject, span_allocator(&subject->span));
}

static void end(struct subject *subject)
{
    switch (subject->choice.kind) {
    case SUBJECT_FIT:
        cairn_fit_fini(&subject->as.fit);
        break;
    case SUBJECT_BUDDY:
        cairn_buddy_fini(&subject->as.buddy);
        break;
    case SUBJECT_SLAB_SET:
        cairn_slab_set_destroy(subject->as.slab_set);
        break;
    case SUBJECT_HEAP:
        cairn_heap_destroy(subject->as.heap);
        break;
    case SUBJECT_ARENA:
        cairn_arena_fini(&subject->as.arena);
        break;
    case SUBJECT_BUMP:
        cairn_bump_fini(&subject->as.bump);
        break;
    case SUBJECT_POOL:
        cairn_pool_fini(&subject->as.pool);
        break;
    case SUBJECT_SLAB:
        cairn_slab_destroy(subject->as.slab);
        break;
    case SUBJECT_STACK:
        cairn_stack_destroy(subject->as.stack);
        break;
    case SUBJECT_SYSTEM:
    case SUBJECT_KINDS:
        break;
    }
}

/* ---- open and close ---- */

static bool is_over_buffer(const struct subject *subject)
{
    return subject->choice.kind == SUBJECT_BUMP ||
           (subject->region &&
            (subject->choice.kind == SUBJECT_FIT || subject->choice.kind == SUBJECT_BUDDY));
}

static bool open_span(struct subject *subject)
{
    if (subject->region)
        return span_open(&subject->span, is_over_buffer(subject)
                                             ? subject->region
                                             : subject->region * 2 + ROOM_FOR_ALIGNMENT);
    for (size_t size = GROW_MOST; size >= GROW_LEAST; size /= 2)
        if (span_open(&subject->span, size))
            return true;
    return false;
}

static void say_why(const struct subject *subject)
{
    cairn_stack_error error = {.text = ""};
    char region[TEXT_SHORT];

    if (subject->choice.kind == SUBJECT_STACK) {
        cairn_stack *stack = cairn_stack_create(subject->choice.text, cairn_system(), &error);
        cairn_stack_destroy(stack);
        if (!stack) {
            message("lab: the stack '%s', at character %zu: %s", subject->choice.text, error.at + 1,
                    error.text);
            return;
        }
    }
    message("lab: %s cannot begin in a region of %s", subject->name,
            text_bytes(region, (double)subject->region));
}

bool subject_open(struct subject *subject, const struct subject_choice *choice, size_t region,
                  cairn_layout largest)
{
    *subject = (struct subject){.choice = *choice, .region = region, .largest = largest};
    subject_name(choice, subject->name, sizeof subject->name);
    if (!open_span(subject)) {
        message("lab: the system has no addresses for a region of %zu bytes", region);
        return false;
    }
    if (is_over_buffer(subject))
        subject->span.high = region;
    if (begin(subject))
        return true;
    say_why(subject);
    span_close(&subject->span);
    return false;
}

void subject_close(struct subject *subject)
{
    end(subject);
    span_close(&subject->span);
}

bool subject_restart(struct subject *subject)
{
    end(subject);
    span_clear(&subject->span);
    if (is_over_buffer(subject))
        subject->span.high = subject->region;
    if (begin(subject))
        return true;
    message("lab: %s cannot begin again", subject->name);
    return false;
}
