#!/bin/sh
# SPDX-License-Identifier: MIT
# Z3: queens on a board, as linear inequalities and propositions, and a schedule with many solutions.
. "${0%/*}/common.sh"
need z3 awk

awk -v queens="$(length 16 26)" -v jobs="$(length 60 85)" '
BEGIN {
    print "(set-option :smt.random_seed 1)"
    for (i = 1; i <= queens; i++)
        printf "(declare-const q%d Int)(assert (and (>= q%d 1) (<= q%d %d)))\n", i, i, i, queens
    for (i = 1; i <= queens; i++)
        for (j = i + 1; j <= queens; j++)
            printf "(assert (and (not (= q%d q%d)) (not (= (- q%d q%d) %d)) (not (= (- q%d q%d) %d))))\n", i, j, i, j, j - i, j, i, j - i
    print "(check-sat)(reset)"
    for (i = 1; i <= jobs; i++)
        printf "(declare-const s%d Int)(assert (and (>= s%d 0) (<= s%d %d)))\n", i, i, i, jobs * 3
    for (i = 1; i <= jobs; i++)
        for (j = i + 1; j <= jobs; j++)
            if ((i * 7 + j * 3) % 5 < 2)
                printf "(assert (or (>= s%d (+ s%d %d)) (>= s%d (+ s%d %d))))\n", i, j, 1 + j % 4, j, i, 1 + i % 4
    print "(check-sat)"
}' >"$folder/problems.smt2"
words z3 -smt2 "$folder/problems.smt2"
