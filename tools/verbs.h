/* SPDX-License-Identifier: MIT */
/*
 * The verbs of the command, one per file. Each gets the arguments from its own name on and returns
 * the exit code of the command; main.c has the table.
 */
#ifndef CAIRN_TOOLS_VERBS_H
#define CAIRN_TOOLS_VERBS_H

int run_main(int argc, char **argv);
int compare_main(int argc, char **argv);
int record_main(int argc, char **argv);
int report_main(int argc, char **argv);
int diff_main(int argc, char **argv);
int trace_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int lab_main(int argc, char **argv);
int bench_main(int argc, char **argv);
int probe_main(int argc, char **argv); /* hidden: see probe.h */

#endif
