# SPDX-License-Identifier: MIT
# fork in a process whose other threads are allocating; children that allocate, thread, fork, exec.

needs="gcc"
packages="gcc libc6-dev"
proves="fork_threads"

prepare() {
    compile fork_threads
}

run() {
    for i in 1 2; do status "$PREPARED/fork_threads"; done
}
