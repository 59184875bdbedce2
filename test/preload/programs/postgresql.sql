-- SPDX-License-Identifier: MIT
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
create table lines (id int generated always as identity, n int, word text, other text, f numeric);
\copy lines (n, word, other, f) from program 'cat "$PREPARED/lines"' with (delimiter ' ')
create index on lines (word, n);
create index on lines using gin (to_tsvector('simple', word || ' ' || other));
create index on lines using brin (id);
analyze lines;

-- sorts in memory and on disk, hash joins in several batches, groups, windows
set work_mem = '64kB';
select md5(string_agg(word, ',' order by word, id desc)) from lines;
select count(*), sum(a.n::bigint - b.n) from lines a join lines b using (word) where a.id % 4 = 0 and b.id % 5 = 0;
set work_mem = '32MB';
select count(*), sum(a.n::bigint - b.n) from lines a join lines b using (word) where a.id % 4 = 0 and b.id % 5 = 0;
select word, count(*), sum(f), percentile_disc(0.5) within group (order by n) from lines group by word order by 2 desc, 1 limit 10;
select md5(string_agg(t::text, '')) from (
    select id, rank() over w, lag(word, 3) over w, sum(f) over (w rows between 5 preceding and current row)
    from lines window w as (partition by left(other, 2) order by n, id) order by id) t;
select left(word, 1), left(other, 1), count(*) from lines where n < 20000
    group by cube (1, 2) order by 1, 2 limit 40;
with recursive walk(id, n, depth) as (
    select id, n, 1 from lines where id = 1
    union all select l.id, l.n, depth + 1 from walk w join lines l on l.id = w.n % 40000 + 1 where depth < 500)
    select count(*), sum(n), max(depth) from walk;
select count(*) from lines where to_tsvector('simple', word || ' ' || other) @@ to_tsquery('simple', 'ee | tt');
select count(*) from lines where word ~ '^(e|t)+[ao]?(i|n)*$';

-- several processes
set parallel_setup_cost = 0;
set parallel_tuple_cost = 0;
set min_parallel_table_scan_size = 0;
set max_parallel_workers_per_gather = 2;
set force_parallel_mode = on;
select count(*), sum(n), min(word), max(other collate "C") from lines;
select count(*) from lines a join lines b on a.n = b.n and a.id < b.id;
select md5(string_agg(word || c, ',' order by c desc, word)) from (select word, count(*) c from lines group by word) t;
create index on lines (n);
reset force_parallel_mode;

-- code made by LLVM
set jit = on;
set jit_above_cost = 0;
set jit_inline_above_cost = 0;
set jit_optimize_above_cost = 0;
select sum(n * 2 + length(word)), count(*) filter (where f > 0.5 and other like '%e%') from lines;
select n % 7, avg(f)::numeric(9, 6) from lines group by 1 order by 1;
set jit = off;

-- values that are large, nested, odd
create table large as select i, repeat(md5(i::text), 20000) as text from generate_series(1, 20) i;
select sum(length(text)), md5(string_agg(text, '' order by i desc)) from large;
update large set text = text || text where i % 2 = 0;
select sum(length(text)), sum(length(reverse(text) || upper(text))) from large;
select length(jsonb_agg(jsonb_build_object('id', id, 'word', word, 'list', array[n, id]))::text) from lines where id <= 20000;
select jsonb_path_query_array('{"a": [{"b": 1}, {"b": 5}, {"b": [7, null]}]}', '$.a[*].b ? (@ > 2)');
select count(*), sum(length(m[1])) from lines, regexp_matches(word, '([aeiou]+)', 'g') m where id < 10000;
select xpath('/a/b/text()', '<a><b>one</b><b>two</b></a>');
select 2::numeric ^ 5000 % 1000000007, factorial(300) % 1000000009::numeric;
select md5(array_agg(x order by x desc)::text) from generate_series(1, 100000) x;
select sum(v) from unnest((select array_agg(id) from lines)) v;

-- procedures, exceptions in subtransactions, triggers, cursors
create function primes(most int) returns setof int language plpgsql as $$
declare sieve bool[] := array_fill(true, array[most]); i int; j int;
begin
    for i in 2 .. most loop
        continue when not sieve[i];
        return next i;
        j := i * 2;
        while j <= most loop sieve[j] := false; j := j + i; end loop;
    end loop;
end $$;
select count(*), sum(p) from primes(20000) p;
create table log (id int primary key, what text);
create function log_it() returns trigger language plpgsql as $$
begin
    insert into log values (new.i, left(new.text, 10) || tg_op) on conflict (id) do update set what = log.what || '+';
    return new;
end $$;
create trigger log after insert or update on large for each row execute function log_it();
do $$
declare failed int := 0; r record; text text := '';
begin
    for i in 1 .. 3000 loop
        begin
            insert into log values (100 + i % 700, 'again');
        exception when unique_violation then failed := failed + 1;
        end;
    end loop;
    for r in select word, other from lines order by id limit 20000 loop text := text || r.word; end loop;
    raise notice 'failed %, length %, %', failed, length(text), md5(text);
end $$;
update large set i = i + 1000;
select count(*), md5(string_agg(what, '' order by id)) from log;
begin;
declare part scroll cursor for select id, word from lines order by word, id;
fetch 3 from part;
move 20000 in part;
fetch backward 2 from part;
savepoint here;
delete from lines where id % 3 = 0;
rollback to here;
delete from lines where id % 5 = 0;
commit;
prepare find (text) as select count(*), sum(n) from lines where word = $1;
execute find ('ee');
execute find ('tt');
execute find ('eat');
vacuum analyze lines;
cluster lines using lines_word_n_idx;
select count(*), sum(id) from lines;
\set ON_ERROR_STOP off
select no_column from lines;
select 1 / (id - id) from lines;
select length(repeat('x', 50000000) || 'y');
select repeat('xy', 1000000000);
