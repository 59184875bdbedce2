#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes docs/options.md from src/base/option.def. Usage: scripts/options-doc.sh [--check | --manual];
# --check changes nothing, and fails if the file is not what would be made; --manual prints the source of
# cairn-options(7), for scdoc.

cd "$(dirname "$0")/.." || exit 2

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The table's own values, read by the compiler that builds the library from them.
cat >"$folder/rows.c" <<'END'
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/option.h"

static void put_word(const char *words, size_t index)
{
    for (; index > 0; index--)
        words = strchr(words, ' ') + 1;
    printf("%.*s", (int)strcspn(words, " "), words);
}

static void put_number(const char *kind, size_t value, const char *unit)
{
    static const char *const units[] = {"", "K", "M", "G", "T"};
    int step = 0;
    if (strcmp(kind, "TEXT") == 0) {
        printf("none");
    } else if (strcmp(kind, "CHOICE") == 0) {
        put_word(unit, value);
    } else if (strcmp(kind, "SIZE") == 0) {
        for (; value != 0 && value % 1024 == 0 && step < 4; step++)
            value /= 1024;
        printf("%zu%s", value, units[step]);
    } else if (strcmp(kind, "DURATION") == 0) {
        bool hours = value != 0 && value % 3600000 == 0;
        printf("%zu%s", hours ? value / 3600000 : value, hours ? "h" : value == 0 ? "" : "ms");
    } else {
        printf("%zu", value);
    }
}

static void put_values(const char *kind, size_t least, size_t greatest, const char *unit)
{
    if (strcmp(kind, "SWITCH") == 0) {
        printf("0, 1");
    } else if (strcmp(kind, "TEXT") == 0) {
        printf("a %s of up to %zu bytes", unit, greatest);
    } else if (strcmp(kind, "CHOICE") == 0) {
        for (size_t i = 0; i <= greatest; i++) {
            printf(i > 0 ? ", " : "");
            put_word(unit, i);
        }
    } else {
        put_number(kind, least, unit);
        printf(" to ");
        put_number(kind, greatest, unit);
        printf(strcmp(kind, "DURATION") == 0 ? ", -1" : "");
    }
}

static void put_row(const char *name, const char *kind, size_t initial, size_t least,
                    size_t greatest, const char *unit, const char *text)
{
    printf("| `CAIRN_%s` | `", name);
    for (; *name != '\0'; name++)
        putchar(tolower((unsigned char)*name));
    printf("` | ");
    put_number(kind, initial, unit);
    printf(" | ");
    put_values(kind, least, greatest, unit);
    printf(" | %s |\n", text);
}

static void put_entry(const char *name, const char *kind, size_t initial, size_t least,
                      size_t greatest, const char *unit, const char *text)
{
    printf("*CAIRN_%s*\n\t", name);
    for (; *text != '\0'; text++)
        printf(strchr("_*", *text) != NULL ? "\\%c" : "%c", *text);
    printf("++\nValues: ");
    put_values(kind, least, greatest, unit);
    printf("; default: ");
    put_number(kind, initial, unit);
    printf(".\n\n");
}

int main(int count, char **words)
{
    (void)words;
#define OPTION(name, kind, initial, least, greatest, unit, text)                                   \
    (count > 1 ? put_entry : put_row)(#name, #kind, initial, least, greatest, unit, text);
#include "base/option.def"
    return 0;
}
END
"${CC:-cc}" -std=gnu17 -Isrc -o "$folder/rows" "$folder/rows.c" || exit 2

if [ "${1-}" = --manual ]; then
    cat <<'END'
cairn-options(7)

# NAME

cairn-options - options of Cairn's malloc

# DESCRIPTION

An option has a value from the first of these that names it:

- its variable in the environment: *CAIRN_PURGE_DELAY=10s*
- *CAIRN_CONF*, with the names in lower case: *CAIRN_CONF=purge_delay:10s,stats:exit*
- the symbol *cairn_conf*, of the same form, which a program may define: *cairn_malloc*(3)
- what is built in

Options are read once, at the first allocation. No file is read. Programs that run set-user-id pay no
heed to their environment.

Sizes are bytes, or 64K, 64KiB, 2M, 1G, 1T, in powers of 1024. Durations are 500ms, 10s, 2m, 1h, a bare
number is milliseconds, and -1 or never is never. Switches are 1 or 0, also yes, on, true, no, off,
false. Case does not matter. A comma ends a value in *CAIRN_CONF*.

A name that is not known, or a value that makes no sense, is said in a line on standard error, with the
nearest name, and the option keeps the value from its next source.

# OPTIONS

END
    "$folder/rows" manual
    cat <<'END'
# SEE ALSO

*cairn*(1), *cairn-run*(1), *cairn*(3), *cairn_stats*(3)
END
    exit
fi

{
    cat <<'END'
# Options

<!-- Made from src/base/option.def by scripts/options-doc.sh: change it there. -->

An option has a value from the first of these that names it:

1. its variable in the environment: `CAIRN_PURGE_DELAY=10s`
2. `CAIRN_CONF`, with the options' keys: `CAIRN_CONF=purge_delay:10s,stats:exit`
3. the symbol `cairn_conf`, of the same form, which a program may define: `const char *cairn_conf = "purge_delay:10s";`
4. what is built in

Options are read once, at the first allocation. No file is read. Programs that run set-user-id pay no heed to their environment.

Sizes are bytes, or `64K`, `64KiB`, `2M`, `1G`, `1T`, in powers of 1024. Durations are `500ms`, `10s`, `2m`, `1h`, a bare number is milliseconds, and `-1` or `never` is never. Switches are `1` or `0`, also `yes`, `on`, `true`, `no`, `off`, `false`. Case does not matter in values and keys. A comma ends a value in `CAIRN_CONF`.

A name that is not known, or a value that makes no sense, is said in a line on stderr, and the option keeps the value from its next source; with `CAIRN_STRICT=1` the process aborts:

```sh run
$ CAIRN_PURGE_DELY=10s CAIRN_WINDOW=abc cairn run --quiet true
cairn: CAIRN_WINDOW: 'abc' is not a size; using 256 GiB
cairn: unknown option CAIRN_PURGE_DELY (did you mean CAIRN_PURGE_DELAY?)
```

`CAIRN_VERBOSE=1` shows each option's value in effect and where it came from. Where Cairn is the malloc, it also names the options of other allocators that are set, and what is like them here; `cairn run` does so in its report ([migration.md](migration.md)).

| variable | key | default | values | meaning |
|---|---|---|---|---|
END
    "$folder/rows"
    cat <<'END'

`CAIRN_RUN_FILE` and `CAIRN_LIB` are no options but messages between Cairn's own programs; names that begin with `CAIRN_TEST` are those of tests.
END
} >"$folder/options.md"

if [ "${1-}" = --check ]; then
    cmp -s "$folder/options.md" docs/options.md && exit
    echo "docs/options.md:1: not what scripts/options-doc.sh makes of src/base/option.def"
    exit 1
fi
cp "$folder/options.md" docs/options.md
