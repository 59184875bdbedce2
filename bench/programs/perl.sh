#!/bin/sh
# SPDX-License-Identifier: MIT
# Perl: words split, counted in hashes, joined; records as hashes of arrays; regular expressions.
. "${0%/*}/common.sh"
need perl

cat >"$folder/words.pl" <<'END'
use strict;
use warnings;
my ($count, $rounds) = @ARGV;
my $seed = 1;
sub below { my ($n) = @_; $seed = ($seed * 16807) % 2147483647; return $seed % $n; }
my @syllables = qw(ka lo mi ren tu sa fel go dir ven ost pa);
my $total = 0;
for my $round (1 .. $rounds) {
    my (%seen, %by_length, @records);
    for my $i (1 .. $count) {
        my $word = join '', map { $syllables[below(12)] } 0 .. below(4);
        $seen{$word}++;
        push @{$by_length{length $word}}, $word;
        push @records, {number => $i, word => $word, path => [split /[aeiou]/, $word]};
    }
    for my $record (@records) {
        my $text = join '-', reverse @{$record->{path}};
        $text =~ s/([klm])/<$1>/g;
        $total += length $text;
        delete $record->{path} if $record->{number} % 2;
    }
    my @sorted = sort { $seen{$b} <=> $seen{$a} || $a cmp $b } keys %seen;
    $total += length join ' ', @sorted;
    $total += scalar @{$by_length{$_}} for keys %by_length;
}
print "$total\n";
END
words perl "$folder/words.pl" "$(length 20000 60000)" "$(length 1 3)"
