#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `cairn record` from outside: what is in its files is compared, call by call, with an independent
# count (record_count.c) of the same process.
#
#   record.sh CAIRN COUNT PROGRAMS TOTALS    the command; record_count, record_programs, record_totals
#
# Prints and ends as run.sh does.

# shellcheck disable=SC2016 # what stands in single quotes is for the shells that are started

set -u

usage='usage: record.sh CAIRN COUNT PROGRAMS TOTALS'
cairn=$(realpath -- "${1:?$usage}")
counter=$(realpath -- "${2:?$usage}")
programs=$(realpath -- "${3:?$usage}")
totals=$(realpath -- "${4:?$usage}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
cd "$tmp" || exit 2

export LC_ALL=C
unset LD_PRELOAD CAIRN_LIB NO_COLOR COLUMNS COUNT_FILE COUNT_EVERY

# shellcheck source=lib.sh
. "$here/lib.sh"

# --- recordings against counts ------------------------------------------------------------------

# record_counted CODE COMMAND...: recorded to trace.czt with the counter preloaded, too, whose lines
# are in count.PID. What `cairn` itself allocates is no process of the recording.
record_counted() {
    local wanted=$1
    shift
    rm -f trace.czt count.*
    COUNT_FILE=$tmp/count COUNT_EVERY=${every-1000} see "$cairn" record -q -o trace.czt \
        sh -c 'export LD_PRELOAD="$LD_PRELOAD:$0"; exec "$@"' "$counter" "$@"
    [ "$code" = "$wanted" ] && [ ! -s err ] && "$totals" trace.czt processes >processes
}

# agree PID LEAST: each line of the count is in the recording; there are so many at least.
agree() {
    "$totals" trace.czt "$1" 1 >recorded || { tail -n 3 recorded >>err; return 1; }
    sort -u "count.$1" >wanted
    sort -u recorded >had
    [ "$(wc -l <wanted)" -ge "$2" ] && [ "$(comm -23 wanted had | tee -a err | wc -l)" = 0 ]
}

# same NAME CODE LEAST COMMAND...: all processes of it agree, of which the largest count has so many
# lines, and none of them is left out.
same() {
    local wanted=$2 least=$3 most=0 file
    name=$1
    shift 3
    record_counted "$wanted" "$@" || { not_ok "not recorded"; return; }
    for file in count.*; do
        [ -s "$file" ] || continue
        # The shell that starts it was counted as well, until it executed the program.
        agree "${file#count.}" 1 || { not_ok "process ${file#count.} differs"; return; }
        lines=$(wc -l <"$file")
        [ "$lines" -gt "$most" ] && most=$lines
    done
    if [ "$most" -ge "$least" ]; then ok; else not_ok "only $most lines"; fi
}

# has NAME COMMAND...: for other programs that may not be there.
has() {
    name=$1
    command -v "$2" >/dev/null && return
    skip "no $2"
    return 1
}

printf '%s\n' 'd = {}' 'for i in range(20000):' '    d[i] = [str(i) * (i % 7), (i, i + 1)]' \
    '    if i % 3 == 0: d.pop(i // 2, None)' 'import subprocess' \
    'subprocess.run(["/bin/sh", "-c", "exec true"])' >work.py
printf '%s\n' 'create table t(a, b); begin;' \
    'with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000)' \
    'insert into t select x, x * 7 % 1000 from c; commit; create index i on t(b);' \
    'select count(*), sum(a) from t where b < 100;' >work.sql
printf '%s\n' '#include <stdio.h>' 'struct node { struct node *next; int value; };' \
    'int sum(struct node *n) { int s = 0; while (n) { s += n->value; n = n->next; } return s; }' \
    'int main(void) { struct node n = {0, 3}; return printf("%d\n", sum(&n)) != 2; }' >work.c

name='kinds of calls'
same 'all kinds of calls' 0 80 "$programs" churn
same 'killed: up to the last call' 137 30 "$programs" killed
same 'aborted: up to the last call' 134 30 "$programs" aborted
same 'left by _exit: up to the last call' 5 30 "$programs" left
same 'all descriptors closed' 0 15 "$programs" close-all
same 'forked without handlers' 0 2 "$programs" bare-fork
has python3 /usr/bin/python3 && same python3 0 5 /usr/bin/python3 work.py
has sqlite3 sqlite3 && same sqlite3 0 30 sqlite3 :memory: '.read work.sql'
has perl perl && same perl 0 20 perl -e 'for (1..40000) { $h{$_ % 5000} .= $_; delete $h{$_ / 2} }'
has gcc gcc && same gcc 0 5 gcc -O2 -c work.c -o work.o

# With threads only some moments can be compared: those when all others wait.
same_moments() {
    local pid
    name=$1
    shift
    every='' record_counted 0 "$@" || { not_ok "not recorded"; return; }
    pid=$(awk '$6 == "exit" { print $3 }' processes | tail -n 1)
    # One more at the end, of the exit itself.
    "$totals" trace.czt "$pid" size 123457 >recorded && [ -s recorded ] &&
        diff "count.$pid" recorded >>err
    # shellcheck disable=SC2181
    if [ $? = 0 ]; then ok; else not_ok "counts differ"; fi
}

same_moments '64 threads that hand blocks on' "$programs" threads
same_moments '3000 threads one after the other' "$programs" thread-churn
same_moments 'more threads at once than lanes' "$programs" crowd

# --- processes ------------------------------------------------------------------------------------

# processes_are NAME AWK: a condition on "index parent pid events left how status" of all, kept in
# arrays by index; n of them.
processes_are() {
    name=$1
    if awk 'BEGIN { n = 0 } { parent[n] = $2; pid[n] = $3; events[n] = $4; left[n] = $5; how[n] = $6; status[n] = $7; n++ }
            END { exit !('"$2"') }' processes; then ok; else
        cat processes >>err
        not_ok "$2"
    fi
}

record() {
    rm -f trace.czt
    see "$cairn" record -q -o trace.czt "$@"
    "$totals" trace.czt processes >processes
}

record "$programs" children
processes_are '100 children, whole' 'n == 101'
name='what each child allocated'
if [ "$(sed 1d processes | cut -d ' ' -f 4 | sort -n | tr '\n' ' ')" = "$(seq 100 | tr '\n' ' ')" ]; then
    ok
else
    not_ok 'not 1 to 100'
fi
processes_are 'they are children' 'parent[1] == 0 && parent[100] == 0 && how[100] == "exit"'
record sh -c '"$0" left; "$0" killed; exit 3' "$programs"
processes_are 'executed programs' 'n == 3 && how[1] == "exit" && events[2] > 30000 && parent[2] == 0'
processes_are 'the status of the program itself' 'how[0] == "exit" && status[0] == 3 * 256'
record sh -c 'exec "$0" killed' "$programs"
processes_are 'the status of a killed program' 'n == 2 && how[0] == "exec" && status[1] == 9'
record sh -c 'ulimit -v 60000; exec "$0" left' "$programs"
processes_are 'little address space' 'n == 2 && events[1] > 30000'
record --no-children sh -c '"$0" left; :' "$programs"
processes_are 'without children' 'n == 1'
record "$programs" orphan
processes_are 'a child that outlives the program' 'n == 2 && how[1] == "exit" && events[1] > 500'
expect 'an environment that is thrown away' 0 no-err -- "$cairn" record -q -f -o trace.czt "$programs" naked-exec
"$totals" trace.czt processes >processes
processes_are 'what was before that' 'n == 1 && events[0] >= 1'

name='two at once'
"$cairn" record -q -o one.czt "$programs" left >/dev/null 2>&1 &
"$cairn" record -q -o two.czt "$programs" left >/dev/null 2>&1
wait
if [ "$("$totals" one.czt processes | cut -d ' ' -f 4-)" = "$("$totals" two.czt processes | cut -d ' ' -f 4-)" ] &&
    [ "$("$totals" one.czt processes | cut -d ' ' -f 4)" -gt 30000 ]; then ok; else not_ok "they differ"; fi

record "$programs" many-processes
processes_are '200 children at once' 'n == 201 && events[200] == 1 && events[1] == 1'
record sh -c 'ulimit -v 1400000; exec "$0" large-block' "$programs"
processes_are 'a limit that leaves room for the program alone' 'n == 2 && events[1] > 0 && status[1] == 0'
record "$programs" locked
processes_are 'all memory locked' 'n == 1 && status[0] == 0'
expect 'forks while threads look at what is loaded' 0 no-out no-err -- \
    "$cairn" record -q -f -o trace.czt "$programs" fork-storm
expect 'small stacks' 0 no-out no-err -- "$cairn" record -q -f -o trace.czt "$programs" small-stacks

name='another namespace of process numbers'
if unshare -pf true 2>/dev/null; then
    record unshare -pf "$programs" slow-threads
    processes_are "$name" 'n >= 2 && events[n - 1] > 4000 && how[n - 1] == "exit"'
    name='threads of another namespace keep their lanes'
    expect "$name" 0 'err:4 threads|5 threads|6 threads' -- "$cairn" record -f -o trace.czt unshare -pf "$programs" slow-threads
else
    skip 'unshare is not allowed'
fi

# An allocator that signal handlers may use, whatever they interrupt: it never takes back.
name='with a simple allocator'
if printf '%s\n' '#include <stdatomic.h>' '#include <string.h>' '#include <sys/mman.h>' \
    'static _Atomic(char *) at; static char *start(void) { char *none = 0, *room = mmap(0, 1ul << 36, 3, 0x4022, -1, 0);' \
    'atomic_compare_exchange_strong(&at, &none, room); return at; }' \
    'static void *take(size_t n) { if (!at) start(); size_t all = (n + 31) & ~15ul; char *p = atomic_fetch_add(&at, all);' \
    '    *(size_t *)p = n; return p + 16; }' \
    'void *malloc(size_t n) { return take(n); } void *calloc(size_t n, size_t m) { return take(n * m); } void free(void *p) { (void)p; }' \
    'void *realloc(void *p, size_t n) { char *q = take(n); if (p) { size_t old = ((size_t *)p)[-2]; memcpy(q, p, old < n ? old : n); } return q; }' |
    cc -x c -O1 -fno-builtin -shared -fPIC - -o bump.so 2>>err; then
    # What it says that it has allocated is there, and nothing else.
    for which in handlers held-up; do
        name="with a simple allocator: $which"
        LD_PRELOAD=$tmp/bump.so see "$cairn" record --json -f -o trace.czt "$programs" $which
        "$totals" trace.czt processes >processes
        lines=$("$totals" trace.czt "$(cut -d ' ' -f 3 processes)" size 41 | wc -l)
        if [ "$code" = 0 ] && [ "$(cat out)" -gt 1000 ] && [ "$(cat out)" = $((lines - 1)) ] &&
            grep -q '"frees_of_unknown": 0,' err && grep -q '"lost_events": 0' err; then ok; else not_ok "$lines lines"; fi
    done
else
    skip 'no compiler'
fi

# --- stacks -----------------------------------------------------------------------------------------

# calls SIZE: the functions of the program that led to a block.
calls() {
    "$totals" trace.czt "$(cut -d ' ' -f 3 processes)" stack "$1" >stack
    awk -v p="$programs" '$1 == p { print $2 }' stack | xargs addr2line -f -e "$programs" | sed -n 'p;n' |
        tr '\n' ' '
}

if has 'call stacks' addr2line; then
    record "$programs" stacks
    name='calls of the main thread'
    case $(calls 777772) in 'inner_most middle_call outer_call stacks main '*) ok ;; *) not_ok "$(calls 777772)" ;; esac
    name='calls of a thread'
    case $(calls 777777) in 'inner_most middle_call outer_call call_in_thread '*) ok ;; *) not_ok "$(calls 777777)" ;; esac
    record --depth 2 "$programs" stacks
    name='calls up to a depth'
    if [ "$(calls 777772)" = 'inner_most middle_call ' ]; then ok; else not_ok "$(calls 777772)"; fi
    record --depth 0 "$programs" stacks
    name='no stacks'
    if [ "$(calls 777772)" = '' ]; then ok; else not_ok "$(calls 777772)"; fi
