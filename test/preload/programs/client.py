# SPDX-License-Identifier: MIT
"""Asks an HTTP server on the unix socket argv[1] for many things from several threads, and prints
the answers in the order of the questions. With argv[2] = tls, over TLS."""

import gzip
import hashlib
import http.client
import queue
import socket
import ssl
import sys
import threading


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(sys.argv[1])
        if sys.argv[2:] == ["tls"]:
            self.sock = context.wrap_socket(self.sock)


context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

questions = []
for i in range(400):
    path = ["/files/%d" % (i % 40), "/proxied/files/%d" % (i % 7), "/words/%d" % i, "/none/%d" % i,
            "/included.shtml", "/large", "/old/%d" % i, "/files/", "/replaced/3"][i % 9]
    headers = {"Accept-Encoding": "gzip"} if i % 4 == 1 else {}
    if i % 11 == 5:
        headers["Range"] = "bytes=%d-%d,5-9" % (100 + i, 200 + 2 * i)
    if i % 13 == 2:
        headers["X-Long"] = "x" * (i * 10)
    questions.append(("HEAD" if i % 10 == 3 else "GET", path, None, headers))
for i in range(20):
    questions.append(("PUT", "/store/deep/%d" % i, b"%d" % i * 20000, {}))

answers = [None] * len(questions)
work = queue.Queue()


def worker():
    connection = Connection("localhost")
    while (number := work.get()) is not None:
        method, path, body, headers = questions[number]
        while True:
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
                break
            except (ConnectionError, http.client.BadStatusLine):
                connection.close()  # an idle connection, which an old worker has ended
        if answer.getheader("Content-Encoding") == "gzip" and text:
            text = b"unpacked " + gzip.decompress(text)
        if "multipart" in (kind := answer.getheader("Content-Type", "")):
            boundary = kind.split("boundary=")[1]
            text, kind = text.replace(boundary.encode(), b"BOUNDARY"), "multipart"
        answers[number] = "%s %s: %d %s %s %d %s" % (
            method, path, answer.status, kind, answer.getheader("Location"), len(text),
            hashlib.sha256(text).hexdigest()[:16])
    connection.close()


threads = [threading.Thread(target=worker) for _ in range(6)]
for number in range(len(questions)):
    work.put(number)
for thread in threads:
    work.put(None)
    thread.start()
for thread in threads:
    thread.join()
print("\n".join(answers))
