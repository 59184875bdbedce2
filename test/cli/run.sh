#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The `cairn` command from outside: exit codes, messages, records, and what it must refuse.
#
#   run.sh CAIRN LIB        the command, and the library that it is to preload
#
# Prints `ok name`, `not ok name` (with what was seen) or `skip name` for each test, and at the end
# the sums. Exit code 1 if one failed. Small programs and libraries are compiled as they are needed;
# without a compiler, or without being root, the tests that need it are skipped.

# shellcheck disable=SC2016 # what stands in single quotes is for the shells that are started

set -u

cairn=$(realpath -- "${1:?usage: run.sh CAIRN LIB}")
lib=$(realpath -- "${2:?usage: run.sh CAIRN LIB}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp" # other users run programs in it
cd "$tmp" || exit 2

export CAIRN_LIB=$lib TMPDIR=$tmp/temporary LC_ALL=C
unset LD_PRELOAD MALLOC_ARENA_MAX MALLOC_CONF CAIRN_RUN_FILE NO_COLOR CLICOLOR_FORCE COLUMNS
mkdir "$TMPDIR"

# shellcheck source=lib.sh
. "$here/lib.sh"

# build OUTPUT FLAGS... : compiles the program on standard input; false if that cannot be done here.
build() {
    local output=$1
    shift
    "${CC:-cc}" -x c - "$@" -o "$output" 2>/dev/null
}

# script FILE LINE...: makes it executable.
script() {
    local file=$1
    shift
    printf '%s\n' "$@" >"$file"
    chmod 755 "$file"
}

valid_json() {
    if command -v jq >/dev/null; then
        jq -e . "$1" >/dev/null
    else
        python3 -m json.tool "$1" >/dev/null
    fi
}

# json_is FILE FILTER: the jq filter must give true; without jq only validity is looked at.
json_is() {
    valid_json "$1" || return 1
    command -v jq >/dev/null || return 0
    [ "$(jq "$2" "$1")" = true ]
}

most_lines() { [ "$(wc -l <"$1")" -le "$2" ]; }

# --- the programs and libraries that stand for all others ---------------------------------------

build dynamic <<<'int main(void) { return 0; }' || true
build static -static <<<'int main(void) { return 7; }' || true
build static-pie -static-pie -fPIE <<<'int main(void) { return 0; }' || true
build own-malloc -rdynamic <<'END' || true
#include <stddef.h>
static char room[1 << 20];
static size_t used;
void *malloc(size_t size)
{
    void *block = room + used;
    used += (size + 15) / 16 * 16;
    return used <= sizeof room ? block : NULL;
}
void free(void *block) { (void)block; }
int main(void) { return 0; }
END
# An allocator that works, and tells nobody that it is there.
build silent.so -shared -fPIC -D_GNU_SOURCE <<'END' || true
#include <stddef.h>
#include <string.h>
static char room[64 << 20] __attribute__((aligned(16)));
static size_t used;
void *malloc(size_t size)
{
    size_t at = __atomic_fetch_add(&used, (size + 31) / 16 * 16, __ATOMIC_RELAXED);
    size_t *block = (size_t *)(room + at);
    *block = size;
    return (char *)block + 16;
}
void free(void *block) { (void)block; }
void *calloc(size_t count, size_t size) { return memset(malloc(count * size), 0, count * size); }
void *realloc(void *block, size_t size)
{
    size_t old = block ? *(size_t *)((char *)block - 16) : 0;
    void *moved = malloc(size);
    return block ? memcpy(moved, block, old < size ? old : size) : moved;
}
END
build no-malloc.so -shared -fPIC <<<'int x;' || true
build crashing.so -shared -fPIC <<'END' || true
#include <stdlib.h>
void *malloc(size_t size) { (void)size; abort(); }
END
cp "$lib" libmine.so

# --- the command itself ---------------------------------------------------------------------------

expect help 0 'out:^Example: ' no-err -- "$cairn" --help
check help-fits-a-screen most_lines out 24
expect help-of-run 0 'out:^Example: ' no-err -- "$cairn" run --help
check help-of-run-fits-a-screen most_lines out 24
expect help-of-compare 0 'out:^Example: ' no-err -- "$cairn" compare --help
check help-of-compare-fits-a-screen most_lines out 24
expect help-verb 0 'out:cairn compare' no-err -- "$cairn" help compare
expect no-arguments 125 'err:Usage' no-out -- "$cairn"
expect version 0 'out:^cairn [0-9]+\.[0-9]+\.[0-9]+$' no-err -- "$cairn" --version
expect version-short 0 'out:^cairn [0-9]' -- "$cairn" -V
expect unknown-verb 125 'err:did you mean compare' no-out -- "$cairn" comapre
expect unknown-verb-far-off 125 'err:see cairn --help' -- "$cairn" frobnicate
expect option-before-verb 125 'err:before the verb' -- "$cairn" --quiet run true
expect unknown-option 125 'err:did you mean --output' -- "$cairn" run --ouptut x true
expect unknown-letter 125 'err:no option -x' -- "$cairn" run -x true
expect option-without-value 125 'err:needs a value' -- "$cairn" run -o
expect run-without-program 125 'err:which program' -- "$cairn" run
expect compare-without-program 125 'err:which program' -- "$cairn" compare
expect bad-number 125 "err:from 1 to 1000, not 'many'" -- "$cairn" compare --rounds many true
name=full-stdout
"$cairn" --help >/dev/full 2>err
code=$?
[ $code = 125 ]
judge "exit code 125 expected"

# --- run: what it passes through, and what it says ------------------------------------------------

expect run-verified 0 'err:cairn: true exited 0 in .*: active in 1 process \(verified\)' no-out -- \
    "$cairn" run true
check run-tells-peak-rss \
    grep -qE '  peak RSS [0-9.]+ [KM]iB   page faults [0-9 ]+   user .*   system ' err
check run-tells-heap \
    grep -qE '  heap at exit: [0-9.]+ [KM]?i?B in use of [0-9.]+ [KM]iB committed' err
check run-tells-what-next grep -qx '  next: cairn compare true' err
# Other allocators' options: said by the report, and by the library when it is asked to talk.
expect run-hints-at-options 0 'err:^  note: MALLOC_CONF is jemalloc.s: for narenas set CAIRN_HEAPS ' \
    'err:^  note: MALLOC_ARENA_MAX is glibc.s: set CAIRN_HEAPS ' -- \
    env MALLOC_CONF=narenas:1 MALLOC_ARENA_MAX=1 "$cairn" run true
expect run-without-others-options 0 'no-err:note:' -- "$cairn" run true
expect run-quiet-no-hints 0 no-err -- env MALLOC_ARENA_MAX=1 "$cairn" run -q true
expect preload-hints 0 "err:^cairn: MALLOC_ARENA_MAX is glibc's: set CAIRN_HEAPS " -- \
    env MALLOC_ARENA_MAX=1 CAIRN_VERBOSE=1 LD_PRELOAD="$lib" "$tmp/dynamic"
expect preload-no-hints 0 no-err -- env MALLOC_ARENA_MAX=1 LD_PRELOAD="$lib" "$tmp/dynamic"
expect run-exit-code 3 'err:sh exited 3' -- "$cairn" run sh -c 'exit 3'
expect run-quiet 0 no-out no-err -- "$cairn" run -q true
expect run-quiet-exit-code 3 no-err -- "$cairn" run -q sh -c 'exit 3'
expect run-double-dash 0 'err:verified' -- "$cairn" run -- true
expect run-program-options 0 'out:^-q --json$' -- "$cairn" run -q echo -q --json
expect run-killed 139 'err:sh was killed by SIGSEGV' 'err:heap at exit: not known' -- \
    "$cairn" run sh -c 'kill -SEGV $$'
expect run-counts-processes 0 'err:active in [3-9] processes \(verified\)' -- \
    "$cairn" run sh -c '/bin/true; /bin/true; exit 0'
expect run-keeps-preload 0 "out:^$lib:$tmp/no-malloc.so$" -- \
    env LD_PRELOAD="$tmp/no-malloc.so" "$cairn" run -q sh -c 'echo "$LD_PRELOAD"'
name=run-keeps-stdin
[ "$(echo through | "$cairn" run -q cat)" = through ]
judge 'not passed on'
name=run-closed-descriptors
"$cairn" run -q sh -c '[ ! -e /proc/self/fd/0 ]' <&- 2>err
code=$?
[ $code = 0 ]
judge 'standard input should stay closed'
name=run-ignored-children
see sh -c 'trap "" CHLD; exec "$0" run -q sh -c "exit 5"' "$cairn"
[ $code = 5 ]
judge 'exit code 5 expected'
expect run-suspects-exec 0 "err:ended as 'sleep'" -- \
    "$cairn" run sh -c 'exec env -i sleep 0'
check run-leaves-no-files rmdir "$TMPDIR"
mkdir -p "$TMPDIR"
expect run-temporary-folder-falls-back 0 'err:verified' -- \
    env TMPDIR=/no/such/folder "$cairn" run true

for signal in TERM HUP INT QUIT; do
    name=run-forwards-$signal
    # The program's trap runs when its sleep has ended; 3 and the report prove that both went on.
    "$cairn" run sh -c "trap 'exit 3' $signal; echo >started; sleep 0.6; sleep 5" >out 2>err &
    tool=$!
    for ((i = 0; i < 100; i++)); do [ -e started ] && break; sleep 0.05; done
    rm -f started
    kill -$signal $tool
    wait $tool
    code=$?
    # A shell without job control starts background commands with INT and QUIT ignored.
    case $signal in INT | QUIT) wanted='(3|0)' ;; *) wanted=3 ;; esac
    grep -qE "sh exited $wanted" err
    judge "exit code $wanted expected"
