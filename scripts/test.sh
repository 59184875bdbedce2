#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds and runs all tests: the release build's, then those that test/CMakeLists.txt defines for
# each sanitizer. The last line is the sum, `N passed, N failed, N skipped`. A build that fails counts
# as one failure; no test at all is a failure too.

set -u
cd "$(dirname "$0")/.." || exit 2

passed=0 failed=0 skipped=0

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
        --parallel "$(nproc)" --output-junit "$report"
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
run_preset ubsan build/ubsan

# The thread sanitizer wants its shadow at a fixed address: run it without address randomisation
# where the system lets us.
fixed=(setarch "$(uname -m)" -R)
"${fixed[@]}" true 2>/dev/null || fixed=(env)
run_preset tsan build/tsan "${fixed[@]}"

[ $((passed + failed)) -eq 0 ] && fail "no test ran"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
