#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Asks cairn-gdb.py about a program: check.sh PROGRAM LIBRARY live|core. stripped: that it says what is
# missing; installed BUILD: that gdb finds the installed script by itself. Ends with 77 where gdb is
# missing, or has no Python, or the machine lets nobody trace or leaves no core file.

set -u
program=$1 library=$2 how=$3 build=${4-}
script=$(cd "$(dirname "$0")/../.." && pwd)/tools/gdb/cairn-gdb.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
unset CAIRN_CONF CAIRN_SAMPLE

skip() {
    echo "skip: $*"
    exit 77
}
command -v gdb >/dev/null || skip "no gdb"
gdb -nx -batch -ex 'python print(6 * 7)' 2>/dev/null | grep -qx 42 || skip "gdb has no Python"

questions() {
    for name in live freed inside large huge on_stack sent '(char *)live + 8' '(char *)large + 5000' \
        '(char *)huge + 100000' '&live'; do
        printf 'echo %s =\ncairn pointer %s\n' "$name" "$name"
    done
    printf 'cairn heaps\ncairn pages\ncairn pages 7\ncairn stats\n'
}
questions >questions
# debuginfod is asked for nothing: there need not be a network.
ask() {
    DEBUGINFOD_URLS='' timeout 100 gdb -nx -batch -ex 'set width 0' -ex 'set confirm off' "$@" \
        -ex "source $script" -x questions >said 2>errors
}

set -- -ex "set environment LD_PRELOAD $library" -ex 'set environment CAIRN_SAMPLE 0' \
    -ex 'set startup-with-shell off'
case $how in
stripped)
    strip -g -o "$work/libcairn-malloc.so" "$library" || exit 1
    ask -ex "set environment LD_PRELOAD $work/libcairn-malloc.so" -ex 'set startup-with-shell off' \
        -ex run "$program"
    grep -q 'has no debugging information: it was stripped' errors && exit
    cat said errors
    exit 1
    ;;
installed)
    cmake --install "$build" --prefix "$work/usr" >installing || exit 1
    script=/dev/null
    set -- -iex "set auto-load safe-path $work" -iex "set auto-load scripts-directory $work/usr/share/gdb/auto-load" \
        -ex "set environment LD_PRELOAD $work/usr/lib/$(basename "$library")" -ex 'set startup-with-shell off'
    ask "$@" -ex run "$program"
    ;;
live)
    ask "$@" -ex run "$program"
    grep -q 'ptrace: Operation not permitted' said errors && skip "nobody may be traced here"
    ;;
core)
    # Written by gdb: what this system does with core files is not known. It would write all of the
    # window, also what was only reserved.
    DEBUGINFOD_URLS='' timeout 100 gdb -nx -batch "$@" -ex 'set environment CAIRN_WINDOW 64M' -ex run \
        -ex 'generate-core-file core' "$program" >first 2>&1
    [ -s core ] || skip "no core file: $(tail -n 1 first)"
    ask -ex 'core-file core' "$program"
    ;;
esac

failed=0
expect() { # expect WHAT REGEX
    grep -qE -- "$2" said && return
    echo "not as expected: $1: /$2/"
    failed=1
}
at='0x[0-9a-f]+'
size=112 # of the class of 100 bytes; hardened, a block ends where was asked, plus a canary
expect live "^live =$at: block of $size bytes at $at, in use \(class 7, page $at, heap 1\)"
expect inside "^inside =$at: block of (208|224) bytes at $at, in use, 20 bytes into it "
expect interior "^\(char \*\)live \+ 8 =$at: block of $size bytes at $at, in use, 8 bytes into it "
expect freed "^freed =$at: block of (304|320) bytes at $at, (free|being freed)"
expect large "^large =$at: large block of [0-9]{7} bytes at $at, in use\$"
expect large-interior "^\(char \*\)large \+ 5000 =$at: large block of .* in use, 5000 bytes into it\$"
expect huge "^huge =$at: huge block of 10485[0-9]+ bytes at $at, in use\$"
expect huge-interior "^\(char \*\)huge \+ 100000 =.* huge block .* 100000 bytes into it\$"
expect stack "^on_stack =$at: outside: not Cairn's memory\$"
expect static "^&live =$at: outside"
expect sent "^sent =$at: block of (400|416) bytes at $at, (free|freed by another)"
expect heaps "^ +1 +$at +(thread 1|a thread's) +[1-9]"
expect pages "^ +7 +112 +[1-9]"
expect pages-of-class "^  $at +active +[1-9][0-9]* +[0-9]+  heap 1"
expect stats "^large blocks  1 in use"
expect huge-stats "^huge blocks   1 in use, 100.0 MiB"
[ -s errors ] && grep -E 'Traceback|Error|error:' errors && failed=1
[ $failed = 0 ] || { cat said errors; exit 1; }
