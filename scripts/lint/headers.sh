#!/bin/sh
# SPDX-License-Identifier: MIT
# Every header compiles alone, without a warning; public headers also as C++.

cd "$(dirname "$0")/../.." || exit 2

# compile_one LANGUAGE STANDARD HEADER: says nothing, or what the compiler says.
# shellcheck disable=SC2016 # the inner shell expands these
compile_one='
    said=$(echo "#include \"$2\"" |
        gcc -fsyntax-only -x "$0" -std="$1" -Isrc -Iinclude -Itools -Wall -Wextra -Wundef -Werror - 2>&1) ||
        echo "$said" | grep -E ": (fatal )?error:"'

{
    scripts/list-files.sh 'src/*.h' 'include/*.h' 'tools/*.h' | sed 's/^/c gnu17 /'
    scripts/list-files.sh 'include/*.h' 'include/*.hpp' | sed 's/^/c++ c++17 /'
} | xargs -r -n 3 -P "$(nproc)" sh -c "$compile_one" | { ! grep . ; }
