#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `cairn bench` from outside: each workload by itself, with all of its blocks verified; the table, the
# CSV and the JSON of small runs, which must agree with each other; and what it must refuse or survive.
#
#   bench.sh CAIRN LIB FOLDER     the command, the library to preload, and the suite's files
#
# Prints `ok name`, `not ok name` (with what was seen) or `skip name` for each test, and at the end
# the sums. Exit code 1 if one failed.

set -u

cairn=$(realpath -- "${1:?usage: bench.sh CAIRN LIB FOLDER}")
lib=$(realpath -- "${2:?usage: bench.sh CAIRN LIB FOLDER}")
folder=$(realpath -- "${3:?usage: bench.sh CAIRN LIB FOLDER}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
cd "$tmp" || exit 2

export CAIRN_LIB=$lib CAIRN_BENCH=$folder TMPDIR=$tmp/temporary LC_ALL=C
unset LD_PRELOAD CAIRN_RUN_FILE NO_COLOR CLICOLOR_FORCE COLUMNS
mkdir "$TMPDIR"

# shellcheck source=lib.sh
. "$here/lib.sh"

bench() { "$cairn" bench "$@"; }

# small ARGUMENT...: two workloads that are over in no time, under the system's allocator and Cairn.
small=large:pairs=300,cells:repeat=2
small() { bench --allocators system,cairn --only "$small" --rounds 3 "$@"; }

# --- the workloads -------------------------------------------------------------------------------

for workload in "$folder"/*; do
    [ -f "$workload" ] || continue
    short=$(basename "$workload")
    expect "workload $short" 0 -- "$workload" --check
    expect "workload $short on Cairn" 0 -- env LD_PRELOAD="$lib" "$workload" --check
    expect "workload $short: help" 0 "out:--short" -- "$workload" --help
    expect "workload $short: unknown parameter" 2 "err:'nosuch=1' is no parameter" \
        -- "$workload" nosuch=1
done

# An allocator that puts small blocks into the middle of larger ones must not get through.
name="workloads notice blocks within blocks"
if "${CC:-cc}" -shared -fPIC -O1 -x c - -o overlapping.so 2>/dev/null <<'END'; then
#include <stddef.h>
#include <string.h>
static _Alignas(64) char room[64 << 20];
static size_t used;
static char *inside;
void *malloc(size_t size)
{
    char *at = inside;
    if (!inside || size > 140) {
        used = (used + 63) / 64 * 64 + 16;
        at = room + used;
        used += size;
        if (size >= 256 && size <= 400)
            inside = at + 96;
    } else {
        inside = NULL;
    }
    if (used >= sizeof room)
        return NULL;
    memcpy(at - 16, &size, sizeof size);
    return at;
}
void free(void *block) { (void)block; }
void *calloc(size_t n, size_t size) { return malloc(n * size); }
void *realloc(void *block, size_t size)
{
    size_t old = 0;
    if (block)
        memcpy(&old, (char *)block - 16, sizeof old);
    void *moved = malloc(size);
    if (moved && block)
        memcpy(moved, block, old < size ? old : size);
    return moved;
}
END
    see env LD_PRELOAD="$tmp/overlapping.so" "$folder/replace" --check
    if [ "$code" = 3 ] && grep -q 'does not hold what was written' err; then
        ok
    else
        not_ok "exit code 3 expected"
    fi
else
    skip "no compiler"
fi

# --- what there is -------------------------------------------------------------------------------

expect "list" 0 "out:^cells +workload +1 thread" "out:^redis +program" "out:^latency" \
    -- bench --list
name="list: each program has its file, and a row in the docs"
see bench --list
missing=$(awk '$2 == "workload" { print $1 }' out | while read -r row; do
    [ -x "$folder/$row" ] || echo "$row"
done)
scripts=$(awk '$2 == "program" { print $1 }' out | while read -r row; do
    [ -x "$folder/programs/$row.sh" ] || echo "$row"
done)
docs=$(awk '{ print $1 }' out | while read -r row; do
    grep -q "^| $row | .*\.\( |\|$\)" "$here/../../docs/bench.md" || echo "$row"
done)
if [ -z "$missing$scripts$docs" ]; then ok; else not_ok "no files: $missing $scripts; no docs: $docs"; fi
expect "help" 0 "out:^Example:  cairn bench" -- bench --help
name="help fits a screen"
if [ "$(wc -l <out)" -le 40 ]; then ok; else not_ok "too long"; fi

# --- a small run, three ways ---------------------------------------------------------------------

expect "table" 0 "out:^large: blocks of" "out:^allocator +wall +time" "out:^cells: small objects" \
    "out:^program +system +cairn" "out:^mean +1.00/1.00 +[0-9.]+/[0-9.]+$" "out:rounds: 3 to 3" \
    "no-out:left out" -- small --csv runs.csv
expect "json" 0 -- small --json --csv again.csv -o suite.json -f
expect "files are not overwritten" 125 "err:runs.csv" -- small --csv runs.csv
expect "unless asked" 0 -- small --csv runs.csv -f

cat >judge.py <<'END'
import csv, json, math, statistics, sys
lines = open("again.csv").read().splitlines()
assert lines[0].startswith("# cairn bench --allocators system,cairn"), lines[0]
assert lines[1].startswith("# Linux") and "processors" in lines[1], lines[1]
runs = list(csv.DictReader(lines[2:]))
assert len(runs) == 2 * 2 * 3, len(runs)
suite = json.load(open("suite.json"))
assert suite["schema"] == "cairn.bench" and suite["version"] == 1
assert suite["command"][:2] == ["cairn", "bench"], suite["command"]
assert suite["peers"] == ["system"]
names = [program["name"] for program in suite["programs"]]
assert names == ["large", "cells"], names

def raw(program, allocator, key):
    return [float(run[key]) for run in runs
            if run["program"] == program and run["allocator"] == allocator]

def near(a, b):
    assert math.isclose(a, b, rel_tol=1e-3), (a, b)  # times in the CSV are whole microseconds

means = {"time_ratio": [], "memory_ratio": []}
for program in suite["programs"]:
    assert program["state"] == "measured" and program["rounds"] == 3
    for entry in program["allocators"]:
        who = (program["name"], entry["name"])
        for key, column in (("wall_seconds", "wall_seconds"), ("peak_rss_bytes", "peak_rss_bytes")):
            values = raw(*who, column)
            near(entry[key]["median"], statistics.median(values))
            near(entry[key]["low"], min(values))
            near(entry[key]["high"], max(values))
        for key, column in (("time_ratio", "wall_seconds"), ("memory_ratio", "peak_rss_bytes")):
            ours, theirs = raw(*who, column), raw(program["name"], "system", column)
            near(entry[key]["median"], statistics.median(a / b for a, b in zip(ours, theirs)))
            if entry["name"] == "cairn":
                means[key].append(entry[key]["median"])
    if program["name"] == "large":
        told = [dict(pair.split("=") for pair in run["figures"].split()) for run in runs
                if run["program"] == "large" and run["allocator"] == "cairn"]
        entry = [e for e in program["allocators"] if e["name"] == "cairn"][0]
        near(entry["figures"]["pair_ns"]["median"],
             statistics.median(float(one["pair_ns"]) for one in told))
table = [s for s in suite["sections"] if s["title"] == "Means over all programs"][0]
row = [r for r in table["rows"] if r[0] == "cairn"][0]
near(row[1], math.exp(sum(map(math.log, means["time_ratio"])) / 2))
near(row[2], math.exp(sum(map(math.log, means["memory_ratio"])) / 2))
for section in suite["sections"]:
    if section["kind"] == "table":
        for row in section["rows"]:
            assert len(row) == len(section["columns"]), section["title"]
    if section["kind"] == "bars":
        assert section["categories"] == names
        for series in section["series"]:
            assert len(series["values"]) == len(series["low"]) == len(series["high"]) == 2
END
check "CSV and JSON agree, and ratios are what they say" python3 judge.py

expect "latency" 0 "out:^malloc +p50 +p90 +p99 +p99.9 +p99.99 +worst" "out:^free +p50" \
    "no-out:^program " -- bench --only latency:pairs=2000:live=50 --rounds 1 \
    --allocators system,cairn
expect "--latency means its row" 0 "out:^latency: " "no-out:^cells" \
    -- bench --latency --quick --rounds 1 --allocators system
expect "--table" 0 "out:^by which people choose" "out:^fragmentation +[0-9]" \
    "out:^footprint +[0-9.]+ [KM]iB" "no-out:^cells" \
    -- bench --table --quick --rounds 1 --allocators system

# --- recorded traces -----------------------------------------------------------------------------

mkdir -p suite/traces
for file in "$folder"/*; do
    [ "$(basename "$file")" = traces ] || ln -s "$file" suite/
done
printf '%s\n' 'cairn trace 1' '@process 0 parent=0 pid=100 command="tiny"' \
    '@thread 0 process=0 tid=100' '1 0 0 alloc 0x10 100' '2 0 0 alloc 0x20 200' '3 0 0 free 0x10' \
    >suite/traces/tiny.text
echo 'how tiny was made' >suite/traces/README.md
expect "traces are listed, and only they" 0 "out:^replay-tiny +replay" "no-out:README" \
    -- env CAIRN_BENCH="$tmp/suite" "$cairn" bench --list
if "$cairn" replay --help >/dev/null 2>&1; then
    expect "a trace is replayed" 0 "out:^replay-tiny: .*; 2 rounds" "out:^cairn +[0-9.]+ .s" \
        -- env CAIRN_BENCH="$tmp/suite" "$cairn" bench --only replay-tiny --rounds 2 \
        --allocators system,cairn
    expect "a trace is replayed without Cairn" 0 "out:^replay-tiny: .*; 1 round" \
        -- env CAIRN_BENCH="$tmp/suite" "$cairn" bench --only replay-tiny --rounds 1 \
        --allocators system
    echo 'nonsense' >suite/traces/tiny.text
    expect "a trace that cannot be read is named" 1 "out:^replay-tiny failed: .* it said: cairn: " \
        -- env CAIRN_BENCH="$tmp/suite" "$cairn" bench --only replay-tiny --rounds 1 \
        --allocators system
else
    expect "without the verb, traces are named" 1 "out:^replay-tiny failed: .*no verb 'replay'" \
        -- env CAIRN_BENCH="$tmp/suite" "$cairn" bench --only replay-tiny --rounds 1 \
        --allocators system
fi

# --- real programs -------------------------------------------------------------------------------

expect "real programs are measured or named" 0 "out:^(sqlite3: a shop|sqlite3 left out)" \
    "out:^(redis: redis-server|redis left out)" "out:^(web: a threaded|web left out)" \
    -- bench --only sqlite3,redis,web --quick --rounds 1 --allocators cairn

name="a server does not outlive a command that is killed"
if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
    "$cairn" bench --only redis --allocators system --rounds 1 >out 2>err </dev/null &
    runner=$!
    server=
    for _ in $(seq 200); do
        server=$(pgrep -P "$runner" redis-server) && break
        sleep 0.02
    done
    kill -KILL "$runner"
    wait "$runner" 2>/dev/null
    gone=no
    for _ in $(seq 100); do
        [ -n "$server" ] && ! kill -0 "$server" 2>/dev/null && gone=yes && break
        sleep 0.02
    done
    if [ "$gone" = yes ]; then ok; else not_ok "redis-server ($server) lives on"; fi
    rm -rf "${TMPDIR:?}"/cairn-bench-*
else
    skip "no redis-server"
fi

# --- what goes wrong -----------------------------------------------------------------------------

expect "unknown program" 125 "err:no program 'cell' is in the suite \(did you mean cells\?\)" \
    -- bench --only cell
expect "no program" 125 "err:--only names no program" -- bench --only ,
expect "a program twice" 125 "err:names cells twice" -- bench --only cells,cells
expect "unknown option" 125 "err:did you mean --quick" -- bench --quik
expect "nonsense rounds" 125 "err:--rounds is a number from 1" -- bench --rounds 0
expect "an argument" 125 "err:what is 'cells'" -- bench cells
expect "unknown allocator" 125 "err:no allocator 'cairm' is known \(did you mean cairn" \
    -- bench --allocators cairm
expect "no files" 125 "err:files of the suite are not at /nowhere" \
    -- env CAIRN_BENCH=/nowhere "$cairn" bench --only cells
expect "already preloaded" 125 "err:LD_PRELOAD loads cairn already" \
    -- env LD_PRELOAD="$lib" "$cairn" bench --only cells
expect "a program that is not here is named" 0 "out:^gs left out: there is no gs" \
    "out:^cells: " -- env PATH="$tmp/empty" "$cairn" bench --only gs,cells:repeat=1 --rounds 1 \
    --allocators system
expect "a parameter that is not there: the workload is named, the others go on" 1 \
    "out:^large failed: exit code 2 under every allocator; it said: .*'nosuch=1' is no parameter" \
    "out:^cells: " -- bench --only large:nosuch=1,cells:repeat=1 --rounds 1 --allocators system

name="an allocator that crashes is a row"
if "${CC:-cc}" -shared -fPIC -O1 -x c - -o crashing.so 2>/dev/null <<'END'; then
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
extern char *program_invocation_short_name;
void *malloc(size_t size)
{
    static void *(*next)(size_t);
    if (!next)
        next = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    if (size > 100000 && program_invocation_short_name &&
        strcmp(program_invocation_short_name, "large") == 0)
        raise(SIGSEGV);
    return next(size);
}
END
    expect "$name, and not the end" 1 "out:^crashing +failed +-" "out:^system +[0-9.]+ .s" \
        "out:^large failed under crashing \(SIGSEGV" "out:^cells: " \
        -- small --allocators system,crashing=$tmp/crashing.so
else
    skip "no compiler"
fi

name="interrupted: what has been measured is shown"
"$cairn" bench --allocators system --only cells:repeat=1,phases:phases=100000 --rounds 1 \
    >out 2>err </dev/null &
runner=$!
for _ in $(seq 100); do
    pgrep -P "$runner" -x phases >/dev/null && break
    sleep 0.05
done
kill -INT "$runner"
wait "$runner"
code=$?
if [ "$code" = 130 ] && grep -q '^cells: ' out && grep -q 'interrupted by SIGINT' out; then
    ok
else
    not_ok "exit code 130 and a table expected"
fi

name="nothing is left behind"
if [ -z "$(ls -A "$TMPDIR")" ]; then ok; else not_ok "in TMPDIR: $(ls -A "$TMPDIR")"; fi

finish
