# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The inner half of run.sh: started by it as `bash inside.sh CASE STAGE` in the clean environment,
# in an empty directory. STAGE is prepare or run.
#
# A case file declares:
#   needs        commands without which it is skipped (also files that gcc links, as libc.a)
#   packages     the Debian packages that have them: a hint, for the script that installs
#   unpacks      Debian packages that are not installed but unpacked in $UNPACKED, which is on PATH.
#                The case then runs as an ordinary user, and is skipped if they cannot be had
#   proves       programs in which the library must have been active; ours by their bare name
#   files        patterns of files it produces that must come out equal, byte by byte
#   not_foreign  why another allocator than Cairn is excused from the case
#   prepare()    optional: runs once, never preloaded, and leaves what both runs use in $PREPARED
#   run()        the work; prints the same each time: no addresses, times, process ids, or what
#                depends on which thread was first
# A command that fails ends the case (set -e, pipefail). Where failing is meant, say `status`.

set -euo pipefail

# status COMMAND...: runs it and prints its exit code.
status() {
    local code=0
    "$@" || code=$?
    echo "exit $code"
}

# server COMMAND...: starts it in the background, its output in the file server.log. The end of the
# case ends it; `stop_server` does it before, and waits.
server() {
    "$@" >>server.log 2>&1 &
    server=$!
    trap stop_server EXIT
}

stop_server() {
    local code=0
    trap - EXIT
    kill "${1--TERM}" "$server" 2>/dev/null || true
    wait "$server" || code=$?
    echo "server: exit $code"
}

# until_true COMMAND...: tries it ten times a second, silently, for 20 seconds.
until_true() {
    local i
    for i in $(seq 200); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "never true: $*" >&2
    return 1
}

# lines N [SEED]: N lines of four pseudo-random fields: a number, two words, a fraction.
lines() {
    awk -v n="$1" -v seed="${2:-1}" '
        function draw(limit) { seed = (seed * 16807) % 2147483647; return seed % limit }
        function word(  w, i) {
            w = ""
            for (i = 2 + draw(9); i > 0; i--)
                w = w substr("etaoinshrdlucmfwypvbgkqjxz", 1 + draw(1 + draw(26)), 1)
            return w
        }
        BEGIN {
            for (; n > 0; n--)
                printf "%d %s %s 0.%04d\n", draw(1000000), word(), word(), draw(10000)
        }'
}

# compile NAME [FLAG...]: $PROGRAMS/NAME.c or .cpp to the program $PREPARED/NAME; a library if
# NAME is lib*. Builtins are off so that no call of malloc is thought away.
compile() {
    local name=$1
    shift
    case $name in
    lib*) set -- -fPIC -shared -o "$PREPARED/$name.so" "$@" ;;
    *) set -- -o "$PREPARED/$name" "$@" ;;
    esac
    if [ -f "$PROGRAMS/$name.cpp" ]; then
        g++ -std=gnu++17 -O1 -g -Wall -Wextra -fno-builtin -pthread "$PROGRAMS/$name.cpp" "$@"
    else
        gcc -std=gnu17 -O1 -g -Wall -Wextra -fno-builtin -pthread "$PROGRAMS/$name.c" "$@"
    fi
}

# also_preload before|after LIBRARY COMMAND...: with LIBRARY too, on that side of the allocator.
also_preload() {
    local side=$1 library=$2
    shift 2
    case $side in
    before) LD_PRELOAD=$library${LD_PRELOAD:+:$LD_PRELOAD} "$@" ;;
    after) LD_PRELOAD=${LD_PRELOAD:+$LD_PRELOAD:}$library "$@" ;;
    esac
}

# shellcheck source=/dev/null
. "$1"
"$2"
