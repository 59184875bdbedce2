/* SPDX-License-Identifier: MIT */
/*
 * Guards around blocks (guarded.h). guarded_block.h says what a block looks like in memory,
 * guarded_table.h how blocks are noted, guarded_breach.h how they are looked at; here is what happens
 * to a block between alloc and the day it goes back to the source. guarded_look.c has what only looks.
 *
 * The lock guards notes and figures. It is held neither across a call of the source or of on_breach
 * nor while a block is filled: whoever takes a block out of the hands of others sets it BUSY first,
 * and from then on it is his alone. A block is in the table from before alloc returns it until right
 * before the source gets it back, so no address is in twice.
 */
#include "cairn/guarded.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/visible.h"
#include "cairn/system.h"
#include "kit/guarded_breach.h"
#include "kit/guarded_table.h"
#include "os/os.h"
#include "os/protect.h"
#include "os/system.h"

enum {
    CANARY = 16,
    CANARY_MAX = 4096, /* no OS page is smaller */
    QUARANTINE_BLOCKS = 8192,
    QUARANTINE_BYTES = 8 << 20
};

typedef struct cairn_guarded_record record;

/* ---- breaches ---- */

/* What is wrong with a pointer that is to be ended; r: the record of this address. Under the lock. */
static COLD cairn_guarded_breach wrong_pointer(const cairn_guarded *guarded, const void *ptr,
                                               const record *r)
{
    if (r != NULL)
        return breach_of(CAIRN_GUARDED_DOUBLE_FREE, r, 0);
    cairn_guarded_breach breach = {.crime = CAIRN_GUARDED_NO_BLOCK};
    const record *around = cairn__guarded_around(guarded, ptr, false);
    if (around != NULL && around->state == GUARDED_LIVE)
        breach = breach_of(CAIRN_GUARDED_INSIDE, around, (const char *)ptr - around->ptr);
    breach.ptr = ptr;
    return breach;
}

/* ---- a block ends ---- */

/* Takes a block out of the caller's hands; NULL, and a report: it is none. */
static record *claim(cairn_guarded *guarded, void *ptr, cairn_layout given)
{
    guarded_lock(guarded);
    record *r = cairn__guarded_find(guarded, ptr);
    if (UNLIKELY(r == NULL || r->state != GUARDED_LIVE)) {
        cairn_guarded_breach breach = wrong_pointer(guarded, ptr, r);
        guarded_unlock(guarded);
        cairn__guarded_report(guarded, &breach);
        return NULL;
    }
    r->state = GUARDED_BUSY;
    guarded->stats.live--;
    guarded->stats.live_bytes -= r->size;
    guarded_unlock(guarded);
    cairn_layout layout = guarded_layout(r);
    if (UNLIKELY(!cairn_layout_is_equal(layout, given))) {
        cairn_guarded_crime crime = layout.size != given.size ? CAIRN_GUARDED_WRONG_SIZE
                                                              : CAIRN_GUARDED_WRONG_ALIGN;
        cairn_guarded_breach breach = breach_of(crime, r, 0);
        breach.given = given;
        cairn__guarded_report(guarded, &breach);
    }
    return r;
}

/* It stays the caller's after all. */
static void unclaim(cairn_guarded *guarded, record *r)
{
    guarded_lock(guarded);
    r->state = GUARDED_LIVE;
    guarded->stats.live++;
    guarded->stats.live_bytes += r->size;
    guarded_unlock(guarded);
}

/* Out of the notes and back to the source, unless part of it stays closed. filled: since it was filled
 * others could write to it. */
static void give_back(cairn_guarded *guarded, record *r, bool filled)
{
    cairn_guarded_breach breach;
    bool open = r->protection == 0 || cairn__os_unprotect(r->base, r->span, r->protection);
    if (UNLIKELY(!open)) {
        guarded_lock(guarded);
        r->state = GUARDED_STUCK;
        guarded->stats.stuck++;
        guarded->stats.stuck_bytes += r->span;
        guarded_unlock(guarded);
        return;
    }
    r->protection = 0;
    if (filled && !r->closed && UNLIKELY(!cairn__guarded_look(guarded, r, true, &breach)))
        cairn__guarded_report(guarded, &breach);
    void *base = r->base;
    cairn_layout span = guarded_span(r);
    guarded_lock(guarded);
    guarded->stats.taken_bytes -= span.size;
    cairn__guarded_remove(guarded, r);
    guarded_unlock(guarded);
    if (UNLIKELY(guarded->watched))
        cairn__show_usable(base, span.size);
    cairn_allocator_dealloc(guarded->source, base, span);
}

