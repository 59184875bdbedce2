# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the tests of the command from outside share; sourced by them, in a folder of their own, $tmp,
# where outputs are files. Prints `ok name`, `not ok name` (with what was seen) or `skip name` for each
# test; finish prints the sums.

passed=0 failed=0 skipped=0
code=0 # of the last command seen

# see COMMAND...: runs it, keeps its exit code in $code, its outputs in files out and err.
see() {
    "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    code=$?
}

ok() {
    passed=$((passed + 1))
    echo "ok $name"
}

not_ok() {
    failed=$((failed + 1))
    echo "not ok $name: $*"
    echo "  exit code $code"
    sed 's/^/  out: /' "$tmp/out" | tail -c 3000
    sed 's/^/  err: /' "$tmp/err" | tail -c 3000
}

# judge MESSAGE: ok if the command before it succeeded.
judge() {
    # shellcheck disable=SC2181 # here it is the argument
    if [ $? = 0 ]; then ok; else not_ok "$@"; fi
}

skip() {
    skipped=$((skipped + 1))
    echo "skip $name: $*"
}

# missed CONDITION: says what of the last command seen is not as the condition wants it; nothing if
# all is well.
missed() {
    local what=$1
    case $what in
    out:*) grep -qE -- "${what#out:}" "$tmp/out" || echo "no /${what#out:}/ in out" ;;
    err:*) grep -qE -- "${what#err:}" "$tmp/err" || echo "no /${what#err:}/ in err" ;;
    no-out:*) ! grep -qE -- "${what#no-out:}" "$tmp/out" || echo "/${what#no-out:}/ in out" ;;
    no-err:*) ! grep -qE -- "${what#no-err:}" "$tmp/err" || echo "/${what#no-err:}/ in err" ;;
    no-out) [ ! -s "$tmp/out" ] || echo "nothing expected on stdout" ;;
    no-err) [ ! -s "$tmp/err" ] || echo "nothing expected on stderr" ;;
    one-line) [ "$(wc -l <"$tmp/err")" = 1 ] || echo "one line expected on stderr" ;;
    *) echo "no such condition: $what" ;;
    esac
}

# expect NAME CODE [out:REGEX | err:REGEX | no-out:REGEX | no-err:REGEX | no-out | no-err | one-line]... -- COMMAND...
expect() {
    local wanted=$2 what why
    local -a conditions=()
    name=$1
    shift 2
    while [ "$1" != -- ]; do
        conditions+=("$1")
        shift
    done
    shift
    see "$@"
    if [ "$code" != "$wanted" ]; then
        not_ok "exit code $wanted expected"
        return 1
    fi
    for what in ${conditions[@]+"${conditions[@]}"}; do
        why=$(missed "$what")
        if [ -n "$why" ]; then
            not_ok "$why"
            return 1
        fi
    done
    ok
}

# check NAME COMMAND...: the command must succeed.
check() {
    name=$1
    shift
    "$@"
    judge "$* failed"
}

# The sums; the script's last command.
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
