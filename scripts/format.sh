#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Lays out the C and C++ sources with clang-format 14; other versions lay out differently. Usage:
# scripts/format.sh [--check]; --check changes nothing and reports each file that would change.

cd "$(dirname "$0")/.." || exit 2

for clang_format in clang-format-14 clang-format none; do
    "$clang_format" --version 2>/dev/null | grep -q 'version 14\.' && break
done
if [ "$clang_format" = none ]; then
    echo "format: skipped, clang-format 14 is not installed"
    [ "${1-}" = --check ]
    exit
fi

sources() { scripts/list-files.sh '*.c' '*.h' '*.cpp' '*.hpp'; }

if [ "${1-}" != --check ]; then
    sources | xargs -r -n 8 -P "$(nproc)" "$clang_format" -i
    exit
fi

# check_one CLANG_FORMAT FILE: the places that differ start with a line number in diff's output.
# shellcheck disable=SC2016 # the inner shell expands these
check_one='"$0" "$1" | diff "$1" - | awk -v file="$1" "
    /^[0-9]/ { if (!places++) first = \$0 + 0 }
    END { if (places) print file \":\" first \": make format would change this\" (places > 1 ? \" and more below\" : \"\") }"'

sources | xargs -r -n 1 -P "$(nproc)" sh -c "$check_one" "$clang_format" | sort | { ! grep . ; }
