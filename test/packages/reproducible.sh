#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The same sources give the same bytes: reproducible.sh BUILD builds the release preset, and the
# Debian packages where there is what makes them, twice: in folders whose names have other lengths,
# with other time zones, umasks, languages and numbers of jobs, and compares all that comes out.

set -eu

build=$1
tree=$(cd "$(dirname "$0")/../.." && pwd)
work=$build/packages/reproducible
packages=yes
for command in dpkg-buildpackage dh scdoc; do
    command -v $command >/dev/null || packages=
done

copy_to() {
    mkdir -p "$1"
    (cd "$tree" && scripts/list-files.sh | tar -c -T -) | tar -x -C "$1"
}

# build_in FOLDER JOBS
build_in() {
    (
        cd "$1"
        cmake --preset release -DCAIRN_TESTS=OFF
        cmake --build build --parallel "$2"
        [ -z "$packages" ] || scripts/packages.sh build/debian
    ) >"$1.log" 2>&1 || { tail -n 20 "$1.log"; exit 1; }
}

rm -rf "$work"
mkdir -p "$work"
unset SOURCE_DATE_EPOCH CFLAGS LDFLAGS
one=$work/a
other=$work/another/folder/with_a_long_name
(umask 022 && copy_to "$one")
(umask 077 && copy_to "$other")
(umask 022 && TZ=UTC LC_ALL=C build_in "$one" 1)
(umask 077 && TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 build_in "$other" 2)

# What users get: libraries, programs, packages.
list() {
    (cd "$1/build" && find lib bin libexec debian -type f ! -name '*.log' ! -name '*.buildinfo' \
        ! -name '*.changes' | LC_ALL=C sort)
}
list "$one" >"$work/files"
list "$other" | cmp - "$work/files"
count=0
different=
while IFS= read -r file; do
    cmp -s "$one/build/$file" "$other/build/$file" || different="$different $file"
    count=$((count + 1))
done <"$work/files"
[ -z "$different" ] || { echo "packages.reproducible: different:$different"; exit 1; }
[ $count -gt 20 ] || { echo "packages.reproducible: only $count files"; exit 1; }
if grep -rlF "$work" "$one/build/lib" "$one/build/bin"; then
    echo "packages.reproducible: these say where they were built"
    exit 1
fi
echo "$count files are the same in both"
