# SPDX-License-Identifier: MIT
# vim and ed in batch: substitutions, sorting, macros, undo, scripts.

needs="vim ed"
packages="vim ed"
proves="vim ed"
files="text edited"

prepare() {
    lines 12000 >"$PREPARED/text"
}

run() {
    cp "$PREPARED/text" text
    cat >script.vim <<'END'
set nocompatible noswapfile viminfo= undolevels=1000
%s/\v(\w+) (\w+)/\2 \1/g
g/aa/d
sort n
1,500g/^/m0
normal! gg100Yp
let @q = "A appended\<Esc>j"
normal! 300@q
let words = {}
for line in getline(1, '$')
  for word in split(line)
    let words[word] = get(words, word, 0) + 1
  endfor
endfor
call append('$', map(sort(items(words), {a, b -> b[1] - a[1]})[0:20], {i, v -> string(v[1])}))
undo
redo
%s/^.\{36,}$/\=strlen(submatch(0))/
w
qa!
END
    vim -u NONE -i NONE -n -es -S script.vim text </dev/null || echo "vim: $?"
    wc -l text
    cp "$PREPARED/text" edited
    ed -s edited <<'END'
g/e/s/\([a-z]*\) \([a-z]*\)/\2-\1/
g/^[0-4]/m0
1,3000t$
v/a/d
1,$s/0\./,/g
$-1,$p
=
u
w
q
END
    wc -l edited
}
