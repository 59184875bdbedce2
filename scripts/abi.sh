#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The binary interface of libcairn and libcairn-malloc: abi.sh check|update [LIB], LIB being the
# folder of the libraries (build/lib). `update` writes what they export, and the types of it, to
# abi/; `check` holds them against that. What was added is named; what is gone, or has another type,
# another layout or another soname, is an error: programs that were linked with the library before
# would break. Names and versions are compared in any case; types where there is abidiff
# (abigail-tools), debug information, and the reference's machine. Exits with 77 if not.

set -eu

todo=${1:-}
lib=$(cd "${2:-$(dirname "$0")/../build/lib}" && pwd)
cd "$(dirname "$0")/.."
[ "$todo" = check ] || [ "$todo" = update ] || { echo "usage: abi.sh check|update [LIB]" >&2; exit 2; }
libraries="libcairn libcairn-malloc"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

has_types() { readelf -SW "$1" | grep -q ' \.debug_info '; }

soname() { readelf -dW "$1" | sed -n 's/.*soname: \[\(.*\)\].*/\1/p'; }

# NAME@@VERSION, or NAME, of each symbol that the library exports.
exported() { nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | LC_ALL=C sort; }

# The same of a reference.
promised() {
    sed -n "s/.*<elf-symbol name='\([^']*\)'\( version='\([^']*\)'\)\{0,1\}.*/\1@@\3/p" "$1" |
        sed 's/@@$//' | LC_ALL=C sort
}

# describe LIBRARY FILE: what the library exports, and those types of it that the headers define.
describe() {
    abidw --headers-dir include --drop-private-types --exported-interfaces-only \
        --no-corpus-path --no-comp-dir-path --no-show-locs --no-parameter-names \
        --no-write-default-sizes --type-id-style hash --out-file "$2" "$lib/$1.so"
    sed -i "s|path='[^']*/src/|path='src/|" "$2" # wherever it was built
}

if [ "$todo" = update ]; then
    for library in $libraries; do
        has_types "$lib/$library.so" || { echo "abi: $library.so has no debug information" >&2; exit 1; }
        describe "$library" "abi/$library.xml"
        echo "abi/$library.xml: $(promised "abi/$library.xml" | wc -l) symbols"
    done
    exit 0
fi

broken=
for library in $libraries libcairn-hardened libcairn-checked; do
    reference=abi/$library.xml
    case $library in *ed) reference=abi/libcairn-malloc.xml ;; esac # and more
    file=$lib/$library.so
    expected=$library.so.0
    [ "$(soname "$file")" = "$expected" ] ||
        { echo "abi: $library has the soname $(soname "$file"), not $expected"; broken=yes; }
    promised "$reference" >"$scratch/old"
    exported "$file" >"$scratch/new"
    if [ ! -s "$scratch/old" ]; then
        echo "abi: $reference names no symbol"
        broken=yes
    fi
    gone=$(LC_ALL=C comm -23 "$scratch/old" "$scratch/new" | tr '\n' ' ')
    [ -z "$gone" ] || { echo "abi: $library no longer exports: $gone"; broken=yes; }
    added=$(LC_ALL=C comm -13 "$scratch/old" "$scratch/new" | tr '\n' ' ')
    [ -z "$added" ] || [ ! -e "abi/$library.xml" ] ||
        echo "abi: note: $library exports, not yet in $reference: $added"
done

why=
command -v abidiff >/dev/null || why="there is no abidiff"
has_types "$lib/libcairn.so" || why="the libraries have no debug information"
machine=$(readelf -hW "$lib/libcairn.so" | sed -n 's/.*Machine: *//p')
case $machine in *X86-64) ;; *) why="the reference is x86-64's, this is $machine" ;; esac

for library in $libraries; do
    [ -z "$why" ] || break
    status=0
    describe "$library" "$scratch/$library.xml"
    abidiff --no-added-syms --suppressions abi/allowed.suppr "abi/$library.xml" "$scratch/$library.xml" \
        >"$scratch/report" 2>&1 || status=$?
    [ $status -eq 0 ] || { echo "abi: types of $library:"; cat "$scratch/report"; broken=yes; }
done

[ -z "$broken" ] || { echo "abi: if that is meant: a new soname, and scripts/abi.sh update"; exit 1; }
[ -z "$why" ] || { echo "skip abi: types not compared: $why"; exit 77; }
echo "abi: libcairn and libcairn-malloc are what abi/ says"
