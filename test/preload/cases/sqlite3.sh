# SPDX-License-Identifier: MIT
# sqlite3: 100000 rows, indexes, joins, window functions, full-text search, VACUUM INTO.

needs="sqlite3"
packages="sqlite3"
proves="sqlite3"
files="main.db copy.db dump.sql"

run() {
    sqlite3 -bail main.db <"$PROGRAMS/work.sql"
    sqlite3 main.db .dump >dump.sql
    sqlite3 again.db <dump.sql
    sqlite3 again.db 'pragma integrity_check; select count(*), sum(amount) from orders'
    status sqlite3 main.db 'select no_column from orders'
}
