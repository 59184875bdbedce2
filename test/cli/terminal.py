#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command on a terminal of its own: terminal.py TEXT COMMAND...

Once TEXT (empty: nothing) has appeared there, the terminal gets a ^C. What the command writes goes
to stdout, and its exit code becomes ours (128 and the signal, if one ended it).
"""
import os
import pty
import sys

awaited = sys.argv[1].encode()
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])

seen = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:  # EIO: nobody holds the other end any more
        break
    if not piece:
        break
    seen += piece
    if awaited and awaited in seen:
        os.write(terminal, b"\x03")
        awaited = b""

sys.stdout.buffer.write(seen)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