fi

# --- other allocators, C++ -----------------------------------------------------------------------------

# The same program has the same calls whoever serves them, operator new and delete among them.
name='operators of C++, whoever brings them'
lib=$(dirname "$cairn")/../lib/libcairn-malloc.so
if printf '%s\n' '#include <map>' '#include <string>' 'struct alignas(64) wide { int n[32]; };' \
    'int main() { std::map<int, std::string> m; for (int i = 0; i < 2000; i++) m[i % 97] = std::string(i % 100, 65);' \
    'int *a = new int[1234]; delete[] a; wide *w = new wide; delete w; wide *v = new wide[3]; delete[] v;' \
    'return m.size() != 97; }' | c++ -x c++ -std=c++17 - -o operators 2>/dev/null; then
    record ./operators
    cut -d ' ' -f 4,5,6 processes >plain
    LD_PRELOAD=$lib record ./operators
    if [ "$code" = 0 ] && [ "$(cut -d ' ' -f 1 plain)" -gt 1000 ] && cut -d ' ' -f 4,5,6 processes | diff plain - >>err; then
        ok
    else
        not_ok 'other calls'
    fi
else
    skip 'no C++ compiler'
fi

# --- the command --------------------------------------------------------------------------------------

expect 'exit code and outputs are the program'"'"'s' 7 'out:^o$' 'err:^e$' -- \
    "$cairn" record -q -f -o trace.czt sh -c 'echo o; echo e >&2; exit 7'
