#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Makes build/aarch64-sysroot: the C and C++ libraries and cmocka for 64-bit Arm, as Debian
# has them. The packages are fetched by apt-get with lists and settings of its own, below build/, and
# unpacked, not installed: the machine stays as it is, and nothing here needs to be root. Once there,
# the folder is kept.
#
# Exit code 1 and one line that says why: it cannot be had here, so nothing for Arm can be tested.

set -u
cd "$(dirname "$0")/../.." || exit 2

packages=(libc6 libc6-dev linux-libc-dev libgcc-s1 libgcc-12-dev libstdc++6 libstdc++-12-dev
    libcmocka0 libcmocka-dev)
sysroot=$PWD/build/aarch64-sysroot
done=$sysroot/.complete
work=$PWD/build/aarch64-packages

give_up() {
    echo "aarch64: not tested: $*"
    exit 1
}

[ "$(uname -m)" = aarch64 ] && give_up "under an emulator, that is: this machine is one itself"
command -v qemu-aarch64 >/dev/null || command -v qemu-aarch64-static >/dev/null ||
    give_up "there is no qemu-aarch64 (package qemu-user)"
for command in clang aarch64-linux-gnu-ld; do
    command -v $command >/dev/null || give_up "there is no $command"
done
[ "$(cat "$done" 2>/dev/null)" = "${packages[*]}" ] && exit 0
for command in apt-get dpkg-deb; do
    command -v $command >/dev/null || give_up "there is no $command to fetch the libraries with"
done

rm -rf "$sysroot" "$work"
mkdir -p "$sysroot" "$work"/{lists/partial,cache/archives/partial,debs}

apt() {
    (cd "$work/debs" && apt-get -qq \
        -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User= \
        -o Dir::State="$work" -o Dir::State::status=/dev/null -o Dir::Cache="$work/cache" \
        -o APT::Update::Post-Invoke-Success= -o APT::Update::Post-Invoke= \
        -o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=20 \
        "$@" </dev/null) >>"$work/log" 2>&1
}

echo "aarch64: fetching the C library and others for Arm into build/"
apt update
apt download "${packages[@]}" || give_up "the libraries for Arm cannot be fetched:" \
    "$(grep -m 1 '^E: ' "$work/log" || echo "see build/aarch64-packages/log")"
for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$sysroot" || give_up "$package cannot be unpacked"
done
rm -rf "$work"
echo "${packages[*]}" >"$done"
