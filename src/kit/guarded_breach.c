/* SPDX-License-Identifier: MIT */
/*
 * See guarded_breach.h. The texts are a closed list; each has a test that provokes it.
 */
#include "kit/guarded_breach.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/print.h"
#include "base/visible.h"
#include "kit/guarded_table.h"
#include "os/fatal.h"

typedef struct cairn_guarded_record record;

/* ---- words ---- */

static const char *const BEGINNINGS[] = {
    [CAIRN_GUARDED_WRITE_BEFORE] = "write before the start of",
    [CAIRN_GUARDED_WRITE_AFTER] = "write after the end of",
    [CAIRN_GUARDED_WRITE_AFTER_FREE] = "write after free to",
    [CAIRN_GUARDED_DOUBLE_FREE] = "double free of",
    [CAIRN_GUARDED_NO_BLOCK] = "free of",
    [CAIRN_GUARDED_INSIDE] = "free of",
    [CAIRN_GUARDED_WRONG_SIZE] = "free of",
    [CAIRN_GUARDED_WRONG_ALIGN] = "free of",
    [CAIRN_GUARDED_GIVEN_TWICE] = "given twice by the source:",
    [CAIRN_GUARDED_LEAK] = "leak of",
    [CAIRN_GUARDED_ACCESS_BEFORE] = "access before the start of",
    [CAIRN_GUARDED_ACCESS_AFTER] = "access after the end of",
    [CAIRN_GUARDED_ACCESS_AFTER_FREE] = "access after free to",
};

static void put_align(struct text *line, const char *words, size_t align)
{
    cairn__text_put(line, words);
    cairn__text_uint(line, align);
}

static void put_size(struct text *line, const char *words, size_t size)
{
    cairn__text_put(line, words);
    cairn__text_uint(line, size);
    cairn__text_put(line, size == 1 ? " byte" : " bytes");
}

static void put_block(struct text *line, const cairn_guarded_breach *breach)
{
    cairn__text_put(line, " block ");
    cairn__text_pointer(line, breach->block);
    put_size(line, " of ", breach->layout.size);
}

static void put_offset(struct text *line, ptrdiff_t offset)
{
    cairn__text_put(line, offset < 0 ? ", at offset -" : ", at offset ");
    cairn__text_uint(line, offset < 0 ? 0 - (size_t)offset : (size_t)offset);
}

static void put_pointer(struct text *line, const void *ptr)
{
    cairn__text_put(line, " ");
    cairn__text_pointer(line, ptr);
}

static void put_breach(struct text *line, const cairn_guarded_breach *breach)
{
    cairn__text_put(line, BEGINNINGS[breach->crime]);
    switch (breach->crime) {
    case CAIRN_GUARDED_NO_BLOCK:
        put_pointer(line, breach->ptr);
        cairn__text_put(line, ", which is no block in use");
        break;
    case CAIRN_GUARDED_INSIDE:
        put_pointer(line, breach->ptr);
        cairn__text_put(line, ", which lies in");
        put_block(line, breach);
        put_offset(line, breach->offset);
        break;
    case CAIRN_GUARDED_WRONG_SIZE:
        put_block(line, breach);
        put_size(line, " as one of ", breach->given.size);
        break;
    case CAIRN_GUARDED_WRONG_ALIGN:
        put_block(line, breach);
        put_align(line, " aligned to ", breach->layout.align);
        put_align(line, " as one aligned to ", breach->given.align);
        break;
    case CAIRN_GUARDED_DOUBLE_FREE:
    case CAIRN_GUARDED_GIVEN_TWICE:
    case CAIRN_GUARDED_LEAK:
        put_block(line, breach);
        break;
    default:
        put_block(line, breach);
        put_offset(line, breach->offset);
    }
}

CAIRN_EXPORT size_t cairn_guarded_describe(const cairn_guarded_breach *breach, char *text,
                                           size_t size)
{
    TEXT_LINE(line);
    if ((size_t)breach->crime < sizeof BEGINNINGS / sizeof *BEGINNINGS)
        put_breach(&line, breach);
    if (size != 0) {
        size_t length = size_min(line.length, size - 1);
        memcpy(text, line.data, length);
        text[length] = '\0';
    }
    return line.length;
}

void cairn__guarded_report(cairn_guarded *guarded, const cairn_guarded_breach *breach)
{
    guarded_lock(guarded);
    guarded->stats.breaches++;
    guarded_unlock(guarded);
    if (guarded->opts.on_breach != NULL) {
        guarded->opts.on_breach(guarded->opts.context, breach);
        return;
    }
    char text[256] = "guarded: ";
    size_t length = strlen(text);
    cairn_guarded_describe(breach, text + length, sizeof text - length);
    cairn__fatal(text, NULL);
}

/* ---- looking at blocks ---- */

/* Lets tools that watch pass while canaries, and with `filled` the block, are looked at; then not. */
static void show(const cairn_guarded *guarded, const record *r, bool filled, bool readable)
{
    void (*show_one)(void *, size_t) = readable ? cairn__show_readable : cairn__show_unused;
    if (LIKELY(!guarded->watched))
        return;
    if (filled) { /* in one piece: AddressSanitizer hides the middle of 8 bytes only to their end */
        show_one(r->ptr - r->front, r->front + r->size + r->back);
        return;
    }
    show_one(r->ptr - r->front, r->front);
    show_one(r->ptr + r->size, r->back);
}

bool cairn__guarded_look(const cairn_guarded *guarded, const record *r, bool filled,
                         cairn_guarded_breach *breach)
{
    ptrdiff_t offset = 0;
    show(guarded, r, filled, true);
    bool whole = cairn__guarded_is_whole(r, guarded->secret, filled, &offset);
    show(guarded, r, filled, false);
    if (UNLIKELY(!whole))
        *breach = breach_of(filled       ? CAIRN_GUARDED_WRITE_AFTER_FREE
                            : offset < 0 ? CAIRN_GUARDED_WRITE_BEFORE
                                         : CAIRN_GUARDED_WRITE_AFTER,
                            r, offset);
    return whole;
}

void cairn__guarded_repair(const cairn_guarded *guarded, const record *r, bool filled)
{
    show(guarded, r, filled, true);
    cairn__guarded_mark(r, guarded->secret);
    if (filled)
        cairn__guarded_fill(r);
    show(guarded, r, filled, false);
}
