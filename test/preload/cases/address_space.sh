# SPDX-License-Identifier: MIT
# 512 MiB of address space: a limit that the program sets itself, and one that it is born with, for
# our program and for others.

needs="gcc python3 sort"
packages="gcc libc6-dev python3-minimal coreutils"
proves="address_space python3 sort"

prepare() {
    compile address_space
    compile limited
    lines 100000 >"$PREPARED/lines"
}

run() {
    status "$PREPARED/address_space" 512
    status "$PREPARED/limited" 512 "$PREPARED/address_space"
    status "$PREPARED/limited" 512 python3 -c 'print(len([str(i) * 5 for i in range(500000)]))'
    "$PREPARED/limited" 512 sort --parallel=2 -S 100M "$PREPARED/lines" | sha256sum
    status "$PREPARED/limited" 64 bash -c 'a=(); for i in {1..20000}; do a+=("$i"); done; echo ${#a[@]}; echo $(echo sub)'
}
