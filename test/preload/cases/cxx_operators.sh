# SPDX-License-Identifier: MIT
# C++ new and delete in all forms, new handlers, bad_alloc with a full heap; and a program that
# brings operators of its own.

needs="gcc g++"
packages="gcc g++ libc6-dev"
proves="operators own_new"

prepare() {
    compile limited
    compile operators
    compile own_new
}

run() {
    status "$PREPARED/limited" 512 "$PREPARED/operators"
    status "$PREPARED/own_new"
}
