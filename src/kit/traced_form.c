/* SPDX-License-Identifier: MIT */
/* See traced_form.h. What is read may be anything: each number is bounded by the batch it is in. */
#include "kit/traced_form.h"

#include "base/bits.h"
#include "base/memory.h"
#include "base/print.h"

enum { OP_BITS = 3, OTHER_THREAD = 1 << OP_BITS, ALIGN_SHIFT = 4, ALIGN_FOLLOWS = 15 };

static const char MAGIC[4] = {'C', 'T', 'R', '1'};

static const char *const NAMES[] = {
    [CAIRN_TRACED_ALLOC] = "alloc",     [CAIRN_TRACED_ALLOC_ZEROED] = "alloc_zeroed",
    [CAIRN_TRACED_REALLOC] = "realloc", [CAIRN_TRACED_DEALLOC] = "dealloc",
    [CAIRN_TRACED_OWNS] = "owns",       [CAIRN_TRACED_USABLE_SIZE] = "usable_size",
    [CAIRN_TRACED_THREAD] = "thread",
};

enum { OPS = sizeof NAMES / sizeof *NAMES };

/* ---- which fields an op has ---- */

static bool has_ptr(cairn_traced_op op)
{
    return op != CAIRN_TRACED_THREAD;
}

static bool has_size(cairn_traced_op op)
{
    return op != CAIRN_TRACED_OWNS;
}

static bool has_align(cairn_traced_op op)
{
    return op != CAIRN_TRACED_OWNS && op != CAIRN_TRACED_THREAD;
}

static bool has_result(cairn_traced_op op)
{
    return op == CAIRN_TRACED_OWNS || op == CAIRN_TRACED_USABLE_SIZE;
}

/* ---- lines ---- */

static void put_number(struct text *line, uint64_t value)
{
    cairn__text_put(line, " ");
    cairn__text_uint(line, value);
}

static void put_pointer(struct text *line, uint64_t ptr)
{
    cairn__text_put(line, " ");
    cairn__text_pointer(line, (const void *)(uintptr_t)ptr);
}

static void put_line(const cairn_traced_event *event, struct text *line)
{
    cairn_traced_op op = event->op;
    bool makes = op == CAIRN_TRACED_ALLOC || op == CAIRN_TRACED_ALLOC_ZEROED;
    cairn__text_uint(line, event->number);
    put_number(line, event->time);
    put_number(line, event->thread);
    cairn__text_put(line, " ");
    cairn__text_put(line, (unsigned)op < OPS ? NAMES[op] : "unknown");
    if (has_ptr(op) && !makes)
        put_pointer(line, event->ptr);
    if (has_size(op))
        put_number(line, event->size);
    if (has_align(op))
        put_number(line, event->align);
    if (makes)
        put_pointer(line, event->ptr);
    if (op == CAIRN_TRACED_REALLOC) {
        put_number(line, event->new_size);
        put_pointer(line, event->result);
        put_number(line, event->began);
    }
    if (has_result(op))
        put_number(line, event->result);
}

size_t cairn__traced_line(const cairn_traced_event *event, char *to)
{
    struct text line = {to, TRACED_EVENT_MAX - 1, 0};
    put_line(event, &line);
    cairn__text_end_line(&line);
    return line.length;
}

CAIRN_EXPORT size_t cairn_traced_print(const cairn_traced_event *event, char *text, size_t size)
{
    char data[TRACED_EVENT_MAX];
    struct text line = {data, sizeof data, 0};
    put_line(event, &line);
    if (text != NULL && size > 0) {
        size_t shown = size_min(line.length, size - 1);
        memcpy(text, data, shown);
        text[shown] = '\0';
    }
    return line.length;
}

/* ---- packing ---- */

/* LEB128: seven bits a byte, the last one without the upper bit (DWARF 5, 7.6). */
static char *pack(char *to, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        *to++ = (char)(value | 128);
    *to++ = (char)value;
    return to;
}

