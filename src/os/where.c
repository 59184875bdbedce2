/* SPDX-License-Identifier: MIT */
/*
 * See where.h. A line is "start-end rwxp offset device inode   name", with hexadecimal addresses. The
 * mappings of a file follow each other; the first of them begins where the file does.
 */
#include "os/where.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct line {
    uintptr_t number[2]; /* start, end */
    unsigned field;      /* 0 start, 1 end, 2 permissions, ..., 6 the name */
    bool blank;          /* the byte before was one */
    size_t length;       /* of the name */
    char name[WHERE_NAME_SIZE];
};

enum { NAME_FIELD = 6 };

static void add_to_name(struct line *line, char byte)
{
    if (line->length == WHERE_NAME_SIZE - 1) {
        memmove(line->name, line->name + 1, line->length - 1);
        line->length--;
    }
    line->name[line->length++] = byte;
    line->name[line->length] = '\0';
}

static uintptr_t digit_of(char byte)
{
    return (uintptr_t)(byte <= '9' ? byte - '0' : byte - 'a' + 10);
}

/* True at the end of a line. */
static bool read_byte(struct line *line, char byte)
{
    if (byte == '\n')
        return true;
    bool parts = byte == ' ' || (byte == '-' && line->field == 0);
    if (line->field == NAME_FIELD && (line->length != 0 || !parts))
        add_to_name(line, byte);
    else if (parts && !line->blank)
        line->field++;
    else if (line->field < 2)
        line->number[line->field] = line->number[line->field] << 4 | digit_of(byte);
    line->blank = parts;
    return false;
}

/* base: where the file of this line begins. */
static void match(const struct line *line, uintptr_t base, const uintptr_t *addresses,
                  struct where *found, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (addresses[i] >= line->number[0] && addresses[i] < line->number[1]) {
            found[i].offset = addresses[i] - base;
            memcpy(found[i].name, line->name, line->length + 1);
        }
}

static void read_lines(int file, const uintptr_t *addresses, struct where *found, size_t count)
{
    char bytes[512], last[WHERE_NAME_SIZE] = "";
    struct line line = {.length = 0};
    uintptr_t base = 0;
    ssize_t length;
    while ((length = read(file, bytes, sizeof bytes)) > 0 || (length < 0 && errno == EINTR))
        for (ssize_t i = 0; i < length; i++) {
            if (!read_byte(&line, bytes[i]))
                continue;
            if (strcmp(last, line.name) != 0 || line.length == 0)
                base = line.number[0];
            memcpy(last, line.name, sizeof last);
            match(&line, base, addresses, found, count);
            line = (struct line){.length = 0};
        }
}

void cairn__os_where(const uintptr_t *addresses, struct where *found, size_t count)
{
    int saved = errno;
    for (size_t i = 0; i < count; i++)
        found[i] = (struct where){.offset = 0};
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        read_lines(file, addresses, found, count);
        close(file);
    }
    errno = saved;
}
