# SPDX-License-Identifier: MIT
# The linkers, objdump, nm, readelf, strip, ar on a large binary and on many small objects.

needs="ld objdump nm readelf strip ar as gcc"
packages="binutils gcc libc6-dev"
proves="ld objdump nm readelf strip ar as"
files="all.o libmany.a stripped"

prepare() {
    local i
    mkdir "$PREPARED/objects"
    for i in $(seq 1 60); do
        printf 'int f%d(int n) { static const char text[] = "text %d"; return n + text[n %% 4]; }\n' "$i" "$i" |
            gcc -g -c -o "$PREPARED/objects/$i.o" -x c -
    done
    # the compiler proper is a large binary that is there wherever gcc is
    cp "$(gcc -print-prog-name=cc1)" "$PREPARED/large"
}

run() {
    local large=$PREPARED/large
    ar rcsD libmany.a "$PREPARED"/objects/*.o
    ld -r -o all.o --whole-archive libmany.a
    gcc -shared -o many.so all.o
    nm -S --size-sort all.o | sha256sum
    objdump -d --no-show-raw-insn -S all.o | sed 1,3d | sha256sum
    objdump -t -r -s all.o | sed 1,3d | sha256sum
    readelf -aW all.o | sha256sum
    readelf -w all.o | sha256sum
    size "$PREPARED"/objects/1.o | tail -n 1 | cut -f 1-3
    nm -D "$large" | c++filt | sha256sum
    readelf -SsW "$large" | sha256sum
    objdump -d --start-address=0x800000 --stop-address=0x850000 "$large" | sed 1,3d | sha256sum
    strings -n 20 "$large" | wc -l
    strip -o stripped many.so
    objcopy --only-keep-debug many.so debug
    objcopy -O binary -j .text all.o text
    awk 'BEGIN { for (i = 0; i < 20000; i++) printf "label%d:\n  mov $%d, %%eax\n  jmp label%d\n", i, i, i * 7919 % 20000 }' >many.s
    as -o many.o many.s
    nm many.o | sha256sum
}
