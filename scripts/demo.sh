#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Shows what Cairn is for, in under a minute: one real program on real work, under every allocator
# on this machine. The work is a shop's database in SQLite, in memory: 200,000 orders are
# inserted, indexed, joined, grouped and turned into JSON. Without sqlite3 it is gcc, compiling a
# program of some thousand functions. Inputs are made once, in build/demo.

set -eu
cd "$(dirname "$0")/.."
mkdir -p build/demo

# The shop, as an SQL script. Numbers come from a fixed generator: the same on every machine.
write_shop() {
    awk '
    function below(n) { seed = (seed * 16807) % 2147483647; return seed % n }
    function pick(list,   word, n) { n = split(list, word, " "); return word[1 + below(n)] }
    BEGIN {
        seed = 42
        print "PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY;"
        print "CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT, city TEXT);"
        print "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INT, item TEXT, price REAL, day INT, note TEXT);"
        print "BEGIN;"
        for (i = 1; i <= 10000; i++)
            printf "INSERT INTO customer VALUES(%d,\047%s %s %d\047,\047%s\047);\n", i,
                pick("Ada Grace Alan Edsger Barbara Donald Frances John"),
                pick("Stone Hill River Field Wood Lake Moor Ford"), i,
                pick("Oslo Bergen Tromso Bodo Narvik Alta Molde Hamar Moss Skien")
        for (i = 1; i <= 200000; i++)
            printf "INSERT INTO orders VALUES(%d,%d,\047%s-%d\047,%d.%02d,%d,\047%s\047);\n", i,
                1 + below(10000), pick("rope tent stove boots map lamp axe sled"), below(500),
                below(900), below(100), below(365),
                substr("leave it with the neighbour, or behind the shed if it rains, thank you", 1, 5 + below(40))
        print "COMMIT;"
    }'
    cat <<'END'
CREATE INDEX orders_by_customer ON orders(customer, day);
CREATE INDEX orders_by_item ON orders(item);
SELECT count(*), round(sum(total)) FROM
  (SELECT city, item, sum(price) AS total FROM orders JOIN customer ON customer.id = orders.customer
   GROUP BY city, item);
SELECT max(length(history)) FROM
  (SELECT group_concat(item || ' ' || upper(note), '; ') AS history FROM orders GROUP BY customer);
SELECT sum(length(json_extract(line, '$.note'))) FROM
  (SELECT json_object('item', item, 'price', price, 'note', note) AS line FROM orders);
SELECT count(*) FROM (SELECT DISTINCT replace(note, 'the', item) FROM orders);
UPDATE orders SET note = note || ' (sent on day ' || day || ')' WHERE id % 3 = 0;
DELETE FROM orders WHERE day < 60;
END
}

# A C program of many functions, for gcc.
write_program() {
    awk 'BEGIN {
        print "struct node { struct node *next; int key, value; };"
        for (i = 0; i < 1500; i++) {
            printf "int sum_%d(const struct node *list, int key)\n{\n    int sum = %d;\n", i, i
            printf "    for (; list; list = list->next)\n        if (list->key %% %d == key) sum += list->value * %d;\n", i + 2, i + 1
            print "    return sum;\n}"
        }
    }'
}

if command -v sqlite3 >/dev/null; then
    input=build/demo/shop.sql
    write=write_shop
    set -- sqlite3 :memory: ".read $input"
    headline="sqlite3, a shop of 200,000 orders in memory, under every allocator on this machine"
else
    input=build/demo/program.c
    write=write_program
    set -- gcc -O1 -S -o /dev/null "$input"
    headline="gcc, compiling 1,500 functions, under every allocator on this machine"
fi

[ -s "$input" ] || { $write >"$input.part" && mv "$input.part" "$input"; }

echo "$headline"
echo
exec build/bin/cairn compare --rounds 3 -- "$@"
