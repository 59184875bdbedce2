#!/bin/bash
# SPDX-License-Identifier: MIT
#
# setuid.sh PROGRAM: a set-user-id program, and a set-group-id one, pays no heed to its environment:
# whatever the variables of Cairn say, nothing is printed, and no file is written with rights that the
# caller does not have. PROGRAM has Cairn linked into it (LD_PRELOAD is dropped by ld.so). The same
# program without the bit does what the variables say, or else the test would prove nothing.

set -u

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "setuid: $*" >&2
    [ ! -f "$top/stderr" ] || cat "$top/stderr" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || skip "only root can make a set-user-id program of root's"
command -v setpriv >/dev/null || skip "setpriv is not installed"

top=$(mktemp -d "${TMPDIR:-/tmp}/cairn-setuid.XXXXXX") || exit 2
trap 'rm -rf "$top"' EXIT
mkdir "$top/open"
chmod 755 "$top"
chmod 777 "$top/open"

# as_nobody NAME: runs the copy of that name in a hostile environment; files go to open/.
as_nobody() {
    rm -f "$top"/open/*
    : >"$top/open/run-file"
    : >"$top/open/statistics"
    chmod 666 "$top"/open/*
    (
        cd "$top/open" && exec setpriv --reuid=65534 --regid=65534 --clear-groups env -i \
            CAIRN_STATS=exit CAIRN_STATS_FILE="$top/open/statistics" CAIRN_VERBOSE=1 \
            CAIRN_RUN_FILE="$top/open/run-file" CAIRN_CONF=nonsense:1,verbose:1,stats:exit \
            CAIRN_WINDOW=junk CAIRN_REPORT_LARGE=200000 CAIRN_PURGE_DELY=1 "$top/$1"
    ) >"$top/stdout" 2>"$top/stderr"
}

# expect_silence NAME USER GROUP: it had these rights, and obeyed nobody.
expect_silence() {
    as_nobody "$1" || fail "$1 ended with code $?"
    grep -qx "user $2 group $3" "$top/stdout" ||
        skip "the file system honours no set-user-id bit: $(cat "$top/stdout")"
    [ ! -s "$top/stderr" ] || fail "$1 printed"
    [ ! -s "$top/open/statistics" ] || fail "$1 wrote statistics"
    [ ! -s "$top/open/run-file" ] || fail "$1 wrote to CAIRN_RUN_FILE"
}

for copy in plain user group; do
    cp "$1" "$top/$copy" || exit 2
    chown 0:0 "$top/$copy"
done
chmod 755 "$top/plain"
chmod 4755 "$top/user"
chmod 2755 "$top/group"

as_nobody plain || fail "without the bit: code $?"
[ -s "$top/stderr" ] || fail "without the bit, nothing was printed"
[ -s "$top/open/statistics" ] || fail "without the bit, no statistics were written"
[ -s "$top/open/run-file" ] || fail "without the bit, nothing was written to CAIRN_RUN_FILE"
expect_silence user 0 65534
expect_silence group 65534 0

# CAIRN_STRICT would end it at the start.
(cd / && CAIRN_STRICT=1 CAIRN_CONF=nonsense:1 setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$top/user") >/dev/null 2>"$top/stderr" || fail "CAIRN_STRICT was heard"
echo "set-user-id and set-group-id programs ignore the environment"
