# SPDX-License-Identifier: MIT
# dash: many small processes, pipes, here documents, and a loop that only appends.

needs="dash"
packages="dash"
proves="dash"

run() {
    dash -c '
        i=0 text=
        while [ $i -lt 20000 ]; do
            text="$text$((i % 10))"
            i=$((i + 1))
        done
        echo ${#text} "${text#0123}" | cut -c 1-20
        for word in $(seq 1 20000); do set -- "$@" "$word"; [ $# -lt 500 ] || shift 400; done
        echo "$# $1 $*" | cksum
        i=0
        while [ $i -lt 300 ]; do echo "$(echo $i | cat)"; i=$((i + 1)); done | cksum
        f() { [ $1 -eq 0 ] || { eval "v$1=\$1"; f $(($1 - 1)); }; }
        f 900
        echo "$v900 $v1"
        cat <<END | tr a-z A-Z
$(seq 1 3) here
END
        trap "echo bye" EXIT
        (exit 4) || echo "subshell $?"
    '
}
