<?php
// SPDX-License-Identifier: MIT
// Work for the case php.
mt_srand(1);
$words = [];
for ($i = 0; $i < 60000; $i++) $words[] = base_convert((string)mt_rand(), 10, 36);
$count = array_count_values(array_map(fn($word) => substr($word, 0, 2), $words));
arsort($count);
echo 'arrays ', count($count), ' ', max($count), ' ', count(array_unique($words)), "\n";

$text = implode(' ', $words);
$text = preg_replace_callback('/([a-z]+)(\d)/', fn($m) => $m[2] . strtoupper($m[1]), $text);
$grown = '';
for ($i = 0; $i < 100000; $i++) $grown .= $i . ',';
$grown = substr_replace($grown, 'short', 1000, 50000);
echo 'strings ', strlen($text), ' ', preg_match_all('/\b\d+[A-Z]+\b/', $text), ' ', strlen($grown), ' ', hash('sha256', $text), "\n";

$data = [];
for ($i = 0; $i < 15000; $i++) $data[] = ['id' => $i, 'name' => $words[$i], 'list' => array_fill(0, $i % 8, $i)];
echo 'data ', strlen(json_encode($data)), ' ', json_decode(json_encode($data), true) == $data ? 'same' : 'other', ' ',
    md5(serialize($data)), ' ', unserialize(serialize($data)) == $data ? 'same' : 'other', "\n";

class Node {
    public ?Node $other = null;
    public static int $gone = 0;
    public function __construct(public int $number, public string $load) {}
    public function __destruct() { self::$gone++; }
}
for ($i = 0; $i < 20000; $i++) {
    $node = new Node($i, str_repeat('l', $i % 500));
    $node->other = new Node($i, '');
    $node->other->other = $node;
}
unset($node);
gc_collect_cycles();
echo 'objects ', Node::$gone, "\n";

function walk(int $n) { for ($i = 0; $i < $n; $i++) { $got = yield $i => str_repeat('g', $i % 100); if ($got) return $got; } return $n; }
$sum = 0;
foreach (range(1, 300) as $n) foreach (walk($n) as $i => $value) $sum += $i + strlen($value);
usort($data, fn($a, $b) => strcmp($a['name'], $b['name']));
$heap = new SplPriorityQueue();
foreach ($words as $i => $word) $heap->insert($word, $i * 7919 % 60013);
echo 'generators ', $sum, ' ', $data[0]['name'], ' ', $heap->extract(), ' ', trim(shell_exec('echo shell')), "\n";
try { intdiv(1, 0); } catch (DivisionByZeroError $error) { echo get_class($error), "\n"; }
