# SPDX-License-Identifier: MIT
# Allocation before main: by the constructors of a library that is preloaded too, before and after
# the allocator; by one that is linked; in .preinit_array; by an LD_AUDIT library.

needs="gcc sort python3"
packages="gcc libc6-dev coreutils python3-minimal"
proves="early_main sort"

prepare() {
    compile early_main
    compile libearly
    compile libaudit
    gcc -o "$PREPARED/linked" -x c - -x none -Wl,--no-as-needed "$PREPARED/libearly.so" -Wl,-rpath,"$PREPARED" \
        <<<'#include <stdlib.h>
int main(void) { free(malloc(10)); }'
    lines 20000 >"$PREPARED/lines"
}

run() {
    for side in before after; do
        echo "== $side the allocator"
        also_preload "$side" "$PREPARED/libearly.so" "$PREPARED/early_main"
        also_preload "$side" "$PREPARED/libearly.so" env true
        also_preload "$side" "$PREPARED/libearly.so" sort "$PREPARED/lines" | sha256sum
        also_preload "$side" "$PREPARED/libearly.so" python3 -c 'print(sum(len(str(i)) for i in range(100000)))'
        also_preload "$side" "$PREPARED/libearly.so" sh -c 'echo $(echo from a shell | cat)'
    done
    echo "== linked"
    "$PREPARED/linked"
    echo "== audited"
    LD_AUDIT=$PREPARED/libaudit.so "$PREPARED/early_main"
    LD_AUDIT=$PREPARED/libaudit.so sort "$PREPARED/lines" | sha256sum
}
