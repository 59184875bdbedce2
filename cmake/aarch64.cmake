# SPDX-License-Identifier: MIT
#
# Toolchain file: clang builds for 64-bit Arm, GNU ld links, against the C library that
# test/aarch64/sysroot.sh has fetched into build/; what comes out runs under qemu's user emulation.
# (Debian's own cross gcc cannot be installed beside gcc-multilib; clang can do both.)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

cmake_path(SET cairn_root NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
set(CMAKE_SYSROOT ${cairn_root}build/aarch64-sysroot)
set(triple aarch64-linux-gnu)

foreach(language C CXX)
    set(CMAKE_${language}_COMPILER_TARGET ${triple})
endforeach()
set(CMAKE_C_COMPILER clang)
set(CMAKE_CXX_COMPILER clang++)
foreach(tool AR LINKER NM OBJCOPY OBJDUMP RANLIB READELF STRIP)
    string(TOLOWER ${tool} command)
    string(REPLACE linker ld command ${command})
    set(CMAKE_${tool} ${triple}-${command})
endforeach()

# Programs of this machine, libraries of that one.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE ${triple})
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/${triple}/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)

set(CMAKE_CROSSCOMPILING_EMULATOR ${cairn_root}test/aarch64/emulate.sh)
