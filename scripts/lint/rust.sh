#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Rust: each `unsafe` block and implementation says in a comment right above why it is sound, each
# public unsafe function what it asks of its caller; the layout is rustfmt's, where that is installed.

cd "$(dirname "$0")/../.." || exit 2
PATH=$PATH:${HOME:-/root}/.cargo/bin

{
    scripts/list-files.sh '*.rs' | xargs -r awk '
    FNR == 1 { reason = 0; contract = 0 }
    /\/\/ SAFETY: / { reason = FNR }
    /\/\/\/ # Safety/ { contract = FNR }
    # A statement may begin above its unsafe block, and a comment go on for some lines.
    /(^|[^[:alnum:]_"])unsafe (impl|\{)/ && !/^[[:space:]]*\/\// && !/unsafe_op_in/ && !(reason && FNR - reason <= 8) {
        printf "%s:%d: unsafe without a SAFETY comment right above\n", FILENAME, FNR
    }
    /pub (const )?unsafe fn/ && !(contract && FNR - contract <= 12) {
        printf "%s:%d: an unsafe function that does not say what it asks for\n", FILENAME, FNR
    }'
    if command -v rustfmt >/dev/null && rustfmt --version >/dev/null 2>&1; then
        scripts/list-files.sh '*.rs' | xargs -r rustfmt --edition 2021 --config-path bindings/rust/rustfmt.toml --check -l 2>&1 |
            sed "s|^$PWD/||; s|\$|:1: cargo fmt would change this|"
    fi
} | sort -u | { ! grep . ; }
