#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh FUZZER SEEDS FOLDER RUNS: libFuzzer's FUZZER on the seeds, and then on what it makes of them. A
# short test of so many runs, always the same; or, with CAIRN_TEST_SCALE above 1, 36 seconds times that, on
# what was found to be of use the last time, which is kept in FOLDER with the input that failed.
#
# Exit code 77: there is no such program, for want of a clang with libFuzzer; or it has said why it cannot run.

fuzzer=$1 seeds=$2 folder=$3 runs=$4

if [ ! -x "$fuzzer" ]; then
    echo "skipped: $(basename "$fuzzer") needs a clang with libFuzzer (Debian: clang, libclang-rt-14-dev)"
    exit 77
fi

# No limit on memory: it would be watched by a thread, and there are forks. Short inputs first would be
# right for parsers that are not as quick as ours; lists of operations need some length to get anywhere.
set -- -print_final_stats=1 -rss_limit_mb=0 -max_len=1024 -len_control=0
case ${CAIRN_TEST_SCALE:-1} in
1 | 0* | '')
    rm -rf "$folder"
    set -- "$@" -seed=1 -runs="$runs"
    ;;
*) set -- "$@" -max_total_time=$((36 * CAIRN_TEST_SCALE)) ;;
esac
mkdir -p "$folder/corpus"
exec "$fuzzer" "$@" -artifact_prefix="$folder/" "$folder/corpus" "$seeds"
