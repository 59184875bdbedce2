#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Real, unmodified programs under an allocator that is preloaded into them.
#
# Each file in cases/ is one case. It is run twice, in the same clean environment, in two empty
# directories that have the same path one after the other: once plain, once with LD_PRELOAD=LIB
# (the shell of the case and all that it starts). Exit code, stdout, stderr and the files that the
# case names must be equal, and the plain run must exit 0 and print something: two equal failures
# prove nothing. Then the library must have said, through CAIRN_RUN_FILE, that it was active in
# the programs that the case names.
#
#   run.sh LIB [CASE...]                       Cairn's library
#   run.sh --stack TEXT LIB [CASE...]          Cairn's library for stacks, on this stack
#   run.sh --foreign LIB [CASE...]             another's: nobody is asked whether it was active
#   run.sh --self [CASE...]                    plain against plain: is a case deterministic?
#   run.sh --check-that-it-can-fail [CASE...]  a broken allocator: at least 5 cases (or all those
#                                              named, if fewer) must fail
#   run.sh --list                              the cases, the commands and Debian packages they need
#
# Servers, and what few machines have, are not installed but unpacked: scripts/unpack-packages.sh
# does it once, below $CAIRN_TEST_PACKAGES (build/packages). Such a case runs as an ordinary user,
# as `nobody` if that is not what we are.
#
# What the plain run of a case came to is kept for an hour in $CAIRN_TEST_PLAIN, if that is set, for
# the same case under another library. Where the two differ it is run anew, before anything is said.
#
# --keep before these leaves the directory of results and prints its name. What a case looks like
# is written in inside.sh, which is the other half of this file: it runs within the environment.

set -u
shopt -s extglob

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
search=/usr/bin:/bin:/usr/local/bin
packages_folder=${CAIRN_TEST_PACKAGES:-$here/../../build/packages}
time_limit=120 # seconds for each run of a case
must_notice=5
ran=0 passed=0 failed=0 skipped=0
running='' # the process of the stage that runs now

die() {
    echo "run.sh: $*" >&2
    exit 2
}

# read_case NAME: sets what the case declares, in the caller's shell. Only assignments and
# functions stand in a case, so reading it does nothing.
read_case() {
    needs='' packages='' unpacks='' proves='' files='' not_foreign=''
    unset -f prepare run
    # shellcheck source=/dev/null
    . "$here/cases/$1.sh"
    [ "$(type -t run)" = function ] || die "$1 has no function run"
}

