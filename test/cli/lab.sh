#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `cairn lab` from outside: figures worked out by hand, the same figures each time, every pattern on
# every allocator with audits after each call, what must be refused, the demonstrations, and the live
# heap map under tmux (skipped where there is none).
#
#   lab.sh CAIRN LIB        the command, and libcairn-malloc.so with libcairn-stack.so beside it
#
# Prints `ok name`, `not ok name` (with what was seen) or `skip name`, and the sums at the end.
#
# By hand, for a fit over 1 KiB on 64 bits: the first block begins at 48, a block of n bytes takes
# n + 8 rounded up to 16, so four of 232 bytes fill the region.

# shellcheck disable=SC2016,SC2034 # strings for others; names that functions read

set -u

cairn=$(realpath -- "${1:?usage: lab.sh CAIRN LIB}")
lib=$(realpath -- "${2:?usage: lab.sh CAIRN LIB}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
server=
trap '[ -z "$server" ] || stop; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2

export CAIRN_LIB=$lib LC_ALL=C TMUX_TMPDIR=$tmp
unset LD_PRELOAD NO_COLOR CLICOLOR_FORCE COLUMNS CAIRN_STACK TMUX

# shellcheck source=lib.sh
. "$here/lib.sh"

# figures NAME TABLE ALLOCATOR "METRIC=VALUE ..." OPTION...: the document's figures, exact to 1e-9; the
# value null is a blank.
figures() {
    name=$1
    local table=$2 allocator=$3 wanted=$4
    shift 4
    see "$cairn" lab run "$@" --json
    [ "$code" = 0 ] || { not_ok "exit code 0 expected"; return 1; }
    if python3 - out "$table" "$allocator" "$wanted" >wrong <<'END'
import json, sys
path, title, allocator, wanted = sys.argv[1:]
document = json.load(open(path))
assert document["schema"] == "cairn.lab" and document["version"] == 1
table = [s for s in document["sections"] if s["kind"] == "table" and s["title"] == title][0]
names = [c["name"] for c in table["columns"]]
unit = {c["name"]: c["unit"] for c in table["columns"]}
row = [r for r in table["rows"] if r[0] == allocator][0]
good = True
for pair in wanted.split(";"):
    metric, value = pair.split("=")
    seen = row[names.index(metric)]
    expected = None if value == "null" else eval(value)
    if expected is not None and unit[metric] == "percent":
        expected *= 100
    if (seen is None) != (expected is None) or (seen is not None and abs(seen - expected) > 1e-9):
        print(f"{metric} is {seen}, not {value}", end="; ")
        good = False
sys.exit(not good)
END
    then ok; else not_ok "$(cat wrong)"; fi
}

# --- by hand -------------------------------------------------------------------------------------

printf 'alloc 0 232\nalloc 1 232\nalloc 2 232\nfree 1\n' >middle
printf 'alloc 0 232\nalloc 1 232\nalloc 2 232\nfree 1\nfree 2\n' >two
{ for i in 0 1 2 3 4; do echo "alloc $i 232"; done; } >full
small=(--region 1K --probe 232)

for kind in first next; do
    figures "three blocks, the middle one freed: $kind" "At the end" "fit:$kind,immediate" \
        "external fragmentation=0.5;internal fragmentation=0;utilisation=464/1024;holes=2;largest free block=232;mean free size=232;free memory=464;mean block size=232;blocks in use=2;requested=464;granted=464;held=1024;region high-water=760;failed requests=0" \
        --pattern ops:middle --fit $kind "${small[@]}"
done
figures "never merged: three holes" "At the end" fit:first,never \
    "holes=3;free memory=696;largest free block=232;external fragmentation=2/3" \
    --pattern ops:two --fit first --coalesce never "${small[@]}"
figures "merged at once: one hole" "At the end" fit:first,immediate \
    "holes=1;free memory=712;largest free block=712;external fragmentation=0" \
    --pattern ops:two --fit first "${small[@]}"
figures "a fifth block has no room" "At the end" fit:first,immediate \
    "failed requests=1;holes=0;free memory=0;external fragmentation=0;largest free block=0;mean free size=null;utilisation=928/1024" \
    --pattern ops:full --fit first "${small[@]}"
figures "the probe: met after the first, second and third of five calls" "Means over the run" \
    fit:first,immediate "success rate of a large request=3/5" \
    --pattern ops:full --fit first "${small[@]}"
figures "of what only grows, the end stands for the mean" "Means over the run" fit:first,immediate \
    "failed requests=1;region high-water=1000" --pattern ops:full --fit first "${small[@]}"
printf 'alloc 0 100\nalloc 1 24\n' >odd
figures "buddy: 128 for 100, 32 for 24" "At the end" buddy \
    "granted=160;requested=124;internal fragmentation=1-124/160" --pattern ops:odd --buddy
figures "what a heap does not tell is blank" "At the end" heap \
    "external fragmentation=null;holes=null;largest free block=null;region high-water=null;requested=124" \
    --pattern ops:odd --allocator heap
figures "Robson by hand: 8 units, sizes to 2: 11 units" "At the end" fit:first,immediate \
    "region high-water=48+11*32-8;blocks in use=6;requested=4*24+2*56" \
    --pattern robson --live 8 --size 64 --fit first --region 4K

expect "Robson's bound: 256 (5 / 2 + 1) - 32 + 1 = 865 units of 32" 0 \
    "out:^Robson's bound, .*: 27.0 KiB" -- "$cairn" lab run --pattern robson --fit first

# --- patterns and allocators -----------------------------------------------------------------------

expect "every pattern on every allocator, audited after each call" 0 no-err -- \
    "$cairn" lab sweep --over pattern --all --live 40 --size 16..512 --steps 600 --samples 20 --audit \
    --region 256K
expect "and where they may grow" 0 no-err -- \
    "$cairn" lab sweep --over pattern --all --live 40 --size 16..512 --steps 600 --samples 20 \
    --audit --region grow
expect "the other kinds, and stacks" 0 no-err 'out:^counted\(fit:next\)' -- \
    "$cairn" lab run --allocator arena,bump,pool,slab,system --stack 'counted(fit:next)' \
    --stack 'fallback(fit:best,slab_set)' --live 40 --steps 600 --audit --region 256K

name="the same command prints the same, whatever the addresses"
one=$("$cairn" lab run --all --stack 'segregated:64(slab:64,buddy)' --pattern generations --seed 7)
for _ in 1 2 3; do
    [ "$("$cairn" lab run --all --stack 'segregated:64(slab:64,buddy)' --pattern generations --seed 7)" = "$one" ] || one=
done
if [ -n "$one" ]; then ok; else not_ok "it differs"; fi
name="another seed, other figures"
if [ "$("$cairn" lab run --seed 1 | tail -n +3)" != "$("$cairn" lab run --seed 2 | tail -n +3)" ]; then
    ok
else
    not_ok "the seed does nothing"
fi
name="a pattern printed and read again plays the same"
"$cairn" lab ops --pattern sawtooth --live 30 --steps 300 >calls
"$cairn" lab run --pattern sawtooth --live 30 --steps 300 --region 32K --fit best | tail -n +3 >direct
"$cairn" lab run --pattern ops:calls --region 32K --fit best | tail -n +3 >from-file
if [ "$(wc -l <calls)" = 300 ] && diff <(grep -v next direct) <(grep -v next from-file) >out; then
    ok
else
    not_ok "they differ"
fi

# --- traces ------------------------------------------------------------------------------------------

cat >trace.txt <<'END'
cairn trace 1
alloc 0x1000 100
alloc 0x2000 5000
realloc 0x1000 0x3000 300
free 0x9990
free 0x2000
END
printf 'alloc 0 100\nalloc 1 5000\nresize 0 300\nfree 1\n' >wanted
name="a recorded trace as calls; what was never allocated is left out"
see "$cairn" lab ops --pattern trace:trace.txt
if [ "$code" = 0 ] && cmp -s out wanted; then ok; else not_ok "other calls"; fi
expect "a trace is played" 0 'out:^trace:trace.txt: 4 calls; at most 2 blocks, 5.2 KiB' 'out:^heap ' -- \
    "$cairn" lab run --pattern trace:trace.txt --fit best --allocator heap
expect "no more of it than asked for" 0 'out:: 2 calls' -- \
    "$cairn" lab run --pattern trace:trace.txt --steps 2
echo 'alloc 0x7000' >>trace.txt
expect "a damaged trace is played up to the damage" 0 'out:: 4 calls' 'err:trace.txt is .*line 7' -- \
    "$cairn" lab run --pattern trace:trace.txt
expect "no such trace" 125 'err:nowhere' no-out -- "$cairn" lab run --pattern trace:nowhere

# --- documents -------------------------------------------------------------------------------------

name="the document has tables, bars, series and heap maps that add up"
see "$cairn" lab run --fit first,best --pattern sawtooth --steps 2000 --region 256K --json -o doc.json
if [ "$code" = 0 ] && python3 - doc.json >out <<'END'; then ok; else not_ok "see above"; fi
import json, sys
sections = json.load(open(sys.argv[1]))["sections"]
kinds = [s["kind"] for s in sections]
assert kinds.count("table") == 3 and kinds.count("bars") == 1 and kinds.count("series") == 6, kinds
maps = [s for s in sections if s["kind"] == "heapmap"]
assert len(maps) == 2
for m in maps:
    assert m["states"] == ["free", "used", "lost inside blocks", "records"] and len(m["frames"]) == 12
    for frame in m["frames"]:
        assert sum(run[1] for run in frame["runs"]) == 256 * 1024, frame["label"]
for s in sections:
    if s["kind"] == "series":
        assert len(s["lines"]) == 2
        for line in s["lines"]:
            assert len(line["x"]) == 200 and line["x"][-1] == 2000
END
expect "a file is not overwritten" 125 'err:doc.json exists; -f' no-out -- \
    "$cairn" lab run --json -o doc.json
expect "but with -f" 0 -- "$cairn" lab run --steps 100 --json -o doc.json -f
name="a sweep's document"
see "$cairn" lab sweep --over fit=first/best,live=16/64 --steps 500 --json
if [ "$code" = 0 ] && python3 - out >wrong <<'END'; then ok; else not_ok "see above"; fi
import json, sys
sections = json.load(open(sys.argv[1]))["sections"]
table = sections[0]
assert [c["name"] for c in table["columns"]][:3] == ["fit", "live", "allocator"]
assert [row[:3] for row in table["rows"]] == [
    ["first", "16", "fit:first,immediate"], ["first", "64", "fit:first,immediate"],
    ["best", "16", "fit:best,immediate"], ["best", "64", "fit:best,immediate"]]
assert [s["title"] for s in sections[1:]] == ["By fit, means over all else", "By live, means over all else"]
mean = sum(row[3] for row in table["rows"][:2]) / 2
assert abs(sections[1]["series"][0]["values"][0] - mean) < 1e-9
END

name="a page"
see "$cairn" lab run --fit first,best --steps 500 --html page.html
if [ "$code" = 0 ] && head -c 15 page.html | grep -qi '<!doctype html>' &&
    grep -q 'cairn.lab' page.html; then
    ok
elif grep -q 'this build of cairn has no page' err && [ ! -e page.html ]; then
    skip "this build has none"
else
    not_ok "none was written"
fi

# --- what must be refused --------------------------------------------------------------------------

refuse() {
    local text=$1
    shift
    expect "refused: $*" 125 "err:^cairn: lab: .*$text" no-out -- "$cairn" lab "$@"
}
refuse 'no part .rnu. \(did you mean run\?\)' rnu
refuse 'no pattern .sawtoth. \(did you mean sawtooth\?\)' run --pattern sawtoth
refuse 'no kind of fit .bset. \(did you mean best\?\)' run --fit bset
refuse 'no kind of coalescing .deferd. \(did you mean deferred\?\)' run --coalesce deferd
refuse 'no allocator .budy. \(did you mean buddy\?\)' run --allocator budy
refuse 'no metric .externl. \(did you mean external\?\)' run --metrics externl
refuse 'no option --patern \(did you mean --pattern\?\)' run --patern random
refuse 'no option -x' run -x
refuse '--seed needs a value' run --seed
refuse 'not .many.' run --live many
refuse 'not .0.' run --live 0
refuse 'not .9\.\.3.' run --size 9..3
refuse 'not .1\.5K.' run --region 1.5K
refuse 'not .7.' run --region 7
refuse "is no option" run random
refuse "cannot read nowhere" run --pattern ops:nowhere
refuse 'robson needs' run --pattern robson --live 4 --size 1M
refuse 'the stack .fitt., at character 1: no such allocator' run --stack fitt
refuse 'fit alone, so it does not go with --over allocator' sweep --over allocator=buddy,fit=first
refuse 'fit alone, not about other allocators' sweep --over coalesce --allocator buddy
refuse 'no dimension .fits.' sweep --over fits
refuse 'a sweep needs --over' sweep
refuse 'has fit twice' sweep --over fit,fit
refuse 'more than 10000 combinations' sweep --over "fit,coalesce,pattern,size,live,seed,region"
refuse 'a seed is a number' sweep --over seed=x
refuse 'needs a terminal' run --watch
refuse 'shows, and writes nothing' run --watch --json
refuse 'no demonstration .aren. \(did you mean arena\?\)' demo aren
printf 'alloc 0 5\nfree 1\n' >bad
refuse 'bad:2: there is no such block in use' run --pattern ops:bad
expect "one that cannot begin is a blank line, the others play" 0 'err:fit:first,deferred cannot begin' \
    'out:^fit:first,immediate +50.0 %' -- "$cairn" lab run --pattern ops:middle --region 1K \
    --fit first --coalesce immediate,deferred --at end --metrics external
if [ -e /dev/full ]; then
    expect "a full disk" 125 'err:cannot write' -- sh -c "'$cairn' lab run >/dev/full"
fi

name="ended by a signal: no file is left"
"$cairn" lab run --steps 3000000 --all --json -o early.json >out 2>err &
for _ in $(seq 100); do
    [ -e early.json ] && break
    sleep 0.05
done
was=$([ -e early.json ] && echo there)
kill -TERM $!
wait $!
code=$?
if [ "$was" = there ] && [ "$code" = 143 ] && [ ! -e early.json ]; then ok; else not_ok "was ${was:-not there}"; fi

# --- help ------------------------------------------------------------------------------------------

for part in "" run sweep demo ops; do
    name="help fits a screen: lab $part"
    # shellcheck disable=SC2086 # none is no argument
    see "$cairn" lab $part --help
    if [ "$code" = 0 ] && head -n 1 out | grep -q '^Example:' && [ "$(wc -l <out)" -le 32 ] &&
        [ "$(awk '{ if (length > most) most = length } END { print most }' out)" -le 100 ]; then
        ok
    else
        not_ok "code, example, or size"
    fi
done
expect "every figure is defined" 0 'out:^external ' 'out:1 - largest free / all free' \
    'out:1 - requested / granted' 'out:^high_water ' -- "$cairn" lab metrics
expect "every pattern is described" 0 'out:^robson ' 'out:^trace:FILE ' -- "$cairn" lab patterns
expect "help by the common verb" 0 'out:cairn lab demo' -- "$cairn" help lab

# --- demonstrations --------------------------------------------------------------------------------

expect "demo: statistics" 0 'out:counted: [0-9]+ allocations' 'out:^next:' -- \
    "$cairn" lab demo statistics
expect "demo: arena" 0 'out:one more \.+ NULL' 'out:the old mark \.+ is refused' \
    'out:40, 1521' -- "$cairn" lab demo arena
expect "demo: slab" 0 "out:Grace's key finds \.+ nothing: the key is stale" \
    'out:given back twice \.+ refused' -- "$cairn" lab demo slab
expect "demo: heap" 0 'out:every other one freed \.+ 500 blocks' \
    'out:walk over the heap finds \.+ 500 blocks' -- "$cairn" lab demo heap
expect "demo: fragmentation" 0 'out:external fragmentation \.+ 80.0 %' \
    'out:a request of 880 bytes \.+ gets NULL' 'out:a request of 880 bytes \.+ is met' -- \
    "$cairn" lab demo fragmentation
expect "demo: benchmark" 0 'out:small: 10000 blocks of 64 bytes' 'out:large: 1000 blocks of 8192' \
    "out:^heap \(Cairn's malloc\)" 'out:walk ns' -- "$cairn" lab demo benchmark
name="demonstrations say nothing that should not be"
see "$cairn" lab demo arena slab heap
if grep -q 'should not be' out; then not_ok "they do"; else ok; fi
name="demonstrations print the same each time"
if cmp -s <("$cairn" lab demo arena slab heap fragmentation) <("$cairn" lab demo arena slab heap fragmentation)
then ok; else not_ok "they differ"; fi

# --- the live heap map -----------------------------------------------------------------------------

screen() { tmux -L "$server" capture-pane -p -t lab 2>/dev/null; }
keys() { tmux -L "$server" send-keys -t lab "$@"; }
stop() { tmux -L "$server" kill-server 2>/dev/null; }

# shows REGEX: waits until the screen has it.
shows() {
    local i
    for i in $(seq 100); do
        screen | grep -qE -- "$1" && return 0
        sleep 0.1
    done
    return 1
}

# on_screen NAME REGEX
on_screen() {
    name=$1
    if shows "$2"; then ok; else screen >out; not_ok "no /$2/ on the screen"; fi
}

started=0

# start WIDTH HEIGHT SETTINGS OPTION...
start() {
    local width=$1 height=$2 settings=$3
    shift 3
    server=cairn-lab-$$-$width-$((++started))
    tmux -L "$server" -f /dev/null new -d -s lab -x "$width" -y "$height" \
        "env $settings sh"
    shows '[$#]$'
    keys "stty -g >before; '$cairn' lab run $* --watch; echo code \$?; stty -g >after" Enter
    shows 'call 0 of'
}

if ! command -v tmux >/dev/null; then
    name="the live heap map"
    skip "there is no tmux"
else
    start 80 24 "LC_ALL=C TERM=screen" --pattern sawtooth --steps 3000 --fit best --allocator buddy
    on_screen "watch: the keys are shown" 'space play.*w worst.*q quit'
    keys Down
    on_screen "watch: a hundred calls on" 'call 100 of 3 000'
    screen >at-100
    name="watch: the picture is a heap"
    if grep -q '####' at-100 && grep -q '\.\.\.\.' at-100 && grep -q 'external' at-100; then ok; else
        cp at-100 out; not_ok "it is not"; fi
    name="watch: 80 columns, 24 lines, no more"
    if [ "$(awk '{ if (length > most) most = length } END { print most }' at-100)" -le 80 ] &&
        [ "$(wc -l <at-100)" -le 24 ]; then ok; else cp at-100 out; not_ok "it is"; fi
    keys Right
    on_screen "watch: a call on" 'call 101 of'
    screen >at-101
    keys Left
    shows 'call 100 of'
    name="watch: back shows the same picture as before"
    if cmp -s <(screen) at-100 && ! cmp -s at-100 at-101; then ok; else screen >out; not_ok "it does not"; fi
    keys G
    on_screen "watch: to the end" 'call 3 000 of'
    keys Up
    on_screen "watch: a hundred back" 'call 2 900 of'
    for _ in 1 2 3; do keys PPage; done
    on_screen "watch: three tenths back" 'call 1 997 of'
    keys g
    shows 'call 0 of'
    keys Down
    shows 'call 100 of'
    name="watch: from far back the same picture, too"
    if cmp -s <(screen) at-100; then ok; else screen >out; not_ok "it is not"; fi
    keys w
    on_screen "watch: the worst moment" 'here external fragmentation is worst'
    worst=$("$cairn" lab run --pattern sawtooth --steps 3000 --fit best --buddy --samples 1000 \
        --at worst --metrics external | awk '/^fit:best/ { print $2 }')
    on_screen "watch: which is what a run says" "external +$worst %"
    keys Tab
    on_screen "watch: the next allocator" 'on buddy'
    keys '?'
    on_screen "watch: help" 'to the worst moment'
    tmux -L "$server" resize-window -t lab -x 90 -y 30
    sleep 0.3
    on_screen "watch: help stays when the window changes" 'to the worst moment'
    keys Escape
    tmux -L "$server" resize-window -t lab -x 110 -y 34
    on_screen "watch: grows with its window" '^.{100,110}[0-9] %'
    tmux -L "$server" resize-window -t lab -x 50 -y 12
    on_screen "watch: a window that is too small" 'too small'
    tmux -L "$server" resize-window -t lab -x 80 -y 24
    on_screen "watch: and back" 'space play'
    keys g + + + + + + Space
    on_screen "watch: plays to the end" 'call 3 000 of'
    keys q
    on_screen "watch: q ends it" 'code 0'
    name="watch: the terminal is as before"
    sleep 0.2
    if cmp -s before after; then ok; else not_ok "stty says other than before"; fi
    stop

    start 80 24 "LC_ALL=C TERM=screen" --pattern ops:$tmp/middle --region 1K --fit first \
        --coalesce immediate,deferred,never
    keys Tab
    on_screen "watch: an allocator that cannot begin is passed over" 'on fit:first,never'
    keys q
    on_screen "watch: and is no end" 'code 0'
    stop

    start 80 24 "LC_ALL=C.UTF-8 TERM=screen-256color" --pattern cycles --steps 500 --fit first
    keys Down
    on_screen "watch: blocks in UTF-8" '██'
    keys C-c
    on_screen "watch: ^C ends it" '^code [1-9]'
    stop
    start 80 24 "NO_COLOR=1 LC_ALL=C TERM=screen-256color" --pattern cycles --steps 500 --fit first
    keys Down
    shows 'call 100 of'
    name="watch: NO_COLOR"
    if tmux -L "$server" capture-pane -e -p -t lab | grep -qE $'\e\\[[0-9;]*(3[0-7]|38)'; then
        not_ok "there are colours"
    else
        ok
    fi
    keys q
fi

finish