expect 'summary' 0 'err:exited 0 in .* events of 1 process and 1 thread' 'err:allocations .* peak .* live .* 32 blocks' 'err:trace.czt: [0-9.]* KiB' \
    'err:next: cairn report trace.czt' -- "$cairn" record -f -o trace.czt "$programs" churn
expect 'killed' 137 'err:was killed by SIGKILL' -- "$cairn" record -f -o trace.czt "$programs" killed
expect 'the name of the file' 5 'err:cairn\.record_programs\.[0-9]*\.czt' -- "$cairn" record "$programs" left
expect 'JSON' 0 'err:"schema": "cairn.record"' 'err:"events": [1-9]' -- "$cairn" record --json -f -o trace.czt "$programs" churn
name='valid JSON'
if python3 -m json.tool err >/dev/null; then ok; else not_ok 'not valid'; fi
expect 'nothing is overwritten' 125 'err:trace.czt exists; -f overwrites it' no-out -- "$cairn" record -o trace.czt "$programs" left
expect 'a misspelt option' 125 'err:did you mean --depth' -- "$cairn" record --dpeth 3 true
expect 'a senseless depth' 125 'err:--depth is a number' -- "$cairn" record --depth x true
expect 'a senseless buffer' 125 'err:--buffer is a size' -- "$cairn" record --buffer 3G true
expect 'no program' 125 'err:which program' -- "$cairn" record
expect 'a missing program' 127 'err:no-such-program' -- "$cairn" record -o none.czt no-such-program
name='nothing is left of what did not start'
if [ ! -e none.czt ]; then ok; else not_ok 'none.czt'; fi
expect 'help' 0 'out:^Example:' no-err -- "$cairn" record --help