done

name=run-survives-the-terminal
if command -v python3 >/dev/null; then
    see python3 "$here/terminal.py" ready "$cairn" run sh -c 'echo ready; exec sleep 5'
    [ $code = 130 ] && grep -q 'sh was killed by SIGINT' out
    judge 'no report'
else
    skip 'no python3'
fi

# --- run: what it refuses -------------------------------------------------------------------------

expect run-not-found 127 'err:^cairn: no-such-program: command not found$' -- \
    "$cairn" run no-such-program
expect run-not-found-path 127 'err:no such file' -- "$cairn" run ./no-such-program
echo text >plain-file
expect run-not-executable 126 'err:not executable' -- "$cairn" run ./plain-file
expect run-folder 126 'err:directory' -- "$cairn" run /tmp
head -c 512 /dev/zero >zeros && chmod 755 zeros
expect run-no-program-at-all 125 'err:neither an ELF program nor a script' -- "$cairn" run ./zeros

script direct.sh '#!/bin/sh' 'exit 4'
expect run-script 4 'err:active in 1 process' -- "$cairn" run ./direct.sh
script through-env.sh '#!/usr/bin/env sh' 'exit 5'
expect run-script-through-env 5 'err:active in 1 process' -- "$cairn" run ./through-env.sh
script through-split.sh '#!/usr/bin/env -S A=6 sh -u' 'exit $A'
expect run-script-through-env-split 6 'err:active in 1 process' -- "$cairn" run ./through-split.sh
script bare.sh 'exit 7'
expect run-script-without-line 7 'err:active in 1 process' -- "$cairn" run ./bare.sh
script lost.sh '#!/no/such/interpreter'
expect run-script-without-interpreter 126 'err:/no/such/interpreter' -- "$cairn" run ./lost.sh
script cleared.sh '#!/usr/bin/env -S -i sh' 'exit 8'
expect run-script-clears-environment 125 'err:clears LD_PRELOAD' -- "$cairn" run ./cleared.sh

