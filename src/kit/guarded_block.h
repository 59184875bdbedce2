/* SPDX-License-Identifier: MIT */
/*
 * A guarded block in the memory that its source gave for it, its span:
 *
 *     base          ptr              ptr + size            base + span
 *      | ... front  | the caller's   | back ... | guard page |         (page after)
 *
 * front and back are canaries: the bytes right before and right behind the block. What else there
 * may be of the span is padding, for alignment and to the end of OS pages, and never looked at. A
 * guard page is in the span, so its neighbours in the source are not touched.
 *
 * Canaries repeat a word of eight bytes, a hash of the block's address and a secret; none of its
 * bytes is 0, so that the end of a string that is one too long shows.
 *
 * Nothing here locks: a record in state BUSY is its caller's alone, and others do not change under
 * the lock of the guarded.
 */
#ifndef CAIRN_KIT_GUARDED_BLOCK_H
#define CAIRN_KIT_GUARDED_BLOCK_H

#include "cairn/guarded.h"

#include "base/config.h"

enum guarded_state {
    GUARDED_LIVE, /* the caller's */
    GUARDED_BUSY, /* some thread is about to fill it or to give it back */
    GUARDED_KEPT, /* in quarantine */
    GUARDED_STUCK /* freed, but part of it is inaccessible and cannot be opened */
};

struct cairn_guarded_record {
    char *ptr;
    size_t size;
    char *base;
    size_t span;
    uint32_t front, back; /* bytes */
    uint8_t align_shift;  /* log2 of the block's alignment */
    uint8_t span_shift;   /* and of the span's */
    uint8_t state;        /* enum guarded_state */
    uint8_t protection;   /* how parts of the span were made inaccessible; 0: they were not */
    bool closed;          /* all of the span is inaccessible */
};

/* What to ask of the source, and where the block lies in it. */
struct guarded_shape {
    cairn_layout span;
    size_t at;
    size_t guard; /* where the guard page lies; SIZE_MAX: there is none */
    uint32_t front, back;
};

/* If that cannot be, the layout is not valid. os_page: its size; canary <= os_page. */
struct guarded_shape cairn__guarded_shape(cairn_layout block, size_t canary,
                                          cairn_guarded_pages pages, size_t os_page);

static inline cairn_layout guarded_layout(const struct cairn_guarded_record *record)
{
    return cairn__layout(record->size, (size_t)1 << record->align_shift);
}

static inline cairn_layout guarded_span(const struct cairn_guarded_record *record)
{
    return cairn__layout(record->span, (size_t)1 << record->span_shift);
}

/* Writes the canaries. */
void cairn__guarded_mark(const struct cairn_guarded_record *record, uint64_t secret);

/* Fills a block that was freed. */
void cairn__guarded_fill(const struct cairn_guarded_record *record);

/*
 * True if the canaries of a block that is not closed are as they were, and with `filled` the block as
 * it was filled; else *offset is that of the first byte that is not, from ptr.
 */
bool cairn__guarded_is_whole(const struct cairn_guarded_record *record, uint64_t secret,
                             bool filled, ptrdiff_t *offset);

#endif
