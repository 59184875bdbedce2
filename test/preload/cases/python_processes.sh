# SPDX-License-Identifier: MIT
# python3 with threads and a queue, a pool of forked processes, subprocesses, asyncio.

needs="python3"
packages="python3"
proves="python3"

run() {
    python3 "$PROGRAMS/processes.py"
    status python3 -c 'import os; os._exit(9)'
    status python3 -c 'import sys; x = [[] for _ in range(100000)]; sys.exit(len(x) // 10000)'
    status python3 -c 'raise SystemExit("a message")'
}
