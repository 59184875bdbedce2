#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The guided texts speak of what exists: each `path/file.c`, `file.c`, `folder/` and `function()` in
# backticks. Paths are looked up from the root, src/ and include/; build/ and patterns are passed by.

cd "$(dirname "$0")/../.." || exit 2

files=$(mktemp)
words=$(mktemp)
trap 'rm -f "$files" "$words"' EXIT
scripts/list-files.sh >"$files"
grep -E '^(src|include|tools|test|bench)/.*\.(c|h|hpp|cpp|cc)$' "$files" |
    xargs -r grep -ohE '[A-Za-z_][A-Za-z0-9_]* *\(' | tr -d ' (' | sort -u >"$words"

for text in ARCHITECTURE.md docs/life-of-a-block.md; do
    [ -e "$text" ] && echo "$text"
done | xargs -r awk '
function report(what) { printf "%s:%d: %s does not exist\n", FILENAME, FNR, what; bad = 1 }

FILENAME == words { function_name[$1] = 1; next }
FILENAME == files {
    path = $0
    for (;;) {
        known[path] = 1
        if (path ~ /^(src|include)\//) { short = path; sub(/^[a-z]+\//, "", short); known[short] = 1 }
        if (path !~ /\/[^\/]*[^\/]$/ && path !~ /\/[^\/]+\/$/) break
        sub(/[^\/]+\/?$/, "", path)
    }
    sub(/.*\//, "")
    known[$0] = 1
    next
}

{
    n = split($0, part, "`")
    for (i = 2; i < n; i += 2) {
        word = part[i]
        if (word ~ /^[A-Za-z_][A-Za-z0-9_]*\(.*\)$/) {
            sub(/\(.*/, "", word)
            if (!(word in function_name)) report(word "()")
        } else if (word ~ /^build\// || word !~ /^[A-Za-z0-9_.\/-]+$/) {
            continue
        } else if (word ~ /[A-Za-z0-9_]\.(c|h|hpp|cpp|def|map|md|sh|txt|cmake)$/ || word ~ /^[a-z].*\/$/) {
            if (!(word in known)) report(word)
        }
    }
}

END { exit bad }
' files="$files" words="$words" "$files" "$words"
