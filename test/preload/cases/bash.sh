# SPDX-License-Identifier: MIT
# bash: arrays, subshells, process substitution, strings, coprocesses, traps.

needs="bash"
packages="bash"
proves="bash"

run() {
    bash --norc "$PROGRAMS/work.bash"
}
