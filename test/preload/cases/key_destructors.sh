# SPDX-License-Identifier: MIT
# Destructors of 60 thread keys that allocate, in each of the rounds there are.

needs="gcc"
packages="gcc libc6-dev"
proves="key_destructors"

prepare() {
    compile key_destructors
}

run() {
    status "$PREPARED/key_destructors"
}
