# SPDX-License-Identifier: MIT
# python3 on malloc alone: dicts, lists, json, re, zlib, sqlite3, decimal, cycles, ctypes.

needs="python3"
packages="python3"
proves="python3"
files="data.db"

run() {
    python3 "$PROGRAMS/data.py"
}
