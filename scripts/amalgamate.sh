#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Writes the whole library as one C file and one header, to be put into another program's sources:
# cairn.c and cairn.h, in the folder given, or in build/amalgamation (docs/amalgamation.md).
# The same sources always give the same files. Needs a shell and awk; amalgamate.awk does the work.
#
#   scripts/amalgamate.sh [FOLDER]
#   scripts/amalgamate.sh --sources    the sources that go into it, one a line

set -eu
LC_ALL=C
export LC_ALL
folder=${1-build/amalgamation}
case $folder in /* | --sources) ;; *) folder=$PWD/$folder ;; esac
cd "$(dirname "$0")/.."

# The files of a room, in the order that src/FLOORS gives it, those it does not name behind.
sources_of() {
    for name in $(sed -n "s/^$1: //p" src/FLOORS); do
        [ ! -e "src/$1/$name.c" ] || echo "src/$1/$name.c"
    done
    for file in src/"$1"/*.c; do
        sed -n "s/^$1: / /p" src/FLOORS | grep -q " $(basename "$file" .c)\( \|\$\)" || echo "$file"
    done
}

# Not in it: the malloc that runs on a stack named in the environment, a library of its own.
sources=$(for room in base os core watch kit entry; do sources_of "$room"; done | grep -v '/stack_libc\.c$')
[ "$folder" != --sources ] || { echo "$sources"; exit; }

# What needs neither an operating system nor a C library.
free=$(scripts/freestanding.sh --sources)
headers="include/cairn.h $(ls include/cairn/*.h)"

mkdir -p "$folder"
work=$(mktemp -d "$folder/tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC2086 # lists of words
awk -f scripts/amalgamate.awk -v free="$free" -v headers="$headers" -v sources="$sources" \
    -v header_out="$work/cairn.h" -v source_out="$work/cairn.c" </dev/null
mv "$work/cairn.h" "$work/cairn.c" "$folder"
