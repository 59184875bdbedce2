#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes documents for the tests of the page.

  make_documents.py kinds FILE     one of every kind of section, always the same
  make_documents.py large FILE     50 000 calls in a flame graph, 20 lines of 1000 points
"""
import json
import math
import random
import sys


def head(schema, title, command):
    return {"schema": schema, "version": 1, "title": title, "command": command,
            "made": "2026-03-01T12:00:00Z",
            "machine": {"architecture": "x86_64", "kernel": "6.1.0", "processors": 4,
                        "page_size": 4096}, "sections": []}


def tree(random, nodes, depth, names):
    """Calls below each other; the deeper, the more they keep for themselves."""
    rows, places = [[-1, "main", 0, 0, 0]], [(0, 0)]
    while len(rows) < nodes:
        parent, level = places[-1 - int(random.random() ** 2 * min(len(places), 60))]
        if level >= depth:
            places.append((0, 0))
            continue
        own = int(random.expovariate(1 / 40000)) if random.random() < 0.6 else 0
        leaked = own // 10 if random.random() < 0.1 else 0
        rows.append([parent, random.choice(names), own, own // 3, leaked])
        places.append((len(rows) - 1, level + 1))
    return rows


def heap(random):
    runs, states, frames = [[0, 1 << 20]], ["free", "used", "header"], []
    for step in range(24):
        fresh = []
        for state, size in runs:
            if state == 0 and size > 64 and random.random() < 0.8:
                used = min(size - 32, random.choice([64, 256, 1024, 4096, 16384, 65536]))
                fresh += [[2, 16], [1, used], [0, size - used - 16]]
            elif state == 1 and random.random() < 0.2:
                fresh.append([0, size])
            else:
                fresh.append([state, size])
        merged = []
        for state, size in fresh:
            if merged and merged[-1][0] == state == 0:
                merged[-1][1] += size
            elif size > 0:
                merged.append([state, size])
        runs = merged
        frames.append({"label": f"after {step * 100} operations", "runs": [list(run) for run in runs]})
    return {"kind": "heapmap", "title": "heap map", "states": states, "frames": frames}


def kinds():
    rng = random.Random(7)
    page = head("cairn.example", "Every kind of section", ["cairn", "example", "--name", "two words"])
    add = page["sections"].append
    add({"kind": "text", "title": "What this is",
         "text": "A document with one section of `each kind`, for the tests of the page.\n\n"
                 "It holds what must not be read as HTML: <b>bold</b>, </script>, <!-- and & \u2028.\n\n"
                 "    cairn report kinds.json"})
    add({"kind": "figures", "title": "in short", "items": [
        {"name": "peak heap", "value": 11220812, "unit": "bytes", "note": "after 1.21 s"},
        {"name": "allocated", "value": 5368709120, "unit": "bytes"},
        {"name": "allocations", "value": 45200512, "unit": "count"},
        {"name": "events", "value": 12345678901, "unit": "count"},
        {"name": "temporary", "value": 88.1, "unit": "percent", "note": "freed before the next"},
        {"name": "never freed", "value": 2411724, "unit": "bytes", "note": "52 003 blocks"},
        {"name": "time", "value": 1.84, "unit": "seconds"},
        {"name": "not known", "value": None, "unit": "ratio"}]})
    xs = [round(i * 1.84 / 600, 6) for i in range(601)]
    live = [int(11e6 * (1 - math.exp(-x * 2)) * (0.82 + 0.18 * math.sin(x * 17)) * (1 if x < 1.5 else 0.62))
            for x in xs]
    add({"kind": "series", "title": "live bytes over time", "x": {"name": "time", "unit": "seconds"},
         "y": {"name": "live", "unit": "bytes"}, "lines": [{"name": "live bytes", "x": xs, "y": live}],
         "note": "The most of each interval."})
    names = ["cairn", "system", "jemalloc", "mimalloc", "tcmalloc", "tbbmalloc", "hoard", "another"]
    add({"kind": "series", "title": "resident memory", "x": {"name": "operations", "unit": "operations"},
         "y": {"name": "resident", "unit": "bytes"},
         "lines": [{"name": name, "x": [i * 1000 + k for i in range(60)],
                    "y": [int((2 + k * 0.7 + math.sin(i / 6 + k) * 0.8 + i * 0.05) * (1 << 20)) for i in range(60)]}
                   for k, name in enumerate(names)]})
    add({"kind": "histogram", "title": "sizes", "x": {"name": "size asked for", "unit": "bytes"},
         "logarithmic": True, "bins": [
             {"from": lo, "to": hi, "count": c, "bytes": c * (lo + hi) // 2} for lo, hi, c in
             [(i, i + 1, 900 - i * 10 if i % 8 == 0 else 40) for i in range(16)] +
             [(int(2 ** (4 + k / 8)), int(2 ** (4 + (k + 1) / 8)) or 1,
               int(9000 * math.exp(-((k - 20) / 18) ** 2) + 300 * (k % 8 == 0))) for k in range(1, 150)]
             if hi > lo]})
    add({"kind": "histogram", "title": "a few bins", "x": {"name": "age", "unit": "count"}, "logarithmic": False,
         "bins": [{"from": i * 10, "to": i * 10 + 10, "count": c, "bytes": 0}
                  for i, c in enumerate([3, 9, 14, 8, 2])]})
    add({"kind": "bars", "title": "time by workload", "y": {"name": "time against the best", "unit": "ratio"},
         "categories": ["server with hand-off", "thread churn", "growth by realloc", "gcc -O2"],
         "series": [{"name": name, "values": [1 + k * 0.13, 1.4 - k * 0.11, 1 + k * 0.02, None if k == 2 else 1.05],
                     "low": [0.97 + k * 0.13, 1.3 - k * 0.11, 0.99 + k * 0.02, None if k == 2 else 1.0],
                     "high": [1.05 + k * 0.13, 1.55 - k * 0.11, 1.02 + k * 0.02, None if k == 2 else 1.1]}
                    for k, name in enumerate(names[:4])],
         "note": "Medians of 9 rounds with their 95 % intervals."})
    add({"kind": "table", "title": "call sites", "columns": [
        {"name": "function", "unit": "", "better": None}, {"name": "allocated", "unit": "bytes", "better": None},
        {"name": "blocks", "unit": "count", "better": None}, {"name": "mean life", "unit": "seconds", "better": None},
        {"name": "source", "unit": "", "better": None}],
        "rows": [[f"{rng.choice(['parse', 'list', 'tree', 'buffer', 'cache'])}_{rng.choice(['add', 'grow', 'copy', 'load'])}_{i}",
                  int(rng.paretovariate(0.6) * 4000), int(rng.paretovariate(0.8) * 10), round(rng.random() ** 4, 6),
                  f"src/{rng.choice('abc')}.c:{rng.randint(1, 900)}"] for i in range(60)]})
    add({"kind": "table", "title": "allocators", "columns": [
        {"name": "allocator", "unit": "", "better": None}, {"name": "time", "unit": "seconds", "better": "less"},
        {"name": "peak", "unit": "bytes", "better": "less"}, {"name": "throughput", "unit": "operations", "better": "more"},
        {"name": "walk", "unit": "nanoseconds", "better": "less"},
        {"name": "faults", "unit": "count", "better": "less"}],
        "rows": [["cairn", 1.21, 10485760, 8264462, 1200, None], ["system", 1.44, 11534336, 6944444, 1350, None],
                 ["jemalloc", 1.27, 13631488, 7874015, 900, None],
                 ["mimalloc", 1.19, 14680064, 8403361, None, None]]})
    functions = ["parse_document", "parse_element", "read_attribute", "string_copy", "list_append", "hash_insert",
                 "hash_grow", "buffer_reserve", "render", "render_row", "layout_text", "malloc", "calloc", "realloc",
                 "std::vector<std::pair<std::string, unsigned long>>::_M_realloc_insert", "operator new(unsigned long)",
                 "alloc::raw_vec::RawVec<T,A>::grow_one", "g_strdup", "load_file", "<lambda>"]
    add({"kind": "flame", "title": "call stacks", "metrics": [
        {"name": "allocated", "unit": "bytes"}, {"name": "live at the peak", "unit": "bytes"},
        {"name": "never freed", "unit": "bytes"}], "nodes": tree(rng, 300, 14, functions)})
    change = tree(rng, 80, 8, functions)
    for node in change:
        node[4] = int(node[2] * rng.choice([1, 1, 0.5, 1.6, 0]))
    add({"kind": "flame", "title": "what has changed", "metrics": [
        {"name": "after", "unit": "bytes", "baseline": 1}, {"name": "before", "unit": "bytes"}],
        "nodes": [[node[0], node[1], node[2], node[4]] for node in change]})
    add(heap(rng))
    return page


def large():
    rng = random.Random(3)
    page = head("cairn.example", "A large document", ["cairn", "example", "large"])
    names = [f"namespace_{i % 37}::function_{i}(const char *, unsigned long)" for i in range(4000)]
    page["sections"] = [
        {"kind": "flame", "title": "50 000 calls", "metrics": [
            {"name": "allocated", "unit": "bytes"}, {"name": "live at the peak", "unit": "bytes"},
            {"name": "never freed", "unit": "bytes"}], "nodes": tree(rng, 50000, 60, names)},
        {"kind": "series", "title": "20 lines", "x": {"name": "time", "unit": "seconds"},
         "y": {"name": "live", "unit": "bytes"},
         "lines": [{"name": f"line {k}", "x": [i / 100 for i in range(1000)],
                    "y": [int((k + 2 + math.sin(i / 50 + k)) * 1e6) for i in range(1000)]} for k in range(20)]}]
    return page


def main():
    what, path = sys.argv[1:]
    document = {"kinds": kinds, "large": large}[what]()
    # With no more digits than the command writes.
    document = json.loads(json.dumps(document), parse_float=lambda text: float(f"{float(text):.9g}"))
    with open(path, "w", encoding="utf-8") as to:
        json.dump(document, to, separators=(",", ":"))
        to.write("\n")


main()
