#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What verbs read may come from a pipe: standard input, process substitution, a named pipe; recordings
# and documents alike.
#
#   input.sh CAIRN MALLOC-LIBRARY
#
# Prints `ok name` or `not ok name` for each test. Exit code 1 if one failed.

set -u

cairn=$(realpath -- "${1:?usage: input.sh CAIRN MALLOC-LIBRARY}")
CAIRN_LIB=$(realpath -- "${2:?usage: input.sh CAIRN MALLOC-LIBRARY}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/here" && cd "$tmp/here" || exit 2
export CAIRN_LIB LC_ALL=C HOME=$tmp
unset NO_COLOR CLICOLOR_FORCE COLUMNS
# shellcheck source=test/cli/lib.sh
. "$here/lib.sh"

awk 'BEGIN {
    print "cairn trace 1"
    for (i = 1; i <= 20000; i++) print i, i * 1000, 0, "alloc", sprintf("0x%x", i * 4096), 100
}' >t.txt
"$cairn" trace --compress -o t.czt t.txt 2>"$tmp/err" || cat "$tmp/err"
"$cairn" report --json -o t.json t.czt >"$tmp/out"
"$cairn" lab run --fit best --steps 50 --json -o lab.json >"$tmp/out"
"$cairn" lab ops --steps 50 -o ops >"$tmp/out"
peak='20 000'

expect substituted-recording 0 "out:$peak" no-err -- "$cairn" report --text <(cat t.czt)
expect substituted-text 0 "out:$peak" no-err -- "$cairn" report --text <(cat t.txt)
expect substituted-document 0 "out:$peak" no-err -- "$cairn" report --text <(cat t.json)
expect late-and-in-pieces 0 "out:$peak" no-err -- \
    "$cairn" report --text <(sleep 0.2; head -c 1 t.json; sleep 0.2; tail -c +2 t.json)
expect several 0 "out:$peak" out:'fit:best' no-err -- \
    "$cairn" report --text <(cat t.json) t.czt <(gzip -c lab.json | zcat)
expect substituted-page 0 out:'^cairn.recording.html' -- "$cairn" report <(cat t.czt)
expect substituted-export 0 out:'unknown. 2000000$' -- "$cairn" report --export folded:peak <(cat t.czt)
expect differing-documents 0 no-err -- "$cairn" diff --text <(cat t.json) <(cat t.json)
expect differing-recordings 0 no-err -- "$cairn" diff --text <(cat t.czt) <(cat t.txt)
expect replayed 0 out:'20 000 operations' no-err -- \
    "$cairn" replay --rounds 1 --allocators system <(cat t.czt)
expect traced 0 out:' 20 000 events' no-err -- "$cairn" trace <(cat t.czt)
expect lab-trace 0 out:'^on fit:best' no-err -- "$cairn" lab run --fit best --pattern trace:<(cat t.czt)
expect lab-ops 0 out:'^on fit:best' no-err -- "$cairn" lab run --fit best --pattern ops:<(cat ops)

# see gives no standard input: the shell that is started does.
expect piped-document 0 "out:$peak" no-err -- sh -c 'cat t.json | "$0" report --text -' "$cairn"
expect document-on-stdin 0 "out:$peak" no-err -- sh -c '"$0" report --text - <t.json' "$cairn"
expect piped-recording 0 "out:$peak" no-err -- sh -c 'cat t.czt | "$0" report --text -' "$cairn"
expect recording-on-stdin 0 "out:$peak" no-err -- sh -c '"$0" report --text - <t.czt' "$cairn"
{ echo a line before; cat t.json; } >both
expect rest-of-stdin 0 "out:$peak" no-err -- \
    bash -c '{ read -r line; "$0" report --text -; } <both' "$cairn"

mkfifo pipe
timeout 20 cat t.czt >pipe &
expect named-pipe-of-a-recording 0 "out:$peak" no-err -- timeout 20 "$cairn" report --text pipe
wait $!
name=named-pipe-writer
judge "what wrote to it was cut off"

expect empty-pipe 125 err:'is empty' one-line no-out -- "$cairn" report --text <(:)
expect empty-stdin 125 err:'is empty' one-line no-out -- "$cairn" report --text -
expect nonsense-pipe 125 err:'is not a trace' one-line no-out -- "$cairn" report --text <(echo nonsense)
expect broken-document 125 err:'cannot read /dev/fd/.*line [12],' one-line no-out -- \
    "$cairn" report --text <(echo '{"schema": ')
expect nonsense-replayed 125 err:'is not a trace' one-line no-out -- \
    "$cairn" replay --rounds 1 --allocators system <(echo nonsense)

finish
