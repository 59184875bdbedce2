# SPDX-License-Identifier: MIT
# malloc, calloc, realloc in many sizes, and aligned blocks up to 4 MiB.

needs="gcc"
packages="gcc libc6-dev"
proves="many_sizes aligned"

prepare() {
    compile many_sizes
    compile aligned
}

run() {
    status "$PREPARED/many_sizes"
    status "$PREPARED/aligned"
}
