/* SPDX-License-Identifier: MIT */
/*
 * See option.h. The sources are gone through twice: first to set values, then, when the values in
 * effect are known, to say what was not understood. Neither allocates, and nothing keeps a pointer
 * into the environment: programs overwrite theirs.
 */
#include "base/option.h"

#include <string.h>

#include "base/near.h"

/* A program that defines it sets options by it. */
extern const char *cairn_conf __attribute__((weak, visibility("default")));

enum kind { SIZE, DURATION, SWITCH, COUNT, CHOICE, TEXT };

enum source { BUILT_IN, BY_SYMBOL, BY_CONF, BY_VARIABLE, BY_CALL };
static const char *const source_names[] = {
    "built in",  "from the symbol cairn_conf", "from CAIRN_CONF", "from the environment",
    "set since",
};

#define PREFIX "CAIRN_"

static const struct row {
    const char *variable;
    enum kind kind;
    size_t least;
    size_t greatest;
    const char *unit;
} rows[OPTION_COUNT] = {
#define OPTION(name, kind, initial, least, greatest, unit, text)                                   \
    {PREFIX #name, kind, least, greatest, unit},
#include "base/option.def"
#undef OPTION
};

/* Variables that begin with CAIRN_ and are not ours to understand. Those of tests, too: TEST*. */
static const char *const others[] = {"CONF",    "RUN_FILE",    "LIB",  "STACK",
                                     "LIB_DIR", "INCLUDE_DIR", "LINK", "INSTALLED"};

static SEALED struct setting {
    size_t value;
    enum source source;
} settings[OPTION_COUNT] = {
#define OPTION(name, kind, initial, least, greatest, unit, text) {initial, BUILT_IN},
#include "base/option.def"
#undef OPTION
};

/* A line an option, most of them never touched. */
static SEALED char texts[OPTION_COUNT][OPTION_TEXT_SIZE];

size_t cairn__option(enum option option)
{
    return settings[option].value;
}

const char *cairn__option_text(enum option option)
{
    return texts[option];
}

size_t cairn__option_kept(size_t most)
{
    size_t delay = cairn__option(OPTION_PURGE_DELAY);
    return delay == 0 ? 0 : delay == OPTION_NEVER ? SIZE_MAX : most;
}

const char *cairn__option_variable(enum option option)
{
    return rows[option].variable;
}

/* ---- values from text ---- */

/* The number that the text begins with; *rest is what follows it. */
static bool parse_number(struct word text, size_t *value, struct word *rest)
{
    size_t number = 0;
    size_t at = 0;
    for (; at < text.length && text.data[at] >= '0' && text.data[at] <= '9'; at++)
        if (__builtin_mul_overflow(number, (size_t)10, &number) ||
            __builtin_add_overflow(number, (size_t)(text.data[at] - '0'), &number))
            return false;
    *value = number;
    *rest = word_from(text, at);
    return at > 0;
}

/* The shift of a suffix, or -1: "", "K", "KB", "KiB" and so on. */
static int shift_of(struct word suffix)
{
    static const char *const letters[] = {"K", "M", "G", "T"};
    if (suffix.length == 0)
        return 0;
    for (int i = 0; i < 4; i++)
        if (cairn__word_begins(suffix, letters[i])) {
            struct word rest = word_from(suffix, 1);
            bool known = rest.length == 0 || cairn__word_is(rest, "B") ||
                         cairn__word_is(rest, "iB");
            return known ? 10 * (i + 1) : -1;
        }
    return -1;
}

bool cairn__parse_size(struct word text, size_t *value)
{
    struct word suffix;
    size_t number;
    if (!parse_number(text, &number, &suffix))
        return false;
    int shift = shift_of(suffix);
    if (shift < 0 || number > SIZE_MAX >> shift)
        return false;
    *value = number << shift;
    return true;
}

static bool parse_duration(struct word text, size_t *value)
{
    static const struct {
        const char *name;
        size_t milliseconds;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    if (cairn__word_is(text, "-1") || cairn__word_is(text, "never")) {
        *value = OPTION_NEVER;
        return true;
    }
    struct word unit;
    size_t number;
    if (!parse_number(text, &number, &unit))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (cairn__word_is(unit, units[i].name))
            return !__builtin_mul_overflow(number, units[i].milliseconds, value) &&
                   *value != OPTION_NEVER;
    return false;
}

static bool parse_switch(struct word text, size_t *value)
{
    static const char *const words[][4] = {{"0", "no", "off", "false"}, {"1", "yes", "on", "true"}};
    for (size_t meaning = 0; meaning < 2; meaning++)
        for (int i = 0; i < 4; i++)
            if (cairn__word_is(text, words[meaning][i])) {
                *value = meaning;
                return true;
            }
    return false;
}

/* The index-th word of a choice; of length 0 beyond the last. */
static struct word choice_word(const char *words, size_t index)
{
    struct word rest = cairn__word(words);
    for (; index > 0 && rest.length > 0; index--) {
        size_t end = cairn__word_find(rest, ' ');
        rest = word_from(rest, end < rest.length ? end + 1 : end);
    }
    rest.length = cairn__word_find(rest, ' ');
    return rest;
}

static bool parse_choice(struct word text, const struct row *row, size_t *value)
{
    for (size_t i = 0; i <= row->greatest; i++)
        if (cairn__word_equal(text, choice_word(row->unit, i))) {
            *value = i;
            return true;
        }
    return false;
}

static bool parse(const struct row *row, struct word text, size_t *value)
{
    struct word rest;
    switch (row->kind) {
    case SIZE:
        return cairn__parse_size(text, value);
    case DURATION:
        return parse_duration(text, value);
    case SWITCH:
        return parse_switch(text, value);
    case COUNT:
        return parse_number(text, value, &rest) && rest.length == 0;
    case CHOICE:
        return parse_choice(text, row, value);
    case TEXT:
        *value = text.length;
        return true;
    }
    return false;
}

enum verdict { GOOD, NONSENSE, TOO_SMALL, TOO_GREAT };

static enum verdict judge(const struct row *row, struct word text, size_t *value)
{
    if (!parse(row, text, value))
        return NONSENSE;
    if (row->kind == DURATION && *value == OPTION_NEVER)
        return GOOD;
    return *value < row->least ? TOO_SMALL : *value > row->greatest ? TOO_GREAT : GOOD;
}

static bool set(enum option option, struct word text, enum source source)
{
    size_t value = 0;
    if (judge(&rows[option], text, &value) != GOOD)
        return false;
    if (rows[option].kind == TEXT) {
        memcpy(texts[option], text.data, text.length);
        texts[option][text.length] = '\0';
    }
    settings[option] = (struct setting){value, source};
    return true;
}

bool cairn__option_set(enum option option, const char *text)
{
    return set(option, cairn__word(text), BY_CALL);
}

/* ---- text from values ---- */

/* In the largest unit that shows it exactly. */
static void put_size(struct text *line, size_t bytes)
{
    static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
    int unit = 0;
    for (; bytes != 0 && bytes % 1024 == 0 && unit < 4; unit++)
        bytes /= 1024;
    cairn__text_uint(line, bytes);
    cairn__text_put(line, units[unit]);
}

static void put_duration(struct text *line, size_t milliseconds)
{
    if (milliseconds == OPTION_NEVER) {
        cairn__text_put(line, "never");
        return;
    }
    bool seconds = milliseconds % 1000 == 0 && milliseconds != 0;
    cairn__text_uint(line, seconds ? milliseconds / 1000 : milliseconds);
    cairn__text_put(line, seconds ? " s" : " ms");
}

/* Somebody's text, as much of it as fits into a line and can be shown. */
static void put_foreign(struct text *line, struct word text)
{
    enum { SHOWN_MAX = 64 };
    for (size_t i = 0; i < text.length && i < SHOWN_MAX; i++) {
        bool shown = text.data[i] >= ' ' && text.data[i] <= '~';
        cairn__text_bytes(line, shown ? &text.data[i] : "?", 1);
    }
    if (text.length > SHOWN_MAX)
        cairn__text_put(line, "...");
}

static void put_value(struct text *line, const struct row *row, size_t value, const char *text)
{
    struct word word;
    switch (row->kind) {
    case SIZE:
        put_size(line, value);
        break;
    case DURATION:
        put_duration(line, value);
        break;
    case SWITCH:
    case COUNT:
        cairn__text_uint(line, value);
        break;
    case CHOICE:
        word = choice_word(row->unit, value);
        cairn__text_bytes(line, word.data, word.length);
        break;
    case TEXT:
        put_foreign(line, cairn__word(*text != '\0' ? text : "none"));
        break;
    }
}

static void put_effective(struct text *line, enum option option)
{
    put_value(line, &rows[option], settings[option].value, texts[option]);
}

void cairn__option_describe(enum option option, struct text *line)
{
    cairn__text_put(line, rows[option].variable);
    cairn__text_put(line, "=");
    put_effective(line, option);
    cairn__text_put(line, " (");
    cairn__text_put(line, source_names[settings[option].source]);
    cairn__text_put(line, ")");
}

/* ---- going through the sources ---- */

/* name: without CAIRN_. value.data NULL: there is none. */
typedef void visitor(void *context, enum source source, struct word name, struct word value);

static struct word without_spaces(struct word word)
{
    while (word.length > 0 && word.data[0] == ' ')
        word = word_from(word, 1);
    while (word.length > 0 && word.data[word.length - 1] == ' ')
        word.length--;
    return word;
}

static void visit_conf(const char *conf, enum source source, visitor *visit, void *context)
{
    struct word rest = cairn__word(conf);
    while (rest.length > 0) {
        size_t end = cairn__word_find(rest, ',');
        struct word item = without_spaces((struct word){rest.data, end});
        rest = word_from(rest, end < rest.length ? end + 1 : end);
        size_t colon = cairn__word_find(item, ':');
        if (colon < item.length)
            visit(context, source, (struct word){item.data, colon}, word_from(item, colon + 1));
        else if (item.length > 0)
            visit(context, source, item, (struct word){NULL, 0});
    }
}

static bool is_exactly(struct word name, const char *string)
{
    return name.length == strlen(string) && memcmp(name.data, string, name.length) == 0;
}

static bool is_others(struct word name)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (is_exactly(name, others[i]))
            return true;
    return name.length >= 4 && memcmp(name.data, "TEST", 4) == 0;
}

static const char *find_conf(const char *const *environment)
{
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, PREFIX "CONF=", strlen(PREFIX "CONF=")) == 0)
            return *environment + strlen(PREFIX "CONF=");
    return "";
}

