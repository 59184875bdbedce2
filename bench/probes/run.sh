#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Probes of time and memory, each one figure, under several allocators side by side.
# usage: [ROUNDS=n] [PROBES="name ..."] run.sh [name=library.so ...]
# An allocator named here is added to the usual ones, or replaces the one of that name: cairn (from
# build/lib), glibc, and whichever of jemalloc, mimalloc and tcmalloc-minimal is installed. In each of
# ROUNDS rounds (5, under four minutes; 1 for a quick look) every probe runs once under every
# allocator, each time in a new process; a figure is the median of the rounds. A busy machine spoils
# times, but not memory. A `-` is a program that failed or took longer than a minute; the exit status
# is 1 then, but not for a limit that is passed. The last column is Cairn's limit, if there is one; those
# of times are of a fast machine: compare them with the best of the others in the same run.
#
#   handover   One thread allocates blocks of 64 bytes, another one frees them; they are handed over
#              4096 at a time through a ring of 8 such batches. CPU time of both threads together, so
#              that waiting does not count, per block; mean of 8 million.
#   rebuild    main allocates and writes 2^20 blocks of 16..271 bytes; while it waits, another thread
#              frees them and builds as many anew. Peak RSS, 8 MiB of it the probe's own.
#   idle       400 threads with stacks of 64 KiB each allocate and write 64 blocks of 32, 64, ... 2048
#              bytes, and wait. RSS then.
#   bursts     8 threads, one after the other, each allocate and write 80 MiB of small blocks, free
#              them and end. RSS 1.5 s after the last, without a call in between.
#   return     main allocates and writes 518 MiB of blocks of 16 bytes to 64 KiB, and frees them. RSS
#              2 s later, without a call in between, in percent of the peak.
#   thread     A thread is started, allocates 64 blocks, frees them, and is joined. Wall clock, mean of
#              1000, the fastest of 5 such series.
#   hello      Peak RSS of a program that allocates 100 bytes and prints a line; median of 31 starts.
#   touch      8 MiB are allocated, a byte in each 4 KiB is written, and they are freed. Wall clock,
#              mean of 20, the fastest of 10 such series.
#   large      One of 32 blocks of 128 KiB to 1.1 MiB, at random, is freed and replaced by one of
#              another size, whose first byte is written. Wall clock, mean of 200,000, the fastest of 5.
#   pair       300,000 bytes are allocated, the first is written, and they are freed, with nothing else
#              in use. Wall clock, mean of 200,000, the fastest of 5.
#   idle-more  2000 threads each allocate and write 20 blocks of 24, 48, ... 480 bytes (5040 together),
#              and wait. By how much RSS has grown, less what lies in their stacks; per thread.
#   lives      20,000 threads, one after the other, each allocate 64 blocks and free 60; main frees the
#              others 100 threads later. By how much RSS has grown since the first 1000.
#
# MB are MiB. RSS is that of the whole process.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/build/bench
rounds=${ROUNDS:-5}
starts=31
unset LD_PRELOAD

fail() {
    echo "bench-probes: $*" >&2
    exit 1
}

case $rounds in *[!0-9]* | 0) fail "ROUNDS is a number from 1 on, not '$rounds'" ;; esac
mkdir -p "$work"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cat >"$scratch/all" <<'END'
handover|64 bytes, freed by another thread: CPU ns|5
rebuild|160 MB rebuilt by another thread: peak MB|175
idle|400 idle threads, 64 sizes each: MB|56
bursts|8 threads of 80 MB, 1.5 s after: MB|10
return|518 MB freed, 2 s after: % of peak|5
thread|thread start, 64 allocations, exit: us|18
hello|hello: peak MB|1.4
touch|8 MiB allocated, touched, freed: us|20
large|replace in 32 of 128 KiB..1.1 MiB: ns|18
pair|pair of 300,000 bytes: ns|
idle-more|2000 idle threads: bytes each, but stack|
lives|20,000 threads in turn: growth in KiB|256
END
for probe in ${PROBES:-$(cut -d '|' -f 1 "$scratch/all")}; do
    grep "^$probe|" "$scratch/all" || fail "no such probe: $probe"
done >"$scratch/probes"

"${CC:-cc}" -O2 -Wall -Wextra -fno-builtin -pthread -o "$work/probes" "$here/probes.c"

# Runs the program: library, probe.
run() {
    timeout --foreground -k 5 60 env LD_PRELOAD="$1" "$work/probes" "$2" </dev/null 2>"$scratch/said"
}

# Whether ld.so takes the library: the program has nothing to do but end.
loads() {
    [ -e "$1" ] || return 1
    run "$1" none >"$scratch/figure" || true
    ! grep -q 'cannot be preloaded' "$scratch/said"
}

