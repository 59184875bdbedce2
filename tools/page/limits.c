/* SPDX-License-Identifier: MIT */
/* Limits for recordings: see limits.h. A row of the table is all that another one needs. */
#define _GNU_SOURCE
#include "page/limits.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"
#include "page/terminal.h"

static const struct {
    const char *name, *unit, *says;
} known[LIMITED] = {
    [LIMITED_LEAK] = {"leak", "bytes", "never freed"},
    [LIMITED_PEAK] = {"peak", "bytes", "at the peak"},
    [LIMITED_BYTES] = {"bytes", "bytes", "allocated in all"},
    [LIMITED_BLOCKS] = {"allocs", "count", "allocations"},
    [LIMITED_TEMPORARY] = {"temporary", "percent", "of all blocks temporary"},
};

/* 64M, 1.5G, 1000, 50%: the number, with binary prefixes for bytes and decimal ones for counts. */
static bool read_amount(const char *text, const char *unit, double *amount)
{
    static const char prefixes[] = "KMGT";
    double base = strcmp(unit, "bytes") == 0 ? 1024 : 1000;
    char *end;

    *amount = strtod(text, &end);
    if (end == text || !(*amount >= 0))
        return false;
    bool is_percent = strcmp(unit, "percent") == 0;
    const char *prefix = *end && !is_percent ? strchr(prefixes, *end & ~0x20) : NULL;
    if (prefix && *end++)
        for (const char *at = prefixes; at <= prefix; at++)
            *amount *= base;
    if (strcmp(unit, "bytes") == 0) {
        end += *end == 'i' && prefix;
        end += *end == 'B';
    } else if (is_percent) {
        end += *end == '%';
    }
    return !*end;
}

static bool add_word(struct limits *limits, const char *word)
{
    const char *names[LIMITED + 1];
    size_t length = strcspn(word, ">");
    enum limited what;
    double most = 0;

    for (what = 0; what < LIMITED; what++) {
        names[what] = known[what].name;
        if (strlen(names[what]) == length && strncmp(names[what], word, length) == 0)
            break;
    }
    if (what == LIMITED) {
        names[LIMITED] = NULL;
        char *name = memory_format("%.*s", (int)length, word);
        const char *nearest = message_nearest(name, names);
        if (nearest)
            message("--fail-on: no limit for '%s' (did you mean %s?)", name, nearest);
        else
            message("--fail-on: no limit for '%s' (leak, peak, bytes, allocs or temporary)", name);
        free(name);
        return false;
    }
    if (!word[length] && what != LIMITED_LEAK) {
        message("--fail-on %s: more than what? (as in %s>%s)", word, word,
                strcmp(known[what].unit, "bytes") == 0 ? "64M" : "50");
        return false;
    }
    if (word[length] && !read_amount(word + length + 1, known[what].unit, &most)) {
        message("--fail-on %s: '%s' is no amount", word, word + length + 1);
        return false;
    }
    limits->list = memory_resize(limits->list, limits->count + 1, sizeof *limits->list);
    limits->list[limits->count++] = (struct limit){
        .what = what, .most = most, .words = memory_copy(word)};
    return true;
}

bool limits_add(struct limits *limits, const char *words)
{
    char *copy = memory_copy(words), *rest = copy, *word;
    bool good = true, any = false;

    while (good && (word = strsep(&rest, ","))) {
        any = true;
        good = add_word(limits, word);
    }
    free(copy);
    return good && any;
}

void limits_fini(struct limits *limits)
{
    for (size_t i = 0; i < limits->count; i++)
        free(limits->list[i].words);
    free(limits->list);
    *limits = (struct limits){0};
}

bool limits_hold(const struct limits *limits, const char *path, const double values[LIMITED])
{
    bool hold = true;

    for (size_t i = 0; i < limits->count; i++) {
        const struct limit *limit = &limits->list[i];
        double value = values[limit->what];
        if (value <= limit->most)
            continue;
        char *has = document_number(value, known[limit->what].unit);
        char *most = document_number(limit->most, known[limit->what].unit);
        message("%s: %s %s, more than %s (--fail-on '%s')", path, has, known[limit->what].says,
                most, limit->words);
        free(has);
        free(most);
        hold = false;
    }
    return hold;
}
