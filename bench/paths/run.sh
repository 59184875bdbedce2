#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Instructions per malloc+free pair, path by path, counted by callgrind: the same on every run.
# usage: run.sh [--check] [name=]library.so ...     (default: our own, from build/lib)
# The straight lines of malloc and free are counted in the library's machine code. --check: exit 1 if
# one of the three figures that have a limit exceeds it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/build/bench
mkdir -p "$work"

check=no
if [ "${1:-}" = --check ]; then
    check=yes
    shift
fi
[ $# -gt 0 ] || set -- "cairn=$root/build/lib/libcairn-malloc.so"

command -v valgrind >/dev/null || { echo "bench-paths: needs valgrind (apt-get install valgrind)" >&2; exit 1; }
"${CC:-cc}" -O2 -Wall -Wextra -fno-builtin -pthread -o "$work/paths" "$here/paths.c"

# Instructions that the whole program executes: library, path, times, real or harness.
count() {
    LD_PRELOAD=$1 valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/paths" "$2" "$3" "$4" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# A pair's cost: the slope between n and 2n, less that of the harness, whose two stand-in functions
# are one instruction each.
pair_cost() {
    n=200000
    real=$(($(count "$1" "$2" $((2 * n)) real) - $(count "$1" "$2" $n real)))
    harness=$(($(count "$1" "$2" $((2 * n)) harness) - $(count "$1" "$2" $n harness)))
    echo "$real $harness $n" | awk '{printf "%.1f", ($1 - $2) / $3 + 2}'
}

# Instructions from a function's entry to its first return, all branches passed by.
straight_line() {
    address=$(nm -D --defined-only "$1" | awk -v name="$2" '{sub(/@.*/, "", $3)} $3 == name {print $1}')
    objdump -d --no-show-raw-insn --start-address="0x$address" "$1" 2>/dev/null |
        awk '/^ +[0-9a-f]+:/ {n++; if ($2 ~ /^ret/) {print n; exit}}'
}

failed=0
# name, figure, limit
show() {
    verdict=
    if [ -n "${3:-}" ]; then
        verdict="limit $3"
        if [ "$(echo "$2 $3" | awk '{print ($1 > $2)}')" = 1 ]; then
            verdict="$verdict EXCEEDED"
            failed=1
        fi
    fi
    printf '  %-46s %8s   %s\n' "$1" "$2" "$verdict"
}

for spec in "$@"; do
    case $spec in *=*) name=${spec%%=*} library=${spec#*=} ;; *) name=$(basename "$spec") library=$spec ;; esac
    [ -e "$library" ] || { echo "bench-paths: no such library: $library" >&2; exit 1; }
    limits=no
    [ "$name" = cairn ] && limits=yes
    echo "$name: instructions ($library)"
    if [ $limits = yes ]; then
        show "malloc, straight line" "$(straight_line "$library" malloc)" 14
        show "free of an own block, straight line" "$(straight_line "$library" free)" 17
        show "pair of 64 bytes" "$(pair_cost "$library" pair)" 31
    else
        show "pair of 64 bytes" "$(pair_cost "$library" pair)"
    fi
    show "pair of 64 bytes, 40 others live" "$(pair_cost "$library" beside)"
    show "32 of 64 bytes, then free all; per pair" "$(pair_cost "$library" batch)"
    show "replace in 4096 of 64 bytes; per pair" "$(pair_cost "$library" replace)"
    show "replace in 4096 of 16..527 bytes; per pair" "$(pair_cost "$library" mixed)"
    show "replace in 2^20 of 16..271 bytes; per pair" "$(pair_cost "$library" million)"
    show "replace in 1024 of 2..31 KiB; per pair" "$(pair_cost "$library" medium)"
    show "replace in 32 of 128 KiB..1.1 MiB; per pair" "$(pair_cost "$library" large)"
    show "64 bytes, freed by another thread; per pair" "$(pair_cost "$library" remote)"
done
if [ $check = yes ] && [ $failed = 1 ]; then
    exit 1
fi
