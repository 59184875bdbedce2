#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds a test of this folder by a compiler, against the library in a folder, and runs it. Usage:
# with.sh LIBRARY_FOLDER GROUP COMPILER [FLAG...]; the group `headers` is all headers, compiled with
# all warnings as errors.

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
esac

"$@" -fno-builtin "test/cpp/$group.cpp" -o "$work/$group" "-L$libraries" -lcairn "-Wl,-rpath,$libraries" || exit 1
"$work/$group"
