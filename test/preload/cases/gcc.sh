# SPDX-License-Identifier: MIT
# gcc: a program of several files, also with link-time optimisation, and one large file, at -O2.

needs="gcc"
packages="gcc libc6-dev"
proves="gcc cc1 as ld words"
files="*.o words words-lto messages"

prepare() {
    # 200 functions with loops, switches and calls to each other
    awk 'BEGIN {
        print "#include <stdio.h>\n#include <string.h>\nstruct s { int a; double d; char c[12]; struct s *next; };"
        for (i = 0; i < 200; i++) {
            printf "static int f%d(struct s *p, int n) {\n    int r = %d, t[%d] = {%d};\n", i, i, i % 9 + 4, i % 3
            printf "    for (int i = 0; i < n; i++) {\n        t[i %% %d] += p->a * %d ^ r;\n", i % 9 + 4, i % 13 + 1
            printf "        switch (t[i %% 4] & 7) {\n"
            for (c = 0; c < 8; c++) printf "        case %d: r += p->d > %d ? t[%d] : (int)strlen(p->c) %s; break;\n", c, c * i, c % 4, c % 2 ? "<< 2" : "/ 3"
            printf "        }\n        if (p->next && r & 1) p = p->next;\n    }\n"
            if (i) printf "    return n > 0 ? r + f%d(p, n / 2) %% 1000 : r;\n}\n", int(i / 2)
            else print "    return r;\n}"
        }
        print "int main(void) {\n    struct s b = {3, 2.5, \"b\", 0}, a = {7, 1e3, \"text\", &b};\n    unsigned sum = 0;"
        for (i = 0; i < 200; i++) printf "    sum += (unsigned)f%d(&a, %d);\n", i, i % 20
        print "    printf(\"%u\\n\", sum);\n}"
    }' >"$PREPARED/large.c"
}

run() {
    for file in main table; do gcc -std=gnu17 -O2 -g -Wall -Wextra -c "$PROGRAMS/words/$file.c"; done
    gcc -o words main.o table.o
    ./words "$PROGRAMS"/words/*.c
    gcc -std=gnu17 -O2 -flto -frandom-seed=1 -o words-lto "$PROGRAMS"/words/*.c
    ./words-lto "$PREPARED/large.c"
    gcc -O2 -fwrapv -c "$PREPARED/large.c"
    gcc -o large large.o
    ./large
    status gcc -Wall -Wextra -fanalyzer -c -o bad.o -x c - 2>messages <<'END'
#include <stdlib.h>
int f(int n) { int *p = malloc(n); if (n) free(p); free(p); return undeclared; }
char *g(void) { char *p = malloc(9); free(p); p[1] = 2; return 3; }
END
    wc -l messages
    rm -f bad.o
}
