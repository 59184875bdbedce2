#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Where verbs write, the same for all of them: -o - is standard output, or refused in one line; on a
# full disk no cut file is left, and what was to be overwritten is as it was.
#
#   output.sh CAIRN MALLOC-LIBRARY
#
# Prints `ok name`, `not ok name` or `skip name` for each test. Exit code 1 if one failed.

set -u

cairn=$(realpath -- "${1:?usage: output.sh CAIRN MALLOC-LIBRARY}")
CAIRN_LIB=$(realpath -- "${2:?usage: output.sh CAIRN MALLOC-LIBRARY}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/here" && cd "$tmp/here" || exit 2
export CAIRN_LIB LC_ALL=C HOME=$tmp
unset NO_COLOR CLICOLOR_FORCE COLUMNS
# shellcheck source=test/cli/lib.sh
. "$here/lib.sh"

# A trace whose forms are all longer than the room that is given below.
awk 'BEGIN {
    print "cairn trace 1"
    for (i = 1; i <= 4000; i++) print i, i * 1000, 0, "alloc", sprintf("0x%x", i * 4096 + (i * i % 97) * 8), i * i * 7919 % 3000 + 1
}' >t.txt
"$cairn" trace --compress -o t.czt t.txt 2>"$tmp/err" || cat "$tmp/err"
few=(--rounds 1 --allocators system,cairn)

# ---- -o - ----

# standard_output NAME REGEX COMMAND...: what REGEX says is in out, and no file is made.
standard_output() {
    local wanted=$2
    name="standard output: $1"
    shift 2
    rm -f ./-
    see "$@"
    [ "$code" = 0 ] && grep -qE -- "$wanted" "$tmp/out" && [ ! -e - ]
    judge "/$wanted/ is not in out, or a file named - was made"
}

standard_output run '^cairn: true exited 0' "$cairn" run -o - true
standard_output run-json '"cairn.run"' "$cairn" run --json -o - true
standard_output compare '^cairn .* [mu]s' "$cairn" compare "${few[@]}" -o - true
standard_output compare-csv '^cairn,1,1,' "$cairn" compare "${few[@]}" --csv -o - true
check csv-alone test "$(grep -c '^allocator ' "$tmp/out")" = 0
standard_output trace ' 4 000 events' "$cairn" trace -o - t.czt
standard_output trace-text '^cairn trace 1' "$cairn" trace --text -o - t.czt
standard_output trace-compress . "$cairn" trace --compress -o - t.txt
check compressed-is-the-same cmp "$tmp/out" t.czt
standard_output report '</html>' "$cairn" report -o - t.czt
standard_output report-text 'never freed' "$cairn" report --text -o - t.czt
standard_output export '"dhatFileVersion"' "$cairn" report --export dhat -o - t.czt
standard_output diff '</html>' "$cairn" diff -o - t.czt t.czt
standard_output replay '^cairn .* [mun]s' "$cairn" replay "${few[@]}" -o - t.czt
standard_output replay-csv '^cairn,time,1,' "$cairn" replay "${few[@]}" --csv -o - t.czt
standard_output replay-json '"cairn.replay"' "$cairn" replay "${few[@]}" --json -o - t.czt
check json-alone python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$tmp/out"
standard_output lab-run '^on fit:best' "$cairn" lab run --fit best --coalesce never --steps 50 -o -
standard_output lab-html '</html>' "$cairn" lab run --fit best --steps 50 --html -
standard_output lab-json '"cairn.lab"' "$cairn" lab run --fit best --steps 50 --json -o -
standard_output lab-sweep '^fit:best' "$cairn" lab sweep --over fit --steps 50 -o -
standard_output lab-demo 'arena' "$cairn" lab demo -o - arena
standard_output lab-ops '^alloc ' "$cairn" lab ops --steps 50 -o -
standard_output bench-json '"cairn.bench"' "$cairn" bench --quick --only hello "${few[@]}" --json -o -
check bench-json-alone python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$tmp/out"
standard_output bench-csv '^hello,workload,cairn,' \
    "$cairn" bench --quick --only hello "${few[@]}" --csv - -o bench.txt
expect record-to-stdout 125 err:'standard output is the program' one-line no-out -- "$cairn" record -o - true
expect bench-both-to-stdout 125 err:'-o FILE' one-line no-out -- "$cairn" bench --quick --csv -

expect lab-ops-to-a-file 0 no-out -- "$cairn" lab ops --steps 50 -o calls
check lab-ops-wrote grep -q '^alloc ' calls
expect lab-ops-keeps-files 125 err:'calls exists' one-line -- "$cairn" lab ops --steps 50 -o calls

# ---- no room ----

# no_room NAME FILE COMMAND...: the command, which writes more than 4 KiB to FILE, is given no more.
no_room() {
    local file=$2
    name="no room: $1"
    shift 2
    rm -f -- "$file"*
    code=0
    (ulimit -f 4; exec "$@") >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    [ "$code" = 125 ] && grep -qE "cannot write ($file|the trace): File too large" "$tmp/err" &&
        [ "$(wc -l <"$tmp/err")" = 1 ] && [ -z "$(find . -name "$file*")" ]
    judge "a file is left, or no one line about it"

    name="$name, -f"
    echo before >"$file"
    code=0
    (ulimit -f 4; exec "$@" -f) >"$tmp/out" 2>"$tmp/err" </dev/null || code=$?
    [ "$code" = 125 ] && [ "$(cat "$file")" = before ] && [ "$(find . -name "$file*")" = "./$file" ]
    judge "the file that was there is not as it was, or one is left beside it"
}

no_room trace-text new "$cairn" trace --text -o new t.czt
no_room trace-compress new "$cairn" trace --compress -o new t.txt
no_room report new "$cairn" report -o new t.czt
no_room report-json new "$cairn" report --json -o new t.czt
no_room diff new "$cairn" diff -o new t.czt t.czt
no_room export new "$cairn" report --export massif -o new t.czt
no_room lab-html new "$cairn" lab run --fit best --steps 50 --html new
no_room lab-ops new "$cairn" lab ops --steps 2000 -o new

expect full-device 125 err:'cannot write /dev/full: No space' one-line -- "$cairn" report -o /dev/full t.czt
check full-device-stays test -c /dev/full
name='full standard output'
"$cairn" report -o - t.czt >/dev/full 2>"$tmp/err"
code=$?
[ "$code" = 125 ] && grep -q 'No space left' "$tmp/err"
judge 'no message'

# ---- what is overwritten keeps its mode, its names, and symbolic links to it ----

echo old >kept && chmod 640 kept && ln -s kept link
expect overwrite-by-a-link 0 -- "$cairn" report --json -f -o link t.czt
check link-stays test "$(readlink link)" = kept
check link-target-written grep -q cairn.profile kept
check mode-stays test "$(stat -c %a kept)" = 640
echo old >one && ln one two
expect overwrite-one-name 0 -- "$cairn" report --json -f -o one t.czt
check names-stay cmp one two
check nothing-beside test "$(find . -name 'kept.*' -o -name 'one.*' -o -name 'link.*' | wc -l)" = 0

finish
