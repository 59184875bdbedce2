# SPDX-License-Identifier: MIT
# C++ in 512 MiB of address space: bad_alloc and other exceptions while the heap is full.

needs="gcc g++"
packages="gcc g++ libc6-dev"
proves="no_memory"

prepare() {
    compile limited
    compile no_memory
}

run() {
    status "$PREPARED/limited" 512 "$PREPARED/no_memory"
}
