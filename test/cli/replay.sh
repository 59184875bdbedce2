#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `cairn replay` from outside: traces of real programs are replayed and counted again, allocators
# that make mistakes are named, bad traces and options are refused in one line.
#
#   replay.sh CAIRN LIB        the command, and libcairn-malloc.so
#
# Prints `ok name`, `not ok name` or `skip name` for each test, and at the end the sums.

# shellcheck disable=SC2016 # what stands in single quotes is for jq

set -u

cairn=$(realpath -- "${1:?usage: replay.sh CAIRN LIB}")
lib=$(realpath -- "${2:?usage: replay.sh CAIRN LIB}")
stack=$(dirname -- "$lib")/libcairn-stack.so
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2

export CAIRN_LIB=$lib TMPDIR=$tmp/temporary LC_ALL=C
unset LD_PRELOAD CAIRN_RUN_FILE CAIRN_STACK CAIRN_REPLAYER NO_COLOR CLICOLOR_FORCE COLUMNS
mkdir "$TMPDIR"

# shellcheck source=lib.sh
. "$here/lib.sh"

# json_is FILE FILTER: the jq filter must give true; without jq only validity is looked at.
json_is() {
    python3 -m json.tool "$1" >/dev/null || return 1
    command -v jq >/dev/null || return 0
    [ "$(jq "$2" "$1")" = true ]
}

quick=(--rounds 1 --checkpoints 25)

# --- programs as they are: every checkpoint against a count of our own ----------------------------

# recorded NAME COMMAND...: NAME.log, of the process that had most to log, and NAME.text.
recorded() {
    local into=$1 largest
    shift
    LD_PRELOAD=$stack CAIRN_STACK="traced:out=$tmp/$into.%p.log(system)" "$@" >/dev/null 2>&1
    largest=$(find . -name "$into.*.log" -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
    [ -n "$largest" ] && mv "$largest" "$into.log" &&
        python3 "$here/replay_count.py" "$into.log" "$into.text"
}

cat >threads.c <<'END'
#include <pthread.h>
#include <stdlib.h>
enum { THREADS = 64, CALLS = 600, PLACES = 500 };
static void *places[PLACES];
static void *run(void *context)
{
    unsigned random = (unsigned)(size_t)context * 7919 + 1;
    for (int i = 0; i < CALLS; i++) {
        random = random * 1103515245 + 12345;
        size_t size = (random >> 8) % 700 + 1;
        void *block = random >> 30 ? malloc(size) : calloc(1, size);
        if ((random >> 9) % 11 == 0)
            block = realloc(block, size * 5);
        if ((random >> 9) % 50 == 0 && posix_memalign(&block, 256, size))
            abort();
        free(__atomic_exchange_n(&places[(random >> 20) % PLACES], block, __ATOMIC_ACQ_REL));
    }
    return NULL;
}
int main(void)
{
    pthread_t threads[THREADS];
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, run, (void *)(i + round * THREADS));
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    return 0;
}
END
cat >source.c <<'END'
#include <stdio.h>
#include <string.h>
static int sum(const char *text, int more) { for (; *text; text++) more += *text; return more; }
int main(int count, char **words) { int all = 0; while (count-- > 0) all = sum(words[count], all);
    printf("%d %zu\n", all, strlen(words[0])); return all & 1; }
END

# replayed NAME: under four allocators.
replayed() {
    if [ ! -s "$1.text" ]; then
        name="replay of $1"
        skip "it could not be recorded here"
        return
    fi
    rm -f "$1.json"
    expect "replay of $1" 0 no-err "out:^(system|cairn|heap|counted).*MiB" -- "$cairn" replay \
        "${quick[@]}" --allocators system,cairn --stack heap --stack 'counted(fit:best)' \
        --json -o "$1.json" "$1.text"
    check "count of $1" python3 "$here/replay_count.py" "$1.log" "$1.text" "$1.json"
}

