#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `cairn trace` from outside: what it says of a trace, its forms there and back again, parts,
# anonymous ones, and what it must refuse.
#
#   trace.sh CAIRN
#
# Prints `ok name` or `not ok name` for each test. Exit code 1 if one failed.

set -u

cairn=$(realpath -- "${1:?usage: trace.sh CAIRN}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2
export LC_ALL=C
unset NO_COLOR CLICOLOR_FORCE COLUMNS

# shellcheck source=lib.sh
. "$here/lib.sh"

# seen CODE [FILE PATTERN]...: of the last command seen; in FILE (out or err) a line has PATTERN.
seen() {
    local wanted=$1 why=
    shift
    [ "$code" = "$wanted" ] || why="exit code $code, not $wanted"
    while [ $# -gt 1 ]; do
        grep -q -e "$2" "$1" || why="$why; no '$2' in $1"
        shift 2
    done
    if [ -z "$why" ]; then ok; else not_ok "$why"; fi
}

# same A B: files of equal content.
same() {
    if cmp -s "$1" "$2"; then ok; else not_ok "$1 and $2 differ: $(diff "$1" "$2" | head -n 5)"; fi
}

cat >hand.txt <<'END'
cairn trace 1
@info command="secret-tool --key 'x y'" machine="x86_64" began=1700000000 page-size=4096
@process 0 parent=0 pid=500 command="secret-tool"
@process 1 parent=0 pid=501 command="secret-child"
@thread 0 process=0 tid=500 name="secret"
@thread 1 process=1 tid=501 name=""
@module 0 path="/opt/secret/tool" build-id="abcdef0123"
@node 1 parent=0 module=0 offset=0x1234
@node 2 parent=1 module=0 offset=0x5678
10 1000000000 0 process
11 1000000100 0 alloc 0x555500001000 100 stack=2
12 1000000200 0 zeroed 0x555500002000 200 stack=1
13 1500000000 0 alloc 0x555500003000 300 align=64
20 2000000000 0 free 0x555500001000 stack=1
21 2000000100 1 process
22 2000000200 1 alloc 0x555500009000 1000
23 2000000300 1 free 0x555500002000
24 2100000000 0 realloc 0x555500002000 0x555500004000 250 stack=2
30 3000000000 0 alloc 0x0 99999999999
31 3000000100 1 exit 256
END

name=summary
see "$cairn" trace hand.txt
seen 0 out 'hand.txt: 11 events in 2.00 s, whole' out "command  *secret-tool --key 'x y'" \
    out 'recorded  *2023-11-14 22:13:20 UTC, x86_64' out 'alloc  *4$' out 'failed  *1$' \
    out 'unknown  *1 ' out 'at the peak  *1.5 KiB in 3 blocks' \
    out 'not freed  *1.5 KiB in 3 blocks' out 'process 1  *pid 501: 4 events, secret-child'

name='summary as JSON'
see "$cairn" trace --json -o sum.json hand.txt
python3 - >err 2>&1 <<'END'
import json
d = json.load(open('sum.json'))
assert (d['schema'], d['version']) == ('cairn.trace', 1)
want = dict(events=11, failed=1, unknown=1, requested_bytes=1850, peak_blocks=3, peak_bytes=1550,
            left_blocks=3, left_bytes=1550, threads=2, modules=1, nodes=2, whole=True, damage=None)
assert {k: d[k] for k in want} == want, d
assert d['counts']['alloc'] == 4 and d['counts']['process'] == 2
assert [p['events'] for p in d['processes']] == [7, 4]
END
code=$?
seen 0

name='of one process'
see "$cairn" trace --process 1 hand.txt
seen 0 out '4 events' out 'not freed  *1000 B in 1 block$'

name='the blocks at the peak are those of that moment'
printf 'cairn trace 1\nalloc 0x1000 1000\nfree 0x1000\nalloc 0x1000 1\nalloc 0x2000 1\n' >peak.txt
see "$cairn" trace peak.txt
seen 0 out 'at the peak  *1000 B in 1 block$'

name='a terminal gets no orders'
printf 'cairn trace 1\n@info command="a\\x1b[2Jb\\x0ac"\n@process 0 pid=1 command="\\x1b[31m\\x0ax"\nalloc 0x1000 1\n' >orders.txt
see "$cairn" trace orders.txt
grep -q "$(printf '\033')" out && code=7
seen 0 out 'command  *a?\[2Jb c$' out 'events, ?\[31m x$'

"$cairn" trace --text -o a.txt hand.txt 2>/dev/null
name='- as output is standard output'
see "$cairn" trace --compress -o - a.txt
cp out stdout.trace
[ -e ./- ] && code=7
seen 0
see "$cairn" trace --text -o - stdout.trace
name='- as output is standard output: text'
seen 0 out '^cairn trace 1$'

name='there and back again'
"$cairn" trace --compress -o a.trace a.txt 2>/dev/null
"$cairn" trace --text -o b.txt a.trace 2>/dev/null
same a.txt b.txt

name='text loses nothing'
grep -v '^[@#c]' hand.txt >want
grep -v '^[@#c]' a.txt >got
same want got

name='from a pipe'
see sh -c "cat a.trace | '$cairn' trace --text - >c.txt"
same a.txt c.txt

name='a recording there and back'
"$cairn" record -q -o real.czt sh -c 'ls; ls' >out 2>err
"$cairn" trace --text -o real.txt real.czt 2>err
"$cairn" trace --compress -o again.czt real.txt 2>err
"$cairn" trace --text -o again.txt again.czt 2>err
see "$cairn" trace real.txt
seen 0 out 'whole$' out 'processes 3$'
name='a recording is the same again'
same real.txt again.txt

name='a compressed one comes out the same'
"$cairn" trace --compress -o b.trace a.trace 2>/dev/null
same a.trace b.trace

name='a part, with what was live'
see "$cairn" trace --text --from 20 a.trace
cp out part.txt
seen 0 err '7 events written, and before them 3 blocks that were live at the start' \
    out '^11 2000000000 0 alloc 0x555500001000 100 stack=' \
    out '^12 2000000000 0 alloc 0x555500002000 200 stack=' \
    out '^13 2000000000 0 alloc 0x555500003000 300 align=64$' out '^20 2000000000 0 free'

name='a part has the figures of the whole'
see "$cairn" trace part.txt
seen 0 out 'unknown  *1 ' out 'not freed  *1.5 KiB in 3 blocks'

name='a part by time'
see "$cairn" trace --text --seconds 1.5..2.05 a.trace
grep -c '^[0-9]' out >count
[ "$(cat count)" = 7 ] || code=7 # 13, 20 to 23, and 11 and 12, which were live
seen 0 out '^23 '

name='a part by process defines only what it needs'
see "$cairn" trace --text --process 1 a.trace
grep -q '@node' out && code=7
seen 0 out '^22 2000000200 0 alloc'

name='anonymous'
see "$cairn" trace --text --anonymise a.trace
grep -E -q 'secret|abcdef|x y|=50[01]|0x5555|1234|1700000000' out && code=7
seen 0 out 'command="program"' out 'path="module 0"' out ' alloc 0x[0-9a-f]*1000 100 '

name='an anonymous one has the same figures'
"$cairn" trace --compress --anonymise -o anon.trace a.trace 2>/dev/null
"$cairn" trace --json anon.trace | grep -E '(bytes|blocks|events|alloc|free)"' >got
"$cairn" trace --json a.trace | grep -E '(bytes|blocks|events|alloc|free)"' >want
same want got

name='nothing is overwritten unasked'
see "$cairn" trace --compress -o a.trace hand.txt
seen 125 err 'a.trace exists; -f overwrites it'

name='-f overwrites'
see "$cairn" trace --compress -f -o b.trace hand.txt
seen 0

name='not onto itself'
see "$cairn" trace --compress -f -o ./a.trace a.trace
seen 125 err 'cannot be written while it is read'

name='cut short'
head -c 300 a.trace >cut.trace
see "$cairn" trace cut.trace
seen 1 err 'cut.trace: cut short at byte 300, ' out '^cut.trace: '

name='damaged'
cp a.trace bad.trace
printf 'X' | dd of=bad.trace bs=1 seek=250 conv=notrunc 2>/dev/null
see "$cairn" trace bad.trace
seen 1 err 'bad.trace: damaged in the block at byte [0-9]*, before the first event'

name='a text with a mistake'
{ cat hand.txt; echo '32 3000000200 0 move 0x10'; echo 'free 0x10'; } >mistake.txt
see "$cairn" trace --json mistake.txt
seen 1 err 'line 21 (byte [0-9]*): no such event, after event 31' out '"events": 11'

name='a number that none comes after'
printf 'cairn trace 1\n18446744073709551615 0 0 alloc 0x1000 1\nalloc 0x2000 1\n' >last.txt
see "$cairn" trace last.txt
seen 1 err 'line 3 (byte [0-9]*): there is no number after'

name='a block that cannot be'
printf 'cairn trace 1\nalloc 0x0 18446744073709551615\nalloc 0x2000 5\nalloc 0x1000 18446744073709551615\n' >huge.txt
see "$cairn" trace huge.txt
seen 1 err 'a block of 18446744073709551615 bytes is more than there can be, after event 2' out 'peak  *5 B in 1 '

name='a version of the future'
{ printf '\211CAIRN\r\n\7\0\0\0'; tail -c +13 a.trace; } >future.trace
see "$cairn" trace future.trace
seen 125 err 'future.trace is a trace of version 7; this cairn reads version 1'

name='a text of the future'
sed 1s/1/9/ hand.txt >future.txt
see "$cairn" trace future.txt
seen 125 err 'of version 9'

name='not a trace'
see "$cairn" trace "$cairn"
seen 125 err 'is not a trace'

name='no such file'
see "$cairn" trace nowhere
seen 125 err 'cannot open nowhere: No such file'

name='a folder'
see "$cairn" trace .
seen 125 err 'cannot read .: Is a directory'

name='no such process'
see "$cairn" trace --process 7 a.trace
seen 125 err 'has no process 7'

name='a full disk'
see "$cairn" trace --compress -o /dev/full a.trace
seen 125 err 'cannot write.*No space left'

for bad in '--text --compress -o x a.trace' '--compress a.trace' '--from 5 a.trace' \
    '--json --text a.trace' '--text --from x a.trace' '--text --seconds 3..2 a.trace' \
    '--text --from 9 --to 3 a.trace' '--text --to 99999999999999999999 a.trace' 'a.trace b.trace' ''; do
    name="refused: trace $bad"
    # shellcheck disable=SC2086 # they are words
    see "$cairn" trace $bad
    seen 125 err '^cairn: trace: '
done

name='a misspelt option'
see "$cairn" trace --compres a.trace --anonimise
seen 125 err 'did you mean --anonymi'

name=help
see "$cairn" trace --help
[ "$(wc -l <out)" -le 30 ] || code=7
seen 0 out '^Example:  cairn trace'

finish
