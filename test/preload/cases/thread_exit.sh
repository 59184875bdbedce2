# SPDX-License-Identifier: MIT
# exit called in a thread; main that leaves before its threads; threads that are cancelled.

needs="gcc"
packages="gcc libc6-dev"
proves="thread_exit cancel"

prepare() {
    compile thread_exit
    compile cancel
}

run() {
    for i in 1 2 3 4 5 6 7 8 9 10; do
        status "$PREPARED/thread_exit" exit
        status "$PREPARED/thread_exit" main
    done
    for i in 1 2 3; do status "$PREPARED/cancel"; done
}