/* A freed block is closed, if it has a guard page and will be kept, else filled. */
static void close_or_fill(cairn_guarded *guarded, record *r)
{
    if (UNLIKELY(guarded->watched))
        cairn__show_dealloc(guarded, r->ptr, r->size);
    if (r->protection != 0 && !guarded->opts.no_quarantine &&
        r->span <= guarded->opts.quarantine_bytes) {
        unsigned how = cairn__os_protect(r->base, r->span);
        r->protection |= (uint8_t)how;
        r->closed = how != 0;
    }
    if (!r->closed) {
        if (UNLIKELY(guarded->watched))
            cairn__show_usable(r->ptr, r->size);
        cairn__guarded_fill(r);
        if (UNLIKELY(guarded->watched))
            cairn__show_unused(r->ptr, r->size);
    }
}

/* Ends a claimed block. */
static void retire(cairn_guarded *guarded, record *r)
{
    cairn_guarded_breach breach;
    if (UNLIKELY(!cairn__guarded_look(guarded, r, false, &breach))) {
        cairn__guarded_repair(guarded, r, false);
        cairn__guarded_report(guarded, &breach);
    }
    close_or_fill(guarded, r);
    guarded_lock(guarded);
    record *leaving = cairn__guarded_keep(guarded, r);
    if (leaving == NULL)
        leaving = cairn__guarded_take_kept(guarded, false);
    guarded_unlock(guarded);
    while (leaving != NULL) {
        give_back(guarded, leaving, leaving != r);
        guarded_lock(guarded);
        leaving = cairn__guarded_take_kept(guarded, false);
        guarded_unlock(guarded);
    }
}

/* Gives so many kept blocks back, as far as there are any; false: there were none. */
static bool let_go(cairn_guarded *guarded, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        guarded_lock(guarded);
        record *r = cairn__guarded_take_kept(guarded, true);
        guarded_unlock(guarded);
        if (r == NULL)
            return i != 0;
        give_back(guarded, r, true);
    }
    return true;
}

/* ---- a block begins ---- */

static uint64_t draw(cairn_guarded *guarded)
{
    uint64_t every = guarded->opts.pages_every;
    return every <= 1 ? 1 : 1 + cairn__guarded_random(guarded) % (2 * every - 1);
}

/* Whether the next block, of that size, gets a guard page. Under the lock. */
static bool wants_page(cairn_guarded *guarded, size_t size)
{
    if (guarded->opts.pages == CAIRN_GUARDED_NO_PAGES || size < guarded->opts.pages_from ||
        --guarded->until_page != 0)
        return false;
    guarded->until_page = draw(guarded);
    return true;
}

/* Takes memory of the source and lays the block into it. */
static bool place(cairn_guarded *guarded, record *r, cairn_layout layout, cairn_guarded_pages pages,
                  size_t canary, bool zeroed)
{
    struct guarded_shape shape = cairn__guarded_shape(layout, canary, pages, guarded->os_page);
    char *base = zeroed ? cairn_allocator_alloc_zeroed(guarded->source, shape.span)
                        : cairn_allocator_alloc(guarded->source, shape.span);
    if (base == NULL)
        return false;
    *r = (record){
        .ptr = base + shape.at,
        .size = layout.size,
        .base = base,
        .span = shape.span.size,
        .front = shape.front,
        .back = shape.back,
        .align_shift = (uint8_t)log2_floor(layout.align),
        .span_shift = (uint8_t)log2_floor(shape.span.align),
        .state = GUARDED_LIVE,
    };
    if (shape.guard != SIZE_MAX) {
        r->protection = (uint8_t)cairn__os_protect(base + shape.guard, guarded->os_page);
        if (r->protection == 0 && pages == CAIRN_GUARDED_PAGE_AFTER)
            r->back += (uint32_t)canary;
        else if (r->protection == 0)
            r->front = (uint32_t)canary;
    }
    return true;
}

/* Nobody else knows the block yet. */
static void prepare(const cairn_guarded *guarded, const record *r, bool zeroed)
{
    if (UNLIKELY(guarded->watched))
        cairn__show_readable(r->base, r->span);
    cairn__guarded_mark(r, guarded->secret);
    if (guarded->opts.fill_fresh && !zeroed)
        memset(r->ptr, CAIRN_GUARDED_FRESH, r->size);
    if (UNLIKELY(guarded->watched)) {
        cairn__show_unused(r->base, r->span);
        cairn__show_alloc(guarded, r->ptr, r->size);
        if (zeroed)
            cairn__show_readable(r->ptr, r->size);
    }
}

