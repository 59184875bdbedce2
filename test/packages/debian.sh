#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The Debian packages: debian.sh BUILD makes them, installs them into a root of their own, whose dpkg
# believes that it has what this machine has, and then puts that root's /usr above the machine's, in
# a mount namespace that ends with the test. There, everything is where a user would have it.

set -eu

build=$1
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
work=$build/packages/debian
root=$work/root

skip() {
    echo "skip packages.debian: $*"
    exit 77
}

fail() {
    echo "packages.debian: $*" >&2
    exit 1
}

for command in dpkg-buildpackage dh scdoc unshare; do
    command -v $command >/dev/null || skip "there is no $command"
done

rm -rf "$work"
mkdir -p "$work" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers"
"$tree/scripts/packages.sh" "$work/debs" >"$work/packages.log" 2>&1 || { cat "$work/packages.log"; exit 1; }
if grep -E "^[EW]: " "$work/packages.log"; then
    fail "lintian complains"
fi

cp /var/lib/dpkg/status "$root/var/lib/dpkg/"
cp -r /var/lib/dpkg/info "$root/var/lib/dpkg/"
as_root=
[ "$(id -u)" -eq 0 ] || as_root="unshare --map-root-user"
# shellcheck disable=SC2086 # two words, or none
$as_root dpkg --root="$root" --no-triggers --log=/dev/null -i "$work"/debs/libcairn0_*.deb \
    "$work"/debs/libcairn-dev_*.deb "$work"/debs/cairn_*.deb "$work"/debs/cairn-doc_*.deb \
    >"$work/install.log" 2>&1 || { tail "$work/install.log"; fail "they cannot be installed"; }

cat >"$work/within.sh" <<'END'
set -eux
mount -t overlay overlay -o lowerdir="$1/usr:/usr" /usr || exit 77
cd "$2"

cairn run ls / 2>run.log
grep "active in 1 process" run.log
cairn run --hardened true
cairn record -o recording.czt ls /
cairn replay --rounds 1 recording.czt >replay.log
cairn bench --list >bench.log

cc program.c $(pkg-config --cflags --libs cairn) -o program
./program beside
cc program.c $(pkg-config --cflags --libs cairn-malloc cairn) -o program
./program active
cc -static program.c $(pkg-config --static --cflags --libs cairn-malloc cairn) -o program
./program active
cmake -S cmake -B build
cmake --build build
build/with_cairn beside
build/with_static beside
build/with_malloc active
build/with_object active
build/with_hardened active
build/with_checked active
END
cp "$here/program.c" "$here/program.cpp" "$work/"
cp -r "$here/cmake" "$work/"

status=0
unshare --mount --map-root-user sh "$work/within.sh" "$root" "$work" >"$work/within.log" 2>&1 || status=$?
if [ $status -ne 0 ]; then
    tail -n 20 "$work/within.log"
    [ $status -ne 77 ] || skip "made and installed, not tried: nothing can be mounted here"
    fail "exit code $status"
fi

# And away again, without a trace.
# shellcheck disable=SC2086
$as_root dpkg --root="$root" --no-triggers --log=/dev/null --purge cairn-doc cairn libcairn-dev libcairn0 \
    >"$work/remove.log" 2>&1 || { tail "$work/remove.log"; fail "they cannot be removed"; }
left=$(find "$root" -path "$root/var/lib/dpkg" -prune -o ! -type d -print)
[ -z "$left" ] || fail "left behind: $left"
