#!/bin/sh
# SPDX-License-Identifier: MIT
# The suite's own threaded web server (bench/workloads/httpd.c) under wrk.

if [ "${1:-}" = serve ]; then
    shift
    . "${0%/*}/common.sh"
    seconds=$3 said=$folder/said.$$
    load() {
        until_there "$said" || return 1
        wrk --latency -t 1 -c 16 -d "$seconds" "http://127.0.0.1:$(cat "$said")/page" | wrk_figures
    }
    beside load
    become "${0%/*}/../httpd" tell="$said"
fi
. "${0%/*}/common.sh"
need wrk awk "${0%/*}/../httpd"
chmod 777 "$folder"
words /bin/sh "$0" serve "$folder" "$mode" "$(length 1 3)"
