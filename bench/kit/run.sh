#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The kit beside what a user would take instead: builds the contests against build/lib/libcairn.so
# and runs them. usage: [ROUNDS=n] run.sh [arena|pool|threads|general|slots|cpp ...]
# Times are medians; the column behind them is the ratio to the first row, which is Cairn's. Rivals
# that this machine lacks (Boost, APR, talloc, GLib) are left out. Exit status 1: a limit was missed.

set -u
cd "$(dirname "$0")/../.." || exit 2
work=build/bench/kit
mkdir -p "$work"

[ $# -gt 0 ] || set -- arena pool threads general slots cpp

rivals=
for rival in apr-1:APR talloc:TALLOC glib-2.0:GLIB; do
    package=${rival%:*}
    pkg-config --exists "$package" 2>/dev/null &&
        rivals="$rivals -DBENCH_${rival#*:}=1 $(pkg-config --cflags --libs "$package")"
done
# Boost.Container's resources are in a library.
echo 'int main() {}' | ${CXX:-g++} -x c++ - -o "$work/none" -lboost_container 2>/dev/null &&
    rivals="$rivals -DBENCH_BOOST_CONTAINER=1 -lboost_container"

status=0
for name in "$@"; do
    # shellcheck disable=SC2086 # a list of words
    ${CXX:-g++} -std=c++17 -O2 -Wall -Wextra -fno-builtin-malloc -fno-builtin-free -Iinclude \
        "bench/kit/$name.cpp" -o "$work/$name" -Wl,--no-as-needed -Lbuild/lib -lcairn \
        -Wl,-rpath,"$PWD/build/lib" -pthread -Wl,--as-needed $rivals || exit 2
    "$work/$name" || status=1
done
exit $status
