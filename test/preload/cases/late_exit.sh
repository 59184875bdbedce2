# SPDX-License-Identifier: MIT
# Allocation after main: exit handlers, C++ static and thread_local destructors, quick_exit, abort.

needs="gcc g++"
packages="gcc g++ libc6-dev"
proves="late_exit late_objects quick_exit"

prepare() {
    compile late_exit
    compile late_objects
    compile quick_exit
}

run() {
    for i in 1 2 3 4 5; do
        status "$PREPARED/late_exit"
        status "$PREPARED/late_objects"
    done
    status "$PREPARED/quick_exit"
}
