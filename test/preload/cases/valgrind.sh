# SPDX-License-Identifier: MIT
# A program under valgrind, which has its own ideas of memory (no tool: it only has to run).

needs="valgrind gcc"
packages="valgrind gcc libc6-dev"
proves="bash"

prepare() {
    gcc -std=gnu17 -g -O1 -o "$PREPARED/words" "$PROGRAMS"/words/*.c
}

run() {
    status valgrind -q --tool=none "$PREPARED/words" "$PROGRAMS"/*.c
    status valgrind -q --tool=none sort "$PROGRAMS/data.py" | sha256sum
}
