# SPDX-License-Identifier: MIT
# lua: tables, strings, closures, coroutines, collected garbage.

needs="lua5.4"
packages="lua5.4"
proves="lua5.4"

run() {
    lua5.4 "$PROGRAMS/work.lua"
    status lua5.4 -e 'local t = {} for i = 1, 1e5 do t[i] = {i} end os.exit(3)'
    status lua5.4 -e 'error("a message")' 2>&1 | sed -n 1,2p
}
