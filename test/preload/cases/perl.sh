# SPDX-License-Identifier: MIT
# perl: hashes, sort, regular expressions, closures, objects, strings that grow, fork.

needs="perl"
packages="perl-base"
proves="perl"

run() {
    perl -w "$PROGRAMS/work.pl"
    status perl -e 'my @a = map { "x" x $_ } 1 .. 2000; exit 5'
    status perl -e 'die "a message\n"'
    perl -ne '$n{$_}++ for /(\w+)/g; END { print "$_ $n{$_}\n" for (sort { $n{$b} <=> $n{$a} || $a cmp $b } keys %n)[0 .. 9] }' \
        "$PROGRAMS"/*.c
}
