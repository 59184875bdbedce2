# SPDX-License-Identifier: MIT
# redis-server with threads: every type of value, scripts, large values, a benchmark, snapshots made
# by a forked child, the log rewritten, all of it loaded again.

needs="awk"
packages="mawk"
unpacks="redis-server redis-tools"
proves="redis-server redis-cli redis-benchmark"

start() {
    server redis-server --port 0 --unixsocket "$PWD/socket" --dir "$PWD" --io-threads 2 \
        --io-threads-do-reads yes --hz 50 --save "" --daemonize no "$@"
    until_true cli PING
    until_true idle loading
}

cli() { redis-cli -s "$PWD/socket" "$@"; }

idle() { cli INFO persistence | grep -q "^$1:0"; }

# The state, whatever the order in which the server keeps it.
state() {
    cli DBSIZE
    cli --raw EVAL "local t = redis.call('KEYS', '*') table.sort(t)
        for i, key in ipairs(t) do t[i] = key .. ' ' .. redis.call('TYPE', key).ok end
        return table.concat(t, '\n')" 0 | awk '!/^key[0-9]/ { print; next } { keys++ } END { print keys }'
    cli --raw EVAL "local h = redis.call('HGETALL', 'large') table.sort(h) return redis.sha1hex(table.concat(h))" 0
    cli --raw LRANGE numbers 0 -1 | sha256sum
    cli --raw GET huge | sha256sum
    cli --raw ZRANGE words 0 -1 WITHSCORES | sha256sum
    cli XINFO STREAM stream
}

run() {
    start --appendonly no
    cli <"$PROGRAMS/redis.commands"
    sleep 0.2
    cli EXISTS short
    head -c 30000000 /dev/zero | tr '\0' x | cli -x SET huge
    cli APPEND huge "$(lines 100)" && cli STRLEN huge
    lines 30000 | awk '{ print "ZADD words", $1, $2; print "RPUSH numbers", $4; print "SET key" NR % 5000, $3, "EX 100000" }' |
        cli --pipe | tail -n 1
    redis-benchmark -s socket -q -n 15000 -c 20 -P 5 -d 300 \
        -t set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset |
        tr '\r' '\n' | sed -n 's/: .* requests per second.*//p'
    cli LLEN mylist
    cli GET counter:__rand_int__
    cli DEL mylist

    # written by a child while the parent goes on
    cli BGSAVE
    lines 20000 7 | awk '{ print "SET during" NR % 1000, $2 $3 }' | cli --pipe | tail -n 1
    until_true idle rdb_bgsave_in_progress
    cli INFO persistence | grep -a '^rdb_last_bgsave_status'
    redis-check-rdb dump.rdb | sed -n 's/^\[info\] //p'
    cli EVAL "for i = 0, 999 do redis.call('UNLINK', 'during' .. i) end" 0
    cli SAVE
    state >before
    stop_server

    start --appendonly no
    state | diff before - && cat before
    cli CONFIG SET appendonly yes
    until_true idle aof_rewrite_in_progress
    cli HSET large more 1
    cli BGREWRITEAOF
    until_true idle aof_rewrite_in_progress
    cli HDEL large more
    stop_server
    rm dump.rdb

    start --appendonly yes
    state | diff before - && echo "the same from the log"
    cli FLUSHALL ASYNC
    cli DBSIZE
    cli SHUTDOWN NOSAVE
    stop_server
    grep -ac 'Server initialized' server.log
}
