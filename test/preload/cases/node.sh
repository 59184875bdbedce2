# SPDX-License-Identifier: MIT
# node: JSON, Buffers, worker threads, zlib, hashes, timers, child processes, exit codes.

needs="node"
packages="nodejs"
proves="node"

run() {
    node "$PROGRAMS/work.js"
    status node -e 'process.exitCode = 4; setTimeout(() => console.log("a timer first"), 10)'
    status node -e 'throw new Error("thrown")' 2>&1 | grep -v 'Node.js v\|^    at'
    status node -e 'process.on("exit", (code) => console.log("exit", code)); Promise.reject(1).catch(() => process.exit(6))'
}
