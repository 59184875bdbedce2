# SPDX-License-Identifier: MIT
# gdb --batch: symbols, breakpoints, backtraces, expressions and python in a program that runs
# under the allocator as well.

needs="gdb gcc"
packages="gdb gcc libc6-dev"
proves="gdb words"

prepare() {
    gcc -std=gnu17 -g -O0 -o "$PREPARED/words" "$PROGRAMS"/words/*.c
    lines 3000 >"$PREPARED/lines"
}

run() {
    cat >commands <<'END'
set pagination off
set width 0
set print address off
set debuginfod enabled off
info line table_count
break double_table if table->size >= 1024
run LINES >/dev/null
bt
print *table
print table->entry[0] 
print sizeof(struct entry) * 3 + table->used
ptype struct table
up
info locals
watch -location table->size
continue
delete
python print(sum(int(gdb.parse_and_eval("table->entry[%d].count" % i)) for i in range(100)))
info scope table_sorted
break table_fini
continue
finish
continue
info breakpoints
list double_table
disassemble count_line
info functions ^table_
END
    sed -i "s#LINES#$PREPARED/lines#" commands
    gdb --batch -nx -q -x commands "$PREPARED/words" </dev/null >log 2>&1 || echo "gdb: $?"
    sed 's/0x[0-9a-f]*/ADDRESS/g; /libthread_db/d; /process [0-9]/s/[0-9][0-9]*/N/g' log
}
