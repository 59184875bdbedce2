# SPDX-License-Identifier: MIT
# ruby: strings, hashes, blocks, threads, forks, garbage collected and compacted.

needs="ruby"
packages="ruby"
proves="ruby"

run() {
    ruby --disable=gems "$PROGRAMS/work.rb"
    status ruby --disable=gems -e 'at_exit { puts "at exit" }; exit 7'
    status ruby --disable=gems -e 'Thread.new { raise "in a thread" }.join' 2>&1 | sed 's/0x[0-9a-f]*/ADDRESS/'
}
