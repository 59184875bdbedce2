/* SPDX-License-Identifier: MIT */
/* See unwind_entry.h. */
#include "os/unwind_entry.h"

/* What may stand at the head of a shared part: letters, each for a field. */
struct extras {
    unsigned pointer_kind; /* of an entry's start */
    bool has_size;
    bool is_signal;
};

/* ---- parts ---- */

/* Tables lie so near to their index that 32 bits reach them. */
static const uintptr_t NEAR = (uintptr_t)1 << 31;

/*
 * The bytes from an address on. It is the file's own tables that say where they end: which part of it
 * is mapped is not known as a whole (start and end may be those of one segment).
 */
static struct bytes bytes_at(const struct unwind_file *file, uintptr_t address)
{
    bool inside = address - file->index + NEAR < 2 * NEAR;
    uintptr_t end = inside && file->index < UINTPTR_MAX - NEAR ? file->index + NEAR : address;
    return (struct bytes){(const uint8_t *)address, (const uint8_t *)end, end <= address};
}

/* A record behind its length; of .eh_frame both kinds begin so. */
static struct bytes record_at(const struct unwind_file *file, uintptr_t address)
{
    struct bytes bytes = bytes_at(file, address);
    uint64_t size = bytes_fixed(&bytes, 4);
    if (size == UINT32_MAX)
        size = bytes_fixed(&bytes, 8);
    return bytes_part(&bytes, size);
}

static void read_extras(struct bytes *record, const char *letters, struct extras *extras)
{
    uint64_t size = bytes_uleb(record);
    struct bytes fields = bytes_part(record, size);
    for (const char *letter = letters + 1; *letter != '\0' && !fields.broken; letter++)
        switch (*letter) {
        case 'R':
            extras->pointer_kind = (unsigned)bytes_fixed(&fields, 1);
            break;
        case 'P': {
            unsigned kind = (unsigned)bytes_fixed(&fields, 1);
            bytes_pointer(&fields, kind & 0x0f, 0);
            break;
        }
        case 'L':
            bytes_fixed(&fields, 1);
            break;
        case 'S':
            extras->is_signal = true;
            break;
        case 'B': /* which key signs return addresses */
        case 'G': /* tagged memory */
            break;
        default:
            record->broken = true;
        }
    record->broken |= fields.broken;
    extras->has_size = true;
}

static bool read_shared(const struct unwind_file *file, uintptr_t address,
                        struct unwind_entry *entry, struct extras *extras)
{
    struct bytes record = record_at(file, address);
    if (bytes_fixed(&record, 4) != 0) /* what tells it from an entry */
        return false;
    unsigned version = (unsigned)bytes_fixed(&record, 1);
    const char *letters = (const char *)record.at;
    while (bytes_fixed(&record, 1) != 0)
        continue;
    if (record.broken || (version != 1 && version != 3 && version != 4))
        return false;
    if (version == 4 && bytes_fixed(&record, 2) != sizeof(void *)) /* address size, no segments */
        return false;
    entry->code_unit = bytes_uleb(&record);
    entry->data_unit = bytes_sleb(&record);
    entry->return_register = (unsigned)(version == 1 ? bytes_fixed(&record, 1)
                                                     : bytes_uleb(&record));
    if (letters[0] == 'z')
        read_extras(&record, letters, extras);
    else if (letters[0] != '\0')
        return false;
    entry->shared = record;
    entry->is_signal = extras->is_signal;
    return !record.broken;
}

static bool read_entry(const struct unwind_file *file, uintptr_t place, uintptr_t address,
                       struct unwind_entry *entry)
{
    struct extras extras = {POINTER_ABSOLUTE, false, false};
    struct bytes record = record_at(file, place);
    uintptr_t here = (uintptr_t)record.at;
    uint64_t back = bytes_fixed(&record, 4);
    if (record.broken || back == 0 || !read_shared(file, here - back, entry, &extras))
        return false;
    entry->start = bytes_pointer(&record, extras.pointer_kind, file->index);
    uintptr_t size = bytes_pointer(&record, extras.pointer_kind & 0x0f, 0);
    if (extras.has_size)
        bytes_skip(&record, bytes_uleb(&record));
    entry->own = record;
    return !record.broken && address - entry->start < size;
}

/* ---- the index ---- */

enum { INDEX_VERSION = 1, INDEX_NUMBER = 0x03, INDEX_ROW = 0x3b };

struct index_row {
    int32_t start, entry; /* from the index on */
};

/* Rows, and how many of them; NULL: it has no table, or one of another form. */
static const struct index_row *index_rows(const struct unwind_file *file, size_t *count)
{
    struct bytes bytes = bytes_at(file, file->index);
    unsigned version = (unsigned)bytes_fixed(&bytes, 1);
    unsigned frames_kind = (unsigned)bytes_fixed(&bytes, 1);
    unsigned count_kind = (unsigned)bytes_fixed(&bytes, 1);
    unsigned row_kind = (unsigned)bytes_fixed(&bytes, 1);
    if (version != INDEX_VERSION || count_kind != INDEX_NUMBER || row_kind != INDEX_ROW)
        return NULL;
    if (frames_kind != POINTER_NONE)
        bytes_pointer(&bytes, frames_kind, file->index);
    *count = (size_t)bytes_fixed(&bytes, 4);
    struct bytes rows = bytes_part(&bytes, *count * sizeof(struct index_row));
    return rows.broken || *count == 0 ? NULL : (const struct index_row *)rows.at;
}

bool cairn__unwind_entry_of(const struct unwind_file *file, uintptr_t address,
                            struct unwind_entry *entry)
{
    size_t count;
    const struct index_row *rows = index_rows(file, &count);
    intptr_t wanted = (intptr_t)(address - file->index);
    if (rows == NULL || wanted < rows[0].start)
        return false;
    size_t low = 0, high = count; /* rows[low].start <= wanted < rows[high].start */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].start <= wanted)
            low = middle;
        else
            high = middle;
    }
    entry->base = file->index;
    return read_entry(file, file->index + (uintptr_t)(intptr_t)rows[low].entry, address, entry);
}
