/* SPDX-License-Identifier: MIT */
/* The rows of the suite: see suite.h. docs/bench.md has two sentences on each. */
#include "bench/suite.h"

const char *const suite_kinds[SUITE_KINDS] = {
    [SUITE_WORKLOAD] = "workload",
    [SUITE_PROGRAM] = "program",
    [SUITE_REPLAY] = "replay",
};

const struct suite_row suite_rows[] = {
    {"cells", SUITE_WORKLOAD, 0, "1", "small objects with short lives: numbers as lists"},
    {"tree", SUITE_WORKLOAD, 0, "1", "trees built and destroyed"},
    {"strings", SUITE_WORKLOAD, 0, "1", "strings split, joined, counted"},
    {"replace", SUITE_WORKLOAD, 0, "1", "random replacement in a large live set, sizes shift"},
    {"walk", SUITE_WORKLOAD, 0, "1", "lists built in a churned heap, then walked: locality"},
    {"grow", SUITE_WORKLOAD, 0, "1", "growth by realloc, small and large"},
    {"zeroed", SUITE_WORKLOAD, 0, "1", "calloc: records, tables, sparse tables"},
    {"large", SUITE_WORKLOAD, SUITE_CHOICE, "1", "blocks of 128 KiB to 1.1 MiB, churned"},
    {"huge", SUITE_WORKLOAD, 0, "1", "blocks of 5 to 25 MB, churned"},
    {"phases", SUITE_WORKLOAD, SUITE_CHOICE, "1", "a long run that rises and falls: what stays"},
    {"hello", SUITE_WORKLOAD, SUITE_CHOICE, "1", "a short program, started many times"},
    {"frames", SUITE_WORKLOAD, 0, "1", "frames of a game: bursts, the worst frame"},
    {"database", SUITE_WORKLOAD, 0, "1", "key-value database: update, delete, scan"},
    {"server", SUITE_WORKLOAD, 0, "4", "workers that inherit their predecessors' blocks"},
    {"tasks", SUITE_WORKLOAD, 0, "5", "a thread pool with tasks and results"},
    {"messages", SUITE_WORKLOAD, 0, "4", "allocated by one thread, freed by another"},
    {"churn", SUITE_WORKLOAD, 0, "5", "short threads that allocate a little"},
    {"sharing", SUITE_WORKLOAD, 0, "4", "false sharing of cache lines, active and passive"},
    {"scaling", SUITE_WORKLOAD, SUITE_CHOICE, "all", "the same work in one thread and in all"},
    {"latency", SUITE_WORKLOAD, SUITE_LATENCY, "2", "how long single calls take, to the worst"},
    {"gcc", SUITE_PROGRAM, 0, "1", "gcc -O2 on a large file"},
    {"sqlite3", SUITE_PROGRAM, 0, "1", "a shop's database in memory"},
    {"lua", SUITE_PROGRAM, 0, "1", "tables, strings and closures"},
    {"python3", SUITE_PROGRAM, 0, "1", "objects of all kinds (PYTHONMALLOC=malloc)"},
    {"perl", SUITE_PROGRAM, 0, "1", "hashes, strings and records"},
    {"gs", SUITE_PROGRAM, 0, "1", "Ghostscript draws pages"},
    {"z3", SUITE_PROGRAM, 0, "1", "a solver at work"},
    {"redis", SUITE_PROGRAM, 0, "2", "redis-server under redis-benchmark"},
    {"web", SUITE_PROGRAM, SUITE_TIMELESS | SUITE_WEB, "4", "a threaded web server under wrk"},
    {"nginx", SUITE_PROGRAM, SUITE_TIMELESS | SUITE_WEB, "2", "nginx under wrk"},
};
const size_t suite_count = sizeof suite_rows / sizeof *suite_rows;

const struct suite_choice suite_choices[] = {
    {"small objects", "scaling", "pair_ns", NULL},
    {"large objects", "large", "pair_ns", NULL},
    {"scaling", "scaling", "speedup", NULL},
    {"fragmentation", "phases", "valley_bytes", "valley_live_bytes"},
    {"footprint", "hello", NULL, NULL},
};
const size_t suite_choice_count = sizeof suite_choices / sizeof *suite_choices;
