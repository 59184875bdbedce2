#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Real programs with unwind_compare.c preloaded, which takes their stacks at every few allocations both
# by cairn__unwind and by backtrace(). No stack may be wrong: to be another than theirs, or to go on
# where theirs ends; and one in a thousand may end early. Usage: unwind.sh LIBRARY C++-PROGRAM SOURCE-FOLDER

set -u
library=$1 program=$2 sources=$3

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

# compare NAME LEAST EVERY COMMAND...: at least so many stacks, at every so many allocations.
compare() {
    local name=$1 least=$2 every=$3
    shift 3
    if ! command -v "$1" >/dev/null; then
        echo "skipped: there is no $1"
        return
    fi
    rm -f "$work/result"
    if ! UNWIND_RESULT=$work/result UNWIND_EVERY=$every LD_PRELOAD=$library \
        "$@" >"$work/out" 2>"$work/err" </dev/null; then
        echo "failed: $name: exit code $?"
        failed=1
    fi
    awk -v name="$name" -v least="$least" '
        { compared += $3; equal += $4; shorter += $5; longer += $6; wrong += $7 }
        END {
            printf "%s: compared %d, equal %d, shorter %d, longer %d, wrong %d\n",
                name, compared, equal, shorter, longer, wrong
            exit wrong > 0 || longer > 0 || equal < compared * 0.999 || compared < least
        }' "$work/result" || { failed=1; echo "failed: $name"; head -n 40 "$work/err"; }
}

compare gcc 5000 11 gcc -O2 -c -o /dev/null -I"$sources/src" "$sources/src/os/unwind_row.c"
PYTHONMALLOC=malloc compare python3 5000 31 /usr/bin/python3 -c '
import ctypes, decimal, json, re, threading
json.loads(json.dumps([{"a": [i, str(i)]} for i in range(5000)]))
re.sub(r"(a|b)*c", "x", "ababc" * 100)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda a, b: a - b > 0)
numbers = (ctypes.c_int * 100)(*range(100))
ctypes.CDLL(None).qsort(numbers, 100, 4, compare)
threads = [threading.Thread(target=lambda: str(decimal.Decimal(2).sqrt())) for i in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()'
# shellcheck disable=SC2016 # perl expands these
compare perl 5000 5 perl -e '
    my %h;
    for (1 .. 5000) { $h{$_} = [$_, "a$_"]; eval { die { at => $_ } if $_ % 7 == 0 } }
    print join ",", sort { $a <=> $b } map { s/1/2/r } keys %h'
compare sqlite3 1000 3 sqlite3 :memory: "
    create table t(a, b);
    with recursive c(x) as (select 1 union all select x + 1 from c where x < 3000)
        insert into t select x, hex(randomblob(20)) from c;
    create index i on t(b);
    select count(*), group_concat(b) from t where b like '%A%' group by a % 7 order by 1;"
compare c++ 5000 3 "$program"

exit $failed
