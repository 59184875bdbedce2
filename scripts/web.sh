#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds the page's bundle (tools/page/bundle/) from web/, with the packages that web/package-lock.json
# names. Needs npm, and a network the first time. scripts/web.sh --check changes nothing, and fails if
# the bundle is not what web/ gives.

cd "$(dirname "$0")/../web" || exit 2

if ! command -v npm >/dev/null; then
    echo "web: npm is not installed" >&2
    exit 2
fi
if ! [ node_modules/.package-lock.json -nt package-lock.json ]; then
    npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2 || exit 2
fi
exec node build.js "$@"
