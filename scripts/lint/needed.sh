#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared libraries need libc only, and at most 8 bytes of thread-local storage, so that they can
# be preloaded and loaded late anywhere. Looks at build/lib, if it is there.

cd "$(dirname "$0")/../.." || exit 2

for file in build/lib/libcairn*.so; do
    [ -e "$file" ] || continue
    readelf -dlW "$file" | awk -v file="$file" '
        /\(NEEDED\)/ {
            gsub(/.*\[|\].*/, "")
            if ($0 !~ /^(libc\.so|ld-linux)/) print file ":1: needs " $0
        }
        $1 == "TLS" && $6 !~ /^0x0*[0-8]$/ { print file ":1: thread-local storage of " $6 " bytes, at most 8 allowed" }'
done | { ! grep . ; }
