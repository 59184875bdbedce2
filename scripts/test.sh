#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds and runs all tests: the release build's, then those that test/CMakeLists.txt defines for
# each sanitizer, then those for 64-bit Arm that an emulator can run. The last line is the sum,
# `N passed, N failed, N skipped`. A build that fails counts as one failure; no test at all is a
# failure too.

set -u
cd "$(dirname "$0")/.." || exit 2

passed=0 failed=0 skipped=0
selection=() # ctest's options that say which tests; none: all

fail() {
    echo "test: $*" >&2
    failed=$((failed + 1))
}

# Prints how many lines of the JUnit file $1 match $2.
count() {
    grep -cE -- "$2" "$1" 2>/dev/null || true
}

# run_preset PRESET FOLDER [COMMAND...]: builds the preset in its folder, runs its tests, the whole
# under COMMAND, and adds up.
run_preset() {
    local preset=$1 folder=$2 status total good skips bad
    shift 2
    echo "== $preset =="
    mkdir -p "$folder"
    if ! cmake --preset "$preset" -DCAIRN_TESTS=ON >"$folder/configure.log" 2>&1; then
        cat "$folder/configure.log"
        fail "$preset: cmake failed"
        return
    fi
    if ! cmake --build "$folder" --parallel "$(nproc)"; then
        fail "$preset: the build failed"
        return
    fi

    local report=$PWD/$folder/ctest.xml
    rm -f "$report"
    "$@" ctest --test-dir "$folder" --output-on-failure --no-tests=ignore --timeout 600 \
        --parallel "$(nproc)" --output-junit "$report" "${selection[@]}"
    status=$?

    # What neither ran well nor skipped itself has failed: a program that was not found, too.
    total=$(count "$report" '<testcase ')
    good=$(count "$report" '<testcase .* status="run"')
    skips=$(count "$report" '<testcase .* status="disabled"|<skipped message="SKIP_')
    bad=$((total - good - skips))
    passed=$((passed + good))
    failed=$((failed + bad))
    skipped=$((skipped + skips))
    [ $status -ne 0 ] && [ $bad -eq 0 ] && fail "$preset: ctest failed"
}

run_preset release build
run_preset asan build/asan

# The thread sanitizer wants its shadow at a fixed address: run it without address randomisation
# where the system lets us.
fixed=(setarch "$(uname -m)" -R)
"${fixed[@]}" true 2>/dev/null || fixed=(env)
run_preset tsan build/tsan "${fixed[@]}"

# Under the emulator, less of everything, and without what it cannot do: forks while threads run, and
# programs started by programs (what tests the tests).
if test/aarch64/sysroot.sh; then
    selection=(-L '^(unit|api|property|stress|aarch64)$'
        -E '^(cli\.|stress\.fork_storm|property\.(cairn|finds|shrinks))')
    run_preset aarch64 build/aarch64 env CAIRN_TEST_SCALE=0.1
else
    skipped=$((skipped + 1))
fi

[ $((passed + failed)) -eq 0 ] && fail "no test ran"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
