# SPDX-License-Identifier: MIT
# vfork and exec, posix_spawn, system, popen, while another thread allocates.

needs="gcc"
packages="gcc libc6-dev"
proves="spawn"
files="spawned"

prepare() {
    compile spawn
}

run() {
    for i in 1 2 3; do status "$PREPARED/spawn"; done
}
