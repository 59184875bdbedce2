# SPDX-License-Identifier: MIT
# 400 threads in waves; each wave frees what the one before allocated.

needs="gcc"
packages="gcc libc6-dev"
proves="thread_waves"

prepare() {
    compile thread_waves
}

run() {
    for i in 1 2 3; do status "$PREPARED/thread_waves"; done
}
