# SPDX-License-Identifier: MIT
# Work for the case ruby.
require 'digest'
require 'json'
require 'zlib'
require 'set'

random = Random.new(1)
words = Array.new(60_000) { random.rand(10**9).to_s(36) }
count = words.each_with_object(Hash.new(0)) { |word, hash| hash[word[0, 2]] += 1 }
groups = words.group_by(&:size).transform_values(&:count).sort
puts "hashes #{count.size} #{count.max_by { |key, n| [n, key] }} #{groups} #{words.to_set.size}"

text = words.join(' ')
text.gsub!(/([a-z]+)(\d)/) { $2 + $1.upcase }
grown = +''
50_000.times { |i| grown << i.to_s << ',' }
grown.insert(1000, 'x' * 5000).slice!(2000, 100_000)
puts "strings #{text.size} #{text.scan(/\b\d+[A-Z]+\b/).size} #{grown.size} #{Digest::SHA256.hexdigest(text)[0, 16]}"

data = (0...20_000).map { |i| { 'id' => i, 'name' => words[i], 'list' => [i] * (i % 8), 'half' => i / 2.0 } }
copy = JSON.parse(JSON.generate(data))
packed = Zlib.deflate(Marshal.dump(data))
puts "data #{copy == data} #{packed.size} #{Marshal.load(Zlib.inflate(packed)) == data}"

Node = Struct.new(:number, :other, :load)
30_000.times { |i| node = Node.new(i, nil, 'l' * (i % 2000)); node.other = Node.new(i, node, [i]) }
GC.start
GC.compact if GC.respond_to?(:compact)
puts "objects #{(2**3000).to_s.size} #{(1..2000).inject(:*) % 1_000_003} #{(1..400).sum { |n| Rational(1, n) }.denominator % 1_000_003}"

queue, results = Queue.new, Queue.new
threads = Array.new(6) { Thread.new { while (n = queue.pop) do results << words[n, 50].sort.join.size end } }
1000.times { |n| queue << n }
6.times { queue << nil }
threads.each(&:join)
puts "threads #{results.size} #{Array.new(results.size) { results.pop }.sum}"

codes = Array.new(10) { |n| Process.wait2(fork { Array.new(5000) { |i| i.to_s * 3 }; exit! n })[1].exitstatus }
fibers = Array.new(500) { |n| Fiber.new { 5.times { |i| Fiber.yield(i * n) }; -1 } }
puts "forks #{codes.sum} fibers #{fibers.sum { |fiber| fiber.resume + fiber.resume }} #{`echo shell`.chomp}"
lazy = (1..Float::INFINITY).lazy.map { |n| n * 3 }.select(&:even?).first(1000).last
depth = lambda { |n| n.zero? ? 0 : 1 + depth.(n - 1) }
puts "lazy #{lazy} deep #{depth.(2000)} #{begin; Integer('x'); rescue ArgumentError => e; e.message; end}"
