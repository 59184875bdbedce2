# SPDX-License-Identifier: MIT
# C++ new and delete in all forms, new handlers, bad_alloc; and a program that brings its own.

needs="g++"
packages="g++ libc6-dev"
proves="operators own_new"

prepare() {
    compile operators
    compile own_new
}

run() {
    status "$PREPARED/operators"
    status "$PREPARED/own_new"
}