# A server with threads of its own, under its own benchmark.
serve() {
    redis-server --port 0 --unixsocket "$tmp/redis" --save '' --appendonly no &
    for _ in $(seq 50); do
        [ -S "$tmp/redis" ] && break
        sleep 0.1
    done
    env -u LD_PRELOAD redis-benchmark -s "$tmp/redis" -n 2000 -r 500 -q -t set,lpush,hset
    env -u LD_PRELOAD redis-cli -s "$tmp/redis" shutdown nosave
    wait
}

if python3 -c '' 2>/dev/null; then
    recorded gcc "${CC:-cc}" -O1 -c source.c -o source.o
    recorded python python3 -c 'import json; [json.loads("[1, {\"a\": %d}]" % i) for i in range(2000)]'
    if "${CC:-cc}" -O1 threads.c -o threads -pthread 2>/dev/null; then recorded threads ./threads; fi
    if command -v redis-benchmark >/dev/null; then
        export -f serve
        tmp=$tmp recorded redis bash -c serve
        replayed redis
    fi
    replayed gcc
    replayed python
    replayed threads
fi
if [ ! -s threads.text ]; then
    name=everything
    skip "there is no compiler, or no python3"
    exit 0
fi
# rerun NAME COMMAND...: recorded by `cairn record`, replayed, nothing left out.
rerun() {
    local what=$1
    shift
    "$cairn" record -q -o "$what.czt" "$@" >/dev/null 2>&1
    expect "recorded and replayed: $what" 0 no-err -- "$cairn" replay "${quick[@]}" --json \
        --allocators system,cairn "$what.czt"
    cp out "$what-record.json"
    check "recorded and replayed: $what: nothing left out" json_is "$what-record.json" \
        '.trace | .damage == null and .unknown_frees == 0 and .strange_addresses == 0'
}
if "$cairn" help record >/dev/null 2>&1; then
    rerun threads ./threads
    rerun compiler "${CC:-cc}" -O1 -c source.c -o source.o
fi
expect "strict" 0 "out:^system" -- "$cairn" replay "${quick[@]}" --strict --allocators system threads.text
expect "whole blocks" 0 "out:^cairn" -- "$cairn" replay "${quick[@]}" --check --touch all \
    --allocators system,cairn threads.text
expect "nothing touched" 0 "out:^system" -- "$cairn" replay "${quick[@]}" --touch none \
    --allocators system threads.text
expect "standard input" 0 "out:^system" -- sh -c \
    '"$0" replay --rounds 1 --only memory --allocators system - <threads.text' "$cairn"

# --- what comes out -------------------------------------------------------------------------------

expect "JSON" 0 no-err -- "$cairn" replay "${quick[@]}" --json --allocators system,cairn threads.text
cp out threads.json
check "JSON: schema" json_is threads.json '.schema == "cairn.replay" and .version == 1'
check "JSON: threads" json_is threads.json '.trace.threads == 129 and .trace.replay_threads == 129'
check "JSON: sections" json_is threads.json \
    '[.sections[].kind] | contains(["figures", "table", "bars", "series"])'
check "JSON: peak" json_is threads.json \
    '.trace.most_bytes as $most | all(.allocators[].checkpoints[]; .requested_bytes <= $most)'
check "JSON: the replayer alone" json_is threads.json '.replayer_alone.runs | length == 1'
expect "CSV" 0 no-err "out:^# cairn replay" "out:^allocator,pass,round" "out:^system,time,1," \
    "out:^system,memory,1," -- "$cairn" replay "${quick[@]}" --csv --allocators system threads.text
cp out threads.csv
check "CSV: columns" awk -F, '!/^#/ && NF != 14 { exit 1 } END { exit NR < 20 }' threads.csv
expect "time only" 0 "out:^system.* - +- +-$" -- "$cairn" replay --rounds 2 --only time \
    --allocators system threads.text
expect "memory only" 0 "out:^system +- +- +- +[0-9]" -- "$cairn" replay --only memory \
    --allocators system threads.text
expect "help" 0 "out:^Example:" no-err -- "$cairn" replay --help
check "help: a screen" test "$(wc -l <out)" -le 32
check "nothing is left behind" test -z "$(ls "$TMPDIR")"

