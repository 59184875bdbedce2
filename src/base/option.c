/* SPDX-License-Identifier: MIT */
/* See option.h. */
#include "base/option.h"

#include <strings.h>

enum kind { SIZE, SWITCH };

struct row {
    const char *variable;
    enum kind kind;
    size_t least;
    size_t greatest;
};

static const struct row rows[OPTION_COUNT] = {
#define OPTION(name, variable, kind, initial, least, greatest, text)                               \
    {variable, kind, least, greatest},
#include "base/option.def"
#undef OPTION
};

static size_t values[OPTION_COUNT] = {
#define OPTION(name, variable, kind, initial, least, greatest, text) initial,
#include "base/option.def"
#undef OPTION
};

size_t cairn__option(enum option option)
{
    return values[option];
}

const char *cairn__option_variable(enum option option)
{
    return rows[option].variable;
}

/* The shift of a suffix, or -1: "", "K", "KB", "KiB" and so on, in any case. */
static int shift_of(const char *suffix)
{
    static const char letters[] = "KMGT";
    if (*suffix == '\0')
        return 0;
    for (int i = 0; letters[i] != '\0'; i++)
        if ((*suffix & ~0x20) == letters[i]) {
            const char *rest = suffix + 1;
            bool known = *rest == '\0' || strcasecmp(rest, "B") == 0 || strcasecmp(rest, "iB") == 0;
            return known ? 10 * (i + 1) : -1;
        }
    return -1;
}

static bool parse_size(const char *text, size_t *value)
{
    size_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, (size_t)10, &number) ||
            __builtin_add_overflow(number, (size_t)(*at - '0'), &number))
            return false;
    int shift = shift_of(at);
    if (at == text || shift < 0 || number > SIZE_MAX >> shift)
        return false;
    *value = number << shift;
    return true;
}

static bool parse_switch(const char *text, size_t *value)
{
    static const char *const words[][4] = {{"0", "no", "off", "false"}, {"1", "yes", "on", "true"}};
    for (size_t meaning = 0; meaning < 2; meaning++)
        for (int i = 0; i < 4; i++)
            if (strcasecmp(text, words[meaning][i]) == 0) {
                *value = meaning;
                return true;
            }
    return false;
}

bool cairn__option_set(enum option option, const char *text)
{
    const struct row *row = &rows[option];
    size_t value = 0;
    bool understood = row->kind == SIZE ? parse_size(text, &value) : parse_switch(text, &value);
    if (!understood || value < row->least || value > row->greatest)
        return false;
    values[option] = value;
    return true;
}
