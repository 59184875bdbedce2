#!/bin/sh
# SPDX-License-Identifier: MIT
# A shop's database in memory: rows inserted, indexed, joined, grouped, turned into text and deleted.
. "${0%/*}/common.sh"
need sqlite3 awk

awk -v count="$(length 15000 80000)" '
function below(n) { seed = (seed * 16807) % 2147483647; return seed % n }
function pick(list,   word, n) { n = split(list, word, " "); return word[1 + below(n)] }
BEGIN {
    seed = 7
    print "PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY;"
    print "CREATE TABLE part(id INTEGER PRIMARY KEY, name TEXT, shelf TEXT);"
    print "CREATE TABLE sale(id INTEGER PRIMARY KEY, part INT, day INT, price REAL, remark TEXT);"
    print "BEGIN;"
    for (i = 1; i <= 3000; i++)
        printf "INSERT INTO part VALUES(%d,\047%s %s %d\047,\047%s%d\047);\n", i,
            pick("steel brass oak glass rubber"), pick("hinge screw knob lamp hook bolt"), i,
            pick("A B C D E F"), below(40)
    for (i = 1; i <= count; i++)
        printf "INSERT INTO sale VALUES(%d,%d,%d,%d.%02d,\047%s\047);\n", i, 1 + below(3000),
            below(365), below(300), below(100),
            substr("paid at the counter and carried home by the customer, who came back twice", 1, 3 + below(60))
    print "COMMIT;"
    print "CREATE INDEX sale_part ON sale(part, day); CREATE INDEX sale_day ON sale(day, price);"
    print "SELECT count(*), round(sum(total)) FROM (SELECT shelf, day, sum(price) AS total FROM sale JOIN part ON part.id = sale.part GROUP BY shelf, day);"
    print "SELECT max(length(list)) FROM (SELECT group_concat(remark || \047 \047 || upper(remark), \047;\047) AS list FROM sale GROUP BY part);"
    print "SELECT count(*) FROM (SELECT DISTINCT replace(remark, \047the\047, day) FROM sale);"
    print "UPDATE sale SET remark = remark || \047, day \047 || day WHERE id % 3 = 0;"
    print "DELETE FROM sale WHERE day < 90;"
    print "SELECT count(*), sum(length(remark)) FROM sale;"
}' >"$folder/shop.sql"
words sqlite3 -batch -init /dev/null :memory: ".read $folder/shop.sql"
