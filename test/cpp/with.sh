#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds a test of this folder by a compiler, against the library in a folder, and runs it. Usage:
# with.sh LIBRARY_FOLDER GROUP COMPILER [FLAG...]; the group `headers` is all headers, compiled with
# all warnings as errors, `guide` the samples of docs/cpp.md.

set -u
libraries=$1
group=$2
shift 2
cd "$(dirname "$0")/../.." || exit 2

if ! echo '#include <cstddef>' | "$@" -fsyntax-only -x c++ - 2>/dev/null; then
    echo "skip: $*: there is none, or not its standard library"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM HUP
set -- "$@" -Iinclude -Itest/cpp -Wall -Wextra -Wundef -Wshadow -Wpedantic -Werror -pthread

case $group in
headers)
    printf '#include "%s"\n' cairn/cairn.hpp cairn/new_delete.hpp >"$work/headers.cpp"
    "$@" -Wconversion -Wnon-virtual-dtor -fsyntax-only "$work/headers.cpp"
    exit
    ;;
guide)
    # Each sample is a file in itself.
    awk -v folder="$work" '
        /^```/ { inside = /cpp/; if (inside) file = folder "/sample" ++count ".cpp"; next }
        inside { print >file }
        END { exit count == 0 }' docs/cpp.md || exit 1
    for sample in "$work"/sample*.cpp; do
        "$@" -fsyntax-only "$sample" || exit 1
    done
    exit
    ;;
esac

"$@" -fno-builtin "test/cpp/$group.cpp" -o "$work/$group" "-L$libraries" -lcairn "-Wl,-rpath,$libraries" || exit 1
"$work/$group"