static void visit_all(const char *const *environment, visitor *visit, void *context)
{
    static const char *const empty[] = {NULL};
    if (&cairn_conf != NULL && cairn_conf != NULL)
        visit_conf(cairn_conf, BY_SYMBOL, visit, context);
    if (environment == NULL)
        environment = empty;
    visit_conf(find_conf(environment), BY_CONF, visit, context);
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, PREFIX, strlen(PREFIX)) != 0)
            continue;
        struct word entry = word_from(cairn__word(*environment), strlen(PREFIX));
        size_t equals = cairn__word_find(entry, '=');
        struct word name = {entry.data, equals};
        if (equals < entry.length && !is_others(name))
            visit(context, BY_VARIABLE, name, word_from(entry, equals + 1));
    }
}

/* Keys in either case; but a variable is spelt as it is spelt. */
static enum option find_option(struct word name, enum source source)
{
    enum option option = 0;
    for (; option < OPTION_COUNT; option++) {
        const char *known = rows[option].variable + strlen(PREFIX);
        if (source == BY_VARIABLE ? is_exactly(name, known) : cairn__word_is(name, known))
            break;
    }
    return option;
}

/* The option whose name is so near that it may have been meant. */
static enum option find_near(struct word name)
{
    enum option best = OPTION_COUNT;
    unsigned least = NEAR_MAX;
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        struct word known = cairn__word(rows[option].variable + strlen(PREFIX));
        unsigned distance = cairn__word_distance(name, known);
        if (distance <= 1 + known.length / 4 && distance < least) {
            least = distance;
            best = option;
        }
    }
    return best;
}

