# SPDX-License-Identifier: MIT
# The text and file tools: sort with threads and temporary files, find, xargs, sed, awk, tar, dd.

needs="sort find xargs sed awk tar gzip cp sha256sum dd diff"
packages="coreutils findutils sed mawk tar gzip diffutils"
proves="sort find xargs sed awk tar gzip cp sha256sum dd diff"
files="sorted numbers joined tree.tar.gz"

prepare() {
    lines 150000 >"$PREPARED/lines"
    lines 20000 2 >"$PREPARED/more"
}

run() {
    local input=$PREPARED/lines
    sort --parallel=2 -S 8M "$input" >sorted
    sort --parallel=2 -k2,2 -k1,1nr "$input" | sha256sum
    sort --parallel=2 -n -u -k1,1 "$input" >numbers
    cut -d' ' -f3 "$input" | sort | uniq -c | sort -k1,1nr -k2 | sed -n '1,10p;$p'
    join -1 2 -2 2 <(sort -k2,2 "$PREPARED/more") <(sort -k2,2 "$PREPARED/more" | tr '0-4' '5-9') >joined
    wc sorted numbers joined

    mkdir tree
    split -a 3 -n l/300 "$input" tree/part.
    find tree -name 'part.??[a-m]' -size +1k -newermt 2001-01-01 | sort | xargs -n 7 -P 2 sha256sum | sort | sha256sum
    find tree -type f -printf '%f %s\n' | sort | sed -n 1,5p
    sed -E 's/([a-z]+) ([a-z]+)/\2-\1/g; s/^([0-9])([0-9]*)/\2\1/; /aa/d; $!N; P; D' "$input" | sha256sum
    awk '{ n[$2] += $1; long = length($3) > length(long) ? $3 : long; all = all substr($2, 1, 1) }
        END { for (w in n) if (n[w] > 80000000) print w, n[w]; print length(all), length(long) }' "$input" | sort
    cp -r tree copy
    diff -r tree copy && echo "copy is the same"
    sed -i 's/aet/TEA/' copy/part.aa[a-h]
    status diff -r tree copy | sha256sum
    tar --sort=name --owner=0 --group=0 --mtime=@0 --mode=644 -cf - tree | gzip -n -6 >tree.tar.gz
    tar -tzf tree.tar.gz | wc -l
    mkdir out && tar -xzf tree.tar.gz -C out && cat out/tree/* | cmp - "$input" && echo "tar is the same"
    dd if="$input" bs=4093 status=none | dd bs=65536 iflag=fullblock conv=ucase status=none | sha256sum
    tac "$input" | rev | base64 -w 120 | tr 'a-m' 'n-z' | fold -w 77 | nl | expand | sha256sum
    seq 100000000000 100000000400 | factor | awk '{ print NF }' | sort -n | uniq -c
    shuf --random-source="$input" "$input" | paste -d: - "$input" | comm -3 - sorted 2>/dev/null | md5sum || true
    ls -lRS --time-style=+ tree | awk '!/^total/ { print $5, $NF }' | sha256sum
    od -A d -t x1z "$input" | cksum
}