# missing_of WORD...: the first that is not here: a command, or a file that gcc links (libc.a).
missing_of() {
    local word
    for word; do
        case $word in
        *.[ao])
            case $(PATH=$search gcc -print-file-name="$word" 2>/dev/null) in
            /*) ;;
            *) echo "$word" && return ;;
            esac
            ;;
        *) PATH=$search command -v "$word" >/dev/null || { echo "$word" && return; } ;;
        esac
    done
}

# ready NAME: has what the case unpacks, or says why not. If we are root, the case runs as nobody,
# who may not be able to read where the checkout is: all that it needs is copied to $top.
ready() {
    home=$here preloaded=$library as_user=() path=$search libraries=''
    [ -n "$unpacks" ] || return 0
    unpacked=$packages_folder/$1
    # shellcheck disable=SC2086 # a list of words
    "$here/../../scripts/unpack-packages.sh" "$unpacked" $unpacks 2>&1 || return 1
    unpacked=$(cd "$unpacked" && pwd)
    if [ "$(id -u)" -eq 0 ]; then
        as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
        home=$top/copy
        rm -rf "$home"
        mkdir "$home" && chmod 755 "$top"
        cp -r "$here/inside.sh" "$here/cases" "$here/programs" "$home"
        cp -r "$unpacked" "$home/unpacked"
        unpacked=$home/unpacked
        if [ -n "$library" ]; then
            preloaded=$home/${library##*/}
            cp "$library" "$preloaded"
        fi
        chmod -R a+rX "$home"
    fi
    path=$unpacked/usr/bin:$unpacked/usr/sbin:$search
    libraries=$(echo "$unpacked"/usr/lib/*-linux-gnu "$unpacked"/lib/*-linux-gnu | tr ' ' :)
}

# hand_over PATH...: to the user that runs the case.
hand_over() {
    [ ${#as_user[@]} -eq 0 ] || chown -R 65534:65534 "$@"
}

# clean NAME STAGE [VARIABLE=VALUE...]: one stage of a case, in an environment that is the same
# each time, in $top/scratch. (LD_PRELOAD is one of the variables, so it starts with the shell.)
# It runs in the background, and we wait, so that ^C ends it at once.
clean() {
    local code
    stage "$@" &
    running=$!
    wait "$running"
    code=$?
    running=''
    return $code
}

stage() {
    local name=$1 stage=$2
    shift 2
    cd "$top/scratch" || exit 2
    umask 022
    ulimit -c 0
    exec timeout --kill-after=5 "$time_limit" "${as_user[@]}" \
        env -i --default-signal=INT,QUIT PATH="$path" HOME="$top/scratch/home" \
        TMPDIR="$top/scratch/tmp" PREPARED="$top/prepared" PROGRAMS="$home/programs" \
        ${unpacks:+UNPACKED="$unpacked" LD_LIBRARY_PATH="$libraries"} \
        CAIRN_RUN_FILE="$top/run-file" LC_ALL=C TZ=UTC TERM=dumb LINES=24 COLUMNS=80 \
        SHELL=/bin/sh USER=tester LOGNAME=tester SOURCE_DATE_EPOCH=1700000000 \
        PYTHONHASHSEED=0 PYTHONMALLOC=malloc PYTHONDONTWRITEBYTECODE=1 PERL_HASH_SEED=0 \
        GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_PAGER=cat GIT_EDITOR=true \
        GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.org \
        GIT_AUTHOR_DATE="1700000000 +0000" GIT_COMMITTER_NAME=Cat \
        GIT_COMMITTER_EMAIL=cat@example.org GIT_COMMITTER_DATE="1700000000 +0000" "$@" \
        /bin/bash --norc --noprofile "$home/inside.sh" "$home/cases/$name.sh" "$stage" \
        </dev/null
}

# working_here: the processes that work in our directory.
working_here() {
    local process
    for process in /proc/[0-9]*; do
        case $(readlink "$process/cwd" 2>/dev/null) in "$top"/*) echo "${process#/proc/}" ;; esac
    done
}

# left_behind: prints what a case has left running, after a while in which it may still end, and
# kills it.
left_behind() {
    local tries process
    for tries in {1..50}; do
        [ -n "$(working_here)" ] || return
        sleep 0.1
    done
    for process in $(working_here); do
        echo "left running: $(tr '\0' ' ' 2>/dev/null <"/proc/$process/cmdline")"
        kill -KILL "$process" 2>/dev/null
    done
}

fresh_scratch() {
    rm -rf "$top/scratch"
    mkdir -p "$top/scratch/home" "$top/scratch/tmp"
    hand_over "$top/scratch"
}

# run_once NAME RESULT [LD_PRELOAD=LIB]: leaves all that is compared in the file RESULT.
# shellcheck disable=SC2086 # $files is a list of patterns
run_once() {
    local name=$1 result=$2 code
    shift 2
    fresh_scratch
    clean "$name" run "$@" >"$top/stdout" 2>"$top/stderr"
    code=$?
    {
        case $code in
        124 | 137) echo "exit code $code (137: killed, 124: not finished after $time_limit s)" ;;
        *) echo "exit code $code" ;;
        esac
        sed 's/^/stdout: /' "$top/stdout"
        sed 's/^/stderr: /' "$top/stderr"
        left_behind
        [ -z "$files" ] || (cd "$top/scratch" && sha256sum -- $files 2>&1 | sed 's/^/file: /')
    } >"$result"
    return $code
}

# unproven: the first program of the case in which the library did not say that it was active. A
# program may go by the name of the file that its command is a link to.
unproven() {
    local word exe
    for word in $proves; do
        exe=$(PATH=$path command -v "$word") && exe=$(basename "$(readlink -f "$exe")")
        exe=$(printf '%s\n' "$word" "${exe:-$word}" | sed 's/[][\.*^$+?(){}|]/\\&/g' | paste -sd '|')
        grep -aqE "^start .*active=1 (.* )?exe=([^ ]*/)?($exe)( |\$)" "$top/run-file" 2>/dev/null ||
            { echo "$word" && return; }
    done
}

# stop: on ^C, ends what runs (timeout tells its group) and leaves nothing behind.
stop() {
    trap '' INT TERM
    [ -z "$running" ] || { kill "$running" && wait "$running"; } 2>/dev/null
    left_behind
    exit 2
}

# plain NAME: the plain run, or what is remembered of it. Fails if it proves nothing.
plain() {
    local name=$1 kept=${CAIRN_TEST_PLAIN:+$CAIRN_TEST_PLAIN/$1}
    remembered=''
    if [ -n "$kept" ] && [ -n "$(find "$kept" -newer "$here/cases/$name.sh" -mmin -60 2>/dev/null)" ]; then
        remembered=$kept
        cp "$kept" "$top/$name.plain"
        return
    fi
    run_once "$name" "$top/$name.plain" && grep -aq '^stdout: .' "$top/$name.plain" &&
        ! grep -aqE '^(file: sha256sum|left running): ' "$top/$name.plain" || return
    [ -z "$kept" ] || { mkdir -p "${kept%/*}" && cp "$top/$name.plain" "$kept.$$" && mv "$kept.$$" "$kept"; }
}