static void apply(void *context, enum source source, struct word name, struct word value)
{
    (void)context;
    enum option option = find_option(name, source);
    /* Of two variables of one name the first counts, as for getenv. */
    bool taken = source == BY_VARIABLE && option < OPTION_COUNT &&
                 settings[option].source == BY_VARIABLE;
    if (option < OPTION_COUNT && value.data != NULL && !taken)
        set(option, value, source);
}

/* ---- complaints ---- */

struct complaints {
    void (*say)(const char *bytes, size_t count);
    unsigned count;
};

static void put_source(struct text *line, enum source source)
{
    cairn__text_put(line, source == BY_SYMBOL ? "cairn_conf" : "CAIRN_CONF");
}

/* A name as it stands in its source. */
static void put_known(struct text *line, enum option option, enum source source)
{
    if (source == BY_VARIABLE) {
        cairn__text_put(line, rows[option].variable);
        return;
    }
    for (const char *at = rows[option].variable + strlen(PREFIX); *at != '\0'; at++) {
        char letter = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
        cairn__text_bytes(line, &letter, 1);
    }
}

static void put_unknown(struct text *line, enum source source, struct word name)
{
    cairn__text_put(line, source == BY_VARIABLE ? "unknown option " PREFIX : "unknown option ");
    put_foreign(line, name);
    if (source != BY_VARIABLE) {
        cairn__text_put(line, " in ");
        put_source(line, source);
    }
    enum option near = find_near(name);
    if (near < OPTION_COUNT) {
        cairn__text_put(line, " (did you mean ");
        put_known(line, near, source);
        cairn__text_put(line, "?)");
    }
}

