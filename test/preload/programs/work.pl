# SPDX-License-Identifier: MIT
# Work for the case perl.
use strict;
use warnings;

my $state = 1;
sub draw { my $limit = shift; $state = ($state * 16807) % 2147483647; return $state % $limit }

my (%count, %nested, @words);
for my $i (1 .. 80000) {
    my $word = join '', map { chr(97 + draw(26)) } 1 .. 2 + draw(8);
    $count{$word}++;
    push @{$nested{substr $word, 0, 2}{length $word}}, $i;
    push @words, $word if $i % 4 == 0;
}
delete $count{$_} for grep { /^[aeiou]/ } keys %count;
my @sorted = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
printf "hashes: %d %s %d\n", scalar @sorted, join(',', @sorted[0 .. 4]), scalar keys %nested;

my $text = join ' ', @words;
my $changed = ($text =~ s/(\w)(\w*?)([aeiou]+)/$3$2\U$1/g);
my @found = $text =~ /\b([a-z]{1,5}[A-Z])\b/g;
(my $turned = $text) =~ tr/a-z/b-za/;
my ($tree) = "((a(b)c)((d)))x" =~ /^(\((?:[^()]++|(?1))*\))/;
printf "regex: %d %d %d %s %d\n", $changed, scalar @found, length $turned, $tree, unpack '%32C*', $text;

my $grown = '';
$grown .= $_ x 3 for 1 .. 50000;
substr($grown, 1000, 5000) = 'short';
$grown = reverse $grown;
printf "strings: %d %s %s\n", length $grown, substr($grown, 0, 20), sprintf('%vd', '1.22.333');

my @subs = map { my $n = $_; sub { $n += shift } } 1 .. 5000;
my $sum = 0;
$sum += $_->(2) for @subs, @subs;
my @matrix = map { my $r = $_; [map { $r * $_ } 0 .. 300] } 0 .. 300;
my @transposed = map { my $c = $_; [map { $matrix[$_][$c] } 0 .. 300] } 0 .. 300;
splice @$_, 100, 50, (7) x 10 for @transposed;
printf "closures: %d, matrix: %d %d\n", $sum, $transposed[200][99], scalar @{$transposed[0]};

package Node;
my $destroyed = 0;
sub new { my ($class, %rest) = @_; return bless {%rest}, $class }
sub DESTROY { $destroyed++ }
package main;
{
    my $list;
    $list = Node->new(next => $list, load => 'l' x ($_ % 100)) for 1 .. 20000;
    my $first = $list;
    while ($list) { my $next = delete $list->{next}; $list = $next }
}
print "objects destroyed: $destroyed\n";

my $codes = 0;
$| = 1;
for my $n (1 .. 20) {
    my $child = fork;
    if (!$child) { my @list = map { $_ . 'x' } 1 .. 5000; exit scalar(@list) % 100 + $n }
    waitpid $child, 0;
    $codes += $? >> 8;
}
print "forks: $codes ", scalar(my @lines = `seq 1 3000`), "\n";
print eval { die {code => 42} } // "died with $@->{code}", "\n";
print join(' ', map { sprintf '%s', $_ } sort { $a <=> $b } (3, 10, 2)), ' ', pack('A3 n C', 'xyz', 66, 67) eq "xyz\0BC" ? 'packed' : '?', "\n";
