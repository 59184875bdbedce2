# SPDX-License-Identifier: MIT
"""Work for the case python_data: each part prints one line that depends on all it did."""

import bz2
import collections
import ctypes
import decimal
import fractions
import gc
import hashlib
import io
import itertools
import json
import lzma
import pickle
import random
import re
import sqlite3
import struct
import weakref
import xml.etree.ElementTree as tree
import zlib


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def containers():
    numbers = random.Random(1)
    table = {f"key{numbers.randrange(10**9)}": [i, str(i) * (i % 7)] for i in range(60000)}
    for key in list(table)[::3]:
        del table[key]
    table.update((i, (i, i * i)) for i in range(30000))
    grouped = collections.defaultdict(set)
    for key in table:
        grouped[len(str(key))].add(key)
    big = [0] * 3_000_000
    big[::7] = range(len(big[::7]))
    big += big[:1000]
    del big[100:2_000_000]
    queue = collections.deque(maxlen=1000)
    for i in range(50000):
        queue.append((i, bytes(i % 50)))
        if i % 3 == 0:
            queue.rotate(5)
    ordered = sorted(table.items(), key=lambda item: str(item[0])[::-1])
    text = "".join(str(i) for i in range(200000))
    print("containers", len(table), {n: len(s) for n, s in sorted(grouped.items())}, len(big), queue[0][0],
          digest(ordered[:1000]), len(text), text.count("99"), len(text.split("7")))


def text():
    words = random.Random(2)
    lines = ["".join(words.choices("abcdefgh ", k=words.randrange(5, 200))) for _ in range(4000)]
    whole = "\n".join(lines)
    found = re.findall(r"\b([a-c]+)([d-h]{2,4})\b", whole)
    swapped = re.sub(r"(\w)(\w)", lambda m: m[2].upper() + m[1], whole)
    document = {"lines": lines, "found": found[:500], "nested": None}
    for depth in range(300):
        document = {"depth": depth, "in": document, "list": [depth, depth / 7, None, True, "\u00e9\U0001f600"]}
    encoded = json.dumps(document, sort_keys=True, indent=1)
    assert json.loads(encoded)["depth"] == 299
    root = tree.Element("root")
    for line in lines[:1000]:
        tree.SubElement(root, "line", length=str(len(line))).text = line
    parsed = tree.fromstring(tree.tostring(root))
    print("text", len(found), digest(swapped), len(encoded), sum(int(e.get("length")) for e in parsed))


def compressed():
    data = b"".join(struct.pack("<Id", i * 7919 % 10007, i / 3) for i in range(60000))
    sizes = []
    for module in (zlib, bz2, lzma):
        packed = module.compress(data)
        assert module.decompress(packed) == data
        sizes.append(len(packed))
    stream = zlib.compressobj(9)
    pieces = [stream.compress(data[i:i + 777]) for i in range(0, len(data), 777)] + [stream.flush()]
    pickled = pickle.dumps([(i, str(i), {i: [i]}) for i in range(20000)])
    buffer = io.BytesIO()
    for i in range(20000):
        buffer.write(b"%d\n" % i)
    print("compressed", sizes, len(b"".join(pieces)), len(pickle.loads(pickled)), len(buffer.getvalue()))


def database():
    connection = sqlite3.connect("data.db")
    connection.execute("create table person (id integer primary key, name text, age integer)")
    names = random.Random(3)
    connection.executemany("insert into person (name, age) values (?, ?)",
                           (("".join(names.choices("klmnop", k=9)), names.randrange(100)) for _ in range(30000)))
    connection.execute("create index by_age on person (age, name)")
    connection.create_function("reverse", 1, lambda value: value[::-1])
    connection.create_aggregate("longest", 1, type("Longest", (), {
        "__init__": lambda self: setattr(self, "best", ""),
        "step": lambda self, value: setattr(self, "best", max(self.best, value)),
        "finalize": lambda self: self.best}))
    connection.commit()
    rows = connection.execute("select age, count(*), longest(reverse(name)) from person group by age").fetchall()
    print("database", len(rows), digest(rows), connection.execute("pragma integrity_check").fetchone())
    connection.close()


def numbers():
    decimal.getcontext().prec = 500
    root = decimal.Decimal(2).sqrt()
    harmonic = sum(fractions.Fraction(1, n) for n in range(1, 1500))
    factorial = 1
    for n in range(1, 3000):
        factorial *= n
    print("numbers", str(root)[-20:], harmonic.numerator % 10**9, factorial.bit_length(), pow(3, 10**5, 10**50 + 7),
          digest(decimal.Decimal(1).exp()))


class Node:
    def __init__(self, number, other):
        self.number, self.other, self.load = number, other, bytearray(number % 300)


def cycles():
    freed = []
    for n in range(30000):
        node = Node(n, None)
        node.other = Node(n, [node])
        if n % 1000 == 0:
            weakref.finalize(node, freed.append, n)
    del node
    gc.collect()
    chain = None
    for n in range(100000):
        chain = (n, chain)
    del chain
    generators = [itertools.accumulate(range(n)) for n in range(5000)]
    print("cycles", len(freed), sum(next(itertools.islice(g, n - 1, n)) for n, g in enumerate(generators) if n))


def foreign():
    libc = ctypes.CDLL(None, use_errno=True)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    array = (ctypes.c_int * 2000)(*(i * 7919 % 2003 for i in range(2000)))
    libc.qsort(array, len(array), ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    libc.malloc.restype = libc.realloc.restype = ctypes.c_void_p
    libc.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    for size in range(1, 3000):
        block = libc.malloc(size)
        ctypes.memset(block, size % 256, size)
        block = libc.realloc(block, size * 2)
        assert ctypes.string_at(block, size) == bytes([size % 256]) * size
        libc.free(block)
    buffers = [ctypes.create_string_buffer(b"text", n) for n in range(5, 2000)]
    print("foreign", list(array[:3]), array[1999], sum(len(b) for b in buffers))


for part in (containers, text, compressed, database, numbers, cycles, foreign):
    part()
