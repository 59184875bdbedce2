#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes the Debian packages from packaging/debian: packages.sh [FOLDER], by default build/debian. They
# are built in a copy of the tree, and lie in FOLDER. Nothing of the time, the place or the user gets
# into them: the same sources give the same files.

set -eu
cd "$(dirname "$0")/.."
tree=$PWD
folder=${1:-build/debian}

rm -rf "$folder"
mkdir -p "$folder/source"
folder=$(cd "$folder" && pwd)
"$tree/scripts/list-files.sh" | tar -c -T - | tar -x -C "$folder/source"
cp -r packaging/debian "$folder/source/debian"
cd "$folder/source"

umask 022
chmod -R u+rwX,go+rX,go-w .
if ! env -u CFLAGS -u CPPFLAGS -u LDFLAGS -u MAKEFLAGS -u MFLAGS -u DESTDIR -u TZ LC_ALL=C.UTF-8 \
    dpkg-buildpackage -b -us -uc --jobs="$(nproc)" >"$folder/build.log" 2>&1; then
    tail -n 30 "$folder/build.log" >&2
    echo "packages: the build failed; all it said is in $folder/build.log" >&2
    exit 1
fi
cd "$folder"
rm -rf source
if command -v lintian >/dev/null; then # who distributes them has an address, and a bug to close
    lintian --allow-root --suppress-tags initial-upload-closes-no-bugs \
        --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog ./*.changes || true
fi
ls "$folder"/*.deb