static void put_wrong(struct text *line, const struct row *row, enum verdict verdict)
{
    static const char *const nouns[] = {
        [SIZE] = "is not a size",    [DURATION] = "is not a duration", [SWITCH] = "is not 0 or 1",
        [COUNT] = "is not a number", [CHOICE] = "is none of: ",
    };
    if (verdict == NONSENSE) {
        cairn__text_put(line, nouns[row->kind]);
        if (row->kind == CHOICE)
            cairn__text_put(line, row->unit);
    } else if (row->kind == TEXT) {
        cairn__text_put(line, "is too long");
    } else {
        cairn__text_put(line, verdict == TOO_SMALL ? "is below " : "is above ");
        put_value(line, row, verdict == TOO_SMALL ? row->least : row->greatest, "");
    }
}

static void put_bad(struct text *line, enum source source, enum option option, struct word value,
                    enum verdict verdict)
{
    put_known(line, option, source);
    if (source != BY_VARIABLE) {
        cairn__text_put(line, " in ");
        put_source(line, source);
    }
    cairn__text_put(line, ": '");
    put_foreign(line, value);
    cairn__text_put(line, "' ");
    put_wrong(line, &rows[option], verdict);
    cairn__text_put(line, "; using ");
    put_effective(line, option);
}

static void complain(void *context, enum source source, struct word name, struct word value)
{
    struct complaints *complaints = context;
    size_t ignored;
    enum verdict verdict = GOOD;
    enum option option = find_option(name, source);
    if (value.data != NULL && option < OPTION_COUNT)
        verdict = judge(&rows[option], value, &ignored);
    if (value.data != NULL && option < OPTION_COUNT && verdict == GOOD)
        return;

    TEXT_LINE(line);
    cairn__text_put(&line, "cairn: ");
    if (value.data == NULL) {
        put_source(&line, source);
        cairn__text_put(&line, ": '");
        put_foreign(&line, name);
        cairn__text_put(&line, "' is not key:value");
    } else if (option == OPTION_COUNT) {
        put_unknown(&line, source, name);
    } else {
        put_bad(&line, source, option, value, verdict);
    }
    cairn__text_put(&line, "\n");
    complaints->say(line.data, line.length);
    complaints->count++;
}

unsigned cairn__options_read(const char *const *environment,
                             void (*say)(const char *bytes, size_t count))
{
    struct complaints complaints = {say, 0};
    visit_all(environment, apply, NULL);
    visit_all(environment, complain, &complaints);
    return complaints.count;
}
