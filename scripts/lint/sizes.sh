#!/bin/sh
# SPDX-License-Identifier: MIT
# Files stay small: sources at most 800 lines, internal headers and C++ ones, which hold code, 250,
# public headers of C (include/) 180.

cd "$(dirname "$0")/../.." || exit 2

scripts/list-files.sh '*.c' '*.h' '*.cpp' '*.hpp' '*.rs' | while IFS= read -r file; do
    case $file in
    include/*.h) limit=180 ;;
    *.h | *.hpp) limit=250 ;;
    *) limit=800 ;;
    esac
    lines=$(wc -l <"$file")
    [ "$lines" -gt "$limit" ] && echo "$file:$lines: $lines lines, at most $limit allowed"
done | { ! grep . ; }
