#!/bin/sh
# SPDX-License-Identifier: MIT
# Every source file names its licence in its first line, scripts in their second.

cd "$(dirname "$0")/../.." || exit 2

scripts/list-files.sh '*.c' '*.h' '*.hpp' '*.cpp' '*.cc' '*.def' '*.map' '*.sh' '*.py' '*.pl' '*.awk' \
    '*.js' '*.sql' '*.cmake' '*.in' '*.rs' '*.toml' '*CMakeLists.txt' Makefile '*/Makefile' .ci/run |
    while IFS= read -r file; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file:1: no SPDX line"
    done | { ! grep . ; }
