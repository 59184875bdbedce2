#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a test for 64-bit Arm under qemu's user emulation, with the libraries that sysroot.sh has
# fetched, and with qemu.c preloaded. Usage: test/aarch64/emulate.sh PROGRAM [ARGUMENT...]. LD_PRELOAD
# reaches the program alone, not the emulator. CAIRN_TEST_PAGE_SIZE is the size of the OS pages that the
# program sees.
#
# The window is small unless CAIRN_WINDOW says otherwise: up to version 7.2, qemu keeps a record of each
# OS page of address space, which for the usual 256 GiB takes it 20 seconds and 6 GiB.

preload=${LD_PRELOAD-}
unset LD_PRELOAD

build=$(cd "$(dirname "$0")/../.." && pwd)/build || exit 2
CAIRN_TEST_QEMU=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || exit 2
export CAIRN_TEST_QEMU CAIRN_WINDOW="${CAIRN_WINDOW:-1G}"
export QEMU_LD_PREFIX="$build/aarch64-sysroot"
export QEMU_SET_ENV="LD_PRELOAD=$build/aarch64/lib/libtest-qemu.so${preload:+:$preload}"
[ -n "${CAIRN_TEST_PAGE_SIZE-}" ] && export QEMU_PAGESIZE="$CAIRN_TEST_PAGE_SIZE"

exec "$CAIRN_TEST_QEMU" "$@"
