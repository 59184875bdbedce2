# SPDX-License-Identifier: MIT
# Programs that take rights from themselves: system calls (seccomp), file descriptors; and memory
# that may not leave (mlockall).

needs="gcc"
packages="gcc libc6-dev linux-libc-dev"
proves="sandboxed descriptors locked_memory"

prepare() {
    compile sandboxed
    compile descriptors
    compile locked_memory
}

run() {
    status "$PREPARED/sandboxed"
    status "$PREPARED/descriptors"
    status "$PREPARED/locked_memory"
}
