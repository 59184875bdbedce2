/* SPDX-License-Identifier: MIT */
/* Figures and commands for people: see text.h. */
#define _GNU_SOURCE
#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_memory.h"

static bool has_utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

const struct text_signs *text_signs(void)
{
    static const struct text_signs utf8 = {"×", "±", "…", "µs"};
    static const struct text_signs ascii = {"x", "+-", "...", "us"};

    return has_utf8_locale() ? &utf8 : &ascii;
}

/* Three significant digits, at most two of them behind the point. */
static int decimals(double value)
{
    return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

char *text_bytes(char out[TEXT_SHORT], double bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(out, TEXT_SHORT, "%.0f B", bytes);
        return out;
    }
    for (bytes /= 1024; bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1024;
    int places = decimals(bytes);
    snprintf(out, TEXT_SHORT, "%.*f %s", places > 1 ? 1 : places, bytes, units[unit]);
    return out;
}

char *text_seconds(char out[TEXT_SHORT], double seconds)
{
    if (seconds < 0.0009995)
        snprintf(out, TEXT_SHORT, "%.0f %s", seconds * 1e6, text_signs()->microseconds);
    else if (seconds < 0.9995)
        snprintf(out, TEXT_SHORT, "%.*f ms", decimals(seconds * 1e3), seconds * 1e3);
    else if (seconds < 599.5)
        snprintf(out, TEXT_SHORT, "%.*f s", decimals(seconds), seconds);
    else
        snprintf(out, TEXT_SHORT, "%.0f min %02.0f s", floor(round(seconds) / 60),
                 fmod(round(seconds), 60));
    return out;
}

char *text_count(char out[TEXT_SHORT], double count)
{
    char digits[TEXT_SHORT / 2];
    size_t to = 0;

    if (!(fabs(count) < 1e18)) { /* more than any count: of a document that was written by hand */
        snprintf(out, TEXT_SHORT, "%.3g", count);
        return out;
    }
    int length = snprintf(digits, sizeof digits, "%.0f", count);
    for (int i = 0; i < length && to + 2 < TEXT_SHORT; i++) {
        if (i > 0 && (length - i) % 3 == 0 && isdigit((unsigned char)digits[i - 1]))
            out[to++] = ' ';
        out[to++] = digits[i];
    }
    out[to] = '\0';
    return out;
}

char *text_signal(char out[TEXT_SHORT], int signal)
{
    const char *name = sigabbrev_np(signal);

    if (name)
        snprintf(out, TEXT_SHORT, "SIG%s", name);
    else
        snprintf(out, TEXT_SHORT, "signal %d", signal);
    return out;
}

size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static bool is_plain(unsigned char letter)
{
    return isalnum(letter) || strchr("%+,-./:=@_^", letter) || letter >= 0x80;
}

char *text_quoted(const char *argument)
{
    bool plain = *argument != '\0', control = false;
    for (const char *at = argument; *at; at++) {
        plain = plain && is_plain((unsigned char)*at);
        control = control || iscntrl((unsigned char)*at);
    }
    if (plain)
        return memory_copy(argument);

    /* The longest a letter can become is four: \x1b, or '\'' . */
    char *quoted = memory_take(strlen(argument) * 4 + 4, 1);
    char *to = quoted;
    to += sprintf(to, control ? "$'" : "'");
    for (const char *at = argument; *at; at++) {
        if (control && *at == '\n')
            to += sprintf(to, "\\n");
        else if (iscntrl((unsigned char)*at))
            to += sprintf(to, "\\x%02x", (unsigned char)*at);
        else if (control && (*at == '\'' || *at == '\\'))
            to += sprintf(to, "\\%c", *at);
        else if (*at == '\'')
            to += sprintf(to, "'\\''");
        else
            *to++ = *at;
    }
    sprintf(to, "'");
    return quoted;
}

char *text_command(char *const *argv, size_t columns)
{
    char *line = text_quoted(argv[0]);

    for (size_t i = 1; argv[i]; i++) {
        char *word = text_quoted(argv[i]);
        /* The ellipsis needs its place too, unless this is the last word. */
        size_t width = text_width(line) + 1 + text_width(word) + (argv[i + 1] ? 2 : 0);
        bool fits = columns == 0 || width <= columns;
        char *longer = memory_format("%s %s", line, fits ? word : text_signs()->ellipsis);
        free(word);
        free(line);
        line = longer;
        if (!fits)
            break;
    }
    return line;
}

bool text_make_plain(char *text)
{
    bool changed = false;

    for (char *at = text; *at; at++) {
        bool is_c1 = at[0] == '\xc2' && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xa0;
        if (is_c1)
            at[0] = at[1] = '?';
        else if (((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f)
            *at = '?';
        else
            continue;
        changed = true;
    }
    return changed;
}

void text_make_line(char *text)
{
    text_make_plain(text);
    for (; *text; text++)
        *text = *text == '\n' || *text == '\t' ? ' ' : *text;
}

const char *text_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* How many bytes the character at `at` has, or 0 if it is not well-formed UTF-8 (RFC 3629). */
static size_t utf8_length(const unsigned char *at)
{
    if (at[0] < 0x80)
        return 1;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool beyond = (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f);
    return overlong || beyond ? 0 : length;
}

char *text_utf8(const char *text)
{
    char *valid = memory_take(strlen(text) * 3 + 1, 1);
    char *to = valid;

    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = utf8_length(at);
        if (length == 0) {
            to = stpcpy(to, "\xef\xbf\xbd");
            at++;
        } else {
            memcpy(to, at, length);
            to += length;
            at += length;
        }
    }
    *to = '\0';
    return valid;
}
