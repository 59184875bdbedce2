# SPDX-License-Identifier: MIT
# clang and lld optimise a program of 24 files as a whole: all in one piece, and with several threads
# (ThinLTO) and a cache. The programs must be the same, byte by byte.

needs="clang"
packages="clang libc6-dev"
unpacks="lld-14"
proves="clang lld whole thin words"
files="whole thin words"

run() {
    local lld=$UNPACKED/usr/bin/ld.lld-14 kind
    for kind in full thin; do
        for part in $(seq 0 23); do
            echo "-flto=$kind -DPART=$part -DNEXT=$(((part + 1) % 24)) -o $kind$part.o"
        done
    done | xargs -P 2 -L 1 clang -std=gnu17 -O2 -Wall -Wextra -c "$PROGRAMS/parts/part.c"
    clang -flto=full --ld-path="$lld" -Wl,-O2 -o whole full*.o
    ./whole
    set -- -flto=thin --ld-path="$lld" -Wl,--thinlto-jobs=3 -Wl,--thinlto-cache-dir="$PWD/cache"
    clang "$@" -o thin thin*.o
    ./thin
    clang "$@" -o again thin*.o
    cmp thin again && echo "the same from the cache"
    clang -std=gnu17 -O2 -g -flto --ld-path="$lld" -Wl,--gc-sections,--icf=all,--build-id=sha1 \
        -o words "$PROGRAMS"/words/*.c
    ./words "$PROGRAMS/parts/part.c" | sha256sum
}
