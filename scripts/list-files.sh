#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Prints the files of this project, tracked or new, but nothing that git ignores. Outside a git
# checkout: all files but those in build/. Usage: scripts/list-files.sh [PATTERN...], such as '*.c'
# or 'src/*.h'; a * matches slashes too.

cd "$(dirname "$0")/.." || exit 2

list() {
    git ls-files --cached --others --exclude-standard 2>/dev/null ||
        find . -name .git -prune -o -path ./build -prune -o -type f -print | sed 's|^\./||'
}

list | LC_ALL=C sort -u | while IFS= read -r file; do
    [ -f "$file" ] || continue
    [ $# -eq 0 ] && echo "$file"
    for pattern in "$@"; do
        # shellcheck disable=SC2254 # the pattern is meant as a pattern
        case $file in $pattern) echo "$file"; break ;; esac
    done
done
