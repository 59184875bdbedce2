# SPDX-License-Identifier: MIT
"""Fills a memcached on the unix socket argv[1] from four connections at once and reads it back."""

import hashlib
import socket
import sys
import threading


class Client:
    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(sys.argv[1])
        self.file = self.socket.makefile("rb")

    def ask(self, line, body=None):
        self.socket.sendall(line + b"\r\n" + (body + b"\r\n" if body is not None else b""))
        answer = self.file.readline().split()
        if answer[0] != b"VALUE":
            return b" ".join(answer)
        value = self.file.read(int(answer[3]) + 2)[:-2]
        assert self.file.readline() == b"END\r\n"
        return value


def value_of(part, i):
    return b"%d:%d;" % (part, i) * (i * i % 1500)


def work(part):
    client, seen = Client(), hashlib.sha256()
    for i in range(1500):
        seen.update(client.ask(b"set %d-%d 5 0 %d" % (part, i, len(value_of(part, i))), value_of(part, i)))
    for i in range(1500):
        seen.update(client.ask(b"get %d-%d" % (part, i)))
        if i % 3 == 0:
            seen.update(client.ask(b"append %d-%d 0 0 4" % (part, i), b"more"))
        if i % 5 == 0:
            seen.update(client.ask(b"delete %d-%d" % (part, i)))
    seen.update(client.ask(b"set count%d 0 0 1" % part, b"7"))
    for i in range(300):
        seen.update(client.ask(b"incr count%d 13" % part))
        seen.update(client.ask(b"get %d-%d" % (part, i)))
    results[part] = seen.hexdigest()


results = {}
threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*(results[part] for part in sorted(results)), sep="\n")
client = Client()
for line in (b"get none", b"incr none 1", b"get count2", b"touch count2 100", b"nonsense", b"flush_all", b"get count2"):
    print(line.decode(), "->", client.ask(line).decode())
