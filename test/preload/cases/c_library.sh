# SPDX-License-Identifier: MIT
# Parts of libc that allocate: locales, iconv, names, memory streams, directories, trees, qsort.

needs="gcc"
packages="gcc libc6-dev libc-bin netbase"
proves="c_library"

prepare() {
    compile c_library
}

run() {
    status "$PREPARED/c_library"
}
