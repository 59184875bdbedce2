/* SPDX-License-Identifier: MIT */
/* Figures that programs tell of themselves: see own_figures.h. */
#include "bench/own_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"
#include "text.h"

static const struct unit {
    const char *end; /* of the key */
    const char *unit;
    double factor;
    const char *better;
} units[] = {
    {"_ns", "nanoseconds", 1, "less"},        {"_us", "seconds", 1e-6, "less"},
    {"_ms", "seconds", 1e-3, "less"},         {"_bytes", "bytes", 1, "less"},
    {"_per_second", "operations", 1, "more"}, {"_per_live", "ratio", 1, "less"},
    {"speedup", "ratio", 1, "more"},
};

static const struct unit *unit_of(const char *key)
{
    size_t length = strlen(key);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t end = strlen(units[i].end);
        if (length >= end && strcmp(key + length - end, units[i].end) == 0)
            return &units[i];
    }
    return NULL;
}

bool own_figure_next(const char **at, char key[OWN_KEY], double *value)
{
    while (**at) {
        const char *word = *at + strspn(*at, " ");
        size_t length = strcspn(word, " "), name = strcspn(word, "= ");
        char *end;

        *at = word + length;
        if (name == 0 || name >= OWN_KEY || word[name] != '=')
            continue;
        *value = strtod(word + name + 1, &end);
        if (end != word + length || end == word + name + 1 || !isfinite(*value))
            continue;
        memcpy(key, word, name);
        key[name] = '\0';
        return true;
    }
    return false;
}

double own_figure_of(const char *line, const char *key)
{
    char found[OWN_KEY];
    double value;

    while (own_figure_next(&line, found, &value))
        if (strcmp(found, key) == 0)
            return value;
    return NAN;
}

const char *own_figure_better(const char *key)
{
    const struct unit *unit = unit_of(key);
    return unit ? unit->better : NULL;
}

const char *own_figure_unit(const char *key, double *factor)
{
    const struct unit *unit = unit_of(key);
    *factor = unit ? unit->factor : 1;
    return unit ? unit->unit : "";
}

char *own_figure_name(const char *key)
{
    const struct unit *unit = unit_of(key);
    size_t length = strlen(key);

    if (unit && unit->factor < 1)
        length -= strlen(unit->end);
    else if (unit && (strcmp(unit->end, "_ns") == 0 || strcmp(unit->end, "_bytes") == 0))
        length -= strlen(unit->end);
    char *name = memory_format("%.*s", (int)length, key);
    for (char *at = name; *at; at++)
        if (*at == '_')
            *at = ' ';
    return name;
}

/* Three digits: times of single calls differ by less than whole microseconds. */
static char *duration_text(double nanoseconds)
{
    const char *names[] = {"ns", text_signs()->microseconds, "ms", "s"};
    size_t i = 0;

    for (; i < 3 && nanoseconds >= 999.5; i++)
        nanoseconds /= 1000;
    int decimals = nanoseconds < 9.995 ? 2 : nanoseconds < 99.95 ? 1 : 0;
    return memory_format("%.*f %s", decimals, nanoseconds, names[i]);
}

char *own_figure_text(const char *key, double value)
{
    const struct unit *unit = unit_of(key);
    char out[TEXT_SHORT];

    if (!isfinite(value))
        return memory_copy("-");
    if (!unit || strcmp(unit->unit, "ratio") == 0)
        return value == floor(value) && fabs(value) < 1e6 ? memory_format("%.0f", value)
                                                          : memory_format("%.2f", value);
    if (strcmp(unit->unit, "bytes") == 0)
        return memory_copy(text_bytes(out, value));
    if (strcmp(unit->unit, "nanoseconds") == 0)
        return duration_text(value);
    if (strcmp(unit->unit, "seconds") == 0)
        return duration_text(value * unit->factor * 1e9);
    if (value >= 1e6)
        return memory_format("%.*f M/s", value < 1e7 ? 2 : value < 1e8 ? 1 : 0, value / 1e6);
    if (value >= 1e4)
        return memory_format("%.*f k/s", value < 1e5 ? 1 : 0, value / 1e3);
    return memory_format("%.0f /s", value);
}
