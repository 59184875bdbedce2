#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Checks of the one-file library. Usage, each in the folder where cairn.c and cairn.h are, or are made:
#
#   check.sh FOLDER sources LIST...         makes it, twice the same; in it is what the LISTs name, a
#                                           file of sources each, joined by semicolons: no more, no less
#   check.sh FOLDER headers COMPILER...     all of the headers in cairn.h, which that compiler understands
#   check.sh FOLDER program COMPILER...     program.c with cairn.c, compiled by that, does what it should
#   check.sh FOLDER hardened COMPILER...    the same, and misuse ends it; checked copies by CAIRN_COPIES
#   check.sh FOLDER checked COMPILER...     the same
#   check.sh FOLDER operators C C++ FLAG... operators.cpp with cairn.c, by these two
#   check.sh FOLDER freestanding COMPILER...  needs memcpy and its kin alone, and works
#
# Ends with 77 where the compiler is missing.

set -u
LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=$1
what=$2
shift 2
mkdir -p "$folder"
cd "$folder" || exit 2

if [ "$what" != sources ] && ! command -v "$1" >/dev/null; then
    echo "skip: no $1"
    exit 77
fi

fail() {
    echo "amalgamation: $*" >&2
    exit 1
}
warnings='-Wall -Wextra -Wundef -Wstrict-prototypes -Werror -I.'
work=$(mktemp -d ./work.XXXXXX)
trap 'rm -rf "$work"' EXIT

# build_program FLAG...: $work/program, by "$@".
build_program() {
    # shellcheck disable=SC2086 # lists of words
    "$@" $warnings -c cairn.c -o "$work/cairn.o" || fail "cairn.c does not compile: $*"
    # shellcheck disable=SC2086
    "$@" $warnings -fno-builtin "$here/program.c" "$work/cairn.o" -pthread -o "$work/program" ||
        fail "program.c does not link: $*"
}

case $what in
sources)
    "$root/scripts/amalgamate.sh" "$PWD" || fail "the script failed"
    "$root/scripts/amalgamate.sh" "$PWD/again" || fail "the script failed the second time"
    cmp cairn.c again/cairn.c && cmp cairn.h again/cairn.h || fail "not the same twice"
    rm -r again
    grep -qE "$root|$(date +%Y-%m-%d)" cairn.c cairn.h && fail "a path or a date of this machine in it"
    grep -nE '^#[ \t]*include "' cairn.c cairn.h | grep -v 'cairn.c:[0-9]*:#include "cairn.h"' &&
        fail "includes what is not there"
    [ "$(grep -c 'Permission is hereby granted' cairn.c)" = 1 ] || fail "not one licence"

    sed -n 's|^/\* ======== \(.*\.c\) ======== \*/$|\1|p' cairn.c | sort >"$work/inside"
    cat "$@" | tr ';' '\n' | sed -n "s|^\($root/\)\{0,1\}\(src/.*\.c\)$|\2|p" | sort -u >"$work/built"
    [ -s "$work/built" ] || fail "what CMake builds is not known"
    diff -u "$work/built" "$work/inside" || fail "not the sources that CMake builds"
    [ -z "$(uniq -d "$work/inside")" ] || fail "a source is twice in it"
    ;;
headers)
    (cd "$root/include" && ls cairn.h cairn/*.h) | sed 's|^|include/|' | sort >"$work/there"
    sed -n 's|^/\* ======== \(.*\) ======== \*/$|\1|p' cairn.h | sort >"$work/inside"
    diff -u "$work/there" "$work/inside" || fail "not the headers that there are"
    # shellcheck disable=SC2086
    "$@" $(echo "$warnings" | sed 's/-Wstrict-prototypes//') -fsyntax-only -include cairn.h /dev/null
    ;;
program)
    build_program "$@"
    "$work/program" || fail "the program fails: $*"
    ;;
hardened | checked)
    build_program "$@" "-DCAIRN_$(echo $what | tr '[:lower:]' '[:upper:]')=1" -DCAIRN_MALLOC
    "$work/program" || fail "the program fails: $*"
    crimes='double_free:double.free'
    case $* in *CAIRN_COPIES*) crimes="$crimes copy:memcpy" ;; esac
    for crime in $crimes; do
        if CAIRN_SAMPLE=0 "$work/program" "${crime%:*}" 2>"$work/said"; then
            fail "${crime%:*} is not noticed"
        fi
        grep "^cairn: .*${crime#*:}" "$work/said" || fail "$crime: $(cat "$work/said")"
    done
    ;;
operators)
    c=$1 cpp=$2
    shift 2
    # shellcheck disable=SC2086
    $c $warnings "$@" -DCAIRN_MALLOC -fexceptions -c cairn.c -o "$work/cairn.o" || fail "cairn.c does not compile"
    "$cpp" -Wall -Wextra -Werror -I. -fno-builtin "$here/operators.cpp" "$work/cairn.o" -o "$work/program" ||
        fail "operators.cpp does not link"
    "$work/program" || fail "operators.cpp fails"
    for name in _Znwm _ZdlPvmSt11align_val_t; do
        nm "$work/program" | grep -qE "[WT] $name\$" || fail "$name is not in it"
    done
    ;;
freestanding)
    # Of headers only what comes with the compiler.
    own=$("$@" -print-file-name=include)
    # shellcheck disable=SC2086
    "$@" $warnings -std=c17 -Os -fno-pic -ffreestanding -nostdinc -isystem "$own" -DCAIRN_FREESTANDING \
        -c cairn.c -o "$work/cairn.o" || fail "cairn.c does not compile"
    nm "$work/cairn.o" | awk '
        $1 == "U" && $2 !~ /^(memcpy|memmove|memset|memcmp)$/ { print "needs " $2; bad = 1 }
        $2 ~ /^[bBdD]$/ && $3 !~ /(^|\.)begun/ { print "has writable data: " $3; bad = 1 }
        END { exit bad }' || fail "freestanding, it is not alone"
    # shellcheck disable=SC2086
    "$@" $warnings -DCAIRN_FREESTANDING -no-pie "$here/freestanding.c" "$work/cairn.o" -o "$work/program" ||
        fail "freestanding.c does not link"
    "$work/program" || fail "freestanding.c fails"
    ;;
*) fail "no such check: $what" ;;
esac
