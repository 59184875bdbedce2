#!/bin/sh
# SPDX-License-Identifier: MIT
#
# One test of how others use Cairn: run.sh CASE BUILD, BUILD being the build folder. The case
# `install` makes the tree that the others look into, BUILD/packages/prefix: installed for /opt/cairn,
# staged by DESTDIR and then moved, so that whatever held a path would not be found. Exits with 77,
# and says why, where the machine lacks what the case needs. No network is used.
#
# The commands, and what the projects say, are those of docs/packages.md; the case `guide` compares.

set -eu

case=$1
build=$2
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
work=$build/packages/$case
prefix=$build/packages/prefix

skip() {
    echo "skip packages.$case: $*"
    exit 77
}

fail() {
    echo "packages.$case: $*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null || skip "there is no $1"; }

# expect_library PROGRAM LIBRARY...: of ours, it is linked with these shared ones and no others.
expect_library() {
    program=$1
    shift
    needed=$(readelf -d "$program" | sed -n 's/.*NEEDED.*\[\(libcairn[^]]*\)\].*/\1/p' | sort | tr '\n' ' ')
    [ "$needed" = "${*:+$* }" ] || fail "$program needs '$needed', not '$*'"
}

# What a user's environment would say of other libraries and flags is not meant for the tests.
unset CFLAGS CXXFLAGS LDFLAGS DESTDIR CMAKE_PREFIX_PATH CMAKE_GENERATOR PKG_CONFIG_SYSROOT_DIR
unset LD_LIBRARY_PATH LD_PRELOAD CPATH LIBRARY_PATH
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"

rm -rf "$work"
mkdir -p "$work"
cd "$work"

case $case in
install)
    ln -s "$build" build
    DESTDIR=stage cmake --install build --prefix /opt/cairn >install.log
    rm -rf "$prefix"
    mv "$work/stage/opt/cairn" "$prefix"
    left=$(find "$work/stage" ! -type d)
    [ -z "$left" ] || fail "installed outside the prefix: $left"
    if grep -rlE "/opt/cairn|$build|$tree" "$prefix/lib/pkgconfig" "$prefix/lib/cmake"; then
        fail "these hold a path"
    fi
    for name in cairn malloc hardened checked stack record; do
        file=$prefix/lib/libcairn-$name.so
        [ $name = cairn ] && file=$prefix/lib/libcairn.so
        soname=$(readelf -d "$file" | sed -n 's/.*soname: \[\(.*\)\].*/\1/p')
        [ "$soname" = "$(basename "$file").0" ] || fail "$file has the soname '$soname'"
        [ -e "$prefix/lib/$soname" ] || fail "there is no $soname"
    done
    ;;
pkg_config)
    has pkg-config
    export LD_LIBRARY_PATH="$prefix/lib"
    cp "$here/program.c" .

    cc program.c $(pkg-config --cflags --libs cairn) -o program
    expect_library program libcairn.so.0
    ./program beside

    cc program.c $(pkg-config --cflags --libs cairn-malloc cairn) -o program
    expect_library program libcairn-malloc.so.0 libcairn.so.0
    ./program active

    cc program.c $(pkg-config --variable=object cairn-malloc) $(pkg-config --cflags --libs cairn) -o program
    expect_library program libcairn.so.0
    ./program active
    ;;
pkg_config_static)
    has pkg-config
    cp "$here/program.c" .
    [ -e "$(cc -print-file-name=libc.a)" ] || skip "there is no libc.a"

    cc -static program.c $(pkg-config --static --cflags --libs cairn) -o program
    ./program beside

    cc -static program.c $(pkg-config --static --cflags --libs cairn-malloc cairn) -o program
    ./program active
    if readelf -l program | grep -q INTERP; then
        fail "the program is not static"
    fi
    ;;
cmake)
    cp "$here/program.cpp" "$work/"
    cp -r "$here/cmake" "$work/project"
    cmake -S project -B build -DCMAKE_PREFIX_PATH="$prefix" >log || { cat log; exit 1; }
    cmake --build build >>log || { cat log; exit 1; }
    cd build
    expect_library with_cairn libcairn.so.0
    expect_library with_static
    expect_library with_malloc libcairn-malloc.so.0 libcairn.so.0
    expect_library with_object libcairn.so.0
    expect_library with_hardened libcairn-hardened.so.0 libcairn.so.0
    expect_library with_checked libcairn-checked.so.0 libcairn.so.0
    ./with_cairn beside
    ./with_static beside
    ./with_malloc active
    ./with_object active
    ./with_hardened active
    ./with_checked active
    ;;
subdirectory)
    cp "$here/program.c" .
    cp -r "$here/subdirectory" project
    # Without optimisation, for the time it takes.
    cmake -S project -B build -DCAIRN_TREE="$tree" -DCMAKE_C_FLAGS_RELEASE=-O0 \
        -DCMAKE_BUILD_TYPE=Release >log || { cat log; exit 1; }
    cmake --build build --target all >>log 2>&1 || { tail -n 30 log; exit 1; }
    build/with_static beside
    build/with_object active
    [ -z "$(find build -name 'libcairn*.so')" ] || fail "what nobody links was built"
    cmake --install build --prefix "$work/nothing" >>log
    [ ! -e nothing ] || fail "it installs $(find nothing)"
    cmake -S project -B fetched -DCAIRN_TREE="$tree" -DFETCH=ON >log 2>&1 || { cat log; exit 1; }
    ;;
meson)
    has meson
    has ninja
    has pkg-config
    cp -r "$here/meson" project
    cp "$here/program.c" project/
    meson setup build project >log || { cat log; exit 1; }
    meson compile -C build >>log || { cat log; exit 1; }
    expect_library build/with_cairn libcairn.so.0
    expect_library build/with_malloc libcairn-malloc.so.0 libcairn.so.0
    expect_library build/with_static
    build/with_cairn beside
    build/with_malloc active
    build/with_static beside
    ;;
guide)
    # Each line of its samples is one of a project's, or of the tests'; a make target is the menu's.
    awk '/^```/ { inside = !inside; next } inside { sub(/^\$ /, ""); sub(/^ +/, ""); if ($0 != "") print }' \
        "$tree/docs/packages.md" >lines
    while IFS= read -r line; do
        case $line in
        "make "*) grep -q "^${line#make }: .*## " "$tree/Makefile" ;;
        scripts/abi.sh*) [ "$line" = "scripts/abi.sh check" ] ;;
        *) grep -rqF -e "$line" "$here" ;;
        esac || fail "nothing tests this line of docs/packages.md: $line"
    done <lines
    [ "$(wc -l <lines)" -ge 15 ] || fail "docs/packages.md has no samples"
    ;;
*) fail "no such case" ;;
esac
