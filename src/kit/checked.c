/* SPDX-License-Identifier: MIT */
/*
 * The oracle (checked.h). The lock guards the notes and is held neither across a call of the source
 * nor of on_breach. So the order of steps matters: a note is in the tree only while the block is
 * the caller's or kept here. It is taken out before the source may hand the same bytes to another
 * thread, and put in after the source has returned them.
 */
#include "cairn/checked.h"

#include "base/memory.h"
#include "base/print.h"
#include "cairn/system.h"
#include "kit/records.h"
#include "os/fatal.h"
#include "os/lock.h"
#include "os/os.h"

#define FREED_BYTE        0xDF
#define QUARANTINE_BLOCKS 256
#define QUARANTINE_BYTES  (1 * MIB)

typedef struct cairn_checked_record record;

static const cairn_layout RECORD = {sizeof(record), _Alignof(record)};

static void lock(const cairn_checked *checked)
{
    lock_acquire((struct lock *)&((cairn_checked *)checked)->lock);
}

static void unlock(const cairn_checked *checked)
{
    lock_release((struct lock *)&((cairn_checked *)checked)->lock);
}

/* ---- breaches ---- */

static const char *const TEXTS[] = {
    [CAIRN_CHECKED_MISALIGNED] = "block not aligned",
    [CAIRN_CHECKED_OVERLAP] = "block overlaps another",
    [CAIRN_CHECKED_NOT_ZERO] = "zeroed block is not zero",
    [CAIRN_CHECKED_CONTENTS_LOST] = "realloc lost contents",
    [CAIRN_CHECKED_USABLE_TOO_LITTLE] = "usable size below the size",
    [CAIRN_CHECKED_NOT_OWNED] = "owns denies a block",
    [CAIRN_CHECKED_NO_BLOCK] = "not a block in use",
    [CAIRN_CHECKED_INSIDE] = "pointer into a block",
    [CAIRN_CHECKED_DOUBLE_FREE] = "block freed twice",
    [CAIRN_CHECKED_LAYOUT] = "freed with another layout",
    [CAIRN_CHECKED_WRITE_AFTER_FREE] = "block written to after it was freed",
    [CAIRN_CHECKED_BAD_REQUEST] = "layout that is not valid",
};

static void put_layout(struct text *line, const char *word, cairn_layout layout)
{
    if (layout.align == 0)
        return;
    cairn__text_put(line, word);
    cairn__text_uint(line, layout.size);
    cairn__text_put(line, " bytes aligned to ");
    cairn__text_uint(line, layout.align);
}

static COLD void breach(const cairn_checked *checked, cairn_checked_crime crime, const void *ptr,
                        cairn_layout block, cairn_layout given)
{
    cairn_checked_breach what = {crime, TEXTS[crime], ptr, block, given};
    if (checked->opts.on_breach != NULL) {
        checked->opts.on_breach(checked->opts.context, &what);
        return;
    }
    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: checked: ");
    cairn__text_put(&line, what.text);
    cairn__text_put(&line, ": ");
    cairn__text_pointer(&line, ptr);
    put_layout(&line, ", block of ", block);
    put_layout(&line, ", given ", given);
    cairn__text_put(&line, " (source: ");
    cairn__text_put(&line, checked->source.ops->name);
    cairn__text_put(&line, ")");
    cairn__text_end_line(&line);
    cairn__os_print_error(line.data, line.length);
    cairn__os_abort();
}

static const cairn_layout UNKNOWN = {0, 0};

/* ---- what blocks hold ---- */

