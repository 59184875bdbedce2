#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The products export cairn_* and, where they replace malloc, what malloc-symbols.txt lists; nothing
# else. In the shared libraries cairn_* carry a version and the malloc family none (ld.so passes over
# a versioned malloc under LD_PRELOAD). Looks at build/lib, if it is there.

cd "$(dirname "$0")/../.." || exit 2

# Prints `FILE name[@@VERSION]` for each symbol that others can bind to.
exports() {
    for file in build/lib/libcairn.so build/lib/libcairn-malloc.so build/lib/libcairn-stack.so \
        build/lib/libcairn-record.so; do
        [ -e "$file" ] && nm -D --defined-only "$file" | awk -v f="$file" '$2 != "A" { print f, $3 }'
    done
    file=build/lib/cairn-malloc.o
    [ -e "$file" ] && nm -g --defined-only "$file" | awk -v f="$file" '{ print f, $3 }'
}

exports | awk '
NR == FNR {
    if ($1 ~ /^#/ || NF == 0) next
    if ($1 ~ /\*$/) prefix[substr($1, 1, length($1) - 1)] = 1
    else listed[$1] = 1
    next
}

function allowed(name,   p) {
    if (name in listed) return 1
    for (p in prefix) if (index(name, p) == 1) return 1
    return 0
}

{
    file = $1
    split($2, part, /@+/)
    name = part[1]
    version = part[2]
    ours = name ~ /^cairn_/ && name !~ /^cairn__/
    if (!ours && !(file ~ /malloc|stack|record/ && allowed(name))) complaint = "exports " name
    else if (file ~ /\.so$/ && ours && version !~ /^CAIRN_/) complaint = name " has no version"
    else if (!ours && version != "") complaint = name " has a version: " version
    else next
    printf "%s:1: %s\n", file, complaint
    bad = 1
}

END { exit bad }
' scripts/lint/malloc-symbols.txt -
