# SPDX-License-Identifier: MIT
# memcached with three threads: sets, appends, counters and deletes from four connections, and values
# that are moved between its slabs.

needs="python3"
packages="python3"
unpacks="memcached"
proves="memcached python3"

run() {
    server memcached -s "$PWD/socket" -t 3 -m 256 -I 4m -o slab_reassign,slab_automove=1
    until_true test -S socket
    python3 "$PROGRAMS/memcached.py" socket
    python3 "$PROGRAMS/memcached.py" socket
    stop_server -INT
}
