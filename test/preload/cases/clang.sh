# SPDX-License-Identifier: MIT
# clang compiles a C program of several files and a C++ program, and analyses one.

needs="clang"
packages="clang libstdc++-12-dev libc6-dev"
proves="clang words library"
files="words.bc words library.o"

run() {
    clang -std=gnu17 -O2 -Wall -Wextra -o words "$PROGRAMS"/words/*.c
    ./words "$PROGRAMS/library.cpp"
    clang -std=gnu17 -O1 -emit-llvm -c -o words.bc "$PROGRAMS/words/table.c"
    clang++ -std=c++17 -O0 -Wall -Wextra -c "$PROGRAMS/library.cpp"
    clang++ -pthread -o library library.o
    status ./library 3000
    status clang --analyze -Xclang -analyzer-output=text -x c - <<'END'
#include <stdlib.h>
int f(int n) { int *p = malloc(4); if (n) free(p); return *p; }
END
}
