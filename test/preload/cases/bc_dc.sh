# SPDX-License-Identifier: MIT
# bc and dc: pi to 1000 digits, factorials, functions, arrays, strings.

needs="bc dc"
packages="bc dc"
proves="bc dc"

run() {
    echo 'scale = 700; 4 * a(1); e(1); sqrt(2)' | bc -l
    bc <<'END'
define f(n) { if (n < 2) return (1); return (n * f(n - 1)); }
define p(n) { auto i, c, s[]; for (i = 2; i < n; i++) { if (s[i] == 0) { c += 1; for (j = i * i; j < n; j += i) s[j] = 1 } } return (c); }
f(700)
2 ^ 5000 % 10 ^ 50
p(8000)
obase = 16
3 ^ 1000
END
    dc -e '[d 1 - d 1 <f *] sf 400 lfx p  2o 3 200 ^ p  [la 1 + d sa 2000 >x] sx 0 sa lxx la p  99 k 2 v p'
}
