#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/options.md is what scripts/options-doc.sh makes of the table of options.
exec "$(dirname "$0")/../options-doc.sh" --check