if [ -x static ]; then
    expect run-static 125 'err:cairn: \./static cannot run on Cairn: it is statically linked' no-out -- \
        "$cairn" run ./static
    expect run-static-forced 7 'err:NOT active in static: statically linked' -- \
        "$cairn" run --force ./static
    script by-static "#!$tmp/static"
    expect run-script-of-static 125 'err:run by .*/static, which is statically linked' -- \
        "$cairn" run ./by-static
    expect run-suspects-static 7 "err:ended as 'static'" -- "$cairn" run sh -c 'exec ./static'
else
    name=run-static && skip 'cannot link statically here'
fi
if [ -x static-pie ]; then
    expect run-static-pie 125 'err:statically linked \(static-pie\)' -- "$cairn" run ./static-pie
else
    name=run-static-pie && skip 'cannot link statically here'
fi

# The memory of the command itself must not show in what it measures.
name=run-measures-the-program-only
if [ -x static ] && command -v jq >/dev/null; then
    see "$cairn" run --force --json -o small.json ./static
    see "$cairn" run --json -o large.json head -c 100M /dev/zero
    if json_is small.json '.peak_rss_bytes < 1300000' &&
        json_is large.json '.peak_rss_bytes < 3000000 and .wall_seconds > 0'; then
        ok
    else
        not_ok "$(jq -c '[.peak_rss_bytes]' small.json large.json)"
    fi
