#!/bin/sh
# SPDX-License-Identifier: MIT
#
# One test of the Rust crates: run.sh CASE BUILD, BUILD being the build folder. Exits with 77, and
# says why, where the machine lacks what the case needs. No network is used.

set -eu

case=$1
build=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=$PATH:${HOME:-/root}/.cargo/bin
least=63 # 1.63 is Debian 12's

skip() {
    echo "skip rust.$case: $*"
    exit 77
}

fail() {
    echo "rust.$case: $*" >&2
    exit 1
}

cargo --version >/dev/null 2>&1 || skip "there is no cargo"
minor=$(rustc --version | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
[ "${minor:-$least}" -ge $least ] || skip "rustc 1.$minor is older than 1.$least"

# What the environment says of the library, or of cargo's work, is not meant for the tests.
unset RUSTFLAGS RUSTDOCFLAGS CARGO_BUILD_TARGET CAIRN_INCLUDE_DIR CAIRN_INSTALLED CAIRN_LINK
export CARGO_TARGET_DIR="$build/rust" CAIRN_LIB_DIR="$build/lib"
cd "$root/bindings/rust"

# same_words PROGRAM...: they count the same, and a text has words.
same_words() {
    expected=
    for program in "$@"; do
        counted=$("$program" 2>"$CARGO_TARGET_DIR/$(basename "$program").said") || fail "$program failed"
        cat "$CARGO_TARGET_DIR/$(basename "$program").said"
        [ "${expected:=$counted}" = "$counted" ] || fail "$program counts: $counted"
    done
    case $expected in [1-9]*" words, "[1-9]*" different"*) ;; *) fail "no words: $expected" ;; esac
}

# What the program on Cairn said: that its blocks were Cairn's, more than 4 MiB of them.
is_on_cairn() {
    grep -Eq ', ([4-9]|[1-9][0-9]+)[0-9]{3} KiB in its blocks' "$1" || fail "not on Cairn: $(cat "$1")"
}

case $case in
tests)
    cargo test --offline --locked --workspace --lib --tests
    cargo check --offline --locked -p cairn --no-default-features
    ;;
docs)
    cargo test --offline --locked --workspace --doc
    ;;
programs)
    cargo build --offline --locked -p cairn --examples
    made=$CARGO_TARGET_DIR/debug/examples
    same_words "$made/word_count_on_system" "$made/word_count" "$made/word_count_on_stack"
    is_on_cairn "$CARGO_TARGET_DIR/word_count.said"
    grep -Eq 'cairn: counted: [1-9][0-9]{5,} allocations' "$CARGO_TARGET_DIR/word_count_on_stack.said" ||
        fail "not on a stack"
    ;;
tree)
    # Without a library that is there, the crate builds one from its source tree.
    unset CAIRN_LIB_DIR
    command -v cmake >/dev/null || skip "there is no cmake"
    CARGO_TARGET_DIR=$build/rust/tree
    cargo build --offline --locked -p cairn --example word_count
    same_words "$CARGO_TARGET_DIR/debug/examples/word_count"
    is_on_cairn "$CARGO_TARGET_DIR/word_count.said"
    ;;
installed)
    # By pkg-config, and as the shared library.
    unset CAIRN_LIB_DIR
    command -v pkg-config >/dev/null || skip "there is no pkg-config"
    CARGO_TARGET_DIR=$build/rust/installed
    prefix=$CARGO_TARGET_DIR/prefix
    cmake --install "$build" --prefix "$prefix" >/dev/null
    export CAIRN_INSTALLED=1 CAIRN_LINK=shared PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
    cargo build --offline --locked -p cairn --example word_count
    program=$CARGO_TARGET_DIR/debug/examples/word_count
    export LD_LIBRARY_PATH="$prefix/lib"
    ldd "$program" | grep -q "$prefix/lib/libcairn.so" || fail "not linked with the installed library"
    same_words "$program"
    is_on_cairn "$CARGO_TARGET_DIR/word_count.said"
    ;;
nightly)
    cargo +nightly --version >/dev/null 2>&1 || skip "there is no nightly compiler"
    CARGO_TARGET_DIR=$build/rust/nightly
    cargo +nightly test --offline --locked -p cairn --features allocator_api --test allocator_api
    ;;
clippy)
    cargo clippy --version >/dev/null 2>&1 || skip "there is no clippy"
    # Early versions take threads that are started, and joined later, for values that are not needed.
    cargo clippy --offline --locked --workspace --all-targets -- -D warnings -A clippy::needless_collect
    ;;
format)
    cargo fmt --version >/dev/null 2>&1 || skip "there is no rustfmt"
    cargo fmt --all -- --check
    ;;
*) fail "no such case" ;;
esac