# is_equal NAME: were both runs the same? What is only remembered is not believed if they were not.
is_equal() {
    cmp -s "$top/$1.plain" "$top/$1.preloaded" && return
    [ -n "$remembered" ] || return
    rm -f "$remembered"
    plain "$1" && cmp -s "$top/$1.plain" "$top/$1.preloaded"
}

not_ok() {
    echo "not ok $1"
    head -n 20 | cut -c -300 | sed 's/^/    /'
    failed=$((failed + 1))
}

run_case() {
    local name=$1 word started=$EPOCHREALTIME ended
    read_case "$name"
    # shellcheck disable=SC2086 # a list of words
    word=$(missing_of $needs)
    [ -z "$word" ] || word="$word not installed"
    [ -n "$word" ] || [ "$mode" != foreign ] || word=$not_foreign
    [ -n "$word" ] || ready "$name" >"$top/why" || word=$(tail -n 1 "$top/why")
    if [ -n "$word" ]; then
        echo "skip $name: $word"
        skipped=$((skipped + 1))
        return
    fi
    ran=$((ran + 1))

    rm -rf "$top/prepared" "$top/run-file"
    mkdir "$top/prepared"
    hand_over "$top/prepared"
    fresh_scratch
    if [ "$(type -t prepare)" = function ] && ! clean "$name" prepare >"$top/prepare" 2>&1; then
        not_ok "$name" < <(echo "its function prepare failed" && cat "$top/prepare")
        return
    fi
    if ! plain "$name"; then
        not_ok "$name" < <(echo "the plain run failed" && cat "$top/$name.plain")
        return
    fi
    : >"$top/run-file" # the library does not create it
    hand_over "$top/run-file"
    run_once "$name" "$top/$name.preloaded" ${preloaded:+"LD_PRELOAD=$preloaded"} \
        ${stack:+"CAIRN_STACK=$stack"}
    if ! is_equal "$name"; then
        not_ok "$name" < <(diff -a "$top/$name.plain" "$top/$name.preloaded")
        return
    fi
    if [ "$mode" = cairn ]; then
        word=$(unproven)
        if [ -n "$word" ]; then
            not_ok "$name" < <(echo "the library did not say that it was active in $word, but:" &&
                cat "$top/run-file")
            return
        fi
    fi
    ended=$EPOCHREALTIME
    awk -v name="$name" -v from="$started" -v to="$ended" \
        'BEGIN { printf "ok %s (%.1f s)\n", name, to - from }'
    passed=$((passed + 1))
}

list() {
    local name
    for name in "${cases[@]}"; do
        read_case "$name"
        echo "$name: needs $needs; packages $packages"
    done
}

mode=cairn library='' keep='' stack=''
while :; do
    case ${1-} in
    --keep) keep=1 ;;
    --foreign) mode=foreign ;;
    --stack) stack=$2 && shift ;;
    --self) mode=self ;;
    --check-that-it-can-fail) mode=broken ;;
    --list) mode=list ;;
    --*) die "no option $1; the head of this file is the manual" ;;
    *) break ;;
    esac
    shift
done

top=$(mktemp -d "${TMPDIR:-/tmp}/cairn-preload.XXXXXX") || exit 2
if [ -n "$keep" ]; then echo "results in $top"; else trap 'rm -rf "$top"' EXIT; fi
trap 'stop' INT TERM

case $mode in
cairn | foreign)
    [ -f "${1-}" ] || die "the library '${1-}' is not a file"
    library=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
    case $library in *[\ :]*) die "LD_PRELOAD takes no path with a space or colon: $library" ;; esac
    shift
    ;;
broken)
    library=$top/broken_realloc.so
    gcc -std=gnu17 -O1 -Wall -Wextra -fno-builtin -fPIC -shared -o "$library" \
        "$here/programs/broken_realloc.c" || exit 2
    ;;
esac
# shellcheck disable=SC2002 # cat is the program that is looked at
if [ -n "$library" ] && ! LD_PRELOAD=$library cat /proc/self/maps 2>"$top/stderr" |
    grep -qF "$(readlink -f "$library")"; then
    die "$library cannot be preloaded: $(cat "$top/stderr")"
fi

if [ $# -gt 0 ]; then
    cases=("${@%.sh}")
else
    cases=()
    for name in "$here"/cases/*.sh; do
        name=${name##*/}
        cases+=("${name%.sh}")
    done
fi
for name in "${cases[@]}"; do [ -f "$here/cases/$name.sh" ] || die "no case $name"; done

[ "$mode" != list ] || { list && exit 0; }
for name in "${cases[@]}"; do run_case "$name"; done
echo "$passed passed, $failed failed, $skipped skipped"
if [ "$mode" = broken ]; then
    [ "$failed" -ge $((ran < must_notice ? ran : must_notice)) ]
else
    [ "$failed" -eq 0 ]
fi
