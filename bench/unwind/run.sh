#!/bin/sh
# SPDX-License-Identifier: MIT
# What a stack costs, in nanoseconds, by depth; see unwind.c. Writes CSV.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/build/bench
mkdir -p "$work"
# shellcheck disable=SC2046 # no path of ours holds a space
"${CC:-cc}" -std=gnu17 -O2 -Wall -Wextra -I"$root/src" -I"$root/include" -o "$work/unwind" "$here/unwind.c" \
    $(ls "$root"/src/base/*.c "$root"/src/os/unwind*.c) \
    "$root"/src/os/linux.c "$root"/src/os/lock.c "$root"/src/os/place.c "$root"/src/os/system.c
echo "# bench/unwind/run.sh on $(grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //')"
exec "$work/unwind"
