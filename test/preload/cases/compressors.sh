# SPDX-License-Identifier: MIT
# xz -T2, zstd -T2, gzip and bzip2, there and back.

needs="xz zstd gzip bzip2"
packages="xz-utils zstd gzip bzip2"
proves="xz zstd gzip bzip2"
files="data.*"

prepare() {
    lines 100000 >"$PREPARED/data"
}

run() {
    local data=$PREPARED/data
    xz -T2 --block-size=1MiB -2 -c "$data" >data.xz
    zstd -q -T2 -12 -B1M -c "$data" >data.zst
    zstd -q -T2 --fast=3 -c "$data" >data.fast.zst
    zstd -q --long=24 -17 -c <(head -c 1000000 "$data") >data.long.zst
    gzip -n -9 -c "$data" >data.gz
    bzip2 -c "$data" >data.bz2
    xz -T2 -dc data.xz | cmp - "$data" && echo xz
    zstd -q -dc data.zst | cmp - "$data" && echo zstd
    gzip -dc data.gz | cmp - "$data" && echo gzip
    bzip2 -dc data.bz2 | cmp - "$data" && echo bzip2
    head -c 30000 data.xz >broken.xz
    status xz -t broken.xz
    mkdir samples && split -n l/200 "$data" -a 3 samples/
    zstd -q --train samples/* -o data.dictionary --maxdict=20000
    xz --list --robot data.xz | cut -f 1-5
}