/* Puts a block that is ready into the notes. wanted: it should have a guard page. */
static void *publish(cairn_guarded *guarded, record *r, bool wanted)
{
    cairn_guarded_stats *stats = &guarded->stats;
    char *ptr = r->ptr;
    guarded_lock(guarded);
    if (UNLIKELY(!cairn__guarded_put(guarded, r))) {
        cairn_guarded_breach breach = breach_of(CAIRN_GUARDED_GIVEN_TWICE, r, 0);
        if (r->protection != 0)
            cairn__os_unprotect(r->base, r->span, r->protection);
        cairn__guarded_give_record(guarded, r);
        guarded_unlock(guarded);
        cairn__guarded_report(guarded, &breach);
        return NULL;
    }
    stats->live++;
    stats->live_bytes += r->size;
    stats->taken_bytes += r->span;
    stats->pages += r->protection != 0;
    stats->pages_missing += wanted && r->protection == 0;
    stats->canaries_missing += r->front + r->back == 0;
    guarded_unlock(guarded);
    return ptr;
}

/* With as much around it as the source has room for. */
static bool place_somehow(cairn_guarded *guarded, record *r, cairn_layout layout, bool wanted,
                          bool zeroed)
{
    size_t canary = guarded->opts.canary;
    return (wanted && place(guarded, r, layout, guarded->opts.pages, canary, zeroed)) ||
           place(guarded, r, layout, CAIRN_GUARDED_NO_PAGES, canary, zeroed) ||
           place(guarded, r, layout, CAIRN_GUARDED_NO_PAGES, 0, zeroed);
}

/* There is no memory for notes: one that is kept gives up its own. */
static COLD record *take_record_of_kept(cairn_guarded *guarded)
{
    record *r = NULL;
    while (r == NULL && let_go(guarded, 1)) {
        guarded_lock(guarded);
        r = cairn__guarded_take_record(guarded);
        guarded_unlock(guarded);
    }
    return r;
}

static void *begin(cairn_guarded *guarded, cairn_layout layout, bool zeroed)
{
    guarded_lock(guarded);
    record *r = cairn__guarded_take_record(guarded);
    bool wanted = wants_page(guarded, layout.size);
    guarded_unlock(guarded);
    if (UNLIKELY(r == NULL) && (r = take_record_of_kept(guarded)) == NULL)
        return NULL;
    bool placed = place_somehow(guarded, r, layout, wanted, zeroed);
    /* Blocks that are kept make room, at first one, then more. */
    for (size_t count = 1; UNLIKELY(!placed) && let_go(guarded, count); count *= 2)
        placed = place_somehow(guarded, r, layout, wanted, zeroed);
    if (!placed) {
        guarded_lock(guarded);
        cairn__guarded_give_record(guarded, r);
        guarded_unlock(guarded);
        return NULL;
    }
    prepare(guarded, r, zeroed);
    return publish(guarded, r, wanted);
}

/* ---- the ops ---- */

static void *guarded_alloc(void *self, cairn_layout layout)
{
    return begin(self, layout, false);
}

static void *guarded_alloc_zeroed(void *self, cairn_layout layout)
{
    return begin(self, layout, true);
}

static void guarded_dealloc(void *self, void *ptr, cairn_layout layout)
{
    record *r = claim(self, ptr, layout);
    if (LIKELY(r != NULL))
        retire(self, r);
}

static void *guarded_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    record *r = claim(self, ptr, layout);
    if (UNLIKELY(r == NULL))
        return NULL;
    void *moved = NULL;
    cairn_layout new_layout = {new_size, guarded_layout(r).align};
    if (cairn_layout_is_valid(new_layout))
        moved = begin(self, new_layout, false);
    if (moved == NULL) {
        unclaim(self, r);
        return NULL;
    }
    memcpy(moved, r->ptr, size_min(r->size, new_size));
    retire(self, r);
    return moved;
}

/* A block lies inside one of the source's, which may know its own by their first byte only. One that
 * is kept is still ours: freed again, it must come here. */
static bool guarded_owns(void *self, const void *ptr)
{
    cairn_guarded *guarded = self;
    guarded_lock(guarded);
    bool known = cairn__guarded_find(guarded, ptr) != NULL;
    guarded_unlock(guarded);
    return known || cairn_allocator_owns(guarded->source, ptr);
}

