-- SPDX-License-Identifier: MIT
-- Work for the case sqlite3.
pragma cache_size = -4000;
create table customer (id integer primary key, name text unique, town text);
create table orders (id integer primary key, customer integer references customer, day text, amount integer, note text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
insert into customer select i, printf('customer %05d', i * 7919 % 5003), char(65 + i % 26) || '-town' from n;
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
insert into orders select i, 1 + i * 31 % 5000, date('2020-01-01', (i * 13 % 1000) || ' days'), i * 7919 % 10007,
    substr('the quick brown fox jumps over the lazy dog', 1 + i % 30, i % 12) from n;
commit;
create index by_customer on orders (customer, day);
create index by_amount on orders (amount) where amount > 5000;
select count(*), sum(amount), min(day), max(day) from orders;
select town, count(*), round(avg(amount), 3) from customer join orders on customer.id = orders.customer
    group by town having count(*) > 3800 order by 3 desc limit 5;
select * from (select customer, day, sum(amount) over (partition by customer order by day, id) as total,
    row_number() over (order by amount desc, id) as place, lag(note, 2) over (order by id) as before from orders)
    where place <= 5;
select group_concat(name, ';') from (select name from customer where name like '%7%3%' order by name limit 10);
update orders set note = note || ' ' || upper(note) || hex(zeroblob(2)) where id % 3 = 0;
delete from orders where id % 7 = 0;
select a.id, b.id from orders a join orders b on a.customer = b.customer and a.amount = b.amount and a.id < b.id limit 5;
select json_group_array(json_object('id', id, 'day', day)) from (select * from orders order by id limit 3);
create virtual table words using fts5(note);
insert into words select note from orders where id % 5 = 0;
select count(*) from words where words match 'fox OR laz*';
explain query plan select * from orders where customer = 7 order by day;
pragma integrity_check;
vacuum into 'copy.db';
