# SPDX-License-Identifier: MIT
# curl without a network: its version, files by URL, many at once, errors.

needs="curl"
packages="curl"
proves="curl"

prepare() {
    for i in 1 2 3 4 5 6 7 8 9; do lines "${i}000" "$i" >"$PREPARED/$i"; done
}

run() {
    curl --version | tail -n +2
    curl -sS "file://$PREPARED/[1-9]" -o 'got#1'
    sha256sum got*
    curl -sS -Z --parallel-max 5 "file://$PREPARED/{1,2,3,4,5}" -o 'again#1' 2>progress
    sha256sum again*
    curl -sS -r 100-199 "file://$PREPARED/3" | cksum
    status curl -sS "file://$PREPARED/none" 2>&1 | sed "s#$PREPARED#DIR#"
    status curl -sS unknown://somewhere
    status curl -s http://127.0.0.1:1/
    curl --help all | wc -l
}