else
    skip 'no jq, or cannot link statically here'
fi

if [ "$(id -u)" = 0 ] && [ -x dynamic ]; then
    cp dynamic setuid-root && chmod 4755 setuid-root
    expect run-setuid-nothing-gained 0 'err:verified' -- "$cairn" run ./setuid-root
    cp dynamic setuid && chown 1:1 setuid && chmod 4755 setuid
    expect run-setuid 125 'err:setuid [a-z0-9]+, and the loader ignores LD_PRELOAD' -- \
        "$cairn" run ./setuid
    chmod 2755 setuid
    expect run-setgid 125 'err:setgid' -- "$cairn" run ./setuid
    name=run-file-capabilities
    cp dynamic capable
    if command -v setcap >/dev/null && command -v setpriv >/dev/null &&
        setcap cap_net_raw+ep capable 2>/dev/null &&
        setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$cairn" -a -r "$lib"; then
        expect run-file-capabilities 125 'err:given file capabilities' -- \
            setpriv --reuid=65534 --regid=65534 --clear-groups "$cairn" run ./capable
    else
        skip 'no setcap, or the build is not readable for others'
    fi
else
    name=run-setuid && skip 'not root, or no compiler'
fi

if build 32-bit -m32 -nostdlib <<<'void _start(void) { for (;;) ; }'; then
    expect run-32-bit 125 'err:32-bit i386 program' -- "$cairn" run ./32-bit
else
    name=run-32-bit && skip 'cannot build 32-bit programs here'
fi

# --- run: hardened -------------------------------------------------------------------------------

if build twice -O0 -fno-builtin <<'END'; then
#include <stdlib.h>
int main(int count, char **argument)
{
    void *volatile block = malloc(40);
    free(block);
    if (count > 1)
        free(block);
    return argument[0] == 0;
}
END
    expect run-hardened 0 'err:active in 1 process' -- "$cairn" run --hardened ./twice
    expect run-hardened-double-free 134 'err:^cairn: double free of 0x[0-9a-f]+ \(48-byte block, page' \
        -- env CAIRN_SAMPLE=0 "$cairn" run --hardened ./twice now
    expect run-checked 0 'err:active in 1 process' -- "$cairn" run --checked ./twice
    expect run-checked-double-free 134 'err:^cairn: double free of 0x[0-9a-f]+ \(48-byte block, page' \
        -- "$cairn" run --checked ./twice now
    expect run-hardened-nonsense 0 'err:CAIRN_HARDEN' -- \
        env CAIRN_HARDEN=strong "$cairn" run --hardened ./twice
else
    name=run-hardened && skip 'no compiler'
fi

# --- run: the library -----------------------------------------------------------------------------

expect run-library-absent 125 'err:cannot read the library' -- "$cairn" run --lib /no/such.so true
expect run-library-is-none 125 'err:is not a shared library' -- "$cairn" run --lib /etc/passwd true
expect run-library-by-environment 125 'err:cannot read the library' -- \
    env CAIRN_LIB=/no/such.so "$cairn" run true
expect run-library-option-first 0 'err:verified' -- \
    env CAIRN_LIB=/no/such.so "$cairn" run --lib "$lib" true
mkdir 'with space' && cp "$lib" 'with space/lib.so'
expect run-library-with-space 125 'err:cannot hold a path with a space' -- \
    "$cairn" run --lib 'with space/lib.so' true
