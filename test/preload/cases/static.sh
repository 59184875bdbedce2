# SPDX-License-Identifier: MIT
# Statically linked programs: ld.so is not there to preload anything, so they simply run.

needs="gcc libc.a rcrt1.o"
packages="gcc libc6-dev"
proves="bash"

prepare() {
    gcc -O1 -static -pthread -o "$PREPARED/static" "$PROGRAMS/thread_waves.c"
    gcc -O1 -static-pie -fPIE -pthread -o "$PREPARED/static_pie" "$PROGRAMS/thread_waves.c"
}

run() {
    status "$PREPARED/static"
    status "$PREPARED/static_pie"
    status env "$PREPARED/static"
}
