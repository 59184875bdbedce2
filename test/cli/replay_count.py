#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An independent count of what is live, for the tests of `cairn replay`.

replay_count.py LOG TRACE        makes a trace in the text form of a log of the traced allocator
replay_count.py LOG TRACE JSON   compares what replays counted at each checkpoint with the log

The log is text, `NUMBER TIME THREAD what ...`; its lines are in any order. A realloc began at one
number and ended at another; in between its old address may belong to somebody else.
"""
import json
import sys


def read(path):
    moments = []
    with open(path) as log:
        for line in log:
            word = line.split()
            if len(word) < 4 or not word[0].isdigit() or word[3] == "thread":
                continue
            number = int(word[0])
            moments.append((number, 1, word))
            if word[3] == "realloc" and word[8] != "0x0":
                moments.append((int(word[9]), 0, word))
    moments.sort(key=lambda moment: moment[:2])
    return moments


def replay(moments):
    """For each operation: (text, blocks before it, bytes before it); then what is live at the end."""
    live, under_way = {}, {}  # address: (key, size)
    sizes, key, total = {}, 0, 0
    threads, lines = {}, []
    for number, ended, word in moments:
        what = word[3]
        if what == "realloc" and not ended:
            under_way[number] = live.pop(word[4])
            continue
        thread = threads.setdefault(word[2], len(threads))
        if what in ("alloc", "alloc_zeroed"):
            size, align, ptr = int(word[4]), int(word[5]), word[6]
            text = "%s %s %d%s" % ("alloc" if what == "alloc" else "zeroed", ptr, size,
                                   " align=%d" % align if align > 16 else "")
            change, new, ended_key = size, key, None
            live[ptr] = key
            key += 1
        elif what == "dealloc":
            text = "free " + word[4]
            ended_key = live.pop(word[4])
            change, new = -sizes[ended_key], None
        elif what == "realloc" and word[8] != "0x0":
            text = "realloc %s %s %s" % (word[4], word[8], word[7])
            new, ended_key = under_way.pop(int(word[9])), None
            size = int(word[7])
            change = size - sizes[new]
            live[word[8]] = new
        else:
            continue
        lines.append(("%d %s %d %s" % (number, word[1], thread, text), len(sizes), total))
        total += change
        if new is not None:
            sizes[new] = size
        if ended_key is not None:
            del sizes[ended_key]
    return threads, lines, (len(sizes), total)


def write(path, threads, lines):
    with open(path, "w") as trace:
        trace.write("cairn trace 1\n@info command=\"test\" end=marked\n@process 0 parent=0 pid=77\n")
        for tid, index in threads.items():
            trace.write("@thread %d process=0 tid=%s\n" % (index, tid))
        for text, _, _ in lines:
            trace.write(text + "\n")
        trace.write("@end\n")


def compare(path, lines, end):
    with open(path) as file:
        document = json.load(file)
    trace = document["trace"]
    assert trace["operations"] == len(lines), (trace["operations"], len(lines))
    assert (trace["blocks_at_end"], trace["bytes_at_end"]) == end, (trace, end)
    assert trace["unknown_frees"] == 0 and trace["strange_addresses"] == 0, trace
    for allocator in document["allocators"]:
        assert allocator["failure"] is None, allocator
        assert len(allocator["checkpoints"]) >= 10, allocator
        for checkpoint in allocator["checkpoints"]:
            at = checkpoint["operation"]
            expected = lines[at][1:] if at < len(lines) else end
            seen = checkpoint["blocks"], checkpoint["requested_bytes"]
            assert seen == expected, (allocator["name"], at, seen, expected)
            granted = checkpoint["granted_bytes"]
            assert granted is None or granted >= seen[1], checkpoint
        last = allocator["checkpoints"][-1]
        assert last["operation"] == len(lines), last


def main():
    threads, lines, end = replay(read(sys.argv[1]))
    if len(sys.argv) == 3:
        write(sys.argv[2], threads, lines)
    else:
        compare(sys.argv[3], lines, end)


main()