CAIRN_EXPORT cairn_allocator cairn_guarded_allocator(cairn_guarded *guarded)
{
    static const cairn_allocator_ops ops = {
        .name = "guarded",
        .alloc = guarded_alloc,
        .dealloc = guarded_dealloc,
        .alloc_zeroed = guarded_alloc_zeroed,
        .realloc = guarded_realloc,
    };
    static const cairn_allocator_ops ops_with_owns = {
        .name = "guarded",
        .alloc = guarded_alloc,
        .dealloc = guarded_dealloc,
        .alloc_zeroed = guarded_alloc_zeroed,
        .realloc = guarded_realloc,
        .owns = guarded_owns,
    };
    bool can_tell = cairn_allocator_can_tell(guarded->source);
    return (cairn_allocator){can_tell ? &ops_with_owns : &ops, guarded};
}

/* ---- the whole ---- */

static uint64_t seed_of(const cairn_guarded *guarded)
{
    uint64_t words[2] = {guarded->opts.seed, 0};
    if (words[0] != 0 || cairn__system_read("/dev/urandom", (char *)words, 9) == 8)
        return words[0];
    return (uint64_t)(uintptr_t)guarded << 20 ^ cairn__os_now();
}

CAIRN_EXPORT void cairn_guarded_init(cairn_guarded *guarded, cairn_allocator source,
                                     const cairn_guarded_opts *opts)
{
    *guarded = (cairn_guarded){.source = source, .os_page = cairn__os_page_size()};
    if (opts != NULL)
        guarded->opts = *opts;
    cairn_guarded_opts *own = &guarded->opts;
    if (own->records.ops == NULL)
        own->records = cairn_system();
    own->canary = own->canary == 0 ? CANARY : size_min(own->canary, CANARY_MAX);
    if (own->quarantine_blocks == 0)
        own->quarantine_blocks = QUARANTINE_BLOCKS;
    if (own->quarantine_bytes == 0)
        own->quarantine_bytes = QUARANTINE_BYTES;
    own->pages_every = size_min(own->pages_every, PTRDIFF_MAX);
    guarded->random = seed_of(guarded);
    guarded->secret = cairn__guarded_random(guarded);
    guarded->until_page = draw(guarded);
    guarded->watched = cairn__is_watched();
    cairn__show_begin(guarded);
}

/* Tries once more to open what is stuck. */
static void flush_stuck(cairn_guarded *guarded)
{
    size_t index = 0;
    guarded_lock(guarded);
    if (guarded->stats.stuck == 0)
        index = guarded->slot_count;
    for (record *r; (r = cairn__guarded_from(guarded, &index)) != NULL;) {
        bool stays = r->state != GUARDED_STUCK;
        if (!stays) {
            const char *ptr = r->ptr;
            r->state = GUARDED_BUSY;
            guarded->stats.stuck--;
            guarded->stats.stuck_bytes -= r->span;
            guarded_unlock(guarded);
            give_back(guarded, r, true);
            guarded_lock(guarded);
            stays = cairn__guarded_find(guarded, ptr) == r;
        }
        index += stays;
    }
    guarded_unlock(guarded);
}

CAIRN_EXPORT void cairn_guarded_flush(cairn_guarded *guarded)
{
    let_go(guarded, SIZE_MAX);
    flush_stuck(guarded);
}

static void end_leak(cairn_guarded *guarded, record *r)
{
    cairn_guarded_breach breach = breach_of(CAIRN_GUARDED_LEAK, r, 0);
    if (guarded->opts.on_breach != NULL)
        cairn__guarded_report(guarded, &breach);
    if (!cairn__guarded_look(guarded, r, false, &breach))
        cairn__guarded_report(guarded, &breach);
    if (UNLIKELY(guarded->watched))
        cairn__show_dealloc(guarded, r->ptr, r->size);
    give_back(guarded, r, false);
}

CAIRN_EXPORT size_t cairn_guarded_fini(cairn_guarded *guarded)
{
    cairn_guarded_flush(guarded);
    size_t leaks = 0, index = 0;
    for (record *r; (r = cairn__guarded_from(guarded, &index)) != NULL;) {
        const char *ptr = r->ptr;
        if (r->state == GUARDED_LIVE) {
            leaks++;
            r->state = GUARDED_BUSY;
            end_leak(guarded, r);
        }
        index += cairn__guarded_find(guarded, ptr) == r;
    }
    cairn__guarded_end_notes(guarded);
    guarded->stats = (cairn_guarded_stats){0};
    cairn__show_end(guarded);
    return leaks;
}
