#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The exports of `cairn report`, each opened by the viewer that owns its format: a small trace, made
# by hand on a program that is compiled here, whose figures are known.
#
#   export.sh CAIRN
#
# Prints `ok name`, `not ok name` or `skip name` (with the viewer that is missing) for each test.
# speedscope is the npm package in $CAIRN_SPEEDSCOPE, else `npm pack` is asked for it.
# Exit code 1 if one failed.

set -u

cairn=$(realpath -- "${1:?usage: export.sh CAIRN}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2
export LC_ALL=C TZ=UTC HOME=$tmp PPROF_TMPDIR=$tmp
unset NO_COLOR CLICOLOR_FORCE COLUMNS DEBUGINFOD_URLS

# shellcheck source=lib.sh
. "$here/lib.sh"

# seen CODE [PATTERN]...: of the last command seen; a line of its output has each PATTERN.
seen() {
    local wanted=$1 why=
    shift
    [ "$code" = "$wanted" ] || why="exit code $code, not $wanted"
    for pattern in "$@"; do
        cat out err | grep -q -e "$pattern" || why="$why; no '$pattern'"
    done
    if [ -z "$why" ]; then ok; else not_ok "$why"; fi
}

# ---- a program, and a trace of it ----

cat >prog.c <<'END'
#include <stdlib.h>
void *leaf_a(size_t size) { return malloc(size); }
void *leaf_b(size_t size) { return calloc(1, size); }
void *middle(size_t size) { return leaf_a(size); }
int main(void) { return middle(10) == leaf_b(4); }
END
name=compiler
if ! "${CC:-cc}" -g -O0 -o prog prog.c 2>err; then
    skip "no C compiler"
    exit 0
fi
# Each function is longer than this: the call is somewhere in it.
offset() { nm prog | awk -v name="$1" '$3 == name { print "0x" $1 }'; }
cat >prog.txt <<END
cairn trace 1
@info command="prog" machine="x86_64" began=1700000000 page-size=4096
@module 0 path="$tmp/prog"
@node 1 parent=0 module=0 offset=$(offset main)
@node 2 parent=1 module=0 offset=$(offset middle)
@node 3 parent=2 module=0 offset=$(offset leaf_a)
@node 4 parent=1 module=0 offset=$(offset leaf_b)
@node 5 parent=1 module=0 offset=$(($(offset middle) + 1))
@node 6 parent=5 module=0 offset=$(offset leaf_a)
1 0 0 alloc 0x1000 1000 stack=3
2 100000000 0 zeroed 0x2000 300 stack=4
3 200000000 0 alloc 0x3000 50 stack=6
4 300000000 0 free 0x3000
5 400000000 0 alloc 0x4000 2000 stack=3
6 500000000 0 free 0x1000
7 600000000 0 free 0x4000
8 1000000000 0 alloc 0x5000 40
END
# The peak is 3300 bytes in 3 blocks, after event 5; at the end there are 340 in 2.

export_to() {
    see "$cairn" report --export "$1" -o "$2" prog.txt
    seen 0
}

# ---- pprof ----

name=pprof
export_to pprof prog.pb.gz
name='go tool pprof'
if command -v go >/dev/null; then
    see go tool pprof -top -unit=B -sample_index=alloc_space prog.pb.gz
    seen 0 '^Type: alloc_space' '3050B .* 3050B .* leaf_a' '^  *0 .* 3350B .* main' \
        '300B .* leaf_b' '40B .* \[unknown\]' 'Duration: 1s, Total samples = 3390B'
    name='go tool pprof: blocks'
    see go tool pprof -top -sample_index=alloc_objects prog.pb.gz
    seen 0 '^  *3 60.* leaf_a' 'Total samples = 5 '
    name='go tool pprof: in use at the peak, by default'
    see go tool pprof -top -unit=B prog.pb.gz
    seen 0 '^Type: inuse_space' '3000B .* leaf_a' 'Total samples = 3300B'
    name='go tool pprof: who calls'
    see go tool pprof -traces -sample_index=inuse_objects prog.pb.gz
    seen 0 '^ *2  *leaf_a' '^ *middle' '^ *main'
    name='go tool pprof: lines and mappings'
    see go tool pprof -raw prog.pb.gz
    seen 0 'leaf_b .*/prog.c:3' "$tmp/prog .*\[FN\]" 'inuse_space/bytes\[dflt\]' \
        '^PeriodType: space bytes'
else
    skip 'no go'
fi

# ---- gperftools' heap profile ----

name=heap
export_to heap prog.heap
name=google-pprof
if command -v google-pprof >/dev/null; then
    see google-pprof --text --show_bytes prog.heap
    seen 0 '^Total: 3300 B' '^ *3000 .* 3000  *90.9% leaf_a' '^ *300 .* leaf_b' \
        '^ *0 .* 3300 100.0% main'
    name='google-pprof: all that was allocated'
    see google-pprof --text --show_bytes --alloc_space prog.heap
    seen 0 '^Total: 3390 B' '^ *3050 .* leaf_a' '^ *40 .* \[unknown\]' '^ *0 .* 3050 .* middle'
    name='google-pprof: blocks'
    see google-pprof --text --alloc_objects prog.heap
    seen 0 '^Total: 5 objects' '^ *3  *60.0% .* leaf_a'
    name='google-pprof: stacks'
    see google-pprof --collapsed prog.heap
    seen 0 '^main;middle;leaf_a 3000$' '^main;leaf_b 300$'
    name='google-pprof: what was inlined, of a recording'
    cat >inlined.c <<'END'
#include <stdlib.h>
static inline __attribute__((always_inline)) void *within(size_t size) { return malloc(size); }
__attribute__((noinline)) char *around(size_t size) { return (char *)within(size + 1) + 1; }
int main(void) { return around(4999) == NULL; }
END
    "${CC:-cc}" -g -O1 -o inlined inlined.c 2>err
    "$cairn" record -o inlined.czt ./inlined 2>err
    "$cairn" report --export heap -o inlined.heap inlined.czt >out 2>err
    see google-pprof --collapsed inlined.heap
    seen 0 'main;around;within\[inline\] 5000$'
else
    skip 'no google-pprof'
fi

# ---- folded stacks ----

name='folded stacks'
see "$cairn" report --export folded prog.txt
seen 0 '^main;middle;leaf_a 3000$' '^main;middle;leaf_a 50$' '^main;leaf_b 300$' '^\[unknown\] 40$'
name='folded stacks by blocks'
see "$cairn" report --export folded:blocks prog.txt
seen 0 '^main;middle;leaf_a 2$' '^main;leaf_b 1$'
name='folded stacks at the peak'
see "$cairn" report --export folded:peak prog.txt
awk '{ sum += $NF } END { exit sum != 3300 }' out || code=7
seen 0 '^main;middle;leaf_a 3000$'
name='folded stacks of what is left'
see "$cairn" report --export folded:left prog.txt
awk '{ sum += $NF } END { exit sum != 340 }' out || code=7
seen 0 '^main;leaf_b 300$'
name='folded stacks of what is temporary'
see "$cairn" report --export folded:temporary prog.txt
awk '{ sum += $NF } END { exit sum != 2 }' out || code=7
seen 0 '^main;middle;leaf_a 1$'

# ---- massif ----

name=massif
export_to massif massif.out
name=ms_print
if command -v ms_print >/dev/null; then
    see ms_print massif.out
    seen 0 '^Command:  *prog' '(peak)' '100.00% (3,300B) (heap allocation functions)' \
        '^->90.91% (3,000B) 0x.*: leaf_a (.*prog.c:2)' '->90.91% (3,000B) 0x.*: main' \
        '^->09.09% (300B) 0x.*: leaf_b'
else
    skip 'no ms_print'
fi

# ---- DHAT ----

name=dhat
export_to dhat prog.dhat
name='dhat: figures'
python3 - >out 2>err <<'END'
import json
d = json.load(open('prog.dhat'))
points = {tuple(d['ftbl'][f].split(' ')[0] for f in p['fs']): p for p in d['pps']}
a = points['leaf_a', 'middle', 'main'] # two stacks that look the same are one
assert [a[k] for k in ('tb', 'tbk', 'gb', 'gbk', 'eb', 'ebk')] == [3050, 3, 3000, 2, 0, 0], a
assert a['tl'] == 800000 and a['mb'] == 3000, a # 0.5 + 0.2 + 0.1 s
assert points['leaf_b', 'main']['tl'] == 900000 # never freed: it lived until the end
assert (d['tg'], d['te']) == (400000, 1000000), d
assert len(points) == len(d['pps']) == 3
END
code=$?
seen 0
name='dh_view'
view=$(for folder in /usr/libexec/valgrind /usr/lib/valgrind /usr/lib/x86_64-linux-gnu/valgrind; do
    [ -e "$folder/dh_view.html" ] && echo "$folder" && break
done)
if [ -n "$view" ]; then
    see python3 "$here/export/viewers.py" dhat "$view" prog.dhat
    if [ $code = 2 ]; then skip 'no Chromium'; else seen 0; fi
else
    skip 'no dh_view.html'
fi

# ---- speedscope ----

name=speedscope
export_to speedscope prog.speedscope.json
name='speedscope: figures'
python3 - >out 2>err <<'END'
import json
d = json.load(open('prog.speedscope.json'))
frames = d['shared']['frames']
sums = [sum(p['weights']) for p in d['profiles']]
assert sums == [p['endValue'] for p in d['profiles']] == [3390, 5, 3300, 340, 2], sums
for p in d['profiles']:
    assert len(p['samples']) == len(p['weights']) and p['startValue'] == 0
    assert all(0 <= f < len(frames) for s in p['samples'] for f in s)
assert ['main', 'middle', 'leaf_a'] in [[frames[f]['name'] for f in s] for s in d['profiles'][0]['samples']]
assert [f['line'] for f in frames if f['name'] == 'leaf_b'] == [3]
END
code=$?
seen 0
package=${CAIRN_SPEEDSCOPE:-}
if [ -z "$package" ] && command -v npm >/dev/null && python3 -c 'import sys
sys.path.insert(0, sys.argv[1]); import browser; sys.exit(not browser.find())' "$here/report"; then
    timeout 30 npm pack --silent speedscope@1.25.0 >/dev/null 2>&1 && tar -xzf speedscope-*.tgz &&
        package=$tmp/package
fi
for file in prog.speedscope.json prog.pb.gz; do
    name="speedscope's importer: $file"
    if [ -n "$package" ]; then
        see python3 "$here/export/viewers.py" speedscope "$package" $file
        if [ $code = 2 ]; then skip 'no Chromium'; else seen 0; fi
    else
        skip 'no npm package speedscope, or no Chromium'
    fi
done

# ---- what is not ----

name='no such format'
see "$cairn" report --export masif prog.txt
seen 125 'did you mean massif?'
name='a damaged trace is exported up to there'
{ cat prog.txt; echo 'move 0x10'; } >bad.txt
see "$cairn" report --export folded bad.txt
seen 0 'line 18 .*no such event, after event 8' '^main;leaf_b 300$'
name='an empty trace'
echo 'cairn trace 1' >empty.txt
bad=
for format in pprof folded speedscope massif dhat heap; do
    "$cairn" report --export $format -o "empty.$format" empty.txt >out 2>err || bad="$bad $format"
done
python3 -c 'import json; json.load(open("empty.dhat")); json.load(open("empty.speedscope"))' 2>err ||
    bad="$bad json"
[ -z "$bad" ]
code=$?
seen 0

finish
