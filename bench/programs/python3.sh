#!/bin/sh
# SPDX-License-Identifier: MIT
# Python: dictionaries, lists, strings, small objects and JSON, all of it on malloc.
. "${0%/*}/common.sh"

python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3 # rather than a script that looks for one
need "$python"

cat >"$folder/objects.py" <<'END'
import json
import sys


class Item:
    def __init__(self, number, tags):
        self.number, self.tags, self.links = number, tags, []


def make(count, seed):
    items = []
    for i in range(count):
        seed = seed * 16807 % 2147483647
        items.append(Item(i, [f"tag{seed % k}" for k in range(3, 3 + seed % 5)]))
        items[-1].links.append(items[seed % len(items)])
    return items


def work(count, seed):
    items = make(count, seed)
    index = {}
    for item in items:
        for tag in item.tags:
            index.setdefault(tag, []).append(item.number)
    text = json.dumps({tag: numbers for tag, numbers in index.items()})
    again = json.loads(text)
    words = " ".join(tag for item in items for tag in item.tags).split()
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    pairs = sorted(((n, w) for w, n in counts.items()), reverse=True)
    for item in items[::2]:
        item.links.clear()
        item.tags = tuple(item.tags)
    return len(text) + len(again) + pairs[0][0]


count, rounds = int(sys.argv[1]), int(sys.argv[2])
print(sum(work(count, seed + 1) for seed in range(rounds)))
END
words env PYTHONMALLOC=malloc PYTHONHASHSEED=0 "$python" -S "$folder/objects.py" \
    "$(length 12000 30000)" "$(length 2 9)"
