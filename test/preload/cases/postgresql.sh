# SPDX-License-Identifier: MIT
# PostgreSQL: sorts, joins, parallel queries, code made by LLVM, plpgsql, pgbench with four clients, a
# server that is stopped without notice and recovers, dump and restore with two jobs.

needs="awk"
packages="mawk"
unpacks="postgresql-15 postgresql-client-15"
proves="postgres initdb psql pgbench pg_dump pg_restore createdb"

prepare() {
    lines 40000 >"$PREPARED/lines"
}

start() {
    PATH=$(echo "$UNPACKED"/usr/lib/postgresql/*/bin):$PATH
    export PGHOST=$PWD PGUSER=tester PGDATABASE=work
    server postgres -D data -c listen_addresses= -c unix_socket_directories="$PWD" -c fsync=off \
        -c shared_buffers=32MB -c dynamic_shared_memory_type=mmap -c max_parallel_workers=2
    until_true psql -d postgres -c 'select 1'
}

run() {
    PATH=$(echo "$UNPACKED"/usr/lib/postgresql/*/bin):$PATH
    initdb -D data -A trust -U tester -E UTF8 --no-locale --no-sync | sed -n 's/ \.\.\. .*//p'
    start
    createdb work
    psql -X -A -t -c "select pg_jit_available()"
    psql -X -q <"$PROGRAMS/postgresql.sql" 2>&1

    pgbench -q -i -s 2 2>&1 | grep -c tuples
    pgbench --random-seed=7 -c 4 -j 2 -t 250 -M prepared 2>/dev/null | grep 'actually processed'
    pgbench --random-seed=8 -c 4 -j 2 -t 250 -S -n 2>/dev/null | grep 'actually processed'
    psql -X -A -t -c 'select sum(abalance), md5(string_agg(aid || abalance::text, $$,$$ order by aid)) from pgbench_accounts' \
        -c 'select count(*), sum(delta) from pgbench_history'
    stop_server -QUIT

    start
    psql -X -A -t -c 'select sum(abalance) from pgbench_accounts' -c 'select sum(tbalance) from pgbench_tellers'
    pg_dump -Fd -j 2 -f dump
    createdb again
    pg_restore -j 2 -d again dump
    for database in work again; do
        pg_dump -T 'pgbench_*' "$database" | sed '/^.\(un\)*restrict /d' | sha256sum
    done
    stop_server -INT
    grep -ac 'redo done' server.log
}