name=run-library-beside
mkdir -p prefix/bin prefix/lib && cp "$cairn" prefix/bin/ && cp "$lib" prefix/lib/libcairn-malloc.so
see env -u CAIRN_LIB prefix/bin/cairn run --json true
[ $code = 0 ] && grep -q "$tmp/prefix/lib/libcairn-malloc.so" err
judge 'not found'
cp "$lib" prefix/lib/libcairn-malloc.so.0 && rm prefix/lib/libcairn-malloc.so
expect run-library-beside-versioned 0 'err:verified' -- env -u CAIRN_LIB prefix/bin/cairn run true
rm prefix/lib/*
expect run-library-nowhere 125 'err:libcairn-malloc.so is neither in' -- \
    env -u CAIRN_LIB prefix/bin/cairn run true

if [ -e silent.so ]; then
    expect run-library-without-malloc 125 'err:malloc still comes from' -- \
        "$cairn" run --lib no-malloc.so true
    expect run-library-crashing 125 'err:killing programs at their start \(SIGABRT\)' -- \
        "$cairn" run --lib crashing.so true
    expect run-not-active 125 'err:NOT active in true' -- "$cairn" run --lib silent.so true
    expect run-not-active-quiet 125 'err:NOT active in true' -- "$cairn" run -q --lib silent.so true
    expect run-not-active-exit-code 4 'err:NOT active in sh' -- \
        "$cairn" run --lib silent.so sh -c 'exit 4'
    expect run-own-malloc 125 'err:NOT active in own-malloc: it brings a malloc of its own' -- \
        "$cairn" run ./own-malloc
else
    name=run-not-active && skip 'no compiler'
fi

# --- run: records ---------------------------------------------------------------------------------

expect run-json 0 no-out -- "$cairn" run --json sh -c 'exit 0'
check run-json-is-valid json_is err \
    '.schema == "cairn.run" and .version == 1 and .active and .exit_code == 0 and
     .peak_rss_bytes > 0'
expect run-json-signal 143 -- "$cairn" run --json -o killed.json sh -c 'kill $$'
check run-json-signal-is-valid json_is killed.json '.signal == "SIGTERM" and .exit_code == null'
expect run-json-strange-bytes 0 no-out -- "$cairn" run --json true $'\xff"\\\n'
check run-json-strange-bytes-are-valid valid_json err
expect run-output 0 no-out no-err -- "$cairn" run -o report true
check run-output-is-there grep -q verified report
cp report before
expect run-output-exists 125 'err:report exists' no-out -- "$cairn" run -o report true
check run-output-stays cmp -s report before
expect run-output-overwrites 0 no-err -- "$cairn" run -f -o report sh -c 'exit 0'
check run-output-overwritten grep -q 'sh exited 0' report
expect run-output-of-nothing 127 -- "$cairn" run -o nothing no-such-program
check run-output-of-nothing-is-none test ! -e nothing
expect run-output-to-device 0 no-err -- "$cairn" run -o /dev/null true
expect run-output-full 125 'err:cannot write /dev/full' -- "$cairn" run -o /dev/full true

# --- compare --------------------------------------------------------------------------------------

quick=(--rounds 2 --warmup 0)
three=(--allocators "cairn,mine=libmine.so")

expect compare-list 0 "out:^cairn +$lib$" 'out:^system ' -- "$cairn" compare --allocators list
expect compare-table 0 'out:^allocator +wall +CPU +peak RSS +faults +time x +RSS x$' \
    'out:^cairn +[0-9.]+ (us|ms|s) \+- [0-9.]+ ' 'out:^system .* 1\.00 +1\.00$' no-err -- \
    "$cairn" compare --rounds 3 "${three[@]}" true
check compare-has-a-verdict grep -qE '^Fastest: .*; smallest: ' out
check compare-takes-name-and-path grep -qE '^mine ' out
expect compare-all 0 'out:^system ' 'out:^cairn ' -- "$cairn" compare "${quick[@]}" true
expect compare-too-few-rounds 0 'out:Too few rounds' -- \
    "$cairn" compare "${quick[@]}" "${three[@]}" true
expect compare-baseline 0 'out:ratios to mine' -- \
    "$cairn" compare "${quick[@]}" "${three[@]}" --baseline mine true
expect compare-baseline-joins 0 'out:^system ' -- \
    "$cairn" compare "${quick[@]}" --allocators cairn true
expect compare-unknown-allocator 125 'err:did you mean jemalloc' -- \
    "$cairn" compare --allocators jmalloc true
expect compare-unreadable-allocator 125 'err:cannot read the library' -- \
    "$cairn" compare --allocators x=/no/such.so true
expect compare-reserved-name 125 "err:cannot be named 'cairn'" -- \
    "$cairn" compare --allocators cairn=libmine.so true
expect compare-preloaded-already 125 'err:LD_PRELOAD loads cairn already' -- \
    env LD_PRELOAD="$lib" "$cairn" compare true
expect compare-not-found 127 'err:command not found' -- "$cairn" compare no-such-program
expect compare-not-executable 126 'err:not executable' -- "$cairn" compare ./plain-file
expect compare-no-cairn 125 'err:cannot read the library' -- "$cairn" compare --lib /no/such.so true

if [ -e silent.so ]; then
    expect compare-leaves-out 0 'out:bad left out: it is loaded, but malloc still comes from' \
        'out:worse left out: it is killing programs' -- \
        "$cairn" compare "${quick[@]}" --allocators cairn,bad=no-malloc.so,worse=crashing.so true
    expect compare-own-malloc 125 'err:Cairn is NOT active in ./own-malloc' -- \
        "$cairn" compare "${quick[@]}" --allocators cairn ./own-malloc
    expect compare-own-malloc-others 0 'out:exports a malloc of its own' -- \
        "$cairn" compare "${quick[@]}" --allocators mine=libmine.so ./own-malloc
    expect compare-cairn-must-load 125 'err:malloc still comes from' -- \
        "$cairn" compare --lib no-malloc.so true
    expect compare-cairn-must-prove 125 'err:Cairn is NOT active' -- \
        "$cairn" compare "${quick[@]}" --allocators cairn --lib silent.so true
else
    name=compare-leaves-out && skip 'no compiler'
fi
if [ -x static ]; then
    expect compare-static 125 'err:cannot be given another allocator: it is statically linked' -- \
        "$cairn" compare ./static
fi

# Its output names the allocator.
expect compare-output-differs 1 "out:cairn: output differs from system's in 3 runs" -- \
    "$cairn" compare --rounds 2 "${three[@]}" sh -c 'echo "$LD_PRELOAD"'
expect compare-output-always-varies 0 'out:changes from run to run, also under system' -- \
    "$cairn" compare --rounds 2 "${three[@]}" sh -c 'echo $$'
expect compare-failing 1 'out:system: 3 of 3 runs failed \(exit code 9\); it said: no allocator' -- \
    "$cairn" compare --rounds 2 "${three[@]}" \
    sh -c '[ -n "$LD_PRELOAD" ] || { echo no allocator >&2; exit 9; }'
expect compare-killed 1 'out:mine: 3 of 3 runs failed \(SIGSEGV\)' -- \
    "$cairn" compare --rounds 2 "${three[@]}" \
    sh -c 'case $LD_PRELOAD in *libmine*) kill -SEGV $$ ;; esac'
expect compare-all-failing 1 'err:exits 3 under every allocator' no-out -- \
    "$cairn" compare "${three[@]}" sh -c 'exit 3'
expect compare-ignore-exit 0 'out:^cairn ' -- \
    "$cairn" compare -i "${quick[@]}" "${three[@]}" sh -c 'exit 3'
expect compare-quiet 0 no-err -- \
    "$cairn" compare "${quick[@]}" "${three[@]}" sh -c 'echo hello; echo there >&2'
check compare-discards-output sh -c '! grep -q "^hello" out'
expect compare-show-output 0 'out:^hello$' 'err:^there$' -- \
    "$cairn" compare --show-output "${quick[@]}" "${three[@]}" sh -c 'echo hello; echo there >&2'
check compare-shows-output-once [ "$(grep -c '^hello$' out)" = 1 ]

seq 100000 >numbers
name=compare-stdin-file
"$cairn" compare --show-output "${quick[@]}" "${three[@]}" wc -l <numbers >out 2>err
code=$?
[ $code = 0 ] && grep -qx 100000 out
judge 'each run shall read it all'
name=compare-stdin-file-from-its-place
{
    read -r _
    "$cairn" compare --show-output "${quick[@]}" "${three[@]}" head -n 1
} <numbers >out 2>err
code=$?
[ $code = 0 ] && grep -qx 2 out
judge 'each run shall begin at the same place'
name=compare-stdin-pipe
seq 100000 | "$cairn" compare --show-output "${quick[@]}" "${three[@]}" wc -l >out 2>err
code=$?
[ $code = 0 ] && grep -qx 100000 out
judge 'each run shall read it all'

expect compare-json 0 no-err -- "$cairn" compare --rounds 3 "${three[@]}" --json true
check compare-json-is-valid json_is out \
    '.schema == "cairn.compare" and .version == 1 and (.allocators | length) == 3 and
     ([.allocators[] | .verified] | all) and ([.allocators[] | .runs | length] == [4, 4, 4]) and
     ([.allocators[] | select(.name == "system") | .ratios.wall_seconds.median] == [1])'
expect compare-csv 0 no-err -- "$cairn" compare "${quick[@]}" "${three[@]}" --csv true
check compare-csv-begins-with-command grep -qE '^# cairn compare --rounds 2 ' out
check compare-csv-has-all-runs [ "$(grep -vc '^#' out)" = 7 ]
check compare-csv-is-regular [ "$(grep -v '^#' out | awk -F, '{ print NF }' | sort -u)" = 15 ]
expect compare-output-file 0 'out:^allocator ' 'out:written to all.json' -- \
    "$cairn" compare "${quick[@]}" "${three[@]}" --json -o all.json true
check compare-output-file-is-valid valid_json all.json
cp all.json before
expect compare-output-exists 125 'err:all.json exists; -f overwrites it' no-out -- \
    "$cairn" compare "${quick[@]}" "${three[@]}" --csv -o all.json true
check compare-output-stays cmp -s all.json before
expect compare-output-overwrites 0 -- \
    "$cairn" compare "${quick[@]}" "${three[@]}" --csv -f -o all.json true
check compare-output-overwritten grep -q '^# cairn' all.json
expect compare-output-of-nothing 127 -- "$cairn" compare -o nothing no-such-program
check compare-output-of-nothing-is-none test ! -e nothing

escape=$(printf '\033')
expect compare-no-color 0 -- "$cairn" compare "${quick[@]}" "${three[@]}" true
check compare-no-color-in-files sh -c "! grep -q '$escape' out"
expect compare-color-always 0 "out:$escape" -- \
    "$cairn" compare --color always "${quick[@]}" "${three[@]}" true
expect compare-color-forced 0 "out:$escape" -- \
    env CLICOLOR_FORCE=1 "$cairn" compare "${quick[@]}" "${three[@]}" true
expect compare-color-never 0 -- \
    env CLICOLOR_FORCE=1 NO_COLOR=1 "$cairn" compare "${quick[@]}" "${three[@]}" true
check compare-color-never-is-plain sh -c "! grep -q '$escape' out"

name=compare-seed-gives-the-order
orders() {
    "$cairn" compare -v --seed "$1" --rounds 4 "${three[@]}" true 2>&1 >/dev/null | grep :
}
orders 5 >first
orders 5 >second
orders 6 >third
cmp -s first second && ! cmp -s first <(sed 's/seed 6/seed 5/' third)
judge 'orders'

name=compare-interrupted
: >turns
"$cairn" compare --rounds 500 "${three[@]}" sh -c 'echo >>turns; sleep 0.05' >out 2>err &
tool=$!
for ((i = 0; i < 200; i++)); do [ "$(wc -l <turns)" -ge 7 ] && break; sleep 0.05; done
kill -TERM $tool
wait $tool
code=$?
if [ $code = 143 ] && grep -q 'interrupted by SIGTERM after [0-9]* of 500 rounds' out; then
    ok
else
    not_ok 'table and 143 expected'
fi
name=compare-interrupted-by-terminal
if command -v python3 >/dev/null; then
    see python3 "$here/terminal.py" 'of 500: ' \
        "$cairn" compare --rounds 500 "${three[@]}" sleep 0.05
    [ $code = 130 ] && grep -q 'interrupted by SIGINT' out
    judge 'table and 130 expected'
    name=compare-without-terminal
    see python3 "$here/terminal.py" '' "$cairn" compare "${three[@]}" sh -c 'read -r x </dev/tty'
    [ $code = 1 ] && grep -q 'it waited for the terminal' out
    judge 'no hang expected'
    name=compare-shows-progress
    see python3 "$here/terminal.py" '' "$cairn" compare --rounds 3 "${three[@]}" sleep 0.2
    [ $code = 0 ] && grep -q 'round 2 of 3: .* to go' out
    judge 'no progress line'
else
    skip 'no python3'
fi
name=compare-ends-what-is-left
see "$cairn" compare "${quick[@]}" --allocators cairn sh -c 'sleep 47.11 & exit 0'
[ $code = 0 ] && ! pgrep -f 'sleep 47\.11' >/dev/null
judge 'descendants live on'
check compare-leaves-no-files rmdir "$TMPDIR"

finish
