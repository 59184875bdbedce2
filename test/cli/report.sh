#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `cairn report` and `cairn diff` from outside: what they write, say and refuse; then the page itself
# in a headless Chromium (report/page.py), if there is one.
#
#   report.sh CAIRN
#
# Prints `ok name`, `not ok name` or `skip name` for each test. Exit code 1 if one failed.

set -u

cairn=$(realpath -- "${1:?usage: report.sh CAIRN}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2

export LC_ALL=C
unset NO_COLOR CLICOLOR_FORCE COLUMNS

# shellcheck source=lib.sh
. "$here/lib.sh"

has() { grep -qF -- "$2" "$1"; }
has_not() { ! grep -qF -- "$2" "$1"; }
same() { [ "$1" = "$2" ]; }

# value FILE EXPRESSION: of Python, where d is the document.
value() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"; }

python3 "$here/report/make_documents.py" kinds kinds.json || exit 2

# --- report: the page -----------------------------------------------------------------------------

expect help 0 'out:^Example: ' no-err -- "$cairn" report --help
check help-fits-a-screen test "$(wc -l <out)" -le 24
expect without-file 125 'err:which file' no-out -- "$cairn" report
expect unknown-option 125 'err:did you mean --suppressions' -- "$cairn" report --supressions x kinds.json
expect page 0 'out:^cairn.kinds.html  [0-9.]+ KiB$' 'out:peak heap +10.7 MiB' 'out:cairn report --text' no-err -- \
    "$cairn" report kinds.json
check page-begins-as-html same "$(head -c 15 cairn.kinds.html)" '<!doctype html>'
check page-has-title has cairn.kinds.html '<title>Every kind of section</title>'
check page-has-one-end-of-data same "$(grep -o '</script' cairn.kinds.html | wc -l)" 2
check page-escapes-tags has cairn.kinds.html '\u003c/script>'
check page-escapes-line-ends has cairn.kinds.html '\u2028'
check page-sends-no-forms has cairn.kinds.html "form-action 'none'"
check page-names-no-host sh -c "! grep -oE '(src|href)=.https?:' cairn.kinds.html"
check page-brings-licences has cairn.kinds.html 'Leon Sorokin'
expect page-exists 125 'err:cairn.kinds.html exists; -f overwrites it' no-out -- "$cairn" report kinds.json
expect page-overwritten 0 -- "$cairn" report -f kinds.json
expect page-to-stdout 0 'out:^<!doctype html>' no-err -- "$cairn" report -o - kinds.json
expect page-named 0 'out:^other.html' -- "$cairn" report -o other.html kinds.json
expect page-of-several 0 -- "$cairn" report -o several.html kinds.json kinds.json
check page-of-several-title has several.html '<title>kinds.json and 1 more</title>'
printf '{"schema": "cairn.x", "version": 1, "title": "a <b> & \\"c\\"", "sections": []}' >title.json
expect page-with-odd-title 0 -- "$cairn" report title.json
check title-is-escaped has cairn.title.html '<title>a &lt;b&gt; &amp; &quot;c&quot;</title>'
expect no-room 125 'err:cannot write the report' -- sh -c '"$1" report -o - kinds.json >/dev/full' sh "$cairn"
check no-room-is-said-once test "$(wc -l <err)" = 1
expect no-folder 125 'err:cannot write there/page.html' no-out -- "$cairn" report -o there/page.html kinds.json

# --- report: text, documents, and what it refuses -------------------------------------------------

expect text 0 'out:^Call sites$' 'out:never freed +2.3 MiB' 'out:and 35 rows more' 'out:growth by realloc +1.00x' no-err -- \
    "$cairn" report --text kinds.json
check text-has-no-escapes has_not out "$(printf '\033')"
expect text-in-colour 0 "out:$(printf '\033')" -- "$cairn" report --text --color always kinds.json
expect text-without-colour 0 -- env NO_COLOR=1 CLICOLOR_FORCE=1 "$cairn" report --text kinds.json
check text-heeds-no-color has_not out "$(printf '\033')"
printf '{"schema": "cairn.x", "version": 1, "title": "t\\u001b[31m\\u009bX", "sections": []}' >escape.json
expect text-of-orders 0 'out:^t.\[31m' -- "$cairn" report --text escape.json
check text-gives-no-orders has_not out "$(printf '\033')"
expect json 0 no-err -- "$cairn" report --json kinds.json
cp out again.json
check json-is-the-document same "$(value again.json 'd == json.load(open("kinds.json"))')" True
expect json-of-several 0 no-err -- "$cairn" report --json kinds.json title.json
cp out several.json
check json-of-several-is-a-list same "$(value several.json '[e["schema"] for e in d]')" "['cairn.example', 'cairn.x']"

expect missing-file 125 'err:cannot read nothing.json: No such file' no-out -- "$cairn" report nothing.json
: >empty
expect empty-file 125 'err:cannot read empty: it is empty' no-out -- "$cairn" report empty
head -c 3000 kinds.json >cut.json
expect cut-document 125 'err:cannot read cut.json: line 1, column [0-9]+' no-out -- "$cairn" report cut.json
check nothing-is-left test ! -e cairn.cut.html
echo '{"schema": "other.thing"}' >foreign.json
expect foreign-document 125 'err:foreign.json is no document of cairn' -- "$cairn" report foreign.json
echo '{"schema": "cairn.replay", "version": 9, "sections": []}' >future.json
expect future-document 125 'err:future.json is a document cairn.replay of version 9' -- "$cairn" report future.json
echo '{"schema": "cairn.x", "version": 1, "title": 5, "sections": [7, {"kind": "table", "columns": 3, "rows": [1]}, {"kind": "figures", "items": [{}]}, {"kind": "flame", "nodes": {}}]}' >odd.json
expect odd-document-text 0 no-err -- "$cairn" report --text odd.json
expect odd-document-page 0 no-err -- "$cairn" report odd.json
expect odd-document-diff 0 no-err -- "$cairn" diff --text odd.json odd.json

expect export-of-document 125 'err:--export wants a recording' -- "$cairn" report --export pprof kinds.json
expect export-unknown 125 'err:no format .pprfo. \(did you mean pprof' -- "$cairn" report --export pprfo kinds.json
expect limit-unknown 125 'err:did you mean peak' -- "$cairn" report --fail-on 'peek>1M' kinds.json
expect limit-without-amount 125 'err:peak>64M' -- "$cairn" report --fail-on peak kinds.json
expect limit-no-amount 125 "err:'12X' is no amount" -- "$cairn" report --fail-on 'leak,peak>12X' kinds.json
expect limit-of-document 125 'err:--fail-on wants a recording' -- "$cairn" report -f --fail-on leak kinds.json
expect process-of-document 125 'err:--process wants a recording' -- "$cairn" report -f --process 0 kinds.json
expect process-no-number 125 "err:--process is a number, not '-3'" -- "$cairn" report --process -3 kinds.json

# --- diff -----------------------------------------------------------------------------------------

expect diff-help 0 'out:^Example: ' no-err -- "$cairn" diff --help
check diff-help-fits-a-screen test "$(wc -l <out)" -le 24
expect diff-of-one 125 'err:two files are compared, not 1' -- "$cairn" diff kinds.json
expect diff-other-schema 125 'err:they cannot be compared' -- "$cairn" diff kinds.json title.json

change='
import json
d = json.load(open("kinds.json"))
s = {section["title"]: section for section in d["sections"]}
s["in short"]["items"][2]["value"] = 50000000
s["allocators"]["rows"][1][1] = 2.88
s["allocators"]["rows"][3][0] = "newcomer"
s["call stacks"]["nodes"][1][2] += 1000
del d["sections"][-1]
json.dump(d, open("changed.json", "w"))'
python3 -c "$change"
expect diff-json 0 no-err -- "$cairn" diff --json kinds.json changed.json
cp out diff.json
row() { value diff.json "[row for s in d['sections'] if s['title'] == '$1' for row in s['rows'] if row[0] == '$2']"; }
check diff-schema same "$(value diff.json 'd["schema"]')" cairn.diff
check diff-figure same "$(row 'in short: count' allocations)" "[['allocations', 45200512, 50000000, 4799488, 10.618216]]"
check diff-row same "$(row 'allocators: time' system)" "[['system', 1.44, 2.88, 1.44, 100]]"
check diff-row-new same "$(row 'allocators: time' newcomer)" "[['newcomer', None, 1.19, None, None]]"
check diff-row-gone same "$(row 'allocators: time' mimalloc)" "[['mimalloc', 1.19, None, None, None]]"
sum() { value diff.json "[sum(n[$1] for n in s['nodes']) for s in d['sections'] if s['title'] == 'call stacks']"; }
check diff-stacks-add-up same "$(value diff.json "[sum(n[2] - n[3] for n in s['nodes']) for s in d['sections'] if s['title'] == 'call stacks']")" '[1000]'
check diff-stacks-before same "$(sum 3)" "[$(value kinds.json "int(sum(n[2] for s in d['sections'] if s['title'] == 'call stacks' for n in s['nodes']))")]"
check diff-only-before same "$(value diff.json "[s['text'] for s in d['sections'] if s['title'] == 'Only before']")" "['heap map']"
expect diff-text 0 'out:allocations +45 200 512 +50 000 000 +4 799 488 +10.6 %' -- "$cairn" diff --text kinds.json changed.json
expect diff-page 0 'out:^cairn.diff.html' -- "$cairn" diff kinds.json changed.json
expect diff-page-exists 125 'err:cairn.diff.html exists' no-out -- "$cairn" diff kinds.json changed.json

# --- recordings -----------------------------------------------------------------------------------

# One process: three blocks, of which the second is freed at once, and the third never.
cat >small.trace <<'END'
cairn trace 1
@info command="prog --fast" machine="x86_64" began=1770000000 page-size=4096 end=marked
@process 0 parent=0 pid=7 command="prog --fast"
@thread 0 process=0 tid=7 name="main"
@module 0 path="/nowhere/prog" build-id=""
@node 1 parent=0 module=0 offset=0x1000
@node 2 parent=1 module=0 offset=0x2000
@node 3 parent=1 module=0 offset=0x3000
1 1000 0 alloc 0x10000 1000 stack=2
2 2000 0 alloc 0x20000 3000 stack=3
3 3000 0 free 0x20000
4 4000 0 alloc 0x30000 500 stack=3
5 5000 0 free 0x10000
@end
END
sed 's/alloc 0x30000 500/alloc 0x30000 1500/' small.trace >larger.trace

expect recording-page 0 'out:^cairn.small.html' 'out:never freed +500 B' 'out:allocations +3$' no-err -- \
    "$cairn" report small.trace
check recording-page-has-command grep -q '"command":\["cairn","report","small.trace"\]' cairn.small.html
expect recording-text 0 'out:4500 B|4.4 KiB' no-err -- "$cairn" report --text small.trace
expect recording-from-stdin 0 'out:never freed +500 B' no-err -- \
    sh -c '"$1" report --text - <small.trace' sh "$cairn"
echo 'leak:prog' >suppressions
expect recording-suppressed 0 no-err -- \
    "$cairn" report --text --suppressions suppressions --fail-on leak small.trace
expect recording-json 0 no-err -- "$cairn" report --json small.trace
cp out small.json
check recording-json-schema same "$(value small.json 'd["schema"], d["version"]')" "('cairn.profile', 1)"
stacks='[sum(n[2 + m] for n in s["nodes"]) for s in d["sections"] if s["kind"] == "flame" for m in range(4)]'
check recording-stacks-add-up same "$(value small.json "$stacks")" '[4500, 3, 4000, 500]'
expect recording-limits-hold 0 no-err -- \
    "$cairn" report -f --fail-on 'leak>500,peak>4000,bytes>4500,allocs>3,temporary>50%' small.trace
expect recording-leaks 1 "err:^cairn: small.trace: 500 B never freed, more than 0 B" -- \
    "$cairn" report -f --fail-on leak small.trace
check recording-leaks-in-one-line test "$(wc -l <err)" = 1
for limit in 'leak>499' 'peak>3999' 'bytes>4K' 'allocs>2' 'temporary>30%'; do
    expect "recording-limit-$limit" 1 "err:more than" -- "$cairn" report --text --fail-on "$limit" small.trace
done
expect recording-diff-text 0 'out:never freed' no-err -- "$cairn" diff --text small.trace larger.trace
expect recording-diff 0 'out:never freed +1000 B \(from 500 B to 1.5 KiB\)' no-err -- \
    "$cairn" diff -o traces.html small.trace larger.trace
expect recording-diff-mixed 125 'err:they cannot be compared' -- "$cairn" diff -f small.trace kinds.json
expect recording-diff-document 0 no-err -- "$cairn" diff --json small.json larger.trace
expect recording-no-process 125 'err:has no process 3' -- "$cairn" report --process 3 --text small.trace
head -n 10 small.trace >cut.trace
expect recording-cut 0 'err:cut.trace: ' -- "$cairn" report --text cut.trace
expect recording-cut-is-not-judged 1 'err:cut.trace is not whole: whether the limits hold cannot be told' -- \
    "$cairn" report --text --fail-on 'peak>1G' cut.trace
echo 'cairn trace 9' >future.trace
expect recording-of-the-future 125 'err:version 9' no-out -- "$cairn" report future.trace
head -c 3000 /dev/zero >zeros
expect recording-of-nothing 125 no-out -- "$cairn" report zeros
check nothing-is-made test ! -e cairn.zeros.html

expect export-list 0 'out:^pprof  ' 'out:^dhat  ' no-err -- "$cairn" report --export list
expect export-folded 0 'out:^written to small.folded$' no-err -- "$cairn" report --export folded -o small.folded small.trace
expect export-folded-to-stdout 0 'out:^prog.* 1000$' no-err -- "$cairn" report --export folded small.trace
check export-folded-adds-up same "$(awk '{ sum += $NF } END { print sum }' small.folded)" 4500
expect export-of-two 125 'err:takes one recording, not 2' -- "$cairn" report --export folded small.trace larger.trace
expect export-exists 125 'err:small.folded exists' -- "$cairn" report --export folded -o small.folded small.trace

# --- several processes ----------------------------------------------------------------------------

cat >two.trace <<'END'
cairn trace 1
@info command="sh build.sh" machine="x86_64" began=1770000000 page-size=4096 end=marked
@process 0 parent=0 pid=7 command="sh build.sh"
@process 1 parent=0 pid=8 command="cc1\x0aa.c\x1b[31m"
@thread 0 process=0 tid=7 name="sh"
@thread 1 process=1 tid=8 name="cc1"
@module 0 path="/nowhere/c\x1b\x0ac1" build-id=""
@node 1 parent=0 module=0 offset=0x1000
1 1000 0 alloc 0x10000 1000
2 2000 1 alloc 0x10000 3000 stack=1
3 3000 0 free 0x10000
4 4000 0 alloc 0x20000 2000
5 5000 1 exit 0
6 6000 0 exit 0
@end
END
expect processes-text 0 'out:peak +4.9 KiB in 2 blocks' 'out:processes +2; all figures are of all of them together' \
    'out:greatest peak +2.9 KiB, process 1, cc1 a.c' no-err -- "$cairn" report --text two.trace
check processes-text-gives-no-orders has_not out "$(printf '\033')"
check processes-text-keeps-lines test "$(grep -c '^c1' out)" = 0
expect processes-json 0 no-err -- "$cairn" report --json two.trace
cp out two.json
check processes-table same "$(value two.json '[r[1:] for s in d["sections"] if s["title"] == "Processes" for r in s["rows"]]')" \
    "[['1', '8', 3000, 3000, 3000, 1], ['0', '7', 2000, 2000, 3000, 2]]"
check processes-map same "$(value two.json '["This is process 1, cc1" in s["note"] for s in d["sections"] if s["kind"] == "heapmap"]')" '[True]'
expect process-text 0 'out:^sh build.sh: process 1, cc1 a.c' 'out:peak +2.9 KiB in 1 block' no-err -- \
    "$cairn" report --text --process 1 two.trace
check process-alone-says-nothing-of-others has_not out 'of all of them'
expect process-json 0 no-err -- "$cairn" report --json --process 1 two.trace
cp out one.json
check process-is-named same "$(value one.json 'd["process"], [s["title"] for s in d["sections"] if s["title"] == "Processes"]')" '(1, [])'
expect process-dhat 0 'out:"pid":8,' 'out:"cmd":"cc1' no-err -- "$cairn" report --export dhat --process 1 two.trace
expect export-massif-lines 0 no-err -- "$cairn" report --export massif two.trace
check export-massif-keeps-lines test "$(grep -c '^c1' out)" = 0

expect diff-process 0 'out:^From two.trace to two.trace, process 1 of each$' no-err -- \
    "$cairn" diff --text --process 1 two.trace two.trace

# --- what must not be done ------------------------------------------------------------------------

cp small.trace precious.trace
expect not-onto-itself 125 'err:report: \./precious.trace cannot be written while it is read' no-out -- \
    "$cairn" report -f -o ./precious.trace precious.trace
expect diff-not-onto-itself 125 'err:diff: precious.trace cannot be written while it is read' no-out -- \
    "$cairn" diff -f -o precious.trace small.trace precious.trace
check nothing-is-lost cmp small.trace precious.trace
expect one-form 125 'err:report: one of --text, --json and --export' no-out -- "$cairn" report --text --json small.trace
expect diff-one-form 125 'err:diff: one of --text and --json' no-out -- "$cairn" diff --json --text small.trace small.trace
expect diff-process-of-document 125 'err:kinds.json is a document: --process wants a recording' no-out -- \
    "$cairn" diff --text --process 0 kinds.json changed.json
expect diff-suppressions-of-document 125 'err:--suppressions wants a recording' no-out -- \
    "$cairn" diff --text --suppressions suppressions kinds.json changed.json
expect limit-of-percent 125 "err:'50K' is no amount" no-out -- "$cairn" report --fail-on 'temporary>50K' small.trace
expect recording-from-pipe 0 'out:never freed +500 B' no-err -- \
    bash -c '"$1" report --text <(cat small.trace)' bash "$cairn"
see "$cairn" diff --text small.trace larger.trace
cp out there.txt
expect diff-text-to-file 0 'out:^written to diff.txt' no-err -- "$cairn" diff --text -o diff.txt small.trace larger.trace
check diff-text-is-the-same cmp there.txt diff.txt

# --- documents without sections -------------------------------------------------------------------

echo '{"schema": "cairn.other", "version": 1, "seed": 7, "verified": true, "allocators": [
  {"name": "system", "peak_bytes": 2048, "runs": [1, 2]}, {"name": "cairn", "peak_bytes": 1024, "wall": {"median": 1.5}}]}' >plain.json
sed 's/1024/3072/' plain.json >plain2.json
expect plain-text 0 'out:^plain.json$' 'out:^  seed +7$' 'out:^  verified +yes$' 'out:^Allocators$' \
    'out:^  system peak bytes +2.0 KiB$' 'out:^  system runs +1 2$' 'out:^  cairn wall median +1.5$' no-err -- \
    "$cairn" report --text plain.json
expect plain-diff 0 'out:cairn peak bytes +1.0 KiB +3.0 KiB +2.0 KiB +200.0 %' no-err -- \
    "$cairn" diff --text plain.json plain2.json
check plain-diff-leaves-out-equal-words has_not out verified

# --- the page in a browser ------------------------------------------------------------------------

python3 "$here/report/page.py" "$cairn" >pages 2>&1
code=$?
cat pages
if [ $code != 0 ]; then
    failed=$((failed + 1))
    grep -q '^not ok' pages || echo "not ok page: exit code $code"
fi

finish
