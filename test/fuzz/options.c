/* SPDX-License-Identifier: MIT */
/*
 * The options' text (base/option.h): the first line is the symbol cairn_conf, each further one a
 * NAME=value of the environment. Whatever it says, each value lies in its range afterwards, and is what
 * the first acceptable variable of its name says, if there is one; each complaint is one line of
 * printable text; and what an option is described by is understood as that option's value.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"

extern const char *cairn_conf;
const char *cairn_conf;

enum kind { SIZE, DURATION, SWITCH, COUNT, CHOICE, TEXT };

static const struct {
    enum kind kind;
    size_t least;
    size_t greatest;
} rows[OPTION_COUNT] = {
#define OPTION(name, kind, initial, least, greatest, unit, text) {kind, least, greatest},
#include "base/option.def"
#undef OPTION
};

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "wrong: %s\n", what);
    abort();
}

/* ---- values as text ---- */

enum { DESCRIBED = 640 };

/* "CAIRN_NAME=4 MiB (built in)" to "4MiB". */
static void value_text(enum option option, char value[DESCRIBED])
{
    char data[DESCRIBED];
    struct text line = {data, sizeof data - 1, 0};
    cairn__option_describe(option, &line);
    data[line.length] = '\0';
    char *begin = strchr(data, '='), *end = strrchr(data, '(');
    require(begin != NULL && end != NULL && end > begin + 1, "a description");
    end[-1] = '\0';
    size_t length = 0;
    for (const char *at = begin + 1; *at != '\0'; at++)
        if (*at != ' ')
            value[length++] = *at;
    bool bytes = rows[option].kind == SIZE && length > 1 && value[length - 1] == 'B' &&
                 value[length - 2] >= '0' && value[length - 2] <= '9';
    value[length - bytes] = '\0';
}

static char initial[OPTION_COUNT][DESCRIBED];

static void set_initial(void)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        const char *text = rows[option].kind == TEXT ? "" : initial[option];
        require(cairn__option_set(option, text), "the value built in is refused");
    }
}

/* ---- what is read ---- */

enum { LINES = 32 };

static const char *environment[LINES + 1];
static unsigned said;

static void say(const char *bytes, size_t count)
{
    require(count > 7 && memcmp(bytes, "cairn: ", 7) == 0, "how a complaint begins");
    require(bytes[count - 1] == '\n', "how a complaint ends");
    for (size_t i = 0; i < count - 1; i++)
        require(bytes[i] >= ' ' && bytes[i] <= '~', "a byte of a complaint");
    said++;
}

static void split(char *text)
{
    cairn_conf = text;
    size_t count = 0;
    for (char *end = strchr(text, '\n'); end != NULL && count < LINES; end = strchr(end, '\n')) {
        *end++ = '\0';
        environment[count++] = end;
    }
    environment[count] = NULL;
}

/* ---- what must hold afterwards ---- */

static size_t values[OPTION_COUNT];
static char texts[OPTION_COUNT][OPTION_TEXT_SIZE];

static void keep(void)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        size_t value = values[option] = cairn__option(option);
        bool in_range = value >= rows[option].least && value <= rows[option].greatest;
        bool never = rows[option].kind == DURATION && value == OPTION_NEVER;
        require(in_range || never, "a value out of range");
        require(strlen(cairn__option_text(option)) < OPTION_TEXT_SIZE, "a text too long");
        strcpy(texts[option], cairn__option_text(option));
    }
}

static void require_kept(enum option option, const char *what)
{
    require(cairn__option(option) == values[option], what);
    require(strcmp(cairn__option_text(option), texts[option]) == 0, what);
}

static void require_described(enum option option)
{
    char text[DESCRIBED];
    value_text(option, text);
    if (rows[option].kind == TEXT)
        return;
    require(cairn__option_set(option, text), "a description is refused");
    require_kept(option, "a description says another value");
}

/* The first variable of the option's name that can be understood. */
static void require_first(enum option option)
{
    const char *name = cairn__option_variable(option);
    size_t length = strlen(name);
    for (const char *const *entry = environment; *entry != NULL; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=' &&
            cairn__option_set(option, *entry + length + 1)) {
            require_kept(option, "not what its variable says");
            return;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    for (enum option option = 0; initial[0][0] == '\0' && option < OPTION_COUNT; option++)
        value_text(OPTION_COUNT - 1 - option, initial[OPTION_COUNT - 1 - option]);
    set_initial();
    char *text = malloc(size + 1);
    memcpy(text, bytes, size);
    text[size] = '\0';
    split(text);
    said = 0;
    require(cairn__options_read(environment, say) == said, "how many complaints there were");
    keep();
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        require_described(option);
        require_first(option);
    }
    free(text);
    return 0;
}
