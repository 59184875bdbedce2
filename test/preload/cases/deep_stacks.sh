# SPDX-License-Identifier: MIT
# Deep recursion with a block at each level, threads with large stacks, a stack from malloc.

needs="gcc"
packages="gcc libc6-dev"
proves="recursion"

prepare() {
    compile recursion
}

run() {
    for i in 1 2 3; do status "$PREPARED/recursion"; done
}