/* Small numbers of either sign become small ones without: 0, -1, 1, -2 ... */
static uint64_t zigzag(uint64_t difference)
{
    return (difference << 1) ^ ((uint64_t)0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t value)
{
    return (value >> 1) ^ ((uint64_t)0 - (value & 1));
}

static char *pack_head(const cairn_traced_event *event, struct traced_last *last, char *to)
{
    unsigned align = has_align(event->op) ? log2_floor((size_t)event->align) : 0;
    bool other = event->thread != last->thread;
    unsigned short_align = align < ALIGN_FOLLOWS ? align : ALIGN_FOLLOWS;
    *to++ = (char)((unsigned)event->op | (other ? OTHER_THREAD : 0) | short_align << ALIGN_SHIFT);
    if (align >= ALIGN_FOLLOWS)
        *to++ = (char)align;
    to = pack(to, zigzag(event->number - last->number));
    to = pack(to, zigzag(event->time - last->time));
    if (other)
        to = pack(to, event->thread);
    last->number = event->number;
    last->time = event->time;
    last->thread = event->thread;
    return to;
}

size_t cairn__traced_pack(const cairn_traced_event *event, struct traced_last *last, char *to)
{
    char *start = to;
    to = pack_head(event, last, to);
    if (has_ptr(event->op)) {
        to = pack(to, zigzag(event->ptr - last->ptr));
        last->ptr = event->ptr;
    }
    if (has_size(event->op))
        to = pack(to, event->size);
    if (event->op == CAIRN_TRACED_REALLOC) {
        to = pack(to, event->new_size);
        to = pack(to, zigzag(event->result - event->ptr));
        to = pack(to, event->number - event->began);
    }
    if (has_result(event->op))
        to = pack(to, event->result);
    return (size_t)(to - start);
}

/* FNV-1a (Fowler, Noll, Vo 1991). */
static uint32_t checksum(const unsigned char *bytes, size_t size)
{
    uint32_t sum = 0x811C9DC5u;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * 0x01000193u;
    return sum;
}

static void put_word(char *to, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        to[i] = (char)(word >> (8 * i));
}

static uint32_t get_word(const unsigned char *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

void cairn__traced_seal(char *batch, size_t size, size_t events)
{
    memcpy(batch, MAGIC, sizeof MAGIC);
    put_word(batch + 4, (uint32_t)size);
    put_word(batch + 8, (uint32_t)events);
    put_word(batch + 12, checksum((const unsigned char *)batch + TRACED_HEADER, size));
}

/* ---- reading ---- */

struct bytes {
    const unsigned char *at;
    const unsigned char *end;
    bool bad; /* they ended too early, or mean nothing */
};

static unsigned get_byte(struct bytes *bytes)
{
    if (bytes->at == bytes->end) {
        bytes->bad = true;
        return 0;
    }
    return *bytes->at++;
}

static uint64_t unpack(struct bytes *bytes)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = get_byte(bytes);
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    bytes->bad = true;
    return 0;
}

static void unpack_head(struct bytes *bytes, struct traced_last *last, cairn_traced_event *event)
{
    unsigned head = get_byte(bytes);
    unsigned align = head >> ALIGN_SHIFT;
    event->op = (cairn_traced_op)(head & (OTHER_THREAD - 1));
    if (align == ALIGN_FOLLOWS)
        align = get_byte(bytes);
    if (align > 63 || (unsigned)event->op >= OPS) {
        bytes->bad = true;
        return;
    }
    event->align = has_align(event->op) ? (uint64_t)1 << align : 0;
    event->number = last->number += unzigzag(unpack(bytes));
    event->time = last->time += unzigzag(unpack(bytes));
    if (head & OTHER_THREAD)
        last->thread = unpack(bytes);
    event->thread = last->thread;
}

static void unpack_event(struct bytes *bytes, struct traced_last *last, cairn_traced_event *event)
{
    memset(event, 0, sizeof *event);
    unpack_head(bytes, last, event);
    if (bytes->bad)
        return;
    if (has_ptr(event->op))
        event->ptr = last->ptr += unzigzag(unpack(bytes));
    if (has_size(event->op))
        event->size = unpack(bytes);
    if (event->op == CAIRN_TRACED_REALLOC) {
        event->new_size = unpack(bytes);
        event->result = event->ptr + unzigzag(unpack(bytes));
        event->began = event->number - unpack(bytes);
    }
    if (has_result(event->op))
        event->result = unpack(bytes);
}

/* The bytes of the batch that begins here; 0: none does. */
static size_t batch_at(const unsigned char *bytes, size_t size)
{
    if (size < TRACED_HEADER || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return 0;
    size_t length = get_word(bytes + 4);
    if (length > size - TRACED_HEADER ||
        checksum(bytes + TRACED_HEADER, length) != get_word(bytes + 12))
        return 0;
    return TRACED_HEADER + length;
}

/* False: visit stopped it. */
static bool read_batch(const unsigned char *batch, size_t size,
                       bool (*visit)(void *context, const cairn_traced_event *event), void *context)
{
    struct bytes bytes = {batch + TRACED_HEADER, batch + size, false};
    struct traced_last last = {0, 0, 0, 0};
    for (uint32_t left = get_word(batch + 8); left > 0; left--) {
        cairn_traced_event event;
        unpack_event(&bytes, &last, &event);
        if (bytes.bad)
            return true;
        if (!visit(context, &event))
            return false;
    }
    return true;
}

CAIRN_EXPORT size_t cairn_traced_read(const void *bytes, size_t size,
                                      bool (*visit)(void *context, const cairn_traced_event *event),
                                      void *context)
{
    const unsigned char *at = bytes;
    size_t skipped = 0;
    while (size > 0) {
        size_t batch = batch_at(at, size);
        if (batch != 0 && !read_batch(at, batch, visit, context))
            break;
        size_t step = batch != 0 ? batch : 1;
        skipped += batch == 0;
        at += step;
        size -= step;
    }
    return skipped;
}
