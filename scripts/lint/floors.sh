#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Includes obey src/FLOORS: a file of src/ includes its own room or a room on a lower floor; in a room
# that has an order, only what stands before it. tools/ includes tools/ and include/ only, and the
# one header by which a recorded program and the recorder understand each other; and the hints at other
# allocators' options, which library and command share.

cd "$(dirname "$0")/../.." || exit 2

scripts/list-files.sh 'src/*.c' 'src/*.h' 'tools/*.c' 'tools/*.h' | xargs awk '
function report(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; bad = 1 }
function room_of(path) { return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : "" }
function name_of(path) { sub(/^.*\//, "", path); sub(/\.[a-z]+$/, "", path); return path }
function exists(path,   line, found) { found = (getline line < path) >= 0; close(path); return found }

FILENAME == "src/FLOORS" {
    sub(/#.*/, "")
    if ($1 == "floor") {
        for (i = 3; i <= NF; i++) floor[$i] = $2 + 0
    } else if (NF) {
        room = substr($1, 1, length($1) - 1)
        for (i = 2; i <= NF; i++) place[room, $i] = i
        ordered[room] = 1
    }
    next
}

FNR == 1 {
    in_tools = FILENAME ~ /^tools\//
    own = FILENAME
    sub(/^src\//, "", own)
    room = room_of(own)
    name = name_of(own)
    if (!in_tools && !(room in floor)) report("this folder stands on no floor of src/FLOORS")
    else if ((room in ordered) && !((room, name) in place))
        report(name " has no place in the line `" room ":` of src/FLOORS")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    target = $0
    sub(/^[^"]*"/, "", target)
    sub(/".*/, "", target)

    if (exists("include/" target)) next
    if (in_tools) {
        if (target == "record/ring.h" || target == "base/foreign_options.h") next
        sub(/^tools\//, "", target)
        if (!exists("tools/" target)) report("tools/ may include only include/ and tools/, not " target)
        next
    }
    to = room_of(target)
    if (!(to in floor)) {
        report("write the include with its room, as \"base/bits.h\": " target)
    } else if (to != room) {
        if (floor[to] >= floor[room])
            report(room " (floor " floor[room] ") may not include " target " (floor " floor[to] ")")
    } else if (room in ordered) {
        if (place[room, name_of(target)] > place[room, name])
            report(target " stands after " name " in src/FLOORS")
    }
}

END { exit bad }
' src/FLOORS
