/* SPDX-License-Identifier: MIT */
/*
 * What is known to be never freed: see suppressions.h. Whether a call is matched is found once a name,
 * not once a stack: a stack is matched if its innermost call is, or the stack of its caller.
 */
#define _GNU_SOURCE
#include "profile/suppressions.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"

struct suppressions {
    char **patterns; /* of fnmatch() */
    size_t count;
};

/*
 * --- the file -----------------------------------------------------------------------------------
 */

static char *trimmed(char *line)
{
    static const char blanks[] = " \t\r\n";

    line += strspn(line, blanks);
    size_t length = strlen(line);
    while (length > 0 && strchr(blanks, line[length - 1]))
        length--;
    line[length] = '\0';
    return line;
}

/* The same as a pattern of fnmatch(), which has other signs and matches whole texts. */
static char *pattern_from(const char *text)
{
    char *pattern = memory_take(2 * strlen(text) + 3, 1), *to = pattern;

    if (*text == '^')
        text++;
    else
        *to++ = '*';
    for (; *text && strcmp(text, "$") != 0; text++) {
        if (strchr("?[]\\", *text))
            *to++ = '\\';
        *to++ = *text;
    }
    if (*text != '$')
        *to++ = '*';
    return pattern;
}

/* False after a message. */
static bool read_line(struct suppressions *suppressions, const char *line, const char *path,
                      unsigned number)
{
    static const char kind[] = "leak:";

    if (*line == '\0' || *line == '#')
        return true;
    if (strncmp(line, kind, sizeof kind - 1) != 0 || line[sizeof kind - 1] == '\0') {
        message("%s:%u: expected leak:PATTERN, not '%s'", path, number, line);
        return false;
    }
    suppressions->patterns = memory_resize(suppressions->patterns, suppressions->count + 1,
                                           sizeof *suppressions->patterns);
    suppressions->patterns[suppressions->count++] = pattern_from(line + sizeof kind - 1);
    return true;
}

struct suppressions *suppressions_read(const char *path)
{
    FILE *file = fopen(path, "re");
    struct suppressions *suppressions = memory_take(1, sizeof *suppressions);
    char *line = NULL;
    size_t room = 0;
    bool good = file != NULL;

    for (unsigned number = 1; good && getline(&line, &room, file) >= 0; number++)
        good = read_line(suppressions, trimmed(line), path, number);
    if (!file || ferror(file)) {
        message("cannot read %s: %s", path, strerror(errno));
        good = false;
    }
    if (file)
        fclose(file);
    free(line);
    if (good)
        return suppressions;
    suppressions_free(suppressions);
    return NULL;
}

void suppressions_free(struct suppressions *suppressions)
{
    if (!suppressions)
        return;
    for (size_t i = 0; i < suppressions->count; i++)
        free(suppressions->patterns[i]);
    free(suppressions->patterns);
    free(suppressions);
}

/*
 * --- matching -----------------------------------------------------------------------------------
 */

static bool matches(const char *pattern, const char *text)
{
    return text && fnmatch(pattern, text, 0) == 0;
}

static bool matches_call(const struct suppressions *suppressions, const struct symbol *symbol)
{
    for (size_t i = 0; i < suppressions->count; i++) {
        const char *pattern = suppressions->patterns[i];
        if (matches(pattern, symbol->module))
            return true;
        for (size_t k = 0; k < symbol->count; k++)
            if (matches(pattern, symbol->calls[k].function) ||
                matches(pattern, symbol->calls[k].file))
                return true;
    }
    return false;
}

void suppressions_apply(const struct suppressions *suppressions, struct profile *profile,
                        struct symbols *symbols)
{
    uint32_t count = trace_nodes(profile->reader);
    enum { UNKNOWN, CLEAN, MATCHED };
    unsigned char *verdicts = memory_take(count, 1);
    uint32_t path_room = 64, *path = memory_take(path_room, sizeof *path);

    for (uint32_t i = 1; i < count; i++) {
        struct profile_sums *sums = &profile->stacks[i];
        uint32_t length = 0, at = i;
        if (sums->live_blocks == 0)
            continue;
        for (; at && verdicts[at] == UNKNOWN; at = trace_node(profile->reader, at).parent) {
            if (length == path_room)
                path = memory_resize(path, path_room *= 2, sizeof *path);
            path[length++] = at;
        }
        unsigned char verdict = at ? verdicts[at] : CLEAN;
        while (length > 0) {
            at = path[--length];
            if (verdict == CLEAN && matches_call(suppressions, symbols_of(symbols, at)))
                verdict = MATCHED;
            verdicts[at] = verdict;
        }
        if (verdict == CLEAN)
            continue;
        profile->suppressed_blocks += sums->live_blocks;
        profile->suppressed_bytes += sums->live_bytes;
        profile->whole.live_blocks -= sums->live_blocks;
        profile->whole.live_bytes -= sums->live_bytes;
        sums->live_blocks = sums->live_bytes = 0;
    }
    free(path);
    free(verdicts);
}