static bool is_filled(const void *ptr, size_t size, unsigned char byte)
{
    const unsigned char *bytes = ptr;
    return size == 0 || (bytes[0] == byte && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* FNV-1a over words (Fowler, Noll, Vo 1991): any byte that changes changes it. */
static uint64_t sum_of(const void *ptr, size_t size)
{
    const unsigned char *bytes = ptr;
    uint64_t sum = 0xCBF29CE484222325u;
    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        sum = (sum ^ word) * 0x100000001B3u;
        sum ^= sum >> 32;
    }
    for (; size > 0; size--, bytes++)
        sum = (sum ^ *bytes) * 0x100000001B3u;
    return sum;
}

/* ---- notes ---- */

/* What is wrong with what the source returned, when it is in the notes. */
static void check_granted(cairn_checked *checked, void *ptr, cairn_layout layout)
{
    cairn_allocator source = checked->source;
    if (((uintptr_t)ptr & (layout.align - 1)) != 0)
        breach(checked, CAIRN_CHECKED_MISALIGNED, ptr, layout, UNKNOWN);
    if (cairn_allocator_usable_size(source, ptr, layout) < layout.size)
        breach(checked, CAIRN_CHECKED_USABLE_TOO_LITTLE, ptr, layout, UNKNOWN);
    if (cairn_allocator_can_tell(source) && !cairn_allocator_owns(source, ptr))
        breach(checked, CAIRN_CHECKED_NOT_OWNED, ptr, layout, UNKNOWN);
}

/*
 * Notes a block. One that overlaps another is reported; what is known of the other stays, and the
 * new one has no note.
 */
static void note(cairn_checked *checked, record *r, void *ptr, cairn_layout layout)
{
    r->ptr = ptr;
    r->layout = layout;
    r->freed = false;
    lock(checked);
    bool apart = cairn__records_put(&checked->root, r);
    if (apart) {
        checked->live++;
        checked->live_bytes += layout.size;
    }
    unlock(checked);
    if (!apart) {
        cairn_allocator_dealloc(checked->opts.records, r, RECORD);
        breach(checked, CAIRN_CHECKED_OVERLAP, ptr, layout, UNKNOWN);
        return;
    }
    check_granted(checked, ptr, layout);
}

/* Takes the note of a block that the caller ends or resizes; NULL, and a report: no such block. */
static record *take_note(cairn_checked *checked, void *ptr, cairn_layout given)
{
    cairn_checked_crime crime = CAIRN_CHECKED_NO_BLOCK;
    cairn_layout block = UNKNOWN;
    lock(checked);
    record *r = cairn__records_at_or_below(checked->root, (uintptr_t)ptr);
    if (r != NULL && (uintptr_t)ptr < record_end(r)) {
        block = r->layout;
        if (r->freed) {
            crime = CAIRN_CHECKED_DOUBLE_FREE;
        } else if (r->ptr != ptr) {
            crime = CAIRN_CHECKED_INSIDE;
        } else if (!cairn_layout_is_equal(block, given)) {
            crime = CAIRN_CHECKED_LAYOUT;
        } else {
            cairn__records_take(&checked->root, r);
            checked->live--;
            checked->live_bytes -= block.size;
            unlock(checked);
            return r;
        }
    }
    unlock(checked);
    breach(checked, crime, ptr, block, given);
    return NULL;
}

/* ---- freed blocks that are kept ---- */

static bool has_kept(const cairn_checked *checked)
{
    lock(checked);
    bool any = checked->kept > 0;
    unlock(checked);
    return any;
}

/* The oldest that has to leave, or NULL; with `all`, the oldest. Under the lock. */
static record *take_kept(cairn_checked *checked, bool all)
{
    record *r = checked->first_kept;
    if (r == NULL || (!all && checked->kept <= checked->opts.quarantine_blocks &&
                      checked->kept_bytes <= checked->opts.quarantine_bytes))
        return NULL;
    checked->first_kept = r->newer;
    checked->kept--;
    checked->kept_bytes -= r->layout.size;
    cairn__records_take(&checked->root, r);
    return r;
}

static void give_back(cairn_checked *checked, record *r)
{
    bool unwritten = !r->freed || is_filled(r->ptr, r->layout.size, FREED_BYTE);
    void *ptr = r->ptr;
    cairn_layout layout = r->layout;
    cairn_allocator_dealloc(checked->opts.records, r, RECORD);
    if (!unwritten)
        breach(checked, CAIRN_CHECKED_WRITE_AFTER_FREE, ptr, layout, UNKNOWN);
    cairn_allocator_dealloc(checked->source, ptr, layout);
}

static void give_back_kept(cairn_checked *checked, bool all)
{
    for (;;) {
        lock(checked);
        record *r = take_kept(checked, all);
        unlock(checked);
        if (r == NULL)
            return;
        give_back(checked, r);
    }
}

static void keep(cairn_checked *checked, record *r)
{
    memset(r->ptr, FREED_BYTE, r->layout.size);
    r->freed = true;
    r->newer = NULL;
    lock(checked);
    cairn__records_put(&checked->root, r);
    if (checked->first_kept == NULL)
        checked->first_kept = r;
    else
        checked->last_kept->newer = r;
    checked->last_kept = r;
    checked->kept++;
    checked->kept_bytes += r->layout.size;
    unlock(checked);
    give_back_kept(checked, false);
}

/* ---- the ops ---- */

static void *get(cairn_checked *checked, cairn_layout layout, bool zeroed)
{
    return zeroed ? cairn_allocator_alloc_zeroed(checked->source, layout)
                  : cairn_allocator_alloc(checked->source, layout);
}

static void *checked_get(cairn_checked *checked, cairn_layout layout, bool zeroed)
{
    if (UNLIKELY(!cairn_layout_is_valid(layout))) {
        breach(checked, CAIRN_CHECKED_BAD_REQUEST, NULL, UNKNOWN, layout);
        return NULL;
    }
    record *r = cairn_allocator_alloc(checked->opts.records, RECORD);
    if (r == NULL)
        return NULL;
    void *ptr = get(checked, layout, zeroed);
    if (ptr == NULL && has_kept(checked)) {
        /* What is kept here may be what the source lacks. */
        cairn_checked_flush(checked);
        ptr = get(checked, layout, zeroed);
    }
    if (ptr == NULL) {
        cairn_allocator_dealloc(checked->opts.records, r, RECORD);
        return NULL;
    }
    bool as_asked = !zeroed || is_filled(ptr, layout.size, 0);
    note(checked, r, ptr, layout);
    if (!as_asked)
        breach(checked, CAIRN_CHECKED_NOT_ZERO, ptr, layout, UNKNOWN);
    return ptr;
}

static void *checked_alloc(void *self, cairn_layout layout)
{
    return checked_get(self, layout, false);
}

static void *checked_alloc_zeroed(void *self, cairn_layout layout)
{
    return checked_get(self, layout, true);
}

static void checked_dealloc(void *self, void *ptr, cairn_layout layout)
{
    cairn_checked *checked = self;
    record *r = take_note(checked, ptr, layout);
    if (r == NULL)
        return;
    if (checked->opts.no_quarantine)
        give_back(checked, r);
    else
        keep(checked, r);
}

static void *checked_realloc(void *self, void *ptr, cairn_layout layout, size_t new_size)
{
    cairn_checked *checked = self;
    cairn_layout new_layout = {new_size, layout.align};
    if (UNLIKELY(!cairn_layout_is_valid(new_layout))) {
        breach(checked, CAIRN_CHECKED_BAD_REQUEST, ptr, layout, new_layout);
        return NULL;
    }
    record *r = take_note(checked, ptr, layout);
    if (r == NULL)
        return NULL;
    size_t kept = layout.size < new_size ? layout.size : new_size;
    uint64_t all = sum_of(ptr, layout.size);
    uint64_t sum = sum_of(ptr, kept);
    void *moved = cairn_allocator_realloc(checked->source, ptr, layout, new_size);
    if (moved == NULL && has_kept(checked)) {
        cairn_checked_flush(checked);
        moved = cairn_allocator_realloc(checked->source, ptr, layout, new_size);
    }
    if (moved == NULL) {
        bool same = sum_of(ptr, layout.size) == all;
        note(checked, r, ptr, layout);
        if (!same)
            breach(checked, CAIRN_CHECKED_CONTENTS_LOST, ptr, layout, new_layout);
        return NULL;
    }
    bool same = sum_of(moved, kept) == sum;
    note(checked, r, moved, new_layout);
    if (!same)
        breach(checked, CAIRN_CHECKED_CONTENTS_LOST, moved, layout, new_layout);
    return moved;
}

static bool checked_owns(void *self, const void *ptr)
{
    cairn_checked *checked = self;
    lock(checked);
    record *r = cairn__records_at_or_below(checked->root, (uintptr_t)ptr);
    bool owns = r != NULL && !r->freed && (uintptr_t)ptr < record_end(r);
    unlock(checked);
    return owns;
}

static size_t checked_usable_size(void *self, const void *ptr, cairn_layout layout)
{
    (void)self, (void)ptr;
    return layout.size; /* no more: what is beyond is not compared when the block is resized */
}

CAIRN_EXPORT cairn_allocator cairn_checked_allocator(cairn_checked *checked)
{
    static const cairn_allocator_ops ops = {
        .name = "checked",
        .alloc = checked_alloc,
        .dealloc = checked_dealloc,
        .alloc_zeroed = checked_alloc_zeroed,
        .realloc = checked_realloc,
        .owns = checked_owns,
        .usable_size = checked_usable_size,
    };
    return (cairn_allocator){&ops, checked};
}

/* ---- the whole ---- */

CAIRN_EXPORT void cairn_checked_init(cairn_checked *checked, cairn_allocator source,
                                     const cairn_checked_opts *opts)
{
    *checked = (cairn_checked){.source = source};
    if (opts != NULL)
        checked->opts = *opts;
    if (checked->opts.records.ops == NULL)
        checked->opts.records = cairn_system();
    if (checked->opts.quarantine_blocks == 0)
        checked->opts.quarantine_blocks = QUARANTINE_BLOCKS;
    if (checked->opts.quarantine_bytes == 0)
        checked->opts.quarantine_bytes = QUARANTINE_BYTES;
}

CAIRN_EXPORT void cairn_checked_flush(cairn_checked *checked)
{
    give_back_kept(checked, true);
}

CAIRN_EXPORT size_t cairn_checked_fini(cairn_checked *checked)
{
    cairn_checked_flush(checked);
    size_t left = checked->live;
    while (checked->root != NULL) {
        record *r = checked->root;
        cairn__records_take(&checked->root, r);
        give_back(checked, r);
    }
    checked->live = 0;
    checked->live_bytes = 0;
    return left;
}

CAIRN_EXPORT size_t cairn_checked_live(const cairn_checked *checked)
{
    lock(checked);
    size_t live = checked->live;
    unlock(checked);
    return live;
}

CAIRN_EXPORT size_t cairn_checked_live_bytes(const cairn_checked *checked)
{
    lock(checked);
    size_t bytes = checked->live_bytes;
    unlock(checked);
    return bytes;
}

CAIRN_EXPORT bool cairn_checked_visit(const cairn_checked *checked, cairn_visitor *visitor,
                                      void *context)
{
    lock(checked);
    bool on = true;
    record *r = cairn__records_above(checked->root, NULL);
    for (; on && r != NULL; r = cairn__records_above(checked->root, r->ptr))
        on = visitor(context, r->ptr, r->layout.size, !r->freed);
    unlock(checked);
    return on;
}

CAIRN_EXPORT const char *cairn_checked_audit(const cairn_checked *checked)
{
    const char *wrong = NULL;
    size_t live = 0, live_bytes = 0, kept = 0, kept_bytes = 0;
    uintptr_t last_end = 0;
    lock(checked);
    record *r = cairn__records_above(checked->root, NULL);
    for (; r != NULL; r = cairn__records_above(checked->root, r->ptr)) {
        if ((uintptr_t)r->ptr < last_end)
            wrong = "two blocks overlap";
        last_end = record_end(r);
        live += !r->freed;
        live_bytes += r->freed ? 0 : r->layout.size;
        kept += r->freed;
        kept_bytes += r->freed ? r->layout.size : 0;
        if (r->freed && !is_filled(r->ptr, r->layout.size, FREED_BYTE))
            wrong = "a freed block was written to";
    }
    if (live != checked->live || live_bytes != checked->live_bytes)
        wrong = "the count of blocks in use is wrong";
    if (kept != checked->kept || kept_bytes != checked->kept_bytes)
        wrong = "the count of kept blocks is wrong";
    unlock(checked);
    return wrong;
}