# --- traces made by hand --------------------------------------------------------------------------

printf 'cairn trace 1\nalloc 0x10 100\nfree 0x99\nfree 0x10\nfree 0x10\nalloc 0x20 5\nalloc 0x20 6\n' \
    >disorder.text
expect "a free before its allocation" 0 "out:^2 frees of blocks .* left out" \
    "out:^1 address was given out twice" -- "$cairn" replay "${quick[@]}" --allocators system disorder.text
head -c 20000 threads.text >cut.text
expect "cut short" 0 "err:replayed up to there" "out:^the trace is " -- "$cairn" replay \
    "${quick[@]}" --allocators system cut.text
{ head -1000 threads.text; echo '77 what is this'; tail -n +1001 threads.text; } >damaged.text
expect "damaged" 0 "err:line 1001.*replayed up to there" -- "$cairn" replay "${quick[@]}" \
    --json --allocators system damaged.text
cp out damaged.json
check "damaged: in the record" json_is damaged.json '.trace.damage != null and .trace.operations > 700'
{
    printf 'cairn trace 1\n@process 0 parent=0 pid=9\n@thread 0 process=0 tid=9\n'
    for thread in 1 2 3; do
        printf '@thread %d process=0 tid=1%d\n%d1 0 %d alloc 0x%d0 8\n%d2 0 %d thread-end\n' \
            $thread $thread $thread $thread $thread $thread $thread
    done
} >follow.text
expect "threads that follow each other" 0 no-err -- "$cairn" replay "${quick[@]}" --json \
    --allocators system,cairn follow.text
cp out follow.json
check "threads that follow each other: counted" json_is follow.json \
    '.trace.threads == 3 and .trace.replay_threads == 1 and .trace.blocks_at_end == 3'
printf 'cairn trace 1\n@info command="x"\n' >empty.text
expect "nothing in it" 125 one-line "err:no allocations" no-out -- "$cairn" replay empty.text
echo 'hello' >strange.text
printf 'cairn trace 1\nfree 0x10\n' >frees.text
expect "frees alone" 125 one-line "err:none of the blocks" no-out -- "$cairn" replay frees.text
expect "no trace" 125 one-line no-out -- "$cairn" replay strange.text
expect "no file" 125 one-line "err:nowhere.text" no-out -- "$cairn" replay nowhere.text
cat >two.text <<'END'
cairn trace 1
@process 0 parent=0 pid=100 command="first"
@process 1 parent=0 pid=200 command="second"
@thread 0 process=0 tid=100
@thread 1 process=1 tid=200
1 0 0 alloc 0x10 111
2 0 1 alloc 0x10 222
3 0 1 alloc 0x20 5
4 0 1 exec
5 0 1 alloc 0x10 333
6 0 0 free 0x10
7 0 1 alloc 0x20 1
8 0 1 free 0x20
END
expect "two processes: the busier" 0 "out:process 1 \(pid 200\)" "out:333 B" "out:^2 other programs" -- \
    "$cairn" replay --only memory --allocators system two.text
expect "two processes: the other" 0 "out:process 0 \(pid 100\): first" "out:111 B" -- "$cairn" replay \
    --only memory --process 0 --allocators system two.text
expect "no such process" 125 one-line "err:no allocations of process 7; it has 2 processes" -- "$cairn" replay \
    --process 7 two.text

# --- allocators that make mistakes ----------------------------------------------------------------

# broken NAME FLAG: lib-NAME.so.
broken() {
    "${CC:-cc}" -O1 -fPIC -shared -fno-builtin "$2" "$here/replay_malloc.c" -o "lib-$1.so"
}
broken sound -DSOUND
broken overlap -DOVERLAP=1
broken crash -DCRASH=1
broken hang -DHANG=1
broken dirty -DDIRTY=1
broken crooked -DCROOKED=1
broken partial -DPARTIAL

