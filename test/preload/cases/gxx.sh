# SPDX-License-Identifier: MIT
# g++ compiles a C++17 program with exceptions, streams, containers and threads, which then runs.

needs="g++"
packages="g++ libc6-dev"
proves="g++ cc1plus ld library"
files="library.o"

run() {
    g++ -std=c++17 -O1 -Wall -Wextra -c "$PROGRAMS/library.cpp"
    g++ -pthread -o library library.o
    status ./library 30000
    status ./library
}
