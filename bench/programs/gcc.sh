#!/bin/sh
# SPDX-License-Identifier: MIT
# gcc -O2 on one large C file: loops, structures, switches and calls between them.
. "${0%/*}/common.sh"
need gcc awk

awk -v count="$(length 24 130)" '
function below(n) { seed = (seed * 16807) % 2147483647; return seed % n }
BEGIN {
    seed = 42
    print "struct node { struct node *next; int key, value; double weight; char name[16]; };"
    print "extern int report(const char *format, ...);"
    for (i = 0; i < count; i++) {
        printf "static const int table_%d[] = {", i
        for (k = 0; k < 16; k++) printf "%d,", below(1000)
        print "};"
        printf "int sum_%d(const struct node *list, int key)\n{\n    int sum = %d;\n", i, below(100)
        printf "    for (; list; list = list->next) {\n        if (list->key %% %d == key)\n", below(50) + 2
        printf "            sum += list->value * %d + table_%d[list->key & 15];\n", below(90) + 1, i
        printf "        else if (list->weight > %d.5)\n            sum ^= list->name[key & 15];\n    }\n    return sum;\n}\n", below(30)
        printf "int choose_%d(int what, struct node *node)\n{\n    switch (what) {\n", i
        for (k = 0; k < 10; k++)
            printf "    case %d: node->value += %d; return sum_%d(node, what + %d);\n", k * (below(5) + 1) + k * 100, below(500), below(i + 1), below(9)
        printf "    default: return report(\"%d: %%d of %%s\\n\", what, node->name);\n    }\n}\n", i
        printf "double matrix_%d(double a[8][8], double b[8][8], double c[8][8])\n{\n    double trace = 0;\n", i
        printf "    for (int i = 0; i < 8; i++) {\n        for (int j = 0; j < 8; j++) {\n            double sum = 0;\n"
        printf "            for (int k = 0; k < 8; k++) sum += a[i][k] * b[k][j] * %d;\n            c[i][j] = sum;\n        }\n        trace += c[i][i];\n    }\n    return trace;\n}\n", below(7) + 1
    }
}' >"$folder/large.c"
words gcc -O2 -S -o /dev/null "$folder/large.c"