# Adds an allocator or replaces the one of that name: name, library.
put() {
    awk -F'|' -v OFS='|' -v name="$1" -v library="$2" '
        $1 == name { $2 = library; found = 1 }
        { print }
        END { if (!found) print name, library }' "$scratch/allocators" >"$scratch/changed"
    mv "$scratch/changed" "$scratch/allocators"
}

# The first installed library of that name: pattern.
installed() {
    for folder in /usr/local/lib /usr/local/lib/*-linux-* /usr/lib/*-linux-* /lib/*-linux-* \
        /usr/lib /lib /usr/lib64 /usr/local/lib64; do
        for library in "$folder"/$1; do
            if loads "$library"; then
                echo "$library"
                return
            fi
        done
    done
}

: >"$scratch/allocators"
put cairn "$root/build/lib/libcairn-malloc.so"
put glibc ""
for name in jemalloc mimalloc tcmalloc-minimal; do
    library=$(installed "lib$(echo "$name" | tr - _).so*")
    [ -z "$library" ] || put "$name" "$library"
done
for spec in "$@"; do
    case $spec in *=*) name=${spec%%=*} library=${spec#*=} ;; *) name=$(basename "$spec") library=$spec ;; esac
    case $library in /*) ;; *) library=$PWD/$library ;; esac
    case $name in '' | *[!A-Za-z0-9._+-]*) fail "not a name for an allocator: '$name'" ;; esac
    case $library in *[\ :\|]*) fail "LD_PRELOAD cannot hold a path with a space or a colon: $library" ;; esac
    put "$name" "$library"
done
while IFS='|' read -r name library; do
    [ -z "$library" ] || loads "$library" || fail "no library that can be preloaded: $library"
done <"$scratch/allocators"

# The figure of one run, or of several starts their median: library, probe.
figure() {
    times=1
    [ "$2" = hello ] && times=$starts
    : >"$scratch/figures-of-starts"
    while [ "$times" -gt 0 ]; do
        run "$1" "$2" >"$scratch/figure" || return
        tail -n 1 "$scratch/figure" >>"$scratch/figures-of-starts"
        times=$((times - 1))
    done
    sort -n "$scratch/figures-of-starts" | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# What has failed once is not run again.
failed=0
: >"$scratch/figures"
round=1
while [ "$round" -le "$rounds" ]; do
    [ -t 2 ] && echo "bench-probes: round $round of $rounds" >&2
    while IFS='|' read -r probe _; do
        while IFS='|' read -r name library; do
            grep -qx "$probe $name -" "$scratch/figures" && continue
            status=0
            value=$(figure "$library" "$probe") || status=$?
            case $status$value in 0 | 0*[!0-9.-]*) status="no figure" ;; esac
            if [ "$status" != 0 ]; then
                value=-
                failed=1
                case $status in 124) status=timeout ;; [0-9]*) status="exit status $status" ;; esac
                echo "bench-probes: $probe failed under $name: $status $(tail -n 1 "$scratch/said")" >&2
            fi
            echo "$probe $name $value" >>"$scratch/figures"
        done <"$scratch/allocators"
    done <"$scratch/probes"
    round=$((round + 1))
done

awk -F'|' '
function median(list,   value, n, i, j, swap, decimals) {
    n = split(list, value, " ")
    for (i = 1; i <= n; i++) {
        if (value[i] == "-") return "-"
        for (j = i; j > 1 && value[j - 1] + 0 > value[j] + 0; j--) {
            swap = value[j]
            value[j] = value[j - 1]
            value[j - 1] = swap
        }
    }
    if (n % 2) return value[(n + 1) / 2]
    decimals = index(value[1], ".") ? length(value[1]) - index(value[1], ".") : 0
    return sprintf("%." decimals "f", (value[n / 2] + value[n / 2 + 1]) / 2)
}

function width(name) { return length(name) > 8 ? length(name) : 8 }

FILENAME ~ /allocators$/ { allocator[++allocators] = $1; next }
FILENAME ~ /figures$/ {
    split($0, word, " ")
    figures[word[1], word[2]] = figures[word[1], word[2]] " " word[3]
    next
}

FNR == 1 {
    printf "%-42s", ""
    for (i = 1; i <= allocators; i++) printf "  %" width(allocator[i]) "s", allocator[i]
    print "   limit"
}
{
    line = sprintf("%-42s", $2)
    for (i = 1; i <= allocators; i++)
        line = line sprintf("  %" width(allocator[i]) "s", median(figures[$1, allocator[i]]))
    line = line sprintf("  %6s", $3)
    sub(/ +$/, "", line)
    print line
}' "$scratch/allocators" "$scratch/figures" "$scratch/probes"
exit $failed
