# SPDX-License-Identifier: MIT
# The corner cases of malloc as glibc has them: sizes of nothing, too large ones, errno, alignment.

needs="gcc"
packages="gcc libc6-dev"
proves="corners"
not_foreign="the standard leaves these open, others differ from glibc"

prepare() {
    compile corners
}

run() {
    status "$PREPARED/corners"
}
