#!/bin/sh
# SPDX-License-Identifier: MIT
# redis-server, in memory only, on a socket of its own, under redis-benchmark.

if [ "${1:-}" = serve ]; then
    shift
    . "${0%/*}/common.sh"
    requests=$3 socket=$folder/redis.$$.socket
    benchmark() {
        until_there "$socket" || return 1
        redis-benchmark -s "$socket" -q --csv -n "$requests" -c 20 -P 8 -d 120 -r 50000 \
            -t set,get,incr,lpush,rpop,sadd,hset,zadd 2>/dev/null |
            awk -F '"' -v n="$requests" '$4 + 0 > 0 { time += n / $4; all += n }
                END { if (!time) exit 1; printf "requests_per_second=%.0f\n", all / time }'
    }
    beside benchmark
    become redis-server --port 0 --unixsocket "$socket" --unixsocketperm 777 --save '' \
        --appendonly no --daemonize no --activedefrag no --dir "$folder" --logfile "$folder/redis.$$.log"
fi
. "${0%/*}/common.sh"
need redis-server redis-benchmark awk
chmod 777 "$folder"
words /bin/sh "$0" serve "$folder" "$mode" "$(length 15000 60000)"
