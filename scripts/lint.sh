#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs every check in scripts/lint/, reports all that they find as `file:line: what`, and fails if
# there was anything. `scripts/lint.sh floors sizes` runs only those.

cd "$(dirname "$0")/.." || exit 2

# shellcheck disable=SC2046 # their names hold no spaces
[ $# -eq 0 ] && set -- $(basename -s .sh scripts/lint/*.sh)

broken=
for check in "$@"; do
    "scripts/lint/$check.sh" || broken="$broken $check"
done

if [ -n "$broken" ]; then
    echo "lint: failed:$broken" >&2
    exit 1
fi
echo "lint: $* ok"