if echo 'int main(void) { return 0; }' | cc -x c - -static -o static 2>/dev/null; then
    expect 'a static program' 125 'err:static cannot be recorded' -- "$cairn" record -o none.czt ./static
fi
name=setuid
if [ "$(id -u)" = 0 ] && cp "$programs" setuid && chown 65534 setuid && chmod 4755 setuid; then
    expect 'a setuid program' 125 'err:setuid cannot be recorded' -- "$cairn" record -o none.czt ./setuid
else
    skip 'not root'
fi
if echo '#include <stddef.h>
char room[1 << 20]; size_t used;
void *malloc(size_t n) { used += (n + 15) & ~15ul; return room + used; }
void *calloc(size_t n, size_t m) { return malloc(n * m); }
void *realloc(void *p, size_t n) { (void)p; return malloc(n); }
void free(void *p) { (void)p; }
int main(void) { return malloc(3) == NULL; }' | cc -x c - -fno-builtin -rdynamic -o own 2>/dev/null; then
    expect 'a program with its own malloc' 125 'err:nothing recorded of own: it exports a malloc' -- \
        "$cairn" record -f -o trace.czt ./own
fi

expect 'a full disk' 125 'out:^went on$' 'err:^cairn: .*No space left' -- "$cairn" record -q -o /dev/full "$programs" long
name='a full disk: one line'
if [ "$(wc -l <err)" = 1 ]; then ok; else not_ok "$(wc -l <err) lines"; fi
expect 'a limit to the size of files' 125 'err:File too large' no-out -- \
    sh -c 'ulimit -S -f 8; exec "$0" record -q -f -o trace.czt "$1" churn' "$cairn" "$programs"
name='what was written before the limit'
if "$totals" trace.czt processes | grep -q 'damaged: cut short'; then ok; else not_ok 'not cut short'; fi

name='the recorder is killed, the program goes on'
rm -f trace.czt
"$cairn" record -q -o trace.czt sh -c 'echo $$ >child; exec "$0" long' "$programs" >went 2>/dev/null &
recorder=$!
while [ ! -s child ]; do sleep 0.01; done
kill -9 "$recorder"
wait "$recorder" 2>/dev/null
for _ in $(seq 100); do [ -s went ] && break; sleep 0.1; done
if [ "$(cat went)" = 'went on' ]; then ok; else not_ok 'it did not end'; fi

name='the recorder is killed, and nobody waits for it'
rm -f trace.czt child went
sh -c '"$0" record -q -o trace.czt sh -c "echo \$\$ >child; exec \"\$0\" long" "$1" >went 2>/dev/null & echo $! >recorder; exec sleep 20' \
    "$cairn" "$programs" &
parent=$!
while [ ! -s child ]; do sleep 0.01; done
kill -9 "$(cat recorder)"
for _ in $(seq 100); do [ -s went ] && break; sleep 0.1; done
if [ "$(cat went)" = 'went on' ]; then ok; else
    not_ok 'it did not end'
    kill -9 "$(cat child)"
fi
kill "$parent"
wait "$parent" 2>/dev/null

name='a signal reaches the program'
rm -f trace.czt
"$cairn" record -q -o trace.czt sh -c 'trap "exit 9" TERM; : >there; while :; do sleep 0.05; done' &
recorder=$!
while [ ! -e there ]; do sleep 0.01; done
kill -TERM "$recorder"
wait "$recorder"
code=$?
if [ "$code" = 9 ]; then ok; else not_ok 'exit code 9 expected'; fi

finish