# named NAME REGEX: the allocator lib-NAME.so fails so, and `system` beside it does not.
named() {
    expect "allocator: $1" 1 "out:^$1: .*$2" "out:^system .*MiB" -- "$cairn" replay "${quick[@]}" \
        --allocators "$1=$tmp/lib-$1.so,system" threads.text
}
expect "allocator: a sound one" 0 "out:^sound .*MiB" -- "$cairn" replay "${quick[@]}" \
    --allocators "sound=$tmp/lib-sound.so,system" threads.text
named overlap 'blocks overlap|was changed'
named crash 'it crashed \(SIG'
expect "allocator: hang" 1 "out:^hang: it was not done within 2 s" "out:^system .*MiB" -- "$cairn" \
    replay "${quick[@]}" --limit 2 --allocators "hang=$tmp/lib-hang.so,system" threads.text
named dirty 'from calloc .* is not 0'
named crooked 'not aligned to 256'
named partial 'it has malloc, but no '
expect "out of memory" 1 "out:^limited:100K\(heap\): no memory for" -- "$cairn" replay \
    "${quick[@]}" --allocators system --stack 'limited:100K(heap)' threads.text

# --- nonsense -------------------------------------------------------------------------------------

expect "no trace given" 125 one-line "err:which trace" -- "$cairn" replay
expect "two traces" 125 one-line "err:one trace" -- "$cairn" replay a b
expect "unknown allocator" 125 one-line "err:did you mean jemalloc" -- "$cairn" replay \
    --allocators jemaloc threads.text
expect "no allocator at all" 125 one-line "err:no allocator and no stack" -- "$cairn" replay \
    --allocators none threads.text
expect "bad stack" 125 one-line "err:heapp.*did you mean heap.*character 9" -- "$cairn" replay \
    --stack 'counted(heapp)' threads.text
expect "stack of one size" 125 one-line "err:does not serve all sizes" -- "$cairn" replay \
    --stack 'pool:64' threads.text
expect "option" 125 one-line "err:did you mean --rounds" -- "$cairn" replay --rouds 3 threads.text
expect "rounds" 125 one-line "err:--rounds is a number from 1" -- "$cairn" replay --rounds 0 threads.text
expect "only" 125 one-line "err:did you mean memory" -- "$cairn" replay --only memori threads.text
expect "touch" 125 one-line "err:did you mean pages" -- "$cairn" replay --touch page threads.text
expect "check without touch" 125 one-line "err:--touch none" -- "$cairn" replay --check --touch none x
echo precious >there
expect "output exists" 125 one-line "err:-f overwrites" -- "$cairn" replay --json -o there threads.text
check "output exists: as it was" grep -q precious there
expect "no folder for the plan" 125 one-line "err:cannot make a file" -- env TMPDIR=/nowhere "$cairn" \
    replay threads.text
expect "no replayer" 125 one-line "err:nowhere" -- env CAIRN_REPLAYER=/nowhere "$cairn" replay threads.text
cat >miscount.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "replayer/result.h"
int main(int count, char **words)
{
    static struct result result = {.version = RESULT_VERSION, .state = RESULT_MISCOUNTED};
    strcpy(result.text, "5 blocks are live, but 6 in the trace");
    return count < 3 || pwrite(atoi(words[2]), &result, sizeof result, 0) < 0;
}
END
"${CC:-cc}" -I"$here/../../tools" miscount.c -o miscount
expect "miscounted" 125 one-line "err:5 blocks are live, but 6 in the trace" no-out -- \
    env CAIRN_REPLAYER="$tmp/miscount" "$cairn" replay --allocators system threads.text
expect "interrupted" 130 -- timeout --preserve-status -s INT 2 "$cairn" replay --rounds 1000 \
    --allocators system threads.text


name="ended while the plan is made: no file is left"
mkfifo endless
exec 9<>endless
"$cairn" replay --json -o early.json - <endless >out 2>err &
for _ in $(seq 100); do
    [ -e early.json ] && break
    sleep 0.05
done
was=$([ -e early.json ] && echo there)
kill -TERM $!
wait $!
code=$?
exec 9>&-
if [ "$was" = there ] && [ "$code" = 143 ] && [ ! -e early.json ]; then ok; else not_ok "was ${was:-not there}"; fi

finish
