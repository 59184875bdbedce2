#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compiles the kinds of the kit that need no operating system and no C library, for 64-bit and 32-bit
# x86 and for a bare-metal Arm, and prints what each takes, in bytes of code and constants, as a
# table in Markdown (docs/freestanding.md holds it).
#
#   scripts/freestanding.sh            the table; a compiler that is missing is left out
#   scripts/freestanding.sh --check    fails if something does not compile, needs more than memcpy,
#                                      memmove, memset, memcmp and the compiler's arithmetic, or
#                                      has writable data; names a compiler that is missing by `skip`
#   scripts/freestanding.sh --sources  the sources that this is about, one a line

set -u
cd "$(dirname "$0")/.." || exit 2

kinds='bump arena pool fit buddy slots'
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
status=0

flags='-std=c17 -Os -fno-pic -ffreestanding -nostdlib -ffunction-sections -DCAIRN_FREESTANDING -Wall -Wextra
    -Wundef -Wshadow -Werror -Isrc -Iinclude'

compiler_of() {
    case $1 in
    x86-64) echo gcc -m64 ;;
    x86-32) echo gcc -m32 ;;
    cortex-m0) echo arm-none-eabi-gcc -mcpu=cortex-m0 -mthumb ;;
    cortex-m4) echo arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb ;;
    esac
}

# The sources of a kind: its own, and those that it shares with no other.
sources_of() {
    for file in src/kit/"$1".c src/kit/"$1"_*.c; do
        [ -e "$file" ] || continue
        # What prints with the C library's help is not for programs without one.
        grep -q '#include <std\(io\|lib\)' "$file" || echo "$file"
    done
}

if [ "${1-}" = --sources ]; then
    for kind in $kinds; do sources_of "$kind"; done
    echo src/kit/allocator.c
    exit
fi

# compile TARGET KIND: one object of all that the kind is made of.
compile() {
    objects=
    for file in $(sources_of "$2") src/kit/allocator.c; do
        object=$work/$(basename "$file" .c).o
        # shellcheck disable=SC2046,SC2086 # lists of words
        $(compiler_of "$1") $flags -c "$file" -o "$object" || return 1
        objects="$objects $object"
    done
    # shellcheck disable=SC2046,SC2086
    $(compiler_of "$1") -nostdlib -r $objects -o "$work/$2.joined.o"
}

# What an object wants of others, or keeps for itself.
complaints_about() {
    nm "$1" | awk -v what="$2" '
        $1 == "U" && $2 !~ /^(memcpy|memmove|memset|memcmp|__aeabi_[a-z0-9]+|_GLOBAL_OFFSET_TABLE_)$/ { print what " needs " $2 }
        # slots counts those that were begun, to tell their keys apart.
        $2 ~ /^[bBdD]$/ && $3 !~ /^\$|^begun/ { print what " has writable data: " $3 }'
}

size_of() { size "$1" | awk 'NR == 2 { print $1 }'; }

targets=
for target in x86-64 x86-32 cortex-m0 cortex-m4; do
    # shellcheck disable=SC2046
    if echo 'int x;' | $(compiler_of $target) -x c -c - -o "$work/probe.o" 2>/dev/null; then
        targets="$targets $target"
    else
        [ "${1-}" != --check ] || echo "skip freestanding: no compiler for $target"
    fi
done

[ "${1-}" = --check ] || {
    printf '| kind |'
    for target in $targets; do printf ' %s |' "$target"; done
    printf '\n|---|'
    for target in $targets; do printf -- '---:|'; done
    printf '\n'
}
for kind in $kinds; do
    row="| $kind |"
    for target in $targets; do
        if ! compile "$target" "$kind"; then
            echo "freestanding: $kind does not compile for $target" >&2
            status=1
            continue
        fi
        said=$(complaints_about "$work/$kind.joined.o" "$kind for $target")
        [ -z "$said" ] || { echo "freestanding: $said" >&2; status=1; }
        row="$row $(size_of "$work/$kind.joined.o") |"
    done
    [ "${1-}" = --check ] || echo "$row"
done
exit $status
